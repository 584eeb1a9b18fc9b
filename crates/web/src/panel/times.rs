//! Times as pages tell them: for machines, exactly, as seen from now; and how long something took.

// Templates hand numbers over by reference: hence `&i64`.

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A time for machines: `2026-11-21T17:50:12Z`.
pub fn iso(at: &i64) -> String {
    at_utc(*at, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time for people, exactly: `2026-11-21 17:50:12 UTC`.
pub fn exact(at: &i64) -> String {
    at_utc(*at, "%Y-%m-%d %H:%M:%S UTC")
}

/// The time of day alone, for lines of a log: `17:50:12`.
pub fn time_of_day(at: &i64) -> String {
    at_utc(*at, "%H:%M:%S")
}

/// A time as seen from `now`: `12 s ago`, `in 3 days`, and the date beyond 30 days. `eldir.js` says it by the same rule.
pub fn ago(at: &i64, now: &i64) -> String {
    let apart = now.saturating_sub(*at);
    let (size, ahead) = (apart.saturating_abs(), apart < 0);
    let text = match size {
        0..SECOND => return "now".to_owned(),
        SECOND..MINUTE => format!("{} s", size / SECOND),
        MINUTE..HOUR => format!("{} min", size / MINUTE),
        HOUR..DAY => format!("{} h", size / HOUR),
        _ if size / DAY == 1 => "1 day".to_owned(),
        _ if size / DAY <= 30 => format!("{} days", size / DAY),
        _ => return at_utc(*at, "%Y-%m-%d"),
    };
    if ahead { format!("in {text}") } else { format!("{text} ago") }
}

/// How long something took: `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`.
pub fn lasted(milliseconds: &i64) -> String {
    match (*milliseconds).max(0) {
        short if short < 10 * SECOND => format!("{}.{} s", short / SECOND, short % SECOND / 100),
        some if some < MINUTE => format!("{} s", some / SECOND),
        more if more < HOUR => format!("{} min {} s", more / MINUTE, more % MINUTE / SECOND),
        long => format!("{} h {} min", long / HOUR, long % HOUR / MINUTE),
    }
}

/// How long something has gone on that began at `at`.
pub fn since(at: &i64, now: &i64) -> String {
    // Whole seconds: it is read while it grows.
    lasted(&(now.saturating_sub(*at) / SECOND * SECOND)).replace(".0 s", " s")
}

/// A time in UTC; one that no calendar has is told as the number it is.
fn at_utc(at: i64, form: &str) -> String {
    match jiff::Timestamp::from_millisecond(at) {
        Ok(time) => time.strftime(form).to_string(),
        Err(_) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (at, said) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (1_795_283_412_000, "2026-11-21 17:50:12 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(exact(&at), said, "{at}");
        }
        assert_eq!(iso(&1_795_283_412_000), "2026-11-21T17:50:12Z");
    }

    #[test]
    fn a_time_is_told_as_people_tell_it() {
        let now = 1_795_283_412_000;
        for (apart, said) in [
            (0, "now"),
            (12 * SECOND, "12 s ago"),
            (59 * MINUTE, "59 min ago"),
            (-3 * HOUR, "in 3 h"),
            (DAY, "1 day ago"),
            (30 * DAY, "30 days ago"),
            (-40 * DAY, "2026-12-31"),
        ] {
            assert_eq!(ago(&(now - apart), &now), said, "{apart}");
        }
        assert_eq!(ago(&i64::MIN, &i64::MAX), i64::MIN.to_string(), "no time is too far");
        assert_eq!(
            (lasted(&430), lasted(&12_900), lasted(&184_000)),
            ("0.4 s".into(), "12 s".into(), "3 min 4 s".into())
        );
        assert_eq!(lasted(&7_500_000), "2 h 5 min");
        assert_eq!((since(&now, &(now + 3_900)), since(&now, &(now + 184_000))), ("3 s".into(), "3 min 4 s".into()));
    }
}
