//! Nightly copies: when one is made, how many are kept, and what happens when none can be.

use std::fs;

use aegir_domain::{FaultReport, Remedy, Report};
use aegir_outside::copies::CopyFault;
use aegir_store::{Dialect, Store, StoreAddress};

use crate::ground::{Ground, Hands, NIGHT, as_owner, list_of_dump, mode_of};
use crate::postgres::Server;
use crate::support::stack::Up;
use crate::support::until;

const MONDAY: u64 = 1_700_000_000_000;

fn ending(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "dump",
    }
}

#[test]
fn one_is_made_each_night_and_the_oldest_go() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        let clock = Hands::at(MONDAY);
        let copies = ground.copies(clock.clone());
        let name = |night: u64| format!("control-{}.{}", MONDAY + night * NIGHT, ending(dialect));
        as_owner(&ground, async |store| {
            let made = copies.make_if_due(&store, 3).await.unwrap();
            assert_eq!(made, Some(ground.copy(&name(0))), "the first is made at once");
            clock.set(MONDAY + NIGHT - 1);
            assert_eq!(copies.make_if_due(&store, 3).await.unwrap(), None, "it is fresh for a night");
            // What is somebody's own stays, whatever it is called.
            for other in ["control-mine.sqlite", "control-1.dump", "notes"] {
                fs::write(ground.copy(other), "mine").unwrap();
            }
            for night in 1..5 {
                clock.set(MONDAY + night * NIGHT);
                assert!(copies.make_if_due(&store, 3).await.unwrap().is_some());
            }
        });
        let others = ["control-1.dump", "control-mine.sqlite", "notes"].map(str::to_owned);
        let mut expected: Vec<String> = [2, 3, 4].into_iter().map(name).chain(others).collect();
        expected.sort();
        assert_eq!(ground.kept(), expected);
        assert_eq!((mode_of(&ground.copy(&name(4))), mode_of(&ground.copy(""))), (0o600, 0o700));
        match dialect {
            Dialect::Sqlite => {
                let file = StoreAddress::file(ground.copy(&name(4)));
                crate::ground::run(async {
                    let copy = Store::open(&file).await.unwrap();
                    assert_eq!(copy.check().await.unwrap(), Vec::<String>::new());
                    copy.close().await;
                });
            }
            Dialect::Postgres => assert!(list_of_dump(&ground.copy(&name(4))).contains("TABLE DATA public node")),
        }
    }
}

#[test]
fn a_clock_that_goes_back_costs_no_night_and_no_copy_of_now() {
    let ground = Ground::new(Dialect::Sqlite);
    let clock = Hands::at(MONDAY);
    let copies = ground.copies(clock.clone());
    as_owner(&ground, async |store| {
        for night in 0..3 {
            clock.set(MONDAY + night * NIGHT);
            copies.make_if_due(&store, 3).await.unwrap();
        }
        clock.set(MONDAY - 30 * NIGHT);
        let made = copies.make_if_due(&store, 3).await.unwrap();
        let now = format!("control-{}.sqlite", MONDAY - 30 * NIGHT);
        assert_eq!(made, Some(ground.copy(&now)), "those of the time to come do not count");
        assert!(ground.kept().contains(&now), "the newest is not the one that goes: {:?}", ground.kept());
        assert_eq!(ground.kept().len(), 3);
        clock.set(MONDAY - 30 * NIGHT + 1000);
        assert_eq!(copies.make_if_due(&store, 3).await.unwrap(), None);
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_told_of_and_nothing_is_left_half_done() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let ground = Ground::new(dialect);
        let copies = ground.copies(Hands::at(MONDAY));
        let place = ground.forbid_copies();

        let fault = as_owner(&ground, async |store| copies.make_if_due(&store, 3).await.unwrap_err());

        let told = Report(&FaultReport::of(&fault)).to_string();
        assert!(told.contains(&place.display().to_string()), "{told}");
        assert!(fault.remedy().is_some(), "{told}");
        assert_eq!(ground.kept(), Vec::<String>::new());
        ground.allow_copies();
        let made = as_owner(&ground, async |store| copies.make_if_due(&store, 3).await.unwrap());
        assert!(made.is_some(), "it goes on once that is mended");
        assert_eq!(ground.kept().len(), 1);
    }
}

#[test]
fn that_there_is_no_copy_is_news_once() {
    let ground = Ground::new(Dialect::Sqlite);
    ground.lab.front(&["settings", "set", "news_webhook", "https://127.0.0.1:1/hook"]).done();
    ground.forbid_copies();
    let home = ground.lab.home().display().to_string();
    let unsent = || as_owner(&ground, async |store| store.read(async |read| read.count_unsent().await).await.unwrap());
    for told in 1..3 {
        let serve = ground.lab.as_user(&["--home", &home, "serve"]);
        let mut up = Up::start_until(serve, ground.lab.home(), "The front end answers");
        until("it is told", || unsent() == told);
        up.stop();
        assert_eq!(unsent(), told, "once for each time that it began");
    }
    ground.allow_copies();
    let serve = ground.lab.as_user(&["--home", &home, "serve"]);
    let mut up = Up::start_until(serve, ground.lab.home(), "The front end answers");
    until("a copy is made", || ground.kept().len() == 1);
    up.stop();
    assert_eq!(unsent(), 2);
}

#[test]
fn what_a_crash_left_half_done_goes_after_a_night() {
    let ground = Ground::new(Dialect::Sqlite);
    let clock = Hands::at(MONDAY);
    let copies = ground.copies(clock.clone());
    as_owner(&ground, async |store| {
        copies.make_if_due(&store, 3).await.unwrap();
        fs::write(ground.copy(&format!("control-{}.sqlite.part", MONDAY + 5)), "half").unwrap();
        clock.set(MONDAY + NIGHT);
        copies.make_if_due(&store, 3).await.unwrap();
        assert_eq!(ground.kept().iter().filter(|name| name.ends_with(".part")).count(), 1, "somebody may be at it");
        clock.set(MONDAY + 2 * NIGHT);
        copies.make_if_due(&store, 3).await.unwrap();
        assert!(!ground.kept().iter().any(|name| name.ends_with(".part")), "{:?}", ground.kept());
    });
}

#[test]
fn without_pg_dump_it_is_said_what_to_install() {
    let ground = Ground::new(Dialect::Postgres);
    let copies = ground.copies(Hands::at(MONDAY)).with_programs("pg_dump_of_no_machine", "pg_restore");
    as_owner(&ground, async |store| {
        let fault = copies.make_if_due(&store, 3).await.unwrap_err();

        assert!(matches!(fault, CopyFault::Program { .. }), "{fault:?}");
        assert!(fault.remedy().unwrap().contains("postgresql-client"), "{fault:?}");
        assert_eq!(ground.kept(), Vec::<String>::new());
    });
}

#[test]
fn the_password_reaches_pg_dump_by_a_file_that_goes() {
    let server = std::sync::Arc::new(Server::start());
    // With what must be written differently in a password file, and in an address.
    let password = "hun:ter\\2 ";
    crate::ground::run(async {
        server.execute("postgres", &format!("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{password}'")).await;
        let folder = server.address("x", "y");
        let folder = folder.split(['@', '/']).find(|part| part.contains("%2F")).unwrap().replace("%2F", "/");
        let rules = std::path::Path::new(&folder).join("data/pg_hba.conf");
        let old = fs::read_to_string(&rules).unwrap();
        fs::write(&rules, format!("local all keeper scram-sha-256\n{old}")).unwrap();
        server.execute("postgres", "SELECT pg_reload_conf()").await;
    });
    let wrong = Ground::on_server(server.clone(), "keeper:hunter3");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let ground = Ground::on_server(server, "keeper:hun%3Ater%5C2%20");
    let copies = ground.copies(Hands::at(MONDAY));
    crate::stage::as_owner(&wrong.lab, async || {
        assert!(Store::open(&wrong.address()).await.is_err(), "the server does ask for it");
    });

    as_owner(&ground, async |store| copies.make_if_due(&store, 3).await.unwrap());

    assert!(list_of_dump(&ground.copy(&ground.kept()[0])).contains("TABLE DATA public node"));
    let beside: Vec<_> = fs::read_dir(ground.lab.home().join("hostmaster"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(beside, ["control-database"]);

    // A failure tells it as little, and leaves it nowhere.
    let copies = ground.copies(Hands::at(MONDAY + NIGHT)).with_programs("false", "pg_restore");
    let fault = as_owner(&ground, async |store| copies.make_if_due(&store, 3).await.unwrap_err());
    let told = format!("{fault:?} {}", Report(&FaultReport::of(&fault)));
    assert!(!told.contains("hun:") && !told.contains("hun%"), "{told}");
    assert_eq!(fs::read_dir(ground.lab.home().join("hostmaster")).unwrap().count(), 1);
}
