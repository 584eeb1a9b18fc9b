//! Cron of one site: asked of its Drupal like any question, and no task.
//!
//! What cron does nobody can take back, and nobody needs its log in a year: a journal of each run, of each site, each
//! hour, would be most of what a home holds ([0043](../../../../docs/decisions/0043-cron-is-a-question.md)).

use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{CronAnswer, CronRun, Fault, SiteName};
use aegir_drupal::driver::{CronRan, Operation};

use super::compare::{RunProgram, looking, unless_busy};
use crate::service::php::Asker;
use crate::{World, WorldParts};

/// Runs cron of `site`, for at most `limit`, unless a task is at it, visitors are kept from it, or Drupal still has to
/// be installed into it: then it is left out, and nothing is wrong. No task begins on the site before it has ended.
pub fn run_cron(parts: &Arc<WorldParts>, site: &SiteName, limit: Duration, run_program: RunProgram) -> CronAnswer {
    cron(parts, site, limit, run_program).unwrap_or_else(|fault| CronAnswer::Failed(fault.report()))
}

fn cron(
    parts: &Arc<WorldParts>,
    site: &SiteName,
    limit: Duration,
    run_program: RunProgram,
) -> Result<CronAnswer, Fault> {
    // Whoever changes the site comes first, and takes longer than anybody waits here.
    let asked = unless_busy(parts, site, Duration::ZERO, "cron", || ask(&looking(parts, run_program), site, limit))?;
    Ok(asked.unwrap_or_else(CronAnswer::NotNow))
}

/// Asks its Drupal, unless there is a reason not to.
fn ask(world: &World, site: &SiteName, limit: Duration) -> Result<CronAnswer, Fault> {
    let site = world.contexts().site(site)?;
    if site.awaits_installer {
        return Ok(CronAnswer::NotNow("Drupal is not installed into it yet".into()));
    }
    if site.disabled {
        return Ok(CronAnswer::NotNow("it is disabled".into()));
    }
    if world.files().kind(&world.home().fence(&site.name))?.is_some() {
        return Ok(CronAnswer::NotNow("it is fenced".into()));
    }
    let platform = world.contexts().platform(&site.platform)?;
    let ran: CronRan = Asker::of(world, &site, &platform)?.ask(Operation::Cron, limit)?;
    Ok(match ran.ran {
        true => CronAnswer::Ran(CronRun { took: ran.ms, complaints: ran.complaints }),
        false => CronAnswer::Busy,
    })
}
