//! News: what changed since one looked, and what is still to be sent.

use aegir_domain::{NodeId, NodeKind};

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};

/// Whoever sends something has this long, in milliseconds, until another one may try.
const SENDING: i64 = 2 * 60 * 1000;

/// That something changed. What it is now must be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Its number; it only ever grows.
    pub number: i64,
    /// When.
    pub at: i64,
    /// Of which node.
    pub node: NodeId,
    /// Of which kind that is.
    pub kind: NodeKind,
    /// What, in a word: `created`, `status`, `ended`.
    pub what: String,
}

/// What happened since one looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// These, in order; perhaps none.
    Since(Vec<ChangeRecord>),
    /// More than is kept: look at everything anew, and go on from this number.
    TooOld(i64),
}

/// Something that is to be sent to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsRecord {
    /// Its number.
    pub id: i64,
    /// By which way: `mail`, `webhook`.
    pub channel: String,
    /// About which task.
    pub task: Option<NodeId>,
    /// What; no secret is in it.
    pub body: serde_json::Value,
    /// When it happened.
    pub created: i64,
    /// How often it was tried, this time included.
    pub tries: u64,
    /// Why the last try failed.
    pub fault: Option<String>,
}

statements! {
    CHANGES_SINCE =
        "SELECT number, at, node, kind, what FROM change WHERE number > $1 ORDER BY number LIMIT $2";
    CHANGE_ENDS =
        "SELECT COALESCE(MIN(number), 0) AS oldest, COALESCE(MAX(number), 0) AS newest FROM change";
    POST = "INSERT INTO outbox (channel, task, body, created, tries, next_try) VALUES ($1, $2, $3, $4, 0, $4)";
    DUE =
        "SELECT id, channel, task, body, created, tries, fault
           FROM outbox
          WHERE next_try <= $1
          ORDER BY next_try, id
          LIMIT $2"
      | "SELECT id, channel, task, body, created, tries, fault
           FROM outbox
          WHERE next_try <= $1
          ORDER BY next_try, id
          LIMIT $2
            FOR UPDATE SKIP LOCKED";
    TAKE_NEWS = "UPDATE outbox SET tries = tries + 1, next_try = $2 WHERE id = $1";
    SENT = "UPDATE outbox SET next_try = NULL, sent = $2, fault = NULL WHERE id = $1";
    NOT_SENT = "UPDATE outbox SET next_try = $2, fault = $3 WHERE id = $1";
    HAS_NEWS = "SELECT 1 AS kept FROM outbox WHERE channel = $1 AND task = $2 LIMIT 1";
    UNSENT = "SELECT COUNT(*) AS waiting FROM outbox WHERE next_try IS NOT NULL";
}

impl Read {
    /// What changed after number `since`, at most `limit` of it. Whoever has seen a number has seen all below it.
    pub async fn changes_since(&mut self, since: i64, limit: u32) -> Result<Changes, StoreFault> {
        let (oldest, newest) = self.change_ends().await?;
        // Of a database that was restored, the numbers are lower than what one has seen.
        if since > newest || (since + 1 < oldest && newest > 0) {
            return Ok(Changes::TooOld(newest));
        }
        let rows = self.rows(&CHANGES_SINCE, values![since, limit]).await?;
        rows.iter().map(ChangeRecord::of).collect::<Result<_, _>>().map(Changes::Since)
    }

    /// The number of the last change.
    pub async fn last_change(&mut self) -> Result<i64, StoreFault> {
        Ok(self.change_ends().await?.1)
    }

    async fn change_ends(&mut self) -> Result<(i64, i64), StoreFault> {
        match self.row(&CHANGE_ENDS, Vec::new()).await? {
            Some(row) => Ok((row.get("oldest")?, row.get("newest")?)),
            None => Ok((0, 0)),
        }
    }

    /// Whether anything of a task was put into the outbox for one way, sent or not.
    pub async fn has_news(&mut self, channel: &str, task: NodeId) -> Result<bool, StoreFault> {
        Ok(self.row(&HAS_NEWS, values![channel, task]).await?.is_some())
    }

    /// How much is still to be sent.
    pub async fn count_unsent(&mut self) -> Result<u64, StoreFault> {
        self.row(&UNSENT, Vec::new()).await?.map_or(Ok(0), |row| row.count("waiting"))
    }
}

impl Tx {
    /// Puts something into the outbox, in the transaction of what it tells.
    pub async fn post_news(
        &mut self,
        channel: &str,
        task: Option<NodeId>,
        body: &serde_json::Value,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.execute(&POST, values![channel, task, body, now]).await.map(drop)
    }

    /// Takes what is due; nobody else gets the same for the next two minutes. A sender that dies loses nothing.
    pub async fn take_due_news(&mut self, limit: u32, now: i64) -> Result<Vec<NewsRecord>, StoreFault> {
        let rows = self.rows(&DUE, values![now, limit]).await?;
        let mut due = Vec::new();
        for row in &rows {
            let news = NewsRecord::of(row)?;
            self.execute(&TAKE_NEWS, values![news.id, now + SENDING]).await?;
            due.push(news);
        }
        Ok(due)
    }

    /// Says that it was sent.
    pub async fn record_sent(&mut self, id: i64, now: i64) -> Result<(), StoreFault> {
        self.execute(&SENT, values![id, now]).await.map(drop)
    }

    /// Says that it was not, why, and when to try again; `None`: never.
    pub async fn record_not_sent(&mut self, id: i64, why: &str, next_try: Option<i64>) -> Result<(), StoreFault> {
        self.execute(&NOT_SENT, values![id, next_try, why]).await.map(drop)
    }
}

impl ChangeRecord {
    fn of(row: &Row) -> Result<ChangeRecord, StoreFault> {
        Ok(ChangeRecord {
            number: row.get("number")?,
            at: row.get("at")?,
            node: row.get("node")?,
            kind: row.parse("kind")?,
            what: row.get("what")?,
        })
    }
}

impl NewsRecord {
    fn of(row: &Row) -> Result<NewsRecord, StoreFault> {
        Ok(NewsRecord {
            id: row.get("id")?,
            channel: row.get("channel")?,
            task: row.maybe("task")?,
            body: row.json("body")?,
            created: row.get("created")?,
            tries: row.count("tries")? + 1,
            fault: row.maybe("fault")?,
        })
    }
}
