//! A client of HTTP that sends what it is told, byte by byte, and reads what comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The word of the problem that was answered; its document is held against RFC 9457 and our additions.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        for told in ["title", "detail"] {
            assert!(document[told].as_str().is_some_and(|text| !text.is_empty()), "{told}: {document}");
        }
        document["type"].as_str().unwrap().strip_prefix("urn:aegir:problem:").unwrap().to_owned()
    }
}

trait Wire: Read + Write + Send {}
impl Wire for TcpStream {}
impl Wire for UnixStream {}

/// A connection.
pub struct Talk(BufReader<Box<dyn Wire>>);

impl Talk {
    pub fn tcp(address: SocketAddr) -> Talk {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Talk(BufReader::new(Box::new(stream)))
    }

    pub fn socket(path: &Path) -> Talk {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Talk(BufReader::new(Box::new(stream)))
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have hung up: what it said before is read next.
        let _ = self.0.get_mut().write_all(bytes.as_ref());
    }

    /// Sends and reads the answer.
    pub fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        self.send(bytes);
        self.reply()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    fn head(&mut self) -> Option<Reply> {
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Some(Reply { status, headers, body: String::new() })
    }

    /// Reads one answer.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("an answer")
    }

    /// Reads one answer; nothing where the connection was closed instead.
    pub fn try_reply(&mut self) -> Option<Reply> {
        let mut reply = self.head()?;
        while reply.status == 100 {
            reply = self.head()?;
        }
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        reply.body = String::from_utf8(body).unwrap();
        Some(reply)
    }

    /// Whether the other side has closed.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.fill_buf(), Ok(rest) if rest.is_empty())
    }

    /// Reads an answer without a body, as a HEAD has.
    pub fn head_only(&mut self) -> Reply {
        self.head().unwrap()
    }

    /// Asks for a stream of events; its answer's head is read already.
    pub fn follow(mut self, request: impl AsRef<[u8]>) -> Events {
        self.send(request);
        let head = self.head().unwrap();
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        Events { talk: self, chunk: Vec::new(), at: 0, ended: false, comments: 0 }
    }
}

/// An event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: String,
}

impl Event {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

/// A stream of events, as a browser would read it.
pub struct Events {
    talk: Talk,
    chunk: Vec<u8>,
    at: usize,
    ended: bool,
    pub comments: usize,
}

impl Events {
    /// Reads a chunk where the one before is used up; false: there is none.
    fn chunk(&mut self) -> Option<()> {
        if self.at == self.chunk.len() {
            let size = usize::from_str_radix(&self.talk.line()?, 16).ok()?;
            self.chunk = vec![0; size];
            self.talk.0.read_exact(&mut self.chunk).ok()?;
            self.at = 0;
            self.talk.line()?;
            if size == 0 {
                self.ended = true;
                return None;
            }
        }
        Some(())
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            self.chunk()?;
            let rest = &self.chunk[self.at..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&rest[..end.unwrap_or(rest.len())]);
            self.at += end.map_or(rest.len(), |end| end + 1);
            if end.is_some() {
                return Some(String::from_utf8(line).unwrap());
            }
        }
    }

    /// The next event; nothing where the stream ended, or was cut.
    pub fn next_event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line()?;
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "event" => event.name = value,
                "id" => event.id = value,
                "data" => event.data = value,
                "" if line.starts_with(':') => self.comments += 1,
                "" if !event.name.is_empty() => return Some(event),
                _ => (),
            }
        }
    }

    /// Whether the stream was ended, and not cut.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}
