//! A home with a front end for tests, and a shell to type in.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::double::Double;
use crate::support::said::Said;
use crate::support::{Lab, spawn, way};

/// A home, and what answers there.
pub struct Stage {
    // Its socket lies in the home, so it ends first.
    pub front: Double,
    pub lab: Lab,
}

impl Stage {
    pub fn new() -> Stage {
        let lab = Lab::bare(way());
        let front = Double::start(&lab.home());
        lab.give(&lab.home());
        Stage { front, lab }
    }

    /// The line `aegir --home … WORDS…`.
    pub fn line(&self, words: &[&str]) -> Command {
        let home = self.lab.home().display().to_string();
        let mut all = vec!["--home", home.as_str()];
        all.extend(words);
        let mut command = self.lab.as_user(&all);
        command.env_remove("NO_COLOR").env("TERM", "xterm").stdin(Stdio::null());
        command
    }

    /// Types a line, and waits for its end.
    pub fn aegir(&self, words: &[&str]) -> Said {
        Said::of(&mut self.line(words), words)
    }

    /// Types a line, and goes on while it runs.
    pub fn begin(&self, words: &[&str]) -> Child {
        spawn(self.line(words).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// A file that the user of the home can read, and nobody else.
    pub fn secret_file(&self, text: &str) -> PathBuf {
        let path = self.lab.home().join("secret");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        self.lab.give(&path);
        path
    }
}

/// Ends when `child` did, with what it said; Ctrl-C is sent to it first.
pub fn interrupted(child: Child, words: &[&str]) -> Said {
    interrupt(&child);
    Said::whole(child, words)
}

/// Sends Ctrl-C.
pub fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}
