//! Moments as people write them into names.

use jiff::Timestamp;

/// A moment (milliseconds since 1970) in universal time, to the second: `20261121.021530`. Later ones sort later.
pub fn stamp(unix_ms: u64) -> String {
    let moment = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment.unwrap_or(Timestamp::MAX).strftime("%Y%m%d.%H%M%S").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_stamp_names_the_second() {
        assert_eq!(super::stamp(1_795_227_330_500), "20261121.021530");
    }
}
