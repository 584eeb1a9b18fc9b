//! One `aegir up` per home.

use aegir_host::Lock;
use aegir_host::locks::{holder, try_take_one};

use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::process_table;

/// Held as long as the stack; the kernel lets it go with our process, however that ends.
#[derive(Debug)]
pub(crate) struct UpLock {
    _lock: Lock,
}

impl UpLock {
    /// Takes the lock of this home, or names who has it.
    pub(crate) fn take(places: &Places) -> Result<UpLock, StackFault> {
        let path = places.run.join("up.lock");
        let Some(lock) = try_take_one(&path, &std::process::id().to_string(), false).map_err(StackFault::Lock)? else {
            let pid = holder(&path).parse().unwrap_or(0);
            let program = process_table::command_line(pid);
            return Err(StackFault::InUse { home: places.home.clone(), pid, program });
        };
        files::append(&path, places.private_owner(), 0o600)?;
        Ok(UpLock { _lock: lock })
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
