//! Times as pages tell them: as seen from now, exactly, and for machines. The theme's macros `time`, `since` and
//! `lasted` say the same; this is for texts that are made outside a template.

use super::frame;

/// A time in its three ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// For machines: `2026-11-21T17:50:12Z`.
    pub(crate) datetime: String,
    /// For people, exactly: `2026-11-21 17:50:12 UTC`.
    pub(crate) exact: String,
    /// As seen from now: `3 min ago`.
    pub(crate) relative: String,
}

/// The time `ms`, seen from `now`; both in milliseconds since 1970.
pub(crate) fn when(ms: i64, now: i64) -> When {
    When { datetime: frame::iso(&ms), exact: frame::exact(&ms), relative: frame::ago(&ms, &now) }
}

/// How long something took, in milliseconds: `0.4 s`, `3 min 4 s`.
pub(crate) fn lasted(milliseconds: i64) -> String {
    frame::lasted(&milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_three_ways() {
        let told = when(1_795_283_412_000, 1_795_283_592_000);

        assert_eq!(told.datetime, "2026-11-21T17:50:12Z");
        assert_eq!(told.exact, "2026-11-21 17:50:12 UTC");
        assert_eq!(told.relative, "3 min ago");
        assert_eq!(lasted(72_000), "1 min 12 s");
    }
}
