//! What was wrong lately, so that nobody can try without end: counted before it is known whether it is.
//!
//! Whoever tries is counted first, and what was right takes its own count back. So a hundred who try at once are
//! counted as a hundred. Counts lie in the database: they outlive the front end, and hold on every control node.

use crate::StoreFault;
use crate::db::{Tx, statements, values};

/// How often may be tried, and how long it must then be waited. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// So many tries cost no waiting.
    pub free: u32,
    /// How long the first wait is; each next one is twice as long.
    pub first: i64,
    /// The longest wait.
    pub longest: i64,
    /// After how long without a try all are forgotten.
    pub forgotten: i64,
}

/// Whether somebody has to wait before they try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// They may try, and were counted.
    No,
    /// So many milliseconds.
    For(i64),
}

statements! {
    /// Whoever comes later waits here until this one is done.
    HOLD_TRIES =
        "INSERT INTO wrong_try (who, tries, last, closed) VALUES ($1, 0, $2, 0)
         ON CONFLICT (who) DO UPDATE SET who = excluded.who
         RETURNING tries, last, closed";
    COUNT_TRY = "UPDATE wrong_try SET tries = $2, last = $3, closed = $4 WHERE who = $1";
    TAKE_BACK = "UPDATE wrong_try SET tries = tries - 1, closed = 0 WHERE who = $1 AND tries > 0";
    FORGET_TRIES = "DELETE FROM wrong_try WHERE who = $1";
}

impl Patience {
    /// How long to wait after so many tries.
    fn wait_after(&self, tries: i64) -> i64 {
        let more = tries - i64::from(self.free);
        if more < 0 {
            return 0;
        }
        let doubled = 1_i64.checked_shl(u32::try_from(more).unwrap_or(u32::MAX).min(40)).unwrap_or(i64::MAX);
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

impl Tx {
    /// Counts somebody who tries, unless they have to wait.
    pub async fn count_try(&mut self, who: &str, patience: &Patience, now: i64) -> Result<Waits, StoreFault> {
        let Some(row) = self.row(&HOLD_TRIES, values![who, now]).await? else { return Ok(Waits::No) };
        let (tries, last, closed): (i64, i64, i64) = (row.get("tries")?, row.get("last")?, row.get("closed")?);
        if closed > now {
            // A clock that was set back must lock nobody out.
            return Ok(Waits::For((closed - now).min(patience.longest)));
        }
        let tries = if last < now - patience.forgotten { 1 } else { tries + 1 };
        let closed = match patience.wait_after(tries) {
            0 => 0,
            wait => now + wait,
        };
        self.execute(&COUNT_TRY, values![who, tries, now, closed]).await?;
        Ok(Waits::No)
    }

    /// Takes one try back that was not wrong.
    pub async fn take_try_back(&mut self, who: &str) -> Result<(), StoreFault> {
        self.execute(&TAKE_BACK, values![who]).await.map(drop)
    }

    /// Forgets all tries.
    pub async fn forget_tries(&mut self, who: &str) -> Result<(), StoreFault> {
        self.execute(&FORGET_TRIES, values![who]).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let patience = Patience { free: 5, first: 30, longest: 900, forgotten: 86_400 };

        let waits: Vec<i64> = (4..=11).map(|tries| patience.wait_after(tries)).collect();

        assert_eq!(waits, [0, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(patience.wait_after(i64::MAX), 900);
    }
}
