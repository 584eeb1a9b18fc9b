//! What befalls a task that lives: somebody cancels it, a service goes and comes back.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{OutcomeKind, Report};
use aegir_provision::{Boundary, Worker, run_attempt};

use super::{Scene, everything, no_forks, why};
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

impl Scene {
    /// The disk is full when one thing is written, and when all is from that on until the task ended. Then there is room
    /// again, and whatever is open is recovered.
    pub fn fills_the_disk(&self, every: usize) {
        for write in (1..=self.whole.writes).step_by(every) {
            match everything() {
                true => [write + 1, u64::MAX].into_iter().for_each(|until| self.finds_no_room(write, until)),
                false if write % 2 == 0 => self.finds_no_room(write, write + 1),
                false => self.finds_no_room(write, u64::MAX),
            }
        }
    }

    fn finds_no_room(&self, write: u64, until: u64) {
        self.lab.restore_all();
        let lasts = until == u64::MAX;
        let what = match lasts {
            true => format!("no room from write {write} of {} on", self.whole.writes),
            false => format!("no room for write {write} of {}", self.whole.writes),
        };
        self.lab.machine.fill_disk(write..until);
        let ended = {
            let _no_forks = no_forks();
            run_attempt(&self.lab.worker(), self.attempt)
        };
        self.lab.machine.fill_disk(0..0);
        match &ended {
            Ok(ending) => {
                let kind = ending.outcome.kind();
                let fine = match kind {
                    OutcomeKind::Refused | OutcomeKind::RolledBack => {
                        let told = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
                        assert!(told.contains("o space left"), "{}, {what}: {told}", self.name);
                        true
                    }
                    OutcomeKind::Succeeded => true,
                    OutcomeKind::Untidy | OutcomeKind::Stuck => lasts,
                };
                assert!(fine, "{}, {what}: it ended as {kind:?}: {}\n{}", self.name, why(ending), self.told());
                if kind == OutcomeKind::Stuck {
                    self.count("stuck without room, then recovered");
                }
            }
            // Not even that it begins could be written down.
            Err(fault) => assert!(lasts || write == 1, "{}, {what}: {fault}", self.name),
        }
        self.recovers(what);
        self.count("disks full");
    }
}

/// Whatever it was, it runs again, with what lies on disk.
fn comes_up(machine: &Arc<crate::fake::Machine>, service: Trouble) {
    machine.end(service);
    FakeServices(machine.clone()).come_up(service);
}
