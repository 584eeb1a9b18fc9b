//! A connection that takes no longer than it may, in all.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::WebAddress;

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection whose every read and write ends at the latest when its time is up.
pub(crate) struct Stream {
    socket: Socket,
    until: Instant,
}

impl Stream {
    pub(crate) fn connect(at: &WebAddress, limit: Duration) -> io::Result<Stream> {
        let until = Instant::now() + limit;
        let socket = match at {
            WebAddress::Tcp(address) => Socket::Tcp(TcpStream::connect_timeout(address, limit)?),
            WebAddress::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
        };
        Ok(Stream { socket, until })
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// The same words for a time that is up, whichever call it came to.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = Some(self.left()?);
        match &mut self.socket {
            Socket::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(bytes)),
            Socket::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.read(bytes)),
        }
        .map_err(timed_out)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = Some(self.left()?);
        match &mut self.socket {
            Socket::Tcp(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
            Socket::Unix(stream) => stream.set_write_timeout(left).and_then(|()| stream.write(bytes)),
        }
        .map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
