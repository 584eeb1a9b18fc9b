//! Servers, platforms, sites and packages: what is remembered of them, and which names are taken.

use aegir_domain::{
    Context, DomainKind, HostName, InstanceScope, NodeKind, ObjectStatus, PackageKind, PlatformContext,
    ProfileLanguage, Redirect, SiteContext, TlsMode, Transport,
};
use aegir_store::{
    ADMIN, BackupKind, DeedList, Direction, Field, HasPackage, InstalledList, NewBackup, NewServer, Page, PlatformList,
    RecordedInstance, ServerList, SiteList, StoreFault,
};

use crate::ground::{new_platform, new_site, on_both, server_context};

#[test]
fn an_installation_begins_with_the_client_admin() {
    on_both(async |ground| {
        let admin = ground.store.read(async |read| read.node(ADMIN).await).await.unwrap().unwrap();
        assert_eq!((admin.kind, admin.title.as_str(), admin.name), (NodeKind::Client, "admin", None));
        let clients = ground.store.read(async |read| read.clients().await).await.unwrap();
        let named = ground.store.read(async |read| read.client_named(&"admin".parse().unwrap()).await).await.unwrap();
        assert_eq!(
            (clients.len(), clients.first(), named.as_ref().map(|client| client.id)),
            (1, named.as_ref(), Some(ADMIN))
        );
        let server = ground.server("web1").await;
        assert_eq!(server.0, ADMIN.0 + 1);
    });
}

#[test]
fn a_name_is_taken_until_its_object_is_deleted_and_the_row_stays_as_history() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let add = async || {
            let now = ground.now();
            ground.store.write(async |tx| tx.add_site(&new_site("a.test", platform, server), now).await).await
        };
        let fault = add().await.unwrap_err();
        assert_eq!(fault.to_string(), "the name `@a.test` is taken");
        let now = ground.now();

        let standing = ground.store.write(async |tx| tx.delete_object(platform, now).await).await.unwrap_err();
        assert!(matches!(standing, StoreFault::Unfit { .. }), "a platform with a site goes nowhere: {standing}");
        ground
            .store
            .write(async |tx| {
                tx.record_deed(site, "anna", "deleted", Some(&serde_json::json!({ "why": "old" })), now).await?;
                tx.delete_object(site, now).await
            })
            .await
            .unwrap();

        let again = add().await.unwrap();
        assert_ne!(again, site);
        ground
            .store
            .read(async |read| {
                let old = read.node(site).await?.unwrap();
                assert_eq!(old.status, Some(ObjectStatus::Deleted));
                assert_eq!(read.node_named(&"@a.test".parse().unwrap()).await?.unwrap().id, again);
                let deeds = read.list(&DeedList { node: site, page: Page::default() }).await?;
                assert_eq!((deeds.rows[0].actor.as_str(), deeds.rows[0].what.as_str()), ("anna", "deleted"));
                assert_eq!(read.count_sites_on(platform).await?, 1);
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn an_object_and_its_task_are_there_together_or_not_at_all() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let task = ground.task("verify", platform, server, &[]).await;
        let now = ground.now();
        let before = ground.store.sums().await.unwrap();

        let failed = ground
            .store
            .write(async |tx| {
                tx.add_site(&new_site("a.test", platform, server), now).await?;
                tx.enqueue(&task, now).await?;
                tx.add_site(&new_site("a.test", platform, server), now).await
            })
            .await;

        assert!(matches!(failed, Err(StoreFault::Taken { .. })));
        let after = ground.store.sums().await.unwrap();
        assert_eq!(before, after);
    });
}

#[test]
fn a_name_that_another_site_has_besides_its_own_is_taken_too() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let host = |name: &str| name.parse::<HostName>().unwrap();
        let mut new = new_site("a.test", platform, server);
        new.aliases = vec![host("www.a.test"), host("a.example")];
        new.redirect = Redirect::To(host("www.a.test"));
        let now = ground.now();
        let site = ground.store.write(async |tx| tx.add_site(&new, now).await).await.unwrap();

        let stolen = ground.store.write(async |tx| tx.add_site(&new_site("a.example", platform, server), now).await);
        assert_eq!(stolen.await.unwrap_err().to_string(), "the name `a.example` is taken");
        let domains = ground.store.read(async |read| read.domains(site).await).await.unwrap();
        let shown: Vec<_> =
            domains.iter().map(|d| (d.name.as_str(), d.kind, d.target.as_ref().map(HostName::as_str))).collect();
        assert_eq!(
            shown,
            [
                ("a.example", DomainKind::Redirect, Some("www.a.test")),
                ("a.test", DomainKind::Redirect, Some("www.a.test")),
                ("www.a.test", DomainKind::Alias, None),
            ]
        );

        let certificate = serde_json::json!({ "issuer": "pebble" });
        ground
            .store
            .write(async |tx| {
                tx.set_tls(site, &host("www.a.test"), TlsMode::Required, Some(&certificate), now).await?;
                tx.set_aliases(site, &[host("www.a.test")], &Redirect::None, now).await
            })
            .await
            .unwrap();
        let domains = ground.store.read(async |read| read.domains(site).await).await.unwrap();
        assert_eq!((domains[0].name.as_str(), domains[0].kind), ("a.test", DomainKind::Main));
        assert_eq!((domains[1].tls_mode, &domains[1].certificate), (TlsMode::Required, &Some(certificate)));
        let freed = ground.store.write(async |tx| tx.add_site(&new_site("a.example", platform, server), now).await);
        freed.await.unwrap();
    });
}

#[test]
fn what_a_back_end_says_of_an_object_is_recorded_whole() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let on_platform: PlatformContext = serde_json::from_value(serde_json::json!({
            "name": "d10", "revision": 3, "root": "/var/aegir/platforms/d10", "server": "web1",
            "facts": { "core": "10.3.6", "default_profile": "standard", "php_minimum": "8.1" },
        }))
        .unwrap();
        let of_site: SiteContext = serde_json::from_value(serde_json::json!({
            "name": "a.test", "revision": 2, "platform": "d10", "db_server": "web1",
            "database": { "name": "a_test", "marker": "aegir:a.test:0123456789abcdef" },
            "profile": "minimal", "language": "de", "time_zone": "UTC", "title": "Über uns", "account": "admin",
            "mail": "a@a.test", "aliases": ["www.a.test"], "client": "admin", "core": "10.3.6",
        }))
        .unwrap();
        let now = ground.now();
        ground
            .store
            .write(async |tx| {
                tx.record_platform(platform, &on_platform, now).await?;
                tx.record_site(site, &of_site, platform, server, now).await
            })
            .await
            .unwrap();

        ground
            .store
            .read(async |read| {
                let found = read.platform(platform).await?.unwrap();
                assert_eq!((found.core.as_deref(), found.context.as_ref()), (Some("10.3.6"), Some(&on_platform)));
                let list = PlatformList { core: Some("10.3".into()), ..PlatformList::default() };
                assert_eq!(read.list(&list).await?.rows, [found]);
                let list = PlatformList { core: Some("10".into()), locked: Some(true), ..PlatformList::default() };
                assert_eq!(read.list(&list).await?.rows, []);
                let found = read.site(site).await?.unwrap();
                assert_eq!((found.node.title.as_str(), found.context.as_ref()), ("Über uns", Some(&of_site)));
                assert_eq!(found.profile.as_ref().map(|profile| profile.as_str()), Some("minimal"));
                assert_eq!(read.who_has(&"www.a.test".parse().unwrap()).await?, Some(site));
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();

        // Both sides of a difference are kept until somebody chooses.
        let theirs = Context::Site(Box::new(SiteContext { revision: 3, ..of_site.clone() }));
        let ours = Context::Site(Box::new(of_site));
        ground.store.write(async |tx| tx.record_drift(site, &ours, &theirs, now).await).await.unwrap();
        let drifts = ground.store.read(async |read| read.drifts().await).await.unwrap();
        assert_eq!((drifts[0].node, &drifts[0].ours, &drifts[0].theirs), (site, &ours, &theirs));
        ground.store.write(async |tx| tx.settle_drift(site, now).await).await.unwrap();
        assert_eq!(ground.store.read(async |read| read.drift(site).await).await.unwrap(), None);
    });
}

#[test]
fn what_a_site_was_is_found_by_its_age_and_by_the_platform_that_it_lies_on() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let (d10, d11) = (ground.platform("d10", server).await, ground.platform("d11", server).await);
        let (a, b) = (ground.site("a.test", d11, server).await, ground.site("b.test", d11, server).await);
        let record = async |site, name: &str, formers: &[(&str, &str, i64)]| {
            let formers: Vec<_> = formers
                .iter()
                .map(|(name, platform, since)| {
                    serde_json::json!({
                        "name": name, "platform": platform, "db_server": "web1", "core": "10.3.6", "since": since,
                        "bytes": 1, "database": { "name": "old", "marker": "aegir:a.test:0123456789abcdef" },
                    })
                })
                .collect();
            let context: SiteContext = serde_json::from_value(serde_json::json!({
                "name": name, "revision": 2, "platform": "d11", "db_server": "web1",
                "database": { "name": "a_test", "marker": "aegir:a.test:0123456789abcdef" },
                "profile": "minimal", "language": "de", "time_zone": "UTC", "title": "A", "account": "admin",
                "mail": "a@a.test", "client": "admin", "core": "11.0.0", "formers": formers,
            }))
            .unwrap();
            let now = ground.now();
            let recorded = ground.store.write(async |tx| {
                tx.set_status(site, aegir_domain::ObjectStatus::Enabled, now).await?;
                tx.record_site(site, &context, d11, server, now).await
            });
            recorded.await.unwrap();
        };
        let old = async |until, asked| {
            let old = ground.store.read(async |read| read.old_formers(until, asked, 10).await).await.unwrap();
            old.into_iter().map(|former| (former.site, former.name.to_string())).collect::<Vec<_>>()
        };
        let on = async |platform| ground.store.read(async |read| read.formers_on(platform, 1).await).await.unwrap();

        record(a, "a.test", &[("a.test-1", "d10", 5), ("a.test-2", "d11", 8)]).await;
        record(b, "b.test", &[("b.test-1", "d10", 3)]).await;
        assert_eq!(old(7_999, 0).await, [(b, "b.test-1".to_owned()), (a, "a.test-1".to_owned())]);
        assert_eq!(old(8_000, 0).await.len(), 3);
        assert_eq!((on(d10).await.count, on(d10).await.sites), (2, vec!["@a.test".parse().unwrap()]));
        assert_eq!(on(d11).await.count, 1);

        let name = "b.test-1".parse().unwrap();
        ground.store.write(async |tx| tx.ask_for_former(b, &name, 100).await).await.unwrap();
        assert_eq!(old(7_999, 99).await, [(a, "a.test-1".to_owned())], "somebody was asked");
        assert_eq!(old(7_999, 100).await.len(), 2, "and may be again");

        // What is recorded anew is not forgotten to have been asked for; what is gone is no more.
        record(b, "b.test", &[("b.test-1", "d10", 3)]).await;
        record(a, "a.test", &[("a.test-2", "d11", 8)]).await;
        assert_eq!(old(8_000, 99).await, [(a, "a.test-2".to_owned())]);
        let now = ground.now();
        ground.store.write(async |tx| tx.delete_object(b, now).await).await.unwrap();
        assert_eq!(on(d10).await, aegir_store::FormersThere::default());
    });
}

#[test]
fn two_platforms_do_not_lie_in_one_folder_of_a_server() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let other = ground.server("web2").await;
        let first = ground.platform("d10", server).await;
        let mut new = new_platform("also", server);
        new.root = new_platform("d10", server).root;
        let now = ground.now();
        let fault = ground.store.write(async |tx| tx.add_platform(&new, now).await).await.unwrap_err();
        assert!(fault.to_string().contains("/var/aegir/platforms/d10"), "{fault}");

        new.server = other;
        ground.store.write(async |tx| tx.add_platform(&new, now).await).await.unwrap();
        ground.store.write(async |tx| tx.delete_object(first, now).await).await.unwrap();
        new.server = server;
        new.name = "third".parse().unwrap();
        ground.store.write(async |tx| tx.add_platform(&new, now).await).await.unwrap();
    });
}

#[test]
fn what_a_platform_can_be_used_for_is_what_its_last_verify_told() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let (one, other) = (ground.platform("d7", server).await, ground.platform("d10", server).await);
        let language = |profile: &str, language: &str| ProfileLanguage {
            profile: profile.parse().unwrap(),
            language: language.parse().unwrap(),
        };
        let survey = async |platform, engines: &[&str], languages: &[ProfileLanguage]| {
            let engines: Vec<_> = engines.iter().map(|engine| engine.parse().unwrap()).collect();
            ground.store.write(async |tx| tx.record_survey(platform, &engines, languages).await).await.unwrap();
        };
        let told = async |platform| {
            let read = async |read: &mut aegir_store::Read| {
                let engines: Vec<_> = read
                    .engines_of(&[platform])
                    .await?
                    .remove(&platform)
                    .unwrap_or_default()
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let surveyed = read.platform(platform).await?.unwrap().surveyed;
                Ok::<_, StoreFault>((
                    surveyed,
                    engines.join(" "),
                    read.languages_of(&[platform]).await?.remove(&platform).unwrap_or_default(),
                ))
            };
            ground.store.read(read).await.unwrap()
        };
        assert_eq!(told(one).await, (false, String::new(), Vec::new()));

        // Told twice in one answer, it counts once.
        let nl = language("standard", "nl");
        survey(one, &["sqlite", "mariadb", "sqlite"], &[nl.clone(), nl.clone(), language("minimal", "de")]).await;
        survey(other, &["mariadb"], &[]).await;
        assert_eq!(told(one).await, (true, "mariadb sqlite".into(), vec![language("minimal", "de"), nl]));
        assert_eq!(told(other).await, (true, "mariadb".into(), Vec::new()));

        survey(one, &[], &[]).await;
        assert_eq!(told(one).await, (true, String::new(), Vec::new()), "what is gone is gone, and that is known");
    });
}

#[test]
fn a_server_has_services_addresses_and_a_way_to_its_back_end() {
    on_both(async |ground| {
        let ssh: Transport = serde_json::from_value(serde_json::json!({
            "transport": "ssh", "host": "web2.example.org", "user": "aegir",
        }))
        .unwrap();
        let mut context = server_context("web2");
        context.db = None;
        let new = NewServer {
            context,
            title: "Second".into(),
            transport: ssh.clone(),
            task_limit: None,
            ips: vec!["2001:db8::7".parse().unwrap(), "192.0.2.9".parse().unwrap()],
            owner: ADMIN,
        };
        let now = ground.now();
        let first = ground.server("web1").await;
        let second = ground.store.write(async |tx| tx.add_server(&new, now).await).await.unwrap();

        ground
            .store
            .read(async |read| {
                let found = read.server(second).await?.unwrap();
                assert_eq!((found.transport, found.task_limit, found.paused), (ssh, None, false));
                assert_eq!(read.server_ips(second).await?.len(), 2);
                let with = async |read: &mut aegir_store::Read, list: ServerList| {
                    let rows = read.list(&list).await?.rows;
                    Ok::<_, StoreFault>(rows.into_iter().map(|row| row.node.id).collect::<Vec<_>>())
                };
                let list = ServerList { service: Some("db".into()), ..ServerList::default() };
                assert_eq!(with(read, list).await?, [first]);
                let list = ServerList { service_type: Some("nginx".into()), ..ServerList::default() };
                assert_eq!(with(read, list).await?, [first, second]);
                let name = Some(aegir_store::NameMatch::Begins("web2".into()));
                assert_eq!(with(read, ServerList { name, ..ServerList::default() }).await?, [second]);
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    });
}

fn instance(name: &str, version: &str, enabled: bool) -> RecordedInstance {
    RecordedInstance {
        kind: PackageKind::Module,
        name: name.into(),
        version: Some(version.into()),
        scope: InstanceScope::Platform,
        enabled,
        loaded: true,
        schema: Some(8001),
        path: Some(format!("modules/{name}")),
    }
}

#[test]
fn packages_are_replaced_at_once_and_found_by_version() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let (a, b) = (ground.site("a.test", platform, server).await, ground.site("b.test", platform, server).await);
        let record = async |site, instances: &[RecordedInstance]| {
            let now = ground.now();
            ground.store.write(async |tx| tx.record_packages(site, instances, now).await).await.unwrap();
        };
        record(a, &[instance("views", "3.1", true), instance("token", "1.0", false)]).await;
        record(b, &[instance("views", "3.2", true), instance("views", "3.2", true)]).await;
        let sites = async |name: &str, version: Option<&str>, enabled| {
            let package = Some(HasPackage {
                kind: Some(PackageKind::Module),
                name: name.into(),
                version: version.map(Into::into),
                enabled,
            });
            let list = SiteList { package, ..SiteList::default() };
            let rows = ground.store.read(async |read| read.list(&list).await).await.unwrap().rows;
            rows.into_iter().map(|row| row.node.id).collect::<Vec<_>>()
        };
        assert_eq!(sites("views", None, None).await, [a, b]);
        assert_eq!(sites("views", Some("3.1"), None).await, [a]);
        assert_eq!(sites("token", None, Some(true)).await, []);

        let before = ground.store.sums().await.unwrap();
        record(b, &[instance("views", "3.2", true), instance("views", "3.2", true)]).await;
        assert_eq!(ground.store.sums().await.unwrap(), before, "nothing new is written nowhere");

        record(a, &[instance("views", "3.2", false)]).await;
        assert_eq!(sites("views", Some("3.1"), None).await, []);
        assert_eq!(sites("views", Some("3.2"), Some(true)).await, [b]);
        ground
            .store
            .read(async |read| {
                assert_eq!(read.instances(a).await?, [instance("views", "3.2", false)]);
                let views = read.package(PackageKind::Module, "views").await?.unwrap();
                assert_eq!(read.package_at(views).await?.map(|package| package.name), Some("views".into()));
                let releases: Vec<_> =
                    read.releases(views).await?.into_iter().map(|r| (r.version, r.instances, r.enabled)).collect();
                assert_eq!(releases, [("3.1".into(), 0, 0), ("3.2".into(), 3, 2)]);
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn what_one_site_has_is_filtered_and_sorted_and_is_no_other_sites() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let (a, b) = (ground.site("a.test", platform, server).await, ground.site("b.test", platform, server).await);
        let theme = RecordedInstance { kind: PackageKind::Theme, ..instance("olivero", "10.3.6", true) };
        let of_a = [instance("views", "3.1", true), instance("token", "1.0", false), theme.clone()];
        ground
            .store
            .write(async |tx| {
                tx.record_packages(a, &of_a, 1).await?;
                tx.record_packages(b, &[instance("pathauto", "1.0", true)], 1).await
            })
            .await
            .unwrap();
        let all = InstalledList {
            node: a,
            kind: None,
            enabled: None,
            holds: None,
            direction: Direction::Up,
            page: Page::first(500),
        };
        let names = async |list: InstalledList| {
            let rows = ground.store.read(async |read| read.list(&list).await).await.unwrap().rows;
            rows.into_iter().map(|row| row.instance.name).collect::<Vec<_>>()
        };
        assert_eq!(names(all.clone()).await, ["olivero", "token", "views"]);
        assert_eq!(
            names(InstalledList { direction: Direction::Down, ..all.clone() }).await,
            ["views", "token", "olivero"]
        );
        assert_eq!(names(InstalledList { enabled: Some(true), ..all.clone() }).await, ["olivero", "views"]);
        assert_eq!(names(InstalledList { enabled: Some(false), ..all.clone() }).await, ["token"]);
        assert_eq!(names(InstalledList { kind: Some(PackageKind::Theme), ..all.clone() }).await, ["olivero"]);
        assert_eq!(names(InstalledList { holds: Some("IEW".into()), ..all.clone() }).await, ["views"]);
        assert_eq!(names(InstalledList { node: b, ..all.clone() }).await, ["pathauto"]);

        let first = InstalledList { page: Page::first(2), ..all.clone() };
        let first = ground.store.read(async |read| read.list(&first).await).await.unwrap();
        assert_eq!(first.rows[0].instance, theme);
        assert_eq!(first.rows[0].title, "olivero");
        let rest = InstalledList { page: Page::behind(2, first.next.unwrap()), ..all };
        assert_eq!(names(rest).await, ["views"]);
    });
}

#[test]
fn operators_add_fields_of_their_own() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let name = "cost_centre".parse().unwrap();
        let field = Field {
            kind: NodeKind::Site,
            name,
            label: "Cost centre".into(),
            field_type: "text".into(),
            required: false,
        };
        let now = ground.now();
        ground
            .store
            .write(async |tx| {
                tx.save_field(&field).await?;
                tx.fill_field(site, &field.name, Some("4711"), now).await
            })
            .await
            .unwrap();
        let values = ground.store.read(async |read| read.field_values(site).await).await.unwrap();
        assert_eq!(values["cost_centre"], "4711");
        let wrong = ground.store.write(async |tx| tx.fill_field(platform, &field.name, Some("1"), now).await).await;
        assert!(matches!(wrong, Err(StoreFault::Absent { .. })), "a field of sites is none of platforms");

        ground.store.write(async |tx| tx.drop_field(NodeKind::Site, &field.name).await).await.unwrap();
        assert!(ground.store.read(async |read| read.field_values(site).await).await.unwrap().is_empty());
    });
}

#[test]
fn backups_of_a_site_are_kept_newest_first_and_outlive_it() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let platform = ground.platform("d10", server).await;
        let site = ground.site("a.test", platform, server).await;
        let made = |file: &str, made: i64, kind: BackupKind| NewBackup {
            site,
            server,
            task: None,
            kind,
            description: "as it was".into(),
            file: file.into(),
            size: 1 << 40,
            checksum: "sha256:ab".into(),
            core: "10.3.6".into(),
            database: "MariaDB 10.11.6".into(),
            made,
        };
        let all = [
            made("one.tar.zst", 7, BackupKind::Manual),
            made("two.tar.zst", 9, BackupKind::Scheduled),
            made("three.tar.zst", 8, BackupKind::BeforeTask),
        ];
        for backup in &all {
            ground.store.write(async |tx| tx.record_backup(backup).await).await.unwrap();
        }
        let twice = ground.store.write(async |tx| tx.record_backup(&all[0]).await).await;
        assert!(matches!(twice, Err(StoreFault::Taken { .. })), "{twice:?}");

        let now = ground.now();
        ground.store.write(async |tx| tx.delete_object(site, now).await).await.unwrap();
        let listed = ground.store.read(async |read| read.backups(site, 50).await).await.unwrap();
        let backups: Vec<_> = listed.iter().map(|record| &record.of).collect();
        assert_eq!(backups, [&all[1], &all[2], &all[0]]);
        let newest = ground.store.read(async |read| read.backups(site, 1).await).await.unwrap();
        assert_eq!(newest, listed[..1]);

        let gone = async |id: i64| ground.store.write(async |tx| tx.forget_backup(id, now).await).await.unwrap();
        assert!(gone(listed[0].id).await && !gone(listed[0].id).await);
        assert_eq!(ground.store.read(async |read| read.backup(listed[0].id).await).await.unwrap(), None);
        let other = ground.store.read(async |read| read.backup(listed[1].id).await).await.unwrap();
        assert_eq!(other.as_ref(), Some(&listed[1]));
    });
}
