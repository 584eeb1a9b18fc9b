//! What can be asked of an object now, and why not the rest.

use aegir_hosting::view::{AvailableView, TaskTypeView};
use aegir_hosting::{Actor, Operation, OperationId, Permission, Subject};

use crate::panel::address;
use crate::panel::lists::label_of;
use crate::panel::words::capital;

/// Something that can be asked of an object, or cannot be now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doing {
    /// What it is called: `Verify`.
    pub(super) text: String,
    /// What it does, in a sentence.
    pub(super) about: String,
    /// Where it is asked for; empty: it cannot be now.
    pub(super) href: String,
    /// Why it cannot be asked for.
    pub(super) why_not: String,
    /// `primary`, `danger` or `plain`.
    pub(super) look: &'static str,
}

impl Doing {
    /// Whether it can be asked for.
    pub(super) fn is_open(&self) -> bool {
        !self.href.is_empty()
    }

    /// How it looks beside the others: what takes away is red where it is confirmed, and not before.
    pub(super) fn calm_look(&self) -> &'static str {
        if self.look == "danger" { "plain" } else { self.look }
    }
}

/// What can be asked of the object of this name, as its view says and as far as the account may. What one comes for is
/// first.
pub(super) fn doing(actor: &Actor, subject: Subject, name: &str, operations: &[AvailableView]) -> Vec<Doing> {
    let mut all: Vec<(u8, Doing)> = operations
        .iter()
        // A task of each type has a place of its own.
        .filter(|one| one.verb != "run")
        .filter_map(|one| {
            let operation = operation_of(subject, &one.verb)?;
            Some((rank(&operation), one_of(actor, &operation, name, one)))
        })
        .collect();
    all.sort_by_key(|(rank, _)| *rank);
    let mut doing: Vec<Doing> = all.into_iter().map(|(_, doing)| doing).collect();
    if let Some(first) = doing.iter_mut().find(|doing| doing.is_open() && doing.look == "plain") {
        first.look = "primary";
    }
    doing
}

fn one_of(actor: &Actor, operation: &Operation, name: &str, one: &AvailableView) -> Doing {
    let why_not = match (actor.must(operation.needs), one.available) {
        (Err(_), _) => format!("Your account lacks the permission `{}`.", operation.needs),
        (Ok(()), true) => String::new(),
        (Ok(()), false) => sentence(one.why_not.as_deref().unwrap_or("it cannot be asked for as it stands now")),
    };
    let href = if why_not.is_empty() { address::doing(operation, Some(name)) } else { String::new() };
    let look = if takes_away(operation) { "danger" } else { "plain" };
    Doing { text: called(operation), about: operation.about.to_owned(), href, why_not, look }
}

/// A task of each type of the operator's own that is about such an object, as far as the account may.
pub(super) fn own_types(
    actor: &Actor,
    subject: Subject,
    name: &str,
    operations: &[AvailableView],
    types: &[TaskTypeView],
) -> Vec<Doing> {
    let Some(run) = operation_of(subject, "run") else { return Vec::new() };
    let Some(available) = operations.iter().find(|one| one.verb == run.verb) else { return Vec::new() };
    let usable = types.iter().filter(|one| one.object.as_deref() == Some(subject.word()));
    let doing = usable.map(|one| {
        let needs = one.permission.as_deref().and_then(|word| word.parse::<Permission>().ok()).unwrap_or(run.needs);
        let mut doing = one_of(actor, &Operation { needs, ..run }, name, available);
        doing.text = format!("{}…", one.title);
        doing.about = one.description.clone();
        if doing.is_open() {
            doing.href = format!("{}?task_type={}", doing.href, address::encoded(&one.name));
        }
        doing
    });
    doing.collect()
}

/// What an operation is called where its object is known.
fn called(operation: &Operation) -> String {
    match operation.id {
        OperationId::SiteLogin => "Log in as…".to_owned(),
        OperationId::SiteBackup => "Back up".to_owned(),
        OperationId::SiteCron => "Run cron".to_owned(),
        OperationId::SiteRefresh => "Refresh the copy".to_owned(),
        OperationId::SiteSwitch => "Switch to the copy".to_owned(),
        OperationId::PlatformMigrate => "Move its sites…".to_owned(),
        _ => label_of(&operation.verb.replace('-', " ")),
    }
}

fn operation_of(subject: Subject, verb: &str) -> Option<Operation> {
    let mut declared = OperationId::ALL.into_iter().map(OperationId::declaration);
    declared.find(|operation| operation.subject == subject && operation.verb == verb)
}

fn takes_away(operation: &Operation) -> bool {
    matches!(operation.verb, "delete" | "forget")
}

/// What one most often comes for stands first, what takes away last.
fn rank(operation: &Operation) -> u8 {
    match operation.verb {
        "login" => 0,
        "verify" => 1,
        _ if takes_away(operation) => 9,
        _ => 5,
    }
}

/// A reason as a sentence.
fn sentence(text: &str) -> String {
    format!("{}.", capital(text.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use aegir_hosting::{Permission, Permissions};

    use super::*;

    fn view(verb: &str, why_not: Option<&str>) -> AvailableView {
        AvailableView { verb: verb.to_owned(), available: why_not.is_none(), why_not: why_not.map(str::to_owned) }
    }

    #[test]
    fn what_cannot_be_asked_for_says_why_and_leads_nowhere() {
        let views =
            [view("delete", None), view("edit", Some("both sides differ")), view("verify", None), view("login", None)];
        let anna = Actor::of_machine("anna");

        let all = doing(&anna, Subject::Site, "a.test", &views);

        let told: Vec<_> = all.iter().map(|one| (one.text.as_str(), one.look, one.href.as_str())).collect();
        assert_eq!(
            told,
            [
                ("Log in as…", "primary", "/do/site-login/a.test"),
                ("Verify", "plain", "/do/site-verify/a.test"),
                ("Edit", "plain", ""),
                ("Delete", "danger", "/do/site-delete/a.test"),
            ]
        );
        assert_eq!(all[2].why_not, "Both sides differ.");

        let may: Permissions = [Permission::View, Permission::Operate].into_iter().collect();
        let few = doing(&Actor { may, ..anna }, Subject::Site, "a.test", &views);
        let open: Vec<_> = few.iter().filter(|one| one.is_open()).map(|one| one.text.as_str()).collect();
        assert_eq!(open, ["Verify"]);
        assert_eq!(few[0].why_not, "Your account lacks the permission `log-in`.");
    }
}
