//! Commands beside those of operations: what follows, what is no answer in JSON, and what is a front end for a while.

use std::path::PathBuf;

use aegir_hosting::{Names, OperationId, Subject};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{CODES, everywhere, manner, name_arg, unchanged, verbose};
use crate::front::Asked;
use crate::front::archives::Archive;
use crate::front::asked::{Dispatch, Follow};

/// What the help of `queue dispatch` ends with.
const DISPATCHING: &str = "\
Begins what waits, attaches to what runs, records how each task ends, sends the news of it, and copies
the control database where that is due. It ends with 0 also where tasks failed, which is told and is
news. What runs on a machine that does not answer is left to the next time; so is all that runs, with
6, on Ctrl-C. Where a front end runs, that does all of it, and this does nothing.";

/// A subject's command with those that are no operation of it.
pub(super) fn with_own(subject: Subject, command: Command) -> Command {
    match subject {
        Subject::Task => command.subcommand(follow_command()),
        Subject::Queue => command.subcommand(dispatch_command()),
        Subject::Backup => command.subcommand(download_command()).subcommand(upload_command()),
        _ => command,
    }
}

/// What was asked, if it is no operation; `Some(None)`: it is none, and cannot be read.
pub(super) fn read(subject: Subject, verb: &str, name: Option<String>, matches: &ArgMatches) -> Option<Option<Asked>> {
    match (subject, verb) {
        (Subject::Task, "follow") => Some(follow(name, matches)),
        (Subject::Queue, "dispatch") => {
            let (once, json) = (matches.get_flag("once"), matches.get_flag("json"));
            Some(Some(Asked::Dispatch(Dispatch { once, json })))
        }
        (Subject::Backup, "download" | "upload") => Some(archive(verb, name, matches)),
        _ => None,
    }
}

fn follow(name: Option<String>, matches: &ArgMatches) -> Option<Asked> {
    let from = matches.get_one::<u64>("from").copied().unwrap_or(1);
    let manner = manner(matches);
    Some(Asked::Follow(Follow { task: name?.parse().ok()?, attempt: None, from, manner }))
}

fn archive(verb: &str, name: Option<String>, matches: &ArgMatches) -> Option<Asked> {
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let path = |id: &str| matches.get_one::<PathBuf>(id).cloned();
    let server = text("server");
    Some(Asked::Archive(match verb {
        "download" => Archive::Download { backup: name?, server, to: path("to") },
        _ => Archive::Upload { file: path("file")?, name: text("name"), server, json: matches.get_flag("json") },
    }))
}

fn follow_command() -> Command {
    let number = match OperationId::TaskShow.declaration().names {
        Names::One(kind) | Names::New(kind) => kind,
        Names::None => unreachable!("a task is shown by its number"),
    };
    Command::new("follow")
        .about("Follows a task until it ends")
        .disable_version_flag(true)
        .after_help(CODES)
        .arg(name_arg(&number, Subject::Task).required(true).help("Its number"))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("LINE")
                .value_parser(clap::value_parser!(u64).range(1..))
                .help("The line of its newest attempt to begin with [default: 1]"),
        )
        .args(everywhere())
        .args([verbose(), unchanged()])
}

/// The name of a backup, as each command about one takes it.
fn backup_arg() -> Arg {
    match OperationId::BackupShow.declaration().names {
        Names::One(kind) | Names::New(kind) => name_arg(&kind, Subject::Backup).required(true).help("Which one"),
        Names::None => unreachable!("a backup is shown by its name"),
    }
}

fn server_arg(help: &'static str) -> Arg {
    Arg::new("server").long("server").value_name("SERVER").help(help)
}

/// No operation: what comes is no answer in JSON.
fn download_command() -> Command {
    let to = Arg::new("to").long("to").value_name("FILE").value_parser(clap::value_parser!(PathBuf));
    Command::new("download")
        .about("Has the archive of a backup come to a file, which is there once it is whole")
        .disable_version_flag(true)
        .arg(backup_arg())
        .arg(to.help("Where it is to lie, `-` for standard output [default: its name, in this folder]"))
        .arg(server_arg("The server on whose machine it lies [default: wherever it lies]"))
        .args(everywhere())
}

/// No operation either.
fn upload_command() -> Command {
    Command::new("upload")
        .about("Has an archive of Ægir, or of classic Aegir, be a backup, once all of it was looked through")
        .disable_version_flag(true)
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("The archive"),
        )
        .arg(
            Arg::new("name")
                .long("name")
                .value_name("BACKUP")
                .help("What it is to be called [default: as the file is]"),
        )
        .arg(server_arg("The server on whose machine it is to lie [default: that of its site]"))
        .args(everywhere())
}

/// No operation: it is not asked of a front end, it is one for a while.
fn dispatch_command() -> Command {
    Command::new("dispatch")
        .about("Works on the queue where no front end runs: for those who want a crontab")
        .disable_version_flag(true)
        .after_help(DISPATCHING)
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("Until all that can be begun now has ended; it must be given"),
        )
        .args(everywhere())
}
