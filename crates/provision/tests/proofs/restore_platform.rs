//! Restore platform: its code lies where it lay and it is known as it was, or it lies in the trash as before.

use std::fs;

use aegir_domain::{ContextName, Task, TrashKind, TrashName, TrashThing};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};
use aegir_provision::{Emptying, WayBack, empty_trash, list_trash, way_out_of_trash};

use crate::{lines, two_platforms};

fn ten() -> ContextName {
    "@platform_ten".parse().unwrap()
}

fn verify() -> Task {
    Task::VerifyPlatform { platform: "ten".parse().unwrap(), context: None }
}

/// The code of a platform in the trash.
fn with_a_deleted_platform(lab: &Lab) -> TrashThing {
    two_platforms(lab);
    lab.must(verify());
    lab.must(Task::DeletePlatform { platform: "ten".parse().unwrap(), confirm: "ten".into() });
    list_trash(&lab.parts).unwrap().remove(0)
}

fn name(thing: &TrashThing) -> TrashName {
    thing.name.parse().unwrap()
}

fn restore(thing: &TrashThing) -> Task {
    Task::RestorePlatform { platform: "ten".parse().unwrap(), server: "localhost".parse().unwrap(), thing: name(thing) }
}

#[test]
fn a_platform_is_there_again_or_stays_in_the_trash() {
    let scene = Scene::new("restore-platform", |lab: &Lab| restore(&with_a_deleted_platform(lab)));
    scene.lines_are(&lines("restore-platform"));
    let (before, after) = scene.worlds();
    let has = |world: &aegir_lab::Snapshot, part: &str| !world.find(part).is_empty();
    assert!(has(before, "platforms/.aegir-trash/ten-") && !has(before, "platforms/ten/"));
    assert!(has(after, "platforms/ten/web/index.php") && has(after, "platforms/ten/vendor/autoload.php"));
    assert!(!has(after, "platforms/.aegir-trash/ten-"));
    scene.prove(Extent::Whole);
}

#[test]
fn it_is_known_as_it_was_and_its_verify_puts_it_in_service() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.must(verify());
    let was = lab.contexts().platform(&"ten".parse().unwrap()).unwrap();
    let root = lab.home().platforms().join("ten");
    lab.must(Task::DeletePlatform { platform: "ten".parse().unwrap(), confirm: "ten".into() });
    let thing = list_trash(&lab.parts).unwrap().remove(0);
    let before = lab.snapshot();
    let told = way_out_of_trash(&lab.parts, &name(&thing)).unwrap();
    assert!(matches!(&told, WayBack::Platform { folder, was: told } if **told == was && *folder == root), "{told:?}");
    assert_eq!(lab.snapshot(), before, "to look moves nothing");

    lab.must(restore(&thing));

    assert!(root.join("web/index.php").exists());
    assert_eq!(list_trash(&lab.parts).unwrap(), []);
    let is = lab.contexts().platform(&was.name).unwrap();
    assert_eq!((&is.root, &is.server, &is.php, &is.built), (&was.root, &was.server, &was.php, &was.built));
    assert_eq!(is.facts, None, "nobody looked at it yet");
    lab.must(verify());
    assert_eq!(lab.contexts().platform(&was.name).unwrap().facts, was.facts);
    let gone = way_out_of_trash(&lab.parts, &name(&thing)).unwrap_err().report();
    assert!(gone.message.contains("there is no"), "{gone:?}");
    assert!(lab.refuses(restore(&thing)).contains("there is no"));
}

#[test]
fn nothing_is_put_in_the_place_of_what_came_there() {
    let lab = Lab::new();
    let thing = with_a_deleted_platform(&lab);
    let place = lab.home().platforms().join("ten");
    fs::create_dir(&place).unwrap();

    assert!(lab.refuses(restore(&thing)).contains("something lies at"));

    let told = way_out_of_trash(&lab.parts, &name(&thing)).unwrap_err().report();
    assert!(told.message.contains("something lies at") && told.remedy.is_some(), "{told:?}");
    assert!(thing.folder.join(&thing.name).join("web/index.php").exists());
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
}

#[test]
fn a_name_that_is_in_use_again_keeps_it_where_it_is() {
    let lab = Lab::new();
    let thing = with_a_deleted_platform(&lab);
    let other = lab.home().platforms().join("other");
    aegir_lab::Code::Seven.make(&other);
    let mut context = lab.contexts().platform(&"seven".parse().unwrap()).unwrap();
    (context.name, context.revision, context.facts) = ("ten".parse().unwrap(), 0, None);
    context.root = other.to_str().unwrap().parse().unwrap();
    lab.save(aegir_domain::Context::Platform(context));

    assert!(lab.refuses(restore(&thing)).contains("there is a platform `ten` again"));

    let told = way_out_of_trash(&lab.parts, &name(&thing)).unwrap_err().report();
    assert!(told.remedy.unwrap().contains("delete or forget `ten` first"));
    assert!(thing.folder.join(&thing.name).exists());
}

#[test]
fn what_is_something_else_or_anothers_or_needed_is_refused() {
    let lab = Lab::new();
    let thing = with_a_deleted_platform(&lab);
    let (server, platform) = ("localhost".parse().unwrap(), "eleven".parse().unwrap());
    let another = Task::RestorePlatform { platform, server, thing: name(&thing) };
    assert!(lab.refuses(another).contains("is the code of the platform `ten`"));

    lab.install("a.test", "seven");
    lab.is_taken_out("a.test");
    lab.must(Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: false });
    let things = list_trash(&lab.parts).unwrap();
    let site = things.iter().find(|thing| thing.kind == TrashKind::Site).unwrap();
    assert!(lab.refuses(restore(site)).contains("is not the code of a platform"));

    let other = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    fs::create_dir_all(lab.home().task(other)).unwrap();
    fs::write(lab.home().task(other).join("journal"), format!("00000000 torn {} \n", thing.name)).unwrap();
    fs::write(lab.home().open_tasks().join(other.to_string()), "").unwrap();
    assert!(lab.refuses(restore(&thing)).contains("has not ended"));
    fs::remove_file(lab.home().open_tasks().join(other.to_string())).unwrap();
    assert!(lab.contexts().find(&ten()).unwrap().is_none());
}

#[test]
fn what_is_emptied_meanwhile_is_not_had_back() {
    let lab = Lab::new();
    let thing = with_a_deleted_platform(&lab);
    empty_trash(&lab.parts, &Emptying { names: vec![name(&thing)], ..Emptying::default() }).unwrap();

    assert!(lab.refuses(restore(&thing)).contains("there is no"));

    assert!(lab.contexts().find(&ten()).unwrap().is_none());
    assert!(!lab.home().platforms().join("ten").exists());
}
