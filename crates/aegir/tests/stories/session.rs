//! The session of the manual, typed again: from an empty home to three sites, and back.
//!
//! Each line that begins with `$` in a block of `docs/manual/first-session.md` is typed, and says what stands below it:
//! only numbers, times and random names are others. `AEGIR_RENDER=1` writes what is said now; read the difference.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::support::said::Said;
use crate::support::{Lab, Way, http, root, until};

const BEGIN: &str = "```console\n";
const END: &str = "```\n";

/// A person with an empty home.
struct Person {
    lab: Lab,
    place: PathBuf,
}

impl Person {
    fn new() -> Person {
        let lab = Lab::bare(Way::Person);
        let place = lab.beside().join("ann");
        fs::create_dir(&place).unwrap();
        lab.give(&place);
        Person { lab, place }
    }

    /// What a line says, on both streams.
    fn types(&self, line: &str) -> String {
        let mut shell = self.lab.as_owner("sh");
        let path = format!("{}:{}", self.lab.beside().display(), std::env::var("PATH").unwrap());
        // Beside it stands the home of the lab, which nothing runs in.
        shell.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(&self.place).env("PATH", path);
        shell.env("AEGIR_HOME", self.place.join("var")).env("AEGIR_SETUP_NOTES", self.lab.notes());
        let said = Said::of(shell.stdin(Stdio::null()), &["sh"]);
        let said = said.out.replace(&self.lab.beside().join("aegir").display().to_string(), "aegir");
        let said = said.replace(&self.place.display().to_string(), "/srv/ann");
        said.replace("\"asked_by\": \"nobody\"", "\"asked_by\": \"ann\"")
    }

    /// Waits until the front end knows what `aegir up` made.
    fn waits_for_the_first_site(&self) {
        until("the first site is known", || {
            let told: Value = serde_json::from_str(&self.types("aegir site list --json")).unwrap_or_default();
            told["items"].as_array().is_some_and(|items| items.iter().any(|site| site["status"] == "enabled"))
        });
    }
}

impl Drop for Person {
    /// What was detached does not end with us.
    fn drop(&mut self) {
        if self.place.join("var/run").exists() {
            self.types("aegir down");
        }
    }
}

/// What is the same each time.
fn lasting(said: &str) -> Vec<String> {
    // What Composer says is of its own version, and who asks is whoever runs the tests.
    const OF_A_MOMENT: [&str; 4] = ["Waiting for ", "Waits for ", "Composer could not build it", "asked_by"];
    let of_a_moment = |line: &&str| !OF_A_MOMENT.iter().any(|what| line.contains(what));
    let mut lines: Vec<String> = said.lines().filter(of_a_moment).map(masked).filter(|line| !line.is_empty()).collect();
    // Found by the front end in an order of its own.
    lines.sort();
    lines
}

/// One word for each number, each amount and each random name.
fn masked(line: &str) -> String {
    const UNITS: [&str; 8] = ["ms", "s", "min", "B", "kB", "KB", "MB", "GB"];
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let plain = word.trim_matches(|c: char| !c.is_alphanumeric());
        if UNITS.contains(&plain) && words.last().is_some_and(|last| last == "#") {
            continue;
        }
        words.push(match () {
            () if word.contains("/user/reset/") || word.contains("-trash/") => "*".into(),
            // `two_localhost_s3twi5zu`
            () if word.contains("_localhost_") => word.split("_localhost_").next().unwrap_or_default().to_owned(),
            () if digits > 0 => "#".into(),
            () => word.to_owned(),
        });
    }
    words.join(" ")
}

#[test]
fn the_session_of_the_manual_goes_as_it_is_told() {
    if http() == "apache" {
        // The manual tells it with nginx.
        return;
    }
    let page = root().join("docs/manual/first-session.md");
    let told = fs::read_to_string(&page).unwrap();
    let person = Person::new();
    let mut now = String::new();
    let mut rest = told.as_str();
    let mut typed = 0;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (block, after) = after.split_once(END).expect("a block ends");
        rest = after;
        now.push_str(before);
        now.push_str(BEGIN);
        let mut lines = block.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let command = line.strip_prefix("$ ").expect("a block begins with a command").trim_end();
            let mut was = String::new();
            while let Some(more) = lines.next_if(|line| !line.starts_with("$ ")) {
                was.push_str(more);
            }
            let is = person.types(command);
            typed += 1;
            if command.starts_with("aegir up") {
                person.waits_for_the_first_site();
            }
            now.push_str(&format!("$ {command}\n{}", is.trim_start_matches('\n')));
            if std::env::var_os("AEGIR_RENDER").is_none() {
                assert_eq!(lasting(&is), lasting(&was), "`{command}` says something else than the manual:\n{is}");
            }
        }
        now.push_str(END);
    }
    now.push_str(rest);
    assert!(typed > 12, "{typed}");
    if std::env::var_os("AEGIR_RENDER").is_some() {
        fs::write(&page, now).unwrap();
    }
}
