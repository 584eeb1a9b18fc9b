//! What a `settings.php` says in plain values, read without running it: for a site that is only looked at, and whose
//! code is not ours to run.
//!
//! Where a file is more than plain values (it includes others, asks the environment), nobody can tell without running it
//! what is in force: that is told, and whoever knows better says it.

use aegir_domain::{HostName, Password};

use crate::PhpValue;
use crate::driver::FoundDatabase;
use crate::php_literal::{Assignment, Literals};

/// What was read.
#[derive(Debug, Default)]
pub struct PlainSettings {
    /// Where the data is, if it is said in plain values.
    pub database: Option<FoundDatabase>,
    /// Where public files lie, if the file says so.
    pub public_files: Option<String>,
    /// The same of private files.
    pub private_files: Option<String>,
    /// Settings that are the site's own, by their names in the file: `$conf['theme_default']`.
    pub own: Vec<String>,
    /// The lines on which something begins that is more than a plain value.
    pub passed_over: Vec<usize>,
}

/// What every site has, and Ægir says anew.
const USUAL: [&str; 12] = [
    "databases",
    "update_free_access",
    "drupal_hash_salt",
    "hash_salt",
    "config_sync_directory",
    "container_yamls",
    "file_public_path",
    "file_private_path",
    "file_temporary_path",
    "trusted_host_patterns",
    "install_profile",
    "entity_update_backup",
];

impl PlainSettings {
    /// Reads the text of a `settings.php`.
    pub fn read(text: &str) -> PlainSettings {
        let literals = Literals::read(text);
        let path = |key: &str| {
            let value = literals.get("settings", key).or_else(|| literals.get("conf", key));
            value.and_then(PhpValue::to_text).filter(|path| !path.is_empty())
        };
        let own = literals.set.iter().filter_map(own_name);
        let mut read = PlainSettings {
            database: database(&literals.set),
            public_files: path("file_public_path"),
            private_files: path("file_private_path"),
            own: Vec::new(),
            passed_over: literals.passed_over.iter().copied().filter(|line| !is_usual(text, *line)).collect(),
        };
        for name in own {
            if !read.own.contains(&name) {
                read.own.push(name);
            }
        }
        read
    }

    /// What the `drushrc.php` of a classic Aegir says of a site's database: its settings take that from the web server.
    pub fn of_drushrc(text: &str) -> Option<FoundDatabase> {
        let literals = Literals::read(text);
        let option = |key: &str| literals.get("options", key).and_then(text_of).unwrap_or_default();
        let name = option("db_name");
        (!name.is_empty()).then(|| FoundDatabase {
            driver: option("db_type"),
            host: option("db_host"),
            port: option("db_port"),
            socket: String::new(),
            name,
            user: option("db_user"),
            password: Password::new(option("db_passwd")),
            prefix: String::new(),
            shared_tables: Vec::new(),
        })
    }
}

/// Whether a site was installed with this text of a `settings.php`: it says where data is, or is more than plain values, and then
/// nobody can tell without running it.
pub fn may_have_data(text: &str) -> bool {
    let read = PlainSettings::read(text);
    match read.database {
        Some(database) => !database.name.is_empty(),
        None => !read.passed_over.is_empty(),
    }
}

/// The names that the text of a `settings.php` says its site is asked by: that of its own address, and patterns of trusted
/// hosts that stand for one name.
pub fn names_in(text: &str) -> Vec<HostName> {
    let literals = Literals::read(text);
    let address = literals.set.iter().filter(|set| set.name == "base_url" && set.keys.is_empty());
    let host = |address: String| {
        let rest = address.split_once("://")?.1;
        Some(rest.split(['/', ':']).next()?.to_owned())
    };
    let addresses = address.filter_map(|set| host(set.value.to_text()?));
    let trusted = literals.set.iter().filter(|set| {
        set.name == "settings"
            && set.keys.first().and_then(PhpValue::to_text).as_deref() == Some("trusted_host_patterns")
    });
    let patterns = trusted.flat_map(|set| match &set.value {
        PhpValue::Array(entries) => entries.iter().filter_map(|(_, value)| value.to_text()).collect(),
        value => value.to_text().into_iter().collect::<Vec<_>>(),
    });
    let mut names = Vec::new();
    for name in addresses.chain(patterns.filter_map(|pattern| one_name(&pattern))) {
        if let Ok(name) = name.to_ascii_lowercase().parse::<HostName>()
            && name.wildcard().is_none()
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The one name that a pattern such as `^www\.example\.org$` fits.
fn one_name(pattern: &str) -> Option<String> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let name = inner.replace("\\.", ".");
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    // A dot that stands for anything is meant as one.
    plain.then_some(name)
}

/// Whether a line is one of those that Drupal itself puts into every file, which say nothing of data or files.
fn is_usual(text: &str, line: usize) -> bool {
    let said = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim_start();
    ["ini_set(", "$settings['container_yamls']"].iter().any(|usual| said.starts_with(usual))
}

/// The name of a setting that not every site has.
fn own_name(set: &Assignment) -> Option<String> {
    if USUAL.contains(&set.name.as_str()) {
        return None;
    }
    let first = match set.keys.first() {
        Some(key) => text_of(key)?,
        None => return Some(format!("${}", set.name)),
    };
    (!USUAL.contains(&first.as_str())).then(|| format!("${}['{first}']", set.name))
}

fn text_of(value: &PhpValue) -> Option<String> {
    match value {
        PhpValue::Text(_) => value.to_text(),
        PhpValue::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `$databases['default']['default']`, however much of it one statement sets.
fn database(set: &[Assignment]) -> Option<FoundDatabase> {
    let mut databases = PhpValue::Array(Vec::new());
    for set in set.iter().filter(|set| set.name == "databases") {
        put(&mut databases, &set.keys, &set.value);
    }
    let said = databases.get("default")?.get("default")?;
    let text = |key: &str| said.get(key).and_then(text_of).unwrap_or_default();
    let (prefix, shared_tables) = match said.get("prefix") {
        Some(PhpValue::Array(prefixes)) => {
            let default = prefixes.iter().find(|(key, _)| key.as_bytes() == Some(b"default"));
            let default = default.and_then(|(_, value)| text_of(value)).unwrap_or_default();
            let others = prefixes.iter().filter(|(_, value)| text_of(value).as_ref() != Some(&default));
            (default.clone(), others.filter_map(|(key, _)| text_of(key)).collect())
        }
        Some(prefix) => (text_of(prefix).unwrap_or_default(), Vec::new()),
        None => (String::new(), Vec::new()),
    };
    Some(FoundDatabase {
        driver: text("driver"),
        host: text("host"),
        port: text("port"),
        socket: text("unix_socket"),
        name: text("database"),
        user: text("username"),
        password: Password::new(text("password")),
        prefix,
        shared_tables,
    })
}

/// Has what lies under `keys` be `value`.
fn put(array: &mut PhpValue, keys: &[PhpValue], value: &PhpValue) {
    let Some((key, rest)) = keys.split_first() else {
        *array = value.clone();
        return;
    };
    if !matches!(array, PhpValue::Array(_)) {
        *array = PhpValue::Array(Vec::new());
    }
    let PhpValue::Array(entries) = array else { return };
    let at = entries.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
        entries.push((key.clone(), PhpValue::Null));
        entries.len() - 1
    });
    put(&mut entries[at].1, rest, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_installer_of_drupal_7_writes_is_read() {
        let read = PlainSettings::read(
            "<?php\n$databases = array (\n  'default' => \n  array (\n    'default' => \n    array (\n      'database' => 'd7',\n      'username' => 'u',\n      'password' => 'it\\'s',\n      'host' => 'db.example.org',\n      'port' => '',\n      'driver' => 'mysql',\n      'prefix' => 'x_',\n    ),\n  ),\n);\n$update_free_access = FALSE;\n$drupal_hash_salt = 'salt';\nini_set('session.gc_probability', 1);\n$conf['file_private_path'] = '../private';\n$conf['theme_default'] = 'x';\n$base_url = 'http://x';\n",
        );

        let database = read.database.unwrap();
        assert_eq!((database.name.as_str(), database.user.as_str(), database.prefix.as_str()), ("d7", "u", "x_"));
        assert_eq!((database.password.expose(), database.host.as_str()), ("it's", "db.example.org"));
        assert_eq!(read.private_files.as_deref(), Some("../private"));
        assert_eq!(read.own, ["$conf['theme_default']", "$base_url"]);
        assert!(read.passed_over.is_empty(), "{:?}", read.passed_over);
    }

    #[test]
    fn settings_lead_to_data_or_nobody_can_tell_or_nothing_was_installed() {
        for leads in [
            "<?php\n$databases = [];\n$databases['default']['default'] = ['database' => 'a', 'driver' => 'mysql'];\n",
            "<?php\n$databases['default']['default'] = ['database' => getenv('DB')];\n",
            "<?php\n$databases = [];\nif (is_file('x')) {\n  include 'x';\n}\n",
        ] {
            assert!(may_have_data(leads), "{leads}");
        }
        for does_not in [
            "",
            "no PHP",
            "<?php\n",
            // As both ship it.
            "<?php\n$databases = array();\n$update_free_access = FALSE;\nini_set('session.gc_probability', 1);\n$conf['a'] = '/x/';\n",
            "<?php\n# $databases['default']['default'] = ['database' => 'a'];\n$databases = [];\n$settings['hash_salt'] = '';\n$settings['container_yamls'][] = $app_root . '/' . $site_path . '/services.yml';\n",
            "<?php\n$databases['other']['default'] = ['database' => 'a'];\n$databases['default']['default'] = ['database' => ''];\n",
        ] {
            assert!(!may_have_data(does_not), "{does_not}");
        }
    }

    #[test]
    fn what_an_installer_of_drupal_10_writes_is_read_and_the_last_word_counts() {
        let read = PlainSettings::read(
            "<?php\n$databases = [];\n$settings['container_yamls'][] = $app_root . '/x.yml';\n$databases['default']['default'] = ['database' => 'old'];\n$databases['default']['default'] = array('database' => 'd10', 'port' => 3307, 'driver' => 'mysql', 'prefix' => ['default' => 'a_', 'users' => 'shared.']);\n$databases['other']['default'] = ['database' => 'no'];\n$settings['hash_salt'] = 'salt';\n",
        );

        let database = read.database.unwrap();
        assert_eq!((database.name.as_str(), database.port.as_str(), database.prefix.as_str()), ("d10", "3307", "a_"));
        assert_eq!(database.shared_tables, ["users"]);
        assert!(read.own.is_empty() && read.passed_over.is_empty());
    }

    #[test]
    fn what_is_not_said_plainly_is_not_there() {
        let read = PlainSettings::read("<?php $databases['default']['default'] = array('database' => getenv('DB'));");

        assert!(read.database.is_none());
        assert_eq!(read.passed_over, [1]);
        assert!(PlainSettings::read("<?php $databases = 'none';").database.is_none());
    }

    #[test]
    fn classic_aegir_says_it_beside_the_settings() {
        let text = "<?php\n$options['db_type'] = 'mysql';\n$options['db_name'] = 'abc';\n$options['db_port'] = 3306;\n";

        let database = PlainSettings::of_drushrc(text).unwrap();

        assert_eq!(
            (database.name.as_str(), database.port.as_str(), database.driver.as_str()),
            ("abc", "3306", "mysql")
        );
        assert!(PlainSettings::of_drushrc("<?php $options['x'] = 1;").is_none());
    }
}
