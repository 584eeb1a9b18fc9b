//! The welcome letter: from a site that is asked for, over a mail server, to the page of its first administrator.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::mail_server::{MailServer, Manner, body};
use crate::support::said::Said;
use crate::support::story::lets_in;
use crate::support::{Lab, way};

/// The files below `folder` that hold `secret`, and how many there are at all.
fn holding(folder: &Path, secret: &str) -> (Vec<String>, usize) {
    let (mut found, mut all) = (Vec::new(), 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            match fs::symlink_metadata(&path) {
                Ok(seen) if seen.is_dir() => folders.push(path),
                Ok(seen) if seen.is_file() => {
                    all += 1;
                    let bytes = fs::read(&path).unwrap_or_default();
                    if bytes.windows(secret.len()).any(|part| part == secret.as_bytes()) {
                        found.push(path.display().to_string());
                    }
                }
                _ => (),
            }
        }
    }
    (found, all)
}

fn add(lab: &Lab, site: &str, more: &[&str]) -> Said {
    let words = ["site", "add", site, "--platform", "ten", "--db-server", "localhost", "--mail", "anna@example.org"];
    lab.front(&[&words, more].concat()).done()
}

/// What the log of a site's install says.
fn log_of_install(lab: &Lab, site: &str) -> Said {
    let asked = ["task", "list", "--object", site, "--operation", "site add", "--json"];
    let list: serde_json::Value = serde_json::from_str(&lab.front(&asked).done().out).unwrap();
    let task = list["items"][0]["id"].as_i64().expect("a task").to_string();
    lab.front(&["task", "log", &task]).done()
}

/// What a front end does in turn, the sending of letters included.
fn turn(lab: &Lab) -> Said {
    lab.front(&["queue", "dispatch", "--once"]).done()
}

#[test]
fn a_welcome_letter_lets_its_reader_in_and_without_a_way_there_is_none() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    // What was made in a shell is taken over.
    turn(&lab);

    add(&lab, "quiet.localhost", &["--welcome", "creator", "--profile", "minimal"]);
    let why = "No welcome letter is sent: it is not said how (settings `news_mail_by` and `news_mail_from`)";
    log_of_install(&lab, "quiet.localhost").says_once(why);
    assert!(!turn(&lab).all().contains("was sent"), "nobody said how");

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(MailServer::start(Manner::default()));
    lab.front(&["settings", "set", "news_mail_by", &server.way("smtp://", "?tls=none").to_string()]).done();
    lab.front(&["settings", "set", "news_mail_from", "aegir@host.test"]).done();
    let said = add(&lab, "shop.localhost", &["--welcome", "creator", "--title", "Our shop"]);
    log_of_install(&lab, "shop.localhost").says_once("The welcome letter goes to anna@example.org");
    // Of the same second, it would be the link that the install told whoever asked.
    std::thread::sleep(Duration::from_millis(1100));
    turn(&lab).says("1 letter or post was sent.");
    turn(&lab);
    lab.front(&["site", "verify", "shop.localhost"]).done();
    turn(&lab);

    let heard = server.heard();
    let [letter] = &heard.letters[..] else { panic!("{heard:?}") };
    assert!(heard.lines.contains(&"RCPT TO:<anna@example.org>".to_owned()), "{:?}", heard.lines);
    assert!(letter.contains("Subject: Your new site shop.localhost\r\n"), "{letter}");
    let text = body(letter);
    assert!(text.contains("your new site Our shop is ready") && text.contains("the account admin"), "{text}");
    let link = text.lines().map(str::trim).find(|line| line.contains("/user/reset/")).expect("a link");
    assert!(link.starts_with("http://shop.localhost:"), "{link}");

    // Nobody else has it: not the control database, no log, no file of a task, nothing that was said.
    let secret = link.split('/').max_by_key(|part| part.len()).unwrap();
    assert!(secret.len() > 30, "{link}");
    let (found, all) = holding(&lab.home(), secret);
    assert!(all > 100 && holding(&lab.home(), "anna@example.org").0.len() > 1, "what was looked through is not all");
    assert!(found.is_empty(), "{found:?}");
    assert!(!said.all().contains(secret), "the link of the install is another one");

    lets_in(&lab, "shop.localhost", link);
    lab.front(&["node", "history", "@shop.localhost"]).done().says("welcomed");
}
