//! Which command of the back end does what.

use std::collections::BTreeSet;
use std::time::Duration;

use aegir_domain::protocol::VERSION;
use aegir_domain::{
    Compared, ContextName, CronAnswer, FormerName, LogAnswer, LogKind, MigrateSite, Outcome, PlatformName, Rehearse,
    Remedy, Secrets, SiteName, Task, WritesAnswer, exit_code,
};
use aegir_hosting::view::{FitView, WritesView};
use aegir_provision::inspect::try_services;
use aegir_provision::{
    AttemptFault, Listed, PackagesFit, SiteLog, compare_site, compare_sites, log_tail, recover_all, run_attempt,
    run_cron, writes_since,
};

use crate::args::{Manner, Provision, ProvisionCommand as Command};
use crate::ask::{Followed, by_hand};
use crate::compose::{Composed, Given};
use crate::failure::Failure;
use crate::follow::follow;
use crate::run_now::run_now;
use crate::speak::{Raw, Sentences, Stream, err, out, plain};
use crate::{archives, confirm, custom, front, import, lists, request, save, trash};

/// How often a worker asks whether another one let go of the attempt.
const TRIES: u32 = 10;

/// Runs one command.
pub(crate) fn run(given: Given, provision: Provision) -> Result<u8, Failure> {
    let Some(asked) = provision.manner.protocol else { return run_spoken(given, provision) };
    let ended = match asked {
        VERSION => run_spoken(given, provision),
        asked => Err(AttemptFault::OtherProtocol { asked }.into()),
    };
    Ok(ended.unwrap_or_else(Failure::tell_front_end))
}

/// The same, once both ends speak one protocol.
fn run_spoken(given: Given, provision: Provision) -> Result<u8, Failure> {
    let Provision { manner, command } = provision;
    let composed = Composed::of(&given)?;
    match command {
        Command::Run => {
            let request = request::read(&mut std::io::stdin().lock())?;
            Ok(follow(Followed::ask(&composed, &request)?, 1, &mut Raw::default())?.code())
        }
        Command::Attach { attempt, from, leave_secret } => {
            let mut followed = Followed::find(&composed, attempt)?;
            followed.leaves_secret = leave_secret;
            Ok(follow(followed, from.max(1), &mut Raw::default())?.code())
        }
        Command::Cancel { attempt } => lists::cancel(&composed, manner, attempt),
        Command::Recover => recover(&composed),
        Command::Tasks { limit, since, also, before } => {
            lists::tasks(&composed, manner, &Listed { limit, since, also, before })
        }
        Command::Try => {
            let trial = request::read_trial(&mut std::io::stdin().lock())?;
            let password = trial.secrets.get("db_password");
            for tried in try_services(&composed.parts, &trial.server, password, &run_now) {
                lists::json(&tried);
            }
            Ok(0)
        }
        Command::Worker { attempt } => {
            // Already so when the follower started us.
            let _ = rustix::process::setsid();
            let worker = composed.worker()?;
            for _ in 1..TRIES {
                match run_attempt(&worker, attempt) {
                    // A follower that looks whether anybody works on it holds the lock for a moment.
                    Err(AttemptFault::Busy) => composed.parts.clock.sleep(Duration::from_millis(50)),
                    ended => return Ok(ended?.outcome.exit_code()),
                }
            }
            Ok(run_attempt(&worker, attempt)?.outcome.exit_code())
        }
        Command::Save(args) => {
            let (context, secrets) = save::context(&composed, *args)?;
            ask(&composed, manner, Stream::Out, Task::SaveContext { context }, secrets)
        }
        Command::Show { name } => lists::show(&composed, manner, name),
        Command::Forget { name } => task(&composed, manner, Task::ForgetContext { name }),
        Command::Verify { name } => task(
            &composed,
            manner,
            match name {
                ContextName::Server(server) => Task::VerifyServer { server, context: None },
                ContextName::Platform(platform) => Task::VerifyPlatform { platform, context: None },
                ContextName::Site(site) => Task::VerifySite { site, context: None },
            },
        ),
        Command::Build(args) => task(&composed, manner, Task::BuildPlatform(Box::new(args.build()?))),
        Command::Install(args) => task(&composed, manner, Task::InstallSite(Box::new(args.install()?))),
        Command::Import(args) => import::run(&composed, manner, *args),
        Command::Login { site, account } => {
            ask(&composed, manner, Stream::Err, Task::Login { site, account }, Secrets::default())
        }
        Command::Migrate { site, platform, db_server, allow_missing, rehearse, rehearse_first, keep_former } => {
            let allow_missing = allow_missing.into_iter().collect();
            let rehearse = match (rehearse, rehearse_first) {
                (true, _) => Some(Rehearse::Only),
                (_, true) => Some(Rehearse::First),
                _ => None,
            };
            let keep = keep_former.map(Into::into);
            let migrate = MigrateSite { site, platform, db_server, allow_missing, rehearse, keep };
            task(&composed, manner, Task::MigrateSite(Box::new(migrate)))
        }
        Command::Update { site, allow_missing, keep_former } => {
            let (allow_missing, keep) = (allow_missing.into_iter().collect(), keep_former.map(Into::into));
            task(&composed, manner, Task::UpdateSite { site, allow_missing, keep })
        }
        Command::GoBack { site, former, although_broken, keep_former } => {
            let keep = keep_former.map(Into::into);
            task(&composed, manner, Task::GoBackSite { site, former, keep, although_broken })
        }
        Command::DropFormers { site, former } => task(&composed, manner, Task::DropFormers { site, former }),
        Command::Clone(args) => task(&composed, manner, Task::CloneSite(Box::new(args.clone_site()))),
        Command::Rename { site, to, old_name, keep_former } => {
            let keep = keep_former.map(Into::into);
            task(&composed, manner, Task::RenameSite { site, to, old_name: old_name.into(), keep })
        }
        Command::Compare { sites, to, allow_missing } => {
            let allow_missing = allow_missing.iter().map(ToString::to_string).collect();
            compared(&composed, manner, &sites, to, allow_missing)
        }
        Command::WrittenSince { site, former } => written_since(&composed, manner, &site, former.as_ref()),
        Command::RebuildCaches { site } => task(&composed, manner, Task::RebuildCaches { site }),
        Command::Cron { site, limit } => cron(&composed, manner, &site, limit),
        Command::Backup { site, note } => task(&composed, manner, Task::BackupSite { site, note }),
        Command::Backups { site } => lists::backups(&composed, manner, site.as_ref()),
        Command::BackupVerify { backup, platform, db_server } => {
            task(&composed, manner, Task::VerifyBackup { backup, platform, db_server })
        }
        Command::Restore { backup, new_site, platform, db_server, keep_former } => {
            let keep = keep_former.map(Into::into);
            task(&composed, manner, Task::RestoreBackup { backup, new_site, platform, db_server, keep })
        }
        Command::BackupSend { backup } => archives::send(&composed, manner, &backup),
        Command::BackupReceive { backup } => archives::receive(&composed, manner, &backup),
        Command::BackupDelete { backup } => task(&composed, manner, Task::DeleteBackup { backup }),
        Command::Log { site, errors, php, lines, follow } => {
            let kind = LogKind::of_flags(errors, php);
            match manner.protocol {
                Some(_) => log_answer(&composed, &site, kind, lines.into()),
                None => log(&composed, manner, &site, kind, lines.into(), follow),
            }
        }
        Command::TrashList => trash::list(&composed, manner),
        Command::TrashRestore(asked) => trash::restore(&composed, manner, &asked),
        Command::TrashEmpty(asked) => trash::empty(&composed, manner, asked),
        Command::Custom(args) => {
            let (asked, secrets) = args.read()?;
            ask(&composed, manner, Stream::Out, Task::Custom(Box::new(asked)), secrets)
        }
        Command::TaskTypes => custom::list(&composed, manner),
        Command::PlatformDelete { platform, confirm } => {
            let confirm = confirm::platform(&platform, confirm)?;
            task(&composed, manner, Task::DeletePlatform { platform, confirm })
        }
        Command::Disable { site, no_backup } => task(&composed, manner, Task::DisableSite { site, no_backup }),
        Command::Enable { site } => task(&composed, manner, Task::EnableSite { site }),
        Command::Eject { site } => task(&composed, manner, Task::EjectSite { site }),
        Command::Delete { site, confirm, no_backup } => {
            let confirm = confirm::site(&site, confirm)?;
            task(&composed, manner, Task::DeleteSite { site, confirm, no_backup })
        }
    }
}

pub(crate) fn task(composed: &Composed, manner: Manner, task: Task) -> Result<u8, Failure> {
    ask(composed, manner, Stream::Out, task, Secrets::default())
}

/// Asks for a task by hand, and follows it.
pub(crate) fn ask(
    composed: &Composed,
    manner: Manner,
    stream: Stream,
    task: Task,
    secrets: Secrets,
) -> Result<u8, Failure> {
    let request = by_hand(&composed.parts, task, secrets);
    let followed = Followed::ask(composed, &request)?;
    let end = match manner.json {
        true => follow(followed, 1, &mut Raw::by_hand())?,
        false => follow(followed, 1, &mut Sentences::new(request.attempt, stream, manner.verbose))?,
    };
    Ok(if manner.fail_if_unchanged { end.code_if_unchanged() } else { end.code() })
}

/// Compares sites with a platform. A front end gets an answer for each, whatever it says.
fn compared(
    composed: &Composed,
    manner: Manner,
    sites: &[SiteName],
    platform: PlatformName,
    allow_missing: BTreeSet<String>,
) -> Result<u8, Failure> {
    let fits = match sites {
        // One alone is waited for as long as a task is at it.
        [site] => {
            let asked = PackagesFit { site: site.clone(), platform, db_server: None, allow_missing };
            vec![compare_site(&composed.parts, &asked, run_now)]
        }
        sites => compare_sites(&composed.parts, sites, &platform, &allow_missing, run_now),
    };
    let mut code = 0;
    for fit in fits {
        match (fit, manner.protocol) {
            (Ok(fit), Some(_)) => lists::json(&Compared::Fit(Box::new(fit))),
            (Err(fault), Some(_)) => lists::json(&Compared::Refused(fault.report())),
            (Err(fault), None) => return Err(fault.into()),
            (Ok(fit), None) => {
                match manner.json {
                    true => lists::json(&fit),
                    false => front::fit_lines(&FitView::of(&fit)).iter().for_each(|line| out(line)),
                }
                if !fit.is_allowed() {
                    code = exit_code::REFUSED;
                }
            }
        }
    }
    Ok(code)
}

/// Tells what was written since a site left a former self. A front end gets an answer, whatever it says.
fn written_since(
    composed: &Composed,
    manner: Manner,
    site: &SiteName,
    former: Option<&FormerName>,
) -> Result<u8, Failure> {
    let writes = match (writes_since(&composed.parts, site, former, run_now), manner.protocol) {
        (Ok(writes), None) => writes,
        (Err(fault), None) => return Err(fault.into()),
        (Ok(writes), Some(_)) => {
            lists::json(&WritesAnswer::Writes(Box::new(writes)));
            return Ok(0);
        }
        (Err(fault), Some(_)) => {
            lists::json(&WritesAnswer::Refused(fault.report()));
            return Ok(0);
        }
    };
    match manner.json {
        true => lists::json(&writes),
        false => front::writes_lines(&WritesView::of(&writes)).iter().for_each(|line| out(line)),
    }
    Ok(0)
}

/// Runs cron of a site. A front end gets an answer, whatever it says.
fn cron(composed: &Composed, manner: Manner, site: &SiteName, limit: u64) -> Result<u8, Failure> {
    let answer = run_cron(&composed.parts, site, Duration::from_secs(limit), run_now);
    if manner.json || manner.protocol.is_some() {
        lists::json(&answer);
        return Ok(0);
    }
    match answer {
        CronAnswer::Ran(run) => {
            out(&format!("Cron of {site} ran, in {:.2} s", Duration::from_millis(run.took).as_secs_f64()));
            run.complaints.iter().for_each(|complaint| out(&format!("A module complained: {}", plain(complaint))));
            Ok(0)
        }
        CronAnswer::Busy => {
            out(&format!("Cron of {site} runs already: nothing was begun"));
            Ok(exit_code::REFUSED)
        }
        CronAnswer::NotNow(why) => {
            out(&format!("Cron of {site} was left out: {why}"));
            Ok(exit_code::REFUSED)
        }
        CronAnswer::Failed(fault) => Err(Failure::reported(fault, exit_code::ERROR)),
    }
}

/// Gives a front end the last lines that a log has of a site, or says why not.
fn log_answer(composed: &Composed, site: &SiteName, kind: LogKind, lines: usize) -> Result<u8, Failure> {
    lists::json(&match log_tail(&composed.parts, site, kind, lines) {
        Ok(tail) => LogAnswer::Tail(Box::new(tail)),
        Err(fault) => LogAnswer::Refused(fault.report()),
    });
    Ok(0)
}

/// Prints the last lines that the logs have of a site, and what comes to them if that is wished.
fn log(
    composed: &Composed,
    manner: Manner,
    site: &SiteName,
    kind: LogKind,
    lines: usize,
    follow: bool,
) -> Result<u8, Failure> {
    let mut log = SiteLog::of(&composed.parts, site, kind)?;
    let tell = |found: Vec<String>| {
        for line in found {
            match manner.json {
                true => lists::json(&line),
                // A site's visitors write what stands there, and its own code does.
                false => out(&plain(&line)),
            }
        }
    };
    tell(log.last(lines)?);
    if !follow {
        return Ok(0);
    }
    loop {
        composed.parts.clock.sleep(Duration::from_secs(1));
        tell(log.more()?);
    }
}

fn recover(composed: &Composed) -> Result<u8, Failure> {
    let mut code = 0;
    let recovered = recover_all(&composed.worker()?)?;
    if recovered.is_empty() {
        out("Nothing was left to recover.");
    }
    for one in recovered {
        match one.ending {
            None => out(&format!("{}: a worker is at it", one.attempt)),
            Some(Err(fault)) => {
                code = exit_code::ERROR;
                err(&format!("{}: {}", one.attempt, aegir_domain::Report(&aegir_domain::FaultReport::of(&fault))));
            }
            Some(Ok(ending)) => {
                if let Outcome::Stuck { .. } = ending.outcome {
                    code = exit_code::STUCK;
                }
                out(&format!("{}: {}", one.attempt, lists::state(ending.outcome.kind().into())));
                if let Some(fault) = ending.fault().filter(|_| code == exit_code::STUCK || ending.untidy) {
                    err(&format!("  {}", aegir_domain::Report(fault)));
                }
            }
        }
    }
    Ok(code)
}

/// Wrong usage that clap cannot see: what is wrong, and what to type.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Usage {
    what: String,
    instead: String,
}

impl Usage {
    /// Says what is wrong, and what to type.
    pub(crate) fn new(what: impl Into<String>, instead: impl Into<String>) -> Usage {
        Usage { what: what.into(), instead: instead.into() }
    }
}

impl Remedy for Usage {
    fn remedy(&self) -> Option<String> {
        Some(self.instead.clone())
    }
}
