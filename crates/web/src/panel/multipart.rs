//! A form with a file, read as it comes: its fields whole, and then its file piece by piece.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::api::{Problem, ProblemKind};

/// How long what stands before a part may be, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// How long a field may be that is no file, in bytes.
const LONGEST_FIELD: usize = 8 * 1024;

/// A form that is read.
pub(super) struct Multipart {
    from: BoxStream<'static, io::Result<Bytes>>,
    /// What stands before each part, and behind the last: a line break, two dashes and the form's own mark.
    between: Vec<u8>,
    /// What came and is not read yet.
    came: Vec<u8>,
    /// Whether the end of the part that is read, or of what stands before the first, is still to come.
    within: bool,
}

/// A part of a form.
pub(super) enum Part {
    /// A field, with what was typed.
    Field(String, String),
    /// A file, with the name that it had; its bytes come next.
    File(String),
}

impl Multipart {
    /// The form in a body; nothing if it is none with files.
    pub(super) fn of(headers: &HeaderMap, body: Body) -> Option<Multipart> {
        let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let (kind, rest) = kind.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let mark = rest.split(';').find_map(|one| one.trim().strip_prefix("boundary="))?.trim_matches('"');
        if !(1..=70).contains(&mark.len()) {
            return None;
        }
        let between = format!("\r\n--{mark}").into_bytes();
        let from = body.into_data_stream().map(|piece| piece.map_err(io::Error::other)).boxed();
        // The first mark stands at the beginning of the body, and so behind no line break.
        Some(Multipart { from, between, came: b"\r\n".to_vec(), within: true })
    }

    /// The next part, or nothing behind the last. What is left of the part before is read and dropped.
    pub(super) async fn part(&mut self) -> io::Result<Option<Part>> {
        while self.piece().await?.is_some() {}
        let head = loop {
            if self.came.starts_with(b"--") {
                return Ok(None);
            }
            if let Some(end) = find(&self.came, b"\r\n\r\n") {
                self.within = true;
                break self.came.drain(..end + 4).collect::<Vec<u8>>();
            }
            if self.came.len() > LONGEST_HEAD {
                return Err(bad("what stands before a part of the form is too long"));
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        let said = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"));
        let said = said.ok_or_else(|| bad("a part of the form has no name"))?;
        let name = quoted(said, "name").ok_or_else(|| bad("a part of the form has no name"))?;
        if let Some(file) = quoted(said, "filename") {
            return Ok(Some(Part::File(file)));
        }
        let mut value = Vec::new();
        while let Some(piece) = self.piece().await? {
            value.extend_from_slice(&piece);
            if value.len() > LONGEST_FIELD {
                return Err(bad("a field of the form is too long"));
            }
        }
        Ok(Some(Part::Field(name, String::from_utf8_lossy(&value).into_owned())))
    }

    /// The next bytes of a part, or nothing at its end.
    pub(super) async fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.within {
            match find(&self.came, &self.between) {
                Some(0) => {
                    self.came.drain(..self.between.len());
                    self.within = false;
                    // Whether another one follows, the next two bytes tell.
                    while self.came.len() < 2 {
                        self.more().await?;
                    }
                }
                Some(end) => return Ok(Some(self.came.drain(..end).collect())),
                // The beginning of a mark may stand at the end of what came.
                None if self.came.len() > self.between.len() => {
                    let sure = self.came.len() - self.between.len();
                    return Ok(Some(self.came.drain(..sure).collect()));
                }
                None => self.more().await?,
            }
        }
        Ok(None)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.from.next().await {
            None => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(piece) => {
                self.came.extend_from_slice(&piece?);
                Ok(())
            }
        }
    }
}

/// What was sent is no form with files.
pub(super) fn no_form() -> Problem {
    Problem::new(
        ProblemKind::WrongType,
        "what was sent is no form with a file",
        "send it from a page of the panel; programs ask the API, below `/api/v1`",
    )
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    let first = *sought.first()?;
    let mut at = 0;
    while let Some(next) = text.get(at..)?.iter().position(|byte| *byte == first) {
        at += next;
        if text[at..].starts_with(sought) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// What stands in quotes behind `name=`, as browsers write it: quotes and line breaks within are `%22`, `%0D`, `%0A`.
fn quoted(line: &str, name: &str) -> Option<String> {
    line.split("; ").find_map(|one| {
        let value = one.strip_prefix(name)?.strip_prefix("=\"")?;
        Some(value.strip_suffix('"').unwrap_or(value).replace("%22", "\""))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn form(sent: &[u8], piece: usize) -> Multipart {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "multipart/form-data; boundary=x42".parse().unwrap());
        let pieces: Vec<io::Result<Bytes>> =
            sent.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Multipart::of(&headers, Body::from_stream(stream::iter(pieces))).unwrap()
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    /// Fields, the name of the file, its bytes.
    async fn read(mut form: Multipart) -> io::Result<(Vec<(String, String)>, String, Vec<u8>)> {
        let mut fields = Vec::new();
        loop {
            match form.part().await? {
                Some(Part::Field(name, value)) => fields.push((name, value)),
                Some(Part::File(name)) => {
                    let mut bytes = Vec::new();
                    while let Some(piece) = form.piece().await? {
                        bytes.extend(piece);
                    }
                    return Ok((fields, name, bytes));
                }
                None => return Ok((fields, String::new(), Vec::new())),
            }
        }
    }

    const FORM: &[u8] = b"--x42\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n--x42\r\n\
        content-disposition: form-data; name=\"archive\"; filename=\"a.tar\"\r\nContent-Type: application/x-tar\r\n\r\n\
        one\r\n--x4\r\n--\r\ntwo\r\n\r\n--x42--\r\n";

    #[test]
    fn a_form_is_read_however_it_is_cut_and_its_file_can_hold_what_looks_like_a_mark() {
        for piece in [1, 2, 3, 7, 64, FORM.len()] {
            let (fields, name, bytes) = run(read(form(FORM, piece))).unwrap();
            assert_eq!(fields, [("form_token".to_owned(), "abc".to_owned())], "{piece}");
            assert_eq!((name.as_str(), bytes.as_slice()), ("a.tar", &b"one\r\n--x4\r\n--\r\ntwo\r\n"[..]), "{piece}");
        }
    }

    #[test]
    fn a_form_that_breaks_off_is_no_form() {
        for cut in 0..FORM.len() - 4 {
            assert!(run(read(form(&FORM[..cut], 16))).is_err(), "{cut}");
        }
        let long = [b"--x42\r\nContent-Disposition: form-data; name=\"".to_vec(), vec![b'a'; 1 << 20]].concat();
        assert!(run(read(form(&long, 4096))).is_err());
    }
}
