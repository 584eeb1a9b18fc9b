//! What goes wrong with the database itself: each is told as what it is, with a way out, and leaves nothing half done.

use std::fs;
use std::io::{Read as _, Seek, SeekFrom, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_store::{Dialect, SiteList, Store, StoreAddress, StoreFault};
use sqlx::{Connection, Executor};

use crate::ground::{Ground, new_site, on, on_both};
use crate::postgres::Server;
use crate::schema::{postgres, sqlite};

/// Told to a process that is to be killed: the address of the database.
const VICTIM: &str = "AEGIR_TEST_STORE_VICTIM";

#[test]
fn a_writer_that_is_killed_leaves_no_half_transaction() {
    if let Ok(address) = std::env::var(VICTIM) {
        return be_killed(&address);
    }
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let before = ground.store.sums().await.unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::a_writer_that_is_killed_leaves_no_half_transaction", "--nocapture"])
            .env(VICTIM, ground.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = child.stdout.take().unwrap();
        let mut buffer = [0; 64];
        while !said.contains("half") {
            let read = out.read(&mut buffer).unwrap();
            assert!(read > 0, "it ended by itself: {said}");
            said.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }

        child.kill().unwrap();
        child.wait().unwrap();

        // On PostgreSQL the server may take a moment to see that its client is gone.
        let site = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let now = ground.now();
                let add = ground.store.write(async |tx| tx.add_site(&new_site("s0.test", platform, server), now).await);
                match add.await {
                    Ok(site) => return site,
                    Err(fault) => assert!(fault.may_pass(), "{fault:?}"),
                }
            }
        });
        let site = site.await.unwrap();
        let now = ground.now();
        ground.store.write(async |tx| tx.delete_object(site, now).await).await.unwrap();
        assert_eq!(ground.store.check().await.unwrap(), Vec::<String>::new());
        let after = ground.store.sums().await.unwrap();
        let sites = |sums: &[aegir_store::CopiedTable]| sums.iter().find(|sum| sum.name == "site").unwrap().rows;
        assert_eq!((sites(&before), sites(&after)), (0, 1));
    });
}

fn be_killed(address: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&address.parse().unwrap()).await.unwrap();
        let objects = store
            .read(async |read| {
                let server = read.node_named(&"@server_web1".parse().unwrap()).await?.unwrap().id;
                let platform = read.node_named(&"@platform_d10".parse().unwrap()).await?.unwrap().id;
                Ok::<_, StoreFault>((server, platform))
            })
            .await;
        let (server, platform) = objects.unwrap();
        store
            .write(async |tx| {
                for n in 0..200 {
                    tx.add_site(&new_site(&format!("s{n}.test"), platform, server), 5).await?;
                }
                println!("half");
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn a_change_that_is_given_up_half_way_leaves_nothing_and_the_next_one_goes_on() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let before = ground.store.sums().await.unwrap();
        let given_up = tokio::time::timeout(
            Duration::from_millis(200),
            ground.store.write(async |tx| {
                tx.add_site(&new_site("a.test", platform, server), 5).await?;
                tokio::time::sleep(Duration::from_secs(600)).await;
                Ok::<_, StoreFault>(())
            }),
        );
        assert!(given_up.await.is_err());

        assert_eq!(ground.store.sums().await.unwrap(), before);
        ground.site("a.test", platform, server).await;
    });
}

#[test]
fn a_database_that_somebody_else_holds_says_so_and_works_again_afterwards() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let title = async |title: &str| ground.store.write(async |tx| tx.set_title(server, title, 5).await).await;
        match ground.store.dialect() {
            Dialect::Sqlite => {
                let mut other = sqlite(&ground).await;
                other.execute("BEGIN IMMEDIATE").await.unwrap();
                assert_is_told(title("two").await, |fault| matches!(fault, StoreFault::Locked { .. }));
                other.execute("ROLLBACK").await.unwrap();
            }
            Dialect::Postgres => {
                let mut other = postgres(&ground).await;
                other.execute("BEGIN; LOCK TABLE node").await.unwrap();
                assert_is_told(title("two").await, |fault| matches!(fault, StoreFault::Locked { .. }));
                other.execute("ROLLBACK").await.unwrap();
            }
        }
        title("three").await.unwrap();
        let node = ground.store.read(async |read| read.need_node(server).await).await.unwrap();
        assert_eq!(node.title, "three");
    });
}

#[test]
fn a_damaged_file_and_one_that_is_no_database_are_told() {
    on(Dialect::Sqlite, async |ground| {
        let server = ground.server("web1").await;
        for n in 0..200 {
            ground.store.write(async |tx| tx.record_deed(server, "anna", "x", None, n).await).await.unwrap();
        }
        ground.store.close().await;
        let StoreAddress::Sqlite(path) = &ground.address else { panic!("it is a file") };
        let mut file = fs::File::options().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        for page in 3..length / 4096 {
            file.seek(SeekFrom::Start(page * 4096)).unwrap();
            file.write_all(&[0xa5; 2048]).unwrap();
        }
        drop(file);
        // Whoever opens it is told, or whoever looks.
        match Store::open(&ground.address).await {
            Ok(store) => match store.check().await {
                Ok(wrong) => assert!(!wrong.is_empty()),
                Err(fault) => assert!(matches!(fault, StoreFault::Corrupt { .. }), "{fault:?}"),
            },
            Err(fault) => assert!(matches!(fault, StoreFault::Corrupt { .. }), "{fault:?}"),
        }

        let text = ground.dir.path().join("text");
        fs::write(&text, "This is a letter to my aunt, and she will want it back as it was.\n".repeat(200)).unwrap();
        let opened = Store::open(&StoreAddress::file(&text)).await;
        assert_is_told(opened, |fault| matches!(fault, StoreFault::Corrupt { .. }));
        assert!(fs::read_to_string(&text).unwrap().starts_with("This is a letter"));
    });
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    on(Dialect::Sqlite, async |ground| {
        let other = ground.dir.path().join("other.sqlite");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&other).create_if_missing(true);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        connection.execute("CREATE TABLE users (name TEXT)").await.unwrap();
        connection.close().await.unwrap();

        assert_is_told(Store::open(&StoreAddress::file(&other)).await, |fault| {
            matches!(fault, StoreFault::Foreign { .. })
        });
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let tables = connection.fetch_all("SELECT name FROM sqlite_master WHERE type = 'table'").await.unwrap();
        assert_eq!(tables.len(), 1);
        connection.close().await.unwrap();
    });
}

#[test]
fn a_place_that_cannot_be_is_told_with_the_way_out() {
    on(Dialect::Sqlite, async |ground| {
        let nowhere = StoreAddress::file(ground.dir.path().join("no/such/folder/control.sqlite"));
        assert_is_told(Store::open(&nowhere).await, |fault| matches!(fault, StoreFault::Open { .. }));
        let folder = StoreAddress::file(ground.dir.path());
        assert_is_told(Store::open(&folder).await, |fault| matches!(fault, StoreFault::Open { .. }));
    });
}

#[test]
fn a_server_that_dies_is_away_and_is_used_again_when_it_is_back() {
    on(Dialect::Sqlite, async |_| {
        let server = Server::start();
        let database = server.database().await;
        let address: StoreAddress = server.address("aegir", &database).parse().unwrap();
        let store = Store::open(&address).await.unwrap();
        store.write(async |tx| tx.limit_queue(7).await).await.unwrap();

        let (tell, told) = tokio::sync::oneshot::channel();
        let writing = store.clone();
        let half = tokio::spawn(async move {
            writing
                .write(async |tx| {
                    tx.limit_queue(8).await?;
                    tell.send(()).unwrap();
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    tx.limit_queue(9).await
                })
                .await
        });
        told.await.unwrap();
        server.kill();
        assert_is_told(half.await.unwrap(), |fault| matches!(fault, StoreFault::Away { .. }));
        assert_is_told(store.read(async |read| read.queue().await).await, StoreFault::may_pass);
        assert_is_told(Store::open(&address).await, StoreFault::may_pass);

        server.run();
        let queue = store.read(async |read| read.queue().await).await.unwrap();
        assert_eq!(queue.task_limit, 7);
        store.close().await;
    });
}

#[test]
fn an_account_that_may_not_and_a_server_that_may_only_be_read_are_told() {
    on(Dialect::Sqlite, async |_| {
        let server = crate::postgres::shared();
        let database = server.database().await;
        let guest = format!("guest_{database}");
        server.execute(&database, &format!("CREATE ROLE {guest} LOGIN")).await;
        let address: StoreAddress = server.address(&guest, &database).parse().unwrap();
        assert_is_told(Store::open(&address).await, |fault| matches!(fault, StoreFault::Denied { .. }));
        let nobody: StoreAddress = server.address("nobody_here", &database).parse().unwrap();
        assert_is_told(Store::open(&nobody).await, |fault| matches!(fault, StoreFault::Denied { .. }));

        let address: StoreAddress = server.address("aegir", &database).parse().unwrap();
        Store::open(&address).await.unwrap().close().await;
        server.execute("postgres", &format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
        let store = Store::open(&address).await.unwrap();
        let changed = store.write(async |tx| tx.pause_queue().await).await;
        assert_is_told(changed, |fault| matches!(fault, StoreFault::ReadOnly { .. }));
        assert!(!store.read(async |read| read.queue().await).await.unwrap().paused);
        store.close().await;
    });
}

#[test]
fn no_password_is_told_by_a_fault() {
    on(Dialect::Sqlite, async |_| {
        let address: StoreAddress = "postgres://aegir:hunter2@127.0.0.1:1/aegir".parse().unwrap();
        let fault = Store::open(&address).await.unwrap_err();
        let report = aegir_domain::FaultReport::of(&fault);
        assert!(matches!(fault, StoreFault::Away { .. }), "{fault:?}");
        assert!(!format!("{fault:?} {report:?}").contains("hunter2"));
    });
}

/// That a fault is of the kind it should be, and says how to get past it.
fn assert_is_told<T: std::fmt::Debug>(told: Result<T, StoreFault>, is: impl Fn(&StoreFault) -> bool) {
    let fault = told.unwrap_err();
    assert!(is(&fault), "{fault:?}");
    assert!(fault.remedy().is_some(), "{fault:?}");
}

impl Ground {
    /// Where a file of this story lies.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

#[test]
fn whoever_goes_away_in_the_middle_of_a_question_leaves_no_moment_behind_for_the_next() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        for round in 0..40 {
            // More than there are connections that read; each is given up with its moment open.
            let asked: Vec<_> = (0..12)
                .map(|_| {
                    let store = ground.store.clone();
                    tokio::spawn(async move {
                        store
                            .snapshot(async |read| {
                                read.list(&SiteList::default()).await?;
                                std::future::pending::<Result<(), StoreFault>>().await
                            })
                            .await
                    })
                })
                .collect();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            asked.iter().for_each(tokio::task::JoinHandle::abort);
            for task in asked {
                let _ = task.await;
            }
            ground.site(&format!("s{round:02}.test"), platform, server).await;
            for _ in 0..12 {
                let sites = ground.store.snapshot(async |read| read.list(&SiteList::default()).await).await;
                assert_eq!(sites.unwrap().rows.len(), round + 1, "what was written since is seen");
            }
        }
    });
}
