//! Names of contexts: `@server_localhost`, `@platform_d10`, `@www.example.org`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SiteName;
use crate::text::{BadText, text_type};

/// The name of a server, as in `@server_localhost`: `localhost`.
///
/// Invariant: 1 to 64 bytes of `a-z`, `0-9` or `_`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(String);
text_type!(ServerName);

/// The name of a platform, as in `@platform_d10`: `d10`.
///
/// Invariant: as of [`ServerName`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlatformName(String);
text_type!(PlatformName);

impl FromStr for ServerName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let text = text.strip_prefix('@').unwrap_or(text);
        slug(text.strip_prefix("server_").unwrap_or(text), "the name of a server").map(ServerName)
    }
}

impl FromStr for PlatformName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let text = text.strip_prefix('@').unwrap_or(text);
        slug(text.strip_prefix("platform_").unwrap_or(text), "the name of a platform").map(PlatformName)
    }
}

fn slug(text: &str, what: &'static str) -> Result<String, BadText> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && !text.starts_with('_');
    if !fits {
        return Err(BadText::new(text, what, "it is not 1 to 64 of `a-z`, `0-9` and `_`")
            .instead("choose a name such as `localhost` or `drupal_10`"));
    }
    Ok(text.to_owned())
}

/// The name of any context. The prefix tells the kind, so that a site can never shadow a server: no
/// site name holds a `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ContextName {
    /// `@server_NAME`
    Server(ServerName),
    /// `@platform_NAME`
    Platform(PlatformName),
    /// `@SITE`
    Site(SiteName),
}

impl ContextName {
    /// The name without its `@`: the stem of the context's file.
    pub fn stem(&self) -> String {
        match self {
            ContextName::Server(name) => format!("server_{name}"),
            ContextName::Platform(name) => format!("platform_{name}"),
            ContextName::Site(name) => name.to_string(),
        }
    }
}

impl fmt::Display for ContextName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.stem())
    }
}

impl FromStr for ContextName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let stem = text.strip_prefix('@').unwrap_or(text);
        if stem.starts_with("server_") {
            stem.parse().map(ContextName::Server)
        } else if stem.starts_with("platform_") {
            stem.parse().map(ContextName::Platform)
        } else {
            stem.parse().map(ContextName::Site)
        }
    }
}

impl TryFrom<String> for ContextName {
    type Error = BadText;

    fn try_from(text: String) -> Result<Self, BadText> {
        text.parse()
    }
}

impl From<ContextName> for String {
    fn from(name: ContextName) -> String {
        name.to_string()
    }
}

impl schemars::JsonSchema for ContextName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContextName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^@" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_tells_the_kind() {
        assert!(matches!("@server_localhost".parse(), Ok(ContextName::Server(_))));
        assert!(matches!("@platform_d7".parse(), Ok(ContextName::Platform(_))));
        assert!(matches!("@example.localhost".parse(), Ok(ContextName::Site(_))));
        assert_eq!("server_db1".parse::<ServerName>().unwrap(), "db1".parse().unwrap());
    }

    #[test]
    fn names_lead_out_of_no_folder() {
        for bad in ["@server_../x", "@platform_", "@platform_a/b", "@", "@../../etc/passwd"] {
            assert!(bad.parse::<ContextName>().is_err(), "{bad}");
        }
    }
}
