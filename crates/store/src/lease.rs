//! Leases: which control node dispatches and records, and the fence that keeps a late one out.
//!
//! A lease has an end by the clock, and a fence that only ever grows. The clock decides who *may* take over; the
//! fence decides who *has*: every write of dispatching carries it, and a lower one than the lease's is refused. So a
//! clock that is wrong can cost time, and never lets two decide.

use crate::StoreFault;
use crate::db::{Read, Tx, statements, values};

/// The longest that a lease may be asked for, in milliseconds.
pub const LONGEST_LEASE: i64 = 5 * 60 * 1000;

/// The proof that somebody holds, or held, a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    lease: String,
    holder: String,
    number: i64,
}

impl Fence {
    /// The name of the lease.
    pub fn lease(&self) -> &str {
        &self.lease
    }

    /// Its number: higher than of any holder before.
    pub fn number(&self) -> i64 {
        self.number
    }
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Its name.
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Its fence.
    pub fence: i64,
    /// Until when.
    pub until: i64,
}

statements! {
    LEASES = "SELECT name, holder, fence, until FROM lease ORDER BY name";
    FIND_LEASE =
        "SELECT name, holder, fence, until FROM lease WHERE name = $1"
      | "SELECT name, holder, fence, until FROM lease WHERE name = $1 FOR UPDATE";
    /// Shared on PostgreSQL: those who record at the same time do not wait for each other, and whoever takes the
    /// lease over waits for them.
    CHECK_FENCE =
        "SELECT fence FROM lease WHERE name = $1"
      | "SELECT fence FROM lease WHERE name = $1 FOR SHARE";
    MAKE_LEASE = "INSERT INTO lease (name, holder, fence, until) VALUES ($1, '', 0, 0) ON CONFLICT DO NOTHING";
    TAKE_LEASE = "UPDATE lease SET holder = $2, fence = $3, until = $4 WHERE name = $1";
    RENEW_LEASE = "UPDATE lease SET until = $3 WHERE name = $1 AND fence = $2";
    LEAVE_LEASE = "UPDATE lease SET until = 0 WHERE name = $1 AND fence = $2";
}

impl Read {
    /// All leases, also those that nobody holds any more.
    pub async fn leases(&mut self) -> Result<Vec<LeaseRecord>, StoreFault> {
        self.rows(&LEASES, Vec::new()).await?.iter().map(LeaseRecord::of).collect()
    }
}

impl Tx {
    /// Takes a lease for `length` milliseconds, if nobody else holds it; else says who does.
    ///
    /// Whoever takes it gets a fence higher than any before, also when it is the holder itself that comes back: what
    /// it began before it was restarted is then refused.
    pub async fn take_lease(
        &mut self,
        name: &str,
        holder: &str,
        length: i64,
        now: i64,
    ) -> Result<Result<Fence, LeaseRecord>, StoreFault> {
        self.execute(&MAKE_LEASE, values![name]).await?;
        let Some(row) = self.row(&FIND_LEASE, values![name]).await? else {
            return Err(StoreFault::Absent { what: format!("lease `{name}`") });
        };
        let lease = LeaseRecord::of(&row)?;
        if lease.holder != holder && lease.is_held(now) {
            return Ok(Err(lease));
        }
        let fence = Fence { lease: name.to_owned(), holder: holder.to_owned(), number: lease.fence + 1 };
        let until = now.saturating_add(length.clamp(0, LONGEST_LEASE));
        self.execute(&TAKE_LEASE, values![name, holder, fence.number, until]).await?;
        Ok(Ok(fence))
    }

    /// Holds a lease for `length` milliseconds more. Refused once somebody else has taken it.
    pub async fn renew_lease(&mut self, fence: &Fence, length: i64, now: i64) -> Result<(), StoreFault> {
        let until = now.saturating_add(length.clamp(0, LONGEST_LEASE));
        match self.execute(&RENEW_LEASE, values![&fence.lease, fence.number, until]).await? {
            0 => self.check_fence(fence).await,
            _ => Ok(()),
        }
    }

    /// Lets others take a lease at once.
    pub async fn leave_lease(&mut self, fence: &Fence) -> Result<(), StoreFault> {
        self.execute(&LEAVE_LEASE, values![&fence.lease, fence.number]).await.map(drop)
    }

    /// Ends a lease whose holder is known to be gone; one that was taken again since is left alone.
    pub async fn end_lease(&mut self, lease: &LeaseRecord) -> Result<(), StoreFault> {
        self.execute(&LEAVE_LEASE, values![&lease.name, lease.fence]).await.map(drop)
    }

    /// Goes on only if nobody has taken the lease over since; and nobody does until this transaction ends.
    pub async fn check_fence(&mut self, fence: &Fence) -> Result<(), StoreFault> {
        let row = self.row(&CHECK_FENCE, values![&fence.lease]).await?;
        let now = row.map_or(Ok(0), |row| row.get("fence"))?;
        if now == fence.number {
            return Ok(());
        }
        Err(StoreFault::Superseded { lease: fence.lease.clone(), fence: fence.number, now })
    }
}

impl LeaseRecord {
    fn of(row: &crate::db::Row) -> Result<LeaseRecord, StoreFault> {
        Ok(LeaseRecord {
            name: row.get("name")?,
            holder: row.get("holder")?,
            fence: row.get("fence")?,
            until: row.get("until")?,
        })
    }

    /// Whether its holder may still rely on it. One that lasts longer than any may was written before the clock went
    /// back: it would keep everybody out for as long as the clock was wrong.
    pub fn is_held(&self, now: i64) -> bool {
        now < self.until && self.until - now <= LONGEST_LEASE
    }
}
