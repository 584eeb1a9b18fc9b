//! What the manual says of restoring, done word by word: the copy lists the same as what it was made of.

use std::fs;
use std::process::Command;

use aegir_store::Dialect;

use crate::ground::{Ground, Hands, as_owner, run};
use crate::postgres;
use crate::support::run as must_run;

#[test]
fn a_nightly_copy_is_put_back_as_the_manual_says() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        ground.furnish();
        let copies = ground.copies(Hands::at(1_700_000_000_000));
        let copy = as_owner(&ground, async |store| copies.make_if_due(&store, 3).await.unwrap().unwrap());
        let before = ground.listed();
        ground.lab.front(&["server", "verify", "files"]).done();
        assert_ne!(ground.listed(), before, "something came after it");

        match dialect {
            Dialect::Sqlite => {
                let file = ground.lab.home().join("hostmaster/control.sqlite");
                for ending in ["-wal", "-shm"] {
                    let _ = fs::remove_file(format!("{}{ending}", file.display()));
                }
                fs::rename(&file, file.with_extension("sqlite.set-aside")).unwrap();
                must_run(ground.lab.as_owner("install").args(["-m", "600"]).arg(&copy).arg(&file));
            }
            Dialect::Postgres => {
                let server = postgres::shared();
                let url = server.address("aegir:hunter2", &run(server.database()));
                must_run(Command::new("pg_restore").args(["--no-owner", "--exit-on-error", "-d", &url]).arg(&copy));
                fs::write(ground.lab.home().join("hostmaster/control-database"), url).unwrap();
            }
        }

        ground.lab.front(&["db", "check"]).done().says("is whole");
        assert_eq!(ground.listed(), before);
        ground.lab.front(&["server", "verify", "files"]).done();
    }
}
