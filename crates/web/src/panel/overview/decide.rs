//! What waits for somebody's decision: differences, sites that were found, tasks that left something, keys to trust,
//! sites to install by hand.

use aegir_hosting::view::{DriftView, FoundSiteView, ServerView, SiteView, TaskView};
use aegir_hosting::{Call, OperationId, Subject};
use tokio::try_join;

use crate::api::Problem;
use crate::panel::address;
use crate::panel::frame::Tone;
use crate::panel::lists::import_of;
use crate::panel::tasks::words;
use crate::panel::visit::Visit;

/// How many of each sort are named.
const NAMED: usize = 5;
/// How many servers, and how many of the sites that changed last, are looked through.
const LOOKED_AT: usize = 100;

/// Something to be decided.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) tone: Tone,
    /// What it is, with how many there are.
    pub(super) title: String,
    /// What it means.
    pub(super) about: &'static str,
    /// Those that are named, with where each is decided.
    pub(super) named: Vec<(String, String)>,
    /// Where all of them are; empty: all are named.
    pub(super) all: String,
}

/// A list, as it is answered.
type Listed<T> = (Vec<T>, Option<String>, Option<u64>);

/// What needs a decision now.
pub(super) async fn of(visit: &Visit) -> Result<Vec<Decision>, Problem> {
    let list = |id, limit: usize| Call::of(id).with("limit", limit);
    let tasks = |state: &str| list(OperationId::TaskList, NAMED).with("state", vec![state]);
    let (drift, found, stuck, untidy, servers, sites) = try_join!(
        visit.list::<DriftView>(list(OperationId::DriftList, NAMED)),
        visit.list::<FoundSiteView>(list(OperationId::FoundSiteList, NAMED)),
        visit.list::<TaskView>(tasks("stuck")),
        visit.list::<TaskView>(tasks("untidy")),
        visit.list::<ServerView>(list(OperationId::ServerList, LOOKED_AT).uncounted()),
        visit.list::<SiteView>(list(OperationId::SiteList, LOOKED_AT).with("sort", "-changed").uncounted()),
    )?;
    let decisions = [
        of_tasks(
            stuck,
            Tone::Bad,
            "stuck task",
            "A task failed and could not be taken back: something is left.",
            "stuck",
        ),
        keys(servers.0),
        drifts(drift),
        of_tasks(untidy, Tone::Warning, "untidy task", "The result is in service; a clean-up is still owed.", "untidy"),
        installers(sites.0),
        found_sites(found),
    ];
    Ok(decisions.into_iter().flatten().collect())
}

/// How many, in words: `1 stuck task`, `3 stuck tasks`, `more than 5 stuck tasks`.
fn counted(count: Option<u64>, named: usize, what: &str) -> String {
    match count.unwrap_or(named as u64) {
        _ if count.is_none() && named >= NAMED => format!("more than {named} {what}s"),
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

fn decision<T>(
    (items, _, total): Listed<T>,
    (tone, what, about): (Tone, &str, &'static str),
    all: String,
    named: impl Fn(&T) -> (String, String),
) -> Option<Decision> {
    if items.is_empty() {
        return None;
    }
    let is_whole = total.is_some_and(|total| total <= items.len() as u64);
    Some(Decision {
        tone,
        title: counted(total, items.len(), what),
        about,
        named: items.iter().map(named).collect(),
        all: if is_whole { String::new() } else { all },
    })
}

fn of_tasks(tasks: Listed<TaskView>, tone: Tone, what: &str, about: &'static str, state: &str) -> Option<Decision> {
    decision(tasks, (tone, what, about), format!("/tasks?state={state}"), |task| {
        (words::heading_of(task), format!("/tasks/{}", task.id))
    })
}

fn drifts(drift: Listed<DriftView>) -> Option<Decision> {
    let about = "A machine has another record of it than is remembered here: take one of the two.";
    let resolve = OperationId::DriftResolve.declaration();
    decision(drift, (Tone::Warning, "difference", about), address::list(Subject::Drift), |drift| {
        (words::bare(&drift.name).to_owned(), address::doing(&resolve, Some(&drift.name)))
    })
}

fn found_sites(found: Listed<FoundSiteView>) -> Option<Decision> {
    if found.0.iter().any(|site| site.ignored) {
        return None;
    }
    let about = "They lie on a platform and are not managed: each can be looked at, and taken in.";
    let all = address::list(Subject::FoundSite);
    decision(found, (Tone::Plain, "found site", about), all, |site| {
        (format!("{} on {}", site.name, site.platform), import_of(site))
    })
}

/// Servers behind ssh whose key nobody has trusted: nothing is asked there until then.
fn keys(servers: Vec<ServerView>) -> Option<Decision> {
    let trust = OperationId::ServerTrust.declaration();
    let waits = |server: &ServerView| server.ssh.as_ref().is_some_and(|ssh| ssh.host_key.is_none());
    let named: Vec<_> = servers.into_iter().filter(waits).filter_map(|server| server.node.name).collect();
    let total = Some(named.len() as u64);
    let about = "Nothing is asked of a machine whose key nobody has compared and trusted.";
    let listed = (named.into_iter().take(NAMED).collect(), None, total);
    decision(listed, (Tone::Warning, "host key to trust", about), address::list(Subject::Server), |name: &String| {
        (name.clone(), address::doing(&trust, Some(name)))
    })
    .map(|decision| Decision { title: decision.title.replace("key to trusts", "keys to trust"), ..decision })
}

/// Sites that somebody has to install in a browser, among those that changed last.
fn installers(sites: Vec<SiteView>) -> Option<Decision> {
    let named: Vec<_> =
        sites.into_iter().filter(|site| site.awaits_installer).filter_map(|site| site.node.name).collect();
    let total = Some(named.len() as u64);
    let about = "Drupal's installer waits for somebody with a browser; then verify the site.";
    let listed = (named.into_iter().take(NAMED).collect(), None, total);
    decision(listed, (Tone::Plain, "site to install", about), address::list(Subject::Site), |name: &String| {
        (name.clone(), address::object(Subject::Site, name))
    })
    .map(|decision| Decision { title: decision.title.replace("site to installs", "sites to install"), ..decision })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_there_are_is_said_truly() {
        assert_eq!(counted(Some(1), 1, "difference"), "1 difference");
        assert_eq!(counted(Some(12), 5, "difference"), "12 differences");
        assert_eq!(counted(None, 5, "stuck task"), "more than 5 stuck tasks");
    }
}
