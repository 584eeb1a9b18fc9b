//! The command line of the front end: what a person or a script asks of it, and how it is told.
//!
//! ```text
//!   words ─► Asked ─► Door: the socket, or the front end in this process ─► lists, objects, tasks
//! ```
//!
//! ## Invariants
//!
//! - Every command is made from the declaration of an operation; a change of one changes the command line with it.
//! - Above [`Door`](door::Door) nothing knows which way it went.
//! - Whatever came from the front end reaches a terminal through `speak::plain`.

mod archives;
mod asked;
mod batch;
mod columns;
mod complete;
mod cron;
mod dispatch;
mod door;
mod ending;
mod filter;
mod fit;
mod follow;
mod host_key;
mod lists;
mod manual;
mod many;
mod object;
mod perform;
mod problem;
mod run;
mod screen;
mod site_log;
mod suggest;
mod table;
mod teller;
mod trash;
mod trial;
mod when;
mod wire;
mod words;
mod writes;

use std::io;

use aegir_domain::Remedy;
use clap::CommandFactory;

pub(crate) use asked::Asked;
pub(crate) use complete::Shell;
pub(crate) use fit::lines as fit_lines;
pub(crate) use manual::{page, pages};
pub(crate) use screen::Wishes;
pub(crate) use when::exact;
pub(crate) use writes::lines as writes_lines;

use crate::compose::Given;
use crate::failure::Failure;
use crate::owner;
use screen::Screen;

/// Does what was asked.
pub(crate) fn run(given: &Given, asked: Asked) -> Result<u8, Failure> {
    owner::check(&given.home(), &given.words)?;
    let screen = Screen::here(given.wishes);
    let asked = match trash::of_machine_alone(given, asked) {
        Ok(asked) => asked,
        Err(ended) => return *ended,
    };
    runtime()?.block_on(async {
        match asked {
            Asked::Operation(ask) => perform::operation(given, *ask, screen).await,
            Asked::Follow(follow) => perform::follow_task(given, follow, screen).await,
            Asked::Dispatch(asked) => dispatch::dispatch(given, asked).await,
            Asked::Archive(asked) => archives::archive(given, asked).await,
        }
    })
}

/// What a half typed line can go on with; nothing where that cannot be told at once.
pub(crate) fn complete(given: &Given, shell: Shell, words: &[String]) -> String {
    let Ok(runtime) = runtime() else { return String::new() };
    runtime.block_on(complete::answer(crate::args::Cli::command(), &given.home(), shell, words))
}

/// What waits for the front end, on this thread alone.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(built.map_err(NoRuntime)?)
}

#[derive(Debug, thiserror::Error)]
#[error("cannot wait for the front end")]
struct NoRuntime(#[source] io::Error);

impl Remedy for NoRuntime {}
