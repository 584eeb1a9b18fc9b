//! One `aegir up` per home.

use std::fs::File;
use std::io::{Read, Seek, Write};

use rustix::fs::FlockOperation;

use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::process_table;

/// Held as long as the stack; the kernel lets it go with our process, however that ends.
#[derive(Debug)]
pub(crate) struct UpLock {
    _file: File,
}

impl UpLock {
    /// Takes the lock of this home, or names who has it.
    pub(crate) fn take(places: &Places) -> Result<UpLock, StackFault> {
        let path = places.run.join("up.lock");
        let fault = |source| StackFault::File { doing: "lock", path: path.clone(), source };
        files::append(&path, places.private_owner(), 0o640)?;
        let mut file = File::options().read(true).write(true).open(&path).map_err(fault)?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(fault)?;
            let pid = text.trim().parse().unwrap_or(0);
            return Err(StackFault::InUse {
                home: places.home.clone(),
                pid,
                program: process_table::command_line(pid),
            });
        }
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write().map_err(fault)?;
        Ok(UpLock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_has_the_home() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();

        let held = UpLock::take(&places).unwrap();
        let Err(StackFault::InUse { pid, program, .. }) = UpLock::take(&places) else { panic!("taken twice") };

        assert_eq!(pid, std::process::id().cast_signed());
        assert!(program.is_some());
        drop(held);
        UpLock::take(&places).unwrap();
    }
}
