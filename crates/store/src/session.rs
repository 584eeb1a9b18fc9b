//! Sessions of the panel: only a hash of each one's secret is stored.

use aegir_domain::Password;

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::page::{Direction, Order, Page, Parts};
use crate::token::{USE_GRAIN, hash};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its number.
    pub id: i64,
    /// The number of its account.
    pub account: i64,
    /// The name of its account.
    pub name: String,
    /// Whether the account has a second factor.
    pub has_factor: bool,
    /// When it was opened.
    pub opened: i64,
    /// When it was last used, to the minute.
    pub last_used: i64,
    /// Until when it lasts at the longest.
    pub until: i64,
    /// What the browser says of itself.
    pub browser: String,
}

/// A session that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose.
    pub account: i64,
    /// Until when it lasts at the longest.
    pub until: i64,
    /// What the browser says of itself.
    pub browser: String,
}

/// Sessions that are open, the newest first.
#[derive(Clone, Debug)]
pub struct SessionList {
    /// Of one account, by its name.
    pub account: Option<String>,
    /// Now.
    pub now: i64,
    /// Those that were not used since are over.
    pub used_since: i64,
    /// Which part.
    pub page: Page,
}

statements! {
    OPEN_SESSION =
        "INSERT INTO session (hash, account, opened, last_used, until, browser) VALUES ($1, $2, $3, $3, $4, $5)
         RETURNING id";
    FIND_SESSION =
        "SELECT session.id, session.account, account.name, account.factor_since IS NOT NULL AS has_factor,
                session.opened, session.last_used, session.until, session.browser
           FROM session JOIN account ON account.id = session.account
          WHERE session.hash = $1 AND session.ended IS NULL AND session.until > $2 AND session.last_used > $3
            AND account.blocked IS NULL";
    IS_OPEN =
        "SELECT session.account
           FROM session JOIN account ON account.id = session.account
          WHERE session.id = $1 AND session.ended IS NULL AND session.until > $2 AND account.blocked IS NULL";
    SESSIONS_BY_ACCOUNT =
        "SELECT account, COUNT(*) AS sessions, MAX(last_used) AS last_used
           FROM session
          WHERE ended IS NULL AND until > $1 AND last_used > $2
          GROUP BY account";
    USE_SESSION = "UPDATE session SET last_used = $2 WHERE id = $1 AND last_used < $3";
    END_SESSION = "UPDATE session SET ended = $2 WHERE id = $1 AND ended IS NULL AND until > $2 AND last_used > $3";
    END_SESSIONS = "UPDATE session SET ended = $2 WHERE account = $1 AND id <> $3 AND ended IS NULL";
}

impl Read {
    /// The session with this secret, if it is open: it has not ended, and was used after `used_since`.
    pub async fn session(
        &mut self,
        secret: &Password,
        now: i64,
        used_since: i64,
    ) -> Result<Option<SessionRecord>, StoreFault> {
        let values = values![hash(secret), now, used_since];
        self.row(&FIND_SESSION, values).await?.as_ref().map(SessionRecord::of).transpose()
    }

    /// The account of a session that has not ended; `None`: it has.
    pub async fn account_of_session(&mut self, session: i64, now: i64) -> Result<Option<i64>, StoreFault> {
        self.row(&IS_OPEN, values![session, now]).await?.map(|row| row.get("account")).transpose()
    }

    /// How many open sessions each account has, and when one of them was last used.
    pub async fn sessions_by_account(&mut self, now: i64, used_since: i64) -> Result<Vec<(i64, u64, i64)>, StoreFault> {
        let rows = self.rows(&SESSIONS_BY_ACCOUNT, values![now, used_since]).await?;
        rows.iter().map(|row| Ok((row.get("account")?, row.count("sessions")?, row.get("last_used")?))).collect()
    }
}

impl Tx {
    /// Opens a session with this secret, of at least 32 random characters; the secret itself is not kept.
    pub async fn open_session(&mut self, new: &NewSession, secret: &Password, now: i64) -> Result<i64, StoreFault> {
        let values = values![hash(secret), new.account, now, new.until, &new.browser];
        self.row(&OPEN_SESSION, values).await?.map_or(Ok(0), |row| row.get("id"))
    }

    /// Writes down that a session was used; once a minute is enough.
    pub async fn use_session(&mut self, id: i64, now: i64) -> Result<(), StoreFault> {
        self.execute(&USE_SESSION, values![id, now, now - USE_GRAIN]).await.map(drop)
    }

    /// Ends a session that is open. Says whether it was.
    pub async fn end_session(&mut self, id: i64, now: i64, used_since: i64) -> Result<bool, StoreFault> {
        Ok(self.execute(&END_SESSION, values![id, now, used_since]).await? == 1)
    }

    /// Ends the sessions of an account, all but `but`; says how many.
    pub async fn end_sessions(&mut self, account: i64, but: Option<i64>, now: i64) -> Result<u64, StoreFault> {
        // Numbers begin with 1.
        self.execute(&END_SESSIONS, values![account, now, but.unwrap_or(0)]).await
    }
}

impl SessionRecord {
    /// Whether its use at `now` is to be written down: the last one that is, is a minute old.
    pub fn is_to_be_noted(&self, now: i64) -> bool {
        self.last_used < now - USE_GRAIN
    }

    fn of(row: &Row) -> Result<SessionRecord, StoreFault> {
        Ok(SessionRecord {
            id: row.get("id")?,
            account: row.get("account")?,
            name: row.get("name")?,
            has_factor: row.get("has_factor")?,
            opened: row.get("opened")?,
            last_used: row.get("last_used")?,
            until: row.get("until")?,
            browser: row.get("browser")?,
        })
    }
}

impl Parts for SessionList {
    type Item = SessionRecord;
    const LIST: &'static str = "sessions";
    const COLUMNS: &'static str = "session.id, session.account, account.name,
        account.factor_since IS NOT NULL AS has_factor, session.opened, session.last_used, session.until,
        session.browser";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM session JOIN account ON account.id = session.account WHERE account.blocked IS NULL");
        query.push(" AND session.ended IS NULL AND session.until > ").bind(self.now);
        query.push(" AND session.last_used > ").bind(self.used_since);
        if let Some(account) = &self.account {
            query.push(" AND account.name = ").bind(account);
        }
    }

    fn order(&self) -> Order {
        Order { name: "newest", key: None, id: "session.id", direction: Direction::Down }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<SessionRecord, StoreFault> {
        SessionRecord::of(row)
    }
}
