//! What lies in a trash is had back, and removed for good, by forms that say first what becomes of it.

use aegir_domain::{TrashKind, TrashState, TrashThing};
use aegir_hosting::{Answer, Call, OperationId};
use serde_json::Value;

use crate::gate::GUEST;
use crate::stage::{Page, Stage};

const PLATFORM: &str = "d9-20261118.110641-0123456789ac";
const SITE: &str = "gone.test-20260102.030405-0a1b2c3d4e5f";

/// A server with a platform, and a site that was deleted from it, as its backup and its trash tell.
fn stage() -> Stage {
    Stage::with(async |front| {
        front.first_site().await;
        front.queue(Call::of(OperationId::SiteBackup).about("a.test")).await;
        front.work().await;
        let Ok(Answer::Page { items, .. }) = front.ask(Call::of(OperationId::BackupList)).await else { panic!() };
        let backup = items[0]["name"].as_str().unwrap().parse().ok();
        front.back_ends.machine("web1").put_into_trash(TrashThing {
            name: SITE.into(),
            folder: "/var/aegir/platforms/d10/web/sites/.aegir-trash".into(),
            kind: TrashKind::Site,
            state: TrashState::Kept,
            by: None,
            lay: None,
            backup,
            since: 1,
            until: None,
            bytes: 1000,
        });
    })
}

/// What a page says, with names as they stand in a sentence.
fn text(page: &Page) -> String {
    page.text().replace(" ,", ",")
}

fn things(stage: &Stage) -> Vec<String> {
    match stage.run(stage.front.ask(Call::of(OperationId::TrashList))) {
        Ok(Answer::Page { items, .. }) => items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_platform_comes_back_by_its_form_which_says_where_it_will_lie() {
    let stage = stage();
    let address = format!("/do/trash-restore/{PLATFORM}?server=web1");
    let form = stage.get(&address);
    assert!(text(&form).contains("moved back to /var/aegir/platforms/d9, if nothing lies there"), "{}", text(&form));
    assert!(!form.html.contains("name=\"platform\""), "it is no site");
    assert!(text(&form).contains(&format!("aegir trash restore {PLATFORM}")), "{}", text(&form));
    assert_eq!(stage.send("GET", &address, GUEST, "").status, 403);

    let sent = stage.post(&format!("/do/trash-restore/{PLATFORM}"), &form.filled(&[]));

    assert_eq!(sent.status, 303, "{}", sent.text());
    assert!(sent.location.starts_with("/tasks/"), "{}", sent.location);
    stage.work();
    let shown: Value = match stage.run(stage.front.ask(Call::of(OperationId::PlatformShow).about("d9"))) {
        Ok(Answer::Object(platform)) => platform,
        other => panic!("{other:?}"),
    };
    assert_eq!(shown["status"], "enabled");
    assert!(!things(&stage).contains(&PLATFORM.to_owned()));
    // It is there no more.
    assert_eq!(stage.get(&address).status, 404);
}

#[test]
fn a_site_that_is_there_again_is_told_instead_of_a_form() {
    let stage = stage();

    let page = stage.get(&format!("/do/trash-restore/{SITE}?server=web1"));

    assert_eq!(page.status, 409, "{}", text(&page));
    assert!(
        text(&page).contains("there is a site a.test again") && text(&page).contains("--as NAME"),
        "{}",
        text(&page)
    );
}

#[test]
fn what_goes_is_told_and_goes_once_its_name_is_typed() {
    let stage = stage();
    let all = things(&stage);
    let form = stage.get(&format!("/do/trash-empty?server=web1&thing={SITE}"));
    assert!(text(&form).contains(&format!("{SITE} (site, 1.0 kB) is removed from the machine of web1, for good")));
    assert!(text(&form).contains(&format!("Type {SITE} to go on")) && !form.html.contains("name=\"older_than\""));
    let wrong = stage.post("/do/trash-empty", &form.filled(&[("confirm", "web1")]));
    assert_eq!(wrong.status, 422, "{}", text(&wrong));
    assert!(text(&wrong).contains(&format!("type {SITE}, and nothing else")), "{}", text(&wrong));
    assert_eq!(things(&stage), all);

    let sent = stage.post("/do/trash-empty", &form.filled(&[("confirm", SITE)]));

    assert_eq!((sent.status, sent.location.split('?').next()), (303, Some("/trash")), "{}", sent.text());
    assert!(!things(&stage).contains(&SITE.to_owned()));
    let nothing = stage.get("/do/trash-empty?server=web1");
    assert!(text(&nothing).contains("Nothing lies on the machine of web1 for long enough"), "{}", text(&nothing));
    let look = [("older_than", "30"), ("dry_run", "yes")];
    let looked = stage.post("/do/trash-empty", &nothing.filled(&look));
    assert_eq!(looked.status, 200, "{}", text(&looked));
    assert!(text(&looked).contains("Type web1 to go on"), "{}", text(&looked));
    // Of one that is gone no form is shown.
    assert_eq!(stage.get(&format!("/do/trash-empty?server=web1&thing={SITE}")).status, 409);
}
