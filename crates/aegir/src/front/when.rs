//! Moments and durations in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment as it is: `2026-11-21 08:26:37Z`.
pub(crate) fn exact(at: i64) -> String {
    match Timestamp::from_millisecond(at) {
        Ok(moment) => moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => at.to_string(),
    }
}

/// A moment as seen from `now`: `3 min ago`.
pub(crate) fn seen_from(now: i64, at: i64) -> String {
    let apart = now.saturating_sub(at);
    let words = match apart.saturating_abs() {
        ..SECOND => return "just now".into(),
        passed @ SECOND..MINUTE => format!("{} s", passed / SECOND),
        passed @ MINUTE..HOUR => format!("{} min", passed / MINUTE),
        passed @ HOUR..DAY => format!("{} h", passed / HOUR),
        passed if passed < 60 * DAY => format!("{} d", passed / DAY),
        passed if passed < 730 * DAY => format!("{} months", passed / (30 * DAY)),
        passed => format!("{} years", passed / (365 * DAY)),
    };
    if apart >= 0 { format!("{words} ago") } else { format!("in {words}") }
}

/// How long something took: `3.2 s`.
pub(crate) fn took(ms: i64) -> String {
    match ms.max(0) {
        ms @ ..SECOND => format!("{ms} ms"),
        ms @ SECOND..MINUTE => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        ms @ MINUTE..HOUR => format!("{} min {} s", ms / MINUTE, ms % MINUTE / SECOND),
        ms => format!("{} h {} min", ms / HOUR, ms % HOUR / MINUTE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_people_say_it() {
        let table = [
            (0, "just now"),
            (-4 * SECOND, "in 4 s"),
            (59 * SECOND, "59 s ago"),
            (HOUR - 1, "59 min ago"),
            (47 * HOUR, "1 d ago"),
            (90 * DAY, "3 months ago"),
            (800 * DAY, "2 years ago"),
        ];
        for (passed, words) in table {
            assert_eq!(seen_from(0, -passed), words);
        }
        assert_eq!(seen_from(i64::MIN, i64::MAX).split(' ').next_back(), Some("years"));
        assert_eq!(exact(0), "1970-01-01 00:00:00Z");
        assert_eq!(exact(i64::MAX), i64::MAX.to_string());
        assert_eq!((took(0), took(3_250), took(61_000)), ("0 ms".into(), "3.2 s".into(), "1 min 1 s".into()));
    }
}
