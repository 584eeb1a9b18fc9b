//! Accounts of the panel: who may come in, and by what they show that it is they.
//!
//! Of a password there is what was derived from it; the secret of a second factor is sealed, since codes are made from
//! it; of each code that replaces the factor once, there is a hash.

use aegir_domain::Password;

use crate::db::{Read, Row, Tx, statements, values};
use crate::token::hash;
use crate::{SecretKey, StoreFault};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its number; that of one which is deleted is not given again.
    pub id: i64,
    /// Its name, in small letters.
    pub name: String,
    /// What was derived from its password, as a PHC string; `None`: it has none yet.
    pub password: Option<Password>,
    /// Since when its second factor holds; `None`: it has none.
    pub factor_since: Option<i64>,
    /// When it was made.
    pub created: i64,
    /// Since when it lets nobody in.
    pub blocked: Option<i64>,
}

statements! {
    ADD_ACCOUNT = "INSERT INTO account (name, created) VALUES ($1, $2) RETURNING id";
    FIND_ACCOUNT = "SELECT id, name, password, factor_since, created, blocked FROM account WHERE name = $1";
    ACCOUNT = "SELECT id, name, password, factor_since, created, blocked FROM account WHERE id = $1";
    /// Who decides by what an account is has it stay so until they are done.
    HOLD_ACCOUNT =
        "SELECT id, name, password, factor_since, created, blocked FROM account WHERE id = $1"
        | "SELECT id, name, password, factor_since, created, blocked FROM account WHERE id = $1 FOR NO KEY UPDATE";
    ACCOUNTS = "SELECT id, name, password, factor_since, created, blocked FROM account ORDER BY name";
    SET_PASSWORD = "UPDATE account SET password = $2 WHERE id = $1";
    BLOCK_ACCOUNT = "UPDATE account SET blocked = $2 WHERE id = $1";
    FACTOR = "SELECT factor_key, factor_nonce, factor_sealed FROM account WHERE id = $1 AND factor_sealed IS NOT NULL";
    OFFER_FACTOR =
        "UPDATE account SET factor_key = $2, factor_nonce = $3, factor_sealed = $4, factor_step = NULL
          WHERE id = $1 AND factor_since IS NULL";
    HOLD_FACTOR =
        "UPDATE account SET factor_since = $2, factor_step = $3
          WHERE id = $1 AND factor_since IS NULL AND factor_sealed IS NOT NULL";
    /// Of two who show the same code, one moves the step.
    USE_STEP = "UPDATE account SET factor_step = $2 WHERE id = $1 AND factor_since IS NOT NULL AND factor_step < $2";
    DROP_FACTOR =
        "UPDATE account
            SET factor_key = NULL, factor_nonce = NULL, factor_sealed = NULL, factor_since = NULL, factor_step = NULL
          WHERE id = $1";
    ADD_CODE = "INSERT INTO recovery_code (account, hash) VALUES ($1, $2)";
    USE_CODE = "UPDATE recovery_code SET used = $3 WHERE account = $1 AND hash = $2 AND used IS NULL";
    CODES_LEFT = "SELECT COUNT(*) AS left_over FROM recovery_code WHERE account = $1 AND used IS NULL";
    DROP_CODES = "DELETE FROM recovery_code WHERE account = $1";
    DROP_SESSIONS_OF = "DELETE FROM session WHERE account = $1";
    DROP_LINKS_OF = "DELETE FROM one_time_link WHERE account = $1";
    DROP_VIEWS_OF = "DELETE FROM saved_view WHERE account = $1";
    DROP_ACCOUNT = "DELETE FROM account WHERE id = $1";
}

/// What the secret of a factor is sealed with, so that one which is moved to another account opens nothing.
fn binding(account: i64) -> String {
    format!("account {account},factor")
}

impl Read {
    /// The account of this name, in small letters.
    pub async fn account_named(&mut self, name: &str) -> Result<Option<AccountRecord>, StoreFault> {
        self.row(&FIND_ACCOUNT, values![name]).await?.as_ref().map(AccountRecord::of).transpose()
    }

    /// The account of this number.
    pub async fn account(&mut self, id: i64) -> Result<Option<AccountRecord>, StoreFault> {
        self.row(&ACCOUNT, values![id]).await?.as_ref().map(AccountRecord::of).transpose()
    }

    /// All accounts, by name.
    pub async fn accounts(&mut self) -> Result<Vec<AccountRecord>, StoreFault> {
        self.rows(&ACCOUNTS, Vec::new()).await?.iter().map(AccountRecord::of).collect()
    }

    /// The secret of an account's second factor, whether it holds or is only offered.
    pub async fn factor(&mut self, account: i64, key: &SecretKey) -> Result<Option<Password>, StoreFault> {
        let Some(row) = self.row(&FACTOR, values![account]).await? else { return Ok(None) };
        let sealed = |why: String| StoreFault::SealedFactor { account, why };
        let key_id: String = row.get("factor_key")?;
        if key_id != key.id() {
            return Err(sealed(format!("it was sealed with the key `{key_id}`, and this is `{}`", key.id())));
        }
        let nonce: Vec<u8> = row.get("factor_nonce")?;
        let opened = key.open(&binding(account), &nonce, row.get("factor_sealed")?);
        opened.map(Some).ok_or_else(|| sealed("it was changed, or belongs to another".into()))
    }

    /// How many of an account's recovery codes were not used.
    pub async fn codes_left(&mut self, account: i64) -> Result<u64, StoreFault> {
        self.row(&CODES_LEFT, values![account]).await?.map_or(Ok(0), |row| row.count("left_over"))
    }
}

impl Tx {
    /// Adds an account; nobody can come in before it has a link.
    pub async fn add_account(&mut self, name: &str, now: i64) -> Result<i64, StoreFault> {
        let row = self.row(&ADD_ACCOUNT, values![name, now]).await;
        let row = row.map_err(|fault| fault.taken(|| format!("the name `{name}` of an account")))?;
        row.map_or(Ok(0), |row| row.get("id"))
    }

    /// The account of this number, held: nobody else changes it before this transaction ends. What changes more of an
    /// account begins with this, so that no two wait for each other.
    pub async fn hold_account(&mut self, id: i64) -> Result<Option<AccountRecord>, StoreFault> {
        self.row(&HOLD_ACCOUNT, values![id]).await?.as_ref().map(AccountRecord::of).transpose()
    }

    /// Keeps what was derived from an account's password.
    pub async fn set_password(&mut self, account: i64, derived: &Password) -> Result<(), StoreFault> {
        self.execute(&SET_PASSWORD, values![account, derived.expose()]).await.map(drop)
    }

    /// Has an account let nobody in, since `blocked`; or lets it again.
    pub async fn block_account(&mut self, account: i64, blocked: Option<i64>) -> Result<(), StoreFault> {
        self.execute(&BLOCK_ACCOUNT, values![account, blocked]).await.map(drop)
    }

    /// Keeps the secret of a factor that is offered, in place of one that was. Says whether it does: not where a
    /// factor holds.
    pub async fn offer_factor(&mut self, account: i64, secret: &Password, key: &SecretKey) -> Result<bool, StoreFault> {
        let sealed = key.seal(&binding(account), secret.expose());
        let (nonce, sealed) = sealed.map_err(|fault| StoreFault::SealedFactor { account, why: fault.to_string() })?;
        Ok(self.execute(&OFFER_FACTOR, values![account, key.id(), nonce.to_vec(), sealed]).await? == 1)
    }

    /// From now on the offered factor holds; `step` is that of the code which showed it. Each of `codes` replaces it
    /// once. Says whether one was offered.
    pub async fn hold_factor(
        &mut self,
        account: i64,
        step: i64,
        codes: &[Password],
        now: i64,
    ) -> Result<bool, StoreFault> {
        if self.execute(&HOLD_FACTOR, values![account, now, step]).await? != 1 {
            return Ok(false);
        }
        self.execute(&DROP_CODES, values![account]).await?;
        for code in codes {
            self.execute(&ADD_CODE, values![account, hash(code)]).await?;
        }
        Ok(true)
    }

    /// Uses up the code of a step, and those of all steps before it. Says whether it was still to be used.
    pub async fn use_step(&mut self, account: i64, step: i64) -> Result<bool, StoreFault> {
        Ok(self.execute(&USE_STEP, values![account, step]).await? == 1)
    }

    /// Uses up a recovery code. Says whether there was one.
    pub async fn use_recovery_code(&mut self, account: i64, code: &Password, now: i64) -> Result<bool, StoreFault> {
        Ok(self.execute(&USE_CODE, values![account, hash(code), now]).await? == 1)
    }

    /// Ends an account's second factor, with the codes that replace it.
    pub async fn drop_factor(&mut self, account: i64) -> Result<(), StoreFault> {
        self.execute(&DROP_FACTOR, values![account]).await?;
        self.execute(&DROP_CODES, values![account]).await.map(drop)
    }

    /// Deletes an account, with all that is its own.
    pub async fn delete_account(&mut self, account: i64) -> Result<(), StoreFault> {
        self.hold_account(account).await?;
        for drop in [&DROP_CODES, &DROP_SESSIONS_OF, &DROP_LINKS_OF, &DROP_VIEWS_OF, &DROP_ACCOUNT] {
            self.execute(drop, values![account]).await?;
        }
        Ok(())
    }
}

impl AccountRecord {
    fn of(row: &Row) -> Result<AccountRecord, StoreFault> {
        Ok(AccountRecord {
            id: row.get("id")?,
            name: row.get("name")?,
            password: row.maybe::<String>("password")?.map(Password::new),
            factor_since: row.maybe("factor_since")?,
            created: row.get("created")?,
            blocked: row.maybe("blocked")?,
        })
    }
}
