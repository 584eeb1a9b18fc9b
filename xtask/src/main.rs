//! `cargo xtask …`: what a developer asks of the house. Knows only which words there are.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy(&root()),
        ["tidy", folder] => tidy(Path::new(folder)),
        _ => {
            eprintln!("usage: cargo xtask tidy [FOLDER]    holds the house rules against this checkout, or another");
            ExitCode::from(2)
        }
    }
}

fn tidy(root: &Path) -> ExitCode {
    match xtask::tidy::check(root) {
        Ok(report) => {
            print!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("tidy: cannot read the sources: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder, wherever cargo was called.
fn root() -> std::path::PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
