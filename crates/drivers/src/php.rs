//! PHP as a service: pools of php-fpm, and the names of its programs.

mod fpm;

pub use fpm::{Asks, Children, FpmMain, LINGERERS, MEDDLERS, PROGRAM_STARTERS, Pool, Programs, UNHELD};

use std::path::Path;

use aegir_domain::Cmd;

/// The names under which systems install php-fpm of a version (`8.2`), the likeliest first; without
/// a version, whichever is the machine's own.
pub fn fpm_programs(version: Option<&str>) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(version) = version {
        names.push(format!("php-fpm{version}"));
        names.push(format!("php-fpm{}", version.replace('.', "")));
    }
    names.push("php-fpm".into());
    names
}

/// Tests the configuration whose main file is `main`. php-fpm also creates the error log it names.
pub fn check(fpm: &Path, main: &Path) -> Cmd {
    run(fpm, main).arg("-t")
}

/// Runs php-fpm in the foreground. It reloads on `SIGUSR2`, and ends gracefully on `SIGQUIT`.
pub fn run(fpm: &Path, main: &Path) -> Cmd {
    Cmd::new(fpm).arg("-y").arg(main.to_string_lossy())
}
