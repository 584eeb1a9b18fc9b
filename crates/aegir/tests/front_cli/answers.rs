//! What becomes of a task is told in words, in JSON, and by the exit code.

use serde_json::{Value, json};

use crate::double::problem;
use crate::stage::Stage;
use crate::support::said::Said;
use crate::support::{program, spawn};

fn fault() -> Value {
    json!({ "message": "cannot reach the database server `db1`", "because": ["connection refused"],
        "remedy": "see whether it runs" })
}

fn fates() -> [(&'static str, Value, i32, &'static str); 6] {
    let steps = json!([
        { "line": 1, "name": "create-database", "phase": "undone", "took": 5 },
        { "line": 2, "name": "write-settings", "phase": "undone", "took": 5 },
    ]);
    [
        ("succeeded", json!({ "changed": true }), 0, "Done: site-verify of a.test (task 42) succeeded in 3.2 s."),
        ("untidy", json!({ "fault": fault() }), 0, "a clean-up that is still owed"),
        ("refused", json!({ "fault": fault() }), 4, "Nothing was touched."),
        ("rolled-back", json!({ "fault": fault(), "steps": steps }), 7, "Undone: write-settings, create-database."),
        ("cancelled", json!({}), 7, "Cancelled before it began"),
        (
            "stuck",
            json!({ "fault": fault(), "left": [{ "line": "create-database", "fault": fault() }, { "line": "reserve" }] }),
            8,
            "What is left, the last line first:",
        ),
    ]
}

fn fated(state: &str, more: &Value) -> Value {
    let mut fate = more.clone();
    fate["state"] = state.into();
    fate["outcome"] = state.into();
    fate["lines"] = json!([{ "text": "Created the database" }, { "level": "warning", "text": "little room" }]);
    fate
}

#[test]
fn the_exit_code_and_the_words_are_those_of_the_outcome() {
    for (state, more, code, words) in fates() {
        let stage = Stage::new();
        stage.front.state().fates.insert("a.test".into(), fated(state, &more));

        let said = stage.aegir(&["site", "verify", "a.test"]).ends(code).says(words);

        assert!(said.out.contains("Created the database\nwarning: little room\n"), "{}", said.all());
        let complains = more.get("fault").is_some();
        assert_eq!(said.err.contains("because connection refused"), complains, "{}", said.all());
        assert_eq!(said.err.contains("how to fix it: see whether it runs"), complains, "{}", said.all());
    }
}

#[test]
fn a_program_is_told_the_same_in_one_document() {
    for (state, more, code, _) in fates() {
        let stage = Stage::new();
        stage.front.state().fates.insert("a.test".into(), fated(state, &more));

        let said = stage.aegir(&["site", "verify", "a.test", "--json"]).ends(code);

        let told: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((told["id"].as_i64(), told["state"].as_str()), (Some(42), Some(state)));
        assert_eq!(told["attempts"][0].get("fault"), more.get("fault"));
        assert_eq!(said.err, "");
    }
}

#[test]
fn what_changed_nothing_can_be_told_apart() {
    let stage = Stage::new();
    let fate = json!({ "state": "succeeded", "changed": false });
    stage.front.state().fates.insert("a.test".into(), fate);

    stage.aegir(&["site", "verify", "a.test"]).done().says("Nothing was to change");
    stage.aegir(&["site", "verify", "a.test", "--fail-if-unchanged"]).ends(3);
}

#[test]
fn a_login_link_is_alone_on_standard_output() {
    let stage = Stage::new();
    let link = "http://a.test/user/reset/1/2/3";
    let fate = json!({ "state": "succeeded", "changed": false, "secret": { "login_link": link },
        "lines": [{ "text": "Asked Drupal" }] });
    stage.front.state().fates.insert("a.test".into(), fate);

    let said = stage.aegir(&["site", "login", "a.test"]).done();
    assert_eq!(said.out, format!("{link}\n"));
    assert!(said.err.contains("Asked Drupal"), "{}", said.all());

    let said = stage.aegir(&["site", "login", "a.test", "--json"]).done();
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["secret_answer"]["login_link"], link);
}

#[test]
fn a_token_is_alone_on_standard_output() {
    let stage = Stage::new();

    let said = stage.aegir(&["token", "add", "build", "--scope", "view"]).done();

    assert_eq!(said.out, "aegir_secret\n");
}

#[test]
fn the_link_of_an_account_is_alone_on_standard_output_and_whole_where_the_panel_answers() {
    let stage = Stage::new();

    let said = stage.aegir(&["account", "add", "anna"]).done();
    assert_eq!(said.out, "http://localhost:8088/enter/secret\n");
    assert!(said.err.contains("`anna`") && said.err.contains("2027-01-15"), "{}", said.all());
    assert!(!said.err.contains("--panel"), "{}", said.all());

    let said = stage.aegir(&["account", "link", "Anna"]).done();
    assert_eq!(said.out, "/enter/secret\n");
    assert!(said.err.contains("aegir up") && said.err.contains("--panel 127.0.0.1:8088"), "{}", said.all());

    let said = stage.aegir(&["account", "add", "anna", "--json"]).done();
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["link"], "http://localhost:8088/enter/secret");
    stage.aegir(&["account", "add", "no name"]).says("beginning with a letter");
    stage.aegir(&["session", "end", "none"]).says("a number");
}

#[test]
fn without_waiting_number_and_object_are_printed() {
    let stage = Stage::new();

    let said = stage.aegir(&["site", "verify", "a.test", "--no-wait"]).done();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("42 a.test\n", ""));

    let said = stage.aegir(&["site", "verify", "b.test", "--no-wait", "--json"]).done();
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told, json!({ "task": 43, "object": "b.test", "known": false }));
}

#[test]
fn what_waits_already_is_not_queued_twice_and_that_is_said() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    stage.front.state().tasks.get_mut(&task).unwrap().view["state"] = "waiting".into();

    let said = stage.aegir(&["site", "verify", "a.test", "--no-wait"]).done();

    assert_eq!(said.out, "42 a.test\n");
    assert!(said.err.contains("nothing was added"), "{}", said.all());
}

#[test]
fn a_dry_run_says_what_would_be_asked_and_asks_for_nothing() {
    let stage = Stage::new();

    stage.aegir(&["site", "delete", "a.test", "--dry-run"]).done().says("\"kind\": \"site-delete\"");
    let said = stage.aegir(&["site", "verify", "a.test", "--dry-run", "--json"]).done();

    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["requests"][0]["kind"], "site-verify");
    assert!(stage.front.state().tasks.is_empty());

    // What is done at once asks no back end for anything: what would become of it is shown.
    let task = stage.front.task("a.test", "site-verify").to_string();
    let said = stage.aegir(&["task", "cancel", &task, "--dry-run"]).done().says("Nothing was done.");
    assert!(said.out.contains("a.test"), "{}", said.all());
    let said = stage.aegir(&["task", "cancel", "--where", "object=a.test", "--dry-run"]).done();
    assert!(said.out.contains("the back end would not be asked for anything"), "{}", said.all());
    assert!(stage.front.changes().iter().all(|asked| asked.target.contains("dry_run=true")));
}

#[test]
fn a_deletion_takes_the_name_a_second_time() {
    let stage = Stage::new();

    let said = stage.aegir(&["site", "delete", "a.test"]).ends(2).remedy("site delete a.test --confirm=a.test`");
    assert!(said.err.contains("takes the name a second time"), "{}", said.all());
    stage.aegir(&["site", "delete", "a.test", "--confirm=b.test"]).ends(2).remedy("--confirm=a.test");
    stage.aegir(&["site", "delete", "a.test", "--confirm", "b.test"]).ends(2).says("`b.test` is not the name");
    assert!(stage.front.state().asked.is_empty(), "nothing was even asked");

    stage.front.state().fates.insert("a.test".into(), json!({ "state": "succeeded", "changed": true }));
    stage.aegir(&["site", "delete", "@a.test", "--confirm=a.test"]).done();
}

#[test]
fn a_refusal_has_the_code_of_its_sort_and_its_remedy() {
    let table = [
        (400, "bad-parameters", 2),
        (401, "no-token", 1),
        (403, "forbidden", 1),
        (404, "unknown", 1),
        (409, "unavailable", 4),
        (409, "stale", 4),
        (500, "broken", 1),
        (503, "store", 1),
    ];
    let stage = Stage::new();
    for (status, word, code) in table {
        let (_, mut document) = problem(status, word, "it is so");
        document["remedy"] = "do otherwise".into();
        document["because"] = json!(["of that"]);
        stage.front.state().problems.insert("/api/v1/sites/a.test/verify".into(), document);

        let said = stage.aegir(&["site", "verify", "a.test"]).ends(code).remedy("do otherwise");

        assert!(said.err.starts_with("error: it is so\n  because of that\n"), "{}", said.all());
    }
}

#[test]
fn a_name_that_nobody_bears_is_answered_with_the_nearest() {
    let stage = Stage::new();
    let sites = ["www.example.org", "shop.example.org"].map(|name| crate::double::site(name, &json!({})));
    stage.front.state().lists.insert("sites".into(), sites.to_vec());

    stage.aegir(&["site", "show", "www.exmaple.org"]).ends(1).remedy("did you mean `www.example.org`?");
    let said = stage.aegir(&["site", "show", "intranet.test"]).ends(1).remedy("aegir site list");
    assert!(!said.err.contains("did you mean"), "{}", said.all());
}

#[test]
fn a_verb_that_is_none_is_answered_with_the_nearest() {
    let stage = Stage::new();

    stage.aegir(&["site", "verfy", "a.test"]).ends(2).says("verify");
    stage.aegir(&["sites", "list"]).ends(2).says("site");
    stage.aegir(&["site", "list", "--platfrom", "d10"]).ends(2).says("--platform");
    let said = stage.aegir(&["site"]).ends(2);
    for verb in ["list", "show", "add", "options", "edit", "verify", "login", "delete"] {
        assert!(said.err.contains(&format!("\n  {verb} ")), "{verb}: {}", said.all());
    }
    assert!(said.err.contains("`aegir up` or `aegir serve` starts one"), "{}", said.all());
}

#[test]
fn bad_words_are_told_before_anything_is_asked() {
    let stage = Stage::new();
    let table: [(&[&str], &str); 9] = [
        (&["site", "verify", "../etc"], "empty label"),
        (&["site", "verify"], "SITE"),
        (&["site", "list", "--status", "enabeld"], "enabled"),
        (&["site", "list", "--limit", "9999"], "from 1 to 500"),
        (&["site", "add", "a.test", "--mail", "nobody"], "it has no `@`"),
        (&["server", "add", "a", "--listen", "8080"], "ADDRESS:PORT"),
        (&["task", "show", "x"], "no whole number"),
        (&["task", "follow", "0"], "no whole number"),
        (&["token", "add", "x"], "--scope"),
    ];
    for (words, says) in table {
        stage.aegir(words).ends(2).says(says);
    }
    assert!(stage.front.state().asked.is_empty());
}

#[test]
fn with_no_front_end_a_command_opens_what_is_remembered() {
    let mut stage = Stage::new();
    stage.front.kill();

    // One that was killed leaves its socket behind.
    stage.aegir(&["site", "list"]).done().says("There is no site yet.");
    std::fs::remove_file(stage.lab.home().join("run/aegir.sock")).unwrap();
    stage.aegir(&["settings", "show", "tasks_at_once"]).done().says("tasks_at_once");
    stage.aegir(&["site", "verify", "a.test", "--no-wait"]).ends(1).says("a.test");
    stage.front.begin();
}

#[test]
fn a_front_end_that_says_nothing_is_not_waited_for_for_ever() {
    let stage = Stage::new();
    stage.front.state().silent = true;

    stage.aegir(&["site", "list"]).ends(1).says("does not answer").remedy("aegir up");
}

#[test]
fn root_is_refused_with_the_line_to_use() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this takes root");
        return;
    }
    let stage = Stage::new();
    let home = stage.lab.home().display().to_string();
    let words = ["--home", &home, "site", "list"];
    let mut command = std::process::Command::new(program());
    let child = spawn(command.args(words).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()));

    Said::whole(child, &words).ends(1).says("does not run as root").remedy("run `sudo -u aegir ");

    assert!(stage.front.state().asked.is_empty());
}

#[test]
fn a_queue_that_drains_is_waited_for() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    let child = stage.begin(&["queue", "drain"]);
    stage.front.wait_for("state=running");
    stage.front.end(task, &json!({ "state": "succeeded" }));

    Said::whole(child, &["queue", "drain"]).done().says("Waiting for 1 running task.").says("No task runs any more.");
}
