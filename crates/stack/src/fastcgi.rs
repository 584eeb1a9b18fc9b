//! One FastCGI request, to ask php-fpm whether it answers.
//!
//! `https://fastcgi-archives.github.io/FastCGI_Specification.html`: records with a head of eight
//! bytes; begin, parameters, an empty input; then the answer until the end record.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const VERSION: u8 = 1;
const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const RESPONDER: u8 = 1;

/// Asks the pool behind `socket` for `script`, and returns its answer, headers included.
pub(crate) fn get(socket: &Path, script: &str, limit: Duration) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut params = Vec::new();
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_NAME", script),
        ("SCRIPT_FILENAME", script),
        ("REQUEST_URI", script),
        ("QUERY_STRING", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
    ] {
        // Short form of both lengths: all of the above have less than 128 bytes.
        params.extend([name.len() as u8, value.len() as u8]);
        params.extend(name.as_bytes());
        params.extend(value.as_bytes());
    }
    let mut request = record(BEGIN, &[0, RESPONDER, 0, 0, 0, 0, 0, 0]);
    request.extend(record(PARAMS, &params));
    request.extend(record(PARAMS, &[]));
    request.extend(record(STDIN, &[]));
    stream.write_all(&request)?;
    read_answer(&mut stream)
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let mut record = vec![VERSION, kind, 0, 1, high, low, 0, 0];
    record.extend(content);
    record
}

fn read_answer(stream: &mut impl Read) -> io::Result<String> {
    let mut answer = Vec::new();
    loop {
        let mut head = [0u8; 8];
        stream.read_exact(&mut head)?;
        let mut content = vec![0u8; usize::from(u16::from_be_bytes([head[4], head[5]])) + usize::from(head[6])];
        stream.read_exact(&mut content)?;
        content.truncate(content.len() - usize::from(head[6]));
        match head[1] {
            STDOUT => answer.extend(content),
            END => return Ok(String::from_utf8_lossy(&answer).into_owned()),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_pieces_is_put_together() {
        let mut bytes = record(STDOUT, b"Status: 200\r\n\r\n");
        bytes.extend(record(7, b"a notice"));
        bytes.extend([VERSION, STDOUT, 0, 1, 0, 4, 2, 0]);
        bytes.extend(b"pongxx");
        bytes.extend(record(END, &[0; 8]));

        assert_eq!(read_answer(&mut bytes.as_slice()).unwrap(), "Status: 200\r\n\r\npong");
    }
}
