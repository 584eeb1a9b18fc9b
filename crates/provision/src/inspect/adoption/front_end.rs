//! What a classic front end's database adds to what its back end's files say: it changes nobody's fate, but what it alone knows is
//! told, and what only it knows of comes to the list.

use std::collections::BTreeSet;

use aegir_domain::{Adopted, AdoptedKind, CronInterval, Fate};

use super::hostmaster::{Client, Hostmaster, Site};
use super::judge::client_name;

/// Adds it to `things`; gives what there is to say of all of it.
pub(super) fn add(things: &mut Vec<Adopted>, hostmaster: &Hostmaster) -> Vec<String> {
    for thing in things.iter_mut() {
        let notes = match thing.kind {
            AdoptedKind::Server => of_server(hostmaster, &thing.name),
            AdoptedKind::Platform => of_platform(hostmaster, &thing.name),
            AdoptedKind::Client => of_client(hostmaster, &thing.name),
            AdoptedKind::Site => Vec::new(),
            AdoptedKind::Alias => Vec::new(),
        };
        thing.notes.extend(notes);
    }
    let known: BTreeSet<(AdoptedKind, String)> = things.iter().map(|thing| (thing.kind, thing.name.clone())).collect();
    let is_known = |kind: AdoptedKind, name: &str| known.contains(&(kind, name.to_owned()));
    for thing in things.iter_mut().filter(|thing| thing.kind == AdoptedKind::Site) {
        if let Some(site) = hostmaster.sites.get(&thing.name) {
            let lacking = site.aliases.iter().filter(|alias| !is_known(AdoptedKind::Alias, alias)).cloned().collect();
            let can_come = matches!(thing.fate, Fate::Becomes(_));
            thing.notes.extend(of_site(site, &thing.name, lacking, can_come));
        }
    }
    let lone = hostmaster.clients.iter().filter(|client| !is_known(AdoptedKind::Client, &client.uname));
    things.extend(lone.map(|client| Adopted {
        kind: AdoptedKind::Client,
        name: client.uname.clone(),
        fate: Fate::Becomes(format!("the client `{}`, of no site", client_name(&client.uname))),
        notes: people(client),
        commands: Vec::new(),
    }));
    let ghosts = hostmaster.sites.keys().filter(|name| !is_known(AdoptedKind::Site, name));
    things.extend(ghosts.map(|name| Adopted {
        kind: AdoptedKind::Site,
        name: name.clone(),
        fate: Fate::cannot(
            "its front end knows of it, and there is no context of it in `.drush/`",
            "verify it there, or delete it there if it is gone",
        ),
        notes: Vec::new(),
        commands: Vec::new(),
    }));
    let (count, failed) = hostmaster.tasks;
    vec![format!("Its front end knows of {count} tasks, of which {failed} failed: their logs stay there")]
}

fn of_server(hostmaster: &Hostmaster, name: &str) -> Vec<String> {
    let title = hostmaster.servers.get(name).filter(|title| !title.is_empty());
    title.map(|title| format!("its front end calls it `{title}`")).into_iter().collect()
}

fn of_platform(hostmaster: &Hostmaster, name: &str) -> Vec<String> {
    let Some(platform) = hostmaster.platforms.get(name) else { return Vec::new() };
    let mut notes = Vec::new();
    if platform.locked {
        notes.push("it is locked there: lock it here too with `aegir platform lock`".to_owned());
    }
    if !platform.clients.is_empty() {
        notes.push(format!(
            "only these clients may use it there: {}; here it is open to whoever may make sites",
            platform.clients.join(", ")
        ));
    }
    notes
}

fn of_client(hostmaster: &Hostmaster, name: &str) -> Vec<String> {
    let Some(client) = hostmaster.clients.iter().find(|client| client.uname == name) else { return Vec::new() };
    let mut notes = Vec::new();
    if client.title != client.uname {
        notes.push(format!("its front end calls it `{}`", client.title));
    }
    notes.extend(people(client));
    notes
}

/// Who comes in for it; their passwords are Drupal's, and do not come.
fn people(client: &Client) -> Vec<String> {
    let people: Vec<String> = client.people.iter().map(|(name, mail)| format!("{name} <{mail}>")).collect();
    match people.is_empty() {
        true => Vec::new(),
        false => {
            vec![format!("who comes in for it there: {}; here each needs an account of their own", people.join(", "))]
        }
    }
}

fn of_site(site: &Site, name: &str, lacking: Vec<String>, can_come: bool) -> Vec<String> {
    let mut notes = Vec::new();
    match site.status {
        -1 => notes.push("it is disabled in its front end".to_owned()),
        0 => notes.push("its front end did not see it through its first task".to_owned()),
        _ => (),
    }
    if let Some(client) = &site.client {
        notes.push(format!("its front end has it under the client `{client}`"));
    }
    // Names of a site that cannot come are in no list.
    if !lacking.is_empty() && can_come {
        notes.push(format!(
            "its front end gives it names that its back end does not: {}; verify it there first",
            lacking.join(", ")
        ));
    }
    if let (Some(seconds), true) = (site.cron, can_come) {
        notes.push(match interval(seconds) {
            Some(CronInterval::Off) => format!("cron is off there: say so with `aegir site edit {name} --cron off`"),
            Some(every) => format!(
                "cron runs each {} there: say so with `aegir site edit {name} --cron {}`",
                words(seconds),
                every.as_str()
            ),
            None => format!(
                "cron runs each {} there: choose an interval with `aegir site edit {name} --cron`",
                words(seconds)
            ),
        });
    }
    let (count, failed) = site.tasks;
    if count > 0 {
        notes.push(format!("its front end knows of {count} tasks of it, of which {failed} failed"));
    }
    notes
}

/// The interval of that many seconds, if there is one.
fn interval(seconds: u64) -> Option<CronInterval> {
    let same = |every: &&CronInterval| every.minutes().map_or(0, |minutes| u64::from(minutes) * 60) == seconds;
    CronInterval::ALL.iter().find(same).copied()
}

fn words(seconds: u64) -> String {
    match seconds {
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_one_of_those_there_are_or_none() {
        assert_eq!(interval(0), Some(CronInterval::Off));
        assert_eq!(interval(10_800), Some(CronInterval::ThreeHours));
        assert_eq!((interval(14_400), words(14_400)), (None, "4 h".to_owned()));
        assert_eq!((words(300), words(7)), ("5 min".to_owned(), "7 s".to_owned()));
    }

    #[test]
    fn what_only_the_front_end_knows_comes_to_the_list() {
        let mut hostmaster = Hostmaster { tasks: (4, 1), ..Hostmaster::default() };
        let people = vec![("anna".to_owned(), "anna@example.org".to_owned())];
        hostmaster.clients.push(Client { uname: "lone".into(), title: "Lone".into(), people });
        let site = || Site { status: -1, client: None, aliases: BTreeSet::new(), cron: Some(0), tasks: (1, 0) };
        hostmaster.sites = [("a.test".to_owned(), site()), ("ghost.test".to_owned(), site())].into();
        let fate = Fate::Becomes("@a.test".into());
        let mut things = vec![Adopted {
            kind: AdoptedKind::Site,
            name: "a.test".into(),
            fate,
            notes: Vec::new(),
            commands: Vec::new(),
        }];

        let said = add(&mut things, &hostmaster);

        assert!(said[0].contains("4 tasks, of which 1 failed"));
        assert_eq!(things[0].notes[0], "it is disabled in its front end");
        assert!(things[0].notes[1].contains("--cron off"));
        assert_eq!((things[1].name.as_str(), things[1].fate.can_come()), ("lone", true));
        assert!(things[1].notes[0].contains("anna <anna@example.org>"));
        assert_eq!((things[2].name.as_str(), things[2].fate.can_come()), ("ghost.test", false));
    }
}
