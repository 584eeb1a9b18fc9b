//! Asks php-fpm itself, past the web server: does it answer at all?

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use crate::web::stream::Stream;
use crate::web::{WebAddress, WebFault};

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// The longest answer: a ping page is one word.
const LONGEST: usize = 64 * 1024;

/// Asks the php-fpm behind `socket` for the page `path`, and gives its body without headers.
pub(crate) fn ping(socket: &Path, path: &str, limit: Duration) -> Result<String, WebFault> {
    let at = WebAddress::Unix(socket.to_owned());
    let mut stream = Stream::connect(&at, limit).map_err(|source| WebFault::Unreachable { at: at.clone(), source })?;
    let answer = stream.write_all(&question(path)).and_then(|()| answer(&mut stream));
    let answer = answer.map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            WebFault::NotTheProtocol { at: at.clone(), asked: path.to_owned(), protocol: "FastCGI" }
        }
        _ => WebFault::NoAnswer { at: at.clone(), asked: path.to_owned(), source },
    })?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok(text.split_once("\r\n\r\n").map_or(text.as_str(), |(_, body)| body).trim().to_owned())
}

fn question(path: &str) -> Vec<u8> {
    let mut params = Vec::new();
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", path),
        ("SCRIPT_FILENAME", path),
        ("REQUEST_URI", path),
        ("QUERY_STRING", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
    ] {
        params.extend_from_slice(&length(name));
        params.extend_from_slice(&length(value));
        params.extend_from_slice(name.as_bytes());
        params.extend_from_slice(value.as_bytes());
    }
    // The role of a responder, and a connection that is closed after the answer.
    let mut question = record(BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
    question.extend(record(PARAMS, &params));
    question.extend(record(PARAMS, &[]));
    question.extend(record(STDIN, &[]));
    question
}

/// The length of a name or value: one byte, or four with the highest bit set.
fn length(text: &str) -> Vec<u8> {
    match u8::try_from(text.len()) {
        Ok(short) if short < 128 => vec![short],
        _ => (text.len() as u32 | 1 << 31).to_be_bytes().to_vec(),
    }
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    // A longer one would need a path of 64 KiB; the server refuses what is cut off here.
    let content = &content[..content.len().min(65_535)];
    let [high, low] = (content.len() as u16).to_be_bytes();
    let mut record = vec![1, kind, 0, 1, high, low, 0, 0];
    record.extend_from_slice(content);
    record
}

fn answer(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut head = [0; 8];
        from.read_exact(&mut head)?;
        let [version, kind, _, _, high, low, padding, _] = head;
        if version != 1 || !matches!(kind, END | STDOUT | STDERR) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let mut content = vec![0; length + usize::from(padding)];
        from.read_exact(&mut content)?;
        match kind {
            END => return Ok(body),
            STDOUT if body.len() < LONGEST => body.extend_from_slice(&content[..length]),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn php_fpm_says_pong() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("fpm.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; question("/ping").len()];
            stream.read_exact(&mut asked).unwrap();
            let mut said = record(STDERR, b"a notice");
            said.extend(record(STDOUT, b"Content-type: text/plain\r\n\r\npo"));
            said.extend(record(STDOUT, b"ng"));
            said.extend(record(END, &[0; 8]));
            stream.write_all(&said).unwrap();
            asked
        });

        assert_eq!(ping(&socket, "/ping", Duration::from_secs(5)).unwrap(), "pong");
        assert_eq!(asked.join().unwrap(), question("/ping"));
    }

    #[test]
    fn another_server_is_told_from_php_fpm() {
        let mut other = &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..];
        assert_eq!(answer(&mut other).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut half = &record(STDOUT, b"pong")[..];
        assert_eq!(answer(&mut half).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
