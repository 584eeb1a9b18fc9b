//! The two marks of an object: how it is, and whether both sides say the same of it. Said once, for lists and pages.

use aegir_hosting::view::{DriftView, NodeView, PlatformView, ServerView, SiteView};
use aegir_hosting::{Call, OperationId};

use super::frame::Tone;
use super::states;
use super::visit::Visit;
use crate::api::Problem;

/// How many differences are read at once, and in all.
const AT_ONCE: usize = 500;
const MOST_PAGES: usize = 4;

/// A mark: how it looks, and its words.
pub(crate) type Mark = (Tone, &'static str);

/// The two marks of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// How it is.
    pub(crate) health: Mark,
    /// Whether its back end has what is remembered here.
    pub(crate) sync: Mark,
}

/// Records of which a back end has another one than the front end, by the names that tasks call objects by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drifts {
    found: Vec<DriftView>,
    /// The last name that was read, where there are more.
    known_to: Option<String>,
}

impl Drifts {
    /// All of them, up to a bound that no healthy fleet comes near.
    pub(crate) async fn ask(visit: &Visit) -> Result<Drifts, Problem> {
        let mut drifts = Drifts::default();
        let mut call = Call::of(OperationId::DriftList).with("limit", AT_ONCE);
        for _ in 0..MOST_PAGES {
            let (found, next, _) = visit.list::<DriftView>(call.clone()).await?;
            drifts.found.extend(found);
            match next {
                Some(next) => call = call.with("cursor", next),
                None => return Ok(drifts),
            }
        }
        drifts.known_to = drifts.found.last().map(|drift| drift.name.clone());
        Ok(drifts)
    }

    /// The difference in what is said of an object: `@example.org`.
    pub(crate) fn of(&self, name: &str) -> Option<&DriftView> {
        self.found.iter().find(|drift| drift.name == name)
    }

    /// Whether there is one; nothing where not all of them were read.
    fn is_there(&self, name: &str) -> Option<bool> {
        match (self.of(name), &self.known_to) {
            (Some(_), _) => Some(true),
            (None, Some(last)) if name > last.as_str() => None,
            (None, _) => Some(false),
        }
    }
}

/// The name that tasks call an object by: `@server_web1`.
pub(crate) fn context_of(node: &NodeView) -> String {
    let name = node.name.as_deref().unwrap_or_default();
    match node.kind.as_str() {
        "server" => format!("@server_{name}"),
        "platform" => format!("@platform_{name}"),
        _ => format!("@{name}"),
    }
}

/// The marks of a site.
pub(crate) fn of_site(site: &SiteView, drifts: &Drifts) -> Marks {
    let own = site.awaits_installer.then_some((Tone::Warning, "awaits the installer"));
    marks(&site.node, own, drifts)
}

/// The marks of a platform.
pub(crate) fn of_platform(platform: &PlatformView, drifts: &Drifts) -> Marks {
    marks(&platform.node, None, drifts)
}

/// The marks of a server.
pub(crate) fn of_server(server: &ServerView, drifts: &Drifts) -> Marks {
    let untrusted = server.ssh.as_ref().is_some_and(|ssh| ssh.host_key.is_none());
    let own = match (untrusted, server.paused) {
        (true, _) => Some((Tone::Warning, "no key trusted")),
        (false, true) => Some((Tone::Warning, "paused")),
        (false, false) => None,
    };
    marks(&server.node, own, drifts)
}

/// The marks of an object; `own` is what only its kind can have.
fn marks(node: &NodeView, own: Option<Mark>, drifts: &Drifts) -> Marks {
    let status = states::of_object(&node.status);
    let is_there = matches!(node.status.as_str(), "enabled" | "disabled");
    let health = match (node.status.as_str(), own, node.verified) {
        ("enabled" | "new", Some(own), _) => own,
        ("enabled", None, None) => (Tone::Warning, "not verified"),
        _ => (status.tone, status.word),
    };
    let drift = match node.status.as_str() {
        "deleted" => Some(false),
        _ => drifts.is_there(&context_of(node)),
    };
    let sync = match (drift, node.verified) {
        (Some(true), _) => (Tone::Warning, "drifted"),
        _ if !is_there => (Tone::Plain, "nothing to compare"),
        (None, _) | (_, None) => (Tone::Plain, "not known"),
        (_, Some(verified)) if verified < node.changed => (Tone::Plain, "changed since"),
        _ => (Tone::Good, "in sync"),
    };
    Marks { health, sync }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(status: &str, verified: Option<i64>) -> NodeView {
        let text = |text: &str| text.to_owned();
        NodeView {
            id: 7,
            kind: text("site"),
            name: Some(text("a.test")),
            title: text("A"),
            status: text(status),
            client: None,
            created: 1,
            changed: 5,
            verified,
        }
    }

    fn drift(name: &str) -> DriftView {
        DriftView { name: name.to_owned(), found: 3, ours: Value::Null, theirs: json!({}) }
    }

    fn words(node: &NodeView, own: Option<Mark>, drifts: &Drifts) -> (&'static str, &'static str) {
        let marks = marks(node, own, drifts);
        (marks.health.1, marks.sync.1)
    }

    #[test]
    fn an_object_is_well_only_where_its_last_verify_said_so() {
        let none = Drifts::default();
        assert_eq!(words(&node("enabled", Some(5)), None, &none), ("enabled", "in sync"));
        assert_eq!(words(&node("enabled", Some(4)), None, &none), ("enabled", "changed since"));
        assert_eq!(words(&node("enabled", None), None, &none), ("not verified", "not known"));
        assert_eq!(words(&node("failed", None), None, &none), ("failed", "nothing to compare"));
        let waits = Some((Tone::Warning, "awaits the installer"));
        assert_eq!(words(&node("enabled", None), waits, &none).0, "awaits the installer");
        assert_eq!(words(&node("deleted", None), waits, &none).0, "deleted");
    }

    #[test]
    fn what_was_not_read_is_not_called_in_sync() {
        let all = Drifts { found: vec![drift("@a.test")], known_to: None };
        let some = Drifts { found: vec![drift("@0.test")], known_to: Some("@0.test".into()) };

        assert_eq!(words(&node("enabled", Some(5)), None, &all).1, "drifted");
        assert_eq!(words(&node("enabled", Some(5)), None, &some).1, "not known");
    }
}
