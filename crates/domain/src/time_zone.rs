//! Time zones by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{BadText, text_type};

/// The name of a time zone as PHP lists it: `Atlantic/Reykjavik`, `UTC`.
///
/// Invariant: a name of the IANA database under one of the regions that PHP's own list holds. PHP
/// leaves out some old spellings; those are refused later, by the PHP of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(String);
text_type!(TimeZoneName);

/// The regions of PHP's list (`DateTimeZone::ALL`).
const REGIONS: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

impl TimeZoneName {
    /// Universal time.
    pub fn utc() -> TimeZoneName {
        TimeZoneName("UTC".into())
    }
}

impl FromStr for TimeZoneName {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        if text == "UTC" {
            return Ok(TimeZoneName::utc());
        }
        let bad = |why: &str| BadText::new(text, "the name of a time zone", why);
        let region = text.split('/').next().unwrap_or_default();
        let known = jiff::tz::TimeZoneDatabase::bundled().get(text).ok();
        match known.as_ref().and_then(|zone| zone.iana_name()) {
            Some(name) if REGIONS.contains(&region) && name == text => Ok(TimeZoneName(text.to_owned())),
            Some(name) if REGIONS.contains(&name.split('/').next().unwrap_or_default()) => {
                Err(bad("it is spelled otherwise").instead(format!("use `{name}`")))
            }
            _ => Err(bad("there is none of that name").instead("give a name such as `Europe/Berlin` or `UTC`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_is_one_that_php_knows() {
        for good in ["UTC", "Atlantic/Reykjavik", "America/Argentina/Buenos_Aires"] {
            assert!(good.parse::<TimeZoneName>().is_ok(), "{good}");
        }
        for bad in ["", "Mars/Olympus", "CET", "europe/berlin", "../etc", "Europe"] {
            assert!(bad.parse::<TimeZoneName>().is_err(), "{bad}");
        }
    }
}
