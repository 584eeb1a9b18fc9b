//! Tokens for the API: only a hash of each is stored, and idempotency keys of what was asked with them.

use aegir_domain::Password;
use ring::digest::{SHA256, digest};

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};
use crate::server::json;

/// A last use is written down at most once in this time, in milliseconds.
pub const USE_GRAIN: i64 = 60_000;

/// A token, without its text, which nobody has but its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// In whose name.
    pub actor: String,
    /// When it was made.
    pub created: i64,
    /// Until when it is good; `None`: until it is revoked.
    pub expires: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
}

/// A token that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What people call it; free again once it is revoked.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// In whose name.
    pub actor: String,
    /// Until when it is good.
    pub expires: Option<i64>,
}

/// What is known of a request that came with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// It is the first.
    New,
    /// The same was asked and answered.
    Answered {
        /// The status of the answer.
        status: u16,
        /// The answer.
        answer: String,
    },
    /// The same was asked, and is not answered yet.
    Pending,
    /// Something else was asked with this key.
    Other,
}

statements! {
    ADD_TOKEN =
        "INSERT INTO token (name, hash, scopes, actor, created, expires) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    FIND_TOKEN =
        "SELECT id, name, scopes, actor, created, expires, last_used, revoked
           FROM token
          WHERE hash = $1 AND revoked IS NULL AND (expires IS NULL OR expires > $2)";
    TOKENS = "SELECT id, name, scopes, actor, created, expires, last_used, revoked FROM token ORDER BY name, id";
    USE_TOKEN = "UPDATE token SET last_used = $2 WHERE id = $1 AND (last_used IS NULL OR last_used < $3)";
    REVOKE_TOKEN = "UPDATE token SET revoked = $2 WHERE name = $1 AND revoked IS NULL";
    ADD_KEY = "INSERT INTO idempotency (actor, key, request, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    FIND_KEY = "SELECT request, status, answer FROM idempotency WHERE actor = $1 AND key = $2";
    ANSWER_KEY = "UPDATE idempotency SET status = $3, answer = $4 WHERE actor = $1 AND key = $2";
}

/// The text of a token, link or session has the strength of its random bytes, so one round is enough.
pub(crate) fn hash(text: &Password) -> Vec<u8> {
    digest(&SHA256, text.expose().as_bytes()).as_ref().to_vec()
}

/// What is kept of a request.
fn sum(request: &[u8]) -> Vec<u8> {
    digest(&SHA256, request).as_ref().to_vec()
}

impl Read {
    /// What is known of a request with a key, without taking the key; `None`: nothing.
    pub async fn repeated(&mut self, actor: &str, key: &str, request: &[u8]) -> Result<Option<Repeated>, StoreFault> {
        self.found(actor, key, &sum(request)).await
    }

    async fn found(&mut self, actor: &str, key: &str, request: &[u8]) -> Result<Option<Repeated>, StoreFault> {
        let Some(row) = self.row(&FIND_KEY, values![actor, key]).await? else { return Ok(None) };
        if row.get::<Vec<u8>>("request")? != request {
            return Ok(Some(Repeated::Other));
        }
        Ok(Some(match (row.maybe::<i64>("status")?, row.maybe::<String>("answer")?) {
            (Some(status), Some(answer)) => Repeated::Answered { status: u16::try_from(status).unwrap_or(500), answer },
            _ => Repeated::Pending,
        }))
    }

    /// The token that has this text and is good now.
    pub async fn token(&mut self, text: &Password, now: i64) -> Result<Option<TokenRecord>, StoreFault> {
        self.row(&FIND_TOKEN, values![hash(text), now]).await?.as_ref().map(TokenRecord::of).transpose()
    }

    /// All tokens, also those that are good no more.
    pub async fn tokens(&mut self) -> Result<Vec<TokenRecord>, StoreFault> {
        self.rows(&TOKENS, Vec::new()).await?.iter().map(TokenRecord::of).collect()
    }
}

impl Tx {
    /// Adds a token with this text, of at least 32 random characters; the text itself is not kept.
    pub async fn add_token(&mut self, new: &NewToken, text: &Password, now: i64) -> Result<i64, StoreFault> {
        let values = values![&new.name, hash(text), json(&new.scopes)?, &new.actor, now, new.expires];
        let row = self.row(&ADD_TOKEN, values).await;
        let row = row.map_err(|fault| fault.taken(|| format!("the name `{}` of a token", new.name)))?;
        row.map_or(Ok(0), |row| row.get("id"))
    }

    /// Writes down that a token was used; once a minute is enough.
    pub async fn use_token(&mut self, id: i64, now: i64) -> Result<(), StoreFault> {
        self.execute(&USE_TOKEN, values![id, now, now - USE_GRAIN]).await.map(drop)
    }

    /// Makes a token worthless at once. Says whether there was one.
    pub async fn revoke_token(&mut self, name: &str, now: i64) -> Result<bool, StoreFault> {
        Ok(self.execute(&REVOKE_TOKEN, values![name, now]).await? > 0)
    }

    /// Takes a key for a request, or says what is known of it. What the request does belongs into the same
    /// transaction, and so does [`Tx::answer_request`]: then neither happens without the other.
    pub async fn take_key(&mut self, actor: &str, key: &str, request: &[u8], now: i64) -> Result<Repeated, StoreFault> {
        let request = sum(request);
        if self.execute(&ADD_KEY, values![actor, key, request.clone(), now]).await? == 1 {
            return Ok(Repeated::New);
        }
        Ok(self.found(actor, key, &request).await?.unwrap_or(Repeated::Pending))
    }

    /// Keeps the answer to a request, for whoever asks again with its key.
    pub async fn answer_request(
        &mut self,
        actor: &str,
        key: &str,
        status: u16,
        answer: &str,
    ) -> Result<(), StoreFault> {
        self.execute(&ANSWER_KEY, values![actor, key, status, answer]).await.map(drop)
    }
}

impl TokenRecord {
    /// Whether its use at `now` is to be written down: the last one that is, is a minute old.
    pub fn is_to_be_noted(&self, now: i64) -> bool {
        self.last_used.is_none_or(|last| last < now - USE_GRAIN)
    }

    fn of(row: &Row) -> Result<TokenRecord, StoreFault> {
        Ok(TokenRecord {
            id: row.get("id")?,
            name: row.get("name")?,
            scopes: row.json("scopes")?,
            actor: row.get("actor")?,
            created: row.get("created")?,
            expires: row.maybe("expires")?,
            last_used: row.maybe("last_used")?,
            revoked: row.maybe("revoked")?,
        })
    }
}
