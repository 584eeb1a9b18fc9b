//! A site moves twenty times while somebody counts in it, and others read: no count that was acknowledged is lost, nobody
//! sees anything but the site, or that it comes back soon, and who reads what Drupal keeps for everybody never hears that.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::story::{Site, save_sqlite_server};
use crate::support::web::{get, get_with};
use crate::support::{Lab, http, way, within};

const NAME: &str = "shop.localhost";

/// How often the site moves.
const MOVES: usize = 20;

/// Two pages of the site's own: one adds one to a number in its database, and says the number once that is lasting. The other
/// says which self it is of, and that Drupal keeps it for everybody.
const COUNTS: &str = r#"<?php

if (strtok($_SERVER['REQUEST_URI'] ?? '', '?') === '/self') {
  header('X-Drupal-Cache: HIT');
  header('Cache-Control: must-revalidate, no-cache, private');
  print 'self ' . md5($databases['default']['default']['database']) . '.';
  exit;
}
if (strtok($_SERVER['REQUEST_URI'] ?? '', '?') === '/count') {
  $own = $databases['default']['default'];
  $where = $own['driver'] === 'sqlite' ? 'sqlite:' . $own['database']
    : 'mysql:dbname=' . $own['database'] . ';charset=utf8mb4;'
      . (empty($own['unix_socket']) ? 'host=' . $own['host'] . ';port=' . $own['port'] : 'unix_socket=' . $own['unix_socket']);
  $pdo = new PDO($where, $own['username'] ?? NULL, $own['password'] ?? NULL, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 10]);
  $pdo->exec('CREATE TABLE IF NOT EXISTS counted (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)');
  $pdo->exec($own['driver'] === 'sqlite' ? 'BEGIN IMMEDIATE' : 'START TRANSACTION');
  $n = (int) $pdo->query('SELECT n FROM counted WHERE id = 1' . ($own['driver'] === 'sqlite' ? '' : ' FOR UPDATE'))->fetchColumn() + 1;
  $pdo->exec("REPLACE INTO counted (id, n) VALUES (1, $n)");
  $pdo->exec('COMMIT');
  print "counted $n.";
  exit;
}
"#;

/// What a client saw while it counted.
#[derive(Default)]
struct Seen {
    counted: u64,
    fenced: u64,
    /// Visits to a picture that were answered while the site was fenced.
    pictures: u64,
    wrong: Vec<String>,
}

/// Counts on from `first` until it is over. Each number must be the one after the last: one that is lower was lost.
fn count(lab: &Lab, first: u64, over: &AtomicBool) -> Seen {
    let at = lab.up().listen();
    let mut seen = Seen { counted: first, ..Seen::default() };
    while !over.load(Ordering::Relaxed) && seen.wrong.is_empty() {
        let page = get(at, NAME, "/count");
        let number = page.body.trim().strip_prefix("counted ").and_then(|rest| rest.strip_suffix('.')?.parse().ok());
        match (page.status, number) {
            (200, Some(number)) if number == seen.counted + 1 => seen.counted = number,
            (503, _) if page.header("retry-after").is_some() => {
                seen.fenced += 1;
                let picture = get(at, NAME, "/sites/shop.localhost/files/a.txt");
                // The fence may be down by now; and while the site goes from one folder to another, it is in neither.
                match picture.status {
                    200 => seen.pictures += 1,
                    status => seen.wrong.push(format!("a file: {status}")),
                }
                thread::sleep(Duration::from_millis(20));
            }
            (status, _) => {
                let last = seen.counted;
                seen.wrong.push(format!("{status} after {last}, within {:?}: {}", page.headers, page.body));
            }
        }
    }
    seen
}

/// What a reader saw of the page that says which self gave it.
#[derive(Default)]
struct Read {
    /// Each self, in the order in which they came.
    selves: Vec<String>,
    /// How often nginx gave what it had kept.
    kept: u64,
    fenced: u64,
    wrong: Vec<String>,
}

/// Reads until it is over, as somebody with these cookies.
fn read(lab: &Lab, cookie: &str, over: &AtomicBool) -> Read {
    let at = lab.up().listen();
    let mut seen = Read::default();
    while !over.load(Ordering::Relaxed) && seen.wrong.is_empty() {
        let page = get_with(at, NAME, "/self", cookie);
        let is_kept = page.header("x-aegir-fence") == Some("cached");
        let is_self = page.body.starts_with("self ") && page.body.ends_with('.');
        match page.status {
            200 if is_self && seen.selves.last() == Some(&page.body) => seen.kept += u64::from(is_kept),
            200 if is_self && !is_kept && !seen.selves.contains(&page.body) => seen.selves.push(page.body),
            503 if page.header("retry-after").is_some() => seen.fenced += 1,
            status => {
                seen.wrong.push(format!("{status} after {:?}, within {:?}: {}", seen.selves, page.headers, page.body))
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
    seen
}

/// Nobody was shown a self again that the site was no more, and whoever has no session read on behind the fence.
fn read_as_promised(anybody: &Read, known: &Read, moves: usize) {
    for seen in [anybody, known] {
        assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    }
    assert!(known.fenced > 0 && known.kept == 0, "{} fenced, {} kept", known.fenced, known.kept);
    match http() {
        "apache" => assert_eq!(anybody.kept, 0),
        _ => {
            assert_eq!((anybody.fenced, anybody.selves.len()), (0, moves + 1), "{:?}", anybody.selves);
            assert!(anybody.kept > 0);
        }
    }
}

fn counted_while_it_moves(db_server: &str, moves: usize) {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    let root = ["one", "two"].map(|name| {
        let project = lab.home().join("platforms").join(name);
        lab.assemble_at("ten-1.1", &project);
        lab.save_platform(name, &project);
        project.join("web")
    })[0]
        .clone();
    let site = Site::install(&lab, NAME, "one", db_server, Some("standard"));
    let folder = root.join("sites").join(NAME);
    fs::write(folder.join("local.settings.php"), COUNTS).unwrap();
    fs::write(folder.join("files/a.txt"), "a picture").unwrap();
    lab.give(&folder.join("files/a.txt"));
    site.answers(&lab);
    // PHP looks every two seconds whether a file is another one.
    within(Duration::from_secs(30), "the site counts", || get(lab.up().listen(), NAME, "/count").status == 200);
    let first = get(lab.up().listen(), NAME, "/count").body;
    let first = first.trim().trim_start_matches("counted ").trim_end_matches('.').parse().unwrap();
    let over = AtomicBool::new(false);
    let began = Instant::now();

    let seen = thread::scope(|scope| {
        let client = scope.spawn(|| count(&lab, first, &over));
        let anybody = scope.spawn(|| read(&lab, "", &over));
        let known = scope.spawn(|| read(&lab, "SESS0123456789abcdef=x", &over));
        let mut moved = Vec::new();
        for turn in 0..moves {
            let to = if turn % 2 == 0 { "@two" } else { "@one" };
            moved.push(lab.provision(&["migrate", "@shop.localhost", "--platform", to]));
            thread::sleep(Duration::from_millis(200));
        }
        over.store(true, Ordering::Relaxed);
        let seen = (client.join().unwrap(), anybody.join().unwrap(), known.join().unwrap());
        moved.into_iter().for_each(|said| drop(said.done()));
        seen
    });

    let (seen, anybody, known) = seen;
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    read_as_promised(&anybody, &known, moves);
    let now = get(lab.up().listen(), NAME, "/self").body;
    assert!(known.selves.last() == Some(&now) || !known.selves.contains(&now), "{now} of {:?}", known.selves);
    let last = get(lab.up().listen(), NAME, "/count").body;
    assert_eq!(last.trim(), format!("counted {}.", seen.counted + 1));
    assert!(seen.counted > 20 && seen.fenced > 0, "{} counted, {} fenced", seen.counted, seen.fenced);
    println!(
        "{moves} moves of a site in {db_server} in {:.0} s: {} counted, {} times told to come back, files given meanwhile {}; \
         kept pages given to anybody {}, to somebody with a session {}, who was told {} times to come back",
        began.elapsed().as_secs_f32(),
        seen.counted,
        seen.fenced,
        seen.pictures,
        anybody.kept,
        known.kept,
        known.fenced,
    );
}

#[test]
fn no_count_is_lost_while_a_site_moves_twenty_times() {
    counted_while_it_moves("localhost", MOVES);
}

#[test]
fn no_count_is_lost_while_a_site_in_sqlite_moves() {
    counted_while_it_moves("files", 2);
}
