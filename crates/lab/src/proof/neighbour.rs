//! Other sites live on while a dead task waits to be recovered: what is taken back is its own alone.

use aegir_domain::{OutcomeKind, Task};
use aegir_provision::Boundary;
use aegir_recipe::Record;

use super::child::{At, run_in_child};
use super::{Extent, Scene};
use crate::{Lab, Snapshot};

impl Scene {
    /// SIGKILL at every boundary; then `others` happen to objects of their own, and only then the dead
    /// task is recovered. The world is as if the others alone had happened, or both.
    pub fn leaves_neighbours_alone(&self, extent: Extent, others: impl Fn(&Lab) -> Vec<Task>) {
        self.lab.restore_all();
        let before = self.live_on(&others);
        let before = before.unwrap_or_else(|kind| panic!("{}: a neighbour ended as {kind:?}", self.name));
        self.lab.restore_all();
        self.lab.work_on(self.attempt, &self.lab.worker());
        let after = self.live_on(&others);
        let after = after.unwrap_or_else(|kind| panic!("{}: a neighbour ended as {kind:?} afterwards", self.name));
        for (side, record) in self.boundaries(extent.every()) {
            let what = format!("killed {side:?} record {record}, neighbours, then recovered");
            self.lab.restore_all();
            run_in_child(&self.lab, self.attempt, At::Boundary(side == Boundary::After, record));
            if let Err(kind) = self.live_on(&others) {
                panic!("{}, {what}: a neighbour ended as {kind:?}", self.name);
            }
            self.recover(&what);
            let committed = self.records().iter().any(|record| matches!(record, Record::Committed { .. }));
            let expected = if committed { &after } else { &before };
            self.is_world(expected, "that of the neighbours", what);
            self.count("neighbours lived on");
        }
        self.print();
    }

    fn live_on(&self, others: impl Fn(&Lab) -> Vec<Task>) -> Result<Snapshot, OutcomeKind> {
        for task in others(&self.lab) {
            match self.lab.run(task).outcome.kind() {
                OutcomeKind::Succeeded => (),
                kind => return Err(kind),
            }
        }
        Ok(self.lab.snapshot())
    }
}
