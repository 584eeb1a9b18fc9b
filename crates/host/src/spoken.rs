//! A program that is spoken with while it runs: its three streams and its end are descriptors, so that one
//! thread can wait for many at once.
//!
//! For back ends behind a pipe: what such a program does has a worker and a journal of its own, so to end the
//! program ends nothing but the conversation.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use aegir_domain::Cmd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::find_program;

/// A program that runs. Dropped, it is ended and reaped.
#[derive(Debug)]
pub struct Spoken {
    child: Child,
    end: OwnedFd,
}

/// Our ends of its pipes.
#[derive(Debug)]
pub struct Streams {
    /// What it reads.
    pub input: OwnedFd,
    /// What it writes on standard output.
    pub output: OwnedFd,
    /// What it writes on standard error.
    pub errors: OwnedFd,
}

impl Spoken {
    /// Starts `cmd` in a group of its own, with the search path for programs and a language whose messages can be
    /// told apart, and nothing else of our environment.
    pub fn start(cmd: &Cmd) -> io::Result<(Spoken, Streams)> {
        let program = find_program(&cmd.program).ok_or(io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(&cmd.args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LC_ALL", "C.UTF-8").current_dir("/").process_group(0);
        Spoken::of(command)
    }

    pub(crate) fn of(mut command: Command) -> io::Result<(Spoken, Streams)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let opened = Pid::from_raw(child.id().cast_signed()).ok_or(rustix::io::Errno::SRCH);
        match (opened.and_then(|pid| pidfd_open(pid, PidfdFlags::empty())), pipes) {
            (Ok(end), (Some(input), Some(output), Some(errors))) => {
                let streams = Streams { input: input.into(), output: output.into(), errors: errors.into() };
                Ok((Spoken { child, end }, streams))
            }
            (end, _) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(end.err().map_or(io::ErrorKind::BrokenPipe.into(), Into::into))
            }
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

/// Can be read once the program has ended.
impl AsFd for Spoken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl AsRawFd for Spoken {
    fn as_raw_fd(&self) -> RawFd {
        self.end.as_raw_fd()
    }
}

impl Drop for Spoken {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            // What is killed is gone in a moment, unless a disk or a network file system holds it.
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    fn shell(script: &str) -> (Spoken, Streams) {
        Spoken::start(&Cmd::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn it_is_spoken_with_and_its_end_can_be_waited_for() {
        let (mut spoken, streams) = shell("read word; echo got $word; echo oops >&2; env >&2; exit 4");
        File::from(streams.input).write_all(b"this\n").unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        File::from(streams.output).read_to_string(&mut out).unwrap();
        File::from(streams.errors).read_to_string(&mut err).unwrap();

        poll(&mut [PollFd::new(&spoken, PollFlags::IN)], None).unwrap();

        assert_eq!(spoken.ended().unwrap().unwrap().code(), Some(4));
        assert_eq!(out, "got this\n");
        assert!(err.starts_with("oops\n") && !err.contains("CARGO"), "{err}");
    }

    #[test]
    fn one_that_nobody_speaks_with_any_more_is_ended() {
        let (spoken, streams) = shell("exec sleep 600");
        let id = spoken.id();
        assert!(std::path::Path::new(&format!("/proc/{id}")).exists());

        drop((spoken, streams));

        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let fault = Spoken::start(&Cmd::new("no-such-program-here")).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::NotFound);
    }
}
