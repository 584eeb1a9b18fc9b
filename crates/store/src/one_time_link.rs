//! One-time links, which let the holder of an account in and set its password: only a hash of each is stored.

use aegir_domain::Password;

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};
use crate::token::hash;

/// A link that lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRecord {
    /// Its number.
    pub id: i64,
    /// The account that it lets in.
    pub account: i64,
    /// The name of that account.
    pub name: String,
    /// Until when it does.
    pub until: i64,
    /// Who made it.
    pub made_by: String,
}

/// A link that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The account that it is to let in.
    pub account: i64,
    /// Until when.
    pub until: i64,
    /// Who makes it.
    pub made_by: String,
}

statements! {
    ADD_LINK =
        "INSERT INTO one_time_link (hash, account, created, until, made_by) VALUES ($1, $2, $3, $4, $5)";
    FIND_LINK =
        "SELECT one_time_link.id, one_time_link.account, account.name, one_time_link.until, one_time_link.made_by
           FROM one_time_link JOIN account ON account.id = one_time_link.account
          WHERE one_time_link.hash = $1 AND one_time_link.used IS NULL AND one_time_link.until > $2
            AND account.blocked IS NULL";
    /// Of two who use it, one does.
    USE_LINK = "UPDATE one_time_link SET used = $2 WHERE id = $1 AND used IS NULL AND until > $2";
    VOID_LINKS = "DELETE FROM one_time_link WHERE account = $1 AND used IS NULL";
}

impl Read {
    /// The link with this text, if it lets in now.
    pub async fn link_of(&mut self, text: &Password, now: i64) -> Result<Option<LinkRecord>, StoreFault> {
        self.row(&FIND_LINK, values![hash(text), now]).await?.as_ref().map(LinkRecord::of).transpose()
    }
}

impl Tx {
    /// Adds a link with this text, of at least 32 random characters; the text itself is not kept. Those that the
    /// account had let nobody in any more.
    pub async fn add_link(&mut self, new: &NewLink, text: &Password, now: i64) -> Result<(), StoreFault> {
        self.hold_account(new.account).await?;
        self.void_links(new.account).await?;
        self.execute(&ADD_LINK, values![hash(text), new.account, now, new.until, &new.made_by]).await.map(drop)
    }

    /// Uses a link up. Says whether it was still to be used.
    pub async fn use_link(&mut self, id: i64, now: i64) -> Result<bool, StoreFault> {
        Ok(self.execute(&USE_LINK, values![id, now]).await? == 1)
    }

    /// Makes the links of an account worthless that nobody has used.
    pub async fn void_links(&mut self, account: i64) -> Result<(), StoreFault> {
        self.execute(&VOID_LINKS, values![account]).await.map(drop)
    }
}

impl LinkRecord {
    fn of(row: &Row) -> Result<LinkRecord, StoreFault> {
        Ok(LinkRecord {
            id: row.get("id")?,
            account: row.get("account")?,
            name: row.get("name")?,
            until: row.get("until")?,
            made_by: row.get("made_by")?,
        })
    }
}
