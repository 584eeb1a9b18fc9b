//! The front end beside the services: started as the home's own user, kept while `aegir up` runs.
//!
//! It ends by itself when the pipe that it reads from us closes, so that one which outlives a killed `aegir up` is
//! not there for long.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aegir_host::{Clock, OwnProgram, RunAs, Spoken, SystemClock};
use aegir_stack::Users;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal};

use super::panel::{self, Panel};
use super::teller::Teller;
use crate::compose::OWN_PROGRAM;

/// How often we look whether it lives.
const LOOK: Duration = Duration::from_millis(100);
/// How long it may take to end.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest pause before it is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The front end of one home.
pub(super) struct FrontEnd<'a> {
    home: PathBuf,
    program: OwnProgram,
    /// Where panel and API answer.
    address: SocketAddr,
    teller: &'a Teller,
    stopping: AtomicBool,
    running: Mutex<Option<Running>>,
}

struct Running {
    spoken: Spoken,
    /// Open while it is to run.
    input: Option<OwnedFd>,
}

impl<'a> FrontEnd<'a> {
    pub(super) fn new(home: &Path, users: Option<&Users>, address: SocketAddr, teller: &'a Teller) -> FrontEnd<'a> {
        let run_as = users.map(|users| RunAs { uid: users.aegir.uid, groups: vec![users.aegir.gid, users.web.gid] });
        FrontEnd {
            home: home.to_owned(),
            program: OwnProgram::new(OWN_PROGRAM, run_as),
            address,
            teller,
            stopping: AtomicBool::new(false),
            running: Mutex::default(),
        }
    }

    /// Keeps it running until it is to stop.
    pub(super) fn keep(&self) {
        let mut pause = Duration::from_secs(1);
        while !self.is_stopping() {
            let began = SystemClock.now();
            match self.start() {
                Ok(()) => {
                    let how = self.wait();
                    if self.is_stopping() {
                        return;
                    }
                    self.teller.warn(&format!(
                        "the front end ended ({how}) and is started again; its last words are in `{}`",
                        self.log().display()
                    ));
                }
                Err(error) => self.teller.warn(&format!("the front end cannot be started: {error}")),
            }
            if SystemClock.now().saturating_sub(began) > LONGEST_PAUSE {
                pause = Duration::from_secs(1);
            }
            let until = SystemClock.now() + pause;
            while SystemClock.now() < until && !self.is_stopping() {
                SystemClock.sleep(LOOK);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn start(&self) -> io::Result<()> {
        let home = self.home.to_str().unwrap_or_default();
        let address = self.address.to_string();
        let (spoken, streams) = self.program.speak(&["--home", home, "serve", "--while-read", "--panel", &address])?;
        for output in [streams.output, streams.errors] {
            let log = self.open_log();
            std::thread::spawn(move || pour(File::from(output), log));
        }
        *self.running() = Some(Running { spoken, input: Some(streams.input) });
        Ok(())
    }

    /// Waits until it has ended, and says how.
    fn wait(&self) -> String {
        loop {
            if let Some(running) = self.running().as_mut()
                && let Ok(Some(status)) = running.spoken.ended()
            {
                return status.to_string();
            }
            SystemClock.sleep(LOOK);
        }
    }

    /// Tells it that something was done by hand, so that it looks now.
    pub(super) fn look(&self) {
        if let Some(Running { input: Some(input), .. }) = self.running().as_ref() {
            // One that does not read any more looks when it is started again.
            let _ = rustix::io::write(input, b"\n");
        }
    }

    /// The panel, with a link for the first account where there was none; `None`, with a warning: it does not answer.
    pub(super) fn panel(&self) -> Option<Panel> {
        let panel = panel::ask(&self.home, &self.program, self.address, &|| self.is_stopping());
        match panel {
            Ok(panel) => Some(panel),
            Err(_) if self.is_stopping() => None,
            Err(fault) => {
                self.teller.warn(&format!("{fault}; see `{}`", self.log().display()));
                None
            }
        }
    }

    /// Has it end in order: it starts no further task, and those that run go on without it.
    pub(super) fn stop(&self) {
        if self.stopping.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(running) = self.running().as_mut() {
            running.input = None;
        }
        let until = SystemClock.now() + PATIENCE;
        loop {
            if self.has_ended(SystemClock.now() > until) {
                return;
            }
            SystemClock.sleep(LOOK);
        }
    }

    /// Whether it has; `kill`: it has had its time.
    fn has_ended(&self, kill: bool) -> bool {
        let mut running = self.running();
        let Some(running) = running.as_mut() else { return true };
        if matches!(running.spoken.ended(), Ok(Some(_))) {
            return true;
        }
        if kill && let Some(pid) = Pid::from_raw(running.spoken.id().cast_signed()) {
            // What it had not stored is told again by the back end.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        false
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> PathBuf {
        self.home.join("logs/front-end.log")
    }

    /// The log; through no link, since root may be asking.
    fn open_log(&self) -> Option<File> {
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(self.log()).ok()
    }
}

/// Writes all that comes into the log, or lets it go where there is none: a pipe that is full would stop it.
fn pour(mut from: File, mut into: Option<File>) {
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if let Some(log) = &mut into {
            let _ = log.write_all(&bytes[..count]);
        }
    }
}
