//! Where a platform's code lies.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};
use crate::{SiteFolder, SiteName};

/// The document root of a platform: the folder with `index.php`.
///
/// Invariant: an absolute path in UTF-8 without `.`, `..`, empty parts, control characters or any of
/// `" ' \ $ % ; { } * ?`, at most 1,000 bytes. Between quotes it can be written into a vhost or a PHP
/// file. That it exists, and lies where platforms may lie, is another question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlatformRoot(String);
text_type!(PlatformRoot);

impl PlatformRoot {
    /// As a path.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The folder of a site on this platform.
    pub fn site_dir(&self, site: &SiteName) -> PathBuf {
        self.path().join("sites").join(site.as_str())
    }

    /// The same of a folder that may be called `default`.
    pub fn folder(&self, site: &SiteFolder) -> PathBuf {
        self.path().join("sites").join(site.as_str())
    }
}

impl FromStr for PlatformRoot {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let bad = |why: &str| {
            BadText::new(text, "the path of a platform", why)
                .instead("give an absolute path such as `/var/aegir/platforms/drupal-10.3`")
        };
        let text_ = text.strip_suffix('/').unwrap_or(text);
        let Some(rest) = text_.strip_prefix('/') else { return Err(bad("it does not begin with `/`")) };
        if text.len() > 1000 {
            return Err(bad("it has more than 1,000 bytes"));
        }
        if rest.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("it holds `.`, `..` or an empty part"));
        }
        if let Some(c) = text.chars().find(|c| c.is_control() || "\"'\\$%;{}*?".contains(*c)) {
            return Err(bad(&format!("it holds {c:?}, which web servers read as something else")));
        }
        Ok(PlatformRoot(text_.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_absolute_and_plain() {
        assert_eq!("/var/aegir/platforms/d 10/".parse::<PlatformRoot>().unwrap().as_str(), "/var/aegir/platforms/d 10");
        for bad in ["", "/", "platforms/x", "/a/../b", "/a//b", "/a/$x", "/a\"b", "/a\nb", "/a;b"] {
            assert!(bad.parse::<PlatformRoot>().is_err(), "{bad}");
        }
    }
}
