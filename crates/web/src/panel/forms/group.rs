//! Which fields of a form stand together, and which are folded away because most leave them as they are.

use aegir_hosting::{Operation, OperationId};

use super::field::Field;

/// Fields that stand together.
#[derive(Clone, Debug, Default)]
pub(in crate::panel) struct Group {
    /// What they are about; empty: they begin the form.
    pub(in crate::panel) legend: &'static str,
    pub(in crate::panel) hint: &'static str,
    pub(in crate::panel) fields: Vec<Field>,
    /// Whether they are folded away.
    pub(in crate::panel) folded: bool,
    /// Whether a choice in them narrows the others.
    pub(in crate::panel) narrows: bool,
    /// Where the service that they are about is tried; empty: they are about none.
    pub(in crate::panel) tries: String,
}

impl Group {
    /// Whether it is shown unfolded all the same: what is wrong or was typed must be seen.
    pub(in crate::panel) fn is_open(&self) -> bool {
        self.fields.iter().any(|field| !field.error.is_empty())
    }

    /// Which service of a server they are about, as `server try` calls it.
    pub(super) fn service(&self) -> Option<&'static str> {
        match self.legend {
            legend if legend == WEB.0 => Some("http"),
            legend if legend == DATABASE.0 => Some("db"),
            legend if legend == SSH.0 => Some("back-end"),
            _ => None,
        }
    }
}

const FIRST: (&str, &str) = ("", "");
const CHOICES: (&str, &str) = ("What it is made of", "What is left open is chosen: the newest Drupal that fits.");
const MORE: (&str, &str) = ("More", "");
const CHOSEN: (&str, &str) = ("Which sites", "Left empty, all that live on it go.");
const OWN: (&str, &str) = ("Your own fields", "");
const CODE: (&str, &str) =
    ("Where its code comes from", "One of these; a code base that lies there is only looked at.");
const ARCHIVE: (&str, &str) =
    ("An archive", "One that is fetched needs its checksum. It is unpacked into a folder of its own.");
const GIT: (&str, &str) = (
    "A git repository",
    "Checked out at one commit. Passwords stay out of the address: they belong into `.netrc` of Ægir's home on the server.",
);
const PROJECT: (&str, &str) =
    ("A project with a lock file", "Copied on the server; Composer installs exactly what `composer.lock` names.");
const MAKE: (&str, &str) = (
    "A make file of Drush",
    "Read on the server. Releases are pinned in it; what comes is compared with its checksums.",
);
const WITHIN: (&str, &str) = ("Where Drupal lies in it", "");
const WEB: (&str, &str) = ("Web service", "");
const DATABASE: (&str, &str) = ("Database service", "SQLite needs none of what follows the product.");
const SSH: (&str, &str) =
    ("Another machine", "For a server whose back end is reached over SSH; left empty, it is this machine.");

/// Where a field stands.
fn place_of(operation: &Operation, name: &str) -> (&'static str, &'static str) {
    use OperationId as Id;
    if name.starts_with("field.") {
        return OWN;
    }
    match (operation.id, name) {
        (Id::SiteAdd, "name") => FIRST,
        (Id::SiteAdd, "platform" | "profile" | "db_server" | "language") => CHOICES,
        (Id::SiteAdd, _) => MORE,
        (Id::SiteClone, "alias" | "redirect_to" | "db_server") => MORE,
        (Id::SiteImport | Id::SiteCopy, "alias" | "client") => MORE,
        (Id::SiteRefresh | Id::SiteSwitch, "keep_former") => MORE,
        (Id::SiteMigrate | Id::BackupRestore, "db_server") | (Id::SiteMigrate, "keep_former") | (Id::SiteUpdate, _) => {
            MORE
        }
        (Id::TrashRestore, "platform" | "db_server") => MORE,
        (Id::PlatformMigrate, "site" | "filter" | "leave_out" | "order") => CHOSEN,
        (Id::PlatformMigrate, "at_once" | "allow_missing" | "keep_former") => MORE,
        (Id::PlatformAdd, "root" | "copy_from" | "composer" | "constraint" | "registry" | "demo") => CODE,
        (Id::PlatformAdd, "archive" | "sha256" | "strip") => ARCHIVE,
        (Id::PlatformAdd, "git" | "ref" | "submodules") => GIT,
        (Id::PlatformAdd, "project") => PROJECT,
        (Id::PlatformAdd, "make" | "release_source" | "no_recursion") => MAKE,
        (Id::PlatformAdd, "docroot") => WITHIN,
        (Id::PlatformAdd, "php") => MORE,
        (Id::ServerAdd | Id::ServerEdit, "http" | "listen") => WEB,
        (Id::ServerAdd | Id::ServerEdit, "grant_host") => DATABASE,
        (Id::ServerAdd | Id::ServerEdit, "home") => SSH,
        (Id::ServerAdd | Id::ServerEdit, name) if name == "db" || name.starts_with("db_") => DATABASE,
        (Id::ServerAdd | Id::ServerEdit, name) if name.starts_with("ssh_") => SSH,
        (Id::ServerAdd | Id::ServerEdit, "ip" | "most_tasks") => MORE,
        _ => FIRST,
    }
}

/// The fields of a form in their groups; each group where its first field stood.
pub(in crate::panel) fn grouped(operation: &Operation, fields: Vec<Field>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for field in fields {
        let place = place_of(operation, &field.name);
        match groups.iter_mut().find(|group| group.legend == place.0) {
            Some(group) => group.fields.push(field),
            None => groups.push(Group {
                legend: place.0,
                hint: place.1,
                folded: [MORE, CHOSEN, ARCHIVE, GIT, PROJECT, MAKE, WITHIN].contains(&place)
                    || place == SSH && operation.id == OperationId::ServerAdd,
                narrows: place == CHOICES,
                fields: vec![field],
                tries: String::new(),
            }),
        }
    }
    // What is folded away stands last.
    groups.sort_by_key(|group| group.legend == MORE.0);
    groups
}
