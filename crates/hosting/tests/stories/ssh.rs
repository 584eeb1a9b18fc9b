//! Servers on other machines: by which key one is known, who may change that, and where it is said to be.

use aegir_domain::{Remedy as _, TaskState};
use aegir_hosting::{BadParameters, Call, OperationId as Id, Refusal, fingerprint};
use serde_json::{Value, json};

use crate::ground::{Ground, add_server, on_both, on_task};

/// A server of another machine.
fn behind_ssh(name: &str) -> Call {
    add_server(name).with("ssh_host", "192.0.2.7").with("ssh_port", 2222)
}

fn host_key(name: &str) -> Call {
    Call::of(Id::ServerHostKey).about(name)
}

fn trust(name: &str, key: &str) -> Call {
    Call::of(Id::ServerTrust).about(name).with("key", key)
}

fn edit(name: &str) -> Call {
    Call::of(Id::ServerEdit).about(name)
}

/// The fingerprint of the key that a machine has now.
fn print_of(ground: &Ground, name: &str) -> String {
    fingerprint(&ground.back_ends.machine(name).host_key()).unwrap()
}

/// A machine that is known by its key, and in service.
async fn known(ground: &Ground, name: &str) {
    let key = ground.back_ends.machine(name).host_key().to_string();
    ground.queue(behind_ssh(name).with("ssh_host_key", key)).await;
    ground.work().await;
    assert_eq!(ground.tasks().await, [format!("server-add @server_{name} succeeded")]);
}

#[test]
fn a_task_on_a_machine_that_nobody_confirmed_goes_on_once_its_key_is_trusted() {
    on_both(async |ground| {
        let at_work = ground.at_work();
        let task = ground.queue(behind_ssh("web2")).await;
        ground.until_state(task, TaskState::OutOfContact).await;

        let keys = ground.shown(host_key("web2")).await;
        let print = print_of(&ground, "web2");
        assert_eq!((&keys["shown"]["fingerprint"], &keys["trusted"]), (&json!(print), &Value::Null));
        assert_eq!(keys["address"], "aegir@192.0.2.7:2222");
        assert_eq!(keys["authorized_keys"], format!("restrict {}", keys["public_key"].as_str().unwrap()));
        assert!(keys["advice"].as_str().unwrap().contains(&format!("aegir server trust web2 --key {print}")), "{keys}");
        // To be shown a key is not to trust it.
        assert_eq!(ground.shown(Call::of(Id::ServerShow).about("web2")).await["ssh"]["host_key"], Value::Null);

        let waits_for = ground.shown(on_task(Id::TaskShow, task)).await["waits_for"].to_string();
        assert!(waits_for.contains("aegir server host-key web2"), "{waits_for}");

        // Where it is can be said anew meanwhile, and nothing else.
        let refusal = ground.refused(edit("web2").with("ssh_port", 22).with("title", "x")).await;
        assert!(matches!(refusal, Refusal::Unavailable(_)), "{refusal:?}");
        ground.ask(Call { dry_run: true, ..edit("web2").with("ssh_port", 22) }).await.unwrap();
        assert_eq!(ground.shown(host_key("web2")).await["address"], "aegir@192.0.2.7:2222");
        let moved = ground.shown(edit("web2").with("ssh_port", 22)).await;
        assert_eq!(moved["transport"], "ssh aegir@192.0.2.7:22");

        let other = print_of(&ground, "web3");
        let refusal = ground.refused(trust("web2", &other)).await;
        assert!(refusal.to_string().contains(&print) && refusal.to_string().contains(&other), "{refusal}");

        let trusted = ground.shown(trust("web2", &print)).await;
        assert_eq!((&trusted["trusted"]["fingerprint"], &trusted["advice"]), (&json!(print), &Value::Null));
        ground.until_state(task, TaskState::Succeeded).await;
        assert_eq!(ground.shown(Call::of(Id::ServerShow).about("web2")).await["ssh"]["host_key"], json!(print));
        let history = ground.items(Call::of(Id::NodeHistory).about("@server_web2")).await;
        let deed = format!("trusted the key {print}");
        assert!(history.iter().any(|one| one["what"] == deed && one["actor"] == "anna"), "{history:?}");
        at_work.stop().await;
    });
}

#[test]
fn another_key_takes_the_place_of_one_that_is_known_only_where_that_is_named() {
    on_both(async |ground| {
        known(&ground, "web2").await;
        let machine = ground.back_ends.machine("web2");
        let (old, old_key) = (print_of(&ground, "web2"), machine.host_key().to_string());
        // The same again is no change.
        ground.ask(trust("web2", &old)).await.unwrap();
        machine.make_anew();
        let (new, new_key) = (print_of(&ground, "web2"), machine.host_key().to_string());

        let before = ground.shown(Call::of(Id::ServerShow).about("web2")).await;
        for call in [
            trust("web2", &new),
            trust("web2", &new_key),
            trust("web2", &new).with("instead_of", new.as_str()),
            trust("web2", &new).with("instead_of", print_of(&ground, "web3")),
            edit("web2").with("ssh_host_key", new_key.as_str()),
        ] {
            let refusal = ground.refused(call.clone()).await;
            assert!(matches!(refusal, Refusal::Conflict { .. }), "{call:?}: {refusal:?}");
            assert!(refusal.to_string().contains(&old) && refusal.to_string().contains(&new), "{refusal}");
            let remedy = refusal.remedy().unwrap();
            assert!(remedy.contains(&format!("--key {new} --instead-of {old}")), "{remedy}");
        }
        assert_eq!(ground.shown(Call::of(Id::ServerShow).about("web2")).await, before);
        let advice = ground.shown(host_key("web2")).await["advice"].to_string();
        assert!(advice.contains("another key") && advice.contains("--instead-of"), "{advice}");

        ground.ask(trust("web2", &new).with("instead_of", old_key.as_str())).await.unwrap();
        assert_eq!(ground.shown(host_key("web2")).await["answers"], true);
        let task = ground.queue(Call::of(Id::ServerVerify).about("web2")).await;
        ground.work().await;
        ground.assert_state(task, TaskState::Succeeded).await;
    });
}

#[test]
fn a_machine_that_cannot_be_reached_still_shows_what_it_is_to_be_told() {
    on_both(async |ground| {
        known(&ground, "web2").await;
        let machine = ground.back_ends.machine("web2");
        machine.reach(aegir_lab::pretend::Reach::Away);

        let keys = ground.shown(host_key("web2")).await;

        assert!(keys["authorized_keys"].as_str().unwrap().starts_with("restrict ssh-ed25519 "), "{keys}");
        assert_eq!((&keys["shown"], &keys["fault"]["message"]), (&Value::Null, &json!("connection refused")));
        // A fingerprint alone says nothing of a key that nobody has seen.
        machine.make_anew();
        let new = print_of(&ground, "web2");
        assert!(matches!(ground.refused(trust("web2", &new)).await, Refusal::Lost(_)));
        let old = keys["trusted"]["fingerprint"].as_str().unwrap();
        ground.ask(trust("web2", &machine.host_key().to_string()).with("instead_of", old)).await.unwrap();
        let address = "ssh aegir@192.0.2.7:2222";
        assert_eq!(ground.shown(Call::of(Id::ServerShow).about("web2")).await["transport"], address);
    });
}

#[test]
fn where_a_machine_is_can_be_said_anew_and_its_key_stays_with_it() {
    on_both(async |ground| {
        known(&ground, "web2").await;
        let before = ground.shown(Call::of(Id::ServerShow).about("web2")).await["ssh"].clone();
        assert_eq!(
            (&before["port"], &before["user"], &before["home"]),
            (&json!(2222), &json!("aegir"), &json!("/var/aegir"))
        );

        let moved = edit("web2").with("ssh_host", "web2.example.org").with("ssh_port", 22).with("ssh_user", "hosting");
        ground.queue(moved.with("home", "/srv/aegir").with("ssh_program", "/opt/aegir")).await;
        ground.work().await;

        let now = ground.shown(Call::of(Id::ServerShow).about("web2")).await["ssh"].clone();
        let expected = json!({
            "host": "web2.example.org", "port": 22, "user": "hosting", "home": "/srv/aegir", "program": "/opt/aegir",
            "host_key": before["host_key"],
        });
        assert_eq!(now, expected);
        ground.queue(edit("web2").with("title", "other")).await;
        assert_eq!(ground.shown(Call::of(Id::ServerShow).about("web2")).await["ssh"], expected);

        ground.queue(add_server("web1")).await;
        ground.work().await;
        for (name, value) in [("ssh_host", json!("x")), ("ssh_port", json!(22)), ("home", json!("/srv/aegir"))] {
            let refusal = ground.refused(edit("web1").with(name, value)).await;
            assert!(
                matches!(&refusal, Refusal::Bad(BadParameters { bad, .. }) if bad[0].parameter == name),
                "{refusal:?}"
            );
        }
        for call in [host_key("web1"), trust("web1", &print_of(&ground, "web1"))] {
            assert!(matches!(ground.refused(call).await, Refusal::Conflict { .. }));
        }
    });
}
