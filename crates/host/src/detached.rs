//! Starts a process of our own that outlives us: a worker, in a session of its own.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aegir_domain::Cmd;
use rustix::io::FdFlags;

/// A process that was started with [`start_detached`].
#[derive(Debug)]
pub struct Detached(Child);

impl Detached {
    /// Whether it runs. One that ended is reaped.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

/// Starts `cmd` in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it.
///
/// It gets the search path for programs, the variables `env` and nothing else of ours: no descriptor
/// but the ends of `/dev/null`, and `log` for standard error, which is made with mode 0600.
pub fn start_detached(cmd: &Cmd, env: &[(String, String)], log: &Path) -> io::Result<Detached> {
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(log)?;
    keep_our_descriptors()?;
    let mut command = Command::new(&cmd.program);
    command.args(&cmd.args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(env.iter().map(|(name, value)| (name, value))).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // SAFETY: between fork and exec only a system call is made; nothing is allocated or locked.
    #[expect(unsafe_code, reason = "the only way to leave the session before the first signal can come")]
    unsafe {
        command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
    }
    command.spawn().map(Detached)
}

/// Has every descriptor that we were given, beside the first three, stay with us: a pipe that the
/// worker held open would keep its reader waiting after we are gone.
fn keep_our_descriptors() -> io::Result<()> {
    let open = fs::read_dir("/proc/self/fd")?.collect::<io::Result<Vec<_>>>()?;
    for fd in open.iter().filter_map(|entry| entry.file_name().to_str()?.parse::<RawFd>().ok()).filter(|fd| *fd > 2) {
        // SAFETY: only a flag is changed, on a number that is open or, like that of the folder just
        // read, was; then the system says so, and it matters to nobody.
        #[expect(unsafe_code, reason = "descriptors are known by number here")]
        let _ = rustix::io::fcntl_setfd(unsafe { BorrowedFd::borrow_raw(fd) }, FdFlags::CLOEXEC);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_detached_process_has_a_session_of_its_own_and_nothing_of_our_environment() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let script = "ps -o sid= -p $$ >&2; env >&2";
        let cmd = Cmd::new("/bin/sh").args(["-c", script]);

        let mut process = start_detached(&cmd, &[("A".into(), "1".into())], &log).unwrap();

        while process.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let said = fs::read_to_string(&log).unwrap();
        assert_eq!(said.lines().next().unwrap().trim(), process.id().to_string());
        assert!(said.contains("\nA=1\n"), "{said}");
        assert!(!said.contains("CARGO"), "{said}");
    }
}
