//! What a front end asks of a back end beside tasks: what ended how, what is saved, who is spoken with.

use std::time::{Duration, Instant};

use aegir_domain::protocol::{Cancelled, FoundAttempt, FoundState, Line, NotDone, NotDoneCase, Said};
use aegir_domain::{Context, TaskKind};

use crate::support::said::Said as Told;
use crate::support::{Lab, way};

const UNKNOWN: &str = "01900000-0000-7000-8000-00000000ffff";

/// The last line, which must be the result.
fn ending(told: &Told) -> aegir_domain::protocol::Ending {
    let line: Line = serde_json::from_str(told.out.lines().last().unwrap()).unwrap();
    match line.said {
        Said::Result(ending) => *ending,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_line_tells_what_is_saved_of_the_object_now() {
    let lab = Lab::bare(way());
    let save = ["--json", "save", "@server_files", "--db", "sqlite"];

    let saved = ending(&lab.provision(&save).done());

    let shown = lab.provision(&["--json", "show"]).done().out;
    assert_eq!(saved.context, Some(serde_json::from_str::<Context>(shown.trim()).unwrap()));
    assert_eq!(saved.context.unwrap().revision(), 1);
    let refused = ending(&lab.provision(&["--json", "forget", "@server_other"]).ends(4));
    assert_eq!(refused.context, None, "nothing is saved of it");
    let forgotten = ending(&lab.provision(&["--json", "forget", "@server_files"]).done());
    assert_eq!(forgotten.context, None);
    assert_eq!(lab.provision(&["--json", "show"]).done().out, "");
}

#[test]
fn attempts_are_listed_with_what_was_asked_by_whom_and_how_they_stand() {
    let lab = Lab::bare(way());
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
    lab.provision(&["verify", "@server_other"]).ends(4);

    let listed = lab.provision(&["tasks", "--json"]).done().out;

    let listed: Vec<FoundAttempt> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = listed.iter().map(|one| (one.task.as_ref().unwrap().kind(), one.state)).collect();
    assert_eq!(told, [(TaskKind::VerifyServer, FoundState::Refused), (TaskKind::SaveContext, FoundState::Succeeded)]);
    let one = &listed[1];
    assert_eq!(one.object.as_ref().unwrap().to_string(), "@server_files");
    assert!(one.asked_by.is_some() && one.asked_at.abs_diff(one.attempt.unix_ms()) < 60_000);
    let newest = lab.provision(&["tasks", "--json", "--limit", "1"]).done().out;
    assert_eq!(newest.lines().count(), 1);
    assert!(newest.contains(&listed[0].attempt.to_string()));
}

#[test]
fn to_cancel_what_has_ended_is_told_apart() {
    let lab = Lab::bare(way());
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
    let id = lab.newest_attempt().file_name().unwrap().to_string_lossy().into_owned();

    let told = lab.provision(&["cancel", &id, "--json"]).done().out;

    let told: Cancelled = serde_json::from_str(&told).unwrap();
    assert_eq!(told.had_ended, Some(FoundState::Succeeded));
    lab.provision(&["cancel", &id]).done().says("had ended: done");
    lab.provision(&["cancel", &id, "--fail-if-unchanged"]).ends(3);
    assert!(!lab.home().join("tasks").join(&id).join("cancel").exists());
}

#[test]
fn a_front_end_is_told_what_went_wrong_in_words_that_it_can_read() {
    let lab = Lab::bare(way());
    for (words, case) in [
        (["--protocol", "1", "attach", UNKNOWN], NotDoneCase::UnknownAttempt),
        (["--protocol", "1", "cancel", UNKNOWN], NotDoneCase::UnknownAttempt),
        (["--protocol", "2", "attach", UNKNOWN], NotDoneCase::OtherProtocol),
        (["--protocol", "1", "show", "@server_files"], NotDoneCase::Other),
    ] {
        let told = lab.provision(&words).ends(1);
        assert_eq!(told.out, "");
        let not_done: NotDone = serde_json::from_str(told.err.trim()).unwrap();
        assert_eq!(not_done.case, case, "{}", told.all());
        assert!(not_done.fault.remedy.is_some(), "{}", told.all());
    }
}

#[test]
fn the_newest_of_five_thousand_attempts_are_listed_at_once() {
    let lab = Lab::bare(way());
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
    let one = lab.newest_attempt();
    for number in 0..5000 {
        let other = one.with_file_name(format!("01900000-0000-7000-8000-{number:012x}"));
        std::fs::create_dir(&other).unwrap();
        for file in ["request", "events"] {
            std::fs::copy(one.join(file), other.join(file)).unwrap();
        }
    }
    lab.give(&lab.home().join("tasks"));

    let began = Instant::now();
    let some = lab.provision(&["tasks", "--json", "--limit", "100"]).done();
    let took = began.elapsed();
    let all = lab.provision(&["tasks", "--json", "--limit", "10000"]).done();

    println!("100 of 5,001 attempts took {took:?}, all of them {:?}", began.elapsed() - took);
    assert_eq!((some.out.lines().count(), all.out.lines().count()), (100, 5001));
    assert!(took < Duration::from_secs(2), "{took:?}");
}
