//! At a terminal: widths, colours, questions, and what moves.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use crate::double::site;
use crate::stage::{Stage, interrupt};
use crate::support::spawn;

/// A terminal with a program in it.
struct Terminal {
    typing: File,
    seen: Receiver<Vec<u8>>,
    text: String,
    child: Child,
}

impl Terminal {
    /// Types a line in a terminal of so many columns.
    fn of(stage: &Stage, columns: u16, environment: &[(&str, &str)], words: &[&str]) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let theirs: OwnedFd = File::options().read(true).write(true).open(path).unwrap().into();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = stage.line(words);
        command.stdin(end()).stdout(end()).stderr(end()).envs(environment.iter().copied());
        let child = spawn(&mut command);
        drop((command, theirs));
        let ours = File::from(ours);
        let typing = ours.try_clone().unwrap();
        let (sender, seen) = channel();
        let mut reading = ours;
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // A terminal that nobody has open any more ends with an error.
            while let Ok(count @ 1..) = reading.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { typing, seen, text: String::new(), child }
    }

    /// Waits until the screen shows `text`.
    fn shows(&mut self, text: &str) {
        while !self.text.contains(text) {
            let piece = self.seen.recv_timeout(Duration::from_secs(30));
            let piece = piece.unwrap_or_else(|_| panic!("it does not show `{text}`:\n{}", self.text));
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn types(&mut self, text: &str) {
        self.typing.write_all(text.as_bytes()).unwrap();
    }

    /// All that was shown, and the exit code.
    fn whole(mut self) -> (String, i32) {
        let code = self.child.wait().unwrap().code().unwrap();
        while let Ok(piece) = self.seen.recv_timeout(Duration::from_secs(5)) {
            self.text.push_str(&String::from_utf8_lossy(&piece));
        }
        (self.text.replace("\r\n", "\n"), code)
    }
}

fn sites() -> Stage {
    let stage = Stage::new();
    let sites = vec![
        site(
            "a-site-with-a-rather-long-name.example.org",
            &json!({ "title": "A title that is long as well, and goes on" }),
        ),
        site("b.test", &json!({ "status": "failed", "title": "日本語のサイトの名前" })),
    ];
    stage.front.state().lists.insert("sites".into(), sites);
    stage
}

#[test]
fn a_table_is_cut_to_the_width_of_the_terminal() {
    let stage = sites();
    for columns in [20, 40, 60, 80, 200] {
        let (text, code) = Terminal::of(&stage, columns, &[("NO_COLOR", "1")], &["site", "list"]).whole();

        assert_eq!((code, text.lines().count()), (0, 3), "{columns}:\n{text}");
        for line in text.lines() {
            let width = unicode_width::UnicodeWidthStr::width(line);
            assert!(width <= usize::from(columns), "{columns}: {width}\n{text}");
        }
        assert_eq!(text.contains('…'), columns < 200, "{columns}:\n{text}");
    }
}

#[test]
fn times_are_relative_and_states_have_colours_unless_nobody_wants_them() {
    let stage = sites();

    let (text, _) = Terminal::of(&stage, 200, &[], &["site", "list"]).whole();
    assert!(text.contains("\u{1b}[32menabled\u{1b}[0m") && text.contains("\u{1b}[31mfailed\u{1b}[0m"), "{text}");
    assert!(text.contains(" years ago"), "{text}");

    for wish in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (text, _) = Terminal::of(&stage, 200, &[wish], &["site", "list"]).whole();
        assert!(!text.contains('\u{1b}'), "{wish:?}: {text}");
    }
    let (text, _) = Terminal::of(&stage, 200, &[], &["site", "list", "--json"]).whole();
    assert!(!text.contains('\u{1b}') && !text.contains("ago"), "{text}");
}

#[test]
fn what_a_task_is_at_is_shown_and_written_over() {
    let stage = Stage::new();
    let mut terminal = Terminal::of(&stage, 80, &[], &["site", "verify", "a.test"]);
    stage.front.wait_for("events");
    stage.front.say(42, "step", "doing", "create-database");
    terminal.shows("… doing create-database");
    stage.front.say(42, "log", "info", "Created the database");
    terminal.shows("\r\u{1b}[KCreated the database");
    stage.front.end(42, &json!({ "state": "succeeded", "changed": true }));

    let (text, code) = terminal.whole();

    assert_eq!(code, 0);
    let last = text.rsplit('\r').next().unwrap();
    assert_eq!(last, "\u{1b}[KDone: site-verify of a.test (task 42) succeeded in 3.2 s.\n", "{text}");
}

#[test]
fn nothing_moves_on_a_terminal_that_cannot() {
    let stage = Stage::new();
    let mut terminal = Terminal::of(&stage, 80, &[("TERM", "dumb")], &["site", "verify", "a.test"]);
    stage.front.wait_for("events");
    stage.front.say(42, "step", "doing", "create-database");
    stage.front.say(42, "log", "info", "Created the database");
    terminal.shows("Created the database");
    stage.front.end(42, &json!({ "state": "succeeded", "changed": true }));

    let (text, code) = terminal.whole();

    assert_eq!(code, 0);
    assert!(!text.contains('\u{1b}') && !text.contains('…'), "{text}");
}

#[test]
fn a_deletion_asks_for_the_name_and_believes_nothing_else() {
    let stage = Stage::new();
    stage.front.state().fates.insert("a.test".into(), json!({ "state": "succeeded", "changed": true }));
    for (typed, code) in [("b.test\n", 2), ("\n", 2), ("y\n", 2), ("a.test\n", 0)] {
        let mut terminal = Terminal::of(&stage, 80, &[], &["site", "delete", "a.test"]);
        terminal.shows("To go on, type the name `a.test` again: ");
        terminal.types(typed);

        let (text, ended) = terminal.whole();

        assert_eq!(ended, code, "{typed:?}: {text}");
        assert_eq!(stage.front.changes().len(), usize::from(code == 0), "{typed:?}");
    }
}

#[test]
fn what_many_are_meant_is_shown_before_it_is_asked() {
    let stage = sites();
    for (typed, code) in [("\n", 2), ("n\n", 2), ("y\n", 5)] {
        let mut terminal = Terminal::of(&stage, 120, &[], &["site", "verify", "--where", "status=failed"]);
        terminal.shows("`site verify` of 1: b.test");
        terminal.shows("Go on? [y/N]");
        stage.front.state().fates.insert("b.test".into(), json!({ "state": "refused" }));
        terminal.types(typed);

        let (text, ended) = terminal.whole();

        assert_eq!(ended, code, "{typed:?}: {text}");
    }
    assert_eq!(stage.front.changes().len(), 1);
}

#[test]
fn ctrl_c_leaves_a_clean_line_behind() {
    let stage = Stage::new();
    let mut terminal = Terminal::of(&stage, 80, &[], &["site", "verify", "a.test"]);
    stage.front.wait_for("events");
    stage.front.say(42, "step", "doing", "create-database");
    terminal.shows("… doing create-database");

    interrupt(&terminal.child);

    let (text, code) = terminal.whole();
    assert_eq!(code, 6);
    assert!(text.ends_with("\r\u{1b}[KThe task goes on. To follow it: `aegir task follow 42 --from 2`\n"), "{text:?}");
}
