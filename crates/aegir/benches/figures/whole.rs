//! What takes minutes: a cold build, and all tests.

use std::fs;
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
    let log = root().join("target/make-test.log");
    let said = fs::File::create(&log).unwrap();
    let tests = timed(|| {
        let mut make = Command::new("make");
        let (out, err) = (said.try_clone().unwrap(), said);
        // Whether they pass is told, and no goal of this.
        let _ = make.arg("test").current_dir(root()).stdout(Stdio::from(out)).stderr(Stdio::from(err)).status();
    });
    let said = fs::read_to_string(&log).unwrap_or_default();
    let sum = said.lines().rfind(|line| line.contains(" passed, ")).unwrap_or("it did not come to its end").to_owned();
    let what = format!("`make test` ({sum}; all of it in {})", log.display());
    goals.time(&what, &Times::from(vec![tests]), Duration::from_secs(30 * 60));
}
