//! Cron of sites: when it runs next, and what it came to last. One row for each site, and no list of runs: a fleet has
//! more of them in a day than anybody reads.
//!
//! Whoever runs it takes what is due by [`Tx::take_cron`], which says at once when it is due next: so nothing runs twice,
//! and a run whose end nobody hears of keeps no later one.

use std::collections::BTreeMap;

use aegir_domain::{ContextName, CronInterval, CronResult, NodeId, ObjectStatus, SiteContext};

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};
use crate::lease::Fence;
use crate::site::SiteRecord;

/// Cron of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronRecord {
    /// How often, as was said of the site; `None`: nothing was, and the setting holds.
    pub every: Option<CronInterval>,
    /// When it runs next, in milliseconds since 1970; `None`: not by itself, or its time is still to be chosen.
    pub next_run: Option<i64>,
    /// When the last run that ended began.
    pub began: Option<i64>,
    /// How long that took, in milliseconds.
    pub took: Option<i64>,
    /// What it came to.
    pub result: Option<CronResult>,
    /// What was said of it, where all was not well.
    pub said: Option<String>,
    /// How many runs in a row did not come to their end.
    pub failures: u64,
}

/// Cron of a site that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCron {
    /// The site.
    pub site: NodeId,
    /// Its name.
    pub name: ContextName,
    /// See [`CronRecord::every`].
    pub every: Option<CronInterval>,
    /// Since when, in milliseconds since 1970; 0: its time is still to be chosen.
    pub next_run: i64,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedCron {
    /// When it began.
    pub began: i64,
    /// How long it took, in milliseconds.
    pub took: i64,
    /// What it came to.
    pub result: CronResult,
    /// What was said of it, where all was not well.
    pub said: Option<String>,
}

statements! {
    CRON_OF = "SELECT site, every, next_run, began, took, result, said, failures FROM cron WHERE site = $1";
    /// As [`SiteRecord::may_run_cron`] has it. What awaits its installer has no next run.
    DUE_CRON =
        "SELECT cron.site, node.name, cron.every, cron.next_run
           FROM cron
           JOIN node ON node.id = cron.site
           JOIN site ON site.id = cron.site
           JOIN platform ON platform.id = site.platform
          WHERE cron.next_run <= $2 AND platform.server = $1 AND node.status = 'enabled'
          ORDER BY cron.next_run, cron.site
          LIMIT $3";
    TAKE_CRON = "UPDATE cron SET next_run = $3 WHERE site = $1 AND next_run = $2";
    END_CRON = "UPDATE cron SET began = $2, took = $3, result = $4, said = $5, failures = $6 WHERE site = $1";
    ASK_CRON = "UPDATE cron SET next_run = $2 WHERE site = $1 AND (next_run IS NULL OR next_run > $2 OR next_run = 0)";
    HASTEN_CRON = "UPDATE cron SET next_run = $2 WHERE site = $1 AND next_run > $2";
    ADD_CRON = "INSERT INTO cron (site, every, next_run, failures) VALUES ($1, $2, $3, 0)";
    CHANGE_CRON = "UPDATE cron SET every = $2, next_run = $3 WHERE site = $1";
    CHOOSE_CRON_ANEW = "UPDATE cron SET next_run = 0 WHERE every IS NULL AND next_run IS NOT NULL";
}

impl SiteRecord {
    /// Whether cron may run on it: it is in service, and Drupal is installed into it. The one place that says so; what
    /// is due is chosen by the same rule.
    pub fn may_run_cron(&self) -> bool {
        self.node.status == Some(ObjectStatus::Enabled)
            && self.context.as_ref().is_some_and(|context| !context.awaits_installer)
    }
}

impl Read {
    /// Cron of a site; nothing, as long as nothing is known of that.
    pub async fn cron_of(&mut self, site: NodeId) -> Result<Option<CronRecord>, StoreFault> {
        self.row(&CRON_OF, values![site]).await?.as_ref().map(CronRecord::of).transpose()
    }

    /// Cron of each of these sites.
    pub async fn cron_of_each(&mut self, sites: &[NodeId]) -> Result<BTreeMap<NodeId, CronRecord>, StoreFault> {
        let begin = "SELECT site, every, next_run, began, took, result, said, failures FROM cron WHERE site IN ";
        let of = |row: &Row| Ok((row.get("site")?, CronRecord::of(row)?));
        let each: BTreeMap<NodeId, Vec<CronRecord>> = self.each_of("cron", begin, sites, "", of).await?;
        Ok(each.into_iter().filter_map(|(site, cron)| Some((site, cron.into_iter().next()?))).collect())
    }

    /// Cron that is due by `now` on the sites of a server, the longest waiting first; those whose time is still to be
    /// chosen before all.
    pub async fn due_cron(&mut self, server: NodeId, now: i64, limit: u32) -> Result<Vec<DueCron>, StoreFault> {
        let rows = self.rows(&DUE_CRON, values![server, now, limit]).await?;
        rows.iter()
            .map(|row| {
                Ok(DueCron {
                    site: row.get("site")?,
                    name: row.parse("name")?,
                    every: row.maybe_parse("every")?,
                    next_run: row.get("next_run")?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Takes what is due, and says when it is due next, if it is; no, if somebody else took it, or it was changed since it
    /// was read.
    pub async fn take_cron(&mut self, due: &DueCron, next: Option<i64>, fence: &Fence) -> Result<bool, StoreFault> {
        self.check_fence(fence).await?;
        Ok(self.execute(&TAKE_CRON, values![due.site, due.next_run, next]).await? > 0)
    }

    /// Writes down how a run ended, and gives how many failed in a row before it and with it.
    pub async fn end_cron(&mut self, site: NodeId, ended: &EndedCron) -> Result<(u64, u64), StoreFault> {
        let before = self.cron_of(site).await?.map_or(0, |cron| cron.failures);
        let failures = match ended.result {
            CronResult::Failed => before.saturating_add(1),
            CronResult::Succeeded | CronResult::Complained => 0,
            // Nothing was found out of it.
            CronResult::Busy | CronResult::LeftOut => before,
        };
        let count = i64::try_from(failures).unwrap_or(i64::MAX);
        let values = values![site, ended.began, ended.took, ended.result, ended.said.as_deref(), count];
        self.execute(&END_CRON, values).await?;
        Ok((before, failures))
    }

    /// Has it run now, once, also where it does not run by itself.
    pub async fn ask_cron(&mut self, site: NodeId, now: i64) -> Result<(), StoreFault> {
        self.execute(&ASK_CRON, values![site, now]).await.map(drop)
    }

    /// Has it run by `at`, if it would run by itself and later than that.
    pub async fn hasten_cron(&mut self, site: NodeId, at: i64) -> Result<(), StoreFault> {
        self.execute(&HASTEN_CRON, values![site, at]).await.map(drop)
    }

    /// Has the time be chosen anew of all sites of which nothing was said.
    pub async fn choose_cron_anew(&mut self) -> Result<(), StoreFault> {
        self.execute(&CHOOSE_CRON_ANEW, Vec::new()).await.map(drop)
    }

    /// Brings it to what is said of a site. Where that is what was said before, it keeps its time.
    pub(crate) async fn write_cron(&mut self, site: NodeId, context: &SiteContext) -> Result<(), StoreFault> {
        let every = context.cron_said();
        // What is out of service has no next run, so that nobody looks at it turn after turn; back in service it has a new one.
        let runs = every != Some(CronInterval::Off) && !context.awaits_installer && !context.disabled;
        let fresh = runs.then_some(0_i64);
        let Some(row) = self.row(&CRON_OF, values![site]).await? else {
            return self.execute(&ADD_CRON, values![site, every, fresh]).await.map(drop);
        };
        let next_run: Option<i64> = row.maybe("next_run")?;
        if CronRecord::of(&row)?.every == every && next_run.is_some() == runs {
            return Ok(());
        }
        self.execute(&CHANGE_CRON, values![site, every, fresh]).await.map(drop)
    }
}

impl CronRecord {
    fn of(row: &Row) -> Result<CronRecord, StoreFault> {
        Ok(CronRecord {
            every: row.maybe_parse("every")?,
            next_run: row.maybe("next_run")?.filter(|next| *next > 0),
            began: row.maybe("began")?,
            took: row.maybe("took")?,
            result: row.maybe_parse("result")?,
            said: row.maybe("said")?,
            failures: row.count("failures")?,
        })
    }
}
