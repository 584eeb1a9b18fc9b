//! What lies in a trash: what it was, since when, and until when it is kept.

use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{AttemptId, BackupName, FaultReport, PlatformContext};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The name of a thing in a trash: what it was, the moment, and the last part of the id of the task that named it.
///
/// Invariant: 24 to 290 bytes of `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter or digit. It can therefore be joined to
/// a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrashName(String);
text_type!(TrashName);

/// What was named, its stamp, and the end of the id.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, end) = text.rsplit_once('-')?;
    let (stem, stamp) = rest.rsplit_once('-')?;
    let (day, time) = stamp.split_once('.')?;
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = digits(day, 8)
        && digits(time, 6)
        && end.len() == 12
        && end.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && (1..=260).contains(&stem.len())
        && stem.starts_with(|first: char| first.is_ascii_alphanumeric())
        && stem.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'));
    (fits && crate::stamp::moment(stamp).is_some()).then_some((stem, stamp, end))
}

impl FromStr for TrashName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match parts(text) {
            Some(_) => Ok(TrashName(text.to_owned())),
            None => {
                let why = "it is not a name, a moment and the end of a task's id";
                Err(BadText::new(text, "the name of a thing in the trash", why).instead(
                    "give one that `aegir trash list` shows, such as `www.example.org-20261121.021530-0a1b2c3d4e5f`",
                ))
            }
        }
    }
}

impl TrashName {
    /// What it was: the name of a site or of a platform.
    pub fn stem(&self) -> &str {
        parts(&self.0).map_or("", |(stem, _, _)| stem)
    }

    /// When it was named, in milliseconds since 1970.
    pub fn moment(&self) -> i64 {
        parts(&self.0).and_then(|(_, stamp, _)| crate::stamp::moment(stamp)).unwrap_or_default()
    }

    /// How the id of the task that gave it its name ends.
    pub fn end(&self) -> &str {
        parts(&self.0).map_or("", |(_, _, end)| end)
    }

    /// Whether `attempt` gave it its name.
    pub fn is_by(&self, attempt: AttemptId) -> bool {
        attempt.to_string().rsplit('-').next() == Some(self.end())
    }
}

/// What a thing in a trash was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrashKind {
    /// The code of a platform, with the project around it.
    Platform,
    /// The folder of a site.
    Site,
    /// The folder of what a site was before it was moved.
    FormerSelf,
    /// Something else, or nobody remembers.
    Other,
}

impl TrashKind {
    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            TrashKind::Platform => "platform",
            TrashKind::Site => "site",
            TrashKind::FormerSelf => "former self",
            TrashKind::Other => "other",
        }
    }
}

/// How a thing in a trash stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrashState {
    /// It lies there until its date.
    Kept,
    /// A task that has not ended may still put it back.
    InUse(AttemptId),
    /// Its removal was begun and broke off: the next one ends it.
    HalfRemoved,
    /// No task of this home named it: it is left alone.
    NotOurs,
}

/// A thing in a trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrashThing {
    /// The name it has there. One that is not ours may have any.
    pub name: String,
    /// The trash it lies in.
    pub folder: PathBuf,
    /// What it was.
    pub kind: TrashKind,
    /// How it stands.
    pub state: TrashState,
    /// The task that put it there: `delete-site @www.example.org`, as far as that is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Where it lay before, as far as that is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lay: Option<PathBuf>,
    /// The last backup that was made of what it belonged to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupName>,
    /// Since when it lies there, in milliseconds since 1970.
    pub since: i64,
    /// Until when it is kept; nothing if nothing goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// How many bytes it takes; not counted to the end where there are very many files.
    pub bytes: u64,
}

impl TrashThing {
    /// Whether it lies there for `days` days at `now` (milliseconds since 1970), or is to go anyhow.
    pub fn is_due(&self, days: u32, now: i64) -> bool {
        match self.state {
            TrashState::Kept => now.saturating_sub(self.since) >= i64::from(days).saturating_mul(DAY),
            TrashState::HalfRemoved => true,
            TrashState::InUse(_) | TrashState::NotOurs => false,
        }
    }

    /// The same with the moment at which it is, if it is kept for `days` days; for none, nothing goes by itself.
    pub fn kept_for(mut self, days: u32) -> TrashThing {
        self.until = (days > 0).then(|| self.since.saturating_add(i64::from(days).saturating_mul(DAY)));
        self
    }
}

/// What came of emptying.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrashEmptied {
    /// What went, or would go.
    pub removed: Vec<TrashThing>,
    /// Why others that were to go did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultReport>,
}

/// How a thing would come out of a trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrashAnswer {
    /// The code of a platform would lie where it lay, by a task.
    Back {
        /// Where.
        folder: PathBuf,
        /// What was known of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<Box<PlatformContext>>,
    },
    /// It was a site, and this backup has all that it was.
    ByBackup {
        /// The last backup of the site.
        backup: BackupName,
    },
    /// Why it stays there.
    Refused(FaultReport),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_it_was_when_and_by_whom() {
        let name: TrashName = "a-b.test-20261121.021530-b302099a8057".parse().unwrap();
        assert_eq!((name.stem(), name.moment()), ("a-b.test", 1_795_227_330_000));
        assert!(name.is_by("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()));
        assert!(!name.is_by("01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap()));
    }

    #[test]
    fn what_only_looks_like_a_name_is_none() {
        for bad in [
            "old",
            "a.test-20261121.021530",
            "a.test-20261121.021530-b302099a805",
            "a.test-20261121.021530-B302099A8057",
            "a.test-20261399.021530-b302099a8057",
            "-20261121.021530-b302099a8057",
            "../a-20261121.021530-b302099a8057",
            ".a.test-20261121.021530-b302099a8057",
            "a.test-20261121.021530-b302099a8057.going",
        ] {
            assert!(bad.parse::<TrashName>().is_err(), "{bad}");
        }
    }
}
