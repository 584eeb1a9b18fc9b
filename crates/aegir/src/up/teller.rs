//! What a person sees while `aegir up` works: a line for each step, and between them what passes.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aegir_host::{Clock, SystemClock};

use crate::speak::plain;

/// How often what passes is told where it cannot be written over.
const SELDOM: Duration = Duration::from_secs(5);
/// The longest that is written over, in characters: a line that wraps could not be taken away.
const WIDTH: usize = 76;

/// Tells, from any thread.
pub(crate) struct Teller {
    over: bool,
    state: Mutex<State>,
}

struct State {
    /// Whether something that passes stands on the line.
    passing: bool,
    told: Duration,
    began: Duration,
}

impl Teller {
    /// On standard output: written over only where that is a terminal.
    pub(crate) fn new() -> Teller {
        let now = SystemClock.now();
        let state = State { passing: false, told: now, began: now };
        Teller { over: io::stdout().is_terminal(), state: Mutex::new(state) }
    }

    /// A step begins.
    pub(crate) fn head(&self, text: &str) {
        self.line(&format!("==> {}", plain(text)));
    }

    /// Something was done.
    pub(crate) fn say(&self, text: &str) {
        self.line(&format!("    {}", plain(text)));
    }

    /// Something is to be looked at.
    pub(crate) fn warn(&self, text: &str) {
        self.line(&format!("    warning: {}", plain(text).replace('\n', "\n    ")));
    }

    /// A text of several lines, as it is.
    pub(crate) fn text(&self, text: &str) {
        self.line(text);
    }

    /// Something goes on: shown until the next line comes.
    pub(crate) fn passing(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = plain(text);
        let mut out = io::stdout().lock();
        if self.over {
            let seconds = SystemClock.now().saturating_sub(state.began).as_secs();
            let shown: String = format!("{text} … {seconds} s").chars().take(WIDTH).collect();
            // A reader that is gone does not matter.
            let _ = write!(out, "\r\x1b[K    {shown}").and_then(|()| out.flush());
            state.passing = true;
        } else if SystemClock.now().saturating_sub(state.told) >= SELDOM {
            let _ = writeln!(out, "    … {text}").and_then(|()| out.flush());
            state.told = SystemClock.now();
        }
    }

    fn line(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = io::stdout().lock();
        let clear = if std::mem::take(&mut state.passing) { "\r\x1b[K" } else { "" };
        let _ = writeln!(out, "{clear}{text}").and_then(|()| out.flush());
        state.told = SystemClock.now();
        state.began = state.told;
    }
}
