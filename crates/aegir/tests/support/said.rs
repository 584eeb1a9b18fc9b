//! What a command said, and how it ended.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::spawn;

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    pub words: String,
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Runs a command to its end.
    pub fn of(command: &mut Command, words: &[&str]) -> Said {
        Said::whole(spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())), words)
    }

    /// The same with `input`; a command that does not read it all is fine.
    pub fn with_input(command: &mut Command, words: &[&str], input: &[u8]) -> Said {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command);
        let _ = child.stdin.take().unwrap().write_all(input);
        Said::whole(child, words)
    }

    /// Waits for the end of a command.
    pub fn whole(child: Child, words: &[&str]) -> Said {
        let ended = child.wait_with_output().unwrap();
        Said {
            words: words.join(" "),
            code: ended.status.code().unwrap_or(-1),
            out: String::from_utf8(ended.stdout).unwrap(),
            err: String::from_utf8(ended.stderr).unwrap(),
        }
    }

    /// Everything it said.
    pub fn all(&self) -> String {
        format!("aegir {}\n{}{}(exit code {})", self.words, self.out, self.err, self.code)
    }

    /// It must have succeeded.
    #[track_caller]
    pub fn done(self) -> Said {
        self.ends(0)
    }

    /// It must have ended with `code`.
    #[track_caller]
    pub fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// It must have said `text`, on either stream.
    #[track_caller]
    pub fn says(self, text: &str) -> Said {
        assert!(self.out.contains(text) || self.err.contains(text), "it does not say `{text}`:\n{}", self.all());
        self
    }

    /// It must have said `text` once, and not again.
    #[track_caller]
    pub fn says_once(self, text: &str) -> Said {
        let said = self.out.matches(text).count() + self.err.matches(text).count();
        assert_eq!(said, 1, "it does not say `{text}` once:\n{}", self.all());
        self
    }

    /// It must have told a way out that holds `text`.
    #[track_caller]
    pub fn remedy(self, text: &str) -> Said {
        let remedy = self.err.split("how to fix it: ").nth(1).unwrap_or_default();
        assert!(remedy.contains(text), "no remedy with `{text}`:\n{}", self.all());
        self
    }

    /// It must have changed something.
    #[track_caller]
    pub fn changed_nothing(self) -> Said {
        self.says("Nothing was to change")
    }
}
