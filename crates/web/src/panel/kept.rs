//! What an installation keeps beside objects: settings, fields, tokens, accounts, sessions, features.

mod features;
mod lists;
mod own_sessions;
mod settings;

use aegir_hosting::{OperationId, Permission, Subject};

use super::address;
use super::route::{Needs, PanelRoute};

/// Their addresses.
pub(super) fn routes() -> Vec<PanelRoute> {
    let mut routes = vec![
        PanelRoute::get("/settings", Needs::May(OperationId::SettingList.declaration().needs), |visit| {
            Box::pin(settings::show(visit))
        }),
        PanelRoute::get("/features", Needs::May(Permission::View), |visit| Box::pin(features::show(visit))),
    ];
    routes.extend([
        PanelRoute::get(&address::list(Subject::Session), Needs::Session, |visit| {
            Box::pin(own_sessions::all_or_own(visit))
        }),
        PanelRoute::get(own_sessions::PATH, Needs::Session, |visit| Box::pin(own_sessions::show(visit))),
        PanelRoute::post("/account/sessions/end", Needs::Session, |visit| Box::pin(own_sessions::end(visit))),
    ]);
    routes.extend(lists::lists().filter(|list| list.subject != Subject::Session).map(|list| {
        let needs = Needs::May(list.needs);
        PanelRoute::get(&format!("/{}", list.subject.path()), needs, |visit| Box::pin(lists::show(visit)))
    }));
    routes
}

/// The pages that settings are among, each with its address.
fn tabs(here: &str) -> Vec<Tab> {
    let own = [("Settings", "/settings".to_owned())];
    let lists = lists::lists().map(|list| (lists::title(list.subject), address::list(list.subject)));
    let last = [("Features", "/features".to_owned())];
    let all = own.into_iter().chain(lists).chain(last);
    all.map(|(text, href)| Tab { text, current: href == here, href }).collect()
}

/// A link among others.
struct Tab {
    text: &'static str,
    href: String,
    current: bool,
}

/// Whether the list of a subject is a page here.
pub(super) fn is_kept(subject: Subject) -> bool {
    matches!(subject, Subject::Token | Subject::Field | Subject::TaskType | Subject::Account | Subject::Session)
}
