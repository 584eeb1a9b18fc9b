//! One verb on many objects.

use serde_json::{Value, json};

use crate::double::site;
use crate::stage::{Stage, interrupted};

fn stage(count: usize) -> Stage {
    let stage = Stage::new();
    let names: Vec<String> = (0..count).map(|n| format!("s{n}.test")).collect();
    let sites = names.iter().map(|name| site(name, &json!({ "platform": "d10" })));
    let other = site("other.test", &json!({ "platform": "d7", "status": "failed" }));
    let sites = sites.chain([other]).collect();
    let fates = names.iter().map(|name| (name.clone(), json!({ "state": "succeeded", "changed": true })));
    let mut state = stage.front.state();
    state.fates.extend(fates);
    state.lists.insert("sites".into(), sites);
    drop(state);
    stage
}

fn failing(server: &str) -> Value {
    let fault = json!({ "message": format!("cannot reach the database server `{server}`"), "remedy": "start it" });
    json!({ "state": "rolled-back", "changed": true, "fault": fault })
}

#[test]
fn a_verb_is_asked_of_all_that_the_filter_finds() {
    let stage = stage(30);

    let said = stage.aegir(&["site", "verify", "--where", "platform=d10 status=enabled", "--yes"]).done();

    assert!(said.out.ends_with("30 of 30 succeeded.\n"), "{}", said.all());
    assert_eq!(stage.front.changes().len(), 30);
    let asked = stage.front.state().asked[0].target.clone();
    assert_eq!(asked, "/api/v1/sites?limit=500&platform=d10&status=enabled");
}

#[test]
fn all_of_more_than_a_page_are_meant_by_all() {
    let stage = stage(1100);

    let said = stage.aegir(&["site", "verify", "--all", "--yes", "--no-wait"]).done();

    assert_eq!(said.out.lines().count(), 1101);
}

#[test]
fn failures_are_grouped_by_their_cause_and_told_by_the_exit_code() {
    let stage = stage(6);
    for (name, server) in [("s1.test", "db1"), ("s2.test", "db1"), ("s3.test", "db2")] {
        stage.front.state().fates.insert(name.into(), failing(server));
    }
    let (_, problem) = crate::double::problem(409, "unavailable", "`s4.test` is being deleted by task 9");
    stage.front.state().problems.insert("/api/v1/sites/s4.test/verify".into(), problem);

    let said = stage.aegir(&["site", "verify", "--where", "platform=d10", "--yes"]).ends(5);

    assert!(said.out.contains("2 of 6 succeeded."), "{}", said.all());
    for group in [
        "\n2 rolled-back: cannot reach the database server `db1`\n\nhow to fix it: start it\n  s1.test (task 43), s2.test (task 44)\n",
        "\n1 rolled-back: cannot reach the database server `db2`",
        "\n1 not queued: `…` is being deleted by task 9\n  s4.test\n",
    ] {
        assert!(said.err.contains(group), "{group}\n{}", said.all());
    }

    let said = stage.aegir(&["site", "verify", "--where", "platform=d10", "--yes", "--json"]).ends(5);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((told["succeeded"].as_u64(), told["failed"].as_u64()), (Some(2), Some(4)));
    assert_eq!(told["items"][1]["state"], "rolled-back");
    assert_eq!(told["items"][4]["state"], "not-queued");
}

#[test]
fn nobody_to_ask_is_told_with_what_is_meant_and_the_line_to_type() {
    let stage = stage(12);

    let said =
        stage.aegir(&["site", "verify", "--where", "platform=d10"]).ends(2).remedy("--where platform=d10 --yes`");

    assert!(said.err.contains("`site verify` of 12: s0.test, s1.test, "), "{}", said.all());
    assert!(said.err.contains("s9.test and 2 more"), "{}", said.all());
    assert!(stage.front.changes().is_empty());
}

#[test]
fn a_selection_that_finds_nothing_does_nothing() {
    let stage = stage(1);
    let words = ["site", "verify", "--where", "platform=d9", "--yes"];

    stage.aegir(&words).done().says("Nothing is found");
    stage.aegir(&[&words[..], &["--fail-if-unchanged"]].concat()).ends(3);
    assert!(stage.front.changes().is_empty());
}

#[test]
fn a_filter_that_is_none_is_told_with_those_that_there_are() {
    let stage = stage(1);

    let said = stage.aegir(&["site", "verify", "--where", "platfrom=d10", "--yes"]).ends(2);
    said.remedy("did you mean `platform`?");
    stage.aegir(&["site", "verify", "--where", "", "--yes"]).ends(2).remedy("--all");
    stage.aegir(&["site", "verify", "a.test", "--all"]).ends(2).says("cannot be used with");
    stage.aegir(&["site", "delete", "--all", "--yes"]).ends(2);
    assert!(stage.front.changes().is_empty());
}

#[test]
fn a_dry_run_of_many_changes_nothing() {
    let stage = stage(3);

    let said = stage.aegir(&["site", "verify", "--where", "platform=d10", "--dry-run"]).done();

    assert_eq!(said.out.matches("\"kind\": \"site-verify\"").count(), 3);
    assert!(stage.front.state().tasks.is_empty());
}

#[test]
fn tasks_can_be_meant_by_their_state() {
    let stage = Stage::new();
    for object in ["a.test", "b.test"] {
        let task = stage.front.task(object, "site-verify");
        stage.front.end(task, &json!({ "state": "refused" }));
    }
    stage.front.task("c.test", "site-verify");

    let said = stage.aegir(&["task", "retry", "--where", "state=refused", "--yes"]).done();

    assert!(said.out.ends_with("2 of 2 succeeded.\n"), "{}", said.all());
}

#[test]
fn a_filter_by_an_operation_that_there_is_not_means_nothing_at_all() {
    let stage = Stage::new();
    for object in ["a.test", "b.test"] {
        stage.front.task(object, "site-verify");
    }

    for bad in ["operation=site_verify", "operation=verify", "operation=server-list", "object=a/b"] {
        stage.aegir(&["task", "cancel", "--where", bad, "--yes"]).ends(2);
    }
    let said = stage.aegir(&["task", "cancel", "--where", "operation=site_verify", "--yes"]).ends(2);
    said.remedy("there are: server add, ");
    assert!(stage.front.changes().is_empty());

    stage.aegir(&["task", "cancel", "--where", "operation=\"site verify\"", "--yes"]).done();
    assert_eq!(stage.front.changes().len(), 2);
}

#[test]
fn ctrl_c_leaves_all_of_them() {
    let stage = stage(3);
    stage.front.state().fates.clear();
    let words = ["site", "verify", "--all", "--yes"];
    let child = stage.begin(&words);
    stage.front.wait_for("state=waiting");

    let said = interrupted(child, &words).ends(6);

    assert!(said.err.contains("4 tasks were queued, and go on."), "{}", said.all());
    assert!(said.err.contains("aegir task list --operation 'site verify'"), "{}", said.all());
}

#[test]
fn a_password_reaches_each_of_them() {
    let stage = Stage::new();
    let server = |name: &str| json!({ "id": 3, "kind": "server", "name": name, "status": "enabled" });
    stage.front.state().lists.insert("servers".into(), vec![server("db1"), server("db2")]);
    let secret = stage.secret_file("hunter2\n").display().to_string();

    stage.aegir(&["server", "edit", "--all", "--db-password-file", &secret, "--yes", "--no-wait"]).done();

    let changes = stage.front.changes();
    assert_eq!(
        changes.iter().map(|asked| asked.target.as_str()).collect::<Vec<_>>(),
        ["/api/v1/servers/db1", "/api/v1/servers/db2"]
    );
    assert!(changes.iter().all(|asked| asked.body.as_ref().unwrap()["db_password"] == "hunter2"));
}

#[test]
fn cron_of_many_is_asked_for_and_nobody_says_that_it_ran() {
    let stage = stage(3);

    let said = stage.aegir(&["site", "cron", "--where", "platform=d10", "--yes"]).done();
    assert!(said.out.contains("Cron is asked for on 3 of 3."), "{}", said.all());
    assert!(!said.all().contains("succeeded"), "{}", said.all());

    let said = stage.aegir(&["site", "cron", "--where", "platform=d10", "--yes", "--json"]).done();
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["items"][0]["state"], "asked-for", "{told}");
}
