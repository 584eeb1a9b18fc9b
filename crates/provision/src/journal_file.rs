//! The journal as a file: a line for each record, with a checksum before it.
//!
//! A torn last line is what a crash leaves; it is ignored when read and cut off before the next
//! record is written. A bad line that others follow is no crash but a broken disk or a hand at work,
//! unless the task never acted: until it does nothing is synced, and what was not synced may come back
//! from a power loss with holes.
//!
//! ```text
//!   head, checks, an end without changes     not synced
//!   the first record that is to be synced    before it: what is written, and the foundation
//!   every later one that is to be synced     itself
//! ```
//!
//! The foundation is what it takes to find the journal again: whoever opens it says what that is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aegir_domain::{Outcome, Remedy};
use aegir_host::FileFault;
use aegir_recipe::{Journal, JournalFault, Record};

/// Room set aside for a journal, so that a disk that fills up can still be told what was undone.
const RESERVED: u64 = 64 * 1024;

/// An open journal of one task. Whoever has it open holds the task's lock.
pub struct FileJournal {
    file: File,
    /// Where the next record goes: behind the last whole one.
    end: u64,
    /// Records and syncs written by this process, for those who count.
    pub records: u32,
    /// See `records`.
    pub syncs: u32,
    foundation: Foundation,
    /// Whether the foundation was laid.
    founded: bool,
    drill: Box<dyn FnMut(Boundary, u32) + Send>,
}

/// Makes what a task needs from its first act on, and makes durable what it takes to find its journal.
pub type Foundation = Box<dyn Fn() -> Result<(), FileFault> + Send>;

/// The two sides of a record: where a proof may end the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// Before it is written.
    Before,
    /// After it is written, and synced if it was to be.
    After,
}

impl FileJournal {
    /// Opens the journal at `path` for a process that holds the task's lock; makes it if it is not there.
    /// Returns what it says already.
    pub fn open(path: &Path) -> Result<(FileJournal, Vec<Record>), JournalReadFault> {
        let fault = |source| JournalReadFault::Open { path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(fault)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fault)?;
        let (records, end) = decode(&bytes, path)?;
        let (foundation, drill): (Foundation, _) = (Box::new(|| Ok(())), Box::new(|_, _| ()));
        Ok((FileJournal { file, end, records: 0, syncs: 0, foundation, founded: false, drill }, records))
    }

    /// Calls `foundation` before the first record that is synced, which is not written if that fails.
    pub fn with_foundation(mut self, foundation: Foundation) -> FileJournal {
        self.foundation = foundation;
        self
    }

    /// Calls `drill` at each boundary with the record's number, from 1 on: for proofs that end the process there.
    pub fn with_drill(mut self, drill: impl FnMut(Boundary, u32) + Send + 'static) -> FileJournal {
        self.drill = Box::new(drill);
        self
    }

    /// Before the first synced record, so that one that is found proves all before it, and all it stands on.
    fn found(&mut self) -> io::Result<()> {
        if !self.founded {
            // Keeps the length as it is; where a file system cannot, the journal only loses its reserve.
            let room = rustix::fs::FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.file, room, 0, self.end + RESERVED);
            self.file.sync_data()?;
            (self.foundation)().map_err(io::Error::other)?;
            self.founded = true;
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8], sync: bool) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(line)?;
        // Cuts off what a crash or a failed write left behind.
        self.file.set_len(self.end + line.len() as u64)?;
        if sync {
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Journal for FileJournal {
    fn append(&mut self, record: &Record, sync: bool) -> Result<(), JournalFault> {
        let line = encode(record).map_err(JournalFault::Refused)?;
        self.records += 1;
        (self.drill)(Boundary::Before, self.records);
        if sync {
            self.found().map_err(JournalFault::Refused)?;
        }
        match self.write(&line, sync) {
            Ok(()) => {
                self.end += line.len() as u64;
                self.syncs += u32::from(sync);
                (self.drill)(Boundary::After, self.records);
                Ok(())
            }
            Err(error) => match self.file.set_len(self.end).and_then(|()| self.file.sync_data()) {
                Ok(()) => Err(JournalFault::Refused(error)),
                Err(_) => Err(JournalFault::Lost(error)),
            },
        }
    }
}

/// Reads the first record of the journal at `path`, if there is a whole one.
pub fn read_head(path: &Path) -> Result<Option<Record>, JournalReadFault> {
    let bytes = std::fs::read(path).map_err(|source| JournalReadFault::Open { path: path.to_owned(), source })?;
    Ok(bytes.split_inclusive(|byte| *byte == b'\n').next().and_then(decode_line))
}

/// Reads the journal at `path` without touching it.
pub fn read_journal(path: &Path) -> Result<Vec<Record>, JournalReadFault> {
    let bytes = std::fs::read(path).map_err(|source| JournalReadFault::Open { path: path.to_owned(), source })?;
    decode(&bytes, path).map(|(records, _)| records)
}

fn encode(record: &Record) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(record).map_err(io::Error::other)?;
    Ok(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())).into_bytes())
}

/// The records, and where the last whole one before any damage ends.
fn decode(bytes: &[u8], path: &Path) -> Result<(Vec<Record>, u64), JournalReadFault> {
    let mut records = Vec::new();
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match decode_line(line) {
            Some(record) => {
                records.push(record);
                end += line.len();
            }
            None if end + line.len() == bytes.len() => break,
            None if is_hole(line) && never_acted(bytes) => break,
            None => return Err(JournalReadFault::Broken { path: path.to_owned(), record: records.len() + 1 }),
        }
    }
    Ok((records, end as u64))
}

/// Whether a line was never on the disk: file systems give zeros for what was not.
fn is_hole(line: &[u8]) -> bool {
    line.contains(&0)
}

/// Whether what can be read is only what a task writes that does not act.
fn never_acted(bytes: &[u8]) -> bool {
    bytes.split_inclusive(|byte| *byte == b'\n').filter_map(decode_line).all(|record| match record {
        Record::Head { .. } | Record::Program(_) => true,
        Record::Committed { afterwards, changed, .. } => afterwards.is_empty() && !changed,
        Record::Ended(outcome) => matches!(outcome, Outcome::Succeeded | Outcome::Refused { .. }),
        Record::Begun { .. } | Record::Done { .. } | Record::Undone { .. } | Record::Finished { .. } => false,
    })
}

fn decode_line(line: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (sum, json) = text.split_once(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (sum == crc32fast::hash(json.as_bytes())).then(|| serde_json::from_str(json).ok()).flatten()
}

/// A journal that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalReadFault {
    /// Its file cannot be opened.
    #[error("cannot open the journal `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A record in its middle is not what was written.
    #[error("record {record} of the journal `{}` is damaged, and others follow it", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Its number, from 1 on.
        record: usize,
    },
}

impl Remedy for JournalReadFault {
    fn remedy(&self) -> Option<String> {
        match self {
            JournalReadFault::Open { .. } => None,
            JournalReadFault::Broken { path, .. } => Some(format!(
                "nothing was undone; look at the readable lines of `{}` for what the task had done, put that right by \
                 hand, then remove the file",
                path.display()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(count: u32) -> Vec<Record> {
        (0..count).map(|line| Record::Done { line }).collect()
    }

    fn written(path: &Path, count: u32) -> Vec<u8> {
        let (mut journal, _) = FileJournal::open(path).unwrap();
        for record in records(count) {
            journal.append(&record, true).unwrap();
        }
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_journal_cut_anywhere_is_read_up_to_its_last_whole_record_and_written_on() {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(&folder.path().join("whole"), 3);
        for cut in 0..whole.len() {
            let path = folder.path().join("cut");
            std::fs::write(&path, &whole[..cut]).unwrap();

            let (mut journal, read) = FileJournal::open(&path).unwrap();
            assert_eq!(read, records(read.len() as u32), "cut at {cut}");
            journal.append(&Record::Done { line: 77 }, true).unwrap();

            let mut expected = read;
            expected.push(Record::Done { line: 77 });
            assert_eq!(read_journal(&path).unwrap(), expected, "cut at {cut}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_torn_record_of_zeros_or_noise_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let whole = written(&path, 2);
        for tail in [vec![0; 40], b"deadbeef {\"record\":\"done\",\"line\":9}\n".to_vec(), vec![0xff, b'\n']] {
            std::fs::write(&path, [whole.clone(), tail].concat()).unwrap();
            assert_eq!(read_journal(&path).unwrap(), records(2));
        }
    }

    #[test]
    fn a_damaged_record_in_the_middle_is_an_error_and_nothing_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut whole = written(&path, 3);
        whole[12] ^= 1;
        std::fs::write(&path, whole).unwrap();

        assert!(matches!(FileJournal::open(&path), Err(JournalReadFault::Broken { record: 1, .. })));
    }

    fn head() -> Record {
        let attempt = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        // Longer than a page of a file system, of which one may be written and another not.
        Record::Head { version: 1, attempt, task: "x".repeat(5000).into(), locks: Vec::new() }
    }

    #[test]
    fn holes_in_the_journal_of_a_task_that_never_acted_are_what_a_power_loss_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let committed =
            Record::Committed { line: 1, afterwards: Vec::new(), answer: Default::default(), changed: false };
        let idle = [head(), committed, Record::Ended(Outcome::Succeeded)];
        let begun = Record::Begun { line: 1, name: "make-folder".into(), inputs: 1.into() };
        let acting = [head(), begun, Record::Done { line: 1 }];
        for (records, acted) in [(&idle, false), (&acting, true)] {
            let mut bytes = records.iter().flat_map(|record| encode(record).unwrap()).collect::<Vec<_>>();
            bytes[..4096].fill(0);
            std::fs::write(&path, bytes).unwrap();

            match read_journal(&path) {
                Ok(read) => assert_eq!((acted, read), (false, Vec::new())),
                Err(fault) => assert!(acted && matches!(fault, JournalReadFault::Broken { record: 1, .. })),
            }
        }
    }

    #[test]
    fn the_foundation_is_laid_once_before_the_first_synced_record_and_never_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (seen, written) = (std::sync::Arc::new(std::sync::Mutex::new(Vec::new())), path.clone());
        let laid = seen.clone();
        let lay = move || {
            laid.lock().unwrap().push(read_journal(&written).unwrap().len());
            Ok(())
        };
        let mut journal = FileJournal::open(&path).unwrap().0.with_foundation(Box::new(lay));

        journal.append(&head(), false).unwrap();
        assert_eq!((seen.lock().unwrap().clone(), journal.syncs), (vec![], 0));
        for record in records(3) {
            journal.append(&record, true).unwrap();
        }

        assert_eq!((seen.lock().unwrap().clone(), journal.syncs), (vec![1], 3));
    }

    #[test]
    fn a_record_whose_foundation_cannot_be_laid_is_not_in_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let files = aegir_host::Files::new(Vec::new());
        // Outside of all bases.
        let lay = move || files.sync(Path::new("/nowhere"));
        let mut journal = FileJournal::open(&path).unwrap().0.with_foundation(Box::new(lay));

        assert!(matches!(journal.append(&Record::Done { line: 1 }, true), Err(JournalFault::Refused(_))));

        assert_eq!(read_journal(&path).unwrap(), Vec::new());
    }
}
