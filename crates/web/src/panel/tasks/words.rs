//! What tasks do, in words: from the operations that they were asked for by.

use aegir_domain::TaskState;
use aegir_hosting::view::TaskView;
use aegir_hosting::{Operation, OperationId};

/// The operation by which a task was asked for; `None`: another version had it.
pub(crate) fn operation(slug: &str) -> Option<Operation> {
    OperationId::ALL.into_iter().map(OperationId::declaration).find(|operation| operation.slug() == slug)
}

/// What an operation does, as the beginning of a heading: `Verify`, `Log in to`.
pub(crate) fn verb(slug: &str) -> String {
    let Some(operation) = operation(slug) else { return capital(&slug.replace('-', " ")) };

    use crate::panel::words::capital;
    match operation.id {
        OperationId::SiteLogin => "Log in to".into(),
        OperationId::SiteBackup => "Back up".into(),
        OperationId::SiteRebuildCaches => "Rebuild the caches of".into(),
        OperationId::ServerRun | OperationId::PlatformRun | OperationId::SiteRun => "Run a task of your own on".into(),
        OperationId::SiteGoBack => "Go back with".into(),
        OperationId::SiteDropFormer => "Let go of a former self of".into(),
        // Such a task is about the site that it makes.
        OperationId::SiteClone | OperationId::SiteCopy => "Make the copy".into(),
        OperationId::SiteSwitch => "Switch to the copy".into(),
        OperationId::BackupVerify => "Verify a backup of".into(),
        OperationId::BackupDelete => "Delete a backup of".into(),
        OperationId::ServerTrust => "Trust the key of".into(),
        OperationId::DriftResolve => "Settle the drift of".into(),
        OperationId::SettingSet => "Set".into(),
        _ => capital(&operation.verb.replace('-', " ")),
    }
}

/// What a task does: `Verify example.org`.
pub(crate) fn heading(slug: &str, object: &str) -> String {
    format!("{} {}", verb(slug), bare(object))
}

/// The same of a task; one of a type of the operator's own is called as that: `Warm up: example.org`.
pub(crate) fn heading_of(task: &TaskView) -> String {
    match &task.title {
        Some(title) => format!("{title}: {}", bare(&task.object_name)),
        None => heading(&task.operation, &task.object_name),
    }
}

/// The name of an object as pages have it, of that which tasks call it by: `@platform_d10` is `d10`.
pub(crate) fn bare(object: &str) -> &str {
    let bare = object.strip_prefix('@').unwrap_or(object);
    bare.strip_prefix("platform_").or_else(|| bare.strip_prefix("server_")).unwrap_or(bare)
}

/// What sort of object a task is about, by the name that it calls it by.
pub(crate) fn sort(object: &str) -> &'static str {
    let bare = object.strip_prefix('@').unwrap_or(object);
    match (bare.starts_with("platform_"), bare.starts_with("server_")) {
        (true, _) => "platform",
        (_, true) => "server",
        _ => "site",
    }
}

/// Whether a task so called has ended; one whose state this version does not know is taken to have.
pub(crate) fn has_ended(state: &str) -> bool {
    state.parse::<TaskState>().map_or(true, TaskState::is_ended)
}

/// A piece of a sentence about tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Where it leads; empty: nowhere.
    pub(crate) href: String,
    /// Whether it is a name, a path, a command.
    pub(crate) is_name: bool,
}

/// A sentence of the front end's, with a link for each task that it names: `task 12 holds …`.
pub(crate) fn linked(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for piece in crate::panel::words::prose(text) {
        if piece.is_name {
            pieces.push(Piece { text: piece.text.into(), href: String::new(), is_name: true });
            continue;
        }
        let mut rest = piece.text;
        while let Some((before, named, after)) = first_task(rest) {
            pieces.push(Piece { text: before.into(), href: String::new(), is_name: false });
            let number = named.trim_start_matches("task ");
            pieces.push(Piece { text: named.into(), href: format!("/tasks/{number}"), is_name: false });
            rest = after;
        }
        pieces.push(Piece { text: rest.into(), href: String::new(), is_name: false });
    }
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// The first task that is named, with what stands before and after it.
fn first_task(text: &str) -> Option<(&str, &str, &str)> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (start, _) = text.match_indices("task ").find(|(at, word)| text[at + word.len()..].starts_with(is_digit))?;
    let digits = start + "task ".len();
    let end = text[digits..].find(|c| !is_digit(c)).map_or(text.len(), |length| digits + length);
    Some((&text[..start], &text[start..end], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_a_heading_and_so_is_one_of_another_version() {
        for operation in OperationId::ALL.map(OperationId::declaration) {
            assert!(verb(&operation.slug()).starts_with(char::is_uppercase), "{}", operation.name());
        }
        assert_eq!(heading("site-verify", "@example.org"), "Verify example.org");
        assert_eq!(heading("backup-delete", "@example.org"), "Delete a backup of example.org");
        assert_eq!(heading("platform-build", "@platform_d10"), "Platform build d10");
        assert_eq!((sort("@server_web1"), bare("@server_web1")), ("server", "web1"));
    }

    #[test]
    fn a_task_that_is_named_is_led_to() {
        let pieces = linked("task 12 holds `platform-d10`; 4 tasks run, and task 7");

        let links: Vec<_> = pieces.iter().filter(|piece| !piece.href.is_empty()).map(|piece| &*piece.href).collect();
        assert_eq!(links, ["/tasks/12", "/tasks/7"]);
        let text: String = pieces.iter().map(|piece| &*piece.text).collect();
        assert_eq!(text, "task 12 holds platform-d10; 4 tasks run, and task 7");
        assert_eq!(linked("task without a number").len(), 1);
    }
}
