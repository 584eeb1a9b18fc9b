//! The back end, asked as anybody asks it: by a command line, as the user that the home belongs to.
//!
//! `aegir up` may be root's, who must not run tasks; and what a person could type is the best
//! description of what is done here.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aegir_domain::protocol::{Ending, FoundAttempt, FoundState, Line, Said};
use aegir_domain::{AttemptId, Cmd, Context, Remedy};
use aegir_host::{Alive, OwnProgram, RunAs};
use aegir_stack::Users;
use rustix::process::{Pid, Signal};

use crate::compose::OWN_PROGRAM;

/// The back end of one home.
pub(crate) struct BackEnd {
    home: PathBuf,
    program: OwnProgram,
    /// Those of our commands that run.
    followers: Mutex<Vec<u32>>,
}

impl BackEnd {
    /// The back end of `home`; `users` are those of a stack that root started.
    pub(crate) fn new(home: PathBuf, users: Option<&Users>) -> BackEnd {
        // By the second group it gives files to the web server.
        let run_as = users.map(|users| RunAs { uid: users.aegir.uid, groups: vec![users.aegir.gid, users.web.gid] });
        BackEnd { home, program: OwnProgram::new(OWN_PROGRAM, run_as), followers: Mutex::default() }
    }

    /// What a person would type.
    pub(crate) fn shown(&self, words: &[&str]) -> String {
        Cmd::new("aegir")
            .arg("--home")
            .arg(self.home.to_string_lossy())
            .arg("provision")
            .args(words.iter().copied())
            .to_string()
    }

    /// Runs a task to its end; `hear` is told what it says.
    pub(crate) fn task(&self, words: &[&str], hear: &mut dyn FnMut(&Said)) -> Result<Ending, BackEndFault> {
        let mut ending = None;
        let told = self.program.follow(
            &self.words(&[&["--json"], words].concat()),
            &|id, alive| match alive {
                Alive::Yes => self.followers().push(id),
                Alive::No => self.followers().retain(|follower| *follower != id),
            },
            &mut |line| match serde_json::from_str::<Line>(line).map(|line| line.said) {
                Ok(Said::Result(end)) => ending = Some(*end),
                Ok(said) => hear(&said),
                Err(_) => (),
            },
        );
        let told = told.map_err(|source| BackEndFault::Start { line: self.shown(words), source })?;
        ending.ok_or_else(|| BackEndFault::Refused { line: self.shown(words), said: told.err })
    }

    /// All words of a line.
    fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        // A home that is no UTF-8 was refused before the stack began.
        [&["--home", self.home.to_str().unwrap_or_default(), "provision"], words].concat()
    }

    /// Everything that is known.
    pub(crate) fn contexts(&self) -> Result<Vec<Context>, BackEndFault> {
        let said = self.ask(&["--json", "show"])?;
        Ok(said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The attempts that somebody works on.
    pub(crate) fn busy(&self) -> Result<Vec<FoundAttempt>, BackEndFault> {
        let said = self.ask(&["--json", "tasks", "--limit", "1000"])?;
        let all = said.lines().filter_map(|line| serde_json::from_str::<FoundAttempt>(line).ok());
        Ok(all.filter(|attempt| attempt.state == FoundState::Running).collect())
    }

    /// Asks an attempt to stop before its next line, and to take back what it did.
    pub(crate) fn cancel(&self, attempt: AttemptId) -> Result<(), BackEndFault> {
        self.ask(&["cancel", &attempt.to_string()]).map(drop)
    }

    /// Ends what dead workers began; what it says of each.
    pub(crate) fn recover(&self) -> Result<Vec<String>, BackEndFault> {
        let said = self.ask(&["recover"])?;
        Ok(said.lines().filter(|line| !line.starts_with("Nothing ")).map(str::to_owned).collect())
    }

    /// Ends those who follow our own attempts: they would start another worker for one that is killed.
    pub(crate) fn stop_following(&self) {
        for follower in self.followers().iter() {
            if let Some(pid) = Pid::from_raw(follower.cast_signed()) {
                // That it just ended is fine.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }

    fn followers(&self) -> MutexGuard<'_, Vec<u32>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the worker of an attempt at once, with what it started. What it began is for `recover`.
    pub(crate) fn kill(&self, attempt: AttemptId) {
        let home = self.home.to_string_lossy().into_owned();
        let words = ["--home", &home, "provision", "worker", &attempt.to_string()];
        for group in aegir_host::groups_with_arguments(&words) {
            // One that cannot be ended is found by `recover`, which waits for it.
            let _ = aegir_host::end_group(&group, Duration::ZERO);
        }
    }

    /// Runs a command to its end, and gives what it says on standard output.
    fn ask(&self, words: &[&str]) -> Result<String, BackEndFault> {
        let fault = |source| BackEndFault::Start { line: self.shown(words), source };
        let told = self.program.run(&self.words(words)).map_err(fault)?;
        match told.code {
            // `recover` ends so where something stays stuck, and says what.
            Some(0 | 8) => Ok(told.out),
            _ => Err(BackEndFault::Refused { line: self.shown(words), said: told.err }),
        }
    }
}

/// Why the back end did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackEndFault {
    #[error("cannot run `{line}`")]
    Start {
        line: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{line}` was refused:\n{}", said.trim())]
    Refused { line: String, said: String },
}

impl Remedy for BackEndFault {
    fn remedy(&self) -> Option<String> {
        match self {
            BackEndFault::Start { .. } => {
                Some("put the program where every user may run it, such as `/usr/local/bin/aegir`".into())
            }
            // What it said ends with its own remedy.
            BackEndFault::Refused { .. } => None,
        }
    }
}
