//! The code of a platform, read by a thread while a task waits for something else.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::JoinHandle;

use aegir_drupal::platform::{self, PlatformFacts, PlatformFault};

type Reading = JoinHandle<Result<PlatformFacts, PlatformFault>>;

/// What stands in the code of a platform: being read since [`CodeAhead::begin`].
pub(crate) struct CodeAhead {
    root: PathBuf,
    reading: Mutex<Option<Reading>>,
}

impl CodeAhead {
    /// Begins to read the code at `root`.
    pub(crate) fn begin(root: &Path) -> CodeAhead {
        let root = root.to_owned();
        let reads = root.clone();
        // Without a thread it is read when it is asked for.
        let reading = std::thread::Builder::new().spawn(move || platform::read(&reads)).ok();
        CodeAhead { root, reading: Mutex::new(reading) }
    }

    /// What was read, once; after that, and of another root, it is read anew.
    pub(crate) fn get(&self, root: &Path) -> Result<PlatformFacts, PlatformFault> {
        let reading = self.reading.lock().ok().and_then(|mut reading| reading.take());
        match reading.filter(|_| root == self.root).map(JoinHandle::join) {
            Some(Ok(read)) => read,
            _ => platform::read(root),
        }
    }
}
