//! One conversation with a program: what it is told, the lines it says, and how it ended.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_domain::SshAddress;
use aegir_host::{Spoken, Streams};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fault::TalkFault;
use super::seats::Seat;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 32 << 20;
/// How much of standard error is kept: its end, in bytes.
const ERRORS_KEPT: usize = 16 << 10;
/// How long a request may take to be taken.
const TAKING: Duration = Duration::from_secs(60);
/// How long to wait for the rest of what a program said that has ended: another process can hold its pipes open.
const REST: Duration = Duration::from_secs(1);
/// How long a program may take to end that has closed its standard output.
const ENDING: Duration = Duration::from_secs(10);

/// A conversation with a program. Dropped, the program is ended.
pub(crate) struct Talk {
    process: AsyncFd<Spoken>,
    input: Option<pipe::Sender>,
    output: BufReader<pipe::Receiver>,
    /// What came of a line that has no end yet.
    partial: Vec<u8>,
    /// Whether the program has ended.
    over: bool,
    errors: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
    /// Where ssh leads to, if it is behind that.
    pub(crate) address: Option<SshAddress>,
    /// Its place in a connection that others share.
    pub(crate) seat: Option<Seat>,
}

/// How a program ended, and what it said on standard error.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Talk {
    pub(crate) fn begin((spoken, streams): (Spoken, Streams), address: Option<SshAddress>) -> Result<Talk, TalkFault> {
        let Streams { input, output, errors } = streams;
        let open = || {
            // SAFETY: a `Spoken` owns its descriptor, always names the same one, and keeps it open until it is dropped.
            #[expect(unsafe_code, reason = "tokio takes the word of whoever names a descriptor")]
            let process = unsafe { AsyncFd::register_with_interest(spoken, Interest::READABLE)? };
            let pipes = (pipe::Sender::from_owned_fd(input)?, pipe::Receiver::from_owned_fd(output)?);
            io::Result::Ok((process, pipes, pipe::Receiver::from_owned_fd(errors)?))
        };
        let (process, (input, output), pipe) = open().map_err(TalkFault::NotStarted)?;
        let errors = Arc::new(Mutex::new(Vec::new()));
        // Read all the time: a program that fills its pipe would wait for us for ever.
        let listener = tokio::spawn(keep_end(pipe, errors.clone()));
        let output = BufReader::with_capacity(64 << 10, output);
        let (input, partial) = (Some(input), Vec::new());
        Ok(Talk { process, input, output, partial, over: false, errors, listener, address, seat: None })
    }

    /// Says all of `input`, and that nothing more will come. A program that takes no more has its reasons, which
    /// its end tells.
    pub(crate) async fn say(&mut self, input: &[u8]) -> Result<(), TalkFault> {
        let Some(mut pipe) = self.input.take() else { return Ok(()) };
        match timeout(TAKING, pipe.write_all(input)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Ok(Err(error)) => Err(TalkFault::Pipe(error)),
            Err(_) => Err(TalkFault::Silent { limit: TAKING }),
        }
    }

    /// Says more, of which this is not the end; no, if the program takes no more. `limit` is for all of it.
    pub(crate) async fn tell(&mut self, more: &[u8], limit: Duration) -> Result<bool, TalkFault> {
        let Some(pipe) = &mut self.input else { return Ok(false) };
        match timeout(limit, pipe.write_all(more)).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.input = None;
                Ok(false)
            }
            Ok(Err(error)) => Err(TalkFault::Pipe(error)),
            Err(_) => Err(TalkFault::Silent { limit }),
        }
    }

    /// Says nothing more.
    pub(crate) fn hush(&mut self) {
        self.input = None;
    }

    /// The next bytes, behind the lines that were read; nothing once no more will come.
    pub(crate) async fn bytes(&mut self) -> Result<Option<Vec<u8>>, TalkFault> {
        let read = self.more().await?.to_vec();
        self.output.consume(read.len());
        Ok((!read.is_empty()).then_some(read))
    }

    /// What is read and not yet consumed, and comes next; nothing once no more will come. May be dropped and called
    /// again.
    async fn more(&mut self) -> Result<&[u8], TalkFault> {
        if !self.over {
            // Until it has ended, an empty pipe says that more will come.
            tokio::select! {
                biased;
                read = self.output.fill_buf() => drop(read.map_err(TalkFault::Pipe)?),
                _ = self.process.readable() => self.over = true,
            }
        }
        match self.over {
            false => self.output.fill_buf().await.map_err(TalkFault::Pipe),
            true => timeout(REST, self.output.fill_buf()).await.unwrap_or(Ok(&[])).map_err(TalkFault::Pipe),
        }
    }

    /// The next whole line without its end; nothing once no more will come. May be dropped and called again.
    pub(crate) async fn line(&mut self) -> Result<Option<Vec<u8>>, TalkFault> {
        loop {
            let read = self.more().await?;
            if read.is_empty() {
                // A line without its end was cut off, and is said again to whoever attaches.
                return Ok(None);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(read.len(), |end| end + 1);
            let part = read[..end.unwrap_or(read.len())].to_vec();
            self.partial.extend_from_slice(&part);
            self.output.consume(taken);
            if self.partial.len() > LONGEST_LINE {
                return Err(TalkFault::garbage(&self.partial));
            }
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.partial)));
            }
        }
    }

    /// Whether what came last is no whole line.
    pub(crate) fn is_torn(&self) -> bool {
        !self.partial.is_empty()
    }

    /// How the program ended, which has nothing more to say.
    pub(crate) async fn end(&mut self) -> Result<End, TalkFault> {
        if timeout(ENDING, self.process.readable()).await.is_err() {
            return Err(TalkFault::Silent { limit: ENDING });
        }
        let ended = self.process.get_mut().ended().map_err(TalkFault::Pipe)?;
        let status = ended.ok_or(TalkFault::Silent { limit: ENDING })?;
        let _ = timeout(REST, &mut self.listener).await;
        let said = String::from_utf8_lossy(&self.errors.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        Ok(End { status, said })
    }

    /// Why the program ended, if it did not end well.
    pub(crate) async fn must_have_ended_well(&mut self) -> Result<(), TalkFault> {
        let end = self.end().await?;
        match end.status.success() {
            true => Ok(()),
            false => Err(TalkFault::of_end(end, self.address.as_ref())),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Keeps the end of what is written on standard error.
async fn keep_end(mut pipe: pipe::Receiver, kept: Arc<Mutex<Vec<u8>>>) {
    let mut block = vec![0; 4096];
    while let Ok(count @ 1..) = pipe.read(&mut block).await {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&block[..count]);
        if kept.len() > 2 * ERRORS_KEPT {
            let surplus = kept.len() - ERRORS_KEPT;
            kept.drain(..surplus);
        }
    }
}
