//! `aegir db migrate`: a whole installation from one control database to another.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{SystemTime, UNIX_EPOCH};

use aegir_store::{Dialect, Store, StoreFault};

use crate::ground::{Ground, as_owner, mode_of, run};
use crate::postgres;
use crate::support::said::Said;
use crate::support::stack::Up;

/// An empty PostgreSQL database, with a password that nobody may tell.
fn empty() -> String {
    let server = postgres::shared();
    server.address("aegir:hunter2", &run(server.database()))
}

fn tells_no_password(said: Said) -> Said {
    assert!(!said.all().contains("hunter2"), "{}", said.all());
    said
}

/// The rows that were told to be copied: table, count, sum.
fn told_sums(said: &Said) -> Vec<Vec<String>> {
    let rows = said.out.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|row| row.len() == 3 && row[1].parse::<u64>().is_ok()).collect()
}

#[test]
fn an_installation_moves_to_postgresql_and_back_and_lists_the_same() {
    let ground = Ground::new(Dialect::Sqlite);
    ground.furnish();
    let before = ground.listed();
    let url = empty();
    let named = ground.lab.home().join("hostmaster/control-database");

    let there = tells_no_password(ground.front_with(&["db", "migrate", "--to-file", "-"], &format!("{url}\n")).done());

    let sums = told_sums(&there);
    assert!(sums.len() > 25 && sums.iter().any(|row| row[0] == "task" && row[1] == "1"), "{}", there.all());
    let there = there.says("counted and summed on both sides").says("is left as it was");
    assert!(there.all().contains("postgres://aegir@"), "{}", there.all());
    assert_eq!(fs::read_to_string(&named).unwrap().trim(), url);
    let owner = |path: &std::path::Path| fs::metadata(path).unwrap().uid();
    assert_eq!((mode_of(&named), owner(&named)), (0o600, owner(&ground.lab.home())));
    tells_no_password(ground.lab.front(&["db", "check"]).done().says("postgres://aegir@"));
    assert_eq!(ground.listed(), before);
    assert!(ground.lab.home().join("hostmaster/control.sqlite").exists());
    // It is worked with there from now on.
    ground.lab.front(&["server", "verify", "files"]).done();

    let second = ground.lab.home().join("hostmaster/second.sqlite");
    let file = ground.lab.home().join("to");
    fs::write(&file, format!("sqlite:{}\nanything else\n", second.display())).unwrap();
    ground.lab.give(&file);
    let now = ground.listed();
    assert_ne!(now, before);
    let back = ground.lab.front(&["db", "migrate", "--to-file", &file.display().to_string()]).done();
    assert!(told_sums(&back).iter().any(|row| row[0] == "task" && row[1] == "2"), "{}", back.all());
    assert_eq!(mode_of(&second), 0o600);
    assert_eq!(ground.listed(), now);
    tells_no_password(back);

    // Where something lies, nothing is put.
    let again = ground.front_with(&["db", "migrate", "--to-file", "-"], &url);
    tells_no_password(again.ends(1).says("is not empty"));
    assert_eq!(fs::read_to_string(&named).unwrap().trim(), format!("sqlite:{}", second.display()));
    assert_eq!(ground.listed(), now);
}

#[test]
fn nothing_moves_while_a_front_end_works_on_it_here_or_anywhere() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        ground.furnish();
        let to = format!("sqlite:{}", ground.lab.home().join("hostmaster/second.sqlite").display());
        let migrate = || tells_no_password(ground.front_with(&["db", "migrate", "--to-file", "-"], &to));
        let home = ground.lab.home().display().to_string();
        let serve = ground.lab.as_user(&["--home", &home, "serve"]);
        let mut up = Up::start_until(serve, ground.lab.home(), "The front end answers");
        migrate().ends(1).says("a front end of").remedy("end it first");
        ground.lab.front(&["db", "upgrade"]).ends(1).says("a front end of");
        // To look and to copy disturb nobody.
        ground.lab.front(&["db", "check"]).done();
        ground.lab.front(&["db", "copy", &ground.lab.home().join("whole").display().to_string()]).done();
        up.stop();

        // One on another machine: all that is seen of it is what it holds.
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        let take = async |store: Store| {
            let taken = store.write(async |tx| tx.take_lease("dispatch:files", "elsewhere:7", 60_000, now).await);
            Ok::<_, StoreFault>(taken.await.unwrap().unwrap())
        };
        let fence = as_owner(&ground, take).unwrap();
        migrate().ends(1).says("`elsewhere:7` starts tasks").remedy("seconds");
        assert!(!ground.lab.home().join("hostmaster/second.sqlite").exists(), "the target is not even made");

        as_owner(&ground, async |store| store.write(async |tx| tx.leave_lease(&fence).await).await.unwrap());
        migrate().done();
    }
}

#[test]
fn an_address_that_is_none_is_refused_without_being_told() {
    let ground = Ground::new(Dialect::Sqlite);
    ground.furnish();
    for (text, code) in
        [("", 2), ("\nsecond line", 2), ("mysql://a:hunter2@x/y", 1), ("postgres://a:hunter2@h", 1), ("hunter2", 1)]
    {
        let said = tells_no_password(ground.front_with(&["db", "migrate", "--to-file", "-"], text));
        assert_eq!(said.code, code, "{}", said.all());
        assert!(said.err.contains("how to fix it"), "{}", said.all());
    }
    let nobody = "postgres://aegir:hunter2@127.0.0.1:1/none";
    tells_no_password(ground.front_with(&["db", "migrate", "--to-file", "-"], nobody).ends(1));
    assert!(!ground.lab.home().join("hostmaster/control-database").exists());
    ground.lab.front(&["db", "migrate", "--to-file", "/no/such/file"]).ends(1).says("/no/such/file");
    ground.listed();
}

#[test]
fn a_copy_is_whole_and_takes_no_name_that_is_taken() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        ground.furnish();
        let to = ground.lab.home().join("copy of mine");
        let words = ["db", "copy", &to.display().to_string()];
        tells_no_password(ground.lab.front(&words).done().says("is copied to"));
        assert_eq!(mode_of(&to), 0o600);
        fs::set_permissions(&to, fs::Permissions::from_mode(0o640)).unwrap();
        tells_no_password(ground.lab.front(&words).ends(1).says("is there already"));
        assert_eq!(mode_of(&to), 0o640, "it was not touched");

        // What somebody has under the name that ours bears on its way is theirs.
        let (other, on_its_way) = (ground.lab.home().join("other"), ground.lab.home().join("other.part"));
        fs::write(&on_its_way, "mine").unwrap();
        ground.lab.front(&["db", "copy", &other.display().to_string()]).ends(1).says("other.part` is there already");
        assert_eq!((fs::read_to_string(&on_its_way).unwrap().as_str(), other.exists()), ("mine", false));
    }
}
