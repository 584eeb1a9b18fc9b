//! The part of a conversation with a mail server that comes before it is encrypted.
//!
//! Read byte by byte: what somebody in between puts behind the server's «go ahead» is never taken for an answer
//! of the encrypted connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fault::{PostFault, quoted};
use super::{Doing, Stage};

/// The longest line of an answer, in bytes.
const LONGEST_LINE: usize = 2_000;
/// The most lines of one.
const MOST_LINES: usize = 100;

/// Whether the server is ready to encrypt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// The next byte belongs to TLS.
    Ready,
    /// It was asked, or offers nothing; the conversation may go on in the open.
    None,
}

/// Greets the server, and asks it to encrypt if it offers to.
pub(super) async fn ask(stream: &mut TcpStream, hello: &str, at: &str, doing: &Doing) -> Result<Offer, PostFault> {
    doing.now(Stage::Greet);
    answer(stream, at, doing).await?.must_be(220, at, doing)?;
    say(stream, &format!("EHLO {hello}\r\n"), at, doing).await?;
    let able = answer(stream, at, doing).await?.must_be(250, at, doing)?;
    if !able.lines.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Ok(Offer::None);
    }
    doing.now(Stage::Encrypt);
    say(stream, "STARTTLS\r\n", at, doing).await?;
    match answer(stream, at, doing).await?.code {
        220 => Ok(Offer::Ready),
        _ => Ok(Offer::None),
    }
}

async fn say(stream: &mut TcpStream, line: &str, at: &str, doing: &Doing) -> Result<(), PostFault> {
    stream.write_all(line.as_bytes()).await.map_err(|error| broken(at, doing, &error.to_string()))
}

struct Answer {
    code: u16,
    lines: Vec<String>,
}

impl Answer {
    fn must_be(self, code: u16, at: &str, doing: &Doing) -> Result<Answer, PostFault> {
        match self.code == code {
            true => Ok(self),
            false => Err(PostFault::Refused {
                at: at.to_owned(),
                stage: doing.stage(),
                said: quoted(&format!("{} {}", self.code, self.lines.join(" ")), &[]),
            }),
        }
    }
}

async fn answer(stream: &mut TcpStream, at: &str, doing: &Doing) -> Result<Answer, PostFault> {
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES {
        let line = line(stream, at, doing).await?;
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok()).filter(|code| (200..600).contains(code));
        let (Some(code), rest) = (code, line.get(3..).unwrap_or_default()) else {
            return Err(broken(at, doing, &format!("`{line}`")));
        };
        match rest.strip_prefix('-') {
            Some(text) => lines.push(text.to_owned()),
            None => {
                lines.push(rest.trim_start().to_owned());
                return Ok(Answer { code, lines });
            }
        }
    }
    Err(broken(at, doing, "its answer has no end"))
}

async fn line(stream: &mut TcpStream, at: &str, doing: &Doing) -> Result<String, PostFault> {
    let mut line = Vec::new();
    while line.len() < LONGEST_LINE {
        match stream.read_u8().await {
            Ok(b'\n') => return Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
            Ok(byte) => line.push(byte),
            Err(error) => return Err(broken(at, doing, &error.to_string())),
        }
    }
    Err(broken(at, doing, "its answer has no end"))
}

fn broken(at: &str, doing: &Doing, why: &str) -> PostFault {
    PostFault::Broken { at: at.to_owned(), stage: doing.stage(), why: quoted(why, &[]) }
}
