//! A site's `settings.php`: rendered whole at each verify, without a secret in it.
//!
//! ```text
//!   web server ──fastcgi parameters──┐
//!                                    ├─► settings.php ─► Drupal
//!   <home>/credentials/<site>.json ──┘        └─ reads global.inc, platform.settings.php, local.settings.php last
//!        (command line only)
//! ```
//!
//! ## Invariants
//!
//! - Name and password of the database and the hash salt are not in the file.
//! - A template cannot write a value that was not escaped: rendering stops with an error.
//! - The same input gives the same text, so that a verify finds nothing to change.

use std::path::{Path, PathBuf};

use aegir_domain::{ContextName, Home, HostName, Password, PlatformRoot, Quiet, Remedy, SiteName};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context};

use crate::Family;
use crate::driver::Credentials;

/// What `settings.php` depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The site; also its directory under `sites/`.
    pub site: SiteName,
    /// Which Drupal reads it.
    pub family: Family,
    /// The names it answers to besides its own: aliases, and what redirects lead to.
    pub names: Vec<HostName>,
    /// What they keep it from.
    pub quiet: Quiet,
    /// The home of Ægir.
    pub home: Home,
}

impl Settings {
    /// The file that holds the site's credentials for the command line.
    pub fn credentials_file(&self) -> PathBuf {
        self.home.credentials_of(&ContextName::Site(self.site.clone()))
    }

    /// The files with operators' lines that it reads, the last of which has the last word.
    pub fn own_lines(&self, root: &PlatformRoot) -> [PathBuf; 3] {
        let site = root.site_dir(&self.site);
        [
            self.home.global_settings(),
            root.path().join("sites/all/platform.settings.php"),
            site.join("local.settings.php"),
        ]
    }

    /// The directories that the file names, relative to the site's own, outermost first. They must
    /// exist before Drupal is installed.
    pub const DIRECTORIES: [&'static str; 6] =
        ["files", "private", "private/files", "private/temp", "private/config", "private/config/sync"];

    /// The text of `settings.php`. `template` stands in for our own where an operator has one.
    pub fn render(&self, template: Option<&str>) -> Result<String, SettingsFault> {
        let name = self.template_name();
        self.try_render(template).map_err(|source| match template {
            Some(_) => SettingsFault::Template { name, source },
            None => SettingsFault::Value { site: self.site.clone(), source },
        })
    }

    /// The text of a `settings.php` that needs nothing of Ægir: what the credentials are stands in it. A secret.
    pub fn render_literal(&self, credentials: &Credentials) -> Result<Password, SettingsFault> {
        let text = match self.family {
            Family::Seven => include_str!("../templates/literal-seven.php.j2"),
            Family::Eight => include_str!("../templates/literal-eight.php.j2"),
        };
        let values = Literal::of(credentials);
        let text = self.rendered(text, &values);
        text.map(Password::new).map_err(|source| SettingsFault::Value { site: self.site.clone(), source })
    }

    /// The name of the template, under which an operator's own may lie in `<home>/templates/`.
    pub fn template_name(&self) -> &'static str {
        match self.family {
            Family::Seven => "settings-seven.php.j2",
            Family::Eight => "settings-eight.php.j2",
        }
    }

    /// Our own template, to begin from.
    pub fn template(&self) -> &'static str {
        match self.family {
            Family::Seven => include_str!("../templates/settings-seven.php.j2"),
            Family::Eight => include_str!("../templates/settings-eight.php.j2"),
        }
    }

    fn try_render(&self, template: Option<&str>) -> Result<String, Error> {
        self.rendered(template.unwrap_or(self.template()), &Literal::default())
    }

    fn rendered(&self, text: &str, literal: &Literal) -> Result<String, Error> {
        let mut environment = environment();
        for (name, part) in PARTS {
            environment.add_template(name, part)?;
        }
        let mut rendered = environment.render_named_str(
            self.template_name(),
            text,
            context! {
                site => self.site.as_str(),
                site_path => format!("sites/{}", self.site),
                global_settings => text_of(&self.home.global_settings())?,
                credentials_file => text_of(&self.credentials_file())?,
                trusted_hosts => self.trusted_hosts(),
                no_mail => self.quiet.mail,
                no_cron => self.quiet.cron,
                literal => literal.database.clone(),
                isolated => literal.isolated,
                hash_salt => literal.hash_salt.clone(),
            },
        )?;
        rendered.truncate(rendered.trim_end().len());
        rendered.push('\n');
        Ok(rendered)
    }

    /// Regular expressions, each for one name, in the order of names and without doubles.
    fn trusted_hosts(&self) -> Vec<String> {
        let mut patterns = vec![host_pattern(&self.site.host())];
        for name in &self.names {
            let pattern = host_pattern(name);
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        patterns
    }
}

/// By this line of its head a file is known that [`Settings::render_literal`] wrote.
pub const LITERAL: &str = " * Ægir wrote this file when it let go of the site,";

/// What templates include.
const PARTS: [(&str, &str); 9] = [
    ("credentials.php.j2", include_str!("../templates/credentials.php.j2")),
    ("folders-seven.php.j2", include_str!("../templates/folders-seven.php.j2")),
    ("folders-eight.php.j2", include_str!("../templates/folders-eight.php.j2")),
    ("packages-eight.php.j2", include_str!("../templates/packages-eight.php.j2")),
    ("quiet-seven.php.j2", include_str!("../templates/quiet-seven.php.j2")),
    ("quiet-eight.php.j2", include_str!("../templates/quiet-eight.php.j2")),
    ("own-lines.php.j2", include_str!("../templates/own-lines.php.j2")),
    ("rest-seven.php.j2", include_str!("../templates/rest-seven.php.j2")),
    ("rest-eight.php.j2", include_str!("../templates/rest-eight.php.j2")),
];

/// What a `settings.php` holds that needs nothing of Ægir, as `AegirCredentials::database` makes it.
#[derive(Default)]
struct Literal {
    database: Vec<(&'static str, String)>,
    /// Whether each connection is to be told how far transactions see each other.
    isolated: bool,
    hash_salt: String,
}

impl Literal {
    fn of(credentials: &Credentials) -> Literal {
        let Credentials { db_type, db_host, db_port, db_socket, db_user, db_passwd, db_name, hash_salt } = credentials;
        let hash_salt = hash_salt.expose().to_owned();
        if db_type == "sqlite" {
            let database =
                vec![("driver", "sqlite".to_owned()), ("database", db_name.clone()), ("prefix", String::new())];
            return Literal { database, isolated: false, hash_salt };
        }
        let is_mysql = matches!(db_type.as_str(), "mysql" | "mariadb");
        let host = match (db_host.as_str(), db_socket.as_str()) {
            (_, socket) if !is_mysql && !socket.is_empty() => socket,
            ("", _) => "localhost",
            (host, _) => host,
        };
        let mut database = vec![
            ("driver", if is_mysql { "mysql".to_owned() } else { db_type.clone() }),
            ("database", db_name.clone()),
            ("username", db_user.clone()),
            ("password", db_passwd.expose().to_owned()),
            ("host", host.to_owned()),
            ("port", db_port.clone()),
            ("prefix", String::new()),
        ];
        if is_mysql {
            database.push(("charset", "utf8mb4".into()));
            database.push(("collation", "utf8mb4_general_ci".into()));
            if !db_socket.is_empty() {
                database.push(("unix_socket", db_socket.clone()));
            }
        }
        Literal { database, isolated: is_mysql, hash_salt }
    }
}

/// A regular expression that matches this name and no other. A wildcard matches any number of
/// labels, as it does in web servers.
fn host_pattern(name: &HostName) -> String {
    // Of all that a host name may hold, only the dot means something in an expression.
    match name.wildcard() {
        Some(domain) => format!(r"^.+\.{}$", domain.replace('.', r"\.")),
        None => format!("^{}$", name.as_str().replace('.', r"\.")),
    }
}

/// An environment for PHP: what is not escaped is refused.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("php", |text: String| Value::from_safe_string(php_string(&text)));
    environment.add_filter("php_comment", |text: String| Value::from_safe_string(php_comment(&text)));
    environment.set_formatter(|out, _, value| {
        if value.is_safe() {
            return Ok(write!(out, "{value}")?);
        }
        Err(Error::new(ErrorKind::BadEscape, "a value is written without the filter `php` or `php_comment`"))
    });
    environment
}

/// A PHP string with its quotes, that means exactly this text.
pub(crate) fn php_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Text that ends no comment, of either kind, and stays on its line.
pub(crate) fn php_comment(text: &str) -> String {
    text.replace("*/", "* /").replace("?>", "? >").replace(['\r', '\n'], " ")
}

fn text_of(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("`{}` is not UTF-8", path.display())))
}

/// Why there is no `settings.php`.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// An operator's template cannot be rendered.
    #[error("cannot render your template `{name}`")]
    Template {
        /// Its name.
        name: &'static str,
        /// What is wrong, with the line.
        #[source]
        source: Error,
    },
    /// Something that our own template needs is amiss.
    #[error("cannot render the settings of `{site}`")]
    Value {
        /// The site.
        site: SiteName,
        /// What is wrong.
        #[source]
        source: Error,
    },
}

impl Remedy for SettingsFault {
    fn remedy(&self) -> Option<String> {
        match self {
            SettingsFault::Template { name, .. } => {
                Some(format!("correct `templates/{name}` in the home of Ægir, or move it away to use the one built in"))
            }
            SettingsFault::Value { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            site: "a.test".parse().unwrap(),
            family: Family::Eight,
            names: Vec::new(),
            quiet: Quiet::default(),
            home: Home::new("/var/aegir"),
        }
    }

    #[test]
    fn any_text_becomes_a_php_string_that_means_it() {
        assert_eq!(php_string(r"a'b\c"), r"'a\'b\\c'");
        assert_eq!(php_string("$x {$y}\n\"?>"), "'$x {$y}\n\"?>'");
    }

    #[test]
    fn a_comment_is_not_ended_by_what_it_tells() {
        assert_eq!(php_comment("a*/b?>c\nd"), "a* /b? >c d");
    }

    #[test]
    fn a_template_that_forgets_to_escape_is_refused() {
        let fault = settings().render(Some("<?php $x = {{ site }};")).unwrap_err();

        assert!(fault.remedy().unwrap().contains("templates/settings-eight.php.j2"), "{fault}");
    }

    #[test]
    fn an_own_template_is_used_and_may_include_ours() {
        let text =
            settings().render(Some("<?php\n{% include \"credentials.php.j2\" %}\n$x = {{ site|php }};\n")).unwrap();

        assert!(text.contains("final class AegirCredentials") && text.ends_with("$x = 'a.test';\n"), "{text}");
    }

    #[test]
    fn settings_that_need_nothing_of_aegir_hold_what_was_told() {
        let mut credentials = Credentials {
            db_type: "mariadb".into(),
            db_host: String::new(),
            db_port: String::new(),
            db_socket: "/run/db.sock".into(),
            db_user: "a_test".into(),
            db_passwd: Password::new("it's a \\secret"),
            db_name: "a_test".into(),
            hash_salt: Password::new("salt"),
        };

        for family in [Family::Seven, Family::Eight] {
            let text = Settings { family, ..settings() }.render_literal(&credentials).unwrap();
            let text = text.expose();
            assert!(
                text.contains(r"'password' => 'it\'s a \\secret',")
                    && text.contains("'unix_socket' => '/run/db.sock',")
            );
            assert!(text.contains("hash_salt'] = 'salt';") || text.contains("$drupal_hash_salt = 'salt';"), "{text}");
            assert!(!text.contains("AegirCredentials") && text.contains("local.settings.php"), "{text}");
        }

        credentials = Credentials { db_type: "sqlite".into(), db_name: "/db/a".into(), ..credentials };
        let text = settings().render_literal(&credentials).unwrap();
        assert!(text.expose().contains("'driver' => 'sqlite',") && !text.expose().contains("secret"));
    }

    #[test]
    fn a_trusted_host_matches_itself_alone() {
        assert_eq!(host_pattern(&"www.example.org".parse().unwrap()), r"^www\.example\.org$");
        assert_eq!(host_pattern(&"*.example.org".parse().unwrap()), r"^.+\.example\.org$");
    }
}
