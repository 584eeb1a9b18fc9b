//! A batch in the panel: a target is chosen, it is seen who can go and who cannot, it begins, and its page says how it
//! stands and what to press.

use aegir_domain::TaskKind;
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, add_platform};

use crate::browser::add_site;
use crate::gate::GUEST;
use crate::stage::{Page, Stage};

const LOOK: &str = "/do/platform-migrate/d10?to=d11&waves=1%2Crest&stop_after=1&at_once=1&allow_missing=left_out";

/// Four sites on `d10`, of which the second will fail, and a platform `d11`.
fn stage() -> Stage {
    Stage::with(async |front| {
        front.first_site().await;
        front.queue(add_platform("d11", "web1")).await;
        for site in ["b.test", "c.test", "d.test"] {
            front.queue(add_site(site)).await;
        }
        front.work().await;
        let machine = front.back_ends.machine("web1");
        machine.plan_once(TaskKind::MigrateSite, "@b.test", Plan::ends(Ends::RolledBack));
    })
}

#[test]
fn a_batch_is_looked_at_begun_paused_by_itself_and_led_on_by_the_buttons_of_its_page() {
    let stage = stage();
    assert!(stage.get("/platforms/d10").html.contains("/do/platform-migrate/d10"));
    let first = stage.get("/do/platform-migrate/d10");
    assert!(first.text().contains("See who can go") && !first.html.contains("id=\"batch\""), "{}", first.text());
    assert!(first.html.contains("<option value=\"d11\"") && !first.html.contains("<option value=\"d10\""));

    let none = stage.get("/do/platform-migrate/d10?to=d11");
    let text = none.text();
    assert!(text.contains("0 of 4 sites can go to d11") && text.contains("left_out is enabled"), "{text}");
    assert!(!text.contains("Move 4 sites"), "what cannot be done has no button: {text}");
    let looked = stage.get(LOOK);
    let text = looked.text();
    assert!(text.contains("4 of 4 sites can go to d11, 4 of them with a warning."), "{text}");
    for said in ["Move 4 sites", "Look again", "It pauses at the first failure", "1 (a.test), then 3"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(looked.value("waves"), "1,rest");
    let wrong = stage.get("/do/platform-migrate/d10?to=d10");
    assert!(wrong.text().contains("they live on"), "{}", wrong.text());

    let fields = looked.filled(&[]);
    let begun = stage.post("/do/platform-migrate/d10", &fields);
    assert_eq!((begun.status, begun.location.as_str()), (303, "/bulk/1"), "{}", begun.text());
    assert_ne!(stage.post("/do/platform-migrate/d10", &fields).location, "/bulk/2", "sent twice, it is done once");
    let going = stage.get("/bulk/1");
    assert!(going.html.contains("action=\"/do/bulk-pause/1\"") && going.html.contains("/do/bulk-stop/1"));
    stage.work();

    let paused = stage.get("/bulk/1");
    let text = paused.text();
    assert!(text.contains("It is paused by itself: 1 object failed."), "{text}");
    assert!(paused.html.contains("action=\"/do/bulk-resume/1\""), "{}", paused.html);
    assert!(text.contains("Retry the 1 that failed") && text.contains("not asked yet 2"), "{text}");
    assert!(stage.get("/bulk").text().contains("paused"));
    let form: Vec<(String, String)> = paused
        .fields()
        .into_iter()
        .filter(|(name, _)| matches!(name.as_str(), "form_token" | "once"))
        .take(2)
        .collect();
    assert_eq!(stage.post("/do/bulk-resume/1", &form).location, "/bulk/1");
    stage.work();

    let ended = stage.get("/bulk/1");
    let text = ended.text();
    assert!(!text.contains("It is paused") && text.contains("Go back"), "{text}");
    let file = stage.get("/bulk/1/result.json");
    let told: serde_json::Value = serde_json::from_str(&file.html).unwrap();
    assert_eq!((&told["run"]["succeeded"], &told["objects"][1]["state"]), (&3.into(), &"rolled-back".into()), "{told}");
    assert_eq!(told["run"]["failures"][0]["objects"][0]["name"], "b.test");
    let file = stage.get("/bulk/1/objects.csv");
    assert!(file.html.starts_with("object,wave,state,task,why\r\na.test,1,succeeded,"), "{}", file.html);
    assert!(file.html.contains("b.test,2,rolled-back,"), "{}", file.html);

    let back = stage.fill("/do/bulk-go-back/1", &[("site", "c.test")]);
    assert_eq!(back.location, "/bulk/2", "{}", back.text());
    stage.work();
    let shown = stage.run(stage.front.ask(Call::of(Id::SiteShow).about("c.test"))).unwrap();
    assert!(format!("{shown:?}").contains("\"platform\": String(\"d10\")"), "{shown:?}");
    assert_eq!(stage.send("GET", LOOK, GUEST, "").status, 403);
}

#[test]
fn a_run_of_updates_has_its_way_back_on_its_page() {
    let stage = stage();
    let start = Call::of(Id::BulkStart).with("operation", "site update").with("object", "c.test");
    stage.run(stage.front.ask(start)).unwrap();
    stage.work();
    let page = stage.get("/bulk/1");
    assert!(page.html.contains("href=\"/do/bulk-go-back/1\""), "{}", page.html);

    let back = stage.fill("/do/bulk-go-back/1", &[]);
    assert_eq!(back.location, "/bulk/2", "{}", back.text());
    stage.work();
    assert!(
        stage.get("/bulk/2").text().contains("those that the bulk run 1 updated"),
        "{}",
        stage.get("/bulk/2").text()
    );
}

/// What the list of sites sends when something is ticked, and the button is pressed.
fn move_ticked(stage: &Stage, ticked: &[(&str, &str)]) -> Page {
    let token = stage.get(LOOK).value("form_token");
    let own = [("form_token", token.as_str()), ("operation", "platform-migrate")];
    let fields = own.iter().chain(ticked).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    stage.post("/bulk/plan", &fields.collect::<Vec<_>>())
}

#[test]
fn sites_that_are_ticked_in_their_list_move_together_those_of_several_platforms_one_after_the_other() {
    let stage = stage();
    let list = stage.get("/sites");
    assert!(list.text().contains("Move to another platform…"), "{}", list.text());
    let tick = |names: &[&str]| {
        let picks: Vec<_> = names.iter().map(|name| ("pick", *name)).collect();
        move_ticked(&stage, &picks)
    };

    let two = tick(&["c.test", "b.test"]);
    assert_eq!((two.status, two.location.as_str()), (303, "/do/platform-migrate/d10?site=c.test&site=b.test"));
    let form = stage.get(&two.location);
    assert_eq!(form.value("site"), "c.test\nb.test");
    assert_eq!(tick(&[]).status, 400);

    stage.run(async {
        let moved = Call::of(Id::SiteMigrate).about("d.test").with("platform", "d11").with("allow_missing", "left_out");
        stage.front.ask(moved.with("keep_former", "archive")).await.unwrap();
        stage.front.work().await;
    });
    let parted = tick(&["a.test", "d.test"]);
    let text = parted.text();
    assert!(text.contains("Move 1 on d10…") && text.contains("Move 1 on d11…"), "{text}");
    assert!(parted.html.contains("/do/platform-migrate/d11?site=d.test"), "{}", parted.html);
    let all = move_ticked(&stage, &[("all", "status=enabled&platform=d10&sort=-name")]);
    assert_eq!(all.location, "/do/platform-migrate/d10?filter=status%3Denabled&filter=platform%3Dd10");
    let looked = stage.get(&format!("{}&to=d11&allow_missing=left_out", all.location));
    assert!(looked.text().contains("3 of 3 sites can go to d11"), "{}", looked.text());
}
