//! Cron of sites: how often it runs, and what a run came to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FaultReport;
use crate::text::word_enum;

word_enum! {
    /// How often cron runs on a site. A closed list, as people choose from it.
    CronInterval, "how often cron runs" {
        /// Never: only when somebody asks for it.
        Off = "off",
        /// Each minute.
        Minute = "1m",
        /// Each five minutes.
        FiveMinutes = "5m",
        /// Each ten minutes.
        TenMinutes = "10m",
        /// Each quarter of an hour.
        QuarterHour = "15m",
        /// Each half hour.
        HalfHour = "30m",
        /// Each hour.
        Hour = "1h",
        /// Each two hours.
        TwoHours = "2h",
        /// Each three hours.
        ThreeHours = "3h",
        /// Four times a day.
        SixHours = "6h",
        /// Twice a day.
        TwelveHours = "12h",
        /// Once a day.
        Day = "1d",
        /// Once a week.
        Week = "1w",
    }
}

impl CronInterval {
    /// The time from one run to the next, in minutes; nothing where it never runs by itself.
    pub fn minutes(self) -> Option<u32> {
        Some(match self {
            CronInterval::Off => return None,
            CronInterval::Minute => 1,
            CronInterval::FiveMinutes => 5,
            CronInterval::TenMinutes => 10,
            CronInterval::QuarterHour => 15,
            CronInterval::HalfHour => 30,
            CronInterval::Hour => 60,
            CronInterval::TwoHours => 120,
            CronInterval::ThreeHours => 180,
            CronInterval::SixHours => 360,
            CronInterval::TwelveHours => 720,
            CronInterval::Day => 1_440,
            CronInterval::Week => 10_080,
        })
    }
}

/// What a back end answers that was asked to run cron of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CronAnswer {
    /// Drupal came to the end of it.
    Ran(CronRun),
    /// Drupal is at it already, and did not begin again: somebody else asked, or a visitor came.
    Busy,
    /// It is not the time for it: why, in words. Nothing was asked of the site.
    NotNow(String),
    /// Why it did not come to its end.
    Failed(FaultReport),
}

/// A run that came to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CronRun {
    /// How long it took, in milliseconds.
    pub took: u64,
    /// What modules complained of meanwhile: the errors that Drupal logged, the first of them. A module whose part of it
    /// throws does not keep the others from theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub complaints: Vec<String>,
}

word_enum! {
    /// What a run of cron came to, in a word.
    CronResult, "what a run of cron came to" {
        /// All of it was done.
        Succeeded = "succeeded",
        /// It came to its end, and modules complained.
        Complained = "complained",
        /// Drupal was at it already.
        Busy = "busy",
        /// It was left out: a task was at the site, or it is not in service.
        LeftOut = "left-out",
        /// It did not come to its end.
        Failed = "failed",
    }
}

impl CronAnswer {
    /// In a word.
    pub fn result(&self) -> CronResult {
        match self {
            CronAnswer::Ran(run) if run.complaints.is_empty() => CronResult::Succeeded,
            CronAnswer::Ran(_) => CronResult::Complained,
            CronAnswer::Busy => CronResult::Busy,
            CronAnswer::NotNow(_) => CronResult::LeftOut,
            CronAnswer::Failed(_) => CronResult::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_from_a_minute_to_a_week_and_bear_their_length_as_their_word() {
        let mut last = 0;
        for interval in CronInterval::ALL {
            let Some(minutes) = interval.minutes() else {
                assert_eq!(interval.as_str(), "off");
                continue;
            };
            let word = interval.as_str();
            let (count, unit) = word.split_at(word.len() - 1);
            let unit = match unit {
                "m" => 1,
                "h" => 60,
                "d" => 1_440,
                _ => 10_080,
            };
            assert_eq!(count.parse::<u32>().unwrap() * unit, minutes, "{word}");
            assert!(minutes > last, "{word}");
            last = minutes;
        }
        assert_eq!(last, 10_080);
    }
}
