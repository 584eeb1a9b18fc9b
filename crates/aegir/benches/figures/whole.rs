//! What takes minutes: a cold build, and all tests.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::goal::{Goals, Times, timed};
use crate::support::{root, run};

/// Builds everything anew in a folder of its own, and runs `make test`.
pub fn measure(goals: &mut Goals) {
    let target = tempfile::tempdir().unwrap();
    let build = timed(|| {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--quiet", "-p", "aegir", "--target-dir"]).arg(target.path());
        run(cargo.current_dir(root()));
    });
    goals.time("a cold debug build", &Times::from(vec![build]), Duration::from_secs(6 * 60));
    let tests = timed(|| {
        let mut make = Command::new("make");
        // Whether they pass is not asked here.
        let _ = make.arg("test").current_dir(root()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    });
    goals.time("`make test`", &Times::from(vec![tests]), Duration::from_secs(30 * 60));
}
