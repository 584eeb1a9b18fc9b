//! The lines of an attempt, each checked: none is lost, none doubled, none another attempt's.

use std::time::Duration;

use aegir_domain::protocol::{Level, Line, Said, VERSION};
use aegir_domain::{AttemptId, ServerName};
use aegir_hosting::{Asking, Lines};
use serde::Deserialize;
use tokio::time::timeout;

use super::fault::TalkFault;
use super::talk::Talk;

/// How long a back end may take to its first word; later ones can be minutes apart.
const FIRST_WORD: Duration = Duration::from_secs(60);

/// What an attempt says.
pub(crate) struct Followed {
    talk: Talk,
    server: ServerName,
    attempt: AttemptId,
    /// The number of the line that comes next.
    next: u64,
    /// Whether the result was told.
    ended: bool,
}

impl Followed {
    pub(crate) fn new(talk: Talk, server: ServerName, attempt: AttemptId, from: u64) -> Followed {
        Followed { talk, server, attempt, next: from, ended: false }
    }

    async fn line(&mut self) -> Result<Option<Line>, TalkFault> {
        if self.ended {
            return Ok(None);
        }
        let said = match self.next {
            1 => timeout(FIRST_WORD, self.talk.line()).await.unwrap_or(Err(TalkFault::Silent { limit: FIRST_WORD })),
            _ => self.talk.line().await,
        };
        let Some(text) = said? else {
            let end = self.talk.end().await?;
            return Err(TalkFault::of_end(end, self.talk.address.as_ref()));
        };
        let line = read(&text)?;
        if line.n != self.next {
            return Err(TalkFault::garbage(&text));
        }
        match &line.said {
            Said::Started { protocol, .. } if *protocol != VERSION => {
                return Err(TalkFault::OtherProtocol { theirs: *protocol });
            }
            Said::Started { attempt, .. } if *attempt != self.attempt => return Err(TalkFault::garbage(&text)),
            Said::Result(_) => self.ended = true,
            _ => (),
        }
        self.next += 1;
        Ok(Some(line))
    }
}

impl Lines for Followed {
    fn next(&mut self) -> Asking<'_, Option<Line>> {
        Box::pin(async move {
            let line = self.line().await;
            line.map_err(|fault| fault.lost(&self.server))
        })
    }
}

/// Reads a line. What a later version of Ægir says beside results is kept as it is.
fn read(text: &[u8]) -> Result<Line, TalkFault> {
    #[derive(Deserialize)]
    struct AnyLine {
        n: u64,
        at: u64,
        #[serde(rename = "type")]
        kind: String,
        protocol: Option<u32>,
    }
    if let Ok(line) = serde_json::from_slice(text) {
        return Ok(line);
    }
    let any: AnyLine = serde_json::from_slice(text).map_err(|_| TalkFault::garbage(text))?;
    match (any.kind.as_str(), any.protocol) {
        ("started", Some(theirs)) if theirs != VERSION => Err(TalkFault::OtherProtocol { theirs }),
        ("started" | "result", _) => Err(TalkFault::garbage(text)),
        _ => {
            let said = Said::Log {
                level: Level::Warning,
                text: "The back end said something that this version of Ægir does not understand".into(),
                output: Some(String::from_utf8_lossy(text).into_owned()),
            };
            Ok(Line { n: any.n, at: any.at, said })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_later_version_is_kept_and_a_result_of_one_is_not_guessed() {
        let later = read(br#"{"n":3,"at":5,"type":"weather","rain":true}"#).unwrap();
        assert_eq!((later.n, later.at), (3, 5));
        assert!(matches!(later.said, Said::Log { output: Some(text), .. } if text.contains("rain")));
        for bad in [
            r#"{"n":3,"at":5,"type":"result","outcome":"vanished"}"#,
            r#"{"n":1,"at":5,"type":"started","protocol":1}"#,
            r#"{"n":3}"#,
            "Welcome to web2!",
            "",
        ] {
            assert!(matches!(read(bad.as_bytes()), Err(TalkFault::Garbage { .. })), "{bad}");
        }
        let other = read(br#"{"n":1,"at":5,"type":"started","protocol":7,"name":"x"}"#);
        assert!(matches!(other, Err(TalkFault::OtherProtocol { theirs: 7 })));
    }
}
