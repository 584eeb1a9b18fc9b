//! Task types of the operator's own in the panel: on the page of what they are about, each with its own form.

use aegir_hosting::{Answer, Call, OperationId};
use aegir_lab::pretend::Reading;
use serde_json::Value;

use crate::gate::GUEST;
use crate::stage::Stage;

fn tasks(stage: &Stage) -> Vec<Value> {
    match stage.run(stage.front.ask(Call::of(OperationId::TaskList).with("operation", "site run"))) {
        Ok(Answer::Page { items, .. }) => items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_type_is_a_button_where_it_can_be_asked_for_and_its_form_has_its_fields() {
    let stage = Stage::new();
    let site = stage.get("/sites/a.test");
    assert!(site.html.contains("href=\"/do/site-run/a.test?task_type=mark_site\""), "{}", site.text());
    assert!(!site.html.contains("mark_server") && !site.html.contains("task_type=broken"));
    assert!(stage.get("/servers/web1").html.contains("task_type=mark_server"));
    assert!(!stage.send("GET", "/sites/a.test", GUEST, "").html.contains("task_type="), "who may not is shown none");

    let path = "/do/site-run/a.test?task_type=mark_site";
    let form = stage.get(path);
    assert_eq!((form.value("task_type").as_str(), form.value("with.count").as_str()), ("mark_site", "1"));
    assert!(form.text().contains("From 1 to 10."), "{}", form.text());
    assert!(!form.html.contains("name=\"sure\"") && !form.html.contains("name=\"with\""));

    let wrong = stage.post("/do/site-run/a.test", &form.filled(&[("with.count", "11")]));
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert!(wrong.error("with.count").unwrap().contains("from 1 to 10"), "{}", wrong.text());
    assert_eq!(wrong.value("with.count"), "11");
    assert!(tasks(&stage).is_empty());

    let sent = stage.post("/do/site-run/a.test", &wrong.filled(&[("with.count", "3")]));
    assert_eq!((sent.status, sent.location.starts_with("/tasks/")), (303, true), "{}", sent.text());
    stage.work();
    assert_eq!(
        (&tasks(&stage)[0]["object_name"], &tasks(&stage)[0]["state"]),
        (&"@a.test".into(), &"succeeded".into())
    );
    assert!(stage.get(&sent.location).text().contains("Mark a site: a.test"));
    for path in ["/tasks", "/sites/a.test"] {
        let page = stage.get(path).text();
        assert!(page.contains("Mark a site #"), "{path}: {page}");
    }
}

#[test]
fn a_dangerous_one_wants_the_name_and_of_none_that_is_chosen_the_types_can_be() {
    let stage = Stage::new();
    let form = stage.get("/do/site-run/a.test?task_type=risky");
    let unsure = stage.post("/do/site-run/a.test", &form.filled(&[("sure", "b.test")]));
    assert!(unsure.status == 422 && unsure.error("sure").is_some(), "{}", unsure.text());
    assert!(form.html.contains(" pattern=\"[a-z ]{1,20}\""), "{}", form.html);
    let unlike = stage.post("/do/site-run/a.test", &form.filled(&[("sure", "a.test"), ("with.why", "Because!")]));
    assert!(unlike.status == 422 && unlike.error("with.why").is_some(), "{}", unlike.text());
    assert_eq!(stage.post("/do/site-run/a.test", &form.filled(&[("sure", "a.test")])).status, 303);

    let open = stage.get("/do/site-run/a.test");
    assert!(open.status == 200 && open.html.contains("value=\"mark_site\""), "{}", open.text());
    assert!(!open.html.contains("value=\"mark_server\""));
    let list = stage.get("/task-types").text();
    assert!(list.contains("Mark a site") && list.contains("is missing"), "{list}");
}

#[test]
fn types_that_cannot_be_read_take_nothing_else_of_a_page_away() {
    let stage = Stage::new();
    stage.front.types.reading(Reading::Refused);

    for page in ["/sites/a.test", "/platforms/d10", "/servers/web1"] {
        let page = stage.get(page);
        assert!(page.status == 200 && page.html.contains("-verify/"), "{}", page.text());
        assert!(!page.html.contains("task_type="));
        assert!(page.text().contains("Task types of your own are left out"), "{}", page.text());
        assert!(page.text().contains("let the user aegir read it"), "{}", page.text());
    }
}
