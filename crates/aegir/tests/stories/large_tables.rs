//! Large tables of a site are copied as files on the private stack's server; what cannot be is copied row by row, and
//! a server that dies meanwhile loses nothing.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use aegir_domain::DbName;
use aegir_drivers::db::{Checkpoint, DbDriver, MariaDb, Statement};

use super::moves::saved;
use crate::support::story::Site;
use crate::support::{Lab, kill, way, within};

/// More rows than a small table has, of 400 characters each that cannot be guessed.
const ROWS: &str = "SELECT seq, CONCAT(MD5(seq), MD5(seq + 1), MD5(seq + 2), REPEAT('x', 300))";

/// A lab with a site on the platform `old`, and a platform `new` of the same release.
fn a_shop(lab: &Lab) -> Site {
    for (name, place) in [("old", "one"), ("new", "two")] {
        let project = lab.home().join("platforms").join(place);
        lab.assemble_at("seven-1.0", &project);
        lab.save_platform(name, &project);
    }
    Site::install(lab, "shop.localhost", "old", "localhost", Some("standard"))
}

/// Makes the table `name` of more than 16 MB with these columns and options beside `id` and `text`.
fn fill(lab: &Lab, database: &str, name: &str, more: &str, options: &str, rows: u32) {
    lab.up().run_sql(&format!(
        "CREATE TABLE `{database}`.`{name}` (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT{more}) ENGINE=InnoDB {options}"
    ));
    lab.up()
        .run_sql(&format!("INSERT INTO `{database}`.`{name}` (id, text) {ROWS} FROM `{database}`.`seq_1_to_{rows}`"));
    lab.up().sql(&format!("ANALYZE TABLE `{database}`.`{name}`"));
}

/// What is in a table. Columns that are computed when they are read are no part of the server's own sum.
fn sum(lab: &Lab, database: &str, table: &str) -> (String, String) {
    let sum = lab.up().sql(&format!("CHECKSUM TABLE `{database}`.`{table}`")).remove(0);
    let read = lab.up().sql(&format!("SELECT COUNT(*), SUM(id), SUM(CRC32(text)) FROM `{database}`.`{table}`"));
    (sum.split('\t').next_back().unwrap().to_owned(), read[0].clone())
}

fn database_of(lab: &Lab, site: &str) -> String {
    saved(lab, site)["database"]["name"].as_str().unwrap().to_owned()
}

/// The names of the files in the folder of a database.
fn files(lab: &Lab, database: &str) -> Vec<String> {
    let entries = fs::read_dir(data(lab).join(database)).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn data(lab: &Lab) -> PathBuf {
    PathBuf::from(lab.up().sql("SELECT @@datadir").remove(0))
}

#[test]
fn large_tables_of_every_shape_arrive_as_they_were() {
    let lab = Lab::start(way());
    let site = a_shop(&lab);
    let from = site.database.clone();
    let shapes = [
        ("plain", ", KEY (text(40))", ""),
        ("computed", ", kept CHAR(3) AS (LEFT(text, 3)) STORED, len INT AS (LENGTH(text)) VIRTUAL, KEY (len)", ""),
        ("squeezed", "", "ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8"),
        ("redundant", "", "ROW_FORMAT=REDUNDANT"),
        ("changed", ", gone INT DEFAULT 4, stays INT DEFAULT 5", ""),
        ("words", ", title VARCHAR(20) DEFAULT 'a title', FULLTEXT (title)", ""),
        ("held", "", ""),
    ];
    for (name, more, options) in shapes {
        // What is compressed must be large all the same.
        fill(&lab, &from, name, more, options, if options.contains("COMPRESSED") { 120_000 } else { 60_000 });
    }
    lab.up().run_sql(&format!("ALTER TABLE `{from}`.`changed` DROP COLUMN gone, ALGORITHM=INSTANT"));
    lab.up().run_sql(&format!("ALTER TABLE `{from}`.`changed` ADD COLUMN late INT DEFAULT 7, ALGORITHM=INSTANT"));
    lab.up()
        .run_sql(&format!("INSERT INTO `{from}`.`changed` (text, stays) SELECT text, 6 FROM `{from}`.`plain` LIMIT 9"));
    let were: Vec<_> = shapes.iter().map(|(name, ..)| sum(&lab, &from, name)).collect();
    // Somebody else's transaction, which the server would wait for.
    let mut other = lab.up().connect();
    other.run("BEGIN").unwrap();
    other.run(&format!("INSERT INTO `{from}`.`held` (text) VALUES ('not to be seen')")).unwrap();

    lab.up().run_sql("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON");
    let said = lab.provision(&["migrate", "@shop.localhost", "--platform", "@new"]).done();
    lab.up().run_sql("SET GLOBAL general_log = OFF");

    other.run("ROLLBACK").unwrap();
    let line = said.out.lines().find(|line| line.contains("Large tables")).unwrap_or_else(|| panic!("{}", said.all()));
    let (as_files, by_rows) = line.split_once("row by row").unwrap();
    for name in ["plain", "computed", "squeezed", "redundant", "changed"] {
        assert!(as_files.contains(name), "{name}: {line}");
    }
    assert!(by_rows.contains("held") && !line.contains("words"), "{line}");
    let to = database_of(&lab, "shop.localhost");
    assert_ne!(from, to);
    // No file comes to a place that the server's journal still names.
    let ran = lab.up().sql("SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')");
    let places = |part: &str| -> Vec<usize> { (0..ran.len()).filter(|at| ran[*at].contains(part)).collect() };
    let [left, checkpoint, lent, taken] =
        ["DISCARD TABLESPACE", "innodb_log_checkpoint_now = ON", "FOR EXPORT", "IMPORT TABLESPACE"].map(places);
    assert_eq!((left.len(), checkpoint.len(), lent.len(), taken.len()), (6, 1, 6, 5), "{ran:#?}");
    assert!(left.iter().all(|at| *at < checkpoint[0]) && lent.iter().all(|at| checkpoint[0] < *at), "{ran:#?}");
    for ((name, ..), (sum_of_all, was)) in shapes.iter().zip(were) {
        let (is, read) = sum(&lab, &to, name);
        assert_eq!(read, was, "{name}");
        assert!(is == sum_of_all || *name == "computed", "{name}");
        assert_eq!(sum(&lab, &from, name).1, was, "{name}: what it was");
    }
    let kept = format!("SELECT SUM(CRC32(kept)), SUM(len) FROM `{to}`.`computed` FORCE INDEX (len) WHERE len > 10");
    assert_eq!(lab.up().sql(&kept), lab.up().sql(&kept.replace(&to, &from)));
    lab.up().run_sql(&format!("INSERT INTO `{to}`.`plain` (text) VALUES ('the next one')"));
    assert_eq!(lab.up().sql(&format!("SELECT MAX(id) FROM `{to}`.`plain`")), ["60001"]);
    for database in [&from, &to] {
        assert!(!files(&lab, database).iter().any(|name| name.ends_with(".cfg")), "{:?}", files(&lab, database));
    }
    site.answers(&lab);
    lab.provision(&["disable", "@shop.localhost", "--no-backup"]).done();
    lab.provision(&["delete", "@shop.localhost", "--confirm=shop.localhost", "--no-backup"]).done();
    assert!(!data(&lab).join(&from).exists() && !data(&lab).join(&to).exists());
}

#[test]
fn a_server_that_dies_while_it_lends_a_file_loses_nothing() {
    let lab = Lab::start(way());
    let site = a_shop(&lab);
    let from = site.database.clone();
    for name in ["one", "two", "three"] {
        fill(&lab, &from, name, "", "", 120_000);
    }
    let were = ["one", "two", "three"].map(|name| sum(&lab, &from, name));
    let folder = data(&lab).join(&from);
    let words = ["migrate", "@shop.localhost", "--platform", "@new"];

    let server = lab.up().pid("mariadb").unwrap();
    let killer = thread::spawn(move || {
        let is_lent = |entry: fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".cfg");
        within(Duration::from_secs(120), "a table is lent", || fs::read_dir(&folder).unwrap().flatten().any(is_lent));
        kill(server);
    });

    let said = lab.provision(&words);

    killer.join().unwrap_or_else(|_| panic!("{}", said.all()));
    within(Duration::from_secs(60), "the server answers again", || {
        std::panic::catch_unwind(|| lab.up().sql("SELECT 1")).is_ok()
    });
    assert_eq!(["one", "two", "three"].map(|name| sum(&lab, &from, name)), were);
    lab.provision(&["recover"]).done();
    site.answers(&lab);
    if said.code != 0 {
        assert_eq!(saved(&lab, "shop.localhost")["platform"], "old");
        lab.provision(&words).done();
    }
    let to = database_of(&lab, "shop.localhost");
    assert_eq!(["one", "two", "three"].map(|name| sum(&lab, &to, name)), were);
    lab.provision(&["disable", "@shop.localhost", "--no-backup"]).done();
    lab.provision(&["delete", "@shop.localhost", "--confirm=shop.localhost", "--no-backup"]).done();
    let left =
        fs::read_dir(data(&lab)).unwrap().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let left: Vec<String> = left.filter(|name| name.starts_with("shop") || *name == from).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What one step leaves for the next, and the server dies in between: a table of the copy lost its file, a checkpoint was made, and
/// the other table's file lies in its place.
#[test]
fn a_server_that_dies_with_a_copied_file_in_its_place_starts_again() {
    let lab = Lab::start(way());
    let data = data(&lab);
    let [from, to] = ["lent", "taking"].map(|name| name.parse::<DbName>().unwrap());
    let run = |statement: &Statement| lab.up().run_sql(statement.text().expose());
    for name in [&from, &to] {
        lab.up().run_sql(&format!("CREATE DATABASE `{name}`"));
    }
    fill(&lab, "lent", "one", "", "", 20_000);
    let was = sum(&lab, "lent", "one");
    // The journal names files that are written to. A server that has nothing to do, or is far behind its journal, makes
    // checkpoints by itself, and nothing would be tried.
    lab.up().run_sql("CREATE TABLE lent.other (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT)");
    run(&MariaDb.checkpoint().unwrap().make);
    let mut busy = lab.up().connect();
    let busy = thread::spawn(move || {
        while busy.run("INSERT INTO lent.other (text) SELECT MD5(RAND()) FROM lent.seq_1_to_200").is_ok() {}
    });
    let mut other = lab.up().connect();
    for statement in ["BEGIN", "INSERT INTO lent.one (text) VALUES ('not to be seen')", "ROLLBACK"] {
        other.run(statement).unwrap();
    }

    lab.up().run_sql("CREATE TABLE taking.one LIKE lent.one");
    let way = MariaDb.copy_as_file(&from, &to, "one").unwrap();
    run(&way.make_room);
    reach_checkpoint(&lab);
    for statement in &way.hold {
        other.run(statement.text().expose()).unwrap();
    }
    for file in &way.files {
        let (lent, taking) = (data.join("lent").join(file), data.join("taking").join(file));
        fs::copy(&lent, &taking).unwrap();
        let owner = fs::metadata(&lent).unwrap();
        chown(&taking, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    for statement in &way.let_go {
        other.run(statement.text().expose()).unwrap();
    }
    kill(lab.up().pid("mariadb").unwrap());
    busy.join().unwrap();

    within(Duration::from_secs(30), "the server answers again", || {
        std::panic::catch_unwind(|| lab.up().sql("SELECT 1")).is_ok()
    });
    assert_eq!(sum(&lab, "lent", "one"), was);
    lab.up().run_sql("DROP DATABASE taking");
    assert!(!data.join("taking").exists(), "{:?}", files(&lab, "taking"));
}

/// Has the server's journal be read from behind all that is in it now, while somebody writes to it.
fn reach_checkpoint(lab: &Lab) {
    let Checkpoint { make, ask } = MariaDb.checkpoint().unwrap();
    let at = || {
        let row = lab.up().sql(ask.text().expose()).remove(0);
        let (written, read_from) = row.split_once('\t').unwrap();
        (written.parse::<u64>().unwrap(), read_from.parse::<u64>().unwrap())
    };
    let (written, _) = at();
    let mut beside = lab.up().connect();
    let id = String::from_utf8(beside.rows("SELECT CONNECTION_ID()").unwrap()[0][0].clone().unwrap()).unwrap();
    let making = thread::spawn(move || beside.run(make.text().expose()).map(drop));
    within(Duration::from_secs(20), "a checkpoint is made", || at().1 >= written);
    let end = MariaDb.end_statement(&id).unwrap();
    within(Duration::from_secs(20), "it comes to its end", || {
        // One that came to its end just now needs none.
        let _ = lab.up().connect().run(end.text().expose());
        making.is_finished()
    });
    let _ = making.join().unwrap();
}

/// Has the server die when a copied file lies in the place of a table's own, and some time later, up to when it was taken.
#[test]
fn a_server_that_dies_while_it_takes_a_file_starts_again() {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    // A service that dies five times in a minute is given up.
    let (rounds, pause) = match std::env::var("AEGIR_PROOFS").as_deref() {
        Ok("all") => (40, Duration::from_secs(16)),
        _ => (3, Duration::ZERO),
    };
    let lab = Lab::start(way());
    let site = a_shop(&lab);
    for name in NAMES {
        fill(&lab, &site.database, name, "", "", 60_000);
    }
    let were = NAMES.map(|name| sum(&lab, &site.database, name));
    let data = data(&lab);
    let mut died = 0;

    for round in 0..rounds {
        thread::sleep(pause);
        let context = saved(&lab, "shop.localhost");
        let to = if context["platform"] == "old" { "@new" } else { "@old" };
        let from = database_of(&lab, "shop.localhost");
        let (known, was) = (folders(&data), from.clone());
        let server = lab.up().pid("mariadb").unwrap();
        let (looked_at, later) = (data.clone(), Duration::from_millis(round * 37 % 120));
        let killer = thread::spawn(move || {
            within(Duration::from_secs(120), "a copied file comes to its place", || {
                folders(&looked_at).difference(&known).any(|folder| looked_at.join(folder).join("one.cfg").exists())
            });
            thread::sleep(later);
            kill(server);
        });

        let said = lab.provision(&["migrate", "@shop.localhost", "--platform", to]);

        killer.join().unwrap_or_else(|_| panic!("{}", said.all()));
        within(Duration::from_secs(60), "the server answers again", || {
            std::panic::catch_unwind(|| lab.up().sql("SELECT 1")).is_ok()
        });
        lab.provision(&["recover"]).done();
        let is = database_of(&lab, "shop.localhost");
        if said.code != 0 {
            died += 1;
            assert_eq!(is, was, "round {round}: {}", said.all());
        }
        assert_eq!(NAMES.map(|name| sum(&lab, &is, name)), were, "round {round}: {}", said.all());
        site.answers(&lab);
    }
    assert!(died > 0, "none of {rounds} moves was cut short");
}

/// The folders of all databases.
fn folders(data: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(data).unwrap().flatten().filter(|entry| entry.path().is_dir());
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
