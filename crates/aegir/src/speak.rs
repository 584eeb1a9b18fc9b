//! What a person, or a program, reads: lines of an attempt as JSON, or as sentences.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aegir_domain::protocol::{Ending, Level, Line, Phase, Said};
use aegir_domain::{AttemptId, Outcome, Report};
use serde_json::Value;

use crate::follow::Listener;

/// How many lines of a program's output are shown, unless all are wanted.
const FOLD: usize = 12;

/// Prints a text and a line end on standard output; a reader that is gone does not matter.
pub(crate) fn out(text: &str) {
    let _ = write_to(&mut io::stdout().lock(), text);
}

/// The same on standard error.
pub(crate) fn err(text: &str) {
    let _ = write_to(&mut io::stderr().lock(), text);
}

fn write_to(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.write_all(b"\n")?;
    stream.flush()
}

/// Prints lines as they are.
#[derive(Default)]
pub(crate) struct Raw {
    interrupts: Option<Interrupts>,
}

impl Raw {
    /// For a person who wants JSON: Ctrl-C asks to cancel.
    pub(crate) fn by_hand() -> Raw {
        Raw { interrupts: Interrupts::listen() }
    }
}

impl Listener for Raw {
    fn hear(&mut self, text: &str, _: Option<&Line>) -> io::Result<()> {
        write_to(&mut io::stdout().lock(), text)
    }

    fn hear_restart(&mut self) {
        err("the worker ended before its time; another one takes over");
    }

    fn hear_end(&mut self, text: &str, line: &Line, ending: &Ending) -> io::Result<()> {
        let with_secret = ending.secret_answer.is_some().then(|| serde_json::to_string(line).ok()).flatten();
        write_to(&mut io::stdout().lock(), with_secret.as_deref().unwrap_or(text))
    }

    fn was_interrupted(&mut self) -> bool {
        self.interrupts.as_ref().is_some_and(Interrupts::came)
    }

    fn hear_cancel(&mut self) {
        err("asked the task to stop; Ctrl-C again leaves it alone");
    }

    fn hear_detach(&mut self, next: u64) {
        err(&format!("the task goes on; follow it from line {next} on"));
    }
}

/// Remembers Ctrl-C. A hang-up is not listened to: it ends the follower, and the work goes on.
struct Interrupts(Arc<AtomicBool>);

impl Interrupts {
    fn listen() -> Option<Interrupts> {
        let came = Arc::new(AtomicBool::new(false));
        // Without it, Ctrl-C ends the follower as it ends any program.
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&came)).ok()?;
        Some(Interrupts(came))
    }

    fn came(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Where sentences go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error, where standard output is for the answer alone.
    Err,
}

/// Prints sentences for a person.
pub(crate) struct Sentences {
    id: AttemptId,
    stream: Stream,
    verbose: bool,
    interrupts: Option<Interrupts>,
    /// Why the task fails, until it is known whether anything comes between that and its end.
    error: Option<String>,
}

impl Sentences {
    /// For the attempt `id`.
    pub(crate) fn new(id: AttemptId, stream: Stream, verbose: bool) -> Sentences {
        Sentences { id, stream, verbose, interrupts: Interrupts::listen(), error: None }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        match self.stream {
            Stream::Out => write_to(&mut io::stdout().lock(), text),
            Stream::Err => write_to(&mut io::stderr().lock(), text),
        }
    }

    /// What a task that says nothing itself is answered with.
    fn say_done(&self, ending: &Ending) -> io::Result<()> {
        for (answer, word) in [("saved", "Saved"), ("forgotten", "Forgot")] {
            let Some(name) = ending.answer.get(answer).and_then(Value::as_str) else { continue };
            return self.say(&match (answer, ending.changed) {
                ("saved", false) => format!("`{name}` was saved so already"),
                _ => format!("{word} `{name}`"),
            });
        }
        Ok(())
    }

    fn output(&self, text: &str) -> io::Result<()> {
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let shown = if self.verbose { lines.len() } else { FOLD.min(lines.len()) };
        if shown < lines.len() {
            let more = lines.len() - shown;
            self.say(&format!("    … {more} lines before these (`aegir provision attach {}` prints all)", self.id))?;
        }
        // The last lines are those that tell why a program failed.
        lines[lines.len() - shown..].iter().try_for_each(|line| self.say(&format!("    {}", plain(line))))
    }
}

impl Listener for Sentences {
    fn hear(&mut self, _: &str, line: Option<&Line>) -> io::Result<()> {
        let Some(Line { said, .. }) = line else { return Ok(()) };
        if let Some(error) = self.error.take() {
            let first = error.lines().next().unwrap_or_default();
            self.say(&format!("failed: {first}"))?;
            self.say("Taking back what was done.")?;
        }
        match said {
            Said::Started { .. } if self.verbose => self.say(&format!("attempt {}", self.id)),
            Said::Started { .. } => Ok(()),
            Said::Log { level: Level::Error, text, output } => {
                self.error = Some(plain(text));
                output.as_deref().map_or(Ok(()), |output| self.output(output))
            }
            Said::Log { level, text, output } => {
                let mark = if *level == Level::Warning { "warning: " } else { "" };
                self.say(&format!("{mark}{}", plain(text)))?;
                output.as_deref().map_or(Ok(()), |output| self.output(output))
            }
            Said::Step { name, phase, took, .. } if self.verbose => match step(*phase) {
                Some(word) => {
                    let took = took.map(|took| format!(" ({took} ms)")).unwrap_or_default();
                    self.say(&format!("  {word} {name}{took}"))
                }
                None => Ok(()),
            },
            Said::Progress { done, total, text } if self.verbose => match total {
                0 => self.say(&format!("  {}", plain(text))),
                total => self.say(&format!("  {} ({done} of {total})", plain(text))),
            },
            Said::Step { .. } | Said::Progress { .. } | Said::Result(_) => Ok(()),
        }
    }

    fn hear_restart(&mut self) {
        err("The worker ended before its time; another one takes over, and takes back what was begun.");
    }

    fn hear_end(&mut self, _: &str, _: &Line, ending: &Ending) -> io::Result<()> {
        if let Some(fault) = ending.fault() {
            let mark = if ending.untidy { "warning" } else { "error" };
            err(&format!("{mark}: {}\n", Report(fault)));
        }
        match &ending.outcome {
            Outcome::Succeeded => self.say_done(ending)?,
            Outcome::Untidy { .. } => err(
                "The result stands; something that it replaced is left over. `aegir provision recover` tries again to remove it.",
            ),
            Outcome::Refused { .. } => err("Nothing was touched."),
            Outcome::RolledBack { .. } => err("What was done is taken back: all is as it was."),
            Outcome::Stuck { left, .. } => {
                err("Taking it back failed too. What is left, the last line first:");
                for left in left {
                    let why = left
                        .fault
                        .as_ref()
                        .map(|fault| format!(": {}", Report(fault).to_string().replace('\n', "\n    ")));
                    err(&format!("  {}{}", left.line, why.unwrap_or_default()));
                }
                err("\nPut right what stands in the way, then run `aegir provision recover`.");
            }
        }
        let link = ending.secret_answer.as_ref().and_then(|secret| secret.get("login_link")).and_then(Value::as_str);
        match (link, self.stream) {
            (Some(link), Stream::Err) => write_to(&mut io::stdout().lock(), link),
            (Some(link), Stream::Out) => self.say(&format!("Log in once with {link}")),
            (None, _) => Ok(()),
        }
    }

    fn was_interrupted(&mut self) -> bool {
        self.interrupts.as_ref().is_some_and(Interrupts::came)
    }

    fn hear_cancel(&mut self) {
        err("Asked the task to stop before its next line, and to take back what it did. Ctrl-C again leaves it alone.");
    }

    fn hear_detach(&mut self, next: u64) {
        err(&format!("The task goes on. To follow it: `aegir provision attach {} --from {next}`", self.id));
    }
}

/// What is said of a line of the recipe once something became of it.
fn step(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Checking | Phase::Doing | Phase::Undoing | Phase::Finishing => None,
        Phase::Checked => Some("checked"),
        Phase::Done => Some("did"),
        Phase::Failed => Some("failed"),
        Phase::Committed => Some("══"),
        Phase::Undone => Some("undid"),
        Phase::Finished => Some("finished"),
        Phase::Owed => Some("owes"),
    }
}

/// A text without what a terminal would obey, and without what would turn the rest of a line round.
pub(crate) fn plain(text: &str) -> String {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if obeyed(c) || turns(c) { '\u{fffd}' } else { c }).collect()
}
