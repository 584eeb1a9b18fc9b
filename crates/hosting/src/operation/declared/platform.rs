//! Operations about platforms.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const LIST: &[Parameter] = &[
    SEARCH,
    OBJECT_STATUS,
    optional("server", Shape::Text(SERVER), "the server that serves it", "all"),
    optional("core", Shape::Text(LINE), "its version of Drupal, or how that begins", "all"),
    default("sort", Shape::Choice(&["name", "-name", "created", "-created"]), "the order; `-` turns it round", "name"),
    LIMIT,
    CURSOR,
];

const ADD: &[Parameter] = &[
    optional("root", Shape::Text(PATH), "the document root of code that is there already", "the code is made"),
    optional("copy_from", Shape::Text(PATH), "a tree that the code is copied from, and that is only read", "no copy"),
    optional("composer", Shape::Text(COMPOSER_PACKAGE), "the package that Composer makes it from", "no Composer"),
    optional(
        "constraint",
        Shape::Text(CONSTRAINT),
        "which releases Composer may take",
        "the newest that its PHP can run",
    ),
    optional("registry", Shape::Text(REGISTRY), "the registry that Composer asks", "the public one"),
    optional(
        "archive",
        Shape::Text(ARCHIVE),
        "an archive of the code: an address, or a path on the server",
        "no archive",
    ),
    optional("sha256", Shape::Text(SHA256), "the checksum of the archive; needed for one at an address", "any"),
    optional(
        "strip",
        Shape::Number { least: 0, most: 20 },
        "how many folders around the code in the archive are left out",
        "the only one at its top",
    ),
    optional("git", Shape::Text(GIT), "the git repository that the code is checked out of", "no git"),
    optional("ref", Shape::Text(GIT_REF), "the branch, tag or commit of the git repository; needed for one", "none"),
    flag("submodules", "the repositories within the git repository too"),
    optional(
        "project",
        Shape::Text(PATH),
        "a project of Composer that is copied, with the packages that its lock file names",
        "no project",
    ),
    optional("make", Shape::Text(PATH), "a make file of Drush that it is put together from", "no make file"),
    optional(
        "release_source",
        Shape::Text(RELEASES),
        "the folder of the web with archives of releases that the make file names",
        "that of drupal.org",
    ),
    flag("no_recursion", "leaves alone the make files that lie in projects"),
    optional(
        "docroot",
        Shape::Text(CODE_FOLDER),
        "the document root within the archive, the git repository or the project",
        "where Drupal is found",
    ),
    flag("demo", "the demo code base, which is no Drupal"),
    optional("server", Shape::Text(SERVER), "the server whose web service serves it", "the only one that has one"),
    optional("php", Shape::Text(PATH), "the PHP program for its sites' work in a shell", "the machine's own"),
    optional("title", Shape::Text(TITLE), "its title", "its name"),
    FIELDS,
];

const EDIT: &[Parameter] = &[
    optional("php", Shape::Text(PATH), "the PHP program for its sites' work in a shell", "as it is"),
    flag("own_php", "the machine's own PHP again"),
    optional("title", Shape::Text(TITLE), "its title", "as it is"),
    FIELDS,
    optional(
        "revision",
        Shape::Number { least: 0, most: i64::MAX },
        "the revision that the change was made from",
        "whatever it is",
    ),
];

const DELETE: &[Parameter] = &[required("confirm", Shape::Text(PLATFORM), "its name again, typed by whoever asks")];

const MIGRATE: &[Parameter] = &[
    required("to", Shape::Text(PLATFORM), "the platform that they are to live on"),
    several("site", Shape::Text(SITE), "a site that lives on it, by its name", "all of them"),
    several(
        "filter",
        Shape::Text(VALUE),
        "what the list of sites is filtered by besides, as NAME=VALUE: `package=webform`",
        "nothing",
    ),
    several("leave_out", Shape::Text(SITE), "a site that stays where it is, by its name", "none"),
    default(
        "order",
        Shape::Choice(&["name", "smallest", "largest", "oldest", "newest"]),
        "which go first; of how large they are, what their last move or backup tells",
        "name",
    ),
    default("waves", Shape::Text(WAVES), WAVES_ARE, "1,10,rest"),
    optional("at_once", AT_ONCE, "how many of them move at once, at the most", "as many as may run on their server"),
    default("stop_after", STOP_AFTER, STOP_AFTER_IS, "5"),
    default(
        "rehearse",
        Shape::Choice(&["none", "site", "wave"]),
        "whether it is tried on copies first: of each site just before it moves, or of a whole wave before any of it moves",
        "none",
    ),
    several(
        "allow_missing",
        Shape::Text(PACKAGE),
        "a package that may be missing there though sites have it enabled: its machine name; logs tell of each",
        "none",
    ),
    KEEP_FORMER,
];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::PlatformList => ("list", Names::None, LIST, Permission::View, Effect::Lists, "Lists platforms."),
        OperationId::PlatformAdd => (
            "add",
            Names::New(PLATFORM),
            ADD,
            Permission::Manage,
            Effect::Queues,
            "Makes a platform of code that is there, copied, made by Composer, or brought from elsewhere, and verifies it.",
        ),
        OperationId::PlatformEdit => (
            "edit",
            Names::One(PLATFORM),
            EDIT,
            Permission::Manage,
            Effect::Queues,
            "Changes what is said of a platform, and verifies it.",
        ),
        OperationId::PlatformVerify => (
            "verify",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Operate,
            Effect::Queues,
            "Checks a platform's code and records its packages and the sites that are found in it.",
        ),
        OperationId::PlatformRun => (
            "run",
            Names::One(PLATFORM),
            RUN,
            Permission::Operate,
            Effect::Queues,
            "Runs a task of a type of your own on a platform; `task-type list` tells which there are.",
        ),
        OperationId::PlatformForget => (
            "forget",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Queues,
            "Forgets a platform on which no site lives; its code stays where it is.",
        ),
        OperationId::PlatformLock => (
            "lock",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Changes,
            "Takes no more sites onto a platform; those that live on it go on, and can be moved away.",
        ),
        OperationId::PlatformUnlock => (
            "unlock",
            Names::One(PLATFORM),
            &[] as &[Parameter],
            Permission::Manage,
            Effect::Changes,
            "Takes sites onto a locked platform again.",
        ),
        OperationId::PlatformDelete => (
            "delete",
            Names::One(PLATFORM),
            DELETE,
            Permission::Manage,
            Effect::Queues,
            "Takes away a platform on which no site lives: its code goes to the trash.",
        ),
        OperationId::PlatformMigrate => (
            "migrate",
            Names::One(PLATFORM),
            MIGRATE,
            Permission::Manage,
            Effect::Changes,
            "Moves the sites of a platform to another one, a few first, each by a task of its own. Those that do not fit stay. \
             With a dry run, it says who can go, why others cannot, and how long it may take.",
        ),
        _ => ("show", Names::One(PLATFORM), &[] as &[Parameter], Permission::View, Effect::Shows, "Shows a platform."),
    };
    Operation { id, subject: Subject::Platform, verb, about, names, parameters, needs, effect }
}
