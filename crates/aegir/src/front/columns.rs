//! Which columns each list has for people, and what is said where it is empty.

use aegir_hosting::{OperationId, Subject};
use serde_json::Value;

use super::screen::{Screen, Tone};
use super::table::{Cell, Table};
use super::when;

/// A column: its head, the field it shows, and how.
type Column = (&'static str, &'static str, As);

/// How a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    /// As it is.
    Text,
    /// A word that has a colour.
    State,
    /// Whether it is so.
    YesNo,
    /// A moment.
    When,
    /// From the first to the second moment.
    Took(&'static str),
    /// Of each entry of a list, this field; of a list of texts, the texts.
    Each(&'static str),
    /// What differs from the field of this name.
    Differs(&'static str),
}

use As::{Differs, Each, State, Text, Took, When, YesNo};

fn columns(operation: OperationId) -> &'static [Column] {
    match operation {
        OperationId::ServerList => &[
            ("NAME", "name", Text),
            ("STATUS", "status", State),
            ("SERVICES", "services", Each("service_type")),
            ("BACK END", "transport", Text),
            ("VERIFIED", "verified", When),
        ],
        OperationId::PlatformList => &[
            ("NAME", "name", Text),
            ("STATUS", "status", State),
            ("DRUPAL", "core", Text),
            ("SERVER", "server", Text),
            ("SITES", "sites", Text),
            ("VERIFIED", "verified", When),
        ],
        OperationId::SiteList => &[
            ("NAME", "name", Text),
            ("STATUS", "status", State),
            ("PLATFORM", "platform", Text),
            ("DRUPAL", "core", Text),
            ("VERIFIED", "verified", When),
            ("TITLE", "title", Text),
        ],
        OperationId::BackupList => &[
            ("NAME", "name", Text),
            ("KIND", "kind", Text),
            ("MADE", "made", When),
            ("BYTES", "bytes", Text),
            ("DRUPAL", "core", Text),
            ("PLATFORM", "platform", Text),
            ("SERVER", "server", Text),
            ("NOTE", "note", Text),
            ("LACKS", "lacks", Each("")),
            ("CANNOT BE READ", "fault", Text),
        ],
        OperationId::TrashList => &[
            ("NAME", "name", Text),
            ("WAS", "kind", Text),
            ("STATE", "state", State),
            ("SINCE", "since", When),
            ("UNTIL", "until", When),
            ("BYTES", "bytes", Text),
            ("SERVER", "server", Text),
            ("BY", "by", Text),
            ("CANNOT BE ASKED", "fault", Text),
        ],
        OperationId::ServerTrash => &[
            ("NAME", "name", Text),
            ("WAS", "kind", Text),
            ("STATE", "state", State),
            ("SINCE", "since", When),
            ("UNTIL", "until", When),
            ("BYTES", "bytes", Text),
            ("BY", "by", Text),
        ],
        OperationId::SitePackages => &[
            ("NAME", "name", Text),
            ("KIND", "kind", Text),
            ("VERSION", "version", Text),
            ("ENABLED", "enabled", YesNo),
            ("SCHEMA", "schema", Text),
            ("CODE OF", "scope", Text),
        ],
        OperationId::PackageList => &[("NAME", "name", Text), ("KIND", "kind", Text), ("SITES", "sites", Text)],
        OperationId::BulkList => &[
            ("NUMBER", "id", Text),
            ("OPERATION", "operation", Text),
            ("OBJECTS", "all", Text),
            ("FAILED", "failed", Text),
            ("STATE", "state", Text),
            ("ASKED BY", "asked_by", Text),
            ("STARTED", "started", When),
        ],
        OperationId::BulkObjects => {
            &[("NAME", "name", Text), ("WAVE", "wave", Text), ("STATE", "state", State), ("TASK", "task", Text)]
        }
        OperationId::TokenList => &[
            ("LABEL", "label", Text),
            ("SCOPES", "scopes", Each("")),
            ("MADE BY", "made_by", Text),
            ("HOLDS UNTIL", "expires", When),
            ("LAST USED", "last_used", When),
        ],
        OperationId::AccountList => &[
            ("NAME", "name", Text),
            ("MADE", "created", When),
            ("HAS COME IN", "entered", YesNo),
            ("FACTOR", "factor", YesNo),
            ("SESSIONS", "sessions", Text),
            ("LAST USED", "last_used", When),
            ("BLOCKED", "blocked", When),
        ],
        OperationId::SessionList => &[
            ("NUMBER", "id", Text),
            ("ACCOUNT", "account", Text),
            ("OPENED", "opened", When),
            ("LAST USED", "last_used", When),
            ("LASTS UNTIL", "until", When),
            ("BROWSER", "browser", Text),
        ],
        OperationId::SettingList => {
            &[("NAME", "name", Text), ("VALUE", "value", Text), ("DEFAULT", "default", Text), ("FOR", "about", Text)]
        }
        OperationId::FieldList => {
            &[("NAME", "name", Text), ("OF", "kind", Text), ("TYPE", "type", Text), ("TITLE", "title", Text)]
        }
        OperationId::TaskTypeList => &[
            ("NAME", "name", Text),
            ("OF", "object", Text),
            ("TITLE", "title", Text),
            ("TAKES", "permission", Text),
            ("FIELDS", "fields", Each("name")),
            ("CANNOT BE USED", "fault", Text),
        ],
        OperationId::FoundSiteList => &[
            ("NAME", "name", Text),
            ("PLATFORM", "platform", Text),
            ("FIRST SEEN", "first", When),
            ("LAST SEEN", "last", When),
        ],
        OperationId::DriftList => {
            &[("NAME", "name", Text), ("FOUND", "found", When), ("DIFFERS IN", "ours", Differs("theirs"))]
        }
        OperationId::AuditList => &[
            ("WHEN", "at", When),
            ("WHO", "actor", Text),
            ("OPERATION", "operation", Text),
            ("OBJECT", "object", Text),
            ("ANSWER", "answer", Text),
        ],
        OperationId::NodeHistory => &[("WHEN", "at", When), ("WHO", "actor", Text), ("WHAT", "what", Text)],
        // Tasks, and what the queue shows of them.
        _ => &[
            ("TASK", "id", Text),
            ("STATE", "state", State),
            ("OPERATION", "operation", Text),
            ("TYPE", "title", Text),
            ("OBJECT", "object_name", Text),
            ("QUEUED", "queued", When),
            ("TOOK", "started", Took("ended")),
            ("WAITS FOR", "waits_for", Text),
        ],
    }
}

/// Entries of a list as a table.
pub(crate) fn table(operation: OperationId, items: &[Value], screen: Screen) -> Table {
    let columns = columns(operation);
    // A column of which nothing is known is no news.
    let shown: Vec<&Column> = columns
        .iter()
        .enumerate()
        .filter(|(at, column)| *at == 0 || items.iter().any(|item| !cell(column, item, screen).is_empty()))
        .map(|(_, column)| column)
        .collect();
    let mut table = Table::new(&shown.iter().map(|(head, ..)| *head).collect::<Vec<_>>());
    for item in items {
        table.push(
            shown
                .iter()
                .map(|column| {
                    let text = cell(column, item, screen);
                    let tone = if column.2 == State { Tone::of_state(&text) } else { Tone::Plain };
                    Cell::new(&text, tone)
                })
                .collect(),
        );
    }
    table
}

fn cell((_, field, how): &Column, item: &Value, screen: Screen) -> String {
    let value = &item[*field];
    match how {
        Text | State => text(value),
        YesNo => value.as_bool().map(|yes| if yes { "yes" } else { "no" }.to_owned()).unwrap_or_default(),
        When => match value.as_i64() {
            Some(at) if screen.out => when::seen_from(screen.now, at),
            Some(at) => when::exact(at),
            None => String::new(),
        },
        Took(end) => match (value.as_i64(), item[*end].as_i64()) {
            (Some(start), Some(end)) => when::took(end - start),
            _ => String::new(),
        },
        Each(field) => {
            let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
            entries.iter().map(|entry| text(entry.get(field).unwrap_or(entry))).collect::<Vec<_>>().join(", ")
        }
        Differs(other) => differing(value, &item[*other]).join(", "),
    }
}

/// A value on one line.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The names of fields that two records have differently.
fn differing(ours: &Value, theirs: &Value) -> Vec<String> {
    match (ours.as_object(), theirs.as_object()) {
        (Some(ours), Some(theirs)) => {
            let mut names: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
        }
        (None, None) if ours == theirs => Vec::new(),
        (None, _) => vec!["it is missing here".into()],
        (_, None) => vec!["it is missing there".into()],
    }
}

/// What is said of an empty list that nothing narrowed: what would be here, and how to get the first.
pub(crate) fn when_empty(operation: OperationId, subject: Subject) -> &'static str {
    match (operation, subject) {
        (OperationId::NodeHistory, _) => "Nothing became of it yet.",
        (OperationId::ServerTrash, _) => "Nothing lies in the trash of its machine.",
        (_, Subject::Server) => {
            "There is no server yet. Record one with `aegir server add NAME …`; `aegir up` makes a first one."
        }
        (_, Subject::Platform) => {
            "There is no platform yet. Make one with `aegir platform add NAME --composer drupal/recommended-project`."
        }
        (OperationId::SitePackages, _) => {
            "No package of the site is known yet: a verify reads them, `aegir site verify NAME`."
        }
        (_, Subject::Site) => "There is no site yet. Make one with `aegir site add www.example.org`.",
        (_, Subject::Trash) => "Nothing that was deleted lies aside.",
        (_, Subject::Backup) => "There is no backup. Make one with `aegir site backup NAME`.",
        (_, Subject::Package) => {
            "No package is known yet: a verify of a platform records them, `aegir platform verify NAME`."
        }
        (_, Subject::Task | Subject::Queue) => "No task was asked for yet. A first one comes with `aegir site add …`.",
        (OperationId::BulkObjects, _) => "No object of the bulk run stands so.",
        (_, Subject::Bulk) => {
            "There is no bulk run yet. Begin one with `aegir bulk start --operation 'site verify' --filter all`."
        }
        (_, Subject::Token) => "There is no token yet. Make one with `aegir token add NAME --scope view`.",
        (_, Subject::Account) => "There is no account of the panel yet. Make one with `aegir account add NAME`.",
        (_, Subject::Session) => "Nobody is signed in to the panel.",
        (_, Subject::Field) => "There is no field of your own yet. Add one with `aegir field add NAME --kind site`.",
        (_, Subject::TaskType) => "There is no task type of your own: they lie in `tasks.d` of the home.",
        (_, Subject::FoundSite) => "No verify found a site that is not managed.",
        (_, Subject::Drift) => "Nothing differs between the front end and the back ends.",
        (_, Subject::Audit) => "Nothing was asked for yet.",
        (_, Subject::Setting | Subject::Node) => "There is nothing.",
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::{Effect, view};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_column_shows_a_field_that_there_is() {
        let schema = |operation| match operation {
            OperationId::ServerList => schemars::schema_for!(view::ServerView),
            OperationId::PlatformList => schemars::schema_for!(view::PlatformView),
            OperationId::SiteList => schemars::schema_for!(view::SiteView),
            OperationId::BackupList => schemars::schema_for!(view::BackupView),
            OperationId::ServerTrash | OperationId::TrashList => schemars::schema_for!(view::TrashView),
            OperationId::SitePackages => schemars::schema_for!(view::InstalledView),
            OperationId::PackageList => schemars::schema_for!(view::PackageView),
            OperationId::TaskList => schemars::schema_for!(view::TaskView),
            OperationId::BulkList => schemars::schema_for!(view::BulkView),
            OperationId::BulkObjects => schemars::schema_for!(view::BulkObjectView),
            OperationId::TokenList => schemars::schema_for!(view::TokenView),
            OperationId::AccountList => schemars::schema_for!(view::AccountView),
            OperationId::SessionList => schemars::schema_for!(view::SessionView),
            OperationId::SettingList => schemars::schema_for!(view::SettingView),
            OperationId::FieldList => schemars::schema_for!(view::FieldView),
            OperationId::TaskTypeList => schemars::schema_for!(view::TaskTypeView),
            OperationId::FoundSiteList => schemars::schema_for!(view::FoundSiteView),
            OperationId::DriftList => schemars::schema_for!(view::DriftView),
            OperationId::AuditList => schemars::schema_for!(view::AuditView),
            OperationId::NodeHistory => schemars::schema_for!(view::HistoryView),
            other => panic!("{other:?} has no columns"),
        };
        for id in OperationId::ALL.into_iter().filter(|id| id.declaration().effect == Effect::Lists) {
            if id == OperationId::TaskLog {
                continue;
            }
            let schema = serde_json::to_value(schema(id)).unwrap();
            for (_, field, how) in columns(id) {
                assert!(schema["properties"].get(field).is_some(), "{id:?}: {field}");
                if let Took(other) | Differs(other) = how {
                    assert!(schema["properties"].get(other).is_some(), "{id:?}: {other}");
                }
            }
        }
    }

    #[test]
    fn what_differs_is_named() {
        assert_eq!(differing(&json!({ "a": 1, "b": 2 }), &json!({ "a": 1, "b": 3, "c": 4 })), ["b", "c"]);
        assert_eq!(differing(&json!(null), &json!({})), ["it is missing here"]);
    }
}
