//! Lists and objects: tables for people, documents for programs.

use serde_json::{Value, json};

use crate::double::site;
use crate::stage::Stage;

fn three_sites(stage: &Stage) {
    let sites = vec![
        site("a.test", &json!({})),
        site("b.test", &json!({ "status": "failed", "verified": null, "title": "The second" })),
        site("c.test", &json!({ "platform": "d7" })),
    ];
    stage.front.state().lists.insert("sites".into(), sites);
}

#[test]
fn a_list_is_a_table_without_colours_where_nobody_sees_them() {
    let stage = Stage::new();
    three_sites(&stage);

    let said = stage.aegir(&["site", "list"]).done();

    assert_eq!(
        said.out,
        "NAME    STATUS   PLATFORM  DRUPAL  VERIFIED              TITLE\n\
         a.test  enabled  d10       10.3.6  1970-01-01 00:00:00Z  a.test\n\
         b.test  failed   d10       10.3.6                        The second\n\
         c.test  enabled  d7        10.3.6  1970-01-01 00:00:00Z  c.test\n"
    );
    assert_eq!(said.err, "");
}

#[test]
fn a_list_for_programs_is_one_document() {
    let stage = Stage::new();
    three_sites(&stage);

    let said = stage.aegir(&["site", "list", "--status", "enabled", "--limit", "1", "--json"]).done();

    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["items"][0]["name"], "a.test");
    assert_eq!((told["next"].as_str(), told["total"].as_u64()), (Some("at-1"), Some(2)));
    let said = stage.aegir(&["site", "list", "--json", "--cursor", "at-1", "--status", "enabled"]).done();
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((told["items"].as_array().unwrap().len(), &told["next"]), (1, &Value::Null));
}

#[test]
fn a_long_list_says_how_to_get_the_rest_and_all_gives_it() {
    let stage = Stage::new();
    let sites = (0..1234).map(|n| site(&format!("s{n}.test"), &json!({}))).collect();
    stage.front.state().lists.insert("sites".into(), sites);

    let said = stage.aegir(&["site", "list", "--limit", "20"]).done();
    assert_eq!(said.out.lines().count(), 21);
    assert!(said.err.contains("20 of 1234 shown") && said.err.contains("--all") && said.err.contains("--cursor at-20"));

    assert_eq!(stage.aegir(&["site", "list", "--all"]).done().out.lines().count(), 1235);
    let told: Value = serde_json::from_str(&stage.aegir(&["site", "list", "--all", "--json"]).done().out).unwrap();
    assert_eq!((told["items"].as_array().unwrap().len(), told["total"].as_u64()), (1234, Some(1234)));
}

#[test]
fn an_empty_list_says_what_to_do_first() {
    let stage = Stage::new();
    for (words, says) in [
        (["site", "list"], "aegir site add"),
        (["platform", "list"], "aegir platform add"),
        (["server", "list"], "aegir server add"),
        (["task", "list"], "aegir site add"),
        (["token", "list"], "aegir token add"),
        (["account", "list"], "aegir account add"),
        (["session", "list"], "Nobody is signed in"),
        (["bulk", "list"], "aegir bulk start"),
        (["drift", "list"], "Nothing differs"),
    ] {
        let said = stage.aegir(&words).done();
        assert!(said.out.is_empty() && said.err.contains(says), "{}", said.all());
        let said = stage.aegir(&[words[0], words[1], "--json"]).done();
        assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["items"], json!([]));
    }
    stage.aegir(&["site", "list", "--status", "failed"]).done().says("Nothing is found.");
}

#[test]
fn an_object_is_a_line_for_each_field() {
    let stage = Stage::new();
    let more = json!({ "domains": [{ "name": "a.test", "kind": "main", "tls": "off" }], "fields": { "contact": "me" },
        "operations": [{ "verb": "delete", "available": false, "why_not": "it is in use" }] });
    stage.front.state().lists.insert("sites".into(), vec![site("a.test", &more)]);

    let said = stage.aegir(&["site", "show", "a.test"]).done();

    for line in [
        "name               a.test\n",
        "created            1970-01-01 00:00:00Z\n",
        "awaits installer   no\n",
        "domains\n  KIND  NAME    TLS\n  main  a.test  off\n",
        "  contact            me\n",
        "  AVAILABLE  VERB    WHY NOT\n  no         delete  it is in use\n",
    ] {
        assert!(said.out.contains(line), "{line}\n{}", said.all());
    }
    let told: Value = serde_json::from_str(&stage.aegir(&["site", "show", "a.test", "--json"]).done().out).unwrap();
    assert_eq!(told["fields"]["contact"], "me");
}

#[test]
fn the_queue_shows_what_runs_and_what_waits_for_what() {
    let stage = Stage::new();
    let queue = json!({ "paused": false, "most": 8, "running": 1, "out_of_contact": 0, "waiting": 1, "tasks": [
        { "id": 42, "operation": "site-verify", "object": 7, "object_name": "@a.test", "state": "waiting", "asked_by": "aegir",
          "server": "localhost", "queued": 1000, "waits_for": "a place among the 4 of localhost" }] });
    stage.front.state().lists.insert("queue".into(), vec![queue]);

    let said = stage.aegir(&["queue", "show"]).done();

    assert!(said.out.contains("paused             no\n"), "{}", said.all());
    assert!(said.out.contains("42    waiting  site-verify  @a.test"), "{}", said.all());
    assert!(said.out.contains("a place among the 4 of localhost"), "{}", said.all());
}

#[test]
fn what_a_task_said_is_told_line_by_line() {
    let stage = Stage::new();
    let task = stage.front.task("a.test", "site-verify");
    for n in 1..=3 {
        stage.front.say(task, "log", "info", &format!("line {n}"));
    }

    let said = stage.aegir(&["task", "log", "42", "--limit", "2"]).done();
    assert_eq!(
        said.out,
        "    1  1970-01-01 00:00:01Z  info       line 1\n    2  1970-01-01 00:00:02Z  info       line 2\n"
    );
    assert!(said.err.contains("--from 3"), "{}", said.all());
    let said = stage.aegir(&["task", "log", "42", "--json"]).done();
    assert_eq!(
        said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap()).sum::<u64>(),
        6
    );
}

#[test]
fn what_somebody_wrote_never_commands_the_terminal() {
    let stage = Stage::new();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nnew line\u{202e}txt";
    let more =
        json!({ "title": evil, "fields": { evil: evil }, "domains": [{ "name": evil, "kind": evil, "tls": "" }] });
    stage.front.state().lists.insert("sites".into(), vec![site("a.test", &more)]);
    let task = stage.front.task(evil, evil);
    stage.front.say(task, "log", "info", evil);
    stage.front.say(task, "log", "warning", evil);
    let fault = json!({ "message": evil, "because": [evil], "remedy": evil });
    stage.front.end(task, &json!({ "state": "stuck", "fault": fault, "left": [{ "line": evil, "fault": fault }] }));
    let bad = json!({ "status": 409, "type": evil, "title": evil, "detail": evil, "remedy": evil,
        "parameters": [{ "parameter": evil, "why": evil, "remedy": evil }] });
    stage.front.state().problems.insert("/api/v1/sites/b.test/verify".into(), bad);

    for words in [
        &["site", "list"][..],
        &["site", "show", "a.test"],
        &["task", "list"],
        &["task", "show", "42"],
        &["task", "log", "42"],
        &["task", "follow", "42", "--verbose"],
        &["site", "verify", "b.test"],
    ] {
        let said = stage.aegir(words);
        let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        assert!(!said.out.contains(obeyed) && !said.err.contains(obeyed), "{:?}", said.all());
        assert!(said.all().contains("owned"), "{}", said.all());
    }
    let said = stage.aegir(&["site", "list"]).done();
    assert_eq!(said.out.lines().count(), 2, "a title with a line end is on one line");
}
