//! What a killed `aegir up` left running: found and ended before the next one starts.
//!
//! Each child is recorded with its number, the time it began and the run of the machine. A master
//! whose record was not yet written is found by the path of its configuration in its command line.
//! The program that a process runs must be the right one in either case: an editor that has that
//! file open is none of ours.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::daemon::{signal_group, signal_one, wait_until};
use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::process_table::{self, Seen};
use crate::service::Service;

/// A child, as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) service: Service,
    pub(crate) pid: i32,
    pub(crate) began: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Running {
    boot: String,
    children: Vec<Record>,
}

/// Remembers the children of the moment.
pub(crate) fn remember(places: &Places, children: Vec<Record>) -> Result<(), StackFault> {
    let path = places.running();
    let running = Running { boot: process_table::boot(), children };
    let text =
        serde_json::to_vec_pretty(&running).map_err(|source| StackFault::Unreadable { path: path.clone(), source })?;
    files::write(&path, &text, places.private_owner(), 0o600)
}

/// Ends whatever of this home still runs. Whoever calls it holds the lock of the home.
pub(crate) fn end(places: &Places, say: &dyn Fn(&str)) -> Result<(), StackFault> {
    // The web server first, as in an orderly stop.
    for service in Service::ALL.into_iter().rev() {
        // Again until there is none: what makes a database directory is a script that starts programs.
        for group in std::iter::from_fn(|| groups_of(places, service).into_iter().next()) {
            say(&format!("ending {service} of an earlier start (process {group})"));
            end_group(service, group)?;
        }
    }
    Ok(())
}

/// The processes of this home that lead a group and still run: left over, unless an `aegir up` has them.
pub(crate) fn find(places: &Places) -> Vec<(Service, i32)> {
    Service::ALL
        .into_iter()
        .flat_map(|service| groups_of(places, service).into_iter().map(move |group| (service, group)))
        .collect()
}

fn end_group(service: Service, group: i32) -> Result<(), StackFault> {
    let gone = || process_table::members(group).is_empty();
    // To the master alone: it takes its workers along. Then to whatever is left.
    signal_one(group, Signal::TERM);
    let patience = if Seen::of(group).is_some() { service.orderly().1 } else { Duration::ZERO };
    if wait_until(patience, gone) {
        return Ok(());
    }
    signal_group(group, Signal::KILL);
    if wait_until(Duration::from_secs(5), gone) { Ok(()) } else { Err(StackFault::LeftOver { pid: group, service }) }
}

fn groups_of(places: &Places, service: Service) -> Vec<i32> {
    let recorded = recorded(places, service);
    let folder = format!("{}/stack/{}/", places.home.display(), service.as_str());
    let mut groups: Vec<i32> = process_table::all()
        .into_iter()
        .filter(Seen::lives)
        .filter(|seen| {
            let line = seen.command_line().unwrap_or_default();
            let named = line.contains(&folder);
            let runs = seen.program().is_some_and(|program| service.is_run_by(&program));
            let makes = service == Service::Mariadb && line.contains("/mariadb-install-db ");
            runs && recorded.iter().any(|record| belongs(seen, record)) || named && (runs || makes)
        })
        .map(|seen| seen.group)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Whether `seen` is the recorded master, or a worker of it.
///
/// The kernel gives a number to no new process while a group bears it, so a group of that number
/// is the recorded one unless a newer process leads it.
fn belongs(seen: &Seen, record: &Record) -> bool {
    let led_by_another = || Seen::of(record.pid).is_some_and(|leader| leader.began != record.began);
    seen.group == record.pid && seen.began >= record.began && !led_by_another()
}

fn recorded(places: &Places, service: Service) -> Vec<Record> {
    // One that cannot be read is one that was never written: both mean that nothing is known.
    let Ok(text) = fs::read(places.running()) else { return Vec::new() };
    let Ok(running) = serde_json::from_slice::<Running>(&text) else { return Vec::new() };
    if running.boot != process_table::boot() {
        return Vec::new();
    }
    running.children.into_iter().filter(|record| record.service == service).collect()
}
