//! Stays with a program until it has ended: feeds it, reads what it writes, ends it when it may not go on.
//!
//! One thread and `poll`, so that answers reach whoever runs the program as they come, and nothing
//! hangs on a pipe that a grandchild keeps open.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::kept::Kept;
use super::{Ended, Stop};

/// A program that writes this many times what is kept of its output is running away.
const RUNAWAY: u64 = 256;

/// The longest line that a program may answer with.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Our ends of the pipes of a program.
pub(super) struct Pipes {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
    pub(super) answers: Option<OwnedFd>,
}

/// How often we ask whether a program is to stop.
const ASK: Duration = Duration::from_millis(500);

/// When a program is ended before it ends by itself.
pub(super) struct Ends {
    /// At this moment.
    pub(super) until: Option<Instant>,
    /// So long between SIGTERM and SIGKILL.
    pub(super) grace: Duration,
    /// When it has written many times this, see [`RUNAWAY`].
    pub(super) output: usize,
    /// When this says so.
    pub(super) stop: Option<Stop>,
}

/// Waits for the end of `child`, and of its whole group. Returns how it ended and what it wrote.
pub(super) fn follow(
    child: &mut Child,
    pipes: Pipes,
    input: &[u8],
    ends: &Ends,
    tells: bool,
    on_answer: &mut dyn FnMut(&str),
) -> io::Result<(Ended, Kept, Kept)> {
    let mut followed = Followed {
        pipes,
        input,
        out: Kept::new(ends.output),
        err: Kept::new(ends.output),
        output: ends.output as u64,
        lines: Lines::default(),
        told: tells.then(Lines::default),
    };
    let ended = followed.stay(child, ends, on_answer);
    // Whatever happened, nothing of the group may go on. Its number is ours until `wait` below.
    end(child, Signal::KILL);
    let status = child.wait()?;
    let ended = ended?;
    followed.read_what_is_there(on_answer)?;
    followed.last_line(on_answer);
    let ended = match (ended, status.code()) {
        (Some(why), _) => why,
        // It was quicker than we, but what it said is not whole.
        (None, _) if followed.too_long() => Ended::OutputTooLong,
        (None, Some(code)) => Ended::Code(code),
        (None, None) => Ended::Signal(status.signal().unwrap_or_default()),
    };
    Ok((ended, followed.out, followed.err))
}

fn end(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // That there is nobody left to end is fine.
        let _ = kill_process_group(group, signal);
    }
}

struct Followed<'a> {
    pipes: Pipes,
    input: &'a [u8],
    out: Kept,
    err: Kept,
    output: u64,
    /// Of descriptor 3.
    lines: Lines,
    /// Of standard error, if it is told.
    told: Option<Lines>,
}

/// Cuts what comes into lines.
#[derive(Default)]
struct Lines {
    line: Vec<u8>,
    /// From a line that is too long on nothing is told, but that the program is ended.
    too_long: bool,
}

impl Lines {
    fn put(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.too_long |= self.line.len() + piece.len() > LONGEST_ANSWER;
            if self.too_long {
                return;
            }
            self.line.extend_from_slice(piece);
            if let Some(whole) = self.line.strip_suffix(b"\n") {
                on_line(&String::from_utf8_lossy(whole));
                self.line.clear();
            }
        }
    }

    /// Tells the last one, if its line end is missing.
    fn end(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() && !self.too_long {
            on_line(&String::from_utf8_lossy(&self.line));
        }
    }
}

impl Followed<'_> {
    /// Returns when the leader has ended: nothing if by itself, else why we ended it.
    fn stay(&mut self, child: &Child, ends: &Ends, on_answer: &mut dyn FnMut(&str)) -> io::Result<Option<Ended>> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        let leader = pidfd_open(pid, PidfdFlags::empty())?;
        for pipe in self.pipes.all() {
            let flags = rustix::fs::fcntl_getfl(pipe)?;
            rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?;
        }
        let (mut until, mut why) = (ends.until, None);
        let mut asked = Instant::now();
        loop {
            self.write()?;
            // Nobody is asked twice whether it is to end.
            let ask = ends.stop.as_ref().filter(|_| why.is_none());
            let turn = ask.and_then(|_| asked.checked_add(ASK));
            if self.wait(&leader, [until, turn].into_iter().flatten().min())? {
                return Ok(why);
            }
            self.read_what_is_there(on_answer)?;
            let now = Instant::now();
            let late = until.is_some_and(|until| now >= until);
            let mut stopped = false;
            if turn.is_some_and(|turn| now >= turn) {
                asked = now;
                stopped = ask.is_some_and(|stop| stop());
            }
            match why {
                None if self.too_long() || late || stopped => {
                    why = Some(match () {
                        () if self.too_long() => Ended::OutputTooLong,
                        () if late => Ended::TimedOut,
                        () => Ended::Stopped,
                    });
                    end(child, Signal::TERM);
                    until = now.checked_add(ends.grace);
                }
                Some(_) if late => {
                    end(child, Signal::KILL);
                    // Nothing but the kernel can hold it up now.
                    until = None;
                }
                _ => (),
            }
        }
    }

    /// Waits until there is something to do; `true` if the leader has ended.
    fn wait(&self, leader: &OwnedFd, until: Option<Instant>) -> io::Result<bool> {
        let mut polled = vec![PollFd::new(leader, PollFlags::IN)];
        polled.extend(self.pipes.stdin.iter().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        polled.extend(self.pipes.reading().map(|fd| PollFd::new(fd, PollFlags::IN)));
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut polled, left.as_ref()) {
            Ok(_) => Ok(polled[0].revents().contains(PollFlags::IN)),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what the program takes just now; closes when all is written.
    fn write(&mut self) -> io::Result<()> {
        while let Some(stdin) = &self.pipes.stdin {
            let done = match self.input {
                [] => true,
                input => match rustix::io::write(stdin, input) {
                    Ok(count) => {
                        self.input = &input[count..];
                        false
                    }
                    Err(Errno::INTR) => false,
                    Err(Errno::AGAIN) => return Ok(()),
                    // It does not want to read on, which is its own affair.
                    Err(Errno::PIPE) => true,
                    Err(error) => return Err(error.into()),
                },
            };
            if done {
                self.pipes.stdin = None;
            }
        }
        Ok(())
    }

    fn read_what_is_there(&mut self, on_answer: &mut dyn FnMut(&str)) -> io::Result<()> {
        let most = self.output.saturating_mul(RUNAWAY);
        let out = &mut self.out;
        drain(&mut self.pipes.stdout, |bytes| out.put(bytes))?;
        let (err, told) = (&mut self.err, &mut self.told);
        drain(&mut self.pipes.stderr, |bytes| {
            err.put(bytes);
            if let Some(told) = told {
                told.put(bytes, on_answer);
            }
        })?;
        let lines = &mut self.lines;
        lines.too_long |= out.total() > most || err.total() > most;
        drain(&mut self.pipes.answers, |bytes| lines.put(bytes, on_answer))
    }

    /// Whether it wrote far more than it may.
    fn too_long(&self) -> bool {
        self.lines.too_long || self.told.as_ref().is_some_and(|told| told.too_long)
    }

    fn last_line(&mut self, on_answer: &mut dyn FnMut(&str)) {
        self.lines.end(on_answer);
        if let Some(told) = &mut self.told {
            told.end(on_answer);
        }
    }
}

impl Pipes {
    fn reading(&self) -> impl Iterator<Item = &OwnedFd> {
        [&self.stdout, &self.stderr, &self.answers].into_iter().flatten()
    }

    fn all(&self) -> impl Iterator<Item = &OwnedFd> {
        self.reading().chain(&self.stdin)
    }
}

/// Reads up to a megabyte of what is there now; closes a pipe that has come to its end.
fn drain(pipe: &mut Option<OwnedFd>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut bytes = [0; 64 * 1024];
    // So that a program that writes without end does not keep us from looking at the clock.
    for _ in 0..16 {
        let Some(fd) = pipe.as_ref() else { return Ok(()) };
        match rustix::io::read(fd, &mut bytes[..]) {
            Ok(0) => *pipe = None,
            Ok(count) => take(&bytes[..count]),
            Err(Errno::INTR) => (),
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
