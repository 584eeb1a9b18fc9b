//! Lists: filtered, ordered and paged by the database, with an index, however great the fleet.

use std::collections::BTreeSet;

use aegir_domain::{NodeId, ObjectStatus, PackageKind, TaskState};
use aegir_store::{
    ADMIN, AuditList, Cursor, DeedList, Dialect, Direction, HasPackage, Listing, NameMatch, ObjectSort, PackageList,
    Page, PlatformList, SiteList, Span, StoreFault, TaskList, TaskSort, Total,
};

use crate::fill::{Filled, Fleet, fill, site_name};
use crate::ground::{Ground, on_both};

const SMALL: Fleet = Fleet { sites: 300, platforms: 20, tasks: 2_000 };

async fn all<L: Listing + Clone>(ground: &Ground, mut list: L, turn: impl Fn(&mut L, Page)) -> Vec<L::Item> {
    let mut rows = Vec::new();
    let mut page = Page::first(70);
    loop {
        turn(&mut list, page.clone());
        let listed = ground.store.read(async |read| read.list(&list).await).await.unwrap();
        rows.extend(listed.rows);
        match listed.next {
            // Through its text, as it goes to a client and comes back.
            Some(next) => page = Page::behind(70, next.to_string().parse().unwrap()),
            None => return rows,
        }
    }
}

async fn sites(ground: &Ground, list: SiteList) -> Vec<aegir_store::SiteRecord> {
    all(ground, list, |list, page| list.page = page).await
}

async fn tasks(ground: &Ground, list: TaskList) -> Vec<aegir_store::TaskRecord> {
    all(ground, list, |list, page| list.page = page).await
}

#[test]
fn every_filter_and_every_order_gives_what_it_says() {
    on_both(async |ground| {
        let filled = fill(&ground.store, SMALL).await.unwrap();
        let ground = &ground;
        let ids = |sites: &[aegir_store::SiteRecord]| sites.iter().map(|site| site.node.id).collect::<Vec<_>>();

        let every = sites(ground, SiteList::default()).await;
        let mut names: Vec<_> = every.iter().map(|site| site.node.name.clone().unwrap().to_string()).collect();
        assert_eq!(names.len(), SMALL.sites);
        assert!(names.is_sorted());
        let down = sites(ground, SiteList { direction: Direction::Down, ..SiteList::default() }).await;
        names.reverse();
        assert_eq!(down.iter().map(|site| site.node.name.clone().unwrap().to_string()).collect::<Vec<_>>(), names);

        for sort in [ObjectSort::Number, ObjectSort::Changed, ObjectSort::Verified] {
            let sorted = sites(ground, SiteList { sort, ..SiteList::default() }).await;
            let key = |site: &aegir_store::SiteRecord| match sort {
                ObjectSort::Number => (0, site.node.id),
                ObjectSort::Changed => (site.node.changed, site.node.id),
                _ => (site.node.verified.unwrap_or(0), site.node.id),
            };
            assert_eq!(sorted.len(), SMALL.sites);
            assert!(sorted.is_sorted_by_key(key), "{sort:?}");
        }

        let new = sites(ground, SiteList { status: vec![ObjectStatus::New], ..SiteList::default() }).await;
        assert_eq!(new.len(), SMALL.sites / 20);
        let here = [filled.platforms[3], filled.platforms[5]];
        let on = sites(ground, SiteList { platform: here.to_vec(), ..SiteList::default() }).await;
        assert_eq!(on.len(), 2 * SMALL.sites / SMALL.platforms);
        assert!(on.iter().all(|site| here.contains(&site.platform)));
        let served = sites(ground, SiteList { server: Some(filled.servers[1]), ..SiteList::default() }).await;
        assert_eq!(served.len(), SMALL.sites / 4);
        let begins = NameMatch::Begins(site_name(7)[..6].to_owned());
        assert_eq!(
            ids(&sites(ground, SiteList { name: Some(begins), ..SiteList::default() }).await),
            [filled.sites[7]]
        );
        let holds = NameMatch::Holds(".CLIENT9.".to_owned());
        let found = sites(ground, SiteList { name: Some(holds), ..SiteList::default() }).await;
        assert_eq!(found.len(), (0..SMALL.sites).filter(|n| n % 97 == 9).count());
        let is = NameMatch::Is(site_name(7));
        assert_eq!(ids(&sites(ground, SiteList { name: Some(is), ..SiteList::default() }).await), [filled.sites[7]]);
        for odd in ["%", "_", "\\", "'", "\u{10ffff}"] {
            let holds = Some(NameMatch::Holds(odd.to_owned()));
            assert_eq!(sites(ground, SiteList { name: holds, ..SiteList::default() }).await.len(), 0, "{odd}");
        }
        let package =
            HasPackage { kind: Some(PackageKind::Module), name: "redirect".into(), version: None, enabled: None };
        let with = sites(ground, SiteList { package: Some(package), ..SiteList::default() }).await;
        assert_eq!(with.len(), (0..SMALL.sites).filter(|n| n % 5 >= 2).count());
        let span = Span { from: Some(1_100), until: Some(1_110) };
        let then = sites(ground, SiteList { created: span, ..SiteList::default() }).await;
        assert_eq!(then.len(), 10);

        let states = vec![TaskState::Refused, TaskState::Untidy];
        let of = tasks(ground, TaskList { state: states.clone(), ..TaskList::default() }).await;
        assert_eq!(of.len(), SMALL.tasks * 6 / 100);
        assert!(of.iter().all(|task| states.contains(&task.state)));
        assert!(of.windows(2).all(|two| two[0].id > two[1].id), "the newest first, also of a set");
        let of_object = tasks(ground, TaskList { object: Some(filled.sites[7]), ..TaskList::default() }).await;
        let name = Some(NameMatch::Is(site_name(7)));
        assert_eq!(tasks(ground, TaskList { object_name: name, ..TaskList::default() }).await, of_object);
        assert!(!of_object.is_empty() && of_object.iter().all(|task| task.object == filled.sites[7]));
        let list = TaskList { sort: TaskSort::Ended, direction: Direction::Up, ..TaskList::default() };
        let ended = tasks(ground, list).await;
        assert_eq!(ended.len(), SMALL.tasks);
        assert!(ended.is_sorted_by_key(|task| (task.ended, task.id)));
        let actor = TaskList { actor: Some("person 3".into()), ..TaskList::default() };
        assert_eq!(tasks(ground, actor).await.len(), (0..SMALL.tasks).filter(|n| n % 13 == 3).count());

        let count = async |list: TaskList| ground.store.read(async |read| read.count(&list).await).await.unwrap();
        assert_eq!(count(TaskList { state: states, ..TaskList::default() }).await, Total::Exactly(120));
        assert_eq!(count(TaskList::default()).await, Total::MoreThan(1000));
        // What a page tells of itself is what counting says, whether it is the whole list, its beginning or its end.
        for (limit, on) in [(500, filled.platforms[0]), (3, filled.platforms[0]), (500, NodeId(1_000_000))] {
            let mut list = SiteList { platform: vec![on], page: Page::first(limit), ..SiteList::default() };
            loop {
                let (page, total) = ground.store.read(async |read| read.list_with_total(&list).await).await.unwrap();
                assert_eq!(total, ground.store.read(async |read| read.count(&list).await).await.unwrap());
                let Some(next) = page.next else { break };
                list.page = Page::behind(limit, next);
            }
        }
        let packages = all(ground, PackageList::default(), |list, page| list.page = page).await;
        assert_eq!(packages.len(), 8);
        let list = PlatformList { server: Some(filled.servers[0]), ..PlatformList::default() };
        assert_eq!(all(ground, list, |list, page| list.page = page).await.len(), 5);
    });
}

#[test]
fn paging_is_stable_while_rows_come_and_go() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let mut there = Vec::new();
        for n in 0..40 {
            there.push(ground.site(&format!("m{n:02}.test"), platform, server).await);
        }
        let mut seen: Vec<NodeId> = Vec::new();
        let mut page = Page::first(7);
        let mut round = 0;
        let mut gone = Vec::new();
        loop {
            let list = SiteList { page: page.clone(), ..SiteList::default() };
            let listed = ground.store.read(async |read| read.list(&list).await).await.unwrap();
            seen.extend(listed.rows.iter().map(|site| site.node.id));
            let Some(next) = listed.next else { break };
            // Before and behind where one is; and the very row that the cursor stands on goes.
            ground.site(&format!("a{round}.test"), platform, server).await;
            ground.site(&format!("z{round}.test"), platform, server).await;
            let last = listed.rows.last().unwrap().node.id;
            if there.contains(&last) {
                let now = ground.now();
                ground.store.write(async |tx| tx.delete_object(last, now).await).await.unwrap();
                gone.push(last);
            }
            page = Page::behind(7, next);
            round += 1;
        }
        let once: BTreeSet<_> = seen.iter().collect();
        assert_eq!(once.len(), seen.len(), "none twice");
        assert!(there.iter().all(|site| seen.contains(site)), "none left out");
        assert!(!gone.is_empty());
    });
}

#[test]
fn a_cursor_of_another_list_or_order_is_refused() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        for n in 0..3 {
            ground.site(&format!("m{n}.test"), platform, server).await;
        }
        let list = SiteList { page: Page::first(1), ..SiteList::default() };
        let cursor: Cursor = ground.store.read(async |read| read.list(&list).await).await.unwrap().next.unwrap();
        let page = Page::behind(1, cursor);
        let refused = ground
            .store
            .read(async |read| {
                let sorted = SiteList { sort: ObjectSort::Changed, page: page.clone(), ..SiteList::default() };
                let other = PlatformList { page: page.clone(), ..PlatformList::default() };
                Ok::<_, StoreFault>([read.list(&sorted).await.err(), read.list(&other).await.err()])
            })
            .await
            .unwrap();
        for fault in refused {
            assert!(matches!(fault, Some(StoreFault::BadCursor)), "{fault:?}");
        }
    });
}

/// Says how long a page and a count take; what is fast enough is for the benches to judge.
async fn time<L: Listing>(ground: &Ground, what: &str, list: &L) {
    let (mut pages, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let began = std::time::Instant::now();
        ground.store.read(async |read| read.list(list).await).await.unwrap();
        pages.push(began.elapsed());
        let began = std::time::Instant::now();
        ground.store.read(async |read| read.count(list).await).await.unwrap();
        counts.push(began.elapsed());
    }
    pages.sort();
    counts.sort();
    if pages[8].as_millis() > 50 {
        let plan = ground.store.read(async |read| read.explain(list).await).await.unwrap();
        println!("{}", plan.join("\n"));
    }
    println!("  {what}: page {:?}, count {:?} (the ninth of ten)", pages[8], counts[8]);
}

/// The lists of tasks that pages show.
fn lists(filled: &Filled) -> Vec<(&'static str, TaskList)> {
    let of = |change: fn(&mut TaskList)| {
        let mut list = TaskList::default();
        change(&mut list);
        list
    };
    vec![
        ("all", TaskList::default()),
        ("state", of(|list| list.state = vec![TaskState::Refused])),
        ("states", of(|list| list.state = vec![TaskState::Refused, TaskState::RolledBack, TaskState::Untidy])),
        ("operation", of(|list| list.operation = vec!["backup".parse().unwrap()])),
        ("object", TaskList { object: Some(filled.sites[3]), ..TaskList::default() }),
        ("name", of(|list| list.object_name = Some(NameMatch::Is(site_name(3))))),
        ("owner", of(|list| list.owner = Some(ADMIN))),
        ("server", TaskList { server: Some(filled.servers[1]), ..TaskList::default() }),
        ("actor", of(|list| list.actor = Some("person 3".into()))),
        ("nobody", of(|list| list.actor = Some("nobody".into()))),
        (
            "state of an owner",
            of(|list| {
                list.owner = Some(ADMIN);
                list.state = vec![TaskState::Stuck];
            }),
        ),
        (
            "state on a server",
            TaskList { server: Some(filled.servers[1]), state: vec![TaskState::Stuck], ..TaskList::default() },
        ),
        (
            "state of an operation",
            of(|list| {
                list.operation = vec!["backup".parse().unwrap()];
                list.state = vec![TaskState::Untidy];
            }),
        ),
        ("part of a name", of(|list| list.object_name = Some(NameMatch::Holds("client9.".into())))),
        ("parent", of(|list| list.parent = Some(NodeId(7)))),
        ("ended", of(|list| list.sort = TaskSort::Ended)),
        (
            "ended then",
            of(|list| {
                list.sort = TaskSort::Ended;
                list.ended = Span { from: Some(2_000_000), until: Some(3_000_000) };
            }),
        ),
    ]
}

#[test]
fn lists_are_answered_with_an_index() {
    on_both(async |ground| {
        // The full fleet of the project's goals takes minutes; a smaller one has the same plans.
        let fleet = match std::env::var_os("AEGIR_TEST_FLEET") {
            Some(_) => Fleet { sites: 10_000, platforms: 200, tasks: 1_000_000 },
            None => Fleet { sites: 800, platforms: 20, tasks: 20_000 },
        };
        let began = std::time::Instant::now();
        let filled = fill(&ground.store, fleet).await.unwrap();
        eprintln!("{:?}: filled in {:?}", ground.store.dialect(), began.elapsed());
        if ground.store.dialect() == Dialect::Postgres {
            crate::schema::raw(&ground, "ANALYZE").await;
        }
        // SQLite says SCAN also where it goes through a table in the order of the list and stops with the page.
        let check = async |what: &str, plan: &[String], table: &str, all: bool| {
            for line in plan {
                let whole = match ground.store.dialect() {
                    Dialect::Sqlite => line == &format!("SCAN {table}") && !all || line.contains("FOR ORDER BY"),
                    Dialect::Postgres => line.contains(&format!("Seq Scan on {table}")),
                };
                assert!(!whole, "{what}: {plan:#?}");
            }
        };
        for (what, list) in lists(&filled) {
            time(&ground, what, &list).await;
            let plan = ground.store.read(async |read| read.explain(&list).await).await.unwrap();
            // Of a set, the arms are put in order; of a name, the tasks of the few objects that have it.
            let plan: Vec<_> = match what {
                "states" => plan.into_iter().filter(|line| line != "USE TEMP B-TREE FOR ORDER BY").collect(),
                "name" | "part of a name" => plan.into_iter().filter(|line| !line.contains("FOR ORDER BY")).collect(),
                _ => plan,
            };
            check(what, &plan, "task", what == "all").await;
        }
        let some = [
            ("sites", SiteList::default()),
            ("sites by status", SiteList { status: vec![ObjectStatus::New], ..SiteList::default() }),
            ("sites by change", SiteList { sort: ObjectSort::Changed, ..SiteList::default() }),
            ("sites by verify", SiteList { sort: ObjectSort::Verified, ..SiteList::default() }),
            ("sites by number", SiteList { sort: ObjectSort::Number, ..SiteList::default() }),
            ("sites by prefix", SiteList { name: Some(NameMatch::Begins("00".into())), ..SiteList::default() }),
            ("sites of an owner", SiteList { owner: Some(ADMIN), ..SiteList::default() }),
            ("sites that hold", SiteList { name: Some(NameMatch::Holds("client9.".into())), ..SiteList::default() }),
            (
                "sites with a package",
                SiteList {
                    package: Some(HasPackage {
                        kind: None,
                        name: "redirect".into(),
                        version: Some("8.x-1.4".into()),
                        enabled: Some(true),
                    }),
                    ..SiteList::default()
                },
            ),
            (
                "sites with a rare package",
                SiteList {
                    package: Some(HasPackage { kind: None, name: "nothing".into(), version: None, enabled: None }),
                    ..SiteList::default()
                },
            ),
            ("sites on a platform", SiteList { platform: vec![filled.platforms[1]], ..SiteList::default() }),
        ];
        for (what, list) in some {
            time(&ground, what, &list).await;
            let plan = ground.store.read(async |read| read.explain(&list).await).await.unwrap();
            for line in plan {
                assert_ne!(line, "SCAN node", "{what}");
                assert!(!line.contains("Seq Scan on node"), "{what}: {line}");
            }
        }
        // Tables that are empty here are read whole by PostgreSQL, whatever indices they have.
        if ground.store.dialect() == Dialect::Sqlite {
            let node = filled.sites[0];
            let deeds = DeedList { node, page: Page::default() };
            let plan = ground.store.read(async |read| read.explain(&deeds).await).await.unwrap();
            check("history", &plan, "history", false).await;
            for audit in [
                AuditList { actor: Some("anna".into()), ..AuditList::default() },
                AuditList { object: Some(node), ..AuditList::default() },
            ] {
                let plan = ground.store.read(async |read| read.explain(&audit).await).await.unwrap();
                check("audit", &plan, "audit", false).await;
            }
        }
    });
}

#[test]
fn packages_of_a_page_are_counted_at_once_and_platforms_are_no_sites() {
    const PACKAGES: usize = 300;
    on_both(async |ground| {
        let filled = fill(&ground.store, Fleet { sites: 40, platforms: 2, tasks: 0 }).await.unwrap();
        let instance = |n: usize, enabled| aegir_store::RecordedInstance {
            kind: PackageKind::Module,
            name: format!("module_{n:03}"),
            version: Some(format!("1.{}", n % 3)),
            scope: aegir_domain::InstanceScope::Platform,
            enabled,
            loaded: true,
            schema: None,
            path: None,
        };
        let is_on = |site: usize, package: usize| (site + package).is_multiple_of(7);
        ground
            .store
            .write(async |tx| {
                let all: Vec<_> = (0..PACKAGES).map(|n| instance(n, true)).collect();
                tx.record_packages(filled.platforms[0], &all, 1).await?;
                for (place, site) in filled.sites.iter().enumerate() {
                    let some: Vec<_> = (0..PACKAGES).map(|n| instance(n, is_on(place, n))).collect();
                    tx.record_packages(*site, &some, 1).await?;
                }
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
        let packages = all(&ground, PackageList::default(), |list, page| list.page = page).await;
        let ids: Vec<NodeId> = packages.iter().map(|package| package.id).collect();
        let counted = ground.store.read(async |read| read.enabled_on(&ids).await).await.unwrap();

        let mut seen = 0;
        for package in &packages {
            let Some(n) = package.name.strip_prefix("module_").and_then(|n| n.parse::<usize>().ok()) else { continue };
            let expected = (0..filled.sites.len()).filter(|site| is_on(*site, n)).count() as u64;
            assert_eq!(counted.get(&package.id).copied().unwrap_or(0), expected, "{}", package.name);
            seen += 1;
        }
        assert_eq!(seen, PACKAGES);
        assert!(ground.store.read(async |read| read.enabled_on(&[]).await).await.unwrap().is_empty());
    });
}
