//! Sites that somebody made by hand: in a platform, beside Ægir, with a database and an account of their own making.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aegir_host::{Databases, RealDatabases};
use serde_json::{Value, json};

use crate::Lab;
use crate::fake::{Account, DatabaseEntry, DbState, SETTINGS_SAY, Trigger, install_by_hand};

/// What databases and accounts begin with that are not Ægir's.
pub(crate) const THEIRS: &str = "Theirs";
/// Their password.
pub const THEIR_PASSWORD: &str = "a-password-of-theirs";
/// Their salt.
pub const THEIR_SALT: &str = "a-salt-of-theirs";

/// How somebody made a site.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// What the names of its tables begin with.
    pub prefix: &'static str,
    /// Whether its data lies in a file of SQLite, among its uploads.
    pub in_a_file: bool,
    /// Whether its accounts have triggers, which somebody else made.
    pub with_triggers: bool,
    /// Whether it has settings in a `local.settings.php` too.
    pub with_local_settings: bool,
    /// What its settings say besides its database; replaces what they would say.
    pub says: Vec<(&'static str, Value)>,
}

impl Lab {
    /// Makes a site by hand, and gives its folder.
    pub fn made_by_hand(&self, name: &str, platform: &str, how: &ByHand) -> PathBuf {
        let platform = self.contexts().platform(&crate::lab::parsed(platform)).expect("the platform is saved");
        let folder = platform.root.path().join("sites").join(name);
        for path in ["", "files"] {
            // `sites/default` is there in every code.
            fs::create_dir_all(folder.join(path)).expect("the lab's folder can be written");
            mode(&folder.join(path), 0o755);
        }
        fs::write(folder.join("files/a.txt"), "An upload of theirs.\n").expect("the lab's folder can be written");
        let database = if how.in_a_file { self.their_file(&folder) } else { self.their_database(name) };
        self.write_their_settings(&folder, &database, how);
        let question = json!({
            "root": platform.root.as_str(),
            "site": name,
            "uri": format!("http://{name}"),
            "profile": self.profile_of(platform.root.path()),
            "title": "Theirs",
            "mail": "them@example.org",
            "account_name": "them",
            "account_mail": "them@example.org",
            "credentials": {
                "db_type": database["driver"],
                "db_socket": database["socket"],
                "db_user": database["user"],
                "db_passwd": THEIR_PASSWORD,
                "db_name": database["name"],
            },
        });
        let told = install_by_hand(&self.machine, &question);
        assert!(told.contains("answer"), "Drupal is installed by hand: {told}");
        let file = match how.in_a_file {
            true => PathBuf::from(database["name"].as_str().unwrap_or_default()),
            false => DbState::file(&self.machine, database["name"].as_str().unwrap_or_default()),
        };
        with_prefix(&file, how.prefix);
        if how.with_triggers {
            self.their_triggers(database["name"].as_str().unwrap_or_default());
        }
        folder
    }

    /// What is in one of their databases: the names of its tables.
    pub fn their_tables(&self, database: &str) -> Vec<String> {
        let mut real = RealDatabases.sqlite(&DbState::file(&self.machine, database)).expect("they have a database");
        let rows =
            real.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").expect("it has tables");
        rows.into_iter().flatten().flatten().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    /// The triggers of a database: what each is called, whose rows it watches, whom it runs as and what it does.
    pub fn triggers_of(&self, database: &str) -> Vec<String> {
        let state = DbState::read(&self.machine);
        let triggers = state.databases.get(database).map(|entry| entry.triggers.as_slice()).unwrap_or_default();
        let told = |one: &Trigger| format!("{} on {} as {}: {}", one.name, one.table, one.definer, one.action());
        triggers.iter().map(told).collect()
    }

    /// Runs a statement in one of their databases.
    pub fn run_in_theirs(&self, database: &str, statement: &str) {
        let mut real = RealDatabases.sqlite(&DbState::file(&self.machine, database)).expect("they have a database");
        real.run(statement).expect("it runs there");
    }

    /// Leaves their account of a database nothing but the right to read it.
    pub fn only_reads(&self, database: &str) {
        let mut state = DbState::read(&self.machine);
        let account = state.accounts.get_mut(&format!("{database}@localhost")).expect("they have an account");
        account.grants = BTreeMap::from([(database.to_owned(), vec!["SELECT".to_owned()])]);
        state.write(&self.machine);
    }

    fn their_database(&self, site: &str) -> Value {
        let name = format!("{THEIRS}-{site}");
        let mut state = DbState::read(&self.machine);
        state.databases.insert(name.clone(), DatabaseEntry::default());
        let grants = BTreeMap::from([(name.clone(), vec!["ALL".to_owned()])]);
        state.accounts.insert(format!("{name}@localhost"), Account { password: THEIR_PASSWORD.to_owned(), grants });
        state.write(&self.machine);
        fs::write(DbState::file(&self.machine, &name), b"").expect("the lab's folder can be written");
        let socket = self.home().run().join("mariadb.sock");
        json!({ "driver": "mysql", "socket": socket, "name": name, "user": name, "password": THEIR_PASSWORD })
    }

    fn their_triggers(&self, database: &str) {
        let mut state = DbState::read(&self.machine);
        let entry = state.databases.get_mut(database).expect("they have a database");
        entry.triggers = ["first", "then"]
            .map(|name| Trigger {
                name: name.into(),
                table: "users".into(),
                when: ["AFTER".into(), "INSERT".into()],
                definer: "root@localhost".into(),
                made: format!(
                    "CREATE DEFINER=`root`@`localhost` TRIGGER `{name}` AFTER INSERT ON `users` FOR EACH ROW \
                 INSERT INTO `{database}`.`{name}` VALUES (NEW.uid)"
                ),
            })
            .to_vec();
        state.write(&self.machine);
    }

    fn their_file(&self, folder: &Path) -> Value {
        let file = folder.join("files/.ht.sqlite");
        fs::write(&file, b"").expect("the lab's folder can be written");
        json!({ "driver": "sqlite", "name": file, "password": "" })
    }

    fn write_their_settings(&self, folder: &Path, database: &Value, how: &ByHand) {
        let mut database = database.clone();
        database["prefix"] = how.prefix.into();
        let mut says = json!({ "database": database, "hash_salt": THEIR_SALT, "own": ["$conf['theirs']"] });
        for (key, value) in &how.says {
            says[*key] = value.clone();
        }
        let text = format!("<?php\n\n{SETTINGS_SAY}{says}\n$conf['theirs'] = TRUE;\n");
        fs::write(folder.join("settings.php"), text).expect("the lab's folder can be written");
        if how.with_local_settings {
            let local = folder.join("local.settings.php");
            fs::write(&local, "<?php\n$conf['local'] = TRUE;\n").expect("the lab's folder can be written");
            mode(&local, 0o644);
        }
    }

    fn profile_of(&self, root: &Path) -> String {
        let code = aegir_drupal::platform::read(root).expect("the platform is one");
        code.default_profile().map(|profile| profile.name.to_string()).expect("the platform has a profile")
    }
}

/// What every Drupal has besides, and the names that somebody chose for its tables.
fn with_prefix(file: &Path, prefix: &str) {
    let mut real = RealDatabases.sqlite(file).expect("they have a database");
    let mut run = |sql: &str| {
        real.run(sql).expect("a table can be made");
    };
    run("CREATE TABLE IF NOT EXISTS users (uid TEXT PRIMARY KEY)");
    run("CREATE TABLE IF NOT EXISTS sessions (sid TEXT PRIMARY KEY)");
    if prefix.is_empty() {
        return;
    }
    let made = real.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'").expect("it has tables");
    for row in made {
        let text = |at: usize| String::from_utf8_lossy(row[at].as_deref().unwrap_or_default()).into_owned();
        let (name, sql) = (text(0), text(1));
        let columns = sql.find('(').map_or("", |at| &sql[at..]);
        for statement in [
            format!("CREATE TABLE {prefix}{name} {columns}"),
            format!("INSERT INTO {prefix}{name} SELECT * FROM {name}"),
            format!("DROP TABLE {name}"),
        ] {
            real.run(&statement).expect("a table can be renamed");
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the lab's folder can be written");
}
