//! What others do while a task is at it: to the site's files, to the platform's code, to the web server, or by asking
//! for something themselves.

use std::sync::Arc;

use aegir_domain::protocol::{Ending, Level, Said};
use aegir_provision::{Boundary, Worker};
use aegir_recipe::Record;
use aegir_recipe::proof::{Drill, When};

use super::{Extent, Scene, why};

/// What somebody does, once, and whether the world is to be like before it or behind it without that.
pub struct Deed {
    /// What is done.
    pub act: Arc<dyn Fn() + Send + Sync>,
    /// Takes it back, as far as it is still there, once the task has ended.
    pub take_back: Arc<dyn Fn()>,
    /// What is not compared: whatever of the world holds one of these in its name.
    pub apart: Vec<String>,
}

/// How a task ended while somebody did something.
pub struct Meanwhile<'a> {
    /// Which record had been written just before.
    pub record: u32,
    /// Whether its last line failed.
    pub fails: bool,
    /// How it ended.
    pub ending: &'a Ending,
    /// What it warned of.
    pub warnings: Vec<String>,
    /// For whoever reads why a proof failed.
    pub what: String,
}

impl Scene {
    /// Has `deed` be done once each record was written, of a run that goes well and of one whose last line fails. `judge`
    /// sees the world as it is then; behind it all is as the journal says.
    pub fn is_met_by(&self, extent: Extent, deed: &Deed, judge: &dyn Fn(&Meanwhile<'_>)) {
        let last = Drill { fail_at: Some((self.whole.lines, When::Before)), ..Drill::default() };
        for drill in [Drill::default(), last] {
            let fails = drill.fail_at.is_some();
            for record in (1..=self.whole.records.len() as u32).step_by(extent.every()) {
                self.lab.restore_all();
                let act = deed.act.clone();
                let at_boundary = move |side: Boundary, number: u32| {
                    if (side, number) == (Boundary::After, record) {
                        act();
                    }
                };
                let worker =
                    Worker { drill: drill.clone(), at_boundary: Some(Arc::new(at_boundary)), ..self.lab.worker() };
                let ending = self.lab.work_on(self.attempt, &worker);
                let what = format!("somebody acts behind record {record}, its last line fails: {fails}");
                let warnings = self.lab.said(self.attempt).into_iter().filter_map(|said| match said {
                    Said::Log { level: Level::Warning, text, .. } => Some(text),
                    _ => None,
                });
                let warnings = warnings.collect();
                judge(&Meanwhile { record, fails, ending: &ending, warnings, what: format!("{}, {what}", self.name) });
                (deed.take_back)();
                self.recover(&what);
                let committed = self.records().iter().any(|record| matches!(record, Record::Committed { .. }));
                let expected = if committed { &self.whole.after } else { &self.before };
                let differences = self.lab.snapshot().differences(expected);
                let differences: Vec<&String> = differences
                    .iter()
                    .filter(|difference| !deed.apart.iter().any(|apart| difference.contains(apart.as_str())))
                    .collect();
                assert!(
                    differences.is_empty(),
                    "{}, {what}: the world is not as it should be (committed: {committed})\n{differences:#?}\n{}\n{}",
                    self.name,
                    why(&ending),
                    self.told(),
                );
                self.no_new_mess(&what);
                self.count(if fails { "met while it fails" } else { "met while it goes well" });
            }
        }
        self.print();
    }

    /// The number of the record behind which it is not taken back any more.
    pub fn committed_at(&self) -> u32 {
        let records = &self.whole.records;
        let before = records.iter().take_while(|record| !matches!(record, Record::Committed { .. }));
        before.count() as u32 + 1
    }

    /// The number of the record that a line begins with, where there is such a line.
    pub fn begun_at(&self, line: &str) -> Option<u32> {
        let begun = |record: &Record| matches!(record, Record::Begun { name, .. } if name == line);
        self.whole.records.iter().position(begun).map(|at| at as u32 + 1)
    }

    /// The lab that it is set in.
    pub fn lab(&self) -> &crate::Lab {
        &self.lab
    }
}
