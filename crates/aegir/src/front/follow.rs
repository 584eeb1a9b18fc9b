//! Follows a task until it ended. Whoever follows can leave at any moment; the task goes on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aegir_domain::{Remedy, TaskState, exit_code};
use aegir_host::{Clock, SystemClock};
use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId};
use signal_hook::consts::SIGINT;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::door::{Door, Heard, read_as};
use super::ending;
use super::problem::Problem;
use super::teller::Teller;
use crate::failure::Failure;

/// How often the line that shows what goes on is written anew.
const TURN: Duration = Duration::from_millis(250);
/// After how many such turns without a line we ask how the task stands.
const QUIET: u32 = 12;

/// How following came to its end.
pub(crate) enum End {
    /// The task ended.
    Ended(Box<TaskView>),
    /// It goes on without us.
    Left,
}

impl End {
    /// The exit code.
    pub(crate) fn code(&self, fail_if_unchanged: bool) -> u8 {
        match self {
            End::Ended(task) if fail_if_unchanged => ending::code_if_unchanged(task),
            End::Ended(task) => ending::code(task),
            End::Left => exit_code::DETACHED,
        }
    }
}

/// Listens to Ctrl-C: the first is heard by [`Interrupts::came`], a second one ends the program.
pub(crate) struct Interrupts(Signal);

impl Interrupts {
    /// From now on.
    pub(crate) fn listen() -> io::Result<Interrupts> {
        let heard = Arc::new(AtomicBool::new(false));
        // In this order: the first one arms what the second one meets.
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&heard))?;
        signal_hook::flag::register(SIGINT, heard)?;
        Ok(Interrupts(signal(SignalKind::interrupt())?))
    }

    /// Ends when it comes.
    pub(crate) async fn came(&mut self) {
        self.0.recv().await;
    }
}

/// The same, where it may be that they cannot be listened to; then it comes never.
pub(crate) async fn came(interrupts: &mut Option<Interrupts>) {
    match interrupts {
        Some(interrupts) => interrupts.came().await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C cannot be listened to, or nobody listens to us.
#[derive(Debug, thiserror::Error)]
enum FollowFault {
    #[error("cannot listen to Ctrl-C; the task goes on")]
    Deaf(#[source] io::Error),
    #[error("cannot write to standard output; the task goes on")]
    NotTold(#[source] io::Error),
}

impl Remedy for FollowFault {}

/// Follows `task` after the line `after`, until it ended or we are to leave it.
pub(crate) async fn follow(
    door: &mut Door,
    task: i64,
    after: Option<(u32, u64)>,
    teller: &mut Teller,
) -> Result<End, Failure> {
    let mut interrupts = Interrupts::listen().map_err(FollowFault::Deaf)?;
    let mut events = tokio::select! {
        events = door.events(task, after) => events?,
        () = interrupts.came() => return Ok(leave(teller, task, after)),
    };
    let mut last = after;
    // Most tasks begin before anybody could read what they wait for.
    let mut quiet = QUIET - 1;
    let mut standing: Option<String> = None;
    let mut away = false;
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heard = {
            // Not dropped in the middle: it may be about to open its stream again.
            let mut next = std::pin::pin!(events.next());
            loop {
                tokio::select! {
                    heard = &mut next => break heard?,
                    () = interrupts.came() => return Ok(leave(teller, task, last)),
                    _ = turns.tick() => {
                        quiet += 1;
                        if quiet > QUIET && !away && teller.is_to_person() {
                            quiet = 0;
                            tokio::select! {
                                asked = show(door, task) => tell_standing(asked.ok(), &mut standing, teller),
                                () = interrupts.came() => return Ok(leave(teller, task, last)),
                            }
                        }
                        teller.show(now(), standing.as_deref());
                    }
                }
            }
        };
        match heard {
            Heard::Line(line) => {
                quiet = 0;
                standing = None;
                last = Some((line.attempt, line.n));
                match teller.hear(&line) {
                    Ok(()) => (),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(End::Left),
                    Err(error) => return Err(FollowFault::NotTold(error).into()),
                }
                teller.show(now(), None);
            }
            Heard::Away => {
                away = true;
                teller.remark("The front end went away; the task goes on without it. Waiting until it is back.");
            }
            Heard::Back => {
                away = false;
                teller.remark(&match last {
                    Some((_, n)) => format!("The front end is back: going on after line {n}."),
                    None => "The front end is back.".into(),
                });
            }
            Heard::Gone => {
                teller.remark("The front end did not come back.");
                return Ok(leave(teller, task, last));
            }
            Heard::Ended => {
                let ended = show(door, task).await?;
                let secret =
                    match ended.operation == OperationId::SiteLogin.declaration().slug() && ending::code(&ended) == 0 {
                        true => door.secret(task).await?,
                        false => None,
                    };
                teller.end(&ended, secret.as_ref()).map_err(FollowFault::NotTold)?;
                return Ok(End::Ended(Box::new(ended)));
            }
        }
    }
}

/// A task as it stands.
pub(crate) async fn show(door: &mut Door, task: i64) -> Result<TaskView, Problem> {
    read_as(door.object(Call::of(OperationId::TaskShow).about(task.to_string())).await?)
}

/// Says once what a task waits for, or that nobody knows how it goes.
fn tell_standing(task: Option<TaskView>, standing: &mut Option<String>, teller: &mut Teller) {
    let Some(task) = task else { return };
    let text = match task.state.parse() {
        Ok(TaskState::Waiting) => match &task.waits_for {
            Some(what) => format!("waits for {}", crate::speak::plain(what)),
            None => "waits for its turn".into(),
        },
        Ok(TaskState::OutOfContact) => {
            format!(
                "out of contact: the back end of {} does not answer, so nobody knows how it goes",
                crate::speak::plain(&task.server)
            )
        }
        _ => return,
    };
    if standing.as_ref() != Some(&text) {
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        teller.say(&format!("{first}{}.", letters.as_str()));
        *standing = Some(text);
    }
}

fn leave(teller: &mut Teller, task: i64, last: Option<(u32, u64)>) -> End {
    let from = last.map(|(_, n)| format!(" --from {}", n + 1)).unwrap_or_default();
    teller.remark(&format!("The task goes on. To follow it: `aegir task follow {task}{from}`"));
    End::Left
}

fn now() -> i64 {
    i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX)
}
