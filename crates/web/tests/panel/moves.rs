//! Forms that give a site another name, copy it, and make one of a backup: what each says before it is sent, where a name
//! that is taken is told, and what becomes of it.

use aegir_domain::TaskKind;
use aegir_hosting::{Answer, Call, OperationId};
use aegir_lab::pretend::{Plan, add_platform};
use serde_json::Value;

use crate::browser::add_site;
use crate::gate::GUEST;
use crate::stage::{Page, Stage};

/// Two sites, two platforms, and a backup of the first site.
fn stage() -> Stage {
    Stage::with(async |front| {
        front.first_site().await;
        front.queue(add_platform("d11", "web1")).await;
        front.queue(add_site("b.test")).await;
        front.work().await;
        front.queue(Call::of(OperationId::SiteBackup).about("a.test")).await;
        front.work().await;
    })
}

fn site(stage: &Stage, name: &str) -> Option<Value> {
    match stage.run(stage.front.ask(Call::of(OperationId::SiteShow).about(name))) {
        Ok(Answer::Object(site)) => Some(site),
        _ => None,
    }
}

fn backup(stage: &Stage) -> String {
    match stage.run(stage.front.ask(Call::of(OperationId::BackupList))) {
        Ok(Answer::Page { items, .. }) => items[0]["name"].as_str().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The task that a form led to.
fn task(page: &Page) -> &str {
    assert_eq!(page.status, 303, "{}", page.text());
    assert!(page.location.starts_with("/tasks/"), "{}", page.location);
    &page.location
}

#[test]
fn a_site_is_renamed_by_a_form_that_says_what_becomes_of_the_old_name() {
    let stage = stage();
    let form = stage.get("/do/site-rename/a.test");
    assert_eq!(form.status, 200, "{}", form.text());
    for said in ["Leads to the new one", "Stays another name", "Is given up", "is kept under its old name"] {
        assert!(form.text().contains(said), "{said}: {}", form.text());
    }
    assert_eq!(form.value("old_name"), "redirect");
    for (name, why) in [("b.test", "taken"), ("a.test", "already"), ("../b", "host name"), ("", "must be given")] {
        let again = stage.fill("/do/site-rename/a.test", &[("new_name", name)]);
        let told = again.error("new_name").unwrap_or_else(|| panic!("{name}: {}", again.text()));
        assert!((400..500).contains(&again.status) && told.contains(why), "{name}: {told}");
        assert_eq!(again.value("new_name"), name);
    }

    let sent = stage.fill("/do/site-rename/a.test", &[("new_name", "new.test"), ("old_name", "alias")]);
    let task = task(&sent).to_owned();
    stage.work();

    assert!(site(&stage, "a.test").is_none());
    let renamed = stage.get("/sites/new.test");
    let text = renamed.text();
    assert!(text.contains("called a.test") && text.contains("renamed"), "{text}");
    assert!(renamed.html.contains(&format!("<a href=\"{task}\">last moved")), "the fence names its task");
    // The page of the task, which names the site as it was called then, leads to it all the same.
    let told = stage.get(&task);
    let number = site(&stage, "new.test").unwrap()["id"].to_string();
    assert!(told.html.contains(&format!("href=\"/nodes/{number}\"")), "{}", told.html);
    assert_eq!(stage.get(&format!("/nodes/{number}")).location, "/sites/new.test");
    assert_eq!(stage.send("GET", "/do/site-rename/new.test", GUEST, "").status, 403);
}

#[test]
fn a_copy_is_made_by_a_form_that_says_that_it_keeps_quiet() {
    let stage = stage();
    let form = stage.get("/do/site-clone/a.test");
    let text = form.text();
    assert!(form.html.contains("<option value=\"d11\""), "other platforms can be chosen: {text}");
    assert!(text.contains("sends no mail and runs no cron") && text.contains("is only read"), "{text}");
    assert!(!form.html.contains("<datalist"), "no name of another site is proposed for a new one");
    let taken = stage.fill("/do/site-clone/a.test", &[("as", "c.test"), ("alias", "b.test")]);
    assert_eq!(taken.status, 409);
    assert!(taken.error("alias").unwrap().contains("taken"), "at the field in which it stands: {}", taken.text());
    assert!(stage.fill("/do/site-clone/a.test", &[("as", "b.test")]).error("as").unwrap().contains("taken"));

    let given = [("as", "c.test"), ("platform", "d11"), ("sanitise", "true")];
    let sent = stage.fill("/do/site-clone/a.test", &given);
    let task = task(&sent).to_owned();
    assert!(stage.get("/sites").text().contains("c.test"), "it is in the lists at once");
    assert!(stage.get(&task).text().contains("Make the copy c.test"), "{}", stage.get(&task).text());
    stage.work();

    let copy = site(&stage, "c.test").unwrap();
    assert_eq!((&copy["platform"], &copy["status"]), (&"d11".into(), &"enabled".into()), "{copy}");
}

#[test]
fn a_site_in_default_is_taken_in_by_a_form_that_proposes_its_name() {
    let stage = stage();
    let plan = Plan { found_sites: vec!["default".into()], ..Plan::default() };
    stage.front.back_ends.machine("web1").plan(TaskKind::VerifyPlatform, None, plan);
    for platform in ["d10", "d11"] {
        stage.fill(&format!("/do/platform-verify/{platform}"), &[]);
    }
    stage.work();
    let links = |list: &str| stage.get(list).html.matches("\"/do/site-import?from_default=true").count();
    assert_eq!((links("/found-sites"), links("/")), (2, 2), "{}", stage.get("/").html);

    let form = stage.get("/do/site-import?from_default=true&platform=d10");
    assert_eq!(form.value("name"), "www.d10.test", "{}", form.text());
    assert_eq!((form.value("platform"), form.value("from_default")), ("d10".to_owned(), "true".to_owned()));
    let text = form.text();
    assert!(text.contains("sites/default of the platform d10 can be taken in, as www.d10.test"), "{text}");
    assert!(text.contains("aegir site import www.d10.test --from-default --platform d10"), "{text}");
    let other = stage.get("/do/site-import?from_default=true&platform=d10&name=mine.test");
    assert!(other.text().contains("can be taken in, as mine.test"), "{}", other.text());

    let nameless = "/do/site-import?from_default=true&platform=d11";
    let form = stage.get(nameless);
    assert_eq!(form.value("name"), "");
    assert!(form.text().contains("nothing there says by which name visitors ask for it"), "{}", form.text());
    let given = [("from_default", "true"), ("platform", "d11"), ("name", "")];
    let wrong = stage.fill("/do/site-import", &given);
    assert!(wrong.error("name").is_some(), "{}", wrong.text());
    let given = [("from_default", "true"), ("platform", "d11"), ("name", "mine.test"), ("dry_run", "yes")];
    let told = stage.fill("/do/site-import", &given);
    assert!(told.status == 200 && told.text().contains("\"from_default\": true"), "{}", told.text());

    let sent = stage.fill("/do/site-import", &given[..3]);
    assert!(stage.get(task(&sent)).text().contains("mine.test"));
    stage.work();

    assert_eq!(site(&stage, "mine.test").unwrap()["status"], "enabled");
    assert_eq!(links("/found-sites"), 1, "it has left its folder: {}", stage.get("/found-sites").html);
}

#[test]
fn a_copy_of_somebodys_site_is_made_refreshed_and_switched_to_by_forms() {
    let stage = stage();
    for list in ["/sites", "/found-sites"] {
        let there = stage.get(list);
        assert!(there.html.contains("\"/do/site-copy\"") && there.text().contains("Copy a site"), "{}", there.html);
        let seen = stage.send("GET", list, GUEST, "");
        assert!(seen.status == 200 && !seen.html.contains("site-copy"), "who only looks is offered nothing");
    }
    let form = stage.get("/do/site-copy");
    let text = form.text();
    assert!(text.contains("nothing is written to its folder") && text.contains("is made in a shell"), "{text}");
    let given = [("name", "c.test"), ("folder", "sites/default"), ("platform", "d11")];
    let wrong = stage.fill("/do/site-copy", &given);
    assert!(wrong.error("folder").is_some() && wrong.value("name") == "c.test", "{}", wrong.text());

    let given = [("name", "c.test"), ("folder", "/var/www/html/sites/default"), ("platform", "d11")];
    let sent = stage.fill("/do/site-copy", &given);
    assert!(stage.get(task(&sent)).text().contains("Make the copy c.test"));
    stage.work();

    let page = stage.get("/sites/c.test");
    assert!(page.html.contains("/var/www/html/sites/default"), "what it is a copy of is told");
    for (path, text) in
        [("/do/site-refresh/c.test", "Refresh the copy"), ("/do/site-switch/c.test", "Switch to the copy")]
    {
        assert!(page.html.contains(&format!("\"{path}\"")) && page.text().contains(text), "{}", page.html);
    }
    let other = stage.get("/sites/a.test");
    assert!(!other.html.contains("site-refresh") && !other.html.contains("Copy of"), "it is no copy");
    let not_now = stage.get("/do/site-refresh/a.test");
    assert!(not_now.status == 409 && not_now.text().contains("is no copy of somebody's site"), "{}", not_now.text());

    let form = stage.get("/do/site-refresh/c.test");
    assert!(form.text().contains("It is a copy of /var/www/html/sites/default"), "{}", form.text());
    let sent = stage.fill("/do/site-refresh/c.test", &[]);
    assert!(stage.get(task(&sent)).text().contains("Refresh c.test"));
    stage.work();
    let form = stage.get("/do/site-switch/c.test");
    assert!(form.text().contains("into maintenance mode first"), "{}", form.text());
    let sent = stage.fill("/do/site-switch/c.test", &[("although_live", "true")]);
    assert!(stage.get(task(&sent)).text().contains("Switch to the copy c.test"));
    stage.work();

    let began = stage.front.back_ends.machine("web1").began();
    let asked = serde_json::to_value(&began.last().unwrap().task).unwrap();
    assert_eq!(asked["switch"], serde_json::json!({ "although_live": true }), "{asked}");
    assert!(!stage.get("/sites/c.test").html.contains("site-switch"), "it is a copy no more");
}

#[test]
fn a_copy_whose_source_wants_a_password_is_led_to_a_shell() {
    let stage = stage();
    let task = serde_json::json!({
        "kind": "import-site", "site": "c.test", "platform": "d10", "client": "admin", "copy_of": {
            "folder": "/var/www/html/sites/default",
            "database": { "at": { "socket": "/run/mysqld/mysqld.sock" }, "name": "theirs", "account": "reader" },
        },
    });
    stage.run(async {
        let machine = stage.front.back_ends.machine("web1");
        let attempt = machine.by_hand(serde_json::from_value(task).unwrap());
        while !machine.has_ended(attempt) {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        stage.front.look().await;
        stage.front.look().await;
    });

    let page = stage.get("/do/site-refresh/c.test");

    assert_eq!(page.status, 409);
    let command = "aegir provision import c.test --refresh --source-db-password-file -";
    assert!(page.text().contains(command), "{}", page.text());
    assert!(stage.get("/sites/c.test").text().contains("was named with a password"));
}

#[test]
fn a_backup_is_restored_from_its_page_and_from_the_list() {
    let stage = stage();
    let name = backup(&stage);
    let restore = format!("/do/backup-restore/{name}");
    assert!(stage.get(&format!("/backups/{name}")).html.contains(&format!("href=\"{restore}")));
    assert!(stage.get("/backups?site=a.test").html.contains(&format!("href=\"{restore}?server=web1\"")));
    let page = stage.send("GET", &format!("/backups/{name}"), GUEST, "");
    assert!(!page.html.contains(&restore), "who only looks is offered nothing");
    let form = stage.get(&format!("{restore}?server=web1"));
    let text = form.text();
    assert!(text.contains("a.test is what this backup says") && text.contains("is kept"), "{text}");
    assert_eq!(form.value("server"), "web1", "what was seen is what is restored");
    let own = stage.fill(&restore, &[("as", "a.test")]);
    assert!(own.error("as").unwrap().contains("leave it out"), "{}", own.text());

    let sent = stage.fill(&restore, &[]);
    assert!(stage.get(task(&sent)).text().contains("Restore a.test"));
    stage.work();
    assert_eq!(site(&stage, "a.test").unwrap()["formers"].as_array().unwrap().len(), 1);
    task(&stage.fill(&restore, &[("as", "c.test")]));
    stage.work();
    assert_eq!(site(&stage, "c.test").unwrap()["status"], "enabled");
}

#[test]
fn what_a_platform_lacks_is_allowed_by_a_tick_for_each_package_and_not_unseen() {
    let stage = stage();
    assert!(!stage.get("/do/site-migrate/a.test").html.contains("It may do without"), "nothing is missing yet");
    let lacks = stage.get("/do/site-migrate/a.test?platform=d11");
    assert!(lacks.text().contains("It may do without") && lacks.text().contains("the log of the task"));
    assert!(!lacks.html.contains("value=\"left_out\" checked"), "nobody says so unasked");
    assert!(!lacks.html.contains("<button class=\"button primary\">Migrate"), "not before it was said");
    assert!(stage.get("/sites/a.test/compare?to=d11").html.contains("/do/site-migrate/a.test?platform=d11"));

    let allowed = stage.get("/do/site-migrate/a.test?platform=d11&allow_missing=left_out");
    assert!(allowed.text().contains("a.test fits the platform d11"), "{}", allowed.text());
    assert!(allowed.html.contains("<button class=\"button primary\">Migrate"), "{}", allowed.html);
    let sent = stage.post("/do/site-migrate/a.test", &allowed.filled(&[]));
    task(&sent);
    stage.work();
    let began = stage.front.back_ends.machine("web1").began();
    let asked = serde_json::to_value(&began.last().unwrap().task).unwrap();
    assert_eq!(asked["allow_missing"], serde_json::json!(["left_out"]), "{asked}");
    assert_eq!(site(&stage, "a.test").unwrap()["platform"], "d11");
}
