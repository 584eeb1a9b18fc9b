//! What cannot be taken back: the name is typed, and it is said before what goes and what stays.

use aegir_hosting::{Operation, OperationId, Subject};
use serde_json::Value;

use super::fill::{bare, text_of};
use crate::panel::words::size;

/// What somebody agrees to by typing a name.
#[derive(Clone, Debug, Default)]
pub(in crate::panel) struct Confirm {
    /// The name to be typed.
    pub(in crate::panel) name: String,
    pub(in crate::panel) happens: Vec<String>,
    pub(in crate::panel) stays: Vec<String>,
    pub(in crate::panel) typed: String,
    pub(in crate::panel) error: String,
}

/// Whether an operation takes something away.
pub(super) fn takes_away(operation: &Operation) -> bool {
    matches!(operation.verb, "delete" | "forget" | "revoke" | "empty")
}

/// What is agreed to, of the object `name`; `None`: nothing is taken away.
pub(super) fn confirm(operation: &Operation, name: &str, view: Option<&Value>) -> Option<Confirm> {
    if !takes_away(operation) {
        return None;
    }
    let nothing = Value::Null;
    let (happens, stays) = told(operation, name, view.unwrap_or(&nothing));
    Some(Confirm { name: name.to_owned(), happens, stays, ..Confirm::default() })
}

/// What goes, and what stays.
fn told(operation: &Operation, name: &str, view: &Value) -> (Vec<String>, Vec<String>) {
    let history =
        "What became of it, its tasks with their logs, and the audit, for as long as the settings say.".to_owned();
    let mut happens = Vec::new();
    let mut stays = Vec::new();
    match (operation.id, operation.subject) {
        (OperationId::SiteDelete, _)
            if view["database"].is_null() && !matches!(view["status"].as_str(), Some("enabled" | "disabled")) =>
        {
            happens.push(format!(
                "`{name}` was never in service: it is taken from the lists, and its name is free again."
            ));
            happens.push("If the task that was to make it left something behind, that is removed too.".into());
        }
        (OperationId::SiteDelete, _) => {
            happens.push(names_end(name, view));
            happens.push(
                "A last backup is made of what there is of it, and looked through, unless you say that none is wanted."
                    .into(),
            );
            happens.push("Its folder is moved to the trash of its file system.".into());
            happens.push(format!(
                "Its database {} on `{}` is dropped, with the database's user. This comes last, and cannot be taken back.",
                quoted(&view["database"]),
                bare(&text_of(&view["db_server"])),
            ));
            if view["formers"].as_array().is_some_and(|formers| formers.iter().any(|one| one["archive"].is_null())) {
                happens.push(
                    "What it was before it was moved goes likewise: files to the trash, databases for good.".into(),
                );
            }
            happens.push("Its record and its credentials are removed; its name is free again.".into());
            stays.push("Its files, in the trash: for as many days as the setting `trash_days` of its machine says, 30 by default.".into());
            stays.push("Its backups, the last one among them: “Restore” has the site be there again.".into());
        }
        (OperationId::BackupDelete, _) => {
            happens.push(format!(
                "The archive `{name}` is removed from the machine of `{}`, for good.",
                text_of(&view["server"])
            ));
            stays.push(format!("The site `{}` and its other backups, if there are any.", text_of(&view["site"])));
        }
        (OperationId::TrashEmpty, _) => {
            happens.extend(goes_from_trash(view));
            stays.push("What else lies in the trash of the machine, each until its date.".into());
            stays.push("Backups: a site can be restored from one for as long as that is there.".into());
        }
        (OperationId::PlatformForget, _) => {
            happens.push("Ægir no longer knows the platform, and puts no sites on it.".into());
            let root = text_of(&view["root"]);
            stays.push(match root.is_empty() {
                true => "Its code stays where it is.".into(),
                false => format!("Its code stays where it is: `{root}`."),
            });
        }
        (OperationId::PlatformDelete, _) => {
            happens.push("Ægir no longer knows the platform; the web server and PHP neither.".into());
            let root = text_of(&view["root"]);
            happens.push(match root.is_empty() {
                true => "Its code is moved to the trash.".into(),
                false => format!("Its code at `{root}`, with the project around it, is moved to the trash."),
            });
            stays.push("Its code, in the trash: for as many days as the setting `trash_days` of its machine says, 30 by default.".into());
            stays.push("Backups of sites that lived on it: they can be restored on another platform.".into());
        }
        (OperationId::ServerForget, _) => {
            happens.push("Ægir no longer knows the server, and asks nothing of its services.".into());
            happens.push("Its record and its credentials in the home are removed.".into());
            stays.push(
                "Its services go on, with all that they have: nothing is uninstalled and no database is dropped."
                    .into(),
            );
        }
        (OperationId::TokenRevoke, _) => {
            happens
                .push("Whoever sends it is refused from then on; streams that it opened end within a minute.".into());
        }
        (OperationId::FieldDelete, _) => {
            happens.push("The field is taken away, with its value on each object that has one.".into());
        }
        (OperationId::AccountDelete, _) => {
            happens.push("Nobody is let in by this account any more; its sessions and links end at once.".into());
        }
        _ => happens.push(operation.about.to_owned()),
    }
    if matches!(operation.subject, Subject::Site | Subject::Platform | Subject::Server) {
        stays.push(history);
    } else {
        stays.push("What was done until now, in the audit.".into());
    }
    (happens, stays)
}

/// How many things that go are named.
const NAMED: usize = 20;

/// What goes from a trash, as a trial told it.
fn goes_from_trash(view: &Value) -> Vec<String> {
    let server = text_of(&view["server"]);
    let things = view["removed"].as_array().map_or(&[][..], Vec::as_slice);
    let thing = |thing: &Value| {
        let takes = size(thing["bytes"].as_u64().unwrap_or_default());
        let kind = text_of(&thing["kind"]).replace('-', " ");
        format!("`{}` ({kind}, {takes}) is removed from the machine of `{server}`, for good.", text_of(&thing["name"]))
    };
    let mut lines: Vec<String> = things.iter().take(NAMED).map(thing).collect();
    match things.len() {
        0 => lines.push(format!("Nothing lies on the machine of `{server}` for long enough, so nothing goes.")),
        1..=NAMED => (),
        many => lines.push(format!("So are {} others.", many - NAMED)),
    }
    if things.len() > 1 {
        lines.push(format!("That makes room: {}.", size(view["bytes"].as_u64().unwrap_or_default())));
    }
    lines
}

/// That visitors are served no more.
fn names_end(name: &str, view: &Value) -> String {
    let others = view["domains"].as_array().map_or(0, |domains| domains.len().saturating_sub(1));
    match others {
        0 => format!("Visitors of `{name}` are served no more."),
        1 => format!("Visitors of `{name}` and of its other name are served no more."),
        others => format!("Visitors of `{name}` and of its {others} other names are served no more."),
    }
}

fn quoted(name: &Value) -> String {
    name.as_str().map(|name| format!("`{name}`")).unwrap_or_default()
}
