//! Cron of sites on a machine that only pretends: what it comes to, and when it ran.

use std::collections::BTreeMap;

use aegir_domain::{Context, ContextName, CronAnswer, CronRun, Fault, SiteName};

use super::{Machine, PretendFault};

/// What is known of it.
#[derive(Default)]
pub(super) struct PretendCron {
    /// What it comes to, if not to its end.
    answers: BTreeMap<SiteName, CronAnswer>,
    /// Nobody comes to an end.
    held: bool,
    now: usize,
    most: usize,
    ran: Vec<(SiteName, u64)>,
}

impl Machine {
    /// Runs cron of a site.
    pub(super) async fn cron(&self, site: &SiteName) -> CronAnswer {
        let mut moved = self.moved.subscribe();
        let at = self.now();
        {
            let cron = &mut self.state().cron;
            cron.now += 1;
            cron.most = cron.most.max(cron.now);
            cron.ran.push((site.clone(), at));
        }
        self.tell();
        while self.state().cron.held {
            drop(moved.changed().await);
        }
        let mut state = self.state();
        state.cron.now -= 1;
        let name = ContextName::Site(site.clone());
        match (state.contexts.get(&name), state.cron.answers.get(site)) {
            (Some(Context::Site(_)), Some(answer)) => answer.clone(),
            (Some(Context::Site(_)), None) => CronAnswer::Ran(CronRun { took: 31, complaints: Vec::new() }),
            _ => CronAnswer::Failed(Fault::from(PretendFault::Absent(name.to_string())).report()),
        }
    }

    /// From now on cron of a site comes to this; `None`: to its end.
    pub fn cron_comes_to(&self, site: &str, answer: Option<CronAnswer>) {
        let site = site.parse().expect("it is a site's name");
        let answers = &mut self.state().cron.answers;
        match answer {
            Some(answer) => answers.insert(site, answer),
            None => answers.remove(&site),
        };
    }

    /// Whether cron that runs comes to no end.
    pub fn hold_cron(&self, held: bool) {
        self.state().cron.held = held;
        self.tell();
    }

    /// On which sites cron was run, and when, in milliseconds since 1970.
    pub fn cron_ran(&self) -> Vec<(SiteName, u64)> {
        self.state().cron.ran.clone()
    }

    /// On how many sites at once, at the most.
    pub fn most_cron_at_once(&self) -> usize {
        self.state().cron.most
    }
}
