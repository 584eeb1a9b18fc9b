//! What a task says, as a file of lines: a line's number is its offset.
//!
//! The worker writes it; anybody may follow it, from any line, as often as they like.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aegir_domain::protocol::{Line, Said};
use aegir_host::Clock;
use aegir_recipe::Teller;

/// The writing end. Cloning it gives another handle on the same file.
#[derive(Clone)]
pub struct Events {
    open: Arc<Mutex<Open>>,
    clock: Arc<dyn Clock>,
}

struct Open {
    file: File,
    next: u64,
}

impl Events {
    /// Opens the event file at `path` to write behind its last whole line; makes it if it is not there.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> io::Result<Events> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // A line torn by a crash was never read by anybody: readers wait for its end.
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let next = text[..whole].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        Ok(Events { open: Arc::new(Mutex::new(Open { file, next })), clock })
    }

    /// Syncs what was said so far.
    pub fn sync(&self) -> io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).file.sync_data()
    }
}

impl Teller for Events {
    fn tell(&self, said: Said) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Line { n: open.next, at: self.clock.unix_ms(), said };
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        // A full disk must not stop a task from being undone: what cannot be said is lost, the journal is not.
        let at = open.file.stream_position();
        match open.file.write_all(&text) {
            Ok(()) => open.next += 1,
            Err(_) => {
                if let Ok(at) = at {
                    let _ = open.file.set_len(at);
                    let _ = open.file.seek(SeekFrom::Start(at));
                }
            }
        }
    }
}

/// The reading end.
pub struct EventReader {
    reader: BufReader<File>,
    partial: Vec<u8>,
    /// The number of the last line read.
    pub last: u64,
}

impl EventReader {
    /// Opens the event file at `path`; the first line read will be `from` (1 is the first of all).
    pub fn open(path: &Path, from: u64) -> io::Result<EventReader> {
        let mut reader = EventReader { reader: BufReader::new(File::open(path)?), partial: Vec::new(), last: 0 };
        while reader.last + 1 < from {
            if reader.next()?.is_none() {
                break;
            }
        }
        Ok(reader)
    }

    /// The next whole line without its end, or nothing if there is none yet.
    #[expect(clippy::should_implement_trait, reason = "it can go on after a `None`")]
    pub fn next(&mut self) -> io::Result<Option<String>> {
        self.reader.read_until(b'\n', &mut self.partial)?;
        if self.partial.last() != Some(&b'\n') {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.partial);
        line.pop();
        self.last += 1;
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}
