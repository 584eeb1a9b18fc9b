//! Sites of real Drupal move from each release to the next one of its line, and go back; updates that were planted to
//! go wrong leave them as they were.

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::content::{Content, Key};
use crate::http_servers;
use crate::support::real::{Asked, Real};
use crate::support::story::{Site, save_sqlite_server};
use crate::support::web::get;
use crate::support::world::World;
use crate::support::{Lab, run, way};

/// A tree, and which Drupal it is.
pub struct Release {
    tree: PathBuf,
    inside: PathBuf,
    version: Vec<u32>,
}

impl Release {
    /// That of `tree`, whose document root is `inside` it.
    pub fn of(tree: &Path, inside: &str) -> Option<Release> {
        let root = tree.join(inside);
        let places = [("includes/bootstrap.inc", "define('VERSION', '"), ("core/lib/Drupal.php", "const VERSION = '")];
        let version = places.iter().find_map(|(file, before)| {
            let text = fs::read_to_string(root.join(file)).ok()?;
            let version = text.split_once(before)?.1.split('\'').next()?.to_owned();
            version.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()
        })?;
        Some(Release { tree: tree.to_owned(), inside: inside.into(), version })
    }

    fn name(&self) -> String {
        self.tree.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Whether its updates and those of `to` are one line: within a major release, and from 8 on to the next one.
    fn leads_to(&self, to: &Release) -> bool {
        let (here, there) = (self.version[0], to.version[0]);
        here == there || here >= 8 && here + 1 == there
    }

    fn is_seven(&self) -> bool {
        self.version[0] == 7
    }

    /// Copies it into a lab, and saves it as the platform `name`.
    fn put(&self, lab: &Lab, name: &str) -> PathBuf {
        let copy = lab.home().join("platforms").join(name);
        run(Command::new("cp").arg("-a").arg(fs::canonicalize(&self.tree).unwrap()).arg(&copy));
        lab.give(&copy);
        let root = fs::canonicalize(copy.join(&self.inside)).unwrap();
        lab.save_platform(name, &root);
        root
    }
}

/// Each kind of database, with the web server that is before it.
fn servers() -> [(&'static str, &'static str); 2] {
    let http = http_servers();
    [("localhost", http[0]), ("files", http[http.len() - 1])]
}

/// Whether `only` can be said of these stories alone, which have labs of their own.
pub fn are_told_apart(only: &str) -> bool {
    ["a site in", "moves to", "goes back", "copied and renamed"].iter().any(|part| only.contains(part))
}

/// Tells each story on a line; gives how many passed, and how many failed.
pub fn to_other_names(releases: &[Release]) -> (usize, usize) {
    let only = std::env::var("AEGIR_TEST_STORY").unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for release in releases {
        for (db_server, http) in servers() {
            let story = format!("{}: {http}: a site in {db_server} is copied and renamed", release.name());
            if !story.contains(&only) {
                continue;
            }
            let began = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(|| is_copied_and_renamed(release, db_server, http)));
            let took = began.elapsed().as_secs_f32();
            let word = if ended.is_ok() { "passed" } else { "FAILED" };
            match ended {
                Ok(()) => passed += 1,
                Err(_) => failed += 1,
            }
            println!("{story}: {word} ({took:.1} s)");
            let _ = std::io::stdout().flush();
        }
    }
    (passed, failed)
}

/// What people wrote, uploaded and linked to by hand is there under the other name, and names no other folder.
fn shows_its_content(lab: &Lab, site: &Site, name: &str, other: &str) {
    let listen = lab.up().listen();
    let page = get(listen, name, "/a-page-of-ours");
    assert_eq!(page.status, 200, "{name}: an alias of a path: {}", page.body);
    assert!(page.body.contains(&format!("/sites/{name}/files/linked.txt")), "{name}: {}", page.body);
    assert!(page.body.contains(&format!("sites/{name}/files/logo.png")), "{name}: {}", page.body);
    assert!(!page.body.contains(&format!("sites/{other}/")), "{name}: {}", page.body);
    assert!(page.title().contains(&site.title), "{name}: {}", page.title());
    assert_eq!(get(listen, name, &format!("/sites/{name}/files/linked.txt")).body, "a file that was linked to");
    let is_address = |word: &&str| word.contains(".css") && (word.starts_with("http://") || word.starts_with('/'));
    let styles = page.body.split('"').filter(is_address);
    for style in styles.map(|style| style.replace("&amp;", "&")) {
        let path = style.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| rest[at..].to_owned()));
        let path = path.unwrap_or(style);
        assert_eq!(get(listen, name, &path).status, 200, "{name}: {path}");
    }
}

fn is_copied_and_renamed(release: &Release, db_server: &str, http: &'static str) {
    let lab = Lab::start_on(way(), http);
    save_sqlite_server(&lab);
    let root = release.put(&lab, "old");
    let real = Real { lab: &lab, name: "old", root: &root };
    let (first, copy, second) = ("first.old.localhost", "copy.old.localhost", "second.old.localhost");
    let asked = Asked { site: first, db_server, profile: Some("standard"), language: "en" };
    let site = real.installs_what_is_asked(&asked);
    let linked = root.join("sites").join(first).join("files/linked.txt");
    fs::write(&linked, "a file that was linked to").unwrap();
    lab.give(&linked);
    let content = Content::put(&real, &site);
    let was = &content.says;
    shows_its_content(&lab, &site, first, copy);
    let before = lasting(&lab, &site);

    let said = lab.provision(&["clone", &format!("@{first}"), copy, "--sanitise"]).done();

    println!("  {}", said.out.lines().find(|line| line.starts_with("Put `sites/")).unwrap_or_default());
    lasting(&lab, &site).must_be(&before);
    let of_copy = Site { name: copy.into(), ..called(&site) };
    shows_its_content(&lab, &of_copy, copy, first);
    content.is_there(&real, copy, Key::Another);
    of_copy.lets_in(&lab);
    of_copy.is_as_it_should_be(&lab);
    let is = real.drupal_says(copy, &[]);
    assert_eq!((&is["account_mail"], &is["writes"]), (&"user1@example.invalid".into(), &false.into()), "{is}");
    assert!(was["writes"] == true && is["title"] == was["title"] && is["cron_key"] != was["cron_key"], "{is}");
    assert!(release.is_seven() || is["uuid"] != was["uuid"], "{is}");

    let said = lab.provision(&["rename", &format!("@{first}"), second]).done();

    println!("  {}", said.out.lines().find(|line| line.starts_with("The fence")).unwrap_or_default());
    let renamed = Site { name: second.into(), ..called(&site) };
    shows_its_content(&lab, &renamed, second, first);
    content.is_there(&real, second, Key::Same);
    renamed.lets_in(&lab);
    renamed.is_as_it_should_be(&lab);
    let is = real.drupal_says(second, &[]);
    for what in ["title", "account_mail", "cron_key", "uuid"] {
        assert_eq!(is[what], was[what], "{what}");
    }
    assert_eq!(get(lab.up().listen(), first, "/").status, 301);
    shows_its_content(&lab, &of_copy, copy, first);
    content.is_there(&real, copy, Key::Another);
    lab.provision(&["go-back", &format!("@{second}")]).done();
    shows_its_content(&lab, &site, first, second);
    content.is_there(&real, first, Key::Same);
    site.lets_in(&lab);
    site.is_as_it_should_be(&lab);
    for name in [first, copy] {
        lab.delete(name);
    }
}

/// The same site, to be called otherwise.
fn called(site: &Site) -> Site {
    Site { name: String::new(), title: site.title.clone(), database: String::new(), said: site.said.clone() }
}

/// Tells each story on a line; gives how many passed, and how many failed.
pub fn to_later_releases(releases: &[Release]) -> (usize, usize) {
    let only = std::env::var("AEGIR_TEST_STORY").unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for from in releases {
        let later = releases.iter().filter(|to| to.version > from.version && from.leads_to(to));
        let Some(to) = later.min_by(|a, b| a.version.cmp(&b.version)) else { continue };
        for (db_server, http) in servers() {
            let story = format!("{}: {http}: a site in {db_server} moves to {} and goes back", from.name(), to.name());
            if !story.contains(&only) {
                continue;
            }
            let began = Instant::now();
            let ended = catch_unwind(AssertUnwindSafe(|| moves(from, to, db_server, http)));
            let took = began.elapsed().as_secs_f32();
            match ended {
                Ok(()) => {
                    passed += 1;
                    println!("{story}: passed ({took:.1} s)");
                }
                Err(_) => {
                    failed += 1;
                    println!("{story}: FAILED ({took:.1} s)");
                }
            }
            let _ = std::io::stdout().flush();
        }
    }
    (passed, failed)
}

/// Updates that go wrong, as a package could have them.
const PLANTED: [&str; 3] = [
    "throw new \\Exception('This update was planted.');",
    "this_function_is_nowhere();",
    "while (TRUE) { usleep(50000); }",
];

fn moves(from: &Release, to: &Release, db_server: &str, http: &'static str) {
    let lab = Lab::start_on(way(), http);
    save_sqlite_server(&lab);
    let hostmaster = lab.home().join("hostmaster");
    fs::write(hostmaster.join("aegir.toml"), "update_limit = 60\n").unwrap();
    lab.give(&hostmaster);
    let (root, later) = (from.put(&lab, "old"), to.put(&lab, "new"));
    let real = Real { lab: &lab, name: "old", root: &root };
    let name = "moved.old.localhost";
    let asked = Asked { site: name, db_server, profile: Some("standard"), language: "en" };
    let site = real.installs_what_is_asked(&asked);
    let content = Content::put(&real, &site);
    site.answers(&lab);

    goes_wrong(&lab, &site, from, &later);
    let before = lasting(&lab, &site);
    let at = format!("@{name}");
    let said = lab.provision(&["migrate", &at, "--platform", "new"]).done();
    println!("  {}", said.out.lines().find(|line| line.starts_with("The fence")).unwrap_or_default());

    // Nobody wrote to what it was.
    lasting(&lab, &site).must_be(&before);
    let moved = Real { lab: &lab, name: "new", root: &later };
    site.answers(&lab);
    site.lets_in(&lab);
    site.is_as_it_should_be(&lab);
    content.is_there(&moved, name, Key::Same);
    lab.provision(&["migrate", &at, "--platform", "old"]).ends(4).says("would go back");
    lab.provision(&["go-back", &at]).done();

    site.answers(&lab);
    site.lets_in(&lab);
    site.is_as_it_should_be(&lab);
    content.is_there(&real, name, Key::Same);
    lab.provision(&["go-back", &at]).done();
    site.answers(&lab);
    content.is_there(&moved, name, Key::Same);
    lab.delete(name);
}

/// An update that throws, one that is an error of PHP, and one that never ends: each is taken back.
fn goes_wrong(lab: &Lab, site: &Site, from: &Release, later: &Path) {
    let (install, number) = match from.is_seven() {
        true => ("modules/system/system.install", "7999"),
        false => ("core/modules/system/system.install", "10999"),
    };
    let install = later.join(install);
    let own = fs::read(&install).unwrap();
    let hostmaster = lab.home().join("hostmaster");
    for planted in PLANTED {
        let limit = if planted.starts_with("while") { 20 } else { 60 };
        fs::write(hostmaster.join("aegir.toml"), format!("update_limit = {limit}\n")).unwrap();
        let update = format!("\nfunction system_update_{number}() {{\n  {planted}\n}}\n");
        fs::write(&install, [own.as_slice(), update.as_bytes()].concat()).unwrap();
        site.answers(lab);
        let before = (lasting(lab, site), folder(lab, site));

        let said = lab.provision(&["migrate", &format!("@{}", site.name), "--platform", "new"]);

        assert_eq!(said.code, 7, "{planted}: {}", said.all());
        lasting(lab, site).must_be(&before.0);
        folder(lab, site).must_be(&before.1);
        site.answers(lab);
    }
    fs::write(hostmaster.join("aegir.toml"), "update_limit = 600\n").unwrap();
    fs::write(&install, own).unwrap();
}

/// The tables of a site's first database, less those that any visit writes to; of SQLite the file's name alone.
fn lasting(lab: &Lab, site: &Site) -> World {
    // A visit may set Drupal's own cron off, behind its answer, and that indexes what can be searched.
    const PASSING: [&str; 9] =
        ["cache", "watchdog", "sessions", "semaphore", "flood", "key_value", "state", "history", "search_"];
    let mut world = World::of(lab);
    world.keep(|what| {
        let is_table = what.strip_prefix(&format!("table {}.", site.database));
        is_table.is_some_and(|table| !PASSING.iter().any(|part| table.contains(part)))
    });
    world
}

/// The files of a site, on whichever platform, less what any visit makes again.
fn folder(lab: &Lab, site: &Site) -> World {
    let mut world = World::of(lab);
    let made_again = ["/files/php", "/files/css", "/files/js", "/private/temp"];
    world.keep(|what| {
        what.starts_with("/platforms/")
            && what.contains(&site.name)
            && !made_again.iter().any(|part| what.contains(part))
    });
    world
}
