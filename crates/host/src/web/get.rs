//! One HTTP/1.1 question and its answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

use super::stream::Stream;
use super::{Answer, WebAddress, WebFault};

/// The longest head of an answer, and the longest body that is kept.
const LONGEST_HEAD: u64 = 64 * 1024;
const LONGEST_BODY: u64 = 4 * 1024 * 1024;

pub(super) fn get(at: &WebAddress, host: &str, path: &str, limit: Duration) -> Result<Answer, WebFault> {
    let asked = format!("GET {path} of {host}");
    let no_answer = |source: io::Error| match source.kind() {
        io::ErrorKind::InvalidData => {
            WebFault::NotTheProtocol { at: at.clone(), asked: asked.clone(), protocol: "HTTP" }
        }
        _ => WebFault::NoAnswer { at: at.clone(), asked: asked.clone(), source },
    };
    if path.bytes().chain(host.bytes()).any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(no_answer(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a space or line end would make it another question",
        )));
    }
    let mut stream = Stream::connect(at, limit).map_err(|source| WebFault::Unreachable { at: at.clone(), source })?;
    let question =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: aegir\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).map_err(no_answer)?;
    read(&mut BufReader::new(stream)).map_err(no_answer)
}

fn bad() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn read(from: &mut impl BufRead) -> io::Result<Answer> {
    let mut head = from.take(LONGEST_HEAD);
    let (status, headers) = loop {
        let first = line(&mut head)?;
        let status = status_of(&first).ok_or_else(bad)?;
        let headers = headers(&mut head)?;
        // 100 and 103 only come before the answer.
        if status >= 200 {
            break (status, headers);
        }
    };
    let mut answer = Answer { status, headers, body: Vec::new() };
    if status == 204 || status == 304 {
        return Ok(answer);
    }
    let chunked = answer.header("transfer-encoding").is_some_and(|how| how.to_ascii_lowercase().contains("chunked"));
    let length =
        answer.header("content-length").map(|length| length.trim().parse::<u64>().map_err(|_| bad())).transpose()?;
    answer.body = match (chunked, length) {
        (true, _) => chunks(from)?,
        (false, Some(length)) => {
            let wanted = length.min(LONGEST_BODY);
            let mut body = Vec::new();
            if (from.take(wanted).read_to_end(&mut body)? as u64) < wanted {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            body
        }
        (false, None) => {
            let mut body = Vec::new();
            from.take(LONGEST_BODY).read_to_end(&mut body)?;
            body
        }
    };
    Ok(answer)
}

/// `HTTP/1.1 200 OK`
fn status_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/1.")?.get(1..)?.strip_prefix(' ')?;
    rest.get(..3)?.parse().ok().filter(|status| (100..600).contains(status))
}

fn headers(from: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(from)?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// A line without its end. The end of the answer in its midst is an error.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(LONGEST_HEAD).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\n") {
        Some(whole) => Ok(String::from_utf8_lossy(whole.strip_suffix(b"\r").unwrap_or(whole)).into_owned()),
        None if line.len() as u64 >= LONGEST_HEAD || !line.is_empty() && !line.starts_with(b"HTTP") => Err(bad()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A body in chunks: each has its length in hexadecimal on a line before it, the last is empty.
fn chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| bad())?;
        if size == 0 {
            return Ok(body);
        }
        let room = LONGEST_BODY - body.len() as u64;
        let wanted = size.min(room);
        if (from.take(wanted).read_to_end(&mut body)? as u64) < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if size > room {
            return Ok(body);
        }
        if !line(from)?.is_empty() {
            return Err(bad());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> io::Result<Answer> {
        read(&mut text.as_bytes())
    }

    #[test]
    fn an_answer_is_read_in_whatever_way_its_length_is_told() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello, and more",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-a:b\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.0 200\r\nX-A: b\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-a: b\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            let answer = answer(text).unwrap();
            assert_eq!(
                (answer.status, answer.text().as_str(), answer.header("x-a")),
                (200, "hello", Some("b")),
                "{text}"
            );
        }
    }

    #[test]
    fn half_an_answer_is_none_and_noise_is_no_answer() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        for (text, kind) in [
            ("", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhel", InvalidData),
            ("SSH-2.0-OpenSSH_9.2\r\n", InvalidData),
            ("J\0\0\0\n5.5.5-10.11", InvalidData),
            ("HTTP/1.1 abc\r\n\r\n", InvalidData),
        ] {
            assert_eq!(answer(text).unwrap_err().kind(), kind, "{text:?}");
        }
    }

    #[test]
    fn a_path_cannot_smuggle_a_second_question() {
        let at = WebAddress::Unix("/nowhere".into());
        assert!(get(&at, "a.test", "/ HTTP/1.1\r\nHost: b\r\n\r\n", Duration::from_secs(1)).is_err());
    }
}
