//! Pages of objects: what they tell, what they offer, and where they lead.

use aegir_domain::{Context, TaskKind};
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, PretendFront, Reach, add_platform, add_server, package};

use crate::browser::{Browser, add_site};
use crate::gate::GUEST;

async fn odd_ones(front: &PretendFront) {
    let web1 = front.back_ends.machine("web1");
    let newer = vec![package("module", "views", "10.3.6"), package("module", "pathauto", "8.x-1.13")];
    let older = vec![package("module", "pathauto", "8.x-1.12"), package("theme", "harbour", "")];
    let found_sites = vec!["found.test".into()];
    let plan = Plan { packages: newer.clone(), found_sites, ..Plan::default() };
    web1.plan(TaskKind::VerifyPlatform, None, plan);
    front.first_site().await;
    web1.plan(TaskKind::VerifySite, "@a.test", Plan { packages: newer, ..Plan::default() });
    web1.plan(TaskKind::VerifySite, "@b.test", Plan { packages: older, ..Plan::default() });
    for site in ["b.test", "gone.test", "stuck.test", "drift.test"] {
        front.queue(add_site(site).with("title", format!("<i>{site}</i>"))).await;
    }
    web1.plan_once(TaskKind::InstallSite, "@broken.test", Plan::ends(Ends::RolledBack));
    front.queue(add_site("broken.test")).await;
    front.work().await;
    web1.plan_once(TaskKind::VerifySite, "@stuck.test", Plan::ends(Ends::Stuck));
    for site in ["a.test", "b.test", "stuck.test"] {
        front.queue(Call::of(Id::SiteVerify).about(site)).await;
    }
    front.queue(Call::of(Id::SiteDisable).about("gone.test").with("no_backup", true)).await;
    front.work().await;
    front.queue(Call::of(Id::SiteDelete).about("gone.test").with("confirm", "gone.test")).await;
    front.queue(add_server("web3").with("ssh_host", "192.0.2.7")).await;
    let field = Call::of(Id::FieldAdd).about("contract").with("kind", "site").with("title", "The contract");
    front.ask(field).await.unwrap();
    front.queue(Call::of(Id::SiteEdit).about("a.test").with("field", vec!["contract=<u>C-17</u>"])).await;
    front.work().await;
    let Some(Context::Site(mut site)) = web1.context("@drift.test") else { panic!("no drift.test") };
    site.mail = "theirs@example.org".parse().unwrap();
    web1.put_context(Context::Site(site));
    front.look().await;
}

#[test]
fn the_page_of_a_site_tells_what_it_is_what_can_be_done_and_what_became_of_it() {
    let browser = Browser::with(odd_ones);

    let page = browser.open("/sites/a.test");
    assert_eq!(page.status, 200);
    assert_eq!(page.link("http://a.test:8080/").as_deref(), Some("http://a.test:8080/"));
    assert_eq!(page.link("d10").as_deref(), Some("/platforms/d10"));
    assert_eq!(page.link("Log in as…").as_deref(), Some("/do/site-login/a.test"));
    assert_eq!(page.link("Disable").as_deref(), Some("/do/site-disable/a.test"));
    assert_eq!(page.link("Delete"), None, "it is in service");
    let text = page.text();
    assert!(text.contains("The contract <u>C-17</u>") && !page.body.contains("<u>C-17"), "{text}");
    assert_eq!(page.rows("Domains"), [["a.test", "main", "–", "off"]]);
    let tasks: Vec<_> =
        page.rows("Recent tasks").into_iter().chain(page.rows("Tasks")).map(|row| row[1].clone()).collect();
    assert_eq!(tasks, ["succeeded"; 3]);
    assert!(page.rows("History").iter().any(|row| row[1] == "site verify" && row[3].ends_with("succeeded")));
    assert!(page.body.contains("aegir site show a.test") && page.body.contains("GET /api/v1/sites/a.test"));
    assert_eq!(page.link("All its tasks").as_deref(), Some("/tasks?object=%40a.test"));

    let looking = browser.open_as(GUEST, "/sites/a.test");
    assert_eq!((looking.status, looking.link("Verify"), looking.link("Delete")), (200, None, None));
    assert!(looking.text().contains("Your account lacks the permission"));
}

#[test]
fn the_logs_of_a_site_are_chosen_shortened_and_asked_for_again_by_their_page() {
    let browser = Browser::with(odd_ones);

    let logs = browser.open("/sites/a.test").link("what the web server's logs have of it").unwrap();
    let page = browser.open(&logs);
    assert!(page.text().contains("The newest 40 lines") && page.text().contains("GET /node/1 HTTP/1.1"));
    assert!(page.body.contains("/fragments/site-log/a.test?of=web&#38;lines=50"), "{}", page.body);
    assert!(page.body.contains("aegir site log a.test --lines 50"));
    let errors = browser.open(&page.link("Complaints of the web server").unwrap());
    assert!(errors.text().contains("access forbidden by rule") && errors.text().contains("The newest line of it"));
    let php = browser.open(&errors.link("Complaints of PHP").unwrap());
    assert!(php.text().contains("Nothing of it is in /var/aegir/logs/nginx-error.log"), "{}", php.text());
    let part = browser.open("/fragments/site-log/a.test?of=errors&lines=7");
    assert!(part.body.contains("<div id=\"site-log\"") && part.body.contains("forbidden by rule"));

    assert_eq!(browser.open_as(GUEST, "/sites/a.test").link("what the web server's logs have of it"), None);
    assert_eq!(browser.open_as(GUEST, "/sites/a.test/log").status, 403);
    let away = Browser::with(async |front| {
        front.first_site().await;
        front.back_ends.machine("web1").reach(Reach::Away);
    });
    let away = away.open(&logs);
    assert!(away.status == 200 && away.text().contains("no contact with the back end"), "{}", away.text());
}

#[test]
fn what_was_deleted_on_a_servers_machine_stands_on_a_page_with_how_it_comes_back() {
    let browser = Browser::with(odd_ones);

    let page = browser.open(&browser.open("/servers/web1").link("what was deleted on its machine").unwrap());

    let rows = page.rows("Trash");
    let told: Vec<_> =
        rows.iter().map(|row| (row[1].as_str(), row[2].as_str(), row[5].as_str(), row[6].as_str())).collect();
    assert_eq!(
        told,
        [
            ("other", "not ours: left alone", "12 MB", "–"),
            ("platform", "kept", "12 MB", "Restore…"),
            ("site", "kept", "12 MB", "Restore…"),
        ]
    );
    let restore = "/do/trash-restore/d9-20261118.110641-0123456789ac?server=web1";
    assert_eq!(page.link("Restore…").as_deref(), Some(restore));
    let remove = "/do/trash-empty?server=web1&thing=d9-20261118.110641-0123456789ac";
    assert_eq!(page.link("Remove…").as_deref(), Some(remove));
    assert_eq!(page.link("Empty…").as_deref(), Some("/do/trash-empty?server=web1"));
    assert!(page.body.contains("<td data-label=\"Takes\" class=\"number\">"), "a size stands in one line");
    assert_eq!(browser.open_as(GUEST, "/servers/web1/trash").link("Empty…"), None);

    assert_eq!(browser.open("/servers").link("Trash").as_deref(), Some("/trash"));
    let rows = browser.open("/trash").rows("Trash");
    assert_eq!((rows.len(), rows[1][3].as_str()), (3, "web1"), "{rows:?}");
}

#[test]
fn a_failed_object_says_at_the_top_why_and_what_to_do() {
    let browser = Browser::with(odd_ones);

    for (site, how, left) in [
        ("broken.test", "site add (rolled back): it was told to fail", "all is as it was"),
        ("stuck.test", "site verify (stuck): it was told to fail", "Not taken back:"),
    ] {
        let page = browser.open(&format!("/sites/{site}"));
        let text = page.text();
        let why = text.find(how).unwrap_or_else(|| panic!("{site}: {text}"));
        assert!(why < text.find("Facts Title").or(text.find("Platform")).unwrap(), "{site}: before all else");
        assert!(text.contains(left) && text.contains("tell it otherwise"), "{site}: {text}");
        assert!(page.body.contains("href=\"/tasks/"), "{site}");
    }
    let broken = browser.open("/sites/broken.test");
    assert!(broken.text().contains("could not be made, so there is nothing to verify"));
    assert_eq!(broken.link("Verify"), None);
    assert!(!browser.open("/sites/a.test").text().contains("What to do"));
}

#[test]
fn where_both_sides_differ_they_stand_side_by_side_with_the_choice() {
    let browser = Browser::with(odd_ones);

    let page = browser.open("/sites/drift.test");
    assert_eq!(page.rows("What differs"), [["mail", "admin@drift.test", "theirs@example.org"]]);
    assert_eq!(page.link("Take ours").as_deref(), Some("/do/drift-resolve/%40drift.test?take=ours"));
    assert_eq!(page.link("Take theirs").as_deref(), Some("/do/drift-resolve/%40drift.test?take=theirs"));
    assert_eq!(page.link("Edit"), None, "an edit would be written over it");
    assert_eq!(browser.open_as(GUEST, "/sites/drift.test").link("Take ours"), None);
    let list = browser.open("/drift");
    assert_eq!(list.rows("Drift")[0][..2], ["drift.test", "mail"]);
    assert_eq!(list.link("Choose a side").as_deref(), Some("/do/drift-resolve/%40drift.test"));
}

#[test]
fn platforms_and_servers_list_what_stands_on_them_and_a_machine_is_not_asked_before_its_key_is_trusted() {
    let browser = Browser::with(odd_ones);

    let platform = browser.open("/platforms/d10");
    let sites: Vec<_> = platform.rows("Sites").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(sites, ["a.test", "b.test", "broken.test", "drift.test", "stuck.test"]);
    assert!(platform.text().contains("5 sites live on it"), "why it cannot be forgotten: {}", platform.text());
    assert_eq!(platform.link("Forget"), None);
    let found = browser.open("/found-sites?platform=d10");
    assert_eq!(found.rows("Found sites")[0][..2], ["found.test", "d10"]);

    let server = browser.open("/servers/web1");
    let test = "Test the connection";
    assert_eq!(
        server.rows("Services"),
        [["http", "nginx", "127.0.0.1:8080", test], ["db", "mariadb", "127.0.0.1:3306", test]]
    );
    assert_eq!(server.rows("Platforms")[0][0], "d10");

    let untrusted = browser.open("/servers/web3");
    assert!(untrusted.text().contains("no key trusted"), "{}", untrusted.text());
    assert_eq!(untrusted.link("Trust its key").as_deref(), Some("/servers/web3/host-key"));
    let keys = browser.open("/servers/web3/host-key");
    assert!(keys.link("Trust the key that it shows").unwrap().starts_with("/do/server-trust/web3?key=SHA256%3A"));
    assert_eq!(browser.open_as(GUEST, "/servers/web3/host-key").status, 403);
}

#[test]
fn a_site_is_compared_with_a_platform_that_is_chosen_and_what_is_in_the_way_comes_first() {
    let browser = Browser::with(async |front| {
        odd_ones(front).await;
        front.queue(add_platform("d11", "web1")).await;
        front.work().await;
    });

    let site = browser.open("/sites/a.test");
    assert_eq!(site.link("Compare with platform…").as_deref(), Some("/sites/a.test/compare"));
    let choice = browser.open("/sites/a.test/compare");
    assert!(choice.body.contains("<option value=\"d11\""), "{}", choice.body);
    assert!(!choice.text().contains("fits the platform"));

    let bad = browser.open("/sites/a.test/compare?to=d11").text();
    assert!(bad.contains("a.test does not fit the platform d11: one thing is in the way."), "{bad}");
    assert!(
        bad.find("Errors") < bad.find("left_out (module) is enabled, and its code is not on the platform"),
        "{bad}"
    );
    assert!(bad.contains("error") && bad.contains("uninstall it in the site"), "{bad}");
    let good = browser.open("/sites/a.test/compare?to=d10").text();
    assert!(
        good.contains("a.test fits the platform d10.") && good.contains("Packages that stay as they are: 2."),
        "{good}"
    );

    assert_eq!(browser.open("/sites/none.test/compare?to=d10").status, 404);
    assert_eq!(browser.open("/sites/a.test/compare?to=%3Ci%3E").status, 400);
    assert_eq!(browser.open_as(GUEST, "/sites/a.test/compare?to=d10").status, 200, "whoever may look at both may");
}

async fn two_platforms(front: &PretendFront) {
    odd_ones(front).await;
    front.queue(add_platform("d11", "web1")).await;
    front.work().await;
}

#[test]
fn a_move_shows_first_what_stands_between_and_going_back_what_would_be_left_out() {
    let browser = Browser::with(two_platforms);

    let choice = browser.open("/do/site-migrate/a.test");
    assert_eq!(choice.status, 200);
    assert!(choice.body.contains("<option value=\"d11\"") && !choice.body.contains("<option value=\"d10\""));
    assert!(choice.body.contains("<form method=\"get\" action=\"/do/site-migrate/a.test\""), "it does nothing yet");
    let form = choice.body.split("<form method=\"get\" action=\"/do").nth(1).unwrap().split("</form>").next().unwrap();
    assert!(!form.contains("form_token"), "no address bears what a form is known by");
    let bad = browser.open("/do/site-migrate/a.test?platform=d11");
    assert!(bad.text().contains("a.test does not fit the platform d11"), "{}", bad.text());
    assert_eq!(bad.field("platform").as_deref(), Some("d11"));
    assert!(!bad.body.contains("<button class=\"button primary\">Migrate"), "what does not fit is not moved");
    let none = browser.open("/do/site-migrate/a.test?platform=nowhere");
    assert!(none.text().contains("nowhere") && none.body.contains("<option value=\"d11\""), "{}", none.text());
    let kept = browser.open("/do/site-go-back/a.test");
    assert_eq!(kept.status, 409, "{}", kept.text());
    assert!(kept.text().contains("no former self"), "{}", kept.text());
}

#[test]
fn what_a_site_was_is_listed_with_the_way_back_and_what_that_would_leave_out() {
    let browser = Browser::with(async |front| {
        two_platforms(front).await;
        front.queue(Call::of(Id::SiteMigrate).about("b.test").with("platform", "d11")).await;
        front.work().await;
    });
    let former = "b.test-20260101.000000-0123456789ab";

    let site = browser.open("/sites/b.test");
    let rows = site.rows("What it was");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][..3], [former, "d10", "10.3.6"], "{rows:?}");
    assert!(rows[0][3].contains("2026-01-01 00:00:00 UTC") && rows[0][4] == "52 MB", "{rows:?}");
    assert_eq!(site.link("Go back to it…"), Some(format!("/do/site-go-back/b.test?former={former}")));
    assert!(site.text().contains("visitors were told to come back for 2.4 s"), "{}", site.text());
    let let_go = format!("/do/site-drop-former/b.test?former={former}");
    assert_eq!(site.link("Let go of it…"), Some(let_go.clone()));
    let guest = browser.open_as(GUEST, "/sites/b.test");
    assert_eq!((guest.link("Go back to it…"), guest.link("Let go of it…")), (None, None));
    let form = browser.open(&let_go);
    assert!(form.text().contains("Nobody can go back to it any more"), "{}", form.text());
    assert_eq!(form.field("former").as_deref(), Some(former), "what was chosen is what goes");

    let back = browser.open("/do/site-go-back/b.test");
    assert_eq!(back.status, 200);
    let text = back.text();
    assert!(text.contains("3 pieces of content") && text.contains("12 comments"), "{text}");
    assert!(text.contains("2026-01-01 00:00:00 UTC"), "{text}");
    assert_eq!(back.field("former").as_deref(), Some(former));
    let tasks = browser.open("/tasks?object=%40b.test&operation=site-migrate");
    let task = tasks.link(&tasks.rows("Tasks")[0][0]).unwrap();
    let told = browser.open(&task).text();
    assert!(told.contains("fenced for") && told.contains("2.4 s"), "{task}: {told}");
}

#[test]
fn backups_are_listed_and_a_page_of_one_tells_what_it_is_and_what_can_be_done() {
    let browser = Browser::with(async |front| {
        two_platforms(front).await;
        front.queue(Call::of(Id::SiteMigrate).about("b.test").with("platform", "d11")).await;
        front.queue(Call::of(Id::SiteBackup).about("a.test")).await;
        front.work().await;
        front.queue(Call::of(Id::SiteBackup).about("b.test")).await;
        front.work().await;
    });

    let site = browser.open("/sites/a.test");
    assert_eq!(site.link("Make a backup").as_deref(), Some("/do/site-backup/a.test"));
    assert_eq!(site.link("All its backups").as_deref(), Some("/backups?site=a.test"));
    assert_eq!(browser.open_as(GUEST, "/sites/a.test").link("Make a backup"), None);
    assert_eq!(browser.open("/backups").rows("Backups").len(), 2);
    let of_b = browser.open("/backups?site=b.test");
    let rows = of_b.rows("Backups");
    let told: Vec<_> = rows.iter().map(|row| (row[2].as_str(), row[5].as_str())).collect();
    assert_eq!(told, [("backup", "4.2 MB"), ("former self", "52 MB")], "{rows:?}");

    let name = browser.open("/backups?site=a.test").rows("Backups")[0][0].clone();
    let page = browser.open(&of_b.link(&rows[0][0]).unwrap());
    assert_eq!((page.status, page.text().contains("Takes 4.2 MB")), (200, true), "{}", page.text());
    let page = browser.open(&format!("/backups/{name}"));
    let (verify, delete) = (format!("/do/backup-verify/{name}"), format!("/do/backup-delete/{name}"));
    assert_eq!((page.link("Verify"), page.link("Delete…")), (Some(verify), Some(delete.clone())));
    assert_eq!(browser.open_as(GUEST, &format!("/backups/{name}")).link("Verify"), None);
    let form = browser.open(&delete);
    assert!(form.text().contains("is removed from the machine of web1"), "{}", form.text());
    assert_eq!(form.field("server").as_deref(), Some("web1"), "what was seen is what is deleted");
    assert!(!form.body.contains("<select"), "there is nothing to choose");
    assert_eq!(browser.open(&format!("{delete}?server=web3")).status, 502, "that machine does not answer");
    assert_eq!(browser.open("/backups/a.test-20010101.000000.tar.zst").status, 404);
    assert_eq!(browser.open("/backups/..%2Fsecret").status, 400);
}

#[test]
fn the_page_of_a_package_names_its_releases_and_every_place_with_its_version() {
    let browser = Browser::with(odd_ones);

    let page = browser.open("/packages/pathauto?kind=module");
    let project = "https://www.drupal.org/project/pathauto";
    assert_eq!(page.link(project).as_deref(), Some(project));
    assert_eq!(page.rows("Releases"), [["8.x-1.12", "1", "1"], ["8.x-1.13", "2", "1"]]);
    assert_eq!(
        page.rows("Where it is installed"),
        [
            ["d10", "8.x-1.13", "not enabled", "8001", "platform"],
            ["a.test", "8.x-1.13", "enabled", "8001", "platform"],
            ["b.test", "8.x-1.12", "enabled", "8001", "platform"],
        ]
    );
    assert_eq!(page.link("d10").as_deref(), Some("/platforms/d10"));
    assert_eq!(page.link("a.test").as_deref(), Some("/sites/a.test"));
    let of_release = browser.open("/sites?package=pathauto&version=8.x-1.12");
    assert_eq!(of_release.rows("Sites").len(), 1);

    assert!(browser.open("/packages/views").text().contains("its versions are Drupal's own"));
    let paged = browser.open("/packages/pathauto?limit=2");
    let rest = browser.open(&paged.link("Next").unwrap());
    assert_eq!(rest.rows("Where it is installed")[0][0], "b.test");
}

#[test]
fn a_site_names_its_packages_and_all_of_them_are_a_list_that_is_filtered() {
    let browser = Browser::with(odd_ones);

    let site = browser.open("/sites/b.test");
    assert_eq!(
        site.rows("Packages"),
        [["harbour", "theme", "–", "8001", "platform"], ["pathauto", "module", "8.x-1.12", "8001", "platform"]]
    );
    assert!(site.text().contains("2 packages are enabled"), "{}", site.text());
    assert_eq!(site.link("pathauto").as_deref(), Some("/packages/pathauto?kind=module"));
    assert_eq!(site.link("All its packages").as_deref(), Some("/sites/b.test/packages"));

    let all = browser.open("/sites/b.test/packages");
    assert_eq!(all.rows("Packages")[0], ["harbour", "theme", "–", "enabled", "8001", "platform"]);
    assert!(all.body.contains("aegir site packages b.test") && all.body.contains("GET /api/v1/sites/b.test/packages"));
    assert_eq!(all.link("b.test").as_deref(), Some("/sites/b.test"));
    let names = |address: &str| -> Vec<String> {
        browser.open(address).rows("Packages").into_iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(names("/sites/b.test/packages?sort=-name"), ["pathauto", "harbour"]);
    assert_eq!(names("/sites/b.test/packages?kind=theme"), ["harbour"]);
    assert_eq!(names("/sites/b.test/packages?enabled=false"), [""; 0]);
    assert_eq!(names(&browser.open("/sites/b.test/packages?limit=1").link("Next").unwrap()), ["pathauto"]);
    let tidied = browser.open("/sites/b.test/packages?kind=theme&search=");
    assert_eq!(tidied.leads_to(), "/sites/b.test/packages?kind=theme");
    let file = browser.open("/sites/b.test/packages?format=csv");
    assert!(file.body.starts_with("Package,Kind,Version,State,Schema,Code of\r\nharbour,theme,"), "{}", file.body);
    assert_eq!(browser.open("/sites/none.test/packages").status, 404);
    assert!(browser.open("/sites/broken.test").text().contains("None is known to be enabled"));
}

#[test]
fn a_number_leads_to_what_it_stands_for_also_where_that_is_gone() {
    let browser = Browser::with(odd_ones);

    let gone = browser.open("/sites?status=deleted");
    let address = gone.link("gone.test").unwrap();
    assert!(address.starts_with("/nodes/"), "its name may be another's: {address}");
    let page = browser.open(&address);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Health: deleted"), "{}", page.text());
    assert!(page.rows("History").iter().any(|row| row[1] == "site delete"), "{:?}", page.rows("History"));
    assert_eq!(page.link("Verify"), None);

    assert_eq!(browser.open("/nodes/b.test").leads_to(), "/sites/b.test");
    assert_eq!(browser.open("/nodes/web1").leads_to(), "/servers/web1");
    for nowhere in ["/nodes/999999", "/sites/none.test", "/platforms/none", "/servers/none", "/packages/none"] {
        let page = browser.open(nowhere);
        assert_eq!(page.status, 404, "{nowhere}");
        assert!(page.text().contains("there is no"), "{nowhere}: {}", page.text());
    }
    for odd in ["/sites/%3Cscript%3E", "/sites/..%2F..", "/nodes/%00", "/packages/%E2%80%AE", "/servers/a%20b"] {
        let page = browser.open(odd);
        assert!((400..500).contains(&page.status) && !page.body.contains("<script>"), "{odd}: {}", page.status);
    }
    assert_eq!(browser.open("/sites/b.test?history=zz").status, 200);
}

#[test]
fn the_updates_of_a_site_are_asked_for_on_its_page_and_its_former_self_is_told_there() {
    let browser = Browser::with(async |front| {
        two_platforms(front).await;
        front.queue(Call::of(Id::SiteUpdate).about("b.test")).await;
        front.work().await;
    });

    let page = browser.open("/sites/a.test");
    assert_eq!(page.link("Update").as_deref(), Some("/do/site-update/a.test"));
    assert_eq!(browser.open_as(GUEST, "/sites/a.test").link("Update"), None);
    let form = browser.open("/do/site-update/a.test");
    assert!(form.text().contains("If there is none, nothing is done"), "{}", form.text());
    assert!(form.body.contains("keep_former"), "{}", form.text());
    let updated = browser.open("/sites/b.test");
    assert_eq!(updated.rows("What it was").len(), 1);
    assert!(updated.text().contains("visitors were told to come back for 2.4 s"), "{}", updated.text());
}

#[test]
fn a_site_tells_of_its_cron_where_it_is_run_and_how_often_that_is() {
    let browser = Browser::with(async |front| {
        front.first_site().await;
        front.queue(Call::of(Id::SiteEdit).about("a.test").with("cron", "15m")).await;
        front.work().await;
    });

    let page = browser.open("/sites/a.test");
    assert!(page.text().contains("every 15m; not run yet"), "{}", page.text());
    assert_eq!(page.link("Run cron").as_deref(), Some("/do/site-cron/a.test"));
    assert_eq!(page.link("Rebuild caches").as_deref(), Some("/do/site-rebuild-caches/a.test"));
    assert_eq!(browser.open("/do/site-cron/a.test").status, 200);
    let listed = browser.open("/sites?columns=name,cron_every,cron");
    assert_eq!(listed.rows("Sites"), [["a.test", "–", "15m"]], "{}", listed.text());
    assert!(browser.open("/sites?cron=failed").rows("Sites").is_empty());
    assert_eq!(browser.open_as(GUEST, "/sites/a.test").link("Run cron"), None);
}
