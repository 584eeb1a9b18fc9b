//! Moments as people write them into names.

use jiff::Timestamp;

const FORM: &str = "%Y%m%d.%H%M%S";

/// A moment (milliseconds since 1970) in universal time, to the second: `20261121.021530`. Later ones sort later.
pub fn stamp(unix_ms: u64) -> String {
    let moment = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.unwrap_or(Timestamp::MAX).strftime(FORM).to_string()
}

/// The moment that a stamp names, in milliseconds since 1970; nothing where no calendar has it.
pub(crate) fn moment(stamp: &str) -> Option<i64> {
    let moment = jiff::civil::DateTime::strptime(FORM, stamp).ok()?;
    Some(moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_names_the_second() {
        assert_eq!(super::stamp(1_795_227_330_500), "20261121.021530");
        assert_eq!(super::moment("20261121.021530"), Some(1_795_227_330_000));
        assert_eq!(super::moment("20261321.021530"), None);
    }
}
