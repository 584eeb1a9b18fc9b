//! What the engine promises, for random recipes, failures, deaths and power losses.

mod model;

use std::panic::{AssertUnwindSafe, catch_unwind};

use aegir_domain::{AttemptId, Fault, Outcome, OutcomeKind};
use aegir_recipe::proof::{Drill, When};
use aegir_recipe::{Afterwards, Committed, Ended, Executor, Recipe, Record, Run, recover};
use model::{Fails, Heard, Killed, Late, Mortal, Plan, Put, Silence, Sweep, Things, World, lines};
use proptest::prelude::*;

fn head() -> Record {
    Record::Head { version: 1, attempt: AttemptId::from_parts(0, [0; 10]), task: "plan".into(), locks: vec![] }
}

fn run(world: &World, plan: &Plan, journal: &mut Mortal, drill: Drill) -> Option<Ended> {
    let lines = lines();
    let executor = Executor { world, lines: &lines, teller: &Silence, drill };
    alive(|| executor.execute(plan, journal))
}

fn resume(world: &World, journal: &mut Mortal) -> Option<Ended> {
    let lines = lines();
    let executor = Executor { world, lines: &lines, teller: &Silence, drill: Drill::default() };
    let records = journal.records.clone();
    alive(|| recover(&executor, &records, journal))
}

/// What `work` returns, or nothing if its process was killed.
fn alive<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Some(value),
        Err(panic) if panic.is::<Killed>() => None,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What the world is if all of `plan` happened.
fn after(before: &Things, plan: &Plan, owed_done: bool) -> Things {
    let mut things = before.clone();
    for (key, value, _) in &plan.steps {
        things.insert(*key, *value);
        things.insert(key + 100, *value);
    }
    for (must, late) in &plan.afterwards {
        if *must || late.fails < 3 || owed_done {
            things.insert(late.key, 200);
        }
    }
    things
}

fn a_fail() -> impl Strategy<Value = Fails> {
    prop_oneof![12 => Just(Fails::Never), 1 => Just(Fails::Before), 1 => Just(Fails::HalfWay), 1 => Just(Fails::After)]
}

fn a_plan() -> impl Strategy<Value = Plan> {
    (
        prop::collection::vec((0u8..40, 1u8..100, a_fail()), 0..7),
        prop::collection::vec((any::<bool>(), (0u8..20, 0u8..4)), 0..4),
    )
        .prop_map(|(steps, afterwards)| Plan {
            steps,
            // Keys of their own, so that what each line did can be told.
            afterwards: (210u8..)
                .zip(afterwards)
                .map(|(key, (must, (_, fails)))| (must, Late { key, fails }))
                .collect(),
        })
}

fn things() -> impl Strategy<Value = Things> {
    prop::collection::btree_map(0u8..140, 1u8..100, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recipe_happens_completely_or_not_at_all(before in things(), plan in a_plan(), twice in any::<(bool, bool)>()) {
        let world = World::with(&before);
        let drill = Drill { apply_twice: twice.0, undo_twice: twice.1, ..Drill::default() };

        let ended = run(&world, &plan, &mut Mortal::default(), drill).expect("nobody kills it");

        let fails = plan.steps.iter().position(|step| step.2 != Fails::Never);
        match (ended.outcome.kind(), fails) {
            (OutcomeKind::Succeeded | OutcomeKind::Untidy, None) => {
                if !twice.0 { prop_assert_eq!(&*world.now.borrow(), &after(&before, &plan, false)) }
            }
            (OutcomeKind::RolledBack, Some(_)) => prop_assert_eq!(&*world.now.borrow(), &before),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn killed_at_any_record_any_number_of_times_it_is_all_or_nothing(
        before in things(), plan in a_plan(), fuses in prop::collection::vec(0u32..40, 1..5), power in any::<bool>(), keep in any::<u64>(), torn in any::<bool>(),
    ) {
        let world = World::with(&before);
        let mut journal = Mortal { records: vec![head()], synced: 1, fuse: Some(fuses[0]), ..Mortal::default() };
        let mut committed = false;
        let mut ended = run(&world, &plan, &mut journal, Drill::default());
        for fuse in fuses.iter().skip(1).map(|fuse| Some(*fuse)).chain([None]) {
            if ended.is_some() { break }
            if power {
                // What was not synced may be gone, in the journal from its end, in the world key by key.
                let unsynced = journal.records.len() - journal.synced;
                let kept = journal.synced + if unsynced == 0 { 0 } else { keep as usize % (unsynced + 1) };
                journal.records.truncate(kept);
                world.lose_power(|key| keep >> (key % 61) & 1 == 1);
            } else if torn && journal.synced < journal.records.len() {
                journal.records.pop();
            }
            committed |= journal.records.iter().any(|record| matches!(record, Record::Committed { .. }));
            journal.fuse = fuse;
            ended = resume(&world, &mut journal);
        }
        let ended = ended.expect("the last one is not killed");
        match ended.outcome.kind() {
            OutcomeKind::Succeeded => prop_assert_eq!(&*world.now.borrow(), &after(&before, &plan, true)),
            OutcomeKind::Untidy => prop_assert!(plan.afterwards.iter().any(|(must, late)| !must && late.fails >= 1)),
            OutcomeKind::RolledBack => {
                prop_assert!(!committed);
                prop_assert_eq!(&*world.now.borrow(), &before);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        // Once more changes nothing.
        let now = world.now.borrow().clone();
        if ended.outcome.kind() != OutcomeKind::Untidy {
            let again = resume(&world, &mut journal).expect("nobody kills it");
            prop_assert_eq!(again.outcome.kind(), ended.outcome.kind());
            prop_assert_eq!(&*world.now.borrow(), &now);
        }
    }

    #[test]
    fn a_disk_that_fills_up_under_the_journal_rolls_back(before in things(), plan in a_plan(), room in 0u32..30) {
        let world = World::with(&before);
        let mut journal = Mortal { refuses: Some(room), ..Mortal::default() };

        let ended = run(&world, &plan, &mut journal, Drill::default()).expect("nobody kills it");

        match ended.outcome.kind() {
            OutcomeKind::Refused | OutcomeKind::RolledBack => prop_assert_eq!(&*world.now.borrow(), &before),
            OutcomeKind::Succeeded => prop_assert_eq!(&*world.now.borrow(), &after(&before, &plan, false)),
            OutcomeKind::Untidy => (),
            OutcomeKind::Stuck => prop_assert!(false, "stuck"),
        }
        // Whatever the journal still says, recovering from it comes to the same.
        journal.refuses = None;
        let now = world.now.borrow().clone();
        resume(&world, &mut journal).expect("nobody kills it");
        if ended.outcome.kind() != OutcomeKind::Untidy {
            prop_assert_eq!(&*world.now.borrow(), &now);
        }
    }
}

fn three_steps() -> Plan {
    Plan {
        steps: vec![(1, 10, Fails::Never), (2, 20, Fails::Never), (3, 30, Fails::Never)],
        afterwards: vec![(true, Late { key: 210, fails: 2 }), (false, Late { key: 211, fails: 0 })],
    }
}

#[test]
fn every_failure_before_the_point_of_no_return_leaves_the_world_as_it_was() {
    let before = Things::from([(1, 1), (102, 2)]);
    for when in [When::Before, When::After] {
        for line in 1.. {
            let world = World::with(&before);
            let drill = Drill { fail_at: Some((line, when)), ..Drill::default() };
            match run(&world, &three_steps(), &mut Mortal::default(), drill).expect("alive").outcome {
                Outcome::Refused { .. } | Outcome::RolledBack { .. } => {
                    assert_eq!(*world.now.borrow(), before, "line {line}")
                }
                Outcome::Succeeded => {
                    assert!(line > 7 || (line == 7 && when == When::After), "line {line}");
                    break;
                }
                other => panic!("line {line}: {other:?}"),
            }
        }
    }
}

/// A plan with a step ahead of its first one, and a line behind its last.
struct Surrounded(Plan);

impl Recipe<World> for Surrounded {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        run.behind_the_last_line(Afterwards::new().cleanup(Sweep(Late { key: 220, fails: 0 })));
        run.ahead_of_the_first_step(|run| run.step(Put { key: 50, value: 5, was: (None, None), fails: Fails::Never }));
        self.0.run(run)
    }
}

#[test]
fn what_goes_ahead_of_the_first_step_does_so_behind_its_checks_and_is_undone_last() {
    let world = World::default();
    for (plan, when, standing) in [
        (three_steps(), (1, When::After), vec![]),
        (three_steps(), (4, When::Before), vec![1, 50]),
        (Plan { steps: vec![], afterwards: vec![] }, (2, When::Before), vec![50]),
    ] {
        let (lines, mut journal) = (lines(), Mortal::default());
        let drill = Drill { fail_at: Some(when), ..Drill::default() };
        let executor = Executor { world: &world, lines: &lines, teller: &Silence, drill };
        let ended = executor.execute(&Surrounded(plan), &mut journal);

        let expected = if standing.is_empty() { OutcomeKind::Refused } else { OutcomeKind::RolledBack };
        assert_eq!(ended.outcome.kind(), expected, "{when:?}");
        assert!(world.now.borrow().is_empty());
        let begun: Vec<u64> = journal.records.iter().rev().filter_map(begun_key).collect();
        assert_eq!(begun, standing, "{when:?}");
        let undone = journal.records.iter().filter_map(|record| match record {
            Record::Undone { line } => Some(*line),
            _ => None,
        });
        assert!(undone.is_sorted_by(|one, next| one > next), "{:?}", journal.records);
    }
}

fn begun_key(record: &Record) -> Option<u64> {
    match record {
        Record::Begun { inputs, .. } => inputs["key"].as_u64(),
        _ => None,
    }
}

#[test]
fn what_comes_behind_the_last_line_does_so_in_any_recipe() {
    for (plan, lines_applied) in [
        (three_steps(), vec![("settle", 210), ("settle", 210), ("settle", 210), ("sweep", 211), ("sweep", 220)]),
        (Plan { steps: vec![], afterwards: vec![] }, vec![("sweep", 220)]),
    ] {
        let (world, lines) = (World::default(), lines());
        let executor = Executor { world: &world, lines: &lines, teller: &Silence, drill: Drill::default() };

        let ended = executor.execute(&Surrounded(plan), &mut Mortal::default());

        assert_eq!(ended.outcome, Outcome::Succeeded);
        assert_eq!(*world.applied.borrow(), lines_applied);
        assert_eq!((world.now.borrow().get(&50), world.now.borrow().get(&220)), (Some(&5), Some(&200)));
    }
}

#[test]
fn a_failing_check_before_any_step_is_a_refusal() {
    let world = World::default();
    let drill = Drill { fail_at: Some((1, When::Before)), ..Drill::default() };
    let ended = run(&world, &three_steps(), &mut Mortal::default(), drill).expect("alive");
    assert_eq!(ended.outcome.kind(), OutcomeKind::Refused);
}

#[test]
fn a_finish_is_retried_until_done() {
    let world = World::default();
    let ended = run(&world, &three_steps(), &mut Mortal::default(), Drill::default()).expect("alive");
    assert_eq!(ended.outcome, Outcome::Succeeded);
    assert_eq!(world.applied.borrow().iter().filter(|line| line.0 == "settle").count(), 3);
}

#[test]
fn a_cleanup_is_owed_after_three_tries_and_recover_tries_again() {
    let world = World::default();
    let plan = Plan { steps: vec![(1, 1, Fails::Never)], afterwards: vec![(false, Late { key: 210, fails: 3 })] };
    let mut journal = Mortal::default();

    let ended = run(&world, &plan, &mut journal, Drill::default()).expect("alive");
    assert_eq!(ended.outcome.kind(), OutcomeKind::Untidy);
    assert_eq!(ended.outcome.exit_code(), 0);

    let ended = resume(&world, &mut journal).expect("alive");
    assert_eq!(ended.outcome, Outcome::Succeeded);
}

#[test]
fn each_line_is_told_by_a_place_of_its_own_also_behind_the_point_of_no_return_and_by_whoever_recovers() {
    let world = World::default();
    let (must, late) = ((true, Late { key: 210, fails: 0 }), (false, Late { key: 211, fails: 3 }));
    let plan = Plan { steps: vec![(1, 1, Fails::Never), (2, 2, Fails::Never)], afterwards: vec![must, late] };
    let (lines, heard, mut journal) = (lines(), Heard::default(), Mortal::default());
    let executor = || Executor { world: &world, lines: &lines, teller: &heard, drill: Drill::default() };

    let ended = executor().execute(&plan, &mut journal);
    assert_eq!(ended.outcome.kind(), OutcomeKind::Untidy);
    let first = heard.places();
    let order: Vec<u32> = first.keys().copied().collect();
    assert_eq!(order, (1..=order.len() as u32).collect::<Vec<_>>(), "from 1 on, none left out: {first:?}");
    assert!(first.values().all(|names| names.len() == 1), "one name at each place: {first:?}");
    let last: Vec<&str> = first.values().rev().take(3).rev().map(|names| names.first().unwrap().as_str()).collect();
    assert_eq!(last[0], "point-of-no-return", "{first:?}");

    let records = journal.records.clone();
    assert_eq!(recover(&executor(), &records, &mut journal).outcome, Outcome::Succeeded);
    assert_eq!(heard.places(), first, "what is carried on keeps its place");

    // A journal of an older version does not say where its point of no return was.
    let older = records.into_iter().map(|record| match record {
        Record::Committed { afterwards, answer, changed, .. } => {
            Record::Committed { line: 0, afterwards, answer, changed }
        }
        other => other,
    });
    let (heard, older) = (Heard::default(), older.collect::<Vec<_>>());
    let executor = Executor { world: &world, lines: &lines, teller: &heard, drill: Drill::default() };
    recover(&executor, &older, &mut Mortal { records: older.clone(), ..Mortal::default() });
    let steps = older.iter().filter(|record| matches!(record, Record::Begun { .. })).count() as u32;
    assert!(heard.places().keys().all(|place| *place > steps), "behind the steps: {:?}", heard.places());
}

#[test]
fn a_failing_undo_stops_the_walk_and_recover_resumes_there() {
    let world = World::default();
    world.stuck.borrow_mut().insert(2);
    let mut plan = three_steps();
    plan.steps[2].2 = Fails::HalfWay;
    let mut journal = Mortal::default();

    let ended = run(&world, &plan, &mut journal, Drill::default()).expect("alive");

    let Outcome::Stuck { left, .. } = ended.outcome else { panic!("{:?}", ended.outcome) };
    assert_eq!(left.len(), 2);
    assert!(left[0].fault.is_some() && left[1].fault.is_none());
    assert_eq!(world.now.borrow().get(&1), Some(&10));

    world.stuck.borrow_mut().clear();
    let ended = resume(&world, &mut journal).expect("alive");
    assert_eq!(ended.outcome.kind(), OutcomeKind::RolledBack);
    assert!(world.now.borrow().is_empty());
}

#[test]
fn a_task_cancelled_between_lines_is_rolled_back() {
    for lines in 0..6 {
        let world = World::default();
        world.cancel_after.set(Some(lines));
        let ended = run(&world, &three_steps(), &mut Mortal::default(), Drill::default()).expect("alive");
        assert_eq!(ended.outcome.kind(), OutcomeKind::RolledBack, "after {lines} lines");
        assert!(world.now.borrow().is_empty());
    }
}

#[test]
fn a_journal_of_another_version_ends_stuck_and_never_in_a_panic() {
    let world = World::default();
    for record in [
        Record::Begun { line: 1, name: "unheard-of".into(), inputs: 1.into() },
        Record::Begun { line: 1, name: "put".into(), inputs: 1.into() },
        Record::Committed {
            line: 2,
            afterwards: vec![aegir_recipe::AfterLine {
                kind: aegir_recipe::AfterKind::Finish,
                name: "unheard-of".into(),
                inputs: 1.into(),
            }],
            answer: Default::default(),
            changed: true,
        },
    ] {
        let mut journal = Mortal { records: vec![head(), record], ..Mortal::default() };
        let ended = resume(&world, &mut journal).expect("alive");
        assert_eq!(ended.outcome.kind(), OutcomeKind::Stuck);
        assert!(ended.outcome.fault().is_some());
    }
}

#[test]
fn a_step_costs_one_sync() {
    let world = World::default();
    let mut journal = Mortal::default();
    run(&world, &three_steps(), &mut journal, Drill::default()).expect("alive");
    // One for each of three steps, one for the point of no return, one for the end.
    assert_eq!(journal.syncs, 5);
}

#[test]
fn a_task_that_never_acts_costs_no_sync_and_one_that_did_says_so() {
    let idle = Plan { steps: vec![], afterwards: vec![] };
    let undone = Plan { steps: vec![(1, 1, Fails::HalfWay)], afterwards: vec![] };
    let kept = Plan { steps: vec![(1, 1, Fails::Never)], afterwards: vec![] };
    let follows = Plan { steps: vec![], afterwards: vec![(true, Late { key: 210, fails: 0 })] };
    // Of a step that stands: itself and the point of no return. Of one that was undone: itself and the end.
    for (plan, syncs, acted) in [(idle, 0, false), (undone, 2, true), (kept, 2, true), (follows, 2, true)] {
        let world = World::default();
        let mut journal = Mortal::default();
        let ended = run(&world, &plan, &mut journal, Drill::default()).expect("alive");
        assert_eq!((journal.syncs, ended.acted), (syncs, acted), "{plan:?}");
        let again = resume(&world, &mut journal).expect("alive");
        assert_eq!(again.outcome, ended.outcome, "{plan:?}");
    }
    let world = World::default();
    world.cancel_after.set(Some(0));
    let mut journal = Mortal::default();
    let ended = run(&world, &three_steps(), &mut journal, Drill::default()).expect("alive");
    assert_eq!((ended.outcome.kind(), journal.syncs, ended.acted), (OutcomeKind::RolledBack, 0, false));
}
