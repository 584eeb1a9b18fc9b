//! Follows what an attempt says until it ended. The follower can die at any moment; the work goes on.

use std::time::Duration;
use std::{io, thread};

use aegir_domain::protocol::{Ending, Line, Said};
use aegir_domain::{Outcome, Remedy, exit_code};
use aegir_provision::{AttemptFault, EventReader, read_journal};
use aegir_recipe::State;

use crate::ask::Followed;
use crate::failure::Failure;

/// The shortest and the longest time between two looks at what was said, and at whether the worker lives.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(25);

/// How long to wait before we look again, where nothing was heard for so long: an eighth of that is what a line may be
/// late by.
///
/// The kernel could wake us (inotify), but to stop watching costs several of its grace periods, some 12 ms, which is
/// as much as all of a task that only asks.
fn pause(quiet: Duration) -> Duration {
    (quiet / 8).clamp(SHORTEST, LONGEST)
}

/// Who hears what an attempt says.
pub(crate) trait Listener {
    /// Hears a line: its text as it is, and what it means, if this build understands it.
    fn hear(&mut self, text: &str, line: Option<&Line>) -> io::Result<()>;

    /// Hears that the worker died and that another one takes over.
    fn hear_restart(&mut self);

    /// Hears how it ended, once nothing more will be said; the secret part of the answer is in it.
    fn hear_end(&mut self, text: &str, line: &Line, ending: &Ending) -> io::Result<()>;

    /// Whether the person pressed Ctrl-C since we asked last.
    fn was_interrupted(&mut self) -> bool {
        false
    }

    /// Hears that the attempt was asked to stop.
    fn hear_cancel(&mut self) {}

    /// Hears that we leave, and from which line on to go on.
    fn hear_detach(&mut self, _next: u64) {}
}

/// How following came to its end.
pub(crate) enum End {
    /// The attempt ended.
    Ended(Box<Ending>),
    /// It goes on without us.
    Left,
}

impl End {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            End::Ended(ending) => ending.outcome.exit_code(),
            End::Left => exit_code::DETACHED,
        }
    }

    /// The exit code, where a task that changed nothing is to be told apart.
    pub(crate) fn code_if_unchanged(&self) -> u8 {
        match self {
            End::Ended(ending) if ending.outcome == Outcome::Succeeded && !ending.changed => exit_code::UNCHANGED,
            end => end.code(),
        }
    }
}

/// Follows an attempt from line `from` on, until it ended or we are to leave it.
pub(crate) fn follow(mut followed: Followed, from: u64, listener: &mut dyn Listener) -> Result<End, Failure> {
    let mut reader: Option<EventReader> = None;
    let mut next = from;
    let mut last: Option<(String, Line)> = None;
    let (mut restarted, mut cancelled) = (false, false);
    let mut quiet = Duration::ZERO;
    loop {
        // Asked before reading: what a worker said before it ended is read once more after that.
        let alive = followed.is_alive();
        while let Some(text) = next_line(&followed, &mut reader, next)? {
            next = reader.as_ref().map_or(next, |reader| reader.last + 1);
            quiet = Duration::ZERO;
            if next <= from {
                continue;
            }
            let line: Option<Line> = serde_json::from_str(&text).ok();
            // An end is told once nothing follows it: an attempt that was stuck can be recovered.
            if let Some((text, line)) = last.take() {
                told(listener.hear(&text, Some(&line)), &followed)?;
            }
            match line {
                Some(line) if matches!(line.said, Said::Result(_)) => last = Some((text, line)),
                line => {
                    if told(listener.hear(&text, line.as_ref()), &followed)? == Told::NobodyListens {
                        return Ok(End::Left);
                    }
                }
            }
        }
        if let Some((text, line)) = last.take() {
            return end(&followed, &text, line, listener);
        }
        if listener.was_interrupted() {
            if cancelled {
                listener.hear_detach(next);
                return Ok(End::Left);
            }
            cancelled = true;
            followed.attempt.cancel()?;
            listener.hear_cancel();
        }
        if !alive {
            // A full disk can swallow what a worker says; its journal has room set aside.
            if let Some(line) = end_in_journal(&followed, next) {
                let text = serde_json::to_string(&line).unwrap_or_default();
                return end(&followed, &text, line, listener);
            }
            if restarted {
                return Err(WorkerDied { log: followed.attempt.folder.worker_log() }.into());
            }
            restarted = true;
            listener.hear_restart();
            followed.start(None)?;
            // A line that the dead worker left half written is cut off by the next one.
            reader = None;
        }
        let pause = pause(quiet);
        thread::sleep(pause);
        quiet += pause;
    }
}

/// The line that would say how the attempt ended, if only its journal knows.
fn end_in_journal(followed: &Followed, next: u64) -> Option<Line> {
    let records = read_journal(&followed.attempt.folder.journal()).ok()?;
    let state = State::of(&records);
    let mut ending = Ending::of(state.ended?);
    ending.changed = state.changed;
    ending.answer = state.answer;
    ending.context = followed.attempt.folder.saved_context(&followed.parts).ok().flatten();
    let said = Said::Result(Box::new(ending));
    Some(Line { n: next, at: followed.parts.clock.unix_ms(), said })
}

/// The next whole line, if there is one yet.
fn next_line(followed: &Followed, reader: &mut Option<EventReader>, from: u64) -> Result<Option<String>, Failure> {
    if reader.is_none() {
        match followed.attempt.follow(from) {
            Ok(open) => *reader = Some(open),
            Err(AttemptFault::NoEvents { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(fault.into()),
        }
    }
    let Some(open) = reader else { return Ok(None) };
    let path = || followed.attempt.folder.events();
    Ok(open.next().map_err(|source| AttemptFault::NoEvents { path: path(), source })?)
}

fn end(followed: &Followed, text: &str, line: Line, listener: &mut dyn Listener) -> Result<End, Failure> {
    let Said::Result(mut ending) = line.said else { return Ok(End::Left) };
    if !followed.leaves_secret {
        ending.secret_answer = followed.attempt.take_secret_answer()?;
    }
    let with_secret = Line { said: Said::Result(ending.clone()), ..line };
    told(listener.hear_end(text, &with_secret, &ending), followed)?;
    Ok(End::Ended(ending))
}

#[derive(PartialEq)]
enum Told {
    Yes,
    NobodyListens,
}

/// A listener that is gone is no error of ours: the work goes on without it.
fn told(result: io::Result<()>, _: &Followed) -> Result<Told, Failure> {
    match result {
        Ok(()) => Ok(Told::Yes),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Told::NobodyListens),
        Err(source) => Err(NotTold { source }.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("two workers of this attempt ended before it did")]
struct WorkerDied {
    log: std::path::PathBuf,
}

impl Remedy for WorkerDied {
    fn remedy(&self) -> Option<String> {
        Some(format!("look for their last words in `{}`, then run `aegir provision recover`", self.log.display()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output; the task goes on")]
struct NotTold {
    source: io::Error,
}

impl Remedy for NotTold {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hears_nothing_looks_less_often() {
        let looks = |during: Duration| {
            let (mut quiet, mut looks) = (Duration::ZERO, 0);
            while quiet < during {
                quiet += pause(quiet);
                looks += 1;
            }
            looks
        };
        assert_eq!(looks(Duration::from_millis(8)), 8);
        assert!(looks(Duration::from_secs(60)) < 2_450, "some forty times a second");
    }
}
