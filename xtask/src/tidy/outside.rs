//! The outside is passed in: programs, the clock and the environment have one owner each.
//!
//! What a task does must be repeatable in a test, fail when told to, and never put a secret
//! where `ps` shows it. That holds only while no code reaches around the crate that owns it.
//! `clippy.toml` says the same of calls; this rule also sees imports, needs no build, and is
//! where the owners are listed.
//!
//! Exempt, each for its reason:
//!
//! - tests (`tests/`, `#[cfg(test)]`): they start servers and the built program, wait for
//!   them with a real clock, and are told by the environment how much to run;
//! - `lab`: it is a test's stage, only ever a dev-dependency;
//! - `xtask`: a tool for developers, no part of the program;
//! - `build.rs`: cargo speaks to it through the environment alone.

use super::Report;
use crate::source::{line_of, paths};
use crate::tree::{File, Tree};

struct Outside {
    what: &'static str,
    /// (module, item): `process::Command`.
    named: &'static [(&'static str, &'static str)],
    /// Crates, or single files, that may.
    owners: &'static [&'static str],
    way_out: &'static str,
}

const OUTSIDE: [Outside; 3] = [
    Outside {
        what: "starts a program",
        // The import is what tells it from clap's type of the same name.
        named: &[("process", "Command")],
        // `stack` keeps services running; what a task starts goes through `host` alone.
        owners: &["host", "stack"],
        way_out: "use host's programs: one place to log, to fake, to limit, and to keep secrets out of `ps`",
    },
    Outside {
        what: "reads the clock",
        named: &[("SystemTime", "now"), ("Instant", "now"), ("Timestamp", "now"), ("Zoned", "now"), ("Uuid", "now_v7")],
        // Those two wait by the clock of their runtime, which a test can stop.
        owners: &["host", "crates/hosting/src/dispatch/dispatcher.rs", "crates/hosting/src/dispatch/recorder.rs"],
        way_out: "take a clock as an argument: tests choose the hour",
    },
    Outside {
        what: "touches the environment",
        named: &[
            ("env", "var"),
            ("env", "var_os"),
            ("env", "vars"),
            ("env", "vars_os"),
            ("env", "set_var"),
            ("env", "remove_var"),
        ],
        owners: &["host", "crates/aegir/src/main.rs"],
        way_out: "settings are read once, in main, and passed in; a program gets its environment when host starts it",
    },
];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for file in tree.rust_under("crates/") {
        if file.is_test() || file.crate_name() == "lab" || file.path.ends_with("/build.rs") {
            continue;
        }
        let rust = file.rust().without_tests();
        for outside in OUTSIDE.iter().filter(|outside| !outside.is_owned_by(file)) {
            for (module, item) in outside.named {
                for at in paths(&rust.code, module, item) {
                    report.find(
                        format!("{}:{}", file.path, line_of(&rust.code, at)),
                        format!(
                            "{} (`{module}::{item}`), which only {} may; {}",
                            outside.what,
                            outside.owners.join(" and "),
                            outside.way_out
                        ),
                    );
                }
            }
        }
    }
}

impl Outside {
    fn is_owned_by(&self, file: &File) -> bool {
        self.owners.iter().any(|owner| *owner == file.crate_name() || *owner == file.path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bad_trees::refused;
    use super::*;

    #[test]
    fn reaching_around_host_is_refused() {
        let bad = "//! Why.\nuse std::process::{Command, Stdio};\nfn f() { let _ = std::time::Instant::now(); }\nfn g() { std::env::var(\"A\"); }\n";

        assert_eq!(
            refused(check, &[("crates/drupal/src/a.rs", bad)]),
            ["crates/drupal/src/a.rs:2", "crates/drupal/src/a.rs:3", "crates/drupal/src/a.rs:4"]
        );
    }

    #[test]
    fn the_owners_tests_and_tools_may() {
        let bad = "//! Why.\nuse std::process::Command;\nfn f() { let _ = std::time::SystemTime::now(); }\n";
        let in_tests = format!("//! Why.\n#[cfg(test)]\nmod tests {{\n{bad}}}\n");
        let files = [
            ("crates/host/src/a.rs", bad),
            ("crates/lab/src/a.rs", bad),
            ("crates/drupal/tests/a.rs", bad),
            ("crates/drupal/src/b.rs", in_tests.as_str()),
            ("crates/aegir/src/main.rs", "//! Why.\nfn main() { std::env::vars(); }\n"),
            ("xtask/src/a.rs", bad),
        ];

        assert_eq!(refused(check, &files), [""; 0]);
    }

    #[test]
    fn the_program_beside_main_may_not_read_the_environment() {
        let bad = "//! Why.\nuse std::env;\nfn f() { env::var_os(\"A\"); }\n";

        assert_eq!(refused(check, &[("crates/aegir/src/up.rs", bad)]), ["crates/aegir/src/up.rs:3"]);
    }

    #[test]
    fn speaking_of_it_is_not_doing_it() {
        let good =
            "//! Never `std::process::Command::new`.\nfn f() { say(\"std::env::var\"); clap::Command::new(\"a\"); }\n";

        assert_eq!(refused(check, &[("crates/drupal/src/a.rs", good)]), [""; 0]);
    }
}
