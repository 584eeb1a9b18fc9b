//! What somebody who is signed in changes of how they come in: their password, and their second factor.

use aegir_domain::Password;
use aegir_store::{AccountRecord, Page, SessionList, StoreFault, Tx};
use serde_json::json;

use super::derive::Found;
use super::door::{OF_ONE, done, used_since};
use super::factor::{self, CODES, Code};
use super::weak;
use crate::use_case::session_view;
use crate::view::SessionView;
use crate::{Factor, Hosting, NotLetIn, Refusal, Session};

impl Hosting {
    pub(super) async fn replace_password(
        &self,
        session: &Session,
        old: Password,
        new: Password,
    ) -> Result<(), NotLetIn> {
        if let Some(why) = weak::why_not(&new, &session.account) {
            return Err(NotLetIn::Weak { why });
        }
        let account = self.knows(session, old, "panel-change-password").await?;
        let derived = self.derive(new).await?;
        let now = self.now();
        let changed = async |tx: &mut Tx| {
            if !is_as_it_was(tx, session, &account, now).await? {
                return Ok(false);
            }
            tx.set_password(account.id, &derived).await?;
            tx.void_links(account.id).await?;
            let ended = tx.end_sessions(account.id, Some(session.id), now).await?;
            let detail = json!({ "session": session.id, "sessions_ended": ended });
            done("panel-change-password", &account.name, detail).record(tx, now).await?;
            Ok::<_, StoreFault>(true)
        };
        self.unless_over(changed).await
    }

    pub(super) async fn offer(&self, session: &Session) -> Result<Factor, NotLetIn> {
        let account = self.holder(session).await?;
        let secret = factor::new_secret(self.chance());
        let address =
            factor::address(&secret, &account.name).ok_or_else(|| no_factor("cannot be written as an address"))?;
        let key = &self.0.key;
        let offered = self.store().write(async |tx| tx.offer_factor(account.id, &secret, key).await);
        match offered.await.map_err(Refusal::from)? {
            true => Ok(Factor { secret, address }),
            false => Err(Refusal::Conflict {
                what: "the account has a second factor".into(),
                remedy: Some("end that one first".into()),
            }
            .into()),
        }
    }

    pub(super) async fn hold(&self, session: &Session, typed: &str) -> Result<Vec<String>, NotLetIn> {
        let account = self.holder(session).await?;
        let (key, id) = (&self.0.key, account.id);
        let secret = self.store().read(async |read| read.factor(id, key).await).await.map_err(Refusal::from)?;
        let (Some(secret), None) = (secret, account.factor_since) else {
            return Err(no_factor("is not offered, or holds already").into());
        };
        let step = match factor::read(typed) {
            Code::Digits(digits) => factor::step_of(&secret, &digits, self.now()),
            _ => None,
        };
        let step = step.ok_or(NotLetIn::WrongCode)?;
        let (kept, told): (Vec<Password>, Vec<String>) = (0..CODES).map(|_| factor::new_code(self.chance())).unzip();
        let now = self.now();
        let held = async |tx: &mut Tx| {
            // What was offered anew meanwhile was not shown.
            let same = tx.factor(id, key).await?.as_ref() == Some(&secret);
            if !same
                || !is_as_it_was(tx, session, &account, now).await?
                || !tx.hold_factor(id, step, &kept, now).await?
            {
                return Ok(false);
            }
            done("panel-confirm-factor", &account.name, json!({ "session": session.id })).record(tx, now).await?;
            Ok::<_, StoreFault>(true)
        };
        self.unless_over(held).await.map(|()| told)
    }

    pub(super) async fn end_factor(&self, session: &Session, password: Password) -> Result<(), NotLetIn> {
        let account = self.knows(session, password, "panel-drop-factor").await?;
        let now = self.now();
        let dropped = async |tx: &mut Tx| {
            if !is_as_it_was(tx, session, &account, now).await? {
                return Ok(false);
            }
            tx.drop_factor(account.id).await?;
            done("panel-drop-factor", &account.name, json!({ "session": session.id })).record(tx, now).await?;
            Ok::<_, StoreFault>(true)
        };
        self.unless_over(dropped).await
    }

    pub(super) async fn sessions_of(&self, session: &Session, end: Option<i64>) -> Result<Vec<SessionView>, Refusal> {
        let account = self.holder(session).await?;
        let now = self.now();
        let list = SessionList {
            account: Some(account.name.clone()),
            now,
            used_since: used_since(now),
            page: Page::first(aegir_store::LONGEST_PAGE),
        };
        if let Some(end) = end {
            let own = async |tx: &mut Tx| {
                let is_own = tx.account_of_session(end, now).await? == Some(account.id);
                if !is_own || !tx.end_session(end, now, used_since(now)).await? {
                    return Ok(false);
                }
                let detail = json!({ "session": session.id, "ended": end });
                done("panel-end-session", &account.name, detail).record(tx, now).await?;
                Ok::<_, StoreFault>(true)
            };
            if !self.store().write(own).await? {
                return Err(Refusal::Unknown { what: "session", name: end.to_string() });
            }
        }
        let page = self.store().read(async |read| read.list(&list).await).await?;
        Ok(page.rows.into_iter().map(session_view).collect())
    }

    /// The account of a session that is open.
    async fn holder(&self, session: &Session) -> Result<AccountRecord, Refusal> {
        let now = self.now();
        let account = self
            .store()
            .snapshot(async |read| match read.account_of_session(session.id, now).await? {
                Some(account) => read.account(account).await,
                None => Ok::<_, StoreFault>(None),
            })
            .await?;
        account.ok_or_else(is_over)
    }

    /// The same, if its holder knows the password. Tries are the session's own: nobody outside can use them up.
    async fn knows(
        &self,
        session: &Session,
        password: Password,
        what: &'static str,
    ) -> Result<AccountRecord, NotLetIn> {
        let account = self.holder(session).await?;
        let tries = format!("session {}", session.id);
        self.count_try(&[(&tries, OF_ONE)]).await?;
        let kept = account.password.clone();
        let found = self.0.deriver.compare(password, kept).await.map_err(Refusal::from)?;
        if found == Found::Wrong {
            self.note_wrong(what, Some(&account.name), "wrong").await;
            return Err(NotLetIn::Wrong);
        }
        self.store().write(async |tx| tx.forget_tries(&tries).await).await.map_err(Refusal::from)?;
        Ok(account)
    }

    async fn unless_over(&self, change: impl AsyncFnOnce(&mut Tx) -> Result<bool, StoreFault>) -> Result<(), NotLetIn> {
        match self.store().write(change).await.map_err(Refusal::from)? {
            true => Ok(()),
            false => Err(is_over().into()),
        }
    }
}

/// Whether the session is open still, and the account has the password that was compared; it is held then.
async fn is_as_it_was(tx: &mut Tx, session: &Session, account: &AccountRecord, now: i64) -> Result<bool, StoreFault> {
    let held = tx.hold_account(account.id).await?;
    Ok(held.is_some_and(|held| held.password == account.password)
        && tx.account_of_session(session.id, now).await? == Some(account.id))
}

pub(super) fn is_over() -> Refusal {
    Refusal::Conflict {
        what: "this session is over, or the account was changed meanwhile".into(),
        remedy: Some("sign in again".into()),
    }
}

fn no_factor(why: &str) -> Refusal {
    Refusal::Conflict { what: format!("the second factor {why}"), remedy: Some("have one offered again".into()) }
}
