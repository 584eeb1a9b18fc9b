//! Build platform from a make file: each project lies in its place, whole and patched, or nothing of any is there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use aegir_domain::{BuildPlatform, OutcomeKind, PlatformSource, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::lines;

const PATCH: &str = "--- a/views.module\n+++ b/views.module\n@@ -1 +1,2 @@\n <?php\n+// patched\n";

/// A file with one of each: archives, a repository, a single file, a patch, something laid over something.
const SITE: &str = "core = 7.x\napi = 2\n\
    projects[drupal] = 7.98\n\
    projects[views][version] = 3.29\n\
    projects[views][subdir] = contrib\n\
    projects[views][patch][] = views.patch\n\
    projects[school][type] = profile\n\
    projects[school][download][type] = git\n\
    projects[school][download][url] = https://git.test/school.git\n\
    projects[school][download][tag] = 1.0\n\
    projects[more][type] = module\n\
    projects[more][version] = 1.0\n\
    projects[more][subdir] = contrib\n\
    projects[more][directory_name] = views\n\
    projects[more][overwrite] = TRUE\n\
    libraries[player][download][type] = get\n\
    libraries[player][download][url] = https://web.test/player.js\n";

fn build(lab: &Lab, alone: bool) -> Task {
    Task::BuildPlatform(Box::new(BuildPlatform {
        platform: "built".parse().unwrap(),
        server: "localhost".parse().unwrap(),
        php: None,
        source: PlatformSource::MakeFile {
            from: web(lab).join("site.make"),
            releases: Some("https://web.test/releases".parse().unwrap()),
            alone,
        },
    }))
}

/// What the web has, which is where the make file lies too.
fn web(lab: &Lab) -> PathBuf {
    let at = lab.home().path().join("web");
    fs::create_dir_all(&at).unwrap();
    at
}

/// Packs a folder with these files as a release is packed.
fn release(lab: &Lab, name: &str, files: &[(&str, &str)]) {
    let folder = web(lab).join(name.rsplit_once('-').unwrap().0);
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    pack(lab, name, &folder);
}

fn pack(lab: &Lab, name: &str, folder: &PathBuf) {
    let archive = web(lab).join(format!("{name}.tar.gz"));
    let made = Command::new("tar")
        .args(["-czf", archive.to_str().unwrap(), "-C", web(lab).to_str().unwrap()])
        .arg(folder.file_name().unwrap())
        .output()
        .expect("`tar` is needed for this test, and can be started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::remove_dir_all(folder).unwrap();
}

/// A web with a core, projects and the make file.
fn a_web(lab: &Lab, make_file: &str) {
    lab.server("localhost");
    let core = web(lab).join("drupal");
    Code::Seven.make(&core);
    pack(lab, "drupal-7.98", &core);
    let views = "core = 7.x\nlibraries[chart][download][type] = get\nlibraries[chart][download][url] = https://web.test/chart.js\n";
    release(
        lab,
        "views-7.x-3.29",
        &[("views.info", "name = Views\n"), ("views.module", "<?php\n"), ("views.make", views)],
    );
    release(lab, "more-7.x-1.0", &[("more.inc", "<?php\n")]);
    fs::write(web(lab).join("views.patch"), PATCH).unwrap();
    fs::write(web(lab).join("player.js"), "play();\n").unwrap();
    fs::write(web(lab).join("chart.js"), "draw();\n").unwrap();
    fs::write(web(lab).join("site.make"), make_file).unwrap();
}

/// The names in `platforms/`.
fn platforms(lab: &Lab) -> Vec<String> {
    lab.parts.files.list(&lab.home().platforms()).unwrap()
}

#[test]
fn a_platform_is_put_together_or_nothing_of_it_is_there() {
    let scene = Scene::new("build-platform, from a make file", |lab| {
        a_web(lab, SITE);
        build(lab, false)
    });
    scene.lines_are(&lines("build-platform-make-file"));
    let (_, after) = scene.worlds();
    let built: Vec<String> = after.find("platforms/built/").iter().map(|(path, _)| path.to_string()).collect();
    for path in [
        "built/index.php",
        "built/sites/all/modules/contrib/views/views.module",
        "built/sites/all/modules/contrib/views/more.inc",
        "built/sites/all/modules/contrib/views/PATCHES.txt",
        "built/sites/all/libraries/player/player.js",
        "built/sites/all/libraries/chart/chart.js",
        "built/profiles/school/composer.json",
    ] {
        assert!(built.iter().any(|built| built.ends_with(path)), "{path}: {built:?}");
    }
    assert!(!built.iter().any(|path| path.contains(".git")), "{built:?}");
    scene.prove(Extent::OneOf(3));
}

#[test]
fn what_was_patched_is_patched_once_and_the_file_is_remembered() {
    let lab = Lab::new();
    a_web(&lab, SITE);

    lab.must(build(&lab, true));

    let views = lab.home().platforms().join("built/sites/all/modules/contrib/views");
    assert_eq!(fs::read_to_string(views.join("views.module")).unwrap(), "<?php\npatched\n");
    assert!(fs::read_to_string(views.join("PATCHES.txt")).unwrap().ends_with("/views.patch\n"));
    assert!(!views.with_file_name("chart").exists(), "make files of projects were to be left alone");
    let context = lab.contexts().platform(&"built".parse().unwrap()).unwrap();
    let sum = lab.parts.files.sum_of(&web(&lab).join("site.make")).unwrap().1;
    assert_eq!(context.built.unwrap().sha256.unwrap().as_str(), sum);
    lab.must(Task::VerifyPlatform { platform: "built".parse().unwrap(), context: None });
}

#[test]
fn a_file_that_cannot_be_followed_is_refused_before_anything_is_fetched() {
    for (text, expected) in [
        ("core = 7.x\nprojects[] = drupal\n", "no release of `drupal` is named"),
        (
            "core = 7.x\nprojects[drupal] = 7.98\nprojects[a][download][type] = svn\n",
            "`site.make`, line 3: `a` comes by `svn`",
        ),
        ("core = 7.x\nincludes[] = other.make\n", "the include `other.make` cannot be read: there is nothing"),
        ("core = 7.x\nincludes[] = ../other.make\n", "outside the folder"),
        ("words\n", "`site.make`, line 1: this is neither an assignment nor a comment"),
    ] {
        let lab = Lab::new();
        a_web(&lab, text);
        let said = lab.refuses(build(&lab, false));
        assert!(said.contains(expected), "{said}");
    }
    let lab = Lab::new();
    lab.server("localhost");
    let said = lab.refuses(build(&lab, false));
    assert!(said.contains("there is nothing"), "{said}");
}

#[test]
fn what_came_and_is_not_what_was_meant_stops_the_build_by_name_and_leaves_nothing() {
    let core = "core = 7.x\napi = 2\nprojects[drupal] = 7.98\n";
    for (text, expected) in [
        (
            "projects[views][version] = 3.29\nprojects[views][md5] = d41d8cd98f00b204e9800998ecf8427e",
            "and not d41d8cd98f00b204e9800998ecf8427e",
        ),
        ("projects[views] = 3.30", "views-7.x-3.30.tar.gz"),
        ("projects[views][version] = 3.29\nprojects[views][patch][] = bad.patch", "the patch"),
        ("projects[views][version] = 3.29\nprojects[views][patch][] = out.patch", "names a file outside the project"),
        ("projects[views][version] = 3.29\nprojects[views][patch][] = none.patch", "no change in the unified form"),
        (
            "projects[views] = 3.29\nprojects[more][directory_name] = views\nprojects[more][version] = 1.0",
            "where something lies",
        ),
        (
            "projects[views][download][type] = get\nprojects[views][download][url] = https://web.test/views-7.x-3.29.tar.gz\nprojects[views][download][subtree] = views/x",
            "has no folder `views/x`",
        ),
        (
            "libraries[z][download][type] = get\nlibraries[z][download][url] = https://web.test/z.bin",
            "read the archive",
        ),
        (
            "projects[a][type] = module\nprojects[a][download][type] = git\nprojects[a][download][url] = https://git.test/a.git\nprojects[a][download][tag] = missing",
            "missing",
        ),
    ] {
        let lab = Lab::new();
        a_web(&lab, &format!("{core}{text}\n"));
        fs::write(web(&lab).join("bad.patch"), PATCH.replace("views.module", "other.module")).unwrap();
        fs::write(web(&lab).join("out.patch"), PATCH.replace("b/views.module", "b/../../x")).unwrap();
        fs::write(web(&lab).join("none.patch"), "<html>404</html>\n").unwrap();
        fs::write(web(&lab).join("z.bin"), b"PK\x03\x04rest").unwrap();
        let before = platforms(&lab);

        let ending = lab.run(build(&lab, true));

        let said = format!("{:?}", ending.outcome);
        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{said}");
        assert!(said.contains(expected), "{text}: {said}");
        assert_eq!(platforms(&lab), before);
    }
}
