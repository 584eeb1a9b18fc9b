//! Attempts: a folder each, made once, followed by anybody.
//!
//! `run` makes the folder and starts a worker; the worker does the work in a session of its own; `run`
//! and `attach` only follow what it says. Their death, a broken pipe or a hang-up of ssh cannot touch
//! the work.

use std::path::PathBuf;
use std::sync::Arc;

use aegir_domain::protocol::{Request, VERSION};
use aegir_domain::{AttemptId, Password, Remedy};
use aegir_host::{FileFault, LockFault, Trouble};

use crate::worker::Asked as AskedTask;
use crate::{EventReader, TaskFolder, WorldParts};

/// An attempt that was asked for.
pub struct Attempt {
    parts: Arc<WorldParts>,
    /// Its folder.
    pub folder: TaskFolder,
}

/// Whether a request made a new attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It did: a worker must be started.
    New,
    /// One with that id was there already: it is attached to.
    Known,
}

impl Attempt {
    /// Writes down what `request` asks for, unless an attempt with its id exists.
    ///
    /// The request is complete once its file appears, so a process that dies in here leaves an
    /// attempt that never runs and is told apart from one that did.
    ///
    /// Nothing of it is durable before the task acts: a power loss may forget that it was asked for, and what it
    /// leaves half written is written anew. A request with secrets is durable at once, since half a secret looks
    /// like a whole one.
    pub fn ask(parts: &Arc<WorldParts>, request: &Request) -> Result<(Attempt, Asked), AttemptFault> {
        if request.protocol != VERSION {
            return Err(AttemptFault::OtherProtocol { asked: request.protocol });
        }
        let attempt = Attempt { parts: parts.clone(), folder: TaskFolder::new(&parts.home, request.attempt) };
        let files = &parts.files;
        let home = &parts.home;
        for folder in [home.open_tasks(), home.locks(), home.contexts(), home.credentials(), home.cache()] {
            files.make_dirs(&folder, 0o700)?;
        }
        let path = attempt.folder.request();
        if attempt.folder.is_asked_for(files)? {
            return Ok((attempt, Asked::Known));
        }
        files.remove_file(&path)?;
        files.make_dir(&attempt.folder.path, 0o700)?;
        // The mark comes first: what is left of an attempt that never begins is found by it.
        let mark = parts.home.open_tasks().join(request.attempt.to_string());
        let has_secrets = request.secrets.iter().next().is_some();
        match has_secrets {
            true => files.write(&mark, b"", 0o600)?,
            false => files.write_unsynced(&mark, b"", 0o600)?,
        };
        if has_secrets {
            files.make_dir(&attempt.folder.secrets(), 0o700)?;
        }
        for (name, secret) in request.secrets.iter() {
            files.write(&attempt.folder.secret_path(name), secret.expose().as_bytes(), 0o600)?;
        }
        if has_secrets {
            files.sync(&attempt.folder.path)?;
        }
        let asked_at = Some(parts.clock.unix_ms());
        let asked = AskedTask { task: request.task.clone(), asked_by: request.asked_by.clone(), asked_at };
        let text = serde_json::to_vec_pretty(&asked).map_err(AttemptFault::NotText)?;
        let asked = match files.write_new_unsynced(&path, &text, 0o600) {
            Ok(_) => Asked::New,
            Err(fault) if fault.trouble() == Trouble::Taken => Asked::Known,
            Err(fault) => return Err(fault.into()),
        };
        if has_secrets {
            attempt.folder.make_durable(home, files)?;
        }
        Ok((attempt, asked))
    }

    /// The attempt with this id, which must exist.
    pub fn find(parts: &Arc<WorldParts>, id: AttemptId) -> Result<Attempt, AttemptFault> {
        let attempt = Attempt { parts: parts.clone(), folder: TaskFolder::new(&parts.home, id) };
        match attempt.folder.is_asked_for(&parts.files)? {
            true => Ok(attempt),
            false => Err(AttemptFault::Unknown { id }),
        }
    }

    /// Asks the worker to stop before its next line, and to take back what it did.
    pub fn cancel(&self) -> Result<(), AttemptFault> {
        self.parts.files.write(&self.folder.cancel(), b"", 0o600)?;
        Ok(())
    }

    /// Follows what is said, from line `from` on (1 is the first).
    pub fn follow(&self, from: u64) -> Result<EventReader, AttemptFault> {
        EventReader::open(&self.folder.events(), from)
            .map_err(|source| AttemptFault::NoEvents { path: self.folder.events(), source })
    }

    /// Whether a worker, or a program it started, is alive.
    pub fn is_alive(&self) -> bool {
        !aegir_host::locks::is_free(&self.folder.lock()).unwrap_or(false)
    }

    /// The part of the answer that is given once: to whoever takes it first.
    pub fn take_secret_answer(&self) -> Result<Option<serde_json::Map<String, serde_json::Value>>, AttemptFault> {
        let path = self.folder.secret_answer();
        // Renamed first, so that of two who ask at once only one gets it.
        let taken = self.folder.path.join(format!("answer.taken.{}", std::process::id()));
        if self.parts.files.kind(&path)?.is_none() || self.parts.files.rename(&path, &taken).is_err() {
            return Ok(None);
        }
        let text = self.parts.files.read(&taken)?;
        self.parts.files.remove_file(&taken)?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// The secrets of the request, for a worker that finds none kept.
    pub fn secret(&self, name: &str) -> Result<Option<Password>, AttemptFault> {
        Ok(self.folder.secret(&self.parts.files, name)?)
    }
}

/// An attempt that cannot be made, found or followed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptFault {
    /// Another protocol is asked for.
    #[error("the front end speaks version {asked} of the protocol, and this back end speaks version {VERSION}")]
    OtherProtocol {
        /// The version asked for.
        asked: u32,
    },
    /// The request is longer than any can be.
    #[error("the request has more than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The request is not JSON, breaks off, or asks for what there is not.
    #[error("cannot read the request")]
    Unreadable(#[source] serde_json::Error),
    /// There is no attempt of this id.
    #[error("there is no attempt `{id}`")]
    Unknown {
        /// The id.
        id: AttemptId,
    },
    /// Its events cannot be read.
    #[error("cannot read what the attempt said, in `{}`", path.display())]
    NoEvents {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its request cannot be written down.
    #[error("cannot write the request down")]
    NotText(#[source] serde_json::Error),
    /// Its folder cannot be made or read.
    #[error("cannot keep the attempt's files")]
    Files(#[from] FileFault),
    /// Whether somebody works on it cannot be told.
    #[error("cannot tell who works on the attempt")]
    Lock(#[from] LockFault),
    /// Another process works on it.
    #[error("a worker is at it already")]
    Busy,
    /// Programs that a dead worker started do not end.
    #[error("programs of the attempt are still alive: {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))]
    ProgramsLive {
        /// Their process ids.
        pids: Vec<u32>,
    },
    /// Its journal cannot be read.
    #[error("cannot take up the attempt")]
    Journal(#[from] crate::journal_file::JournalReadFault),
    /// No worker could be started.
    #[error("cannot start a worker")]
    NoWorker(#[source] std::io::Error),
}

impl Remedy for AttemptFault {
    fn remedy(&self) -> Option<String> {
        match self {
            AttemptFault::OtherProtocol { .. } => {
                Some(format!("use the same version of Ægir on both ends; this one is {}", env!("CARGO_PKG_VERSION")))
            }
            AttemptFault::TooLong { .. } | AttemptFault::Unreadable(_) => Some(
                "send one JSON object as `docs/protocol.schema.json` describes it, whole, and close standard input"
                    .into(),
            ),
            AttemptFault::Unknown { .. } => {
                Some("look at the attempts of this home with `aegir provision tasks`".into())
            }
            AttemptFault::Files(fault) => fault.remedy(),
            AttemptFault::Lock(fault) => fault.remedy(),
            AttemptFault::Journal(fault) => fault.remedy(),
            AttemptFault::ProgramsLive { .. } => {
                Some("end those processes by their ids, then run `aegir provision recover`".into())
            }
            AttemptFault::Busy => Some("follow it with `aegir provision attach`".into()),
            AttemptFault::NoEvents { .. } | AttemptFault::NotText(_) | AttemptFault::NoWorker(_) => None,
        }
    }
}
