//! What befalls a task that lives: somebody cancels it, a service goes and comes back.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::OutcomeKind;
use aegir_provision::{Boundary, Worker};

use super::{Scene, why};
use crate::fake::{FakeServices, Trouble};

/// The services that a task needs.
const SERVICES: [Trouble; 3] = [Trouble::DatabaseDown, Trouble::WebDown, Trouble::PhpDown];

impl Scene {
    /// Cancelled when any record was written, a task is taken back, unless it was past that point.
    pub fn is_cancelled_at_every_record(&self, every: usize) {
        for record in (1..=self.whole.records.len() as u32).step_by(every) {
            self.lab.restore_all();
            let mark = self.lab.home().task(self.attempt).join("cancel");
            let worker =
                self.worker_at(record, move || fs::write(&mark, b"").expect("the lab's folder can be written"));
            let ending = self.lab.work_on(self.attempt, &worker);
            let what = format!("cancelled at record {record}");
            match ending.outcome.kind() {
                OutcomeKind::RolledBack => self.as_before(what),
                OutcomeKind::Succeeded => self.as_after(what),
                kind => panic!("{}, {what}: it ended as {kind:?}: {}\n{}", self.name, why(&ending), self.told()),
            }
            self.count("cancelled");
        }
    }

    /// A service goes when any record was written. If it is back within half a minute nobody has to help;
    /// if it is back later, `recover` brings the task to its end.
    pub fn loses_services(&self, every: usize) {
        for service in SERVICES {
            for record in (1..=self.whole.records.len() as u32).step_by(every) {
                self.loses(service, record, true);
                if record % 3 == 0 {
                    self.loses(service, record, false);
                }
            }
        }
    }

    fn loses(&self, service: Trouble, record: u32, comes_back: bool) {
        self.lab.restore_all();
        let (machine, clock) = (self.lab.machine.clone(), self.lab.clock.clone());
        let worker = self.worker_at(record, move || {
            machine.begin(service);
            let back = machine.clone();
            if comes_back {
                clock.in_time(Duration::from_secs(30), move || comes_up(&back, service));
            }
        });
        let ending = self.lab.work_on(self.attempt, &worker);
        let stood = self.lab.machine.has(service);
        comes_up(&self.lab.machine, service);
        let kind = ending.outcome.kind();
        let what = format!(
            "{service:?} from record {record} on, {}",
            if comes_back { "for half a minute" } else { "for long" }
        );
        let helped = !comes_back || stood;
        let fine = match kind {
            OutcomeKind::Succeeded | OutcomeKind::Refused | OutcomeKind::RolledBack => true,
            OutcomeKind::Untidy => true,
            OutcomeKind::Stuck => helped,
        };
        assert!(fine, "{}, {what}: it ended as {kind:?}: {}\n{}", self.name, why(&ending), self.told());
        self.recovers(what);
        if kind == OutcomeKind::Stuck {
            self.count("stuck without a service, then recovered");
        }
        self.count("services lost");
    }

    /// A worker that has `act` done once, when that record was written.
    fn worker_at(&self, record: u32, act: impl Fn() + Send + Sync + 'static) -> Worker {
        let at_boundary = move |side: Boundary, number: u32| {
            if (side, number) == (Boundary::After, record) {
                act();
            }
        };
        Worker { at_boundary: Some(Arc::new(at_boundary)), ..self.lab.worker() }
    }
}

/// Whatever it was, it runs again, with what lies on disk.
fn comes_up(machine: &Arc<crate::fake::Machine>, service: Trouble) {
    machine.end(service);
    FakeServices(machine.clone()).come_up(service);
}
