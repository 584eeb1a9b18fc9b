//! The main domain name of a site.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::host_name::check_host;
use crate::text::{BadText, text_type};
use crate::{HostName, Title};

/// The main domain name of a site: `www.example.org`.
///
/// It is at once a host name, a directory under `sites/` and the stem of the vhost file, so it is
/// checked against the strictest of the three.
///
/// Invariant: a [`HostName`] without wildcard, and none of the names that Drupal or Ægir use
/// themselves under `sites/`. It can therefore be joined to a path, written into a vhost or passed
/// as an argument as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(String);
text_type!(SiteName);

/// What lies under `sites/` and is no site, if it can be spelled as a host name at all.
const RESERVED: [&str; 9] = [
    "all",
    "default",
    "sites.php",
    "simpletest",
    "files",
    "local.sites.php",
    "example.sites.php",
    "development.services.yml",
    "readme.txt",
];

impl SiteName {
    /// The name as a title, for a site that was given none. Long names are cut.
    pub fn as_title(&self) -> Title {
        match self.0.chars().take(128).collect::<String>().parse() {
            Ok(title) => title,
            Err(_) => unreachable!("letters, digits, dots and dashes make a title"),
        }
    }

    /// The same name as one of the names a site answers to.
    pub fn host(&self) -> HostName {
        match self.0.parse() {
            Ok(host) => host,
            Err(_) => unreachable!("every site name is a host name"),
        }
    }
}

impl FromStr for SiteName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        const WHAT: &str = "the name of a site";
        check_host(text, text, WHAT)?;
        if RESERVED.contains(&text) {
            return Err(BadText::new(text, WHAT, "it is reserved: Drupal or Ægir uses it under `sites/`")
                .instead("choose the name that visitors will type, such as `www.example.org`"));
        }
        Ok(SiteName(text.to_owned()))
    }
}

/// The name of a site's folder below `sites/` in somebody's Drupal: a [`SiteName`], or `default`.
///
/// Invariant: it can be joined to a path and looked for in texts as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteFolder(String);
text_type!(SiteFolder);

impl SiteFolder {
    /// The folder that a Drupal has which was made for one site.
    const DEFAULT: &'static str = "default";

    /// That folder.
    pub fn of_default() -> SiteFolder {
        SiteFolder(Self::DEFAULT.to_owned())
    }
}

impl FromStr for SiteFolder {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        match text {
            Self::DEFAULT => Ok(SiteFolder(text.to_owned())),
            name => name.parse().map(|SiteName(name)| SiteFolder(name)),
        }
    }
}

impl From<SiteName> for SiteFolder {
    fn from(name: SiteName) -> SiteFolder {
        SiteFolder(name.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(text: &str) -> String {
        text.parse::<SiteName>().unwrap_err().instead.expect("every refusal has a remedy")
    }

    #[test]
    fn a_site_name_is_a_host_name() {
        for good in ["example.localhost", "a.test", "intranet", "xn--bcher-kva.example", "8080.example.org"] {
            assert_eq!(good.parse::<SiteName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused_with_a_remedy() {
        let long = format!("{}.org", ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join("."));
        for bad in [
            "",
            " ",
            "a b",
            "a'b.org",
            "a\"b",
            "../x",
            "a/b",
            "-a.org",
            "a-.org",
            ".a",
            "a.",
            "a..b",
            "1.2.3.4",
            "a_b",
            "*.a.org",
            "a\nb",
            "a;b",
            &"a".repeat(64),
            &long,
        ] {
            assert!(!remedy(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn a_name_that_is_not_ascii_is_answered_with_its_punycode_form() {
        assert_eq!(remedy("bücher.example"), "use its punycode form `xn--bcher-kva.example`");
    }

    #[test]
    fn a_name_with_capitals_is_answered_with_the_small_one() {
        assert_eq!(remedy("Example.org"), "use `example.org`");
    }

    #[test]
    fn a_folder_of_a_site_is_its_name_or_the_one_that_every_drupal_has() {
        assert_eq!("default".parse::<SiteFolder>().unwrap().as_str(), "default");
        assert_eq!("a.test".parse::<SiteFolder>().unwrap(), "a.test".parse::<SiteName>().unwrap().into());
        for bad in ["all", "../x", "", "sites.php"] {
            assert!(bad.parse::<SiteFolder>().is_err(), "{bad}");
        }
    }

    #[test]
    fn reserved_names_are_refused() {
        for bad in ["all", "default", "sites.php", "simpletest"] {
            assert!(bad.parse::<SiteName>().unwrap_err().to_string().contains("reserved"), "{bad}");
        }
    }
}
