//! The parts of this program: their standing, what they depend on, whether they are used, and what switches them.
//!
//! What each can be asked for follows from the operations; which products there are, from what a server can be given;
//! whether something is used or on, from what is remembered.

use aegir_hosting::view::{ServerView, SettingView};
use aegir_hosting::{Call, OperationId, Permission, Setting, Shape, Subject};
use askama::Template;
use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::{Tab, tabs};
use crate::api::Problem;
use crate::panel::elsewhere::elsewhere;
use crate::panel::forms::label_of;
use crate::panel::frame::Frame;
use crate::panel::visit::Visit;
use crate::panel::words::capital;
use crate::panel::{address, reply};

/// How far a part belongs to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing works without it.
    Required,
    /// It can be left alone.
    Optional,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Standing::Required => "required",
            Standing::Optional => "optional",
        }
    }
}

/// A part of the program.
struct Part {
    key: &'static str,
    name: &'static str,
    standing: Standing,
    /// Parts that it cannot do without.
    needs: &'static [&'static str],
    /// Settings that it reads.
    settings: &'static [Setting],
    /// The one of them that switches it on, by having a value.
    switch: Option<Setting>,
}

const fn part(key: &'static str, name: &'static str, standing: Standing, needs: &'static [&'static str]) -> Part {
    Part { key, name, standing, needs, settings: &[], switch: None }
}

/// The parts, but for the products that services are made of.
const PARTS: [Part; 14] = [
    Part {
        settings: &[Setting::TasksAtOnce, Setting::TasksPerServer, Setting::SilentMinutes, Setting::KeepTasksDays],
        ..part("tasks", "Tasks and their queue", Standing::Required, &[])
    },
    part("servers", "Servers and their services", Standing::Required, &["tasks"]),
    part("platforms", "Platforms", Standing::Required, &["servers"]),
    Part {
        settings: &[
            Setting::KeepFormerDays,
            Setting::KeepFormer,
            Setting::ImportFound,
            Setting::WelcomeTo,
            Setting::WelcomeContacts,
            Setting::WelcomeSubject,
            Setting::WelcomeBody,
        ],
        ..part("sites", "Sites", Standing::Required, &["platforms"])
    },
    Part {
        settings: &[Setting::CronInterval, Setting::CronAtOnce, Setting::CronPerServer, Setting::CronSeconds],
        ..part("cron", "Cron of sites", Standing::Required, &["sites"])
    },
    part("packages", "Packages, and where each is installed", Standing::Required, &["platforms", "sites"]),
    Part {
        settings: &[Setting::KeepAuditDays, Setting::KeepCopies],
        ..part("kept", "Settings, histories and the audit", Standing::Required, &[])
    },
    part("people", "The panel, its accounts and sessions", Standing::Optional, &["kept"]),
    part("tokens", "Tokens of the API", Standing::Optional, &["kept"]),
    part("fields", "Fields of your own", Standing::Optional, &["kept"]),
    part("task-types", "Task types of your own", Standing::Optional, &["tasks"]),
    part("ssh", "Servers on other machines, over SSH", Standing::Optional, &["servers"]),
    Part {
        settings: &[Setting::NewsMailTo, Setting::NewsMailFrom, Setting::NewsMailBy, Setting::NewsMailPassword],
        switch: Some(Setting::NewsMailTo),
        ..part("mail", "News of failures by mail", Standing::Optional, &["tasks"])
    },
    Part {
        settings: &[Setting::NewsWebhook, Setting::NewsWebhookSecret],
        switch: Some(Setting::NewsWebhook),
        ..part("webhook", "News of failures to a webhook", Standing::Optional, &["tasks"])
    },
];

/// The part that a subject's operations belong to.
fn part_of(subject: Subject) -> &'static str {
    match subject {
        Subject::Server | Subject::Trash => "servers",
        Subject::Platform => "platforms",
        Subject::Site | Subject::Backup | Subject::FoundSite | Subject::Drift => "sites",
        Subject::Package => "packages",
        Subject::Task | Subject::Queue | Subject::Bulk => "tasks",
        Subject::Token => "tokens",
        Subject::Field => "fields",
        Subject::TaskType => "task-types",
        Subject::Setting | Subject::Audit | Subject::Node => "kept",
        Subject::Account | Subject::Session => "people",
    }
}

#[derive(Template)]
#[template(path = "features.html")]
struct FeaturesPage {
    frame: Frame,
    tabs: Vec<Tab>,
    these: Vec<Shown>,
}

struct Shown {
    key: String,
    name: String,
    standing: &'static str,
    tone: &'static str,
    state: String,
    needs: Vec<(String, String)>,
    needed_by: Vec<(String, String)>,
    operations: Vec<String>,
    settings: Vec<&'static str>,
    /// What is done to switch it: text and address.
    switch: Option<(String, String)>,
}

/// The page of all parts.
pub(super) async fn show(visit: &Visit) -> Result<Response<Body>, Problem> {
    let (servers, more, _) = visit.list::<ServerView>(Call::of(OperationId::ServerList).with("limit", 500)).await?;
    let may_see_settings = visit.actor().may.hold(Permission::Administer);
    let settings = match may_see_settings {
        true => visit.list::<SettingView>(Call::of(OperationId::SettingList)).await?.0,
        false => Vec::new(),
    };
    let at_least = if more.is_some() { "at least " } else { "" };
    let used_by = |count: usize| match count {
        0 => ("plain", "not used".to_owned()),
        1 => ("good", format!("used by {at_least}1 server")),
        count => ("good", format!("used by {at_least}{count} servers")),
    };
    let mut parts: Vec<Shown> = PARTS.iter().map(|part| shown(part, &settings, may_see_settings)).collect();
    if let Some(ssh) = parts.iter_mut().find(|part| part.key == "ssh") {
        (ssh.tone, ssh.state) = used_by(servers.iter().filter(|server| server.ssh.is_some()).count());
    }
    for (kind, product) in products() {
        let count = servers.iter().filter(|server| {
            server.services.iter().any(|service| service.kind == kind && service.service_type == product)
        });
        let (tone, state) = used_by(count.count());
        parts.push(Shown {
            key: format!("{kind}-{product}"),
            name: format!("{}: {product}", label_of(kind)),
            standing: Standing::Optional.word(),
            tone,
            state,
            needs: vec![named("servers")],
            needed_by: Vec::new(),
            operations: Vec::new(),
            settings: Vec::new(),
            switch: Some((
                "Add a server with it".into(),
                format!("{}?{kind}={product}", address::doing(&OperationId::ServerAdd.declaration(), None)),
            )),
        });
    }
    let mut frame = visit.frame("Features", "settings").await;
    frame.elsewhere.push(elsewhere("The switches", &Call::of(OperationId::SettingList)));
    reply::page(&FeaturesPage { frame, tabs: tabs("/features"), these: parts })
}

/// The settings of each part that has any, in their order, with the part's name.
pub(super) fn settings_by_part() -> impl Iterator<Item = (&'static str, &'static [Setting])> {
    PARTS.iter().filter(|part| !part.settings.is_empty()).map(|part| (part.name, part.settings))
}

/// The products that a server's services can be made of: kind and name, as a server is given them.
fn products() -> impl Iterator<Item = (&'static str, &'static str)> {
    let add = OperationId::ServerAdd.declaration();
    ["http", "db"].into_iter().flat_map(move |kind| {
        let words = match add.parameter(kind).map(|parameter| parameter.shape) {
            Some(Shape::Choice(words)) => words,
            _ => &[],
        };
        words.iter().map(move |word| (kind, *word))
    })
}

fn named(key: &str) -> (String, String) {
    let name = PARTS.iter().find(|part| part.key == key).map_or(key, |part| part.name);
    (name.to_owned(), format!("#{key}"))
}

fn shown(part: &Part, settings: &[SettingView], may_see_settings: bool) -> Shown {
    let all = OperationId::ALL.into_iter().map(OperationId::declaration);
    let own = all.filter(|operation| part_of(operation.subject) == part.key);
    let is_on = part.switch.map(|switch| {
        let name = switch.parameter().name;
        settings.iter().any(|setting| setting.name == name && setting.value != Value::Null)
    });
    let (tone, state) = match (part.standing, is_on) {
        (_, Some(_)) if !may_see_settings => ("plain", "told to administrators"),
        (_, Some(true)) => ("good", "on"),
        (_, Some(false)) => ("plain", "off"),
        (Standing::Required, None) => ("good", "always on"),
        (_, None) => ("good", "at hand"),
    };
    let set = OperationId::SettingSet.declaration();
    let switch = part.switch.filter(|_| may_see_settings).map(|switch| {
        let name = switch.parameter().name;
        let text = if is_on == Some(true) { "Switch it off or change it" } else { "Switch it on" };
        (text.to_owned(), address::doing(&set, Some(name)))
    });
    Shown {
        key: part.key.to_owned(),
        name: capital(part.name),
        standing: part.standing.word(),
        tone,
        state: state.to_owned(),
        needs: part.needs.iter().map(|key| named(key)).collect(),
        needed_by: PARTS.iter().filter(|other| other.needs.contains(&part.key)).map(|other| named(other.key)).collect(),
        operations: own.map(|operation| operation.name()).collect(),
        settings: part.settings.iter().map(|setting| setting.parameter().name).collect(),
        switch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_setting_belongs_to_a_part() {
        for subject in Subject::ALL {
            assert!(PARTS.iter().any(|part| part.key == part_of(subject)), "{subject:?}");
        }
        for setting in Setting::ALL {
            let count = PARTS.iter().filter(|part| part.settings.contains(&setting)).count();
            assert_eq!(count, 1, "{setting:?}");
        }
    }

    #[test]
    fn what_is_required_needs_nothing_that_is_not_and_each_need_stands_before() {
        for (place, part) in PARTS.iter().enumerate() {
            for need in part.needs {
                let needed = PARTS[..place].iter().find(|other| other.key == *need);
                let needed = needed.unwrap_or_else(|| panic!("{}: {need}", part.key));
                assert!(part.standing != Standing::Required || needed.standing == Standing::Required, "{}", part.key);
            }
        }
    }

    #[test]
    fn products_are_those_that_a_server_can_be_given() {
        assert_eq!(
            products().collect::<Vec<_>>(),
            [("http", "nginx"), ("http", "apache"), ("db", "mariadb"), ("db", "sqlite")]
        );
    }
}
