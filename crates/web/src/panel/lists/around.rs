//! Rows of what is kept around objects: packages, what a site has of them, found sites, differences, the audit, tasks.

use aegir_domain::SiteFolder;
use aegir_hosting::view::OUT_OF_CONTACT;
use aegir_hosting::view::{
    AuditView, BackupView, BulkView, DriftView, FoundSiteView, InstalledView, PackageView, TaskView, TrashView,
};
use aegir_hosting::{OperationId, Subject};
use serde_json::Value;

use super::cell::{Cell, Column, Row, rows_of};
use super::which::Beside;
use crate::api::Problem;
use crate::panel::frame::Tone;
use crate::panel::{address, differ, states};

/// Rows of packages.
pub(super) fn packages(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |package: &PackageView, column| match column {
        "name" => {
            let page = address::object(Subject::Package, &package.name);
            Cell::link(&package.name, format!("{page}?kind={}", address::encoded(&package.kind)))
        }
        "kind" => Cell::text(package.kind.clone()),
        "sites" => Cell::Number(package.sites),
        _ => Cell::Nothing,
    })
}

/// Rows of what a site has.
pub(super) fn installed(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |installed: &InstalledView, column| match column {
        "name" => {
            let page = address::object(Subject::Package, &installed.name);
            Cell::link(&installed.name, format!("{page}?kind={}", address::encoded(&installed.kind)))
        }
        "kind" => Cell::text(installed.kind.replace('-', " ")),
        "version" => Cell::text(installed.version.clone()),
        "enabled" if installed.enabled => Cell::State(Tone::Good, "enabled".to_owned()),
        "enabled" => Cell::State(Tone::Plain, "not enabled".to_owned()),
        "schema" => Cell::maybe(installed.schema.map(|schema| schema.to_string()).as_deref()),
        "scope" => Cell::text(installed.scope.clone()),
        "title" => Cell::text(installed.title.clone()),
        "path" => match &installed.path {
            Some(path) => Cell::Code(path.clone()),
            None => Cell::Nothing,
        },
        _ => Cell::Nothing,
    })
}

/// Rows of what lies in a trash.
pub(super) fn trash(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |thing: &TrashView, column| match column {
        "name" if thing.kind == OUT_OF_CONTACT => {
            Cell::link(&format!("The machine of {}", thing.server), address::object(Subject::Server, &thing.server))
        }
        "name" => Cell::text(thing.name.clone()),
        "kind" if thing.kind == OUT_OF_CONTACT => Cell::Nothing,
        "kind" => Cell::text(thing.kind.replace('-', " ")),
        "server" => Cell::link(&thing.server, trash_of(&thing.server)),
        "state" => match (thing.state.as_str(), &thing.fault) {
            (_, Some(why)) => {
                let told = format!("out of contact, so that its trash is missing here: {why}");
                Cell::State(Tone::Warning, told)
            }
            ("kept", _) => Cell::State(Tone::Plain, "kept".into()),
            ("in-use", _) => Cell::State(Tone::Busy, "in use by a task".into()),
            ("half-removed", _) => Cell::State(Tone::Warning, "half removed".into()),
            _ => Cell::State(Tone::Warning, "not ours: left alone".into()),
        },
        "since" => Cell::when((thing.since != 0).then_some(thing.since)),
        "until" => Cell::when(thing.until),
        "bytes" if thing.kind == OUT_OF_CONTACT => Cell::Nothing,
        "bytes" => Cell::Size(thing.bytes),
        // A site comes back from its last backup, since its database is not there.
        "back" if thing.state == "kept" && (thing.backup.is_some() || thing.kind == "platform") => {
            let restore = address::doing(&OperationId::TrashRestore.declaration(), Some(&thing.name));
            Cell::link("Restore…", format!("{restore}?server={}", address::encoded(&thing.server)))
        }
        "gone" if ["kept", "half-removed"].contains(&thing.state.as_str()) => {
            let empty = address::doing(&OperationId::TrashEmpty.declaration(), None);
            // What is half removed bears its name with an ending.
            let name = thing.name.strip_suffix(".going");
            let named = name.is_none().then(|| format!("&thing={}", address::encoded(&thing.name)));
            let server = address::encoded(&thing.server);
            Cell::link("Remove…", format!("{empty}?server={server}{}", named.unwrap_or_default()))
        }
        "by" => Cell::maybe(thing.by.as_deref()),
        "backup" => match &thing.backup {
            Some(backup) => {
                let page = address::object(Subject::Backup, backup);
                Cell::link(backup, format!("{page}?server={}", address::encoded(&thing.server)))
            }
            None => Cell::Nothing,
        },
        "lay" => thing.lay.clone().map_or(Cell::Nothing, Cell::Code),
        "folder" if thing.folder.is_empty() => Cell::Nothing,
        "folder" => Cell::Code(thing.folder.clone()),
        _ => Cell::Nothing,
    })
}

/// The page of the trash of a server's machine.
fn trash_of(server: &str) -> String {
    format!("{}/trash", address::object(Subject::Server, server))
}

/// Rows of backups.
pub(super) fn backups(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |backup: &BackupView, column| match column {
        "name" if backup.kind == OUT_OF_CONTACT => {
            Cell::link(&format!("The machine of {}", backup.server), address::object(Subject::Server, &backup.server))
        }
        "name" if backup.kind == "former" => {
            let back = address::doing(&OperationId::SiteGoBack.declaration(), Some(&backup.site));
            Cell::link(&backup.name, format!("{back}?former={}", address::encoded(&backup.name)))
        }
        "name" => Cell::link(&backup.name, page_of_backup(backup)),
        "back" => way_back(backup),
        "site" if backup.site.is_empty() => Cell::Nothing,
        "site" => Cell::link(&backup.site, format!("/backups?site={}", address::encoded(&backup.site))),
        "kind" => match (backup.kind.as_str(), backup.format.as_deref(), &backup.fault) {
            (OUT_OF_CONTACT, _, why) => {
                let why = why.as_deref().unwrap_or_default();
                Cell::State(Tone::Warning, format!("out of contact, so that its backups are missing here: {why}"))
            }
            (_, _, Some(_)) => Cell::State(Tone::Bad, "cannot be read".into()),
            ("former", ..) => Cell::text("former self"),
            _ if !backup.lacks.is_empty() => {
                Cell::State(Tone::Warning, format!("of what was left: lacks {}", backup.lacks.join(", ")))
            }
            _ if backup.left_by.is_some() => Cell::text(left_by(backup.left_by.as_deref())),
            _ if backup.made_by.as_deref() == Some("disable-site") => Cell::text("backup, before it was disabled"),
            _ if backup.made_by.as_deref() == Some("delete-site") => Cell::text("last backup, before it was deleted"),
            (_, Some("classic"), _) => Cell::text("classic archive"),
            _ => Cell::text("backup"),
        },
        "made" => Cell::when((backup.made != 0).then_some(backup.made)),
        "bytes" if backup.kind == OUT_OF_CONTACT => Cell::Nothing,
        "bytes" => Cell::Size(backup.bytes),
        "core" => Cell::maybe(backup.core.as_deref()),
        "platform" => Cell::maybe(backup.platform.as_deref()),
        "server" => Cell::link(&backup.server, address::object(Subject::Server, &backup.server)),
        "profile" => Cell::maybe(backup.profile.as_deref()),
        "engine" => Cell::maybe(backup.engine.as_deref()),
        "left_by" => match &backup.left_by {
            Some(_) => Cell::text(left_by(backup.left_by.as_deref())),
            None => Cell::Nothing,
        },
        "note" => Cell::maybe(backup.note.as_deref()),
        "lacks" if backup.lacks.is_empty() => Cell::Nothing,
        "lacks" => Cell::text(backup.lacks.join(", ")),
        "fault" => Cell::maybe(backup.fault.as_deref()),
        _ => Cell::Nothing,
    })
}

/// Why there is a backup that nobody asked for.
fn left_by(task: Option<&str>) -> &'static str {
    match task {
        Some("migrate-site") => "what it was before it was moved",
        Some("update-site") => "what it was before its updates ran",
        Some("rename-site") => "what it was before it was renamed",
        Some("restore-backup") => "what it was before it was restored",
        Some("go-back-site") => "what it was before it went back",
        _ => "what it was before",
    }
}

/// Where a site is made what one says: a backup is restored, and one goes back to a former self.
fn way_back(backup: &BackupView) -> Cell {
    match backup.kind.as_str() {
        "former" => {
            let back = address::doing(&OperationId::SiteGoBack.declaration(), Some(&backup.site));
            Cell::link("Go back…", format!("{back}?former={}", address::encoded(&backup.name)))
        }
        OUT_OF_CONTACT => Cell::Nothing,
        _ if backup.fault.is_some() || !backup.lacks.is_empty() => Cell::Nothing,
        _ => {
            let restore = address::doing(&OperationId::BackupRestore.declaration(), Some(&backup.name));
            Cell::link("Restore…", format!("{restore}?server={}", address::encoded(&backup.server)))
        }
    }
}

/// The page of a backup, which names the machine: another one can have one of the same name.
fn page_of_backup(backup: &BackupView) -> String {
    let page = address::object(Subject::Backup, &backup.name);
    format!("{page}?server={}", address::encoded(&backup.server))
}

/// Rows of sites that were found.
pub(super) fn found(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |found: &FoundSiteView, column| match column {
        "name" => Cell::Code(found.name.clone()),
        "platform" => Cell::link(&found.platform, address::object(Subject::Platform, &found.platform)),
        "first" => Cell::Time(found.first),
        "last" => Cell::Time(found.last),
        "take_in" => Cell::link("Import…", import_of(found)),
        _ => Cell::Nothing,
    })
}

/// Where a site that was found is looked at, and taken in.
pub(crate) fn import_of(found: &FoundSiteView) -> String {
    let import = address::doing(&OperationId::SiteImport.declaration(), None);
    let which = match found.name == SiteFolder::of_default().as_str() {
        // What it is to be called, is asked there.
        true => "from_default=true".to_owned(),
        false => format!("name={}", address::encoded(&found.name)),
    };
    format!("{import}?{which}&platform={}", address::encoded(&found.platform))
}

/// Rows of differences.
pub(super) fn drift(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |drift: &DriftView, column| match column {
        "name" => Cell::link(&called(&drift.name), address::of_context(&drift.name)),
        "what" => {
            let paths: Vec<_> = differ::between(&drift.ours, &drift.theirs).into_iter().map(|one| one.what).collect();
            Cell::text(paths.join(", "))
        }
        "found" => Cell::Time(drift.found),
        "choose" => {
            let resolve = OperationId::DriftResolve.declaration();
            Cell::link("Choose a side", address::doing(&resolve, Some(&drift.name)))
        }
        _ => Cell::Nothing,
    })
}

/// Rows of the audit.
pub(super) fn audit(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |entry: &AuditView, column| match column {
        "at" => Cell::Time(entry.at),
        "actor" => Cell::text(entry.actor.clone()),
        "operation" => Cell::text(name_of(&entry.operation)),
        "object" => match (entry.object.as_deref(), subject_of(&entry.operation)) {
            (Some(name), Some(subject)) => Cell::link(name, address::object(subject, name.trim_start_matches('@'))),
            (name, _) => Cell::maybe(name),
        },
        "answer" => {
            let tone = match entry.answer.as_str() {
                "done" | "queued" => Tone::Good,
                _ => Tone::Warning,
            };
            Cell::State(tone, entry.answer.replace('-', " "))
        }
        "door" => Cell::text(entry.door.clone()),
        "parameters" => match &entry.parameters {
            None | Some(Value::Null) => Cell::Nothing,
            Some(given) => Cell::Code(given.to_string()),
        },
        _ => Cell::Nothing,
    })
}

/// Rows of bulk runs.
pub(super) fn bulk(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |run: &BulkView, column| match column {
        "run" => {
            let text = format!("{} #{}", name_of(&run.operation), run.id);
            Cell::link(&text, address::object(Subject::Bulk, &run.id.to_string()))
        }
        "state" => match (run.ended, run.failed) {
            _ if run.state == "paused" => Cell::State(Tone::Warning, "paused".into()),
            _ if run.state == "stopped" => Cell::State(Tone::Warning, "stopped".into()),
            (false, _) => Cell::State(Tone::Busy, "goes on".into()),
            (true, 0) => Cell::State(Tone::Good, "ended".into()),
            (true, _) => Cell::State(Tone::Bad, "ended with failures".into()),
        },
        "all" => Cell::Number(run.all),
        "failed" => Cell::Number(run.failed),
        "chosen" => Cell::text(run.chosen.clone()),
        "asked_by" => Cell::text(run.asked_by.clone()),
        "started" => Cell::Time(run.started),
        _ => Cell::Nothing,
    })
}

/// Rows of tasks.
pub(super) fn tasks(items: Vec<Value>, columns: &[Column], _: &Beside) -> Result<Vec<Row>, Problem> {
    rows_of(items, columns, |task: &TaskView, column| match column {
        "task" => {
            let what = task.title.clone().unwrap_or_else(|| name_of(&task.operation));
            let text = format!("{what} #{}", task.id);
            Cell::link(&text, address::object(Subject::Task, &task.id.to_string()))
        }
        "number" => Cell::text(task.id.to_string()),
        "state" => {
            let state = states::of_task(&task.state);
            let word = if task.cancelling { format!("{}, stopping", state.word) } else { state.word.to_owned() };
            Cell::State(state.tone, word)
        }
        "object" => Cell::link(&called(&task.object_name), page_of_object(task)),
        "asked_by" => Cell::text(task.asked_by.clone()),
        "queued" => Cell::Time(task.queued),
        "started" => Cell::when(task.started),
        "ended" => Cell::when(task.ended),
        "took" => match (task.started, task.ended) {
            (Some(began), Some(ended)) => Cell::Lasted(ended.saturating_sub(began)),
            (Some(began), None) => Cell::Since(began),
            (None, _) => Cell::Nothing,
        },
        "server" => Cell::link(&task.server, address::object(Subject::Server, &task.server)),
        "parent" => match task.parent {
            Some(parent) => Cell::link(&format!("#{parent}"), address::object(Subject::Task, &parent.to_string())),
            None => Cell::Nothing,
        },
        _ => Cell::Nothing,
    })
}

/// The page of a task's object, by its number: its name may be another's by now.
fn page_of_object(task: &TaskView) -> String {
    address::object(Subject::Node, &task.object.to_string())
}

/// What tasks call an object by, in words: `server web1`; a site by its name alone.
fn called(context: &str) -> String {
    let bare = context.strip_prefix('@').unwrap_or(context);
    match (bare.strip_prefix("platform_"), bare.strip_prefix("server_")) {
        (Some(platform), _) => format!("platform {platform}"),
        (_, Some(server)) => format!("server {server}"),
        _ => bare.to_owned(),
    }
}

/// What an operation is about, by the word that is kept, if that has a page.
fn subject_of(slug: &str) -> Option<Subject> {
    let mut operations = OperationId::ALL.into_iter().map(OperationId::declaration);
    let subject = operations.find(|operation| operation.slug() == slug)?.subject;
    let has_page = [Subject::Site, Subject::Platform, Subject::Server, Subject::Task, Subject::Package];
    has_page.contains(&subject).then_some(subject)
}

/// The name of an operation, by the word that is kept: `site verify`.
pub(crate) fn name_of(slug: &str) -> String {
    let mut operations = OperationId::ALL.into_iter().map(OperationId::declaration);
    let known = operations.find(|operation| operation.slug() == slug);
    known.map_or_else(|| slug.to_owned(), |operation| operation.name())
}
