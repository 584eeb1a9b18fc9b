//! Asks php-fpm itself, past the web server: does it answer at all, and what does a script of ours say?

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::web::stream::Stream;
use crate::web::{PhpPage, PhpRun, WebAddress, WebFault};

/// How long who asks waits before the first nudge; before each next one, twice as long.
const FIRST_NUDGE: Duration = Duration::from_millis(500);
/// So many nudges are enough: they take half a minute in all.
const NUDGES: u32 = 6;

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;

/// The longest answer to a ping: its page is one word.
const LONGEST_PING: usize = 64 * 1024;
/// More complaints of PHP are not kept.
const LONGEST_ERRORS: usize = 64 * 1024;
/// The longest answer of a script.
const LONGEST: usize = 4 * 1024 * 1024;

/// Asks the php-fpm behind `socket` for the page `path`, and gives its body without headers.
pub(crate) fn ping(socket: &Path, path: &str, limit: Duration) -> Result<String, WebFault> {
    let page = ask(socket, path, &question(path, &[("REQUEST_METHOD", "GET")], &[]), limit, LONGEST_PING)?;
    Ok(String::from_utf8_lossy(&page.body).trim().to_owned())
}

/// What the php-fpm behind `socket` is at, as the page `status` says: the tag of each request.
pub(crate) fn busy(socket: &Path, status: &str, limit: Duration) -> Result<Vec<String>, WebFault> {
    let params = [("REQUEST_METHOD", "GET"), ("QUERY_STRING", "full")];
    let page = ask(socket, status, &question(status, &params, &[]), limit, LONGEST)?;
    busy_of(&String::from_utf8_lossy(&page.body), status).ok_or_else(|| WebFault::NotTheProtocol {
        at: WebAddress::Unix(socket.to_owned()),
        asked: status.to_owned(),
        protocol: "php-fpm's status page",
    })
}

/// What a status page tells, less the request for that page itself; nothing if it is none. What is idle shows the
/// request that it had last.
fn busy_of(page: &str, status: &str) -> Option<Vec<String>> {
    let mut is_one = false;
    let mut tags = Vec::new();
    let mut idle = true;
    for line in page.lines() {
        match line.split_once(':').map(|(name, value)| (name.trim(), value.trim())) {
            Some(("pool", _)) => is_one = true,
            Some(("state", state)) => idle = state == "Idle",
            Some(("request URI", address)) if !idle => {
                let (path, tag) = address.split_once('?').unwrap_or((address, ""));
                if path != status {
                    tags.push(tag.to_owned());
                }
            }
            _ => (),
        }
    }
    is_one.then_some(tags)
}

/// Has the php-fpm behind `socket` run a script.
pub(crate) fn run(socket: &Path, run: &PhpRun<'_>, limit: Duration) -> Result<PhpPage, WebFault> {
    // PHP works in the folder of the page, and runs what is set before it first.
    let path = run.page.to_string_lossy();
    let settings: String = run.settings.iter().map(|(name, value)| format!("{name}=\"{value}\"\n")).collect::<String>()
        + &format!("auto_prepend_file=\"{}\"\n", run.script.display());
    let input = run.input.expose().as_bytes();
    let length = input.len().to_string();
    let params = [
        ("REQUEST_METHOD", "POST"),
        ("QUERY_STRING", run.tag),
        ("CONTENT_TYPE", "application/json"),
        ("CONTENT_LENGTH", length.as_str()),
        ("PHP_ADMIN_VALUE", settings.as_str()),
    ];
    ask(socket, &path, &question(&path, &params, input), limit, LONGEST)
}

/// Sends a question, and gives the answer without its headers.
fn ask(socket: &Path, path: &str, question: &[u8], limit: Duration, longest: usize) -> Result<PhpPage, WebFault> {
    let at = WebAddress::Unix(socket.to_owned());
    let mut stream = Stream::connect(&at, limit).map_err(|source| WebFault::Unreachable { at: at.clone(), source })?;
    let answer = nudging(socket, || stream.write_all(question).and_then(|()| answer(&mut stream, longest)));
    let answer = answer.map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            WebFault::NotTheProtocol { at: at.clone(), asked: path.to_owned(), protocol: "FastCGI" }
        }
        _ => WebFault::NoAnswer { at: at.clone(), asked: path.to_owned(), source },
    })?;
    let head = answer.body.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    Ok(PhpPage { body: answer.body[head..].to_vec(), ..answer })
}

/// Connects to `socket` once more, and again, while `work` waits for what is behind it.
///
/// A pool without processes of its own (`pm = ondemand`) misses a connection that comes while its last idle process is being ended:
/// php-fpm takes that one for idle still, and is not told of the connection a second time. It sees both when the next one
/// comes; until then nobody would answer, however long that is.
fn nudging<T>(socket: &Path, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        let nudge = move || {
            let mut wait = FIRST_NUDGE;
            for _ in 0..NUDGES {
                match is_done.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => drop(UnixStream::connect(socket)),
                    _ => return,
                }
                wait *= 2;
            }
        };
        // Without a thread to spare one waits without nudges.
        let _ = thread::Builder::new().spawn_scoped(scope, nudge);
        let result = work();
        drop(done);
        result
    })
}

fn question(path: &str, more: &[(&str, &str)], input: &[u8]) -> Vec<u8> {
    let mut params = Vec::new();
    let usual = [
        ("SCRIPT_NAME", path),
        ("SCRIPT_FILENAME", path),
        ("REQUEST_URI", path),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
    ];
    for (name, value) in usual.iter().chain(more) {
        params.extend_from_slice(&length(name));
        params.extend_from_slice(&length(value));
        params.extend_from_slice(name.as_bytes());
        params.extend_from_slice(value.as_bytes());
    }
    // The role of a responder, and a connection that is closed after the answer.
    let mut question = record(BEGIN, &[0, 1, 0, 0, 0, 0, 0, 0]);
    for part in params.chunks(LONGEST_RECORD) {
        question.extend(record(PARAMS, part));
    }
    question.extend(record(PARAMS, &[]));
    for part in input.chunks(LONGEST_RECORD) {
        question.extend(record(STDIN, part));
    }
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

/// What is longer goes in several.
const LONGEST_RECORD: usize = 65_535;

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let content = &content[..content.len().min(LONGEST_RECORD)];
    let [high, low] = (content.len() as u16).to_be_bytes();
    let mut record = vec![1, kind, 0, 1, high, low, 0, 0];
    record.extend_from_slice(content);
    record
}

fn answer(from: &mut impl Read, longest: usize) -> io::Result<PhpPage> {
    let (mut body, mut errors) = (Vec::new(), Vec::new());
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
            END => return Ok(PhpPage { body, errors: String::from_utf8_lossy(&errors).into_owned() }),
            STDOUT if body.len() < longest => body.extend_from_slice(&content[..length]),
            STDERR if errors.len() < LONGEST_ERRORS => errors.extend_from_slice(&content[..length]),
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn php_fpm_says_pong() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("fpm.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; question("/ping", &[("REQUEST_METHOD", "GET")], &[]).len()];
            stream.read_exact(&mut asked).unwrap();
            let mut said = record(STDERR, b"a notice");
            said.extend(record(STDOUT, b"Content-type: text/plain\r\n\r\npo"));
            said.extend(record(STDOUT, b"ng"));
            said.extend(record(END, &[0; 8]));
            stream.write_all(&said).unwrap();
            asked
        });

        assert_eq!(ping(&socket, "/ping", Duration::from_secs(5)).unwrap(), "pong");
        assert_eq!(asked.join().unwrap(), question("/ping", &[("REQUEST_METHOD", "GET")], &[]));
    }

    #[test]
    fn a_connection_that_php_fpm_missed_is_seen_with_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("fpm.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answering = thread::spawn(move || {
            let (mut missed, _) = listener.accept().unwrap();
            let (next, _) = listener.accept().unwrap();
            drop(next);
            let said = [record(STDOUT, b"\r\n\r\npong"), record(END, &[0; 8])];
            missed.write_all(&said.concat()).unwrap();
            missed
        });

        assert_eq!(ping(&socket, "/ping", Duration::from_secs(20)).unwrap(), "pong");
        answering.join().unwrap();
    }

    #[test]
    fn what_php_is_at_is_told_less_the_question() {
        let process = |state: &str, uri: &str| {
            format!(
                "\n************************\npid:                  7\nstate:                {state}\nrequests: 2\nrequest URI:          {uri}\n"
            )
        };
        let page =
            |processes: &[String]| format!("pool:                 a\nlisten queue:         0\n{}", processes.concat());
        let asks = process("Running", "/aegir-status?full");
        let busy = |tags: &[&str]| Some(tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());

        let pages = [process("Idle", "/index.php?q=a"), asks.clone()];
        assert_eq!(busy_of(&page(&pages), "/aegir-status"), busy(&[]));
        let pages = [process("Running", "/index.php"), asks, process("Reading headers", "/update.php?its-tag")];
        assert_eq!(busy_of(&page(&pages), "/aegir-status"), busy(&["", "its-tag"]));
        assert_eq!(busy_of("File not found.", "/aegir-status"), None);
    }

    #[test]
    fn what_php_complains_of_is_kept_apart_from_its_page() {
        let said =
            [record(STDOUT, b"a "), record(STDERR, b"PHP message: no"), record(STDOUT, b"page"), record(END, &[0; 8])];
        let page = answer(&mut &said.concat()[..], LONGEST).unwrap();

        assert_eq!((page.body, page.errors), (b"a page".to_vec(), "PHP message: no".to_owned()));
    }

    #[test]
    fn what_is_longer_than_a_record_goes_in_several() {
        let whole = question("/a", &[], &vec![b'x'; LONGEST_RECORD + 10]);
        let long = record(STDIN, &vec![b'x'; LONGEST_RECORD]);
        let rest = [record(STDIN, &[b'x'; 10]), record(STDIN, &[])].concat();

        assert!(whole.ends_with(&[long, rest].concat()));
    }

    #[test]
    fn another_server_is_told_from_php_fpm() {
        let mut other = &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..];
        assert_eq!(answer(&mut other, LONGEST).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut half = &record(STDOUT, b"pong")[..];
        assert_eq!(answer(&mut half, LONGEST).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
