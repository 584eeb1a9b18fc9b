//! Bad input: refused with a way out, and nothing is changed.

use aegir_domain::{Remedy, TaskState};
use aegir_hosting::{
    Answer, Call, Effect, Names, Operation, OperationId as Id, Parameter, Presence, Refusal, Shape, Sort,
};
use serde_json::{Value, json};

use crate::ground::{Ground, add_platform, add_server, add_site, delete_site, edit_site, on_both, verify_site};

/// All that a refused operation must leave as it was.
async fn state(ground: &Ground) -> (i64, Vec<String>, String, String) {
    let (change, settings, queue) =
        ground.read(async |read| Ok((read.last_change().await?, read.settings().await?, read.queue().await?))).await;
    let tokens = ground.items(Call::of(Id::TokenList)).await;
    let fields = ground.items(Call::of(Id::FieldList)).await;
    (change, ground.tasks().await, format!("{settings:?} {queue:?}"), format!("{tokens:?} {fields:?}"))
}

/// A name that an operation would take, of something that may be there or not.
fn a_name(operation: &Operation) -> Option<&'static str> {
    match operation.names {
        Names::None => None,
        Names::One(kind) | Names::New(kind) => {
            ["x.test", "x", "1", "@x.test", ARCHIVE, ASIDE].into_iter().find(|name| kind.read(name).is_ok())
        }
    }
}

/// The name of a backup.
const ARCHIVE: &str = "x.test-20261121.021530.tar.zst";
/// The name of a thing in a trash.
const ASIDE: &str = "x.test-20261121.021530-0a1b2c3d4e5f";

/// A value that a parameter takes.
fn good(parameter: &Parameter) -> Value {
    let one: Value = match parameter.shape {
        Shape::Number { least, .. } => least.into(),
        Shape::Flag => true.into(),
        Shape::Choice(words) => words[0].into(),
        Shape::Secret => "a secret".into(),
        Shape::Text(kind) => {
            let texts = [
                "x.test",
                "x",
                "en",
                "UTC",
                "/srv/x",
                "127.0.0.1:80",
                "a@b.org",
                "drupal/core",
                "^10",
                "https://x.test",
                "1",
                ARCHIVE,
                ASIDE,
                "site verify",
                "x=1",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIABEOjsTaR8fHzEMrRjeVBZF5LjM/0xD410o+nWhbgxx",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ];
            let found = texts.into_iter().find(|text| kind.read(text).is_ok());
            found.unwrap_or_else(|| panic!("no value for {}", parameter.name)).into()
        }
    };
    if parameter.many { json!([one]) } else { one }
}

/// Values that it does not take.
fn wrong(parameter: &Parameter) -> Vec<Value> {
    let long = "x".repeat(100_000);
    let mut values = vec![json!({ "a": 1 }), json!([[1]]), json!("\u{0}"), json!("a\nb"), json!(""), json!(long)];
    match parameter.shape {
        Shape::Number { least, most } => {
            values.extend([json!(1.5), json!("one"), json!(true), json!("9".repeat(40))]);
            values.extend(least.checked_sub(1).map(Value::from));
            values.extend(most.checked_add(1).map(Value::from));
        }
        Shape::Flag => values.extend([json!(1), json!("yes"), json!("TRUE")]),
        Shape::Choice(_) => values.extend([json!(7), json!("none of these")]),
        Shape::Secret => {
            // A secret may hold anything that is not too long.
            values.retain(|value| {
                !value.is_string() || value == "" || value.as_str().is_some_and(|text| text.len() > 4096)
            });
            values.push(json!(7));
        }
        Shape::Text(_) => values.extend([json!(7), json!(false)]),
    }
    if parameter.many {
        values.push(Value::Array((0..2_000).map(|_| good_one(parameter)).collect()));
        values.push(json!([good_one(parameter), 7.5]));
    } else {
        values.push(json!([good(parameter)]));
    }
    values
}

fn good_one(parameter: &Parameter) -> Value {
    match good(parameter) {
        Value::Array(values) => values[0].clone(),
        one => one,
    }
}

/// A call of which only one thing will be wrong.
fn a_call(operation: &Operation) -> Call {
    let mut call = Call::of(operation.id);
    call.name = a_name(operation).map(str::to_owned);
    for parameter in operation.parameters {
        if parameter.presence == Presence::Required {
            call.parameters.insert(parameter.name.into(), good(parameter));
        }
    }
    call
}

#[test]
fn every_operation_refuses_what_is_missing_wrong_or_too_much_and_names_the_way_out() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let before = state(&ground).await;
        let mut refused = 0;
        for id in Id::ALL {
            let operation = id.declaration();
            let mut bad: Vec<(String, Call)> = vec![("colour".into(), a_call(&operation).with("colour", "red"))];
            match operation.names {
                Names::None => bad.push(("name".into(), a_call(&operation).about("x"))),
                Names::One(_) | Names::New(_) => {
                    bad.push(("name".into(), Call { name: None, ..a_call(&operation) }));
                    for name in ["", "\u{0}", "a\nb", "../x", &"x".repeat(100_000)] {
                        bad.push(("name".into(), a_call(&operation).about(name)));
                    }
                }
            }
            for parameter in operation.parameters {
                let mut without = a_call(&operation);
                without.parameters.remove(parameter.name);
                if parameter.presence == Presence::Required {
                    bad.push((parameter.name.into(), without));
                }
                for value in wrong(parameter) {
                    // Whether a value can have lines is for the setting to say.
                    if id == Id::SettingSet && value == "a\nb" {
                        continue;
                    }
                    bad.push((parameter.name.into(), a_call(&operation).with(parameter.name, value)));
                }
            }
            for (parameter, call) in bad {
                let shown: String = format!("{call:?}").chars().take(300).collect();
                let refusal = ground.refused(call).await;
                // What a name may be is sometimes known only by looking.
                let unknown = parameter == "name" && matches!(refusal, Refusal::Unknown { .. });
                assert!(
                    unknown || matches!(&refusal, Refusal::Bad(bad) if bad.bad[0].parameter == parameter),
                    "{shown}: {refusal:?}"
                );
                let report = refusal.report();
                assert!(report.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{shown}: {report:?}");
                assert!(report.message.len() < 2_000, "{shown}: a message of {} bytes", report.message.len());
                refused += 1;
            }
        }
        assert!(refused > 1_000, "{refused}");
        assert_eq!(state(&ground).await, before);
    });
}

#[test]
fn what_there_is_not_is_said_to_be_unknown() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let before = state(&ground).await;
        for id in Id::ALL {
            let operation = id.declaration();
            if matches!(operation.names, Names::One(_)) {
                let mut call = a_call(&operation);
                // `1` is the client, which is there.
                call.name = call.name.map(|name| if name == "1" { "4711".into() } else { name });
                if id == Id::SiteDelete {
                    call = call.with("confirm", "x.test");
                }
                if id == Id::BackupDelete {
                    call = call.with("confirm", ARCHIVE);
                }
                let refusal = ground.refused(call).await;
                assert!(matches!(refusal, Refusal::Unknown { .. }), "{id:?}: {refusal:?}");
                assert!(refusal.remedy().is_some_and(|remedy| remedy.contains("aegir ")), "{id:?}");
            }
        }
        assert_eq!(state(&ground).await, before);
    });
}

#[test]
fn a_filter_for_what_nothing_bears_never_finds_everything() {
    on_both(async |ground| {
        ground.front().furnish().await;
        let mut filters = Vec::new();
        for id in Id::ALL {
            let operation = id.declaration();
            let texts = operation.parameters.iter().filter(|parameter| matches!(parameter.shape, Shape::Text(_)));
            for parameter in texts.filter(|parameter| parameter.name != "cursor" && operation.effect == Effect::Lists) {
                let list = match id {
                    Id::SitePackages => Call::of(id).about("retry.test"),
                    _ => Call::of(id),
                };
                assert!(!ground.items(list.clone()).await.is_empty(), "{id:?} lists nothing anyway");
                for value in ["nobody.test", "@nobody.test", "nobody", "4711", "site_verify", "no such thing", "%"] {
                    let call = list.clone().with(parameter.name, value);
                    match ground.ask(call.clone()).await {
                        Ok(Answer::Page { mut items, .. }) => {
                            // That a machine does not answer is no backup.
                            items.retain(|item| item["kind"] != aegir_hosting::view::OUT_OF_CONTACT);
                            assert!(items.is_empty(), "{call:?}: {items:?}");
                        }
                        Err(Refusal::Bad(bad)) => assert_eq!(bad.bad[0].parameter, parameter.name, "{call:?}: {bad}"),
                        other => assert!(matches!(other, Err(Refusal::Unknown { .. })), "{call:?}: {other:?}"),
                    }
                }
                filters.push(format!("{} {}", operation.name(), parameter.name));
            }
        }
        assert!(filters.len() >= 15, "{filters:?}");

        // The one that once took every task for those of an operation that there is not.
        let refusal = ground.refused(Call::of(Id::TaskList).with("operation", "site_verify")).await;
        assert!(refusal.remedy().unwrap().contains("site verify"), "{refusal:?}");
        let found = async |name: &str, value: &str| ground.items(Call::of(Id::TaskList).with(name, value)).await;
        assert_eq!(found("object", "retry.test").await.len(), 2, "added, and verified");
        for (name, one, other) in [
            ("object", "retry.test", "@retry.test"),
            ("object", "server_web1", "@server_web1"),
            ("operation", "site verify", "site-verify"),
        ] {
            assert_eq!(found(name, one).await, found(name, other).await);
        }
    });
}

#[test]
fn what_contradicts_itself_or_what_is_there_is_refused() {
    on_both(async |ground| {
        ground.fleet(&["a.test", "b.test"]).await;
        ground.queue(edit_site("a.test").with("alias", "www.a.test")).await;
        ground.work().await;
        let before = state(&ground).await;
        let bare = |name: &str| Call::of(Id::ServerAdd).about(name);
        for (call, sort) in [
            (add_server("web1"), Sort::Conflict),
            (add_platform("d10").with("server", "web1"), Sort::Conflict),
            (add_platform("d11").with("server", "web1").with("root", "/srv/d10"), Sort::Conflict),
            (add_site("a.test"), Sort::Conflict),
            (add_site("www.a.test"), Sort::Conflict),
            (add_site("c.test").with("alias", "b.test"), Sort::Conflict),
            (edit_site("b.test").with("alias", "www.a.test"), Sort::Conflict),
            (edit_site("b.test").with("alias", "a.test"), Sort::Conflict),
            (add_site("c.test").with("alias", json!(["d.test", "d.test"])), Sort::Question),
            (add_site("c.test").with("alias", "c.test"), Sort::Question),
            (add_site("c.test").with("redirect_to", "d.test"), Sort::Question),
            (add_site("c.test").with("platform", "gone"), Sort::Question),
            (add_site("c.test").with("db_server", "gone"), Sort::Question),
            (add_site("c.test").with("profile", "gone"), Sort::Question),
            (edit_site("a.test").with("alias", "x.test").with("no_alias", true), Sort::Question),
            (edit_site("a.test").with("redirect_to", "www.a.test").with("no_redirect", true), Sort::Question),
            (delete_site("a.test").with("confirm", "b.test"), Sort::Question),
            (bare("web2"), Sort::Question),
            (bare("web2").with("http", "nginx"), Sort::Question),
            (bare("web2").with("db", "sqlite").with("db_host", "x"), Sort::Question),
            (bare("web2").with("db", "sqlite").with("ssh_port", 22), Sort::Question),
            (bare("web2").with("db", "sqlite").with("ip", "somewhere"), Sort::Question),
            (bare("web2").with("db", "sqlite").with("ssh_host", "-oProxyCommand=x"), Sort::Question),
            (add_platform("d11").with("server", "web1").with("demo", true), Sort::Question),
            (add_platform("d11").with("server", "web1").with("constraint", "^10"), Sort::Question),
            (add_platform("d11").with("server", "gone"), Sort::Absence),
            (Call::of(Id::PlatformEdit).about("d10").with("own_php", true).with("php", "/usr/bin/php"), Sort::Question),
        ] {
            let refusal = ground.refused(call.clone()).await;
            assert_eq!(refusal.sort(), sort, "{call:?}: {refusal:?}");
            assert!(refusal.remedy().is_some(), "{call:?}: {refusal:?}");
        }
        assert_eq!(state(&ground).await, before);
    });
}

#[test]
fn a_task_whose_parameters_nobody_understands_any_more_is_refused_and_says_so() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        let task = ground.queue(verify_site("a.test")).await;
        ground.sql("UPDATE task SET parameters = '{\"given\": {}, \"request\": {\"kind\": \"dance\"}}' WHERE state = 'waiting'").await;
        ground.work().await;

        ground.assert_state(task, TaskState::Refused).await;
        let fault = ground.attempts(task).await.remove(0).fault.unwrap();
        assert!(fault.message.contains("another version") && fault.remedy.is_some(), "{fault:?}");
        assert!(matches!(ground.refused(crate::ground::on_task(Id::TaskRetry, task)).await, Refusal::Conflict { .. }));
    });
}

#[test]
fn a_key_that_does_not_open_its_secrets_ends_the_task_that_needs_them_and_nothing_else() {
    on_both(async |ground| {
        ground.fleet(&["a.test"]).await;
        ground.sql("UPDATE secret SET key_id = 'another'").await;
        let edit = ground.queue(Call::of(Id::ServerEdit).about("web1").with("db_host", "127.0.0.2")).await;
        let verify = ground.queue(verify_site("a.test")).await;
        ground.work().await;

        ground.assert_state(edit, TaskState::Refused).await;
        ground.assert_state(verify, TaskState::Succeeded).await;
        let fault = ground.attempts(edit).await.remove(0).fault.unwrap();
        assert!(fault.remedy.is_some_and(|remedy| remedy.contains("key file")));
    });
}
