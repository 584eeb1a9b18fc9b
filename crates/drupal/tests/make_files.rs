//! Make files of Drush: what is understood of them, and what is said where they cannot be followed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by stopping")]

use std::collections::BTreeMap;

use aegir_domain::Remedy;
use aegir_drupal::make_file::{Address, Fetch, Kind, MakeFile, Origin, Plan, Problem, ReleaseSource, Scope, Within};
use proptest::prelude::*;

const PIN: &str = "0123456789abcdef0123456789abcdef01234567";

/// One of each: what a file of a real site looks like.
const SITE: &str = r#"; The site of the music school.
core = 7.x
api = "2"

defaults[projects][subdir] = "contrib"

projects[drupal][version] = 7.98
projects[drupal][patch][] = http://drupal.org/files/issues/0001-htaccess.patch

projects[] = ctools
projects[ctools][version] = '1.21' ; the last of them
projects[views] = 3.29
projects[zen][type] = theme
projects[zen][version] = "6.4"
projects[zen][subdir] = ""

projects[school][type] = "profile"
projects[school][subdir] = ""
projects[school][download][type] = "git"
projects[school][download][url] = "https://git.example.org/school.git"
projects[school][download][revision] = "0123456789abcdef0123456789abcdef01234567"
projects[school][download][branch] = "7.x-1.x"

projects[stage][type] = "module"
projects[stage][directory_name] = "stage_light"
projects[stage][subdir] = "custom"
projects[stage][download][type] = "get"
projects[stage][download][url] = "http://code.example.org/stage.tar.gz?a=1"
projects[stage][download][sha256] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
projects[stage][patch][scene][url] = "patches/scene.patch"
projects[stage][patch][scene][md5] = "D41D8CD98F00B204E9800998ECF8427E"
projects[stage][l10n_path] = "https://example.org/%project.po"
projects[stage][colour] = "blue"

libraries[player][download][type] = "file"
libraries[player][download][url] = "https://cdn.example.org/player-2.tar.gz"
libraries[player][download][subtree] = "player-2/dist"
libraries[player][destination] = "modules/contrib/player"
libraries[player][directory_name] = "js"
libraries[score][download][type] = "get"
libraries[score][download][url] = "https://cdn.example.org/score.min.js"
libraries[score][download][filename] = "score.js"
"#;

/// The same in the newer form.
const SITE_YAML: &str = r#"
# The site of the music school.
core: 7.x
api: 2
defaults:
  projects:
    subdir: contrib
projects:
  drupal:
    version: 7.98
    patch:
      - http://drupal.org/files/issues/0001-htaccess.patch
  ctools: "1.21"
  views:
    version: 3.29
  zen: {type: theme, version: "6.4", subdir: ""}
  school:
    type: profile
    subdir: ~
    download:
      type: git
      url: https://git.example.org/school.git
      revision: 0123456789abcdef0123456789abcdef01234567
      branch: 7.x-1.x
  stage:
    type: module
    directory_name: stage_light
    subdir: custom
    download:
      type: get
      url: http://code.example.org/stage.tar.gz?a=1
      sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    patch:
      scene:
        url: patches/scene.patch
        md5: d41d8cd98f00b204e9800998ecf8427e
libraries:
  player:
    download:
      type: file
      url: https://cdn.example.org/player-2.tar.gz
      subtree: player-2/dist
    destination: modules/contrib/player
    directory_name: js
  score:
    download:
      type: get
      url: https://cdn.example.org/score.min.js
      filename: score.js
"#;

fn read(name: &str, files: &[(&str, &str)]) -> Result<MakeFile, String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let mut include = |path: &str| files.get(path).map(|text| (*text).to_owned()).ok_or("there is none".to_owned());
    MakeFile::read(name, files[name], &mut include).map_err(|fault| fault.to_string())
}

fn scope() -> Scope {
    Scope { releases: ReleaseSource::of_drupal().unwrap(), folder: Some("/srv/school".into()), within: None }
}

fn plan(name: &str, text: &str) -> Result<Plan, String> {
    read(name, &[(name, text)])?.plan(&scope()).map_err(|fault| fault.to_string())
}

/// What is fetched, a line each: what it is, where it lies, where it comes from.
fn told(fetches: &[Fetch]) -> Vec<String> {
    let origin = |origin: &Origin| match origin {
        Origin::File { url } => url.as_str().to_owned(),
        Origin::LocalFile { path } | Origin::LocalFolder { path } => path.display().to_string(),
        Origin::Git { url, at, .. } => format!("{} at {}", url.as_str(), at),
    };
    fetches
        .iter()
        .map(|fetch| {
            let place = match fetch.kind {
                Some(kind) => format!("{kind:?} /{}", fetch.place(kind)),
                None => format!("? /{}", fetch.place(Kind::Module)),
            };
            let mut line = format!("{} {place} < {}", fetch.name, origin(&fetch.origin));
            for checksum in &fetch.checksums {
                line += &format!(" {:?}:{}", checksum.digest, &checksum.hex[..4]);
            }
            for patch in &fetch.patches {
                line += &format!(" + {}", origin(&patch.origin));
                line += &patch
                    .checksums
                    .iter()
                    .map(|sum| format!(" {:?}:{}", sum.digest, &sum.hex[..4]))
                    .collect::<String>();
            }
            line
        })
        .collect()
}

#[test]
fn a_file_becomes_a_plan_with_the_core_first_and_libraries_last() {
    let plan = plan("site.make", SITE).unwrap();

    let expected = [
        "drupal Core / < https://ftp.drupal.org/files/projects/drupal-7.98.tar.gz + https://drupal.org/files/issues/0001-htaccess.patch",
        "school Profile /profiles/school < https://git.example.org/school.git at 0123456789abcdef0123456789abcdef01234567",
        "stage Module /sites/all/modules/custom/stage_light < http://code.example.org/stage.tar.gz?a=1 Sha256:e3b0 + /srv/school/patches/scene.patch Md5:d41d",
        "zen Theme /sites/all/themes/zen < https://ftp.drupal.org/files/projects/zen-7.x-6.4.tar.gz",
        "ctools ? /sites/all/modules/contrib/ctools < https://ftp.drupal.org/files/projects/ctools-7.x-1.21.tar.gz",
        "views ? /sites/all/modules/contrib/views < https://ftp.drupal.org/files/projects/views-7.x-3.29.tar.gz",
        "player Library /sites/all/modules/contrib/player/js < https://cdn.example.org/player-2.tar.gz",
        "score Library /sites/all/libraries/score < https://cdn.example.org/score.min.js",
    ];
    assert_eq!(told(&plan.fetches), expected);
    let fetch = |name: &str| plan.fetches.iter().find(|fetch| fetch.name == name).unwrap();
    assert_eq!(fetch("player").subtree.as_deref(), Some("player-2/dist"));
    assert_eq!(fetch("score").filename.as_deref(), Some("score.js"));
    let notes: Vec<String> = plan.notes.iter().map(|note| format!("{}: {}", note.at, note.text)).collect();
    assert_eq!(
        notes,
        [
            "`site.make`, line 32: `l10n_path` of `stage` is left out: each site fetches its own translations",
            "`site.make`, line 33: `colour` of `stage` means nothing and is left out",
        ]
    );
}

#[test]
fn both_forms_of_a_file_mean_the_same() {
    let old = plan("site.make", SITE).unwrap();
    let new = plan("site.make.yml", SITE_YAML).unwrap();

    assert_eq!(told(&new.fetches), told(&old.fetches));
    assert_eq!(new.notes, []);
}

#[test]
fn a_plan_reads_the_same_after_it_was_written_down() {
    let plan = plan("site.make", SITE).unwrap();
    let written = serde_json::to_string(&plan.fetches).unwrap();

    assert_eq!(serde_json::from_str::<Vec<Fetch>>(&written).unwrap(), plan.fetches);
    let other = written.replace("https://cdn", "ftp://cdn");
    assert!(serde_json::from_str::<Vec<Fetch>>(&other).is_err());
}

#[test]
fn from_drupal_8_on_modules_lie_at_the_top() {
    let text = "core: 8.x\napi: 2\nprojects:\n  drupal: 8.9.20\n  token: 1.7\n  pathauto:\n    type: module\n    \
                version: 8.x-1.8\n    subdir: contrib\n  admin_toolbar:\n    type: module\n    version: 3.0.1\n";
    let plan = plan("eight.make.yml", text).unwrap();

    assert_eq!(
        told(&plan.fetches),
        [
            "drupal Core / < https://ftp.drupal.org/files/projects/drupal-8.9.20.tar.gz",
            "pathauto Module /modules/contrib/pathauto < https://ftp.drupal.org/files/projects/pathauto-8.x-1.8.tar.gz",
            "admin_toolbar Module /modules/admin_toolbar < https://ftp.drupal.org/files/projects/admin_toolbar-3.0.1.tar.gz",
            "token ? /modules/token < https://ftp.drupal.org/files/projects/token-8.x-1.7.tar.gz",
        ]
    );
}

#[test]
fn the_core_may_be_named_by_the_version_of_the_whole_and_a_distribution_may_be_the_core() {
    let exact = plan("a.make", "core = 7.98\napi = 2\nprojects[] = drupal\n").unwrap();
    assert_eq!(told(&exact.fetches), ["drupal Core / < https://ftp.drupal.org/files/projects/drupal-7.98.tar.gz"]);

    let distribution =
        plan("a.make", "core = 7.x\napi = 2\nprojects[kit][type] = core\nprojects[kit][version] = 7.x-1.19\n").unwrap();
    assert_eq!(
        told(&distribution.fetches),
        ["kit Core / < https://ftp.drupal.org/files/projects/kit-7.x-1.19-core.tar.gz"]
    );
}

#[test]
fn what_a_file_says_holds_over_what_it_includes_and_overrides_hold_over_that() {
    let files = [
        (
            "site.make",
            "core = 7.x\napi = 2\nincludes[] = base/base.make\noverrides[] = test.make.yml\nprojects[views][version] = 3.29\n\
             projects[devel] = FALSE\n",
        ),
        (
            "base/base.make",
            "core = 7.x\napi = 2\nincludes[core] = \"../core.make\"\nprojects[views][version] = 3.1\n\
             projects[views][subdir] = old\nprojects[devel][version] = 1.0\nprojects[date] = 2.10\n",
        ),
        ("core.make", "projects[drupal][version] = 7.98\n"),
        ("test.make.yml", "projects:\n  date: 2.12\n"),
    ];
    let plan = read("site.make", &files).unwrap().plan(&scope()).unwrap();

    assert_eq!(
        told(&plan.fetches),
        [
            "drupal Core / < https://ftp.drupal.org/files/projects/drupal-7.98.tar.gz",
            "views ? /sites/all/modules/old/views < https://ftp.drupal.org/files/projects/views-7.x-3.29.tar.gz",
            "date ? /sites/all/modules/date < https://ftp.drupal.org/files/projects/date-7.x-2.12.tar.gz",
        ]
    );
}

#[test]
fn an_include_stays_beside_the_file_and_comes_to_an_end() {
    for path in ["../secret.make", "/etc/passwd", "https://example.org/a.make", "a/../../b"] {
        let text = format!("core = 7.x\napi = 2\nincludes[] = \"{path}\"\n");
        let error = read("a.make", &[("a.make", &text)]).unwrap_err();
        assert_eq!(error, "`a.make`, line 3: an include lies outside the folder of the make file");
    }
    let error = read("a.make", &[("a.make", "core = 7.x\nincludes[] = a.make\n")]).unwrap_err();
    assert_eq!(error, "`a.make`, line 2: more than 100 files are included, or deeper than 8");
    let error = read("a.make", &[("a.make", "core = 7.x\nincludes[] = b.make\n")]).unwrap_err();
    assert_eq!(error, "`a.make`, line 2: the include `b.make` cannot be read: there is none");
}

#[test]
fn the_file_of_a_project_brings_no_core_takes_nothing_from_this_machine_and_yields_to_the_file_around_it() {
    let text = "core = 7.x\napi = 2\nprojects[drupal][version] = 7.1\nprojects[views] = 3.1\nprojects[rules] = 2.12\n\
                libraries[views][download][type] = get\nlibraries[views][download][url] = https://example.org/v.tgz\n";
    let within = Within { contrib: "profiles/school".into(), major: 7, taken: ["views".to_owned()].into() };
    let inner = Scope { folder: None, within: Some(within), ..scope() };
    let nested = read("school.make", &[("school.make", text)]).unwrap();

    assert_eq!(
        told(&nested.plan(&inner).unwrap().fetches),
        [
            "rules ? /profiles/school/modules/rules < https://ftp.drupal.org/files/projects/rules-7.x-2.12.tar.gz",
            "views Library /profiles/school/libraries/views < https://example.org/v.tgz",
        ]
    );
    let text =
        format!("{text}projects[rules][patch][] = ../../../etc/shadow\n").replace("[rules] =", "[rules][version] =");
    let nested = read("school.make", &[("school.make", &text)]).unwrap();
    assert_eq!(nested.plan(&inner).unwrap_err().problems()[0].1, Problem::NestedLocal);
    let eight = read("school.make", &[("school.make", "core = 8.x\n")]).unwrap();
    assert_eq!(eight.plan(&inner).unwrap_err().problems()[0].1, Problem::OtherMajor { major: 8, built: 7 });
}

#[test]
fn a_chosen_source_of_releases_is_asked_as_it_is_named() {
    let releases = ReleaseSource::chosen(Address::read("http://127.0.0.1:8099/files/").unwrap()).unwrap();
    let file = read("a.make", &[("a.make", "core = 7.x\napi = 2\nprojects[drupal] = 7.98\n")]).unwrap();
    let plan = file.plan(&Scope { releases, ..scope() }).unwrap();

    assert_eq!(told(&plan.fetches), ["drupal Core / < http://127.0.0.1:8099/files/drupal-7.98.tar.gz"]);
}

#[test]
fn what_cannot_be_followed_is_refused_by_name_and_line() {
    let after = "core = 7.x\napi = 2\nprojects[drupal] = 7.98\n";
    let cases = [
        (
            "projects[a][download][type] = svn\nprojects[a][download][url] = https://x.test/a",
            "line 4: `a` comes by `svn`, which Ægir does not start",
        ),
        ("projects[a][download][type] = cvs", "line 4: `a` comes by `cvs`, which Ægir does not start"),
        ("post-install[] = rm", "line 4: `post-install` would run commands"),
        ("projects[a][version] = 1.0\nprojects[a][post-install] = rm", "line 5: `post-install` would run commands"),
        ("projects[] = a", "line 4: no release of `a` is named"),
        ("projects[a] = 3.x", "line 4: `3.x` names no single release of `a`"),
        ("projects[a] = 3", "line 4: `3` names no single release of `a`"),
        ("projects[a][version] = ../../x", "line 4: `../../x` names no single release of `a`"),
        (
            "projects[a][location] = https://x.test\nprojects[a][version] = 1.0",
            "line 4: `a` asks a release server of its own",
        ),
        (
            "projects[a][version] = 1.0\nprojects[a][subdir] = ../../x",
            "line 5: `subdir` leads to no folder below: `../../x`",
        ),
        (
            "projects[a][version] = 1.0\nprojects[a][directory_name] = .git",
            "line 5: `directory_name` leads to no folder below: `.git`",
        ),
        ("projects[../x] = 1.0", "line 4: `../x` is no name of a project"),
        (
            "projects[a][type] = tool\nprojects[a][version] = 1.0",
            "line 4: `a` is neither core, module, theme, profile nor library",
        ),
        (
            "projects[a][download][url] = https://x.test/a.zip",
            "line 4: the download of `a` has no type, which stands for git, and its address is that of an archive",
        ),
        (
            "projects[a][download][type] = get\nprojects[a][download][url] = http://x.test/a.tgz",
            "line 4: `a` comes over a connection that anybody between can change, and nothing proves what came",
        ),
        (
            "projects[a][download][type] = git\nprojects[a][download][url] = git://x.test/a.git\nprojects[a][download][tag] = v1",
            "line 4: `a` comes over a connection that anybody between can change, and nothing proves what came",
        ),
        (
            "projects[a][version] = 1.0\nprojects[a][patch][] = http://x.test/a.patch",
            "line 5: a patch of `a` comes over a connection that anybody between can change, and nothing proves what came",
        ),
        (
            "projects[a][download][type] = get\nprojects[a][download][url] = https://me:hunter2@x.test/a.tgz",
            "line 4: an address holds an account or a password",
        ),
        (
            "projects[a][download][type] = git\nprojects[a][download][url] = git@x.test:me/a.git",
            "line 4: an address is for ssh, which needs keys that a build has not",
        ),
        (
            "projects[a][download][type] = git\nprojects[a][download][branch] = --upload-pack=x",
            "line 4: the branch, tag or revision of `a` is no name that git knows",
        ),
        (
            "projects[a][download][type] = get\nprojects[a][download][url] = https://x.test/a.tgz\nprojects[a][download][sha256] = abc",
            "line 6: this is no checksum of the kind sha256, which has 64 hexadecimal digits",
        ),
        (
            "projects[a][download][type] = git\nprojects[a][download][tag] = v1\nprojects[a][download][md5] = d41d8cd98f00b204e9800998ecf8427e",
            "line 4: `a` has a checksum, and is no file that could be compared with it",
        ),
        ("projects[a][download][type] = git", "line 4: neither tag, revision nor branch of `a` is named"),
        ("projects[b][type] = core\nprojects[b][version] = 7.x-1.0", "line 4: a second core is named"),
        ("projects[a][version] = 1.0\nprojects[a] = 2.0", "line 5: this has keys of its own and a text too (line 4)"),
        ("libraries[a][directory_name] = a", "line 4: it is not said where `a` is downloaded from"),
        (
            "libraries[a][download][type] = get\nlibraries[a][download][url] = https://x.test/a.js\nlibraries[b][directory_name] = a\nlibraries[b][download][branch] = b",
            "line 6: `b` would lie in the folder of `a`, `sites/all/libraries/a`",
        ),
        ("projects[a][version] \"1.0\"", "line 4: this is neither an assignment nor a comment"),
        ("projects[a][version = 1.0", "line 4: this is no key"),
        ("projects[a][version] = \"1.0", "line 4: a quote is not closed"),
        ("projects[a][version] = \"1.0\" or so", "line 4: something stands behind the closing quote"),
    ];
    for (text, expected) in cases {
        let error = plan("a.make", &format!("{after}{text}\n")).unwrap_err();
        assert_eq!(error, format!("`a.make`, {expected}"), "{text}");
    }
    for (text, expected) in [
        ("api = 2\n", "`a.make`: `core` is missing"),
        ("core = 6.x\n", "`a.make`, line 1: it is for Drupal 6, which Ægir does not host"),
        ("core = x\n", "`a.make`, line 1: `core` is no version of Drupal"),
        ("core = 7.x\napi = 1\n", "`a.make`, line 2: `api` is not 2"),
        ("core = 7.x\napi = 2\n", "`a.make`: no core is named"),
    ] {
        assert_eq!(plan("a.make", text).unwrap_err(), expected);
    }
}

#[test]
fn in_yaml_mistakes_have_their_line_too() {
    for (text, expected) in [
        ("core: 7.x\nprojects:\n  a: [\n", "`a.make.yml`, line 3: it is no YAML: unclosed bracket"),
        (
            "core: 7.x\nprojects:\n  a: &x {version: 1.0}\n  b: *x\n",
            "`a.make.yml`, line 3: references within the file and tags are not followed",
        ),
        (
            "core: 7.x\nprojects:\n  a: !!str 1.0\n",
            "`a.make.yml`, line 3: references within the file and tags are not followed",
        ),
        ("core: 7.x\ncore: 8.x\n", "`a.make.yml`, line 2: the key stands twice"),
        ("- a\n- b\n---\nc\n", "`a.make.yml`, line 3: it is no YAML: it holds a second document"),
        ("just words\n", "`a.make.yml`: it holds no keys"),
        ("", "`a.make.yml`: it holds no keys"),
        (
            "core: 7.x\na: {b: {c: {d: {e: {f: {g: {h: {i: {j: k}}}}}}}}}\n",
            "`a.make.yml`, line 2: keys lie deeper than 8",
        ),
        (
            "core: 7.x\nprojects:\n  drupal: 7.98\n  a:\n    version: 1.10\n    patch:\n      - ftp://x.test/a\n",
            "`a.make.yml`, line 7: `ftp://x.test/a` is no address: only `https`, `http` and `git` are fetched from",
        ),
    ] {
        let error = plan("a.make.yml", text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_what_to_do() {
    let file = read("a.make", &[("a.make", "core = 7.x\napi = 2\nprojects[] = a\nprojects[] = b\n")]).unwrap();
    let fault = file.plan(&scope()).unwrap_err();

    assert_eq!(
        fault.to_string(),
        "`a.make`, line 3: no release of `a` is named; `a.make`, line 4: no release of `b` is named; `a.make`: no core is named"
    );
    assert_eq!(
        fault.remedy().unwrap(),
        "pin it: `projects[NAME][version] = 3.7`, the release that you have tried; add the core with its release: \
         `projects[drupal][version] = 7.98`"
    );
}

#[test]
fn a_password_in_a_file_is_never_repeated() {
    let text = "core = 7.x\napi = 2\nprojects[drupal] = 7.98\nprojects[a][download][type] = get\n\
                projects[a][download][url] = ftp://me:hunter2@x.test/a.tgz\nprojects[a][download][password] = hunter2\n";
    let error = plan("a.make", text).unwrap_err();

    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn old_addresses_of_drupals_hosts_are_those_of_today() {
    for (old, new) in [
        ("http://drupal.org/files/a.patch", "https://drupal.org/files/a.patch"),
        (
            "http://ftp.drupal.org/files/projects/a-7.x-1.0.tar.gz",
            "https://ftp.drupal.org/files/projects/a-7.x-1.0.tar.gz",
        ),
        ("git://git.drupal.org/project/a.git", "https://git.drupalcode.org/project/a.git"),
        ("http://drupal.org.example.org/a", "http://drupal.org.example.org/a"),
    ] {
        assert_eq!(Address::read(old).unwrap().as_str(), new);
    }
    assert_eq!(Address::read("https://x.test/a/b.zip?c=/d").unwrap().file_name(), Some("b.zip"));
    assert_eq!(Address::read("https://x.test").unwrap().file_name(), None);
}

#[test]
fn what_a_project_is_its_files_tell() {
    assert_eq!(Kind::told_by(["a.info", "a.module", "a.install"], None), Kind::Module);
    assert_eq!(Kind::told_by(["a.info", "template.php"], None), Kind::Theme);
    assert_eq!(Kind::told_by(["a.info", "a.profile", "a.make"], None), Kind::Profile);
    assert_eq!(Kind::told_by(["README.txt"], None), Kind::Module);
    assert_eq!(Kind::told_by(["a.info.yml"], Some("theme")), Kind::Theme);
    assert_eq!(Kind::told_by(["a.info.yml", "a.module"], Some("library")), Kind::Module);
}

#[test]
fn a_large_file_is_refused_before_it_is_read_through() {
    let many = "a[] = 1\n".repeat(20_001);
    assert!(plan("a.make", &many).unwrap_err().contains("more than 20000 keys"));
    let long = format!("core = 7.x\n;{}\n", "x".repeat(1 << 20));
    assert!(plan("a.make", &long).unwrap_err().contains("more than 1048576 bytes"));
    let yaml = format!("core: 7.x\na: [{}]\n", "1, ".repeat(100_000));
    assert!(plan("a.make.yml", &yaml).unwrap_err().contains("more than 20000 keys"));
    let deep = format!("core = 7.x\na{} = 1\n", "[b]".repeat(100_000));
    assert!(plan("a.make", &deep).unwrap_err().contains("keys lie deeper than 8"));
    let deep = format!("core: 7.x\na: {}\n", "[".repeat(100_000));
    assert!(plan("a.make.yml", &deep).is_err());
}

/// Pieces of which make files are made, and what confuses readers of them.
const PIECES: [&str; 40] = [
    "core = 7.x\n",
    "api = 2\n",
    "core: 7.x\n",
    "projects",
    "libraries",
    "defaults",
    "includes",
    "overrides",
    "[",
    "]",
    "[]",
    "[a]",
    "[download]",
    "[type]",
    "[patch]",
    "[version]",
    " = ",
    ": ",
    "\n",
    "\n  ",
    "\n- ",
    "\"",
    "'",
    "\\",
    ";",
    "#",
    "git",
    "get",
    "1.0",
    "7.x-1.x-dev",
    "https://x.test/a.zip",
    "../..",
    "~",
    "{",
    "}",
    "&a ",
    "*a",
    "é",
    "\u{0}",
    PIN,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_file_nothing_panics_and_what_is_planned_lies_below_the_document_root(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60),
        yaml: bool,
    ) {
        let name = if yaml { "a.yml" } else { "a.make" };
        let start = if yaml { "core: 7.x\nprojects:\n  drupal: 7.98\n  " } else { "core = 7.x\nprojects[drupal] = 7.98\nprojects[" };
        for text in [pieces.concat(), format!("{start}{}", pieces.concat())] {
            let Ok(plan) = plan(name, &text) else { continue };
            for fetch in plan.fetches {
                let kind = fetch.kind.unwrap_or(Kind::Theme);
                let place = fetch.place(kind);
                prop_assert!(kind == Kind::Core || !place.is_empty());
                prop_assert!(!place.starts_with('/') && place.split('/').all(|part| !part.starts_with('.')), "{place}");
            }
        }
    }
}
