//! Waits for something to be written in a folder, instead of looking again and again.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

/// Hears of what is written in one folder, from the moment it is made.
///
/// A system that has no watches left, or a file system that tells nothing, makes it a clock: whoever waits
/// has to look each time, whatever woke them.
#[derive(Debug)]
pub struct Watch(Option<OwnedFd>);

impl Watch {
    /// Watches `folder`.
    pub fn of(folder: &Path) -> Watch {
        let watching = || {
            let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            add_watch(&inotify, folder, WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
            rustix::io::Result::Ok(inotify)
        };
        Watch(watching().ok())
    }

    /// Waits until something is written there, or was since the last call; at most `limit`. A signal ends the
    /// waiting too.
    pub fn wait(&self, limit: Duration) {
        let Some(inotify) = &self.0 else { return std::thread::sleep(limit) };
        let limit = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let _ = poll(&mut [PollFd::new(inotify, PollFlags::IN)], Some(&limit));
        let mut told = [MaybeUninit::<u8>::uninit(); 4096];
        // What it was does not matter; it must only not be told again.
        while rustix::io::read(inotify, &mut told[..]).is_ok_and(|(told, _)| !told.is_empty()) {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_is_written_ends_the_waiting_once() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::of(folder.path());
        let began = Instant::now();

        fs::write(folder.path().join("events"), "one").unwrap();
        watch.wait(LONG);
        assert!(began.elapsed() < LONG);

        let began = Instant::now();
        watch.wait(Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_waited_for_by_the_clock() {
        let began = Instant::now();
        Watch::of(Path::new("/nonexistent")).wait(Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
