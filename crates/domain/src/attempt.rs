//! The id of an attempt: one run of one task.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::BadText;

/// The id at the seam: one run of one task. Asking again with the same id attaches to that run; a
/// retry is a new attempt with a new id.
///
/// Invariant: a UUID of version 7, printed in lower case with dashes; it can be a folder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(Uuid);

impl AttemptId {
    /// Makes an id of a moment (milliseconds since 1970) and ten random bytes.
    pub fn from_parts(unix_ms: u64, random: [u8; 10]) -> AttemptId {
        AttemptId(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
    }

    /// The moment it was made of, in milliseconds since 1970.
    pub fn unix_ms(self) -> u64 {
        let bytes = self.0.as_bytes();
        bytes[..6].iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte))
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.hyphenated())
    }
}

impl FromStr for AttemptId {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why| {
            BadText::new(text, "the id of an attempt", why)
                .instead("give a UUID of version 7, as `aegir provision` printed it")
        };
        let id = Uuid::try_parse(text).map_err(|_| bad("it is no UUID"))?;
        if id.get_version_num() != 7 {
            return Err(bad("it is a UUID of another version than 7"));
        }
        Ok(AttemptId(id))
    }
}

impl TryFrom<String> for AttemptId {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> String {
        id.to_string()
    }
}

impl schemars::JsonSchema for AttemptId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttemptId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "uuid" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let id = AttemptId::from_parts(1_700_000_000_000, [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.unix_ms(), 1_700_000_000_000);
        for bad in ["", "../x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"] {
            assert!(bad.parse::<AttemptId>().is_err(), "{bad}");
        }
    }
}
