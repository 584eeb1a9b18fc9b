//! Waits for something to be written in a folder, instead of looking again and again.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

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

    /// Waits until something is written to the file `name` there, or was since the last call; at most `limit`. A
    /// signal ends the waiting too.
    pub fn wait(&self, name: &str, limit: Duration) {
        let Some(inotify) = &self.0 else { return std::thread::sleep(limit) };
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            // Time is up, or a signal came.
            if !matches!(poll(&mut [PollFd::new(inotify, PollFlags::IN)], Some(&left)), Ok(1..)) {
                return;
            }
            let mut told = [MaybeUninit::<u8>::uninit(); 4096];
            let mut told = Reader::new(inotify, &mut told);
            let mut is_it = false;
            // All of it, so that it is not told again.
            while let Ok(event) = told.next() {
                is_it |= event.file_name().is_none_or(|told| told.to_bytes() == name.as_bytes());
            }
            if is_it {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn what_is_written_ends_the_waiting_once() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::of(folder.path());
        let began = Instant::now();

        fs::write(folder.path().join("events"), "one").unwrap();
        watch.wait("events", LONG);
        assert!(began.elapsed() < LONG);

        let began = Instant::now();
        fs::write(folder.path().join("journal"), "two").unwrap();
        watch.wait("events", Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn a_folder_that_cannot_be_watched_is_waited_for_by_the_clock() {
        let began = Instant::now();
        Watch::of(Path::new("/nonexistent")).wait("events", Duration::from_millis(30));
        assert!(began.elapsed() >= Duration::from_millis(30));
    }
}
