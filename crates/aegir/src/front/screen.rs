//! Where a person reads: how wide it is, whether it moves, whether it has colours.

use std::io::{self, IsTerminal, Write};

use aegir_host::{Clock, SystemClock};

use crate::speak::plain;

/// What we know of the two streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Whether standard output is a terminal.
    pub(crate) out: bool,
    /// Whether standard error is one.
    pub(crate) err: bool,
    /// Whether lines can be written over.
    pub(crate) moves: bool,
    /// Whether colours are wanted.
    pub(crate) colours: bool,
    /// The moment from which times are seen.
    pub(crate) now: i64,
}

/// What the environment says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// `NO_COLOR` is set.
    pub(crate) no_colour: bool,
    /// `TERM` is `dumb`.
    pub(crate) dumb: bool,
}

/// How a word looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As the rest.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// It is under way.
    Busy,
    /// To be looked at.
    Warning,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// How the word for a state looks.
    pub(crate) fn of_state(word: &str) -> Tone {
        match word {
            "enabled" | "succeeded" | "done" => Tone::Good,
            "running" | "starting" | "new" | "waiting" => Tone::Busy,
            "untidy" | "out-of-contact" | "cancelled" | "refused" | "rolled-back" => Tone::Warning,
            "failed" | "stuck" => Tone::Bad,
            _ => Tone::Plain,
        }
    }

    /// `text` in this tone.
    pub(crate) fn paint(self, text: &str, colours: bool) -> String {
        let code = match self {
            Tone::Good => 32,
            Tone::Busy => 36,
            Tone::Warning => 33,
            Tone::Bad => 31,
            Tone::Plain => return text.to_owned(),
        };
        if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Screen {
    /// The one that we are on.
    pub(crate) fn here(wishes: Wishes) -> Screen {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Screen {
            out,
            err,
            moves: !wishes.dumb,
            colours: out && !wishes.no_colour && !wishes.dumb,
            now: i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX),
        }
    }

    /// How many columns standard output has, if it is a terminal.
    pub(crate) fn width(self) -> Option<usize> {
        if !self.out {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then(|| usize::from(size.ws_col))
    }

    /// Whether a person can be asked, and answer.
    pub(crate) fn can_ask(self) -> bool {
        self.err && io::stdin().is_terminal()
    }
}

/// Asks on standard error, and gives the line that is typed.
pub(crate) fn ask(question: &str) -> io::Result<String> {
    let mut err = io::stderr().lock();
    err.write_all(plain(question).as_bytes())?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}
