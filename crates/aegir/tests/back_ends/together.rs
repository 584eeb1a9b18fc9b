//! On a private stack: an install in its middle, its worker killed, cancelled, or its connection cut.

use aegir_domain::protocol::{Phase, Said};
use aegir_domain::{Context, OutcomeKind, Task};
use aegir_hosting::{BackEnds, Place};

use crate::sshd::Sshd;
use crate::stage::{as_owner, back_ends, ending, events, here, public_key, request, rest, until_line, whole};
use crate::support::story::worker_of;
use crate::support::world::World;
use crate::support::{Lab, kill, way};

/// An install; the profile `endless` never comes to its end.
fn install(profile: &str) -> Task {
    let install = serde_json::json!({
        "kind": "install-site", "site": "a.localhost", "platform": "ten", "db_server": "localhost",
        "profile": profile, "mail": "a@example.org", "account": "admin", "client": "admin",
    });
    serde_json::from_value(install).unwrap()
}

fn installs(said: &Said) -> bool {
    matches!(said, Said::Step { name, phase: Phase::Doing, .. } if name == "run-installer")
}

fn is_taken_back_whatever_breaks(lab: &Lab, place: &Place, cut: impl Fn() + Sync) {
    let before = World::of(lab);
    as_owner(lab, async || {
        let back_ends = back_ends(lab);
        let asked = request(install("endless"));
        let folder = lab.home().join("tasks").join(asked.attempt.to_string());
        let mut lines = back_ends.start(place, &asked).await.unwrap();
        let mut told = until_line(&mut *lines, installs).await;

        // Contact and the worker are lost, one after the other.
        cut();
        drop(lines);
        kill(worker_of(&folder));
        let mut lines = back_ends.attach(place, asked.attempt, told.len() as u64 + 1).await.unwrap();
        told.extend(whole(rest(&mut *lines).await));

        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::RolledBack);
        assert_eq!(ending(&told).context, None);
        assert_eq!(told, events(lab, asked.attempt));
    });
    World::of(lab).must_be(&before);

    as_owner(lab, async || {
        let back_ends = back_ends(lab);
        let asked = request(install("endless"));
        let mut lines = back_ends.start(place, &asked).await.unwrap();
        let mut told = until_line(&mut *lines, installs).await;

        assert_eq!(back_ends.cancel(place, asked.attempt).await.unwrap().had_ended, None);

        told.extend(whole(rest(&mut *lines).await));
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::RolledBack);
        assert_eq!(told, events(lab, asked.attempt));
        let again = back_ends.cancel(place, asked.attempt).await.unwrap();
        assert!(again.had_ended.is_some(), "what has ended is told apart");
    });
    World::of(lab).must_be(&before);
}

#[test]
fn an_install_in_its_middle_is_taken_back_here_and_on_another_machine_and_then_happens() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let key = as_owner(&lab, async || public_key(&lab).await);
    let sshd = Sshd::start(&lab, &key);
    let there = sshd.place(&lab);
    // What ssh needs comes with the first contact, and is no part of what a task changes.
    as_owner(&lab, async || back_ends(&lab).contexts(&there).await.map(drop).unwrap());

    is_taken_back_whatever_breaks(&lab, &here(), || ());
    is_taken_back_whatever_breaks(&lab, &there, || sshd.cut());

    as_owner(&lab, async || {
        let asked = request(install("minimal"));
        let mut lines = back_ends(&lab).start(&there, &asked).await.unwrap();
        let told = whole(rest(&mut *lines).await);
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded, "{:?}", ending(&told));
        assert!(ending(&told).secret_answer.as_ref().is_some_and(|secret| secret.contains_key("login_link")));
        assert!(matches!(&ending(&told).context, Some(Context::Site(site)) if site.name.as_str() == "a.localhost"));
    });
    lab.provision(&["verify", "@a.localhost"]).done().changed_nothing();
}
