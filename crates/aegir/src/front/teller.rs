//! Tells what a task says, while it says it.

use std::io::{self, Write};

use aegir_hosting::view::{LineView, TaskView};
use serde_json::{Map, Value, json};

use super::ending;
use super::screen::Screen;
use super::table::{cut, one_line};
use super::when;
use crate::speak::{err, out, plain};

/// How many lines of a program's output are shown, unless all are wanted.
const FOLD: usize = 12;

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// A person, on standard output.
    Sentences,
    /// A person, on standard error: standard output is for the answer alone.
    Aside,
    /// A program: a line of JSON for each line of the task, and one for its end.
    Lines,
    /// A program: one document at the end.
    Document,
    /// A program that had its document: it hears what failed, on standard error.
    Silent,
}

/// Tells what a task says.
pub(crate) struct Teller {
    voice: Voice,
    verbose: bool,
    screen: Screen,
    /// Whether there is a line that is written over.
    live: bool,
    /// What the task is at, and since when.
    step: Option<(String, i64)>,
    /// Why the task fails, until it is known whether anything comes between that and its end.
    error: Option<String>,
    attempt: Option<u32>,
    task: i64,
    /// Whether whoever was told has gone away.
    gone: bool,
}

impl Teller {
    /// For the task of this number.
    pub(crate) fn new(voice: Voice, verbose: bool, screen: Screen, task: i64) -> Teller {
        Teller { voice, verbose, screen, live: false, step: None, error: None, attempt: None, task, gone: false }
    }

    /// Whether whoever is told is a person.
    pub(crate) fn is_to_person(&self) -> bool {
        matches!(self.voice, Voice::Sentences | Voice::Aside)
    }

    /// Whether a line shows what goes on right now.
    fn moves(&self) -> bool {
        let terminal = match self.voice {
            Voice::Sentences => self.screen.out,
            Voice::Aside => self.screen.err,
            Voice::Lines | Voice::Document | Voice::Silent => false,
        };
        terminal && self.screen.moves
    }

    /// Says a sentence to a person.
    pub(crate) fn say(&mut self, text: &str) {
        self.clear();
        match self.voice {
            Voice::Sentences => self.gone |= print(text).is_err(),
            Voice::Aside => err(text),
            Voice::Lines | Voice::Document | Voice::Silent => (),
        }
    }

    /// Says something that is none of the task's words: always on standard error.
    pub(crate) fn remark(&mut self, text: &str) {
        self.clear();
        err(text);
    }

    /// Hears a line of the task.
    pub(crate) fn hear(&mut self, line: &LineView) -> io::Result<()> {
        match self.voice {
            Voice::Document | Voice::Silent => return Ok(()),
            Voice::Lines => return print(&json!({ "type": "line", "line": line }).to_string()),
            Voice::Sentences | Voice::Aside => (),
        }
        if let Some(error) = self.error.take() {
            let first = error.lines().next().unwrap_or_default().to_owned();
            self.say(&format!("failed: {first}"));
            self.say("Taking back what was done.");
        }
        if self.attempt.is_some_and(|attempt| attempt != line.attempt) {
            self.say(&format!("Attempt {} begins.", line.attempt));
        }
        self.attempt = Some(line.attempt);
        let level = line.level.as_deref().unwrap_or_default();
        match line.kind.as_str() {
            "log" => {
                let text = plain(&line.text);
                match level {
                    "error" => self.error = Some(text),
                    "warning" => self.say(&format!("warning: {text}")),
                    _ => self.say(&text),
                }
                if let Some(output) = &line.output {
                    self.output(output);
                }
            }
            "step" => {
                if matches!(level, "checking" | "doing" | "undoing" | "finishing") {
                    self.step = Some((format!("{level} {}", line.text), line.at));
                } else if self.verbose {
                    self.say(&format!("  {level} {}", plain(&line.text)));
                }
            }
            "progress" => {
                if self.verbose && !self.moves() {
                    self.say(&format!("  {}", plain(&line.text)));
                }
                self.step = Some((line.text.clone(), self.step.as_ref().map_or(line.at, |(_, since)| *since)));
            }
            _ => (),
        }
        if self.gone { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    fn output(&mut self, text: &str) {
        let text = plain(text);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let shown = if self.verbose { lines.len() } else { FOLD.min(lines.len()) };
        if shown < lines.len() {
            let more = lines.len() - shown;
            self.say(&format!("    … {more} lines before these (`aegir task log {} --verbose` prints all)", self.task));
        }
        // The last lines are those that tell why a program failed.
        for line in &lines[lines.len() - shown..] {
            self.say(&format!("    {line}"));
        }
    }

    /// Shows what goes on right now, where that can be shown.
    pub(crate) fn show(&mut self, now: i64, waiting: Option<&str>) {
        if !self.moves() {
            return;
        }
        let text = match (&self.step, waiting) {
            (Some((step, since)), _) => format!("  … {step}, {}", when::took(now - since)),
            (None, Some(why)) => format!("  … {why}"),
            (None, None) => return,
        };
        let width = self.screen.width().unwrap_or(80).saturating_sub(1);
        let text = cut(&one_line_keeping_indent(&text), width);
        self.over(&format!("\r\x1b[K{text}"));
        self.live = true;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.live) {
            self.over("\r\x1b[K");
        }
    }

    fn over(&self, text: &str) {
        let write = |stream: &mut dyn Write| stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        // A terminal that is gone is told by the next sentence.
        let _ = match self.voice {
            Voice::Aside => write(&mut io::stderr().lock()),
            _ => write(&mut io::stdout().lock()),
        };
    }

    /// Hears how the task ended, and the part of its answer that is told once.
    pub(crate) fn end(&mut self, task: &TaskView, secret: Option<&Map<String, Value>>) -> io::Result<()> {
        match self.voice {
            Voice::Lines => {
                let mut last = json!({ "type": "ended", "task": task });
                if let Some(secret) = secret {
                    last["secret_answer"] = Value::Object(secret.clone());
                }
                return print(&last.to_string());
            }
            Voice::Document => {
                let mut document = json!(task);
                if let Some(secret) = secret {
                    document["secret_answer"] = Value::Object(secret.clone());
                }
                out(&format!("{document:#}"));
                return Ok(());
            }
            Voice::Sentences | Voice::Aside | Voice::Silent => (),
        }
        let words = ending::words(task);
        for sentence in words.sentences {
            self.say(&sentence);
        }
        for complaint in words.complaints {
            self.remark(&complaint);
        }
        let link = secret.and_then(|secret| secret.get("login_link")).and_then(Value::as_str);
        match (link, self.voice) {
            (Some(link), Voice::Aside) => out(&one_line(link)),
            (Some(link), _) => self.say(&format!("Log in once with {}", one_line(link))),
            (None, _) => (),
        }
        Ok(())
    }
}

fn one_line_keeping_indent(text: &str) -> String {
    format!("  {}", one_line(text))
}

/// Prints one line on standard output, where somebody may listen no more.
fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{line}\n").as_bytes())?;
    stdout.flush()
}
