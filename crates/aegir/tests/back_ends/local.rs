//! The back end of this machine, as a process.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aegir_domain::protocol::{FoundState, Said};
use aegir_domain::{Outcome, OutcomeKind, TaskKind};
use aegir_hosting::{BackEnds, Lost, Sought};

use crate::stage::{
    as_owner, back_ends, back_ends_of, ending, events, followers, here, hold, new_attempt, request,
    request_with_secret, rest, save, until_line, verify, waits, whole,
};
use crate::support::{Lab, kill, until, way};

#[test]
fn a_task_is_carried_out_told_and_told_again_from_any_line_on() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let saved = request(save("files"));
        let mut lines = back_ends.start(&here(), &saved).await.unwrap();
        let told = whole(rest(&mut *lines).await);
        assert_eq!(lines.next().await.unwrap(), None, "the end stays the end");
        assert_eq!(ending(&told).context.as_ref().unwrap().name().to_string(), "@server_files");

        let asked = request(verify("files"));
        let told = whole(rest(&mut *back_ends.start(&here(), &asked).await.unwrap()).await);

        assert!(told.len() > 40, "{}", told.len());
        assert_eq!(told, events(&lab, asked.attempt));
        // The same id runs once: asking again tells the same.
        assert_eq!(whole(rest(&mut *back_ends.start(&here(), &asked).await.unwrap()).await), told);
        for from in [0, 1, 2, 17, told.len()] {
            let mut lines = back_ends.attach(&here(), asked.attempt, from as u64).await.unwrap();
            assert_eq!(whole(rest(&mut *lines).await), told[from.saturating_sub(1)..], "from {from}");
        }
        let contexts = back_ends.contexts(&here()).await.unwrap();
        assert_eq!(contexts, [ending(&told).context.clone().unwrap()]);
        let found = back_ends.attempts(&here(), &Sought { limit: 10, ..Sought::default() }).await.unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.attempt, one.task.as_ref().map(|task| task.kind()), one.state)).collect();
        assert_eq!(
            found,
            [
                (asked.attempt, Some(TaskKind::VerifyServer), FoundState::Succeeded),
                (saved.attempt, Some(TaskKind::SaveContext), FoundState::Succeeded),
            ]
        );
    });
}

#[test]
fn a_refused_task_is_no_lost_contact() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let mut lines = back_ends(&lab).start(&here(), &request(verify("nobody"))).await.unwrap();
        let told = whole(rest(&mut *lines).await);
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Refused);
        assert_eq!(ending(&told).context, None);
    });
}

#[test]
fn whoever_stops_listening_or_is_killed_loses_no_line_and_stops_no_task() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&here(), &request(save("files"))).await.unwrap()).await);
        let held = hold(&lab, "files");
        let asked = request(verify("files"));
        let mut lines = back_ends.start(&here(), &asked).await.unwrap();
        let mut told = until_line(&mut *lines, waits).await;

        drop(lines);
        until("nobody follows", || followers(&lab).is_empty());
        let mut lines = back_ends.attach(&here(), asked.attempt, told.len() as u64 + 1).await.unwrap();
        until("somebody follows", || followers(&lab).len() == 1);
        kill(followers(&lab)[0]);
        let (more, lost) = rest(&mut *lines).await;

        let lost: Lost = lost.unwrap();
        assert!(lost.passing && !lost.unknown_attempt && more.is_empty(), "{lost:?}");
        assert!(lost.source.message.contains("signal 9"), "{lost:?}");
        let mut lines = back_ends.attach(&here(), asked.attempt, told.len() as u64 + 1).await.unwrap();
        drop(held);
        told.extend(whole(rest(&mut *lines).await));
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded);
        assert_eq!(told, events(&lab, asked.attempt));
    });
}

#[test]
fn an_attempt_that_is_not_known_is_told_apart_from_lost_contact() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let mut lines = back_ends.attach(&here(), new_attempt(), 1).await.unwrap();
        for lost in [lines.next().await.unwrap_err(), back_ends.cancel(&here(), new_attempt()).await.unwrap_err()] {
            assert!(lost.unknown_attempt && !lost.passing, "{lost:?}");
            assert!(lost.source.remedy.is_some(), "{lost:?}");
        }
    });
}

#[test]
fn no_secret_is_among_the_words_of_any_program() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&here(), &request(save("files"))).await.unwrap()).await);
        let _held = hold(&lab, "files");
        let asked = request_with_secret(verify("files"), "rosebud-7431");
        let mut lines = back_ends.start(&here(), &asked).await.unwrap();
        until_line(&mut *lines, waits).await;

        let words = lab.processes();

        assert!(words.len() >= 2, "the follower and the worker: {words:?}");
        assert!(words.iter().all(|words| !words.contains("rosebud")), "{words:?}");
        back_ends.cancel(&here(), asked.attempt).await.unwrap();
    });
}

#[test]
fn whoever_waits_for_another_can_be_called_back_meanwhile() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&here(), &request(save("files"))).await.unwrap()).await);
        let held = hold(&lab, "files");
        let asked = request(verify("files"));
        let mut lines = back_ends.start(&here(), &asked).await.unwrap();
        until_line(&mut *lines, waits).await;

        let cancelled = back_ends.cancel(&here(), asked.attempt).await.unwrap();
        let told = whole(rest(&mut *lines).await);

        assert_eq!(cancelled.had_ended, None);
        let outcome = &ending(&told).outcome;
        assert!(matches!(outcome, Outcome::RolledBack { fault } if fault.message == "cancelled"), "{outcome:?}");
        assert!(!told.iter().any(|line| matches!(line.said, Said::Step { .. })), "no line was begun: {told:?}");
        drop(held);
        let again = request(verify("files"));
        let told = whole(rest(&mut *back_ends.start(&here(), &again).await.unwrap()).await);
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded);
        // Found later, it stays as it ended.
        let told = whole(rest(&mut *back_ends.attach(&here(), asked.attempt, 1).await.unwrap()).await);
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::RolledBack);
    });
}

#[test]
fn those_attempts_are_listed_that_are_sought() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let mut asked = Vec::new();
        for name in ["one", "two", "three", "four"] {
            let saved = request(save(name));
            whole(rest(&mut *back_ends.start(&here(), &saved).await.unwrap()).await);
            asked.push(saved.attempt);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let found = async |sought: Sought| -> Vec<_> {
            let found = back_ends.attempts(&here(), &sought).await.unwrap();
            found.into_iter().map(|found| found.attempt).collect()
        };
        let [one, two, three, four] = asked[..] else { panic!("{asked:?}") };
        let sought = Sought { since: three.unix_ms(), limit: 10, ..Sought::default() };

        assert_eq!(found(sought.clone()).await, [four, three]);
        assert_eq!(found(Sought { also: vec![one], ..sought.clone() }).await, [four, three, one]);
        assert_eq!(found(Sought { limit: 1, ..sought.clone() }).await, [four]);
        assert_eq!(found(Sought { before: Some(four), ..sought.clone() }).await, [three]);
        // What is not done with is found whenever it was made.
        fs::write(lab.home().join("tasks/open").join(two.to_string()), b"").unwrap();
        assert_eq!(found(sought).await, [four, three, two]);
    });
}

#[test]
fn what_is_told_only_once_is_left_where_it_lies_by_whoever_only_watches() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let asked = request(save("files"));
        let told = whole(rest(&mut *back_ends.start(&here(), &asked).await.unwrap()).await);
        let answer = lab.home().join("tasks").join(asked.attempt.to_string()).join("answer");
        fs::write(&answer, r#"{"login_link":"http://a.test/once"}"#).unwrap();
        lab.give(&answer);

        let watched = whole(rest(&mut *back_ends.watch(&here(), asked.attempt, 1).await.unwrap()).await);
        assert_eq!(watched, told);
        assert!(answer.exists());
        let attached = whole(rest(&mut *back_ends.attach(&here(), asked.attempt, 1).await.unwrap()).await);
        assert_eq!(ending(&attached).secret_answer.as_ref().unwrap()["login_link"], "http://a.test/once");
        assert!(!answer.exists());
    });
}

#[test]
fn what_an_attempt_says_after_its_end_is_heard_by_whoever_listens_from_there() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let asked = request(save("files"));
        let told = whole(rest(&mut *back_ends.start(&here(), &asked).await.unwrap()).await);
        // As `recover` goes on with one that was stuck.
        let next = told.len() as u64 + 1;
        let path = lab.home().join("tasks").join(asked.attempt.to_string()).join("events");
        let mut events = fs::read_to_string(&path).unwrap();
        events.push_str(&format!(r#"{{"n":{next},"at":1,"type":"log","level":"info","text":"once more"}}"#));
        events.push('\n');
        events.push_str(&format!(
            r#"{{"n":{},"at":1,"type":"result","outcome":"succeeded","recovered":true}}"#,
            next + 1
        ));
        events.push('\n');
        fs::write(&path, events).unwrap();

        let more = whole(rest(&mut *back_ends.attach(&here(), asked.attempt, next).await.unwrap()).await);

        assert_eq!((more.len(), more[0].n), (2, next));
        assert!(ending(&more).recovered);
    });
}

#[test]
fn an_answer_without_an_end_is_not_taken() {
    let lab = Lab::bare(way());
    let context = as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        whole(rest(&mut *back_ends.start(&here(), &request(save("files"))).await.unwrap()).await);
        serde_json::to_string(&back_ends.contexts(&here()).await.unwrap()[0]).unwrap()
    });
    let program = program(&lab, &format!("cat >/dev/null; exec yes '{context}'"));
    as_owner(&lab, async || {
        let lost = back_ends_of(&lab, &program).contexts(&here()).await.unwrap_err();
        assert!(!lost.passing && lost.source.message.contains("has no end"), "{lost:?}");
    });
}

/// A program that is none of ours.
fn program(lab: &Lab, script: &str) -> PathBuf {
    let path = lab.beside().join("other");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn what_is_no_back_end_of_this_version_is_told_with_the_way_out() {
    let started = |n: u32, protocol: u32, id: &str| {
        format!(
            r#"echo '{{"n":{n},"at":1,"type":"started","protocol":{protocol},"attempt":"{id}","task":"verify-server","object":"@server_files"}}'"#
        )
    };
    let other = "01900000-0000-7000-8000-000000000001";
    let table: [(&str, String, bool, &str, &str); 9] = [
        (
            "garbage",
            "cat >/dev/null; echo 'Welcome to web2!'; exec sleep 60".into(),
            false,
            "Welcome to web2!",
            "login",
        ),
        ("bytes", "cat >/dev/null; head -c 3000 /dev/urandom; echo".into(), false, "no word of a back end", "Ægir"),
        ("another attempt", started(1, 1, other), false, "no word of a back end", "Ægir"),
        ("a gap", started(2, 1, other), false, "no word of a back end", "Ægir"),
        ("another protocol", started(1, 2, other), false, "speaks version 2", "same version"),
        (
            "an old program",
            "echo \"error: unexpected argument '--protocol' found\" >&2; exit 2".into(),
            false,
            "unexpected argument",
            "same version",
        ),
        ("words of its own", "echo 'no space left' >&2; exit 1".into(), false, "no space left", ""),
        ("nothing", "exit 0".into(), true, "ended before", ""),
        ("half a line", "cat >/dev/null; printf '{\"n\":1,'".into(), true, "ended before", ""),
    ];
    let lab = Lab::bare(way());
    for (what, script, passing, says, remedy) in table {
        let program = program(&lab, &script);
        as_owner(&lab, async || {
            let back_ends = back_ends_of(&lab, &program);
            let mut lines = back_ends.start(&here(), &request(verify("files"))).await.unwrap();
            let (told, lost) = rest(&mut *lines).await;
            let lost = lost.unwrap();
            assert!(told.is_empty(), "{what}: {told:?}");
            assert_eq!((lost.passing, lost.unknown_attempt), (passing, false), "{what}: {lost:?}");
            assert!(lost.source.message.contains(says), "{what}: {lost:?}");
            assert!(lost.source.remedy.clone().unwrap_or_default().contains(remedy), "{what}: {lost:?}");
            if what != "nothing" {
                let lost = back_ends.contexts(&here()).await.unwrap_err();
                assert!(what == "half a line" || !lost.passing, "{what}: {lost:?}");
            }
        });
    }
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends_of(&lab, &lab.beside().join("nothing"));
        let lost = back_ends.start(&here(), &request(verify("files"))).await.err().unwrap();
        assert!(!lost.passing && lost.source.remedy.is_some(), "{lost:?}");
    });
}

#[test]
fn a_line_of_a_megabyte_comes_whole_and_a_back_end_that_floods_standard_error_is_not_waited_for() {
    let lab = Lab::bare(way());
    let id = new_attempt();
    let program = program(
        &lab,
        r#"cat >/dev/null
head -c 300000 /dev/zero | tr '\0' e >&2
printf '{"n":5,"at":1,"type":"log","level":"info","text":"'
head -c 1000000 /dev/zero | tr '\0' x
echo '"}'
echo '{"n":6,"at":1,"type":"result","outcome":"succeeded"}'"#,
    );
    as_owner(&lab, async || {
        let mut lines = back_ends_of(&lab, &program).attach(&here(), id, 5).await.unwrap();
        let told = whole(rest(&mut *lines).await);
        assert!(matches!(&told[0].said, Said::Log { text, .. } if text.len() == 1_000_000));
        assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded);
    });
}

#[test]
fn sixty_four_attempts_at_once_are_each_told_whole() {
    let lab = Lab::bare(way());
    as_owner(&lab, async || {
        let back_ends = back_ends(&lab);
        let began = Instant::now();
        let one = back_ends.start(&here(), &request(save("files"))).await.unwrap().next().await.unwrap().unwrap();
        println!("from the request to the first line: {:?}", began.elapsed());
        assert!(matches!(one.said, Said::Started { .. }));
        assert!(began.elapsed() < Duration::from_secs(2));

        let began = Instant::now();
        let asked: Vec<_> = (0..64).map(|number| request(save(&format!("server{number}")))).collect();
        let mut streams = Vec::new();
        for asked in &asked {
            streams.push(back_ends.start(&here(), asked).await.unwrap());
        }
        for (mut lines, asked) in streams.into_iter().zip(&asked) {
            let told = whole(rest(&mut *lines).await);
            assert_eq!(ending(&told).outcome.kind(), OutcomeKind::Succeeded);
            assert_eq!(told, events(&lab, asked.attempt));
        }
        println!("64 attempts at once: {:?}", began.elapsed());
        assert_eq!(back_ends.contexts(&here()).await.unwrap().len(), 65);
    });
}
