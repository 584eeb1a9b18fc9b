//! The program `aegir`: a command line, and the place where the parts are put together.
//!
//! Arguments and the environment are read here, once; everything else is told.

mod adopt;
mod archives;
mod args;
mod ask;
mod build;
mod clone;
mod compose;
mod confirm;
mod custom;
mod db;
mod destroy;
mod doctor;
mod drill;
mod drush;
mod failure;
mod follow;
mod front;
mod import;
mod install;
mod lists;
mod owner;
mod password;
mod products;
mod provision;
mod request;
mod run_now;
mod save;
mod serve;
mod setup_notes;
mod speak;
mod trash;
mod up;

use std::process::ExitCode;

use aegir_provision::SETTING_VARIABLE;
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::compose::Given;

fn main() -> ExitCode {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o007));
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == "exec") {
        // Stands between us and every program of a task; its order is no line for people.
        aegir_host::exec::exec_main(words);
    }

    let cli = Cli::parse();
    #[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
    let given = Given {
        home: cli.home.or_else(|| std::env::var_os("AEGIR_HOME").filter(|home| !home.is_empty()).map(Into::into)),
        drill: std::env::var("AEGIR_DRILL").ok(),
        settings: setting_variables(),
        ssh: std::env::var("SSH_CONNECTION").ok(),
        path: std::env::var("PATH").unwrap_or_default(),
        stays: std::env::var_os(up::STAYS).is_some(),
        notes: std::env::var_os("AEGIR_SETUP_NOTES").map_or_else(|| setup_notes::FOLDER.into(), Into::into),
        wishes: front::Wishes {
            no_colour: std::env::var_os("NO_COLOR").is_some_and(|wish| !wish.is_empty()),
            dumb: std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
        },
        words: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    let ended = match cli.command {
        Command::Provision(provision) => provision::run(given, *provision),
        Command::Up(up) => up::run(&given, &up),
        Command::Serve(args) => serve::run(&given, &args),
        Command::Db(args) => db::run(&given, &args),
        Command::Down => up::down(&given),
        Command::Doctor(args) => doctor::run(&given, &args),
        Command::Destroy(args) => destroy::run(&given, &args),
        Command::Adopt(args) => adopt::run(&given, &args),
        Command::Import(asked) => import::run_here(&given, *asked),
        Command::Drush(args) => drush::run(&given, &args),
        Command::Front(asked) => front::run(&given, *asked),
        Command::Completion { shell } => {
            speak::out(shell.script().trim_end());
            Ok(0)
        }
        Command::Complete { shell, words } => {
            let answer = front::complete(&given, shell, &words);
            if !answer.is_empty() {
                speak::out(answer.trim_end_matches('\n'));
            }
            Ok(0)
        }
        Command::Man { dir } => front::pages(Cli::command(), &dir).map(|()| 0).map_err(Into::into),
        Command::Manual => {
            speak::out(front::page().trim_end());
            Ok(0)
        }
        Command::Schema => {
            speak::out(&format!("{:#}", aegir_domain::protocol::schema()));
            Ok(0)
        }
    };
    ExitCode::from(ended.unwrap_or_else(|failure| failure.tell()))
}

/// The variables of the environment that say a setting. What is no text is taken as far as it can be shown, so that it
/// is named as any other that is wrong.
#[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
fn setting_variables() -> Vec<(String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let of_us = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(SETTING_VARIABLE));
    let mut variables: Vec<(String, String)> = of_us.map(|(name, value)| (text(name), text(value))).collect();
    variables.sort();
    variables
}
