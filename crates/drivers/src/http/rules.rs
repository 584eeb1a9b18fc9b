//! The table of rules: what is served, denied and passed to PHP, for each family of Drupal.
//!
//! Data only, and the one place where this is decided. Every web server is rendered from it, and
//! every rule carries the requests that a test sends to the real servers.
//!
//! Rules are tried from the top; the first that fits decides. What none fits is a file of the
//! platform if there is one that is no folder, else a page for Drupal's `index.php`.

use super::CoreFamily;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, which stands in the files beside its patterns.
    pub name: &'static str,
    /// The families it is for.
    pub families: &'static [CoreFamily],
    /// What it fits; any of them is enough.
    pub matches: &'static [Match],
    /// What is done.
    pub action: Action,
    /// Requests that show it.
    pub probes: &'static [Probe],
}

/// What a rule fits. Paths are decoded, without query, with `.` and `..` resolved. `*` in a path stands
/// for any characters of one part.
#[derive(Clone, Copy, Debug)]
pub enum Match {
    /// A method that is none of these.
    MethodOtherThan(&'static [&'static str]),
    /// A part that begins with a dot, other than `.well-known`.
    DotPart,
    /// Something in the folder of another site under `sites/`; `sites/all` is everybody's.
    OtherSite,
    /// This path.
    Path(&'static str),
    /// This folder's contents.
    Below(&'static str),
    /// This path and all below.
    Tree(&'static str),
    /// A script, alone or followed by parts without a dot: `/update.php/selection`.
    FrontPath(&'static str),
    /// Any part of the path ends with a dot and one of these, in any case.
    AnyPartEnds(&'static [&'static str]),
    /// The path ends with one of these, in any case.
    LastPartEnds(&'static [&'static str]),
    /// The last part is one of these, in any case.
    LastPartIs(&'static [&'static str]),
    /// The last part is one of these, in any case, and no visitor put it into a folder of public files.
    CodeFileIs(&'static [&'static str]),
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// 403.
    Deny,
    /// 404, without asking Drupal.
    NotFound,
    /// The file, or else a page of Drupal, which may generate the file (image styles, CSS, JS).
    StaticOrFront,
    /// The site's own file of that name in its public files (`/files/x` and `/robots.txt`), else the
    /// platform's, else a page of Drupal.
    SiteFile,
    /// This script of the platform.
    Php(Script),
}

/// The scripts that PHP may be started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `index.php`
    Index,
    /// `update.php`
    Update,
    /// `cron.php` of Drupal 7.
    Cron,
}

impl Script {
    /// All of them.
    pub const ALL: [Script; 3] = [Script::Index, Script::Update, Script::Cron];

    /// Its name without suffix.
    pub fn name(self) -> &'static str {
        match self {
            Script::Index => "index",
            Script::Update => "update",
            Script::Cron => "cron",
        }
    }
}

/// A request and what must come of it. `{site}` and `{other}` in the path stand for the site's name
/// and for another's on the same platform.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The method.
    pub method: &'static str,
    /// The path as it is sent.
    pub path: &'static str,
    /// What must come.
    pub expected: Expected,
}

/// What must come of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This status, nothing executed, nothing of a file shown.
    Status(u16),
    /// An error of the server's own choice, 400 or 404: no file can have such a path.
    Malformed,
    /// 200 and the contents of this file of the platform.
    File(&'static str),
    /// The script ran.
    Executed(Script),
}

const fn get(path: &'static str, expected: Expected) -> Probe {
    Probe { method: "GET", path, expected }
}

const DENIED: Expected = Expected::Status(403);
const ABSENT: Expected = Expected::Status(404);
const FRONT: Expected = Expected::Executed(Script::Index);
const BOTH: &[CoreFamily] = &CoreFamily::ALL;
const SEVEN: &[CoreFamily] = &[CoreFamily::Seven];
const EIGHT: &[CoreFamily] = &[CoreFamily::Eight];

/// The table.
pub fn rules() -> &'static [Rule] {
    RULES
}

static RULES: &[Rule] = &[
    Rule {
        name: "odd methods",
        families: BOTH,
        matches: &[Match::MethodOtherThan(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])],
        action: Action::Deny,
        probes: &[
            Probe { method: "PROPFIND", path: "/", expected: DENIED },
            Probe { method: "GETS", path: "/", expected: DENIED },
            Probe { method: "POST", path: "/node", expected: FRONT },
        ],
    },
    Rule {
        name: "dot files",
        families: BOTH,
        matches: &[Match::DotPart],
        action: Action::Deny,
        probes: &[
            get("/.htaccess", DENIED),
            get("/.git/config", DENIED),
            get("/%2egit/config", DENIED),
            get("/sites/{site}/files/.htaccess", DENIED),
            get("/files/.htaccess", DENIED),
            get("/.well-known/security.txt", Expected::File(".well-known/security.txt")),
            get("/.well-known/change-password", FRONT),
        ],
    },
    Rule {
        name: "other sites",
        families: BOTH,
        matches: &[Match::OtherSite],
        action: Action::NotFound,
        probes: &[
            get("/sites/{other}/files/a.txt", ABSENT),
            get("/sites/{other}/private/files/a.txt", ABSENT),
            get("/sites/{site}/../{other}/files/a.txt", ABSENT),
            get("/sites/{site}/%2e%2e/{other}/files/a.txt", ABSENT),
            get("//sites//{other}/files/a.txt", ABSENT),
            get("/sites/default/files/a.txt", ABSENT),
            get("/sites/{site}x/files/a.txt", ABSENT),
            get("/sites/allx/files/a.txt", ABSENT),
            get("/sites/all/themes/a.css", Expected::File("sites/all/themes/a.css")),
            get("/sites/{site}/files/a.txt", Expected::File("sites/{site}/files/a.txt")),
            get("/sites/hospital", FRONT),
        ],
    },
    Rule {
        name: "private files",
        families: BOTH,
        matches: &[
            Match::Tree("/sites/*/private"),
            // Folders that Drupal guards with an .htaccess alone.
            Match::Tree("/sites/*/files/private"),
            Match::Tree("/sites/*/files/php"),
            Match::Below("/sites/*/files/config_*"),
            Match::Tree("/sites/*/files/backup_migrate"),
            Match::Tree("/files/private"),
            Match::Tree("/files/php"),
            Match::Below("/files/config_*"),
            Match::Tree("/files/backup_migrate"),
        ],
        action: Action::Deny,
        probes: &[
            get("/sites/{site}/private/files/a.txt", DENIED),
            get("/sites/{site}/private", DENIED),
            get("/sites/{site}/%70rivate/files/a.txt", DENIED),
            get("/sites/{site}/files/private/a.txt", DENIED),
            get("/files/private/a.txt", DENIED),
            get("/sites/{site}/files/config_x/sync/a.txt", DENIED),
            get("/sites/{site}/files/config_guide.txt", Expected::File("sites/{site}/files/config_guide.txt")),
        ],
    },
    Rule {
        name: "composer's libraries",
        families: EIGHT,
        matches: &[Match::Tree("/vendor")],
        action: Action::Deny,
        probes: &[
            get("/vendor/a.txt", DENIED),
            get("/vendor", DENIED),
            get("/x/../vendor/a.txt", DENIED),
            get("/vendors", FRONT),
        ],
    },
    Rule {
        name: "index.php",
        families: BOTH,
        matches: &[Match::FrontPath("/index.php")],
        action: Action::Php(Script::Index),
        probes: &[
            get("/index.php", FRONT),
            get("/index.php?q=node", FRONT),
            get("/index.php/node/1", FRONT),
            get("/index%2ephp", FRONT),
            get("/index.php/x.php", DENIED),
            get("/index.php/a.txt", DENIED),
        ],
    },
    Rule {
        name: "update.php",
        families: BOTH,
        matches: &[Match::FrontPath("/update.php")],
        action: Action::Php(Script::Update),
        probes: &[
            get("/update.php", Expected::Executed(Script::Update)),
            get("/update.php/selection", Expected::Executed(Script::Update)),
        ],
    },
    Rule {
        // From anywhere: Drupal itself refuses it without the site's cron key, and monitoring
        // services call it from outside.
        name: "cron.php",
        families: SEVEN,
        matches: &[Match::Path("/cron.php")],
        action: Action::Php(Script::Cron),
        probes: &[get("/cron.php?cron_key=x", Expected::Executed(Script::Cron)), get("/cron.php/x", DENIED)],
    },
    Rule {
        name: "other programs",
        families: BOTH,
        matches: &[Match::AnyPartEnds(&[
            "php", "php3", "php4", "php5", "php6", "php7", "php8", "phps", "pht", "phtml", "phar", "hphp", "pl", "py",
            "rb", "cgi", "fcgi", "sh", "bash", "asp", "aspx", "jsp",
        ])],
        action: Action::Deny,
        probes: &[
            get("/install.php", DENIED),
            get("/authorize.php", DENIED),
            get("/xmlrpc.php", DENIED),
            get("/core/install.php", DENIED),
            get("/core/rebuild.php", DENIED),
            get("/core/authorize.php", DENIED),
            get("/core/modules/statistics/statistics.php", DENIED),
            get("/x.php/index.php", DENIED),
            get("/missing.php", DENIED),
            get("/INDEX.PHP", DENIED),
            get("/index.PHP", DENIED),
            get("/index.php.php", DENIED),
            get("/sites/{site}/settings.php", DENIED),
            get("/sites/{site}/local.settings.php", DENIED),
            get("/sites/{site}/settings%2ephp", DENIED),
            get("/sites/sites.php", DENIED),
            get("/sites/{site}/files/evil.php", DENIED),
            get("/sites/{site}/files/evil.php/a.txt", DENIED),
            get("/sites/{site}/files/a.txt/evil.php", DENIED),
            get("/sites/{site}/files/evil.PhP", DENIED),
            get("/sites/{site}/files/evil.phtml", DENIED),
            get("/sites/{site}/files/evil.phar", DENIED),
            get("/sites/{site}/files/evil.php5", DENIED),
            get("/sites/{site}/files/evil.pl", DENIED),
            get("/sites/{site}/files/evil.py", DENIED),
            get("/sites/{site}/files/evil.cgi", DENIED),
            get("/sites/{site}/files/evil.sh", DENIED),
            get("/files/evil.php", DENIED),
            get("/sites/{site}/files/evil.php%00.txt", Expected::Malformed),
            get("/sites/{site}/files/a.txt/index.php", DENIED),
        ],
    },
    Rule {
        name: "sources",
        families: BOTH,
        matches: &[
            Match::LastPartEnds(&[
                ".engine",
                ".inc",
                ".install",
                ".make",
                ".module",
                ".profile",
                ".po",
                ".*sql",
                ".*sql.gz",
                ".*sql.bz2",
                ".*sql.xz",
                ".*sql.zst",
                ".*sql.zip",
                ".sqlite",
                ".theme",
                ".twig",
                ".tpl",
                ".xtmpl",
                ".yml",
                ".yaml",
                ".lock",
                ".dist",
            ]),
            // Left behind by editors and patches.
            Match::LastPartEnds(&["~", ".bak", ".orig", ".rej", ".save", ".old", ".swp", ".swo", "#"]),
        ],
        action: Action::Deny,
        probes: &[
            get("/modules/a.module", DENIED),
            get("/modules/a.MODULE", DENIED),
            get("/modules/a.inc", DENIED),
            get("/modules/a.install", DENIED),
            get("/core/core.services.yml", DENIED),
            get("/sites/{site}/services.yml", DENIED),
            get("/sites/{site}/files/a.twig", DENIED),
            get("/sites/{site}/files/dump.sql", DENIED),
            get("/sites/{site}/files/dump.mysql.gz", DENIED),
            get("/files/dump.sql", DENIED),
            get("/index.php.bak", DENIED),
            get("/index.php~", DENIED),
            get("/sites/{site}/settings.php.orig", DENIED),
            get("/sites/{site}/settings.php.swp", DENIED),
        ],
    },
    Rule {
        name: "sources of Drupal 7",
        families: SEVEN,
        matches: &[Match::LastPartEnds(&[".info", ".test"])],
        action: Action::Deny,
        probes: &[get("/modules/a.info", DENIED), get("/modules/a.test", DENIED)],
    },
    Rule {
        name: "descriptions of the code",
        families: BOTH,
        matches: &[
            Match::LastPartIs(&[
                "composer.json",
                "composer.lock",
                "package.json",
                "package-lock.json",
                "yarn.lock",
                "web.config",
                "drushrc.php",
            ]),
            Match::CodeFileIs(&[
                "changelog*.txt",
                "changelog.md",
                "copyright.txt",
                "install*.txt",
                "license.txt",
                "maintainers.txt",
                "upgrade*.txt",
                "update.txt",
                "readme.txt",
                "readme.md",
                "install.md",
                "*_changelog.txt",
            ]),
        ],
        action: Action::Deny,
        probes: &[
            get("/composer.json", DENIED),
            get("/composer.lock", DENIED),
            get("/package.json", DENIED),
            get("/yarn.lock", DENIED),
            get("/web.config", DENIED),
            get("/core/package.json", DENIED),
            get("/CHANGELOG.txt", DENIED),
            get("/changelog.txt", DENIED),
            get("/core/CHANGELOG.txt", DENIED),
            get("/INSTALL.mysql.txt", DENIED),
            get("/README.md", DENIED),
            get("/modules/README.txt", DENIED),
            get("/sites/README.txt", DENIED),
            get("/sites/{site}/files/README.txt", Expected::File("sites/{site}/files/README.txt")),
        ],
    },
    Rule {
        name: "robots.txt",
        families: BOTH,
        matches: &[Match::Path("/robots.txt")],
        action: Action::SiteFile,
        probes: &[get("/robots.txt", Expected::File("sites/{site}/files/robots.txt"))],
    },
    Rule {
        // Texts that were written when the site was the only one, and its files lay at /files.
        name: "old paths of files",
        families: BOTH,
        matches: &[Match::Below("/files")],
        action: Action::SiteFile,
        probes: &[
            get("/files/a.txt", Expected::File("sites/{site}/files/a.txt")),
            get("/files/deep/b.txt", Expected::File("sites/{site}/files/deep/b.txt")),
            get("/files/missing.txt", FRONT),
            get("/files/../sites/{other}/files/a.txt", ABSENT),
        ],
    },
    Rule {
        name: "made when asked for",
        families: BOTH,
        matches: &[
            Match::Below("/sites/*/files/styles"),
            Match::Below("/sites/*/files/css"),
            Match::Below("/sites/*/files/js"),
        ],
        action: Action::StaticOrFront,
        probes: &[
            get("/sites/{site}/files/styles/thumb/public/a.png?itok=x", FRONT),
            get("/sites/{site}/files/css/css_x.css", FRONT),
            get("/sites/{site}/files/js/js_x.js", FRONT),
            get("/sites/{site}/files/css/made.css", Expected::File("sites/{site}/files/css/made.css")),
        ],
    },
    Rule {
        name: "everything else",
        families: BOTH,
        matches: &[Match::Below("")],
        action: Action::StaticOrFront,
        probes: &[
            get("/", FRONT),
            get("/node/1?page=2", FRONT),
            get("/user/login", FRONT),
            get("/sites", FRONT),
            get("/modules", FRONT),
            get("/modules/", FRONT),
            get("/modules/a.css", Expected::File("modules/a.css")),
            get("/modules/a.css?x=1", Expected::File("modules/a.css")),
            get("/missing.png", FRONT),
            get("/system/files/a.txt", FRONT),
            get("/caf%C3%A9/%0a", FRONT),
        ],
    },
];
