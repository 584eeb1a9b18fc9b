//! Lines that fail, and lines that run twice.

use aegir_domain::OutcomeKind;
use aegir_domain::protocol::Ending;
use aegir_provision::Worker;
use aegir_recipe::AfterKind;
use aegir_recipe::proof::{Drill, When};

use super::{Scene, why};

impl Scene {
    fn run_with(&self, drill: Drill) -> Ending {
        self.lab.restore_all();
        self.lab.work_on(self.attempt, &Worker { drill, ..self.lab.worker() })
    }

    /// Every place where a line can fail before the point of no return is recorded.
    fn failures(&self) -> impl Iterator<Item = (u32, When)> {
        let last = self.whole.lines;
        let places = (1..=last).flat_map(|line| [(line, When::Before), (line, When::After)]);
        places.filter(move |place| *place != (last, When::After))
    }

    /// A failure at any line leaves the world as it was.
    pub fn fails_at_every_line(&self) {
        for at in self.failures() {
            let ending = self.run_with(Drill { fail_at: Some(at), ..Drill::default() });
            self.taken_back(&ending, &format!("line {} failing {:?}", at.0, at.1));
            self.count("lines failed");
        }
    }

    /// What runs twice does what it does once; also when it is taken back.
    pub fn applies_and_undoes_twice(&self) {
        let ending = self.run_with(Drill { apply_twice: true, ..Drill::default() });
        assert_eq!(
            ending.outcome.kind(),
            OutcomeKind::Succeeded,
            "{}, each line applied twice: {}\n{}",
            self.name,
            why(&ending),
            self.told()
        );
        self.as_after("each line applied twice");
        for at in self.failures().filter(|(_, when)| *when == When::After || self.whole.lines == 1) {
            let drill = Drill { fail_at: Some(at), undo_twice: true, apply_twice: true, ..Drill::default() };
            let ending = self.run_with(drill);
            self.taken_back(&ending, &format!("line {} failing, all applied and undone twice", at.0));
            self.count("lines applied and undone twice");
        }
    }

    /// A line behind the point of no return that fails is tried again; a clean-up may be owed, and is
    /// then recovered.
    pub fn goes_on_behind_the_point_of_no_return(&self) {
        for (place, line) in (0u32..).zip(&self.whole.afterwards) {
            for times in [1, 5] {
                let what = format!("`{}` failing {times} times behind the point of no return", line.name);
                let ending = self.run_with(Drill { fail_after: Some((place, times)), ..Drill::default() });
                let expected = match line.kind {
                    AfterKind::Cleanup if times > 3 => OutcomeKind::Untidy,
                    _ => OutcomeKind::Succeeded,
                };
                assert_eq!(ending.outcome.kind(), expected, "{}, {what}: {}", self.name, why(&ending));
                if expected == OutcomeKind::Untidy {
                    let recovered = self.recover(&what).map(|ending| ending.outcome.kind());
                    assert_eq!(recovered, Some(OutcomeKind::Succeeded), "{}, {what}\n{}", self.name, self.told());
                }
                self.as_after(what);
                self.count("failures behind the point of no return");
            }
        }
    }

    #[track_caller]
    fn taken_back(&self, ending: &Ending, what: &str) {
        let kind = ending.outcome.kind();
        assert!(
            matches!(kind, OutcomeKind::Refused | OutcomeKind::RolledBack),
            "{}, {what}: it ended as {kind:?}\n{}\n{}",
            self.name,
            why(ending),
            self.told()
        );
        self.as_before(what);
    }
}
