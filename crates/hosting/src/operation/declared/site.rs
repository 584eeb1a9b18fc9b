//! Operations about sites.

use super::*;
use crate::Permission;
use crate::operation::{Effect, Names};

const LIST: &[Parameter] = &[
    SEARCH,
    several(
        "status",
        Shape::Choice(&["new", "enabled", "disabled", "failed", "deleted"]),
        "how it stands",
        "all but deleted ones",
    ),
    several("platform", Shape::Text(PLATFORM), "the platform it lives on", "all"),
    optional("server", Shape::Text(SERVER), "the server that serves it, or has its database", "all"),
    optional("client", Shape::Text(CLIENT), "whose it is", "all"),
    optional("package", Shape::Text(LINE), "a package that it has enabled: its machine name", "all"),
    optional("version", Shape::Text(LINE), "the version of that package", "any"),
    optional("verified", Shape::Flag, "whether its last verify succeeded", "all"),
    optional(
        "cron",
        Shape::Choice(&["succeeded", "complained", "busy", "left-out", "failed"]),
        "what its last run of cron came to",
        "all",
    ),
    default(
        "sort",
        Shape::Choice(&["name", "-name", "created", "-created", "changed", "-changed"]),
        "the order; `-` turns it round",
        "name",
    ),
    LIMIT,
    CURSOR,
];

const ADD: &[Parameter] = &[
    optional("platform", Shape::Text(PLATFORM), "the platform it will live on", "the one that fits best"),
    optional("profile", Shape::Text(PROFILE), "what it is installed from", "the platform's own"),
    optional(
        "db_server",
        Shape::Text(SERVER),
        "the server that will hold its database",
        "the platform's, if it has one",
    ),
    default("language", Shape::Text(LANGUAGE), "the code of its language", "en"),
    default("time_zone", Shape::Text(ZONE), "its time zone", "UTC"),
    optional("title", Shape::Text(TITLE), "its title", "its name"),
    optional("mail", Shape::Text(EMAIL), "the address of the site and of its first administrator", "admin@ its name"),
    default("account", Shape::Text(ACCOUNT), "the name of its first administrator", "admin"),
    several("alias", Shape::Text(HOST), "another name it answers to", "none"),
    optional(
        "redirect_to",
        Shape::Text(HOST),
        "the one of its names that all others lead to, for good",
        "each answers itself",
    ),
    default(
        "method",
        Shape::Choice(&["profile", "manual"]),
        "`manual` leaves the installing to somebody with a browser",
        "profile",
    ),
    default("client", Shape::Text(CLIENT), "whose it is", "admin"),
    optional("cron", Shape::Choice(CRON), "how often cron runs on it", "as the setting `cron_interval` says"),
    FIELDS,
];

const IMPORT: &[Parameter] = &[
    flag("from_default", "it lies in `sites/default` until now, and its folder gets its name"),
    optional("platform", Shape::Text(PLATFORM), "the platform that it lies on", "the one on which it was found"),
    optional("db_server", Shape::Text(SERVER), "the server that has its data", "the one that its settings lead to"),
    several("alias", Shape::Text(HOST), "another name it answers to", "none"),
    default("client", Shape::Text(CLIENT), "whose it is", "admin"),
    FIELDS,
];

const COPY: &[Parameter] = &[
    required(
        "folder",
        Shape::Text(PATH),
        "the folder of the site that is copied, on the platform's machine: `/var/www/html/sites/default`; it is only read",
    ),
    required("platform", Shape::Text(PLATFORM), "the platform that the copy will live on, of the same major version"),
    optional("db_server", Shape::Text(SERVER), "the server that will hold its data", "the platform's, if it has one"),
    several("alias", Shape::Text(HOST), "another name it answers to", "none"),
    flag("sanitise", "addresses and passwords of people are taken out of it"),
    default("client", Shape::Text(CLIENT), "whose it is", "admin"),
    FIELDS,
];

const OPTIONS: &[Parameter] = &[
    optional("platform", Shape::Text(PLATFORM), "the platform, if chosen", "open"),
    optional("profile", Shape::Text(PROFILE), "the profile, if chosen", "open"),
    optional("db_server", Shape::Text(SERVER), "the database server, if chosen", "open"),
    optional("language", Shape::Text(LANGUAGE), "the language, if chosen", "open"),
];

const EDIT: &[Parameter] = &[
    several("alias", Shape::Text(HOST), "the other names it answers to, all of them", "as they are"),
    flag("no_alias", "it has no other name any more"),
    optional("redirect_to", Shape::Text(HOST), "the one of its names that all others lead to, for good", "as it is"),
    flag("no_redirect", "each of its names answers itself"),
    optional("cron", Shape::Choice(CRON), "how often cron runs on it", "as it is"),
    FIELDS,
    optional(
        "revision",
        Shape::Number { least: 0, most: i64::MAX },
        "the revision that the change was made from",
        "whatever it is",
    ),
];

const LOGIN: &[Parameter] =
    &[default("account", Shape::Number { least: 1, most: i64::MAX }, "the number of the account on the site", "1")];

const INSTALLED: &[Parameter] = &[
    SEARCH,
    PACKAGE_KIND,
    optional("enabled", Shape::Flag, "whether it is enabled", "all"),
    default("sort", Shape::Choice(&["name", "-name"]), "the order; `-` turns it round", "name"),
    LIMIT,
    CURSOR,
];

const COMPARE: &[Parameter] = &[
    required("to", Shape::Text(PLATFORM), "the platform that it would move to"),
    several(
        "allow_missing",
        Shape::Text(PACKAGE),
        "a package that may be missing there though the site has it enabled: its machine name",
        "none",
    ),
];

const MIGRATE: &[Parameter] = &[
    required("platform", Shape::Text(PLATFORM), "the platform it is to live on"),
    optional(
        "db_server",
        Shape::Text(SERVER),
        "the server that is to hold its database, of the same product",
        "the one that does",
    ),
    several(
        "allow_missing",
        Shape::Text(PACKAGE),
        "a package that may be missing there though the site has it enabled: its machine name; the log tells of each",
        "none",
    ),
    flag("rehearse", "all of it is tried on a copy while the site goes on, and nothing else happens"),
    flag("rehearse_first", "the same first; the site moves if all was well"),
    KEEP_FORMER,
];

const UPDATE: &[Parameter] = &[
    several(
        "allow_missing",
        Shape::Text(PACKAGE),
        "a package whose code may be missing though the site has it enabled: its machine name; the log tells of each",
        "none",
    ),
    KEEP_FORMER,
];

const CLONE: &[Parameter] = &[
    required("as", Shape::Text(NEW_SITE), "the name of the copy"),
    optional(
        "platform",
        Shape::Text(PLATFORM),
        "the platform it will live on; where its Drupal is later, updates run on the copy",
        "that of the site",
    ),
    optional(
        "db_server",
        Shape::Text(SERVER),
        "the server that will hold its database, of the same product",
        "that of the site",
    ),
    several("alias", Shape::Text(HOST), "another name it answers to; those of the site do not go along", "none"),
    optional(
        "redirect_to",
        Shape::Text(HOST),
        "the one of its names that all others lead to, for good",
        "each answers itself",
    ),
    flag("sanitise", "addresses and passwords of people are taken out of it"),
    flag("with_mail", "it may send mail"),
    flag("with_cron", "cron runs on it, as it does on the site"),
    FIELDS,
];

const RENAME: &[Parameter] = &[
    required("new_name", Shape::Text(NEW_SITE), "what it is to be called"),
    default(
        "old_name",
        Shape::Choice(&["redirect", "alias", "gone"]),
        "what becomes of the name that it has: visitors are sent on to the new one, the site answers to it too, or no more",
        "redirect",
    ),
];

const REFRESH: &[Parameter] = &[KEEP_FORMER];

const SWITCH: &[Parameter] = &[
    flag("although_live", "its original need not be in maintenance mode; what is written to that meanwhile is lost"),
    KEEP_FORMER,
];

const GO_BACK: &[Parameter] = &[
    optional("former", Shape::Text(FORMER), "which of its former selves it is to be again", "the latest"),
    flag("although_broken", "its page as it was may be an error; it is put in service all the same"),
];

const DROP_FORMER: &[Parameter] =
    &[required("former", Shape::Text(FORMER), "the former self that is let go of; nobody can go back to it any more")];

const WRITTEN_SINCE: &[Parameter] =
    &[optional("former", Shape::Text(FORMER), "the former self that one would go back to", "the latest")];

const LOG: &[Parameter] = &[
    flag("errors", "what the web server complained of, instead of the requests"),
    flag("php", "what PHP complained of, instead of the requests"),
    default(
        "lines",
        Shape::Number { least: 1, most: aegir_domain::MOST_LOG_LINES as i64 },
        "how many lines, at the most: the newest",
        "50",
    ),
];

const NONE: &[Parameter] = &[];

const BACKUP: &[Parameter] =
    &[optional("note", Shape::Text(NOTE), "why it is made: one line, kept in it", "it has none")];

const DISABLE: &[Parameter] = &[flag("no_backup", "no backup is made of it")];

const DELETE: &[Parameter] = &[
    required("confirm", Shape::Text(SITE), "its name again, typed by whoever asks"),
    flag("no_backup", "no last backup is made of it"),
];

pub(super) fn declared(id: OperationId) -> Operation {
    let (verb, names, parameters, needs, effect, about) = match id {
        OperationId::SiteList => ("list", Names::None, LIST, Permission::View, Effect::Lists, "Lists sites."),
        OperationId::SiteAdd => (
            "add",
            Names::New(SITE),
            ADD,
            Permission::Manage,
            Effect::Queues,
            "Makes a new site, which is in service when its task ends.",
        ),
        OperationId::SiteImport => (
            "import",
            Names::New(SITE),
            IMPORT,
            Permission::Manage,
            Effect::Queues,
            "Takes in a site that somebody else installed, where it lies on a platform; if anything goes wrong, it lies as it was.",
        ),
        OperationId::SiteOptions => (
            "options",
            Names::None,
            OPTIONS,
            Permission::Manage,
            Effect::Shows,
            "Says which values remain for a new site, given those that are chosen.",
        ),
        OperationId::SiteEdit => (
            "edit",
            Names::One(SITE),
            EDIT,
            Permission::Manage,
            Effect::Queues,
            "Changes what is said of a site, and verifies it.",
        ),
        OperationId::SiteVerify => (
            "verify",
            Names::One(SITE),
            &[] as &[Parameter],
            Permission::Operate,
            Effect::Queues,
            "Brings a site's files, modes, settings and vhost to what is said of it.",
        ),
        OperationId::SiteLogin => (
            "login",
            Names::One(SITE),
            LOGIN,
            Permission::LogIn,
            Effect::Queues,
            "Makes a one-time login link, shown once and kept nowhere.",
        ),
        OperationId::SitePackages => (
            "packages",
            Names::One(SITE),
            INSTALLED,
            Permission::View,
            Effect::Lists,
            "Lists the packages of a site: version, schema, enabled or not; as its last verify found them.",
        ),
        OperationId::SiteCompare => (
            "compare",
            Names::One(SITE),
            COMPARE,
            Permission::View,
            Effect::Shows,
            "Tells whether a site fits a platform: what would be upgraded there, and what stands in the way.",
        ),
        OperationId::SiteMigrate => (
            "migrate",
            Names::One(SITE),
            MIGRATE,
            Permission::Manage,
            Effect::Queues,
            "Moves a site to another platform of its server, with its updates run on a copy first; what it was is kept.",
        ),
        OperationId::SiteUpdate => (
            "update",
            Names::One(SITE),
            UPDATE,
            Permission::Manage,
            Effect::Queues,
            "Runs the updates that wait for a site where it lives, on a copy that takes its place; what it was is kept.",
        ),
        OperationId::SiteGoBack => (
            "go-back",
            Names::One(SITE),
            GO_BACK,
            Permission::Manage,
            Effect::Queues,
            "Has a site be what it was before it was moved, and keeps what it is now.",
        ),
        OperationId::SiteDropFormer => (
            "drop-former",
            Names::One(SITE),
            DROP_FORMER,
            Permission::Manage,
            Effect::Queues,
            "Lets go of what a site was before it was moved, before its time: its files and its database, for good.",
        ),
        OperationId::SiteWrittenSince => (
            "written-since",
            Names::One(SITE),
            WRITTEN_SINCE,
            Permission::View,
            Effect::Shows,
            "Tells what was written to a site since it left a former self: what going back would leave out.",
        ),
        // Visitors' addresses are in it.
        OperationId::SiteLog => (
            "log",
            Names::One(SITE),
            LOG,
            Permission::Operate,
            Effect::Shows,
            "Shows what the web server's log has of a site, the newest requests or complaints; login links and queries are left out.",
        ),
        OperationId::SiteClone => (
            "clone",
            Names::One(SITE),
            CLONE,
            Permission::Manage,
            Effect::Queues,
            "Makes a new site of the content and the files of another, which goes on and is only read.",
        ),
        OperationId::SiteRename => (
            "rename",
            Names::One(SITE),
            RENAME,
            Permission::Manage,
            Effect::Queues,
            "Gives a site another name, with its folder and what its database says of that; what it was is kept.",
        ),
        OperationId::SiteCopy => (
            "copy",
            Names::New(SITE),
            COPY,
            Permission::Manage,
            Effect::Queues,
            "Makes a site of the content and the files of one that somebody else looks after, which goes on and is only read.",
        ),
        OperationId::SiteRefresh => (
            "refresh",
            Names::One(SITE),
            REFRESH,
            Permission::Manage,
            Effect::Queues,
            "Brings a copy of somebody's site up to date from there, made anew beside what it is; what it was is kept.",
        ),
        OperationId::SiteSwitch => (
            "switch",
            Names::One(SITE),
            SWITCH,
            Permission::Manage,
            Effect::Queues,
            "Brings a copy up to date for the last time, and has it take the place of its original: a copy no more.",
        ),
        OperationId::SiteBackup => (
            "backup",
            Names::One(SITE),
            BACKUP,
            Permission::Operate,
            Effect::Queues,
            "Makes a backup of a site: its folder and its database in one archive, while it goes on.",
        ),
        OperationId::SiteCron => (
            "cron",
            Names::One(SITE),
            NONE,
            Permission::Operate,
            Effect::Changes,
            "Has cron of a site run now, once, whether or not it runs by itself.",
        ),
        OperationId::SiteRebuildCaches => (
            "rebuild-caches",
            Names::One(SITE),
            NONE,
            Permission::Operate,
            Effect::Queues,
            "Has a site's Drupal clear all its caches, and make them again.",
        ),
        OperationId::SiteRun => (
            "run",
            Names::One(SITE),
            RUN,
            Permission::Operate,
            Effect::Queues,
            "Runs a task of a type of your own on a site; `task-type list` tells which there are.",
        ),
        OperationId::SiteDisable => (
            "disable",
            Names::One(SITE),
            DISABLE,
            Permission::Manage,
            Effect::Queues,
            "Takes a site out of service: visitors get a page that says so, none of its code runs, and a backup is made.",
        ),
        OperationId::SiteEnable => (
            "enable",
            Names::One(SITE),
            NONE,
            Permission::Manage,
            Effect::Queues,
            "Takes a disabled site into service again, once it boots and its front page answers.",
        ),
        OperationId::SiteEject => (
            "eject",
            Names::One(SITE),
            NONE,
            Permission::Manage,
            Effect::Queues,
            "Lets go of a site, which runs on where it lies: its settings hold what it needs, and nothing here looks after it.",
        ),
        OperationId::SiteDelete => (
            "delete",
            Names::One(SITE),
            DELETE,
            Permission::Manage,
            Effect::Queues,
            "Takes a disabled site away, with a last backup of it: its files to the trash, its database last.",
        ),
        _ => ("show", Names::One(SITE), &[] as &[Parameter], Permission::View, Effect::Shows, "Shows a site."),
    };
    Operation { id, subject: Subject::Site, verb, about, names, parameters, needs, effect }
}
