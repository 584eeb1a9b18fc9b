//! Which lists there are: each with its operation, its columns and its rows.

use aegir_hosting::{Names, Operation, OperationId};
use serde_json::Value;

use super::cell::{Column, Row, spare, usual};
use super::{around, fleet};
use crate::api::Problem;
use crate::panel::address;
use crate::panel::marks::Drifts;

/// Makes rows of what was answered, a cell for each column.
type MakesRows = fn(Vec<Value>, &[Column], &Beside) -> Result<Vec<Row>, Problem>;

/// A list that has a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    /// What is asked for.
    pub(crate) id: OperationId,
    /// What it is called.
    pub(super) title: &'static str,
    /// The part of the navigation it belongs to.
    pub(super) section: &'static str,
    /// One of what it lists, and several.
    pub(super) noun: (&'static str, &'static str),
    /// Its columns, the one that leads on first.
    pub(super) columns: &'static [Column],
    /// Whether its marks need what differs.
    pub(super) marked: bool,
    /// Whether its rows are counted, up to a bound.
    pub(super) counted: bool,
    /// Its rows.
    pub(super) rows: MakesRows,
    /// What it means that there is none.
    pub(super) empty: &'static str,
}

/// What rows are made with beside what was answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// Where both sides differ.
    pub(crate) drifts: Drifts,
}

impl List {
    /// What is asked for, as it is declared.
    pub(super) fn operation(&self) -> Operation {
        self.id.declaration()
    }

    /// Its page, as the router has it.
    pub(super) fn path(&self) -> String {
        self.path_of("{name}")
    }

    /// Its page; of a list that belongs to an object, that of the object of this name.
    pub(super) fn path_of(&self, name: &str) -> String {
        let operation = self.operation();
        match operation.names {
            Names::None => address::list(operation.subject),
            Names::One(_) | Names::New(_) => format!("/{}/{name}/{}", operation.subject.path(), operation.verb),
        }
    }

    /// The columns that are shown where nobody chose.
    pub(super) fn usual(&self) -> Vec<Column> {
        self.columns.iter().filter(|column| column.usual).copied().collect()
    }
}

/// Sites.
pub(crate) const SITES: List = List {
    id: OperationId::SiteList,
    title: "Sites",
    section: "sites",
    noun: ("site", "sites"),
    columns: &[
        usual("name", "Site"),
        usual("marks", "State"),
        usual("platform", "Platform"),
        usual("core", "Drupal"),
        usual("client", "Client"),
        usual("domains", "Domains"),
        usual("verified", "Verified"),
        spare("cron", "Last cron"),
        spare("cron_every", "Cron runs"),
        spare("title", "Title"),
        spare("profile", "Profile"),
        spare("language", "Language"),
        spare("server", "Server"),
        spare("db_server", "Database server"),
        spare("database", "Database"),
        spare("created", "Created"),
        spare("changed", "Changed"),
    ],
    marked: true,
    counted: true,
    rows: fleet::sites,
    empty: "Sites stand here once there are some. A new one needs its name alone; the rest has defaults that fit.",
};

/// Platforms.
pub(crate) const PLATFORMS: List = List {
    id: OperationId::PlatformList,
    title: "Platforms",
    section: "platforms",
    noun: ("platform", "platforms"),
    columns: &[
        usual("name", "Platform"),
        usual("marks", "State"),
        usual("core", "Drupal"),
        usual("sites", "Sites"),
        usual("server", "Server"),
        usual("locked", "Takes sites"),
        usual("verified", "Verified"),
        spare("title", "Title"),
        spare("root", "Document root"),
        spare("php", "PHP"),
        spare("created", "Created"),
        spare("changed", "Changed"),
    ],
    marked: true,
    counted: true,
    rows: fleet::platforms,
    empty: "A platform is a copy of Drupal's code, on which sites live. Ægir makes one with Composer, or takes code that is there.",
};

/// Servers.
pub(crate) const SERVERS: List = List {
    id: OperationId::ServerList,
    title: "Servers",
    section: "servers",
    noun: ("server", "servers"),
    columns: &[
        usual("name", "Server"),
        usual("marks", "State"),
        usual("http", "Web"),
        usual("db", "Database"),
        usual("transport", "Reached"),
        usual("verified", "Verified"),
        spare("title", "Title"),
        spare("paused", "Paused"),
        spare("most_tasks", "Tasks at once"),
        spare("created", "Created"),
        spare("changed", "Changed"),
    ],
    marked: true,
    counted: true,
    rows: fleet::servers,
    empty: "A server is a machine with its services: a web server, a database server, or both. It comes before all else.",
};

/// Packages.
pub(crate) const PACKAGES: List = List {
    id: OperationId::PackageList,
    title: "Packages",
    section: "packages",
    noun: ("package", "packages"),
    columns: &[usual("name", "Package"), usual("kind", "Kind"), usual("sites", "Enabled on")],
    marked: false,
    counted: false,
    rows: around::packages,
    empty: "Modules, themes and profiles stand here once a platform is verified: that is when its code is read.",
};

/// What one site has.
pub(crate) const INSTALLED: List = List {
    id: OperationId::SitePackages,
    title: "Packages",
    section: "sites",
    noun: ("package", "packages"),
    columns: &[
        usual("name", "Package"),
        usual("kind", "Kind"),
        usual("version", "Version"),
        usual("enabled", "State"),
        usual("schema", "Schema"),
        usual("scope", "Code of"),
        spare("title", "Title"),
        spare("path", "Path"),
    ],
    marked: false,
    counted: true,
    rows: around::installed,
    empty: "What a site has is read from its database by each verify that succeeds; none has been yet.",
};

/// What lies in the trash of a machine.
pub(crate) const TRASH: List = List {
    id: OperationId::ServerTrash,
    title: "Trash",
    section: "servers",
    noun: ("thing", "things"),
    columns: &[
        usual("name", "Name"),
        usual("kind", "Was"),
        usual("state", "State"),
        usual("since", "Since"),
        usual("until", "Kept until"),
        usual("bytes", "Takes"),
        usual("back", "Have it back"),
        usual("gone", "Be rid of it"),
        spare("by", "Put there by"),
        spare("backup", "Last backup"),
        spare("lay", "Lay at"),
        spare("folder", "Lies in"),
    ],
    marked: false,
    counted: true,
    rows: around::trash,
    empty: "What is deleted lies aside for as many days as `trash_days` of its machine says; nothing does now.",
};

/// What lies in the trash of all machines.
pub(crate) const TRASH_OF_ALL: List = List {
    id: OperationId::TrashList,
    columns: &[
        usual("name", "Name"),
        usual("kind", "Was"),
        usual("state", "State"),
        usual("server", "Lies on"),
        usual("since", "Since"),
        usual("until", "Kept until"),
        usual("bytes", "Takes"),
        usual("back", "Have it back"),
        usual("gone", "Be rid of it"),
        spare("by", "Put there by"),
        spare("backup", "Last backup"),
        spare("lay", "Lay at"),
        spare("folder", "Lies in"),
    ],
    ..TRASH
};

/// Backups.
pub(crate) const BACKUPS: List = List {
    id: OperationId::BackupList,
    title: "Backups",
    section: "sites",
    noun: ("backup", "backups"),
    columns: &[
        usual("name", "Backup"),
        usual("site", "Site"),
        usual("kind", "Kind"),
        usual("note", "Note"),
        usual("made", "Made"),
        usual("bytes", "Takes"),
        usual("core", "Drupal"),
        usual("back", "Return to it"),
        spare("platform", "Platform"),
        spare("server", "Lies on"),
        spare("profile", "Profile"),
        spare("engine", "Database"),
        spare("left_by", "Left by"),
        spare("lacks", "Lacks"),
        spare("fault", "Cannot be read"),
    ],
    marked: false,
    counted: true,
    rows: around::backups,
    empty: "A backup is one archive of a site: its folder and its database. It is made on the page of the site.",
};

/// Sites that were found.
pub(crate) const FOUND: List = List {
    id: OperationId::FoundSiteList,
    title: "Found sites",
    section: "sites",
    noun: ("found site", "found sites"),
    columns: &[
        usual("name", "Folder"),
        usual("platform", "Platform"),
        usual("first", "First seen"),
        usual("last", "Last seen"),
        usual("take_in", "Take it in"),
    ],
    marked: false,
    counted: true,
    rows: around::found,
    empty: "No verify of a platform has found a site there that is not managed here.",
};

/// Differences.
pub(crate) const DRIFT: List = List {
    id: OperationId::DriftList,
    title: "Drift",
    section: "overview",
    noun: ("difference", "differences"),
    columns: &[
        usual("name", "Object"),
        usual("what", "What differs"),
        usual("found", "Found"),
        usual("choose", "Choose"),
    ],
    marked: false,
    counted: true,
    rows: around::drift,
    empty: "Every back end has what is remembered here.",
};

/// What was asked for.
pub(crate) const AUDIT: List = List {
    id: OperationId::AuditList,
    title: "Audit",
    section: "settings",
    noun: ("entry", "entries"),
    columns: &[
        usual("at", "When"),
        usual("actor", "Who"),
        usual("operation", "What"),
        usual("object", "Of what"),
        usual("answer", "Answer"),
        usual("door", "Came by"),
        spare("parameters", "Given"),
    ],
    marked: false,
    counted: false,
    rows: around::audit,
    empty: "Nothing was asked for yet.",
};

/// Tasks.
pub(crate) const TASKS: List = List {
    id: OperationId::TaskList,
    title: "Tasks",
    section: "tasks",
    noun: ("task", "tasks"),
    columns: &[
        usual("task", "Task"),
        usual("state", "State"),
        usual("object", "Object"),
        usual("asked_by", "Asked by"),
        usual("queued", "Queued"),
        usual("took", "Took"),
        spare("number", "Number"),
        spare("server", "Server"),
        spare("started", "Began"),
        spare("ended", "Ended"),
        spare("parent", "Called for by"),
    ],
    marked: false,
    counted: true,
    rows: around::tasks,
    empty: "Whatever is asked of Ægir becomes a task, and stands here with what became of it.",
};

/// Bulk runs.
pub(crate) const BULK: List = List {
    id: OperationId::BulkList,
    title: "Bulk runs",
    section: "tasks",
    noun: ("bulk run", "bulk runs"),
    columns: &[
        usual("run", "Run"),
        usual("state", "State"),
        usual("all", "Objects"),
        usual("failed", "Failed"),
        usual("chosen", "Chosen"),
        usual("asked_by", "Asked by"),
        usual("started", "Started"),
    ],
    marked: false,
    counted: false,
    rows: around::bulk,
    empty: "What is asked of many objects at once stands here: tick rows of a list, and choose.",
};

/// All of them; those that belong to one object last.
pub(crate) const ALL: [List; 13] =
    [SITES, PLATFORMS, SERVERS, PACKAGES, BACKUPS, TRASH_OF_ALL, FOUND, DRIFT, AUDIT, TASKS, BULK, INSTALLED, TRASH];

#[cfg(test)]
mod tests {
    use aegir_hosting::{Effect, Shape};

    use super::*;

    #[test]
    fn each_list_is_one_that_can_be_asked_for_and_its_orders_stand_on_its_page() {
        for list in ALL {
            let operation = list.operation();
            assert_eq!(operation.effect, Effect::Lists, "{}", list.title);
            assert!(list.columns[0].usual, "{}: the column that leads on is always shown", list.title);
            let Some(sort) = operation.parameter("sort") else { continue };
            let Shape::Choice(words) = sort.shape else { panic!("{}: {sort:?}", list.title) };
            for word in words {
                let key = word.trim_start_matches('-');
                assert!(list.columns.iter().any(|column| column.key == key), "{}: {key}", list.title);
            }
        }
    }
}
