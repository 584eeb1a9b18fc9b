//! What the logs of a web server have of one site, as whoever looks after it may read it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FaultReport, SiteName};

/// How many lines are given at once, at the most.
pub const MOST_LOG_LINES: u16 = 1000;
/// How many bytes of one line are given.
const LONGEST_LINE: usize = 8 << 10;
/// How many bytes are given at once.
const LARGEST: usize = 512 << 10;

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// The requests that the web server answered.
    Web,
    /// What the web server complained of, without what PHP said.
    Errors,
    /// What PHP complained of.
    Php,
}

impl LogKind {
    /// Which of them is asked for by two flags, of which one at the most is set.
    pub fn of_flags(errors: bool, php: bool) -> LogKind {
        match (errors, php) {
            (_, true) => LogKind::Php,
            (true, _) => LogKind::Errors,
            _ => LogKind::Web,
        }
    }

    /// Its name, as programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            LogKind::Web => "web",
            LogKind::Errors => "errors",
            LogKind::Php => "php",
        }
    }
}

/// The last lines that a log has of a site, without what would let somebody in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogTail {
    /// The site.
    pub site: SiteName,
    /// Which log.
    pub kind: LogKind,
    /// The file, on the machine that has it.
    pub path: PathBuf,
    /// The lines, the oldest first.
    pub lines: Vec<String>,
    /// Whether some of what was asked for, or the ends of lines, were left out since they are very long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shortened: bool,
}

impl LogTail {
    /// Of these lines as many of the newest as may be given at once.
    pub fn of(site: SiteName, kind: LogKind, path: PathBuf, lines: Vec<String>) -> LogTail {
        let (mut room, mut shortened) = (LARGEST, false);
        let mut kept = Vec::new();
        for mut line in lines.into_iter().rev() {
            if line.len() > LONGEST_LINE {
                let end = (0..=LONGEST_LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
                line.truncate(end);
                line.push('…');
                shortened = true;
            }
            let Some(left) = room.checked_sub(line.len()) else {
                shortened = true;
                break;
            };
            room = left;
            kept.push(line);
        }
        kept.reverse();
        LogTail { site, kind, path, lines: kept, shortened }
    }
}

/// What a back end answers that was asked for a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogAnswer {
    /// Its last lines.
    Tail(Box<LogTail>),
    /// Why there is nothing to read.
    Refused(FaultReport),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(lines: Vec<String>) -> LogTail {
        LogTail::of("a.test".parse().unwrap(), LogKind::Web, "/log".into(), lines)
    }

    #[test]
    fn the_newest_stay_and_what_is_very_long_is_said_to_be_shortened() {
        let few = tail(vec!["one".into(), "two".into()]);
        assert_eq!((few.lines.as_slice(), few.shortened), (["one".to_owned(), "two".to_owned()].as_slice(), false));

        let long = tail(vec!["ä".repeat(LONGEST_LINE)]);
        assert!(long.shortened && long.lines[0].len() <= LONGEST_LINE + '…'.len_utf8());

        let many = tail((0..1000).map(|n| format!("{n} {}", "x".repeat(1000))).collect());
        assert!(many.shortened && many.lines.last().unwrap().starts_with("999 ") && many.lines.len() < 600);
    }
}
