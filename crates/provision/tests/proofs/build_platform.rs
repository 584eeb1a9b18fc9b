//! Build platform: code lies in its place and is known, or nothing of it is there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use aegir_domain::{BuildPlatform, PlatformSource, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::lines;

fn build(source: PlatformSource) -> Task {
    Task::BuildPlatform(Box::new(BuildPlatform {
        platform: "built".parse().unwrap(),
        server: "localhost".parse().unwrap(),
        php: None,
        source,
    }))
}

/// A tree of somebody's, with a site in it and a link.
fn tree(lab: &Lab) -> std::path::PathBuf {
    let at = lab.home().platforms().join("theirs");
    Code::Ten.make(&at);
    fs::create_dir_all(at.join("web/sites/default/files")).unwrap();
    fs::write(at.join("web/sites/default/settings.php"), "<?php\n$databases = ['secret'];\n").unwrap();
    fs::write(at.join("web/sites/default/default.settings.php"), "<?php\n").unwrap();
    symlink("core/lib", at.join("web/lib")).unwrap();
    at
}

#[test]
fn a_tree_is_copied_and_known_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, a copy", |lab| {
        lab.server("localhost");
        build(PlatformSource::Copy { from: tree(lab) })
    });
    scene.lines_are(&lines("build-platform"));
    let (_, after) = scene.worlds();
    let built: Vec<String> = after.find("platforms/built/").iter().map(|(path, _)| path.to_string()).collect();
    let has = |path: &str| built.iter().any(|built| built.ends_with(path));
    assert!(has("web/index.php") && has("vendor/autoload.php") && has("sites/default/default.settings.php"));
    assert!(has("web/lib") && !has("sites/default/settings.php") && !has("sites/default/files"), "{built:?}");
    scene.prove(Extent::Whole);
}

#[test]
fn composer_makes_a_project_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, with Composer", |lab| {
        lab.server("localhost");
        build(PlatformSource::Composer { package: Default::default(), constraint: None, registry: None })
    });
    scene.prove(Extent::OneOf(2));
}

#[test]
fn the_demo_code_base_is_unpacked_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, the demo code base", |lab| {
        lab.server("localhost");
        build(PlatformSource::Demo)
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn given_a_document_root_its_whole_project_is_copied() {
    let lab = Lab::new();
    lab.server("localhost");
    let from = tree(&lab).join("web");

    lab.must(build(PlatformSource::Copy { from }));

    let built = lab.home().platforms().join("built");
    assert!(built.join("vendor/autoload.php").exists());
    let context = lab.contexts().platform(&"built".parse().unwrap()).unwrap();
    assert_eq!(context.root.path(), built.join("web"));
    lab.must(Task::VerifyPlatform { platform: "built".parse().unwrap(), context: None });
}

#[test]
fn what_cannot_be_a_platform_is_refused_before_anything_is_touched() {
    let lab = Lab::new();
    lab.server("localhost");
    let from = tree(&lab);
    fs::create_dir(lab.home().platforms().join("built")).unwrap();
    let said = lab.refuses(build(PlatformSource::Copy { from: from.clone() }));
    assert!(said.contains("is there already"), "{said}");
    fs::remove_dir(lab.home().platforms().join("built")).unwrap();

    for (from, expected) in [
        (Path::new("/no/such/tree").to_owned(), "there is nothing"),
        (Path::new("relative").to_owned(), "no absolute path"),
        (from.join("vendor"), ""),
        (Path::new("/").to_owned(), "the home lies in it"),
    ] {
        let said = lab.refuses(build(PlatformSource::Copy { from: from.clone() }));
        assert!(said.contains(expected), "{}: {said}", from.display());
    }
    lab.must(build(PlatformSource::Copy { from: from.clone() }));
    let said = lab.refuses(build(PlatformSource::Copy { from }));
    assert!(said.contains("there is a platform `built` already"), "{said}");
}
