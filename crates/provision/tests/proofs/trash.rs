//! The trash: what was deleted lies there until its date, can be put back, and goes for good, but never what a task may
//! still need, nor what only looks like ours.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use aegir_domain::{Task, TrashKind, TrashName, TrashState, TrashThing};
use aegir_lab::Lab;
use aegir_lab::fake::{Fate, PowerMemory};
use aegir_provision::{Emptying, WayBack, empty_trash, list_trash, way_out_of_trash};

use crate::two_platforms;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn delete_platform() -> Task {
    Task::DeletePlatform { platform: "ten".parse().unwrap(), confirm: "ten".into() }
}

fn delete_site() -> Task {
    Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: false }
}

/// The code of a platform in the trash.
fn with_a_deleted_platform() -> Lab {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.must(Task::VerifyPlatform { platform: "ten".parse().unwrap(), context: None });
    lab.must(delete_platform());
    lab
}

/// The folder of a site in the trash.
fn with_a_deleted_site() -> Lab {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.install("a.test", "seven");
    lab.is_taken_out("a.test");
    lab.must(delete_site());
    lab
}

fn trash(lab: &Lab) -> Vec<TrashThing> {
    list_trash(&lab.parts).unwrap()
}

fn path(thing: &TrashThing) -> PathBuf {
    thing.folder.join(&thing.name)
}

fn name(thing: &TrashThing) -> TrashName {
    thing.name.parse().unwrap()
}

/// Empties it of all that may go; gives how many things went.
fn empty(lab: &Lab) -> usize {
    let emptied = empty_trash(&lab.parts, &Emptying { older_than: Some(0), ..Emptying::default() }).unwrap();
    assert_eq!(emptied.faults, []);
    emptied.removed.len()
}

#[test]
fn it_is_told_what_lies_there_whose_it_was_and_until_when() {
    let lab = with_a_deleted_platform();
    let things = trash(&lab);
    let [thing] = things.as_slice() else { panic!("{things:?}") };
    assert_eq!((thing.kind, &thing.state), (TrashKind::Platform, &TrashState::Kept));
    assert_eq!(thing.by.as_deref(), Some("delete-platform @platform_ten"));
    assert_eq!(thing.lay, Some(lab.home().platforms().join("ten")));
    assert_eq!(thing.until, Some(thing.since + 30 * DAY.as_millis() as i64));
    assert!(thing.bytes > 0);

    let lab = with_a_deleted_site();
    let things = trash(&lab);
    let [thing] = things.as_slice() else { panic!("{things:?}") };
    assert_eq!((thing.kind, &thing.state), (TrashKind::Site, &TrashState::Kept));
    assert_eq!(thing.by.as_deref(), Some("delete-site @a.test"));
    let backup = thing.backup.clone().unwrap();
    assert!(lab.home().backups().join(backup.as_str()).is_file());
}

#[test]
fn it_goes_once_it_was_kept_for_long_enough_and_not_earlier() {
    let lab = with_a_deleted_platform();
    let emptying = Emptying::default();
    lab.clock.pass(29 * DAY);
    assert_eq!(empty_trash(&lab.parts, &emptying).unwrap().removed, []);
    lab.clock.pass(DAY);
    let dry = Emptying { dry_run: true, ..Emptying::default() };
    assert_eq!(empty_trash(&lab.parts, &dry).unwrap().removed.len(), 1);
    assert_eq!(trash(&lab).len(), 1);

    let went = empty_trash(&lab.parts, &emptying).unwrap();

    assert_eq!((went.removed.len(), went.faults), (1, Vec::new()));
    assert_eq!(trash(&lab), []);
    assert!(!path(&went.removed[0]).exists());
}

#[test]
fn a_named_thing_goes_at_once_and_nothing_else() {
    let lab = with_a_deleted_site();
    lab.must(delete_platform());
    let things = trash(&lab);
    let site = things.iter().find(|thing| thing.kind == TrashKind::Site).unwrap();
    let names = vec![name(site)];

    empty_trash(&lab.parts, &Emptying { names: names.clone(), ..Emptying::default() }).unwrap();

    let left: Vec<TrashKind> = trash(&lab).iter().map(|thing| thing.kind).collect();
    assert_eq!(left, [TrashKind::Platform]);
    let again = empty_trash(&lab.parts, &Emptying { names, ..Emptying::default() }).unwrap_err();
    assert!(again.report().message.contains("there is no"), "{again:?}");
}

#[test]
fn what_is_not_ours_stays_however_it_is_called() {
    let lab = with_a_deleted_platform();
    let thing = trash(&lab).remove(0);
    let folder = thing.folder.clone();
    let elsewhere = lab.home().platforms().join("seven");
    // By hand; by a task of nobody; with a link's name of ours; and with ours and a word more.
    fs::create_dir(folder.join("old")).unwrap();
    fs::create_dir(folder.join("ten-20200101.000000-0a1b2c3d4e5f")).unwrap();
    let end = name(&thing).end().to_owned();
    symlink(&elsewhere, folder.join(format!("ten-20200101.000000-{end}"))).unwrap();
    fs::create_dir(folder.join(format!("{}-more", thing.name))).unwrap();

    assert_eq!(empty(&lab), 1);

    let left = trash(&lab);
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.iter().all(|thing| thing.state == TrashState::NotOurs), "{left:?}");
    assert!(elsewhere.join("index.php").exists());
    let stranger = "ten-20200101.000000-0a1b2c3d4e5f".parse().unwrap();
    let fault = empty_trash(&lab.parts, &Emptying { names: vec![stranger], ..Emptying::default() }).unwrap_err();
    assert!(fault.report().message.contains("no task of this home"), "{fault:?}");
}

#[test]
fn a_trash_that_is_a_link_is_nobodys() {
    let lab = with_a_deleted_platform();
    let thing = trash(&lab).remove(0);
    let aside = lab.home().path().join("aside");
    fs::rename(&thing.folder, &aside).unwrap();
    symlink(&aside, &thing.folder).unwrap();

    assert_eq!((trash(&lab), empty(&lab)), (Vec::new(), 0));
    assert!(aside.join(&thing.name).exists());
}

#[test]
fn what_a_task_that_has_not_ended_may_put_back_stays() {
    let lab = with_a_deleted_platform();
    let thing = trash(&lab).remove(0);
    let attempts = lab.parts.files.list(&lab.home().tasks()).unwrap();
    let by = attempts.iter().find(|attempt| attempt.ends_with(name(&thing).end())).unwrap();
    let mark = lab.home().open_tasks().join(by);
    fs::write(&mark, "").unwrap();

    let found = trash(&lab).remove(0);
    assert_eq!(found.state, TrashState::InUse(by.parse().unwrap()));
    assert_eq!(empty(&lab), 0);
    let named = Emptying { names: vec![name(&thing)], ..Emptying::default() };
    assert!(empty_trash(&lab.parts, &named).unwrap_err().report().message.contains("has not ended"));
    assert!(way_out_of_trash(&lab.parts, &name(&thing)).is_err());

    fs::remove_file(&mark).unwrap();
    assert_eq!(empty(&lab), 1);
}

#[test]
fn what_another_open_task_speaks_of_stays_too_even_if_its_journal_is_damaged() {
    let lab = with_a_deleted_platform();
    let thing = trash(&lab).remove(0);
    let other = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    fs::create_dir_all(lab.home().task(other)).unwrap();
    fs::write(lab.home().task(other).join("journal"), format!("00000000 torn {} \n", thing.name)).unwrap();
    fs::write(lab.home().open_tasks().join(other.to_string()), "").unwrap();

    assert_eq!(empty(&lab), 0);
    assert_eq!(trash(&lab)[0].state, TrashState::InUse(other));
    fs::remove_file(lab.home().open_tasks().join(other.to_string())).unwrap();
}

#[test]
fn whoever_dies_while_it_is_removed_leaves_what_the_next_one_ends_and_nothing_that_can_be_put_back() {
    let left = dies_at_each_moment(&|_| ());
    assert!(left.contains(&Some(TrashState::Kept)) && left.contains(&Some(TrashState::HalfRemoved)), "{left:?}");
}

#[test]
fn a_power_loss_while_it_is_removed_never_leaves_a_part_under_its_old_name() {
    let left = dies_at_each_moment(&|memory| {
        memory.lose_power(0);
    });
    // That it goes is on the disk before the first of its files is gone.
    assert!(left.contains(&Some(TrashState::HalfRemoved)), "{left:?}");
    // The other extreme, and between: each change that was not synced is there or is not.
    for turn in 0..4u64 {
        let fate = |of: u64| Fate::of((of + 1).wrapping_mul(turn * 2 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dies_at_each_moment(&|memory| memory.lose_some(fate));
    }
}

/// Empties it until it dies at a moment, then at the next one, until it comes to its end; after each death comes what
/// `then` does, and another one to empty it. Gives how the thing stood behind each.
fn dies_at_each_moment(then: &dyn Fn(&PowerMemory)) -> Vec<Option<TrashState>> {
    let mut stood = Vec::new();
    for moment in 1.. {
        let lab = with_a_deleted_platform();
        let thing = trash(&lab).remove(0);
        let memory = lab.machine.remember_power();
        lab.machine.at_moments(move |now| assert!(now != moment, "the drill"));
        let ended = catch_unwind(AssertUnwindSafe(|| empty(&lab)));
        lab.machine.count_moments();
        if ended.is_ok() {
            break;
        }
        then(&memory);
        lab.machine.forget_power();
        stood.push(trash(&lab).pop().map(|thing| thing.state));
        match trash(&lab).as_slice() {
            [] => (),
            [left] if left.state == TrashState::Kept => {
                assert!(path(left).join("web/index.php").exists(), "whole, as long as it can be put back");
                assert!(path(left).join("vendor/autoload.php").exists(), "whole, as long as it can be put back");
            }
            [left] => {
                assert_eq!(left.state, TrashState::HalfRemoved);
                assert!(way_out_of_trash(&lab.parts, &name(&thing)).is_err());
            }
            more => panic!("{more:?}"),
        }
        empty(&lab);
        assert_eq!(trash(&lab), []);
        assert!(lab.home().platforms().join("seven/index.php").exists());
    }
    stood
}

#[test]
fn what_is_half_removed_goes_even_where_nothing_goes_by_itself() {
    let lab = with_a_deleted_platform();
    let thing = trash(&lab).remove(0);
    let half = thing.folder.join(format!("{}.going", thing.name));
    fs::rename(path(&thing), &half).unwrap();
    fs::remove_file(half.join("web/index.php")).unwrap();
    assert_eq!(trash(&lab)[0].state, TrashState::HalfRemoved);

    let went = empty_trash(&lab.parts, &Emptying::default()).unwrap();

    assert_eq!(went.removed.len(), 1);
    assert!(!half.exists());
}

#[test]
fn a_site_comes_back_by_its_last_backup_unless_its_name_is_in_use() {
    let lab = with_a_deleted_site();
    let thing = trash(&lab).remove(0);

    let back = way_out_of_trash(&lab.parts, &name(&thing)).unwrap();

    let WayBack::ByBackup { backup } = back else { panic!("{back:?}") };
    assert_eq!(Some(&backup), thing.backup.as_ref());
    let (new_site, platform, db_server, keep) = (None, None, None, None);
    lab.must(Task::RestoreBackup { backup: backup.clone(), new_site, platform, db_server, keep });
    assert_eq!(lab.visit("a.test"), 200);
    let again = way_out_of_trash(&lab.parts, &name(&thing)).unwrap_err().report();
    assert!(again.message.contains("there is a site `a.test` again"), "{again:?}");
    assert!(again.remedy.unwrap().contains(backup.as_str()));
}
