//! The back end, asked as anybody asks it: by a command line, as the user that the home belongs to.
//!
//! `aegir up` may be root's, who must not run tasks; and what a person could type is the best
//! description of what is done here.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aegir_domain::protocol::{Ending, Line, Said};
use aegir_domain::{AttemptId, Cmd, Context, Remedy};
use aegir_stack::Users;
use rustix::process::{Gid, Pid, Signal, Uid};
use serde::Deserialize;

use crate::compose::OWN_PROGRAM;

/// The back end of one home.
pub(crate) struct BackEnd {
    home: PathBuf,
    account: Option<Account>,
    /// Those of our commands that run.
    followers: Mutex<Vec<u32>>,
}

#[derive(Clone)]
struct Account {
    uid: Uid,
    /// Its own, and that of the web server's workers.
    groups: [Gid; 2],
}

/// An attempt that somebody works on.
#[derive(Debug, Deserialize)]
pub(crate) struct Busy {
    pub(crate) attempt: AttemptId,
    pub(crate) task: String,
    pub(crate) object: String,
    state: String,
}

impl BackEnd {
    /// The back end of `home`; `users` are those of a stack that root started.
    pub(crate) fn new(home: PathBuf, users: Option<&Users>) -> BackEnd {
        let account = users.map(|users| Account {
            uid: Uid::from_raw(users.aegir.uid),
            groups: [users.aegir.gid, users.web.gid].map(Gid::from_raw),
        });
        BackEnd { home, account, followers: Mutex::default() }
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
        let fault = |source| BackEndFault::Start { line: self.shown(words), source };
        let mut command = self.command(&[&["--json"], words].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(fault)?;
        self.followers().push(child.id());
        let errors = child.stderr.take().map(|pipe| std::thread::spawn(move || whole(pipe)));
        let mut ending = None;
        for line in child.stdout.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines().map_while(Result::ok))
        {
            let Ok(line) = serde_json::from_str::<Line>(&line) else { continue };
            match line.said {
                Said::Result(end) => ending = Some(*end),
                said => hear(&said),
            }
        }
        // No longer a number that `kill` may use once it was waited for.
        self.followers().retain(|id| *id != child.id());
        child.wait().map_err(fault)?;
        let said = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
        ending.ok_or_else(|| BackEndFault::Refused { line: self.shown(words), said })
    }

    /// Everything that is known.
    pub(crate) fn contexts(&self) -> Result<Vec<Context>, BackEndFault> {
        let said = self.ask(&["--json", "show"])?;
        Ok(said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The attempts that somebody works on.
    pub(crate) fn busy(&self) -> Result<Vec<Busy>, BackEndFault> {
        let said = self.ask(&["--json", "tasks", "--limit", "1000"])?;
        let all = said.lines().filter_map(|line| serde_json::from_str::<Busy>(line).ok());
        Ok(all.filter(|attempt| attempt.state == "running").collect())
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
        let ran = self.command(words).output().map_err(fault)?;
        match ran.status.code() {
            // `recover` ends so where something stays stuck, and says what.
            Some(0 | 8) => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
            _ => Err(BackEndFault::Refused {
                line: self.shown(words),
                said: String::from_utf8_lossy(&ran.stderr).into_owned(),
            }),
        }
    }

    #[allow(clippy::disallowed_methods, reason = "our own program, as the owner of the home; host runs those of tasks")]
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(OWN_PROGRAM);
        let home: OsString = self.home.clone().into();
        command.arg("--home").arg(home).arg("provision").args(words).current_dir("/").stdin(Stdio::null());
        // Ctrl-C is ours to hear: it cancels, and waits.
        command.process_group(0);
        if let Some(Account { uid, groups }) = self.account.clone() {
            let become_it = move || {
                rustix::thread::set_thread_groups(&groups)?;
                let gid = groups[0];
                rustix::thread::set_thread_res_gid(gid, gid, gid)?;
                Ok(rustix::thread::set_thread_res_uid(uid, uid, uid)?)
            };
            // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
            #[allow(unsafe_code, reason = "std would drop the group by which Ægir gives files to the web server")]
            unsafe {
                command.pre_exec(become_it);
            }
        }
        command
    }
}

fn whole(mut pipe: impl Read) -> String {
    let mut text = Vec::new();
    // What could be read is told.
    let _ = pipe.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
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
