//! Delete platform: its code lies in the trash and nobody knows of it, or it is as it was.

use std::fs;
use std::os::unix::fs::symlink;

use aegir_domain::{BuildPlatform, Context, ContextName, PlatformSource, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::{lines, two_platforms};

fn delete(platform: &str) -> Task {
    Task::DeletePlatform { platform: platform.parse().unwrap(), confirm: platform.into() }
}

fn verify(platform: &str) -> Task {
    Task::VerifyPlatform { platform: platform.parse().unwrap(), context: None }
}

#[test]
fn a_platform_is_taken_away_or_left_as_it_was() {
    let scene = Scene::new("delete-platform", |lab: &Lab| {
        two_platforms(lab);
        lab.must(verify("seven"));
        lab.must(verify("ten"));
        delete("ten")
    });
    scene.lines_are(&lines("delete-platform"));
    let (_, after) = scene.worlds();
    let left = |part: &str| after.find(part).iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>();
    let lies = left("platforms/.aegir-trash/ten-");
    let has = |end: &str| lies.iter().any(|path| path.ends_with(end));
    assert!(has("web/index.php") && has("vendor/autoload.php"), "all of its project: {lies:?}");
    assert_eq!(left("platforms/ten"), Vec::<String>::new());
    assert!(left("pool.d/").iter().all(|path| !path.contains("ten")), "{:?}", left("pool.d/"));
    assert!(left("platform.d/").iter().all(|path| !path.contains("ten")), "{:?}", left("platform.d/"));
    scene.prove(Extent::Whole);
}

#[test]
fn one_that_was_never_verified_goes_too() {
    let scene = Scene::new("delete-platform, never verified", |lab: &Lab| {
        lab.server("localhost");
        lab.must(Task::BuildPlatform(Box::new(BuildPlatform {
            platform: "built".parse().unwrap(),
            server: "localhost".parse().unwrap(),
            php: None,
            source: PlatformSource::Demo,
        })));
        delete("built")
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn one_whose_code_is_gone_already_goes_with_what_is_left_of_it() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.must(verify("ten"));
    fs::remove_dir_all(lab.home().platforms().join("ten")).unwrap();

    lab.must(delete("ten"));

    let ten: ContextName = "@platform_ten".parse().unwrap();
    assert!(lab.contexts().find(&ten).unwrap().is_none());
    assert!(lab.snapshot().find("pool.d/").iter().all(|(path, _)| !path.contains("ten")));
}

#[test]
fn what_somebody_needs_stays() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.must(verify("ten"));
    lab.must(Task::InstallSite(Box::new(lab.new_site("a.test", "ten"))));
    assert!(lab.refuses(delete("ten")).contains("is used by @a.test"));

    let seven = lab.contexts().platform(&"seven".parse().unwrap()).unwrap();
    let stranger = seven.root.path().join("sites/old.example.org");
    fs::create_dir_all(&stranger).unwrap();
    fs::write(stranger.join("settings.php"), "<?php\n").unwrap();
    assert!(lab.refuses(delete("seven")).contains("old.example.org"));
    fs::remove_dir_all(&stranger).unwrap();

    let unsure = Task::DeletePlatform { platform: "seven".parse().unwrap(), confirm: "ten".into() };
    assert!(lab.refuses(unsure).contains("was not confirmed"));
}

#[test]
fn code_that_is_not_ours_to_move_stays() {
    let lab = Lab::new();
    two_platforms(&lab);
    let root = lab.home().path().join("elsewhere");
    let context = lab.contexts().platform(&"seven".parse().unwrap()).unwrap();
    fs::rename(context.root.path(), &root).unwrap();
    symlink(&root, context.root.path()).unwrap();

    assert!(lab.refuses(delete("seven")).contains("a symbolic link leads to"));
    assert!(root.join("index.php").exists());
}

#[test]
fn a_platform_within_another_is_not_moved_with_it() {
    let lab = Lab::new();
    two_platforms(&lab);
    let ten = lab.contexts().platform(&"ten".parse().unwrap()).unwrap();
    let inner = ten.root.path().join("inner");
    Code::Seven.make(&inner);
    let mut within = ten.clone();
    (within.name, within.revision) = ("within".parse().unwrap(), 0);
    within.root = inner.to_string_lossy().parse().unwrap();
    within.facts = None;
    lab.save(Context::Platform(within));

    assert!(lab.refuses(delete("ten")).contains("`within` lies in"));
    lab.must(delete("within"));
    lab.must(delete("ten"));
}
