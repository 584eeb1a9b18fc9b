//! Platforms from make files of Drush, with real archives, a real git repository and the real `patch`, all on loopback.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::sources::{Web, a_lab, build, open, platforms, run};
use crate::support::root;

const VIEWS: &str = "<?php\n\nfunction views_old() {\n  return 1;\n}\n";
const PATCH: &str = "diff --git a/views.module b/views.module\nindex 1111111..2222222 100644\n--- a/views.module\n+++ b/views.module\n\
                     @@ -1,5 +1,5 @@\n <?php\n \n-function views_old() {\n+function views_new() {\n   return 1;\n }\n";
/// As they were made when modules lay in CVS.
const OLD_PATCH: &str = "Index: views.inc\n===================================================================\n\
                         --- views.inc\t2009-01-01 10:00:00 +0000\n+++ views.inc\t2009-01-02 10:00:00 +0000\n@@ -1 +1,2 @@\n <?php\n+// more\n";

/// Writes files, and the folders that they need.
fn write(at: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A folder below `releases/`, packed as a release is.
fn release(web: &Web, folder: &str, name: &str, files: &[(&str, &str)]) {
    let releases = web.files.join("releases");
    write(&releases.join(folder), files);
    run("tar", &releases, &["-czf", &format!("{name}.tar.gz"), folder]);
    fs::remove_dir_all(releases.join(folder)).unwrap();
}

/// What a maker of code bases has: a core, modules, a theme, a profile in git with a make file of its own, a library.
fn fill(web: &Web) {
    let releases = web.files.join("releases");
    fs::create_dir(&releases).unwrap();
    run(
        root().join("fixtures/platforms/assemble").to_str().unwrap(),
        &web.files,
        &["seven-1.0", "releases/drupal-7.200"],
    );
    run("tar", &releases, &["-czf", "drupal-7.200.tar.gz", "drupal-7.200"]);
    let views = [("views.info", "name = Views\ncore = 7.x\n"), ("views.module", VIEWS), ("views.inc", "<?php\n")];
    release(web, "views", "views-7.x-3.29", &views);
    release(
        web,
        "stark2",
        "stark2-7.x-1.0",
        &[("stark2.info", "name = Stark 2\ncore = 7.x\n"), ("template.php", "<?php\n")],
    );
    release(
        web,
        "ctools",
        "ctools-7.x-1.21",
        &[("ctools.info", "name = Tools\ncore = 7.x\n"), ("ctools.module", "<?php\n")],
    );
    let player = [("dist/player.js", "play();\n"), ("src/player.ts", "play();\n")];
    release(web, "player-2", "player-2", &player);
    fs::write(web.files.join("score.min.js"), "score();\n").unwrap();
    let school = web.files.join("school");
    let nested = "api = 2\ncore = 7.x\nprojects[drupal][version] = 7.1\nprojects[views][version] = 3.1\nprojects[ctools][version] = 1.21\n\
                  projects[ctools][subdir] = contrib\n";
    write(
        &school,
        &[("school.info", "name = School\ncore = 7.x\n"), ("school.profile", "<?php\n"), ("drupal-org.make", nested)],
    );
    let git = |args: &[&str]| run("git", &school, args);
    git(&["init", "--quiet", "--initial-branch=7.x-1.x"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=first"]);
    git(&["tag", "7.x-1.0"]);
    fs::write(school.join("later.txt"), "later").unwrap();
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=second"]);
    run("git", &web.files, &["clone", "--quiet", "--bare", "school", "school.git"]);
    run("git", &web.files.join("school.git"), &["update-server-info"]);
}

/// The make file, with the checksum of the library.
fn make_file(web: &Web) -> String {
    let sum = |digest: &str, path: &str| {
        let line = run(digest, &web.files, &[path]);
        line.split(' ').next().unwrap().to_owned()
    };
    let commit = run("git", &web.files.join("school"), &["rev-parse", "7.x-1.0"]);
    format!(
        "core = 7.x\napi = 2\nincludes[] = base/core.make\n\
         projects[views][version] = 3.29\nprojects[views][subdir] = contrib\n\
         projects[views][patch][] = patches/new.patch\nprojects[views][patch][old][url] = patches/old.patch\n\
         projects[views][patch][old][md5] = {}\n\
         projects[stark2] = 1.0\n\
         projects[school][type] = profile\nprojects[school][download][type] = git\nprojects[school][download][url] = {}\n\
         projects[school][download][revision] = {commit}\n\
         libraries[player][download][type] = get\nlibraries[player][download][url] = {}\n\
         libraries[player][download][sha1] = {}\nlibraries[player][download][subtree] = player-2/dist\n\
         libraries[score][download][type] = file\nlibraries[score][download][url] = {}\n\
         libraries[score][download][sha512] = {}\nlibraries[score][download][filename] = score.js\n\
         translations[] = fr\n",
        sum("md5sum", "patches/old.patch"),
        web.url("school.git"),
        web.url("releases/player-2.tar.gz"),
        sum("sha1sum", "releases/player-2.tar.gz"),
        web.url("score.min.js"),
        sum("sha512sum", "score.min.js"),
    )
}

/// Each file below a folder with what it holds.
fn tree(at: &Path) -> BTreeMap<String, String> {
    let listed = run("find", at, &[".", "-mindepth", "1", "-printf", "%P %y %m\n"]);
    let one = |line: &str| {
        let (path, kind) = line.split_once(' ').unwrap();
        let text = if kind.starts_with('f') { fs::read_to_string(at.join(path)).unwrap() } else { String::new() };
        (path.to_owned(), format!("{kind} {text}"))
    };
    listed.lines().map(one).collect()
}

#[test]
fn a_make_file_becomes_the_tree_that_it_says() {
    let lab = a_lab();
    let web = Web::start(&lab);
    fill(&web);
    write(
        &web.files,
        &[
            ("patches/new.patch", PATCH),
            ("patches/old.patch", OLD_PATCH),
            (
                "base/core.make",
                "core = 7.x\napi = 2\nprojects[drupal][version] = 7.200\nprojects[views][version] = 3.0\n",
            ),
        ],
    );
    let file = web.files.join("site.make");
    fs::write(&file, make_file(&web)).unwrap();
    open(&web.files);
    let words = ["--make", file.to_str().unwrap(), "--release-source", &web.url("releases")];

    let mut said = build(&lab, "@platform_made", &words).done();

    for told in [
        "Patched `views` with",
        "Checked out commit",
        "`player` came from",
        "translations are left out",
        "drupal-org.make",
    ] {
        said = said.says(told);
    }
    let expected = web.files.join("releases/drupal-7.200");
    let views = VIEWS.replace("old", "new");
    let patches = web.files.join("patches").display().to_string();
    let notes = format!(
        "Patches that were applied to this project when it was put together:\n- {patches}/new.patch\n- {patches}/old.patch\n"
    );
    write(
        &expected,
        &[
            ("sites/all/modules/contrib/views/views.info", "name = Views\ncore = 7.x\n"),
            ("sites/all/modules/contrib/views/views.module", &views),
            ("sites/all/modules/contrib/views/views.inc", "<?php\n// more\n"),
            ("sites/all/modules/contrib/views/PATCHES.txt", &notes),
            ("sites/all/themes/stark2/stark2.info", "name = Stark 2\ncore = 7.x\n"),
            ("sites/all/themes/stark2/template.php", "<?php\n"),
            ("sites/all/libraries/player/player.js", "play();\n"),
            ("sites/all/libraries/score/score.js", "score();\n"),
            ("profiles/school/school.info", "name = School\ncore = 7.x\n"),
            ("profiles/school/school.profile", "<?php\n"),
            ("profiles/school/modules/contrib/ctools/ctools.info", "name = Tools\ncore = 7.x\n"),
            ("profiles/school/modules/contrib/ctools/ctools.module", "<?php\n"),
        ],
    );
    fs::copy(web.files.join("school/drupal-org.make"), expected.join("profiles/school/drupal-org.make")).unwrap();
    run("chmod", &expected, &["-R", "u=rwX,go=rX", "."]);
    assert_eq!(tree(&lab.home().join("platforms/made")), tree(&expected));
    lab.provision(&["verify", "@platform_made"]);

    build(&lab, "@platform_bare", &[&words[..], &["--no-recursion"]].concat()).done();
    assert!(!lab.home().join("platforms/bare/profiles/school/modules").exists());
}

#[test]
fn a_make_file_that_cannot_be_followed_or_whose_parts_are_others_leaves_nothing() {
    let lab = a_lab();
    let web = Web::start(&lab);
    fill(&web);
    let out = PATCH.replace("views.module", "../../views.module");
    let other = PATCH.replace("return 1", "return 2");
    let link = "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n";
    write(&web.files, &[("out.patch", &out), ("other.patch", &other), ("link.patch", link)]);
    // A folder that is a link, and a patch that would write through it.
    let through = "--- /dev/null\n+++ b/out/x\n@@ -0,0 +1 @@\n+x\n";
    write(&web.files, &[("linked/linked.info", "name = Linked\n"), ("through.patch", through)]);
    std::os::unix::fs::symlink(lab.home(), web.files.join("linked/out")).unwrap();
    let core = "core = 7.x\napi = 2\nprojects[drupal] = 7.200\nprojects[views][version] = 3.29\n";
    let file = web.files.join("site.make");
    for (text, code, expected) in [
        ("projects[a][download][type] = svn\n", 4, "line 5: `a` comes by `svn`"),
        ("projects[] = a\nprojects[b][subdir] = ..\n", 4, "line 5: no release of `a` is named"),
        ("projects[views][md5] = d41d8cd98f00b204e9800998ecf8427e\n", 7, "and not d41d8cd98f00b204e9800998ecf8427e"),
        ("projects[missing] = 1.0\n", 7, "missing-7.x-1.0.tar.gz"),
        ("projects[views][patch][] = out.patch\n", 7, "names a file outside the project"),
        ("projects[views][patch][] = link.patch\n", 7, "it makes a link"),
        ("projects[views][patch][] = other.patch\n", 7, "does not fit `views`"),
        (
            "projects[linked][download][type] = copy\nprojects[linked][download][url] = linked\nprojects[linked][patch][] = through.patch\n",
            7,
            "links in `linked` lead out of it: `out`",
        ),
    ] {
        fs::write(&file, format!("{core}{text}")).unwrap();
        open(&web.files);
        let words = ["--make", file.to_str().unwrap(), "--release-source", &web.url("releases")];
        build(&lab, "@platform_made", &words).ends(code).says(expected);
        assert_eq!(platforms(&lab), Vec::<String>::new(), "{text}");
    }
}
