//! Has the web server read its configuration again, and waits for its new workers.
//!
//! The master of nginx starts new workers, waits 100 ms, and tells the old ones to finish. One that is told says
//! so in its title and closes its listening sockets, in this order and with nothing in between: whoever
//! reads «shutting down» there knows that it accepts no connection any more. So this is seen, and no
//! time has to be guessed after which it will be so.
//!
//! Those 100 ms would be the longest part of most tasks' stay in the web server, and of many a fence. So the old ones are
//! told here, by the signal that the master itself would send, as soon as there is a new one for each of them. Until it
//! has told them the master takes no signal, a worker's end included (nginx 1.22, `ngx_master_process_cycle`): that one of
//! them has ended it learns when it knows that it was to, so it starts none in its place.
//!
//! A configuration that nginx refuses does no harm: the old one runs on. So it is not tested before,
//! which whoever wrote it did; only when no old worker is told to finish is nginx asked why.
//!
//! Apache would end on a configuration that it refuses, so it is asked before, unless whoever wrote it noted that
//! just these files were tested just now. Its master tells the old
//! workers to finish, reads, and then looks once whether a worker has ended, in whose place it starts a new
//! one. If none has yet, as with few sites, it sleeps for a second while nobody answers. Being told again
//! wakes it.

use std::time::Duration;

use aegir_host::Look;
use rustix::process::Signal;

use crate::daemon::{Daemon, now};
use crate::process_table::{self, Seen};
use crate::stack::Setup;
use crate::web;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(10);
/// After how long nginx is asked whether it refuses its configuration.
const DOUBT: Duration = Duration::from_secs(1);
/// How many times in a row we see that Apache sleeps, and has no workers, before it is told again.
const NAP: u32 = 5;
/// How long old workers of Apache may take to stop listening once they are told, which is before it reads anything.
const TOLD: Duration = Duration::from_millis(60);
/// How often we look.
const LOOK: Duration = Duration::from_millis(2);

/// Reloads the nginx whose master is `master`; the error is what the back end is told.
pub(crate) fn nginx(setup: &Setup, master: &mut Daemon) -> Result<(), String> {
    let old = process_table::children(master.pid);
    master.signal(Signal::HUP);
    let began = now();
    let (mut asked, mut told) = (false, false);
    while !old.iter().all(takes_no_requests) {
        if !told && has_successors(&old, &process_table::children(master.pid)) {
            told = true;
            old.iter().filter(|worker| !takes_no_requests(worker)).for_each(|worker| worker.signal(Signal::QUIT));
        }
        if let Some(how) = master.ended() {
            return Err(format!("nginx died ({how}); it is being started again"));
        }
        let waited = now().saturating_sub(began);
        if waited >= LIMIT {
            return Err(format!("nginx has workers with its old configuration after {} s", LIMIT.as_secs()));
        }
        if waited >= DOUBT && !asked {
            asked = true;
            let ran = web::test(setup).map_err(|fault| fault.to_string())?;
            if !ran.status.success() {
                return Err(format!("nginx refuses its configuration: {}", ran.said.text));
            }
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Reloads the Apache whose master is `master`; the error is what the back end is told.
pub(crate) fn apache(setup: &Setup, master: &mut Daemon) -> Result<(), String> {
    let looked = Look::at(&setup.endpoints.http_folder);
    if !looked.is_ok_and(|looked| looked.is_noted(&setup.places.run.join("apache.tested"))) {
        let ran = web::test(setup).map_err(|fault| fault.to_string())?;
        if !ran.status.success() {
            return Err(format!("Apache refuses its configuration: {}", ran.said.text));
        }
    }
    let old: Vec<i32> = process_table::children(master.pid).iter().map(|worker| worker.pid).collect();
    master.signal(Signal::USR1);
    let began = now();
    let mut asleep = 0;
    loop {
        let workers = process_table::children(master.pid);
        let fresh = workers.iter().any(|worker| !old.contains(&worker.pid));
        if fresh && now().saturating_sub(began) >= TOLD {
            return Ok(());
        }
        if let Some(how) = master.ended() {
            return Err(format!("Apache died ({how}); it is being started again"));
        }
        if now().saturating_sub(began) >= LIMIT {
            return Err(format!("Apache has no new workers after {} s", LIMIT.as_secs()));
        }
        // It does not sleep while it reads.
        let sleeps = workers.is_empty() && Seen::of(master.pid).is_some_and(|seen| seen.state == 'S');
        asleep = if sleeps { asleep + 1 } else { 0 };
        if asleep == NAP {
            asleep = 0;
            master.signal(Signal::USR1);
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether each of `old` that takes requests has one in its place among those that there are `now`.
fn has_successors(old: &[Seen], now: &[Seen]) -> bool {
    let is_new = |worker: &&Seen| !old.iter().any(|old| old.pid == worker.pid && old.began == worker.began);
    let leave = old.iter().filter(|worker| !takes_no_requests(worker)).count();
    now.iter().filter(is_new).count() >= leave
}

/// Whether a worker has ended, or does no more than end the requests that it has.
fn takes_no_requests(worker: &Seen) -> bool {
    match Seen::of(worker.pid) {
        Some(now) if now.began == worker.began && now.lives() => {
            worker.command_line().is_none_or(|title| title.contains("shutting down"))
        }
        _ => true,
    }
}
