//! The door of the panel: by a one-time link, by a password and a code, by a session that is open.
//!
//! ```text
//!   sign in: count the try ─► compare the password ─► use the code up ─┐  one transaction:
//!   enter:   the link ─► derive from the new password ─────────────────┴─► session, and what it ends, and the audit
//! ```

use std::sync::PoisonError;

use aegir_domain::{PanelAccountName, Password};
use aegir_store::{AccountRecord, NewSession, Patience, SessionRecord, StoreFault, Tx, Waits};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};
use serde_json::json;

use super::derive::Found;
use super::factor::{self, Code};
use super::trace::Deed;
use super::weak;
use crate::{Actor, Hosting, Invitation, NotLetIn, Opened, Refusal, Session, SignIn};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// How long a session lasts at the longest.
const LONGEST: i64 = 7 * 24 * HOUR;
/// After how long without use a session is over.
const IDLE: i64 = 12 * HOUR;
/// What is kept of what a browser says, in characters.
const BROWSER: usize = 200;

/// How often a password or a code may be wrong for one account, or in one session.
pub(super) const OF_ONE: Patience = Patience { free: 5, first: 30 * SECOND, longest: 15 * MINUTE, forgotten: HOUR };
/// How often they may be wrong in all, whoever asks: who tries one password on a thousand names waits too.
const OF_ALL: Patience = Patience { free: 100, first: 5 * SECOND, longest: MINUTE, forgotten: 15 * MINUTE };
const ALL: &str = "all";

/// Under which word the tries on an account are counted.
fn tries_of(account: &str) -> String {
    format!("account {account}")
}

/// By what an account's holder shows the second factor.
enum Shown {
    /// It has none.
    Needless,
    /// The code of this step.
    Step(i64),
    /// A code that replaces it.
    Recovery(Password),
}

impl Hosting {
    pub(super) async fn invitation(&self, secret: &str) -> Result<Option<Invitation>, Refusal> {
        let (secret, now) = (Password::new(secret), self.now());
        let link = self.store().read(async |read| read.link_of(&secret, now).await).await?;
        Ok(link.map(|link| Invitation { account: link.name, until: link.until }))
    }

    pub(super) async fn enter_by(&self, secret: &str, password: Password, from: &str) -> Result<Opened, NotLetIn> {
        let (text, now) = (Password::new(secret), self.now());
        let found = self.store().read(async |read| read.link_of(&text, now).await).await.map_err(Refusal::from)?;
        let link = found.ok_or(NotLetIn::LinkGone)?;
        if let Some(why) = weak::why_not(&password, &link.name) {
            return Err(NotLetIn::Weak { why });
        }
        let derived = self.derive(password).await?;
        let secret = self.secret();
        let now = self.now();
        let entered = self
            .store()
            .write(async |tx| {
                // It may have been used, and its account deleted or blocked, since it was looked at.
                let account = tx.hold_account(link.account).await?.filter(|account| account.blocked.is_none());
                let (Some(account), true) = (account, tx.use_link(link.id, now).await?) else { return Ok(None) };
                tx.set_password(account.id, &derived).await?;
                tx.drop_factor(account.id).await?;
                tx.void_links(account.id).await?;
                let ended = tx.end_sessions(account.id, None, now).await?;
                tx.forget_tries(&tries_of(&account.name)).await?;
                let opened = open(tx, &account, false, &secret, from, now).await?;
                let detail = json!({
                    "session": opened.id, "sessions_ended": ended, "factor_dropped": account.factor_since.is_some(),
                    "link_made_by": link.made_by,
                });
                done("panel-enter", &account.name, detail).record(tx, now).await?;
                Ok::<_, StoreFault>(Some(opened))
            })
            .await
            .map_err(Refusal::from)?;
        let session = entered.ok_or(NotLetIn::LinkGone)?;
        Ok(Opened { secret, session, until: now + LONGEST })
    }

    pub(super) async fn let_in(&self, given: SignIn, from: &str) -> Result<Opened, NotLetIn> {
        // What is no name is nobody's, and is counted among all.
        let name = given.account.trim().parse::<PanelAccountName>().ok().map(|name| name.to_string());
        let tries = name.as_deref().map(tries_of);
        let mut under = vec![(ALL, OF_ALL)];
        under.extend(tries.as_deref().map(|tries| (tries, OF_ONE)));
        self.count_try(&under).await?;
        let account = match &name {
            Some(name) => {
                self.store().read(async |read| read.account_named(name).await).await.map_err(Refusal::from)?
            }
            None => None,
        };
        let known = account.as_ref().map(|account| account.name.clone());
        let account = account.filter(|account| account.blocked.is_none());
        let kept = account.as_ref().and_then(|account| account.password.clone());
        let found = self.0.deriver.compare(given.password.clone(), kept).await.map_err(Refusal::from)?;
        let (Some(account), Found::Right | Found::RightAndOld) = (account, found) else {
            self.note_wrong("panel-sign-in", known.as_deref(), "wrong").await;
            return Err(NotLetIn::Wrong);
        };
        let shown = match self.shown(&account, &given.code).await {
            Err(NotLetIn::NeedsCode) => {
                // Nothing was wrong with it.
                let taken = async |tx: &mut Tx| {
                    tx.take_try_back(ALL).await?;
                    tx.take_try_back(&tries_of(&account.name)).await
                };
                self.store().write(taken).await.map_err(Refusal::from)?;
                return Err(NotLetIn::NeedsCode);
            }
            Err(NotLetIn::WrongCode) => {
                self.note_wrong("panel-sign-in", Some(&account.name), "wrong-code").await;
                return Err(NotLetIn::WrongCode);
            }
            shown => shown?,
        };
        let anew = match found {
            Found::RightAndOld => Some(self.derive(given.password).await?),
            _ => None,
        };
        let secret = self.secret();
        let now = self.now();
        let entered = self
            .store()
            .write(async |tx| {
                // In the order in which they were counted: two who come in at once wait for each other, and not both.
                tx.take_try_back(ALL).await?;
                // What was compared must hold still: the password, the factor, and that it is not blocked.
                if tx.hold_account(account.id).await?.as_ref() != Some(&account) {
                    return Ok(Err(NotLetIn::Wrong));
                }
                let (is_used, by) = match &shown {
                    Shown::Needless => (true, "password"),
                    Shown::Step(step) => (tx.use_step(account.id, *step).await?, "password and code"),
                    Shown::Recovery(code) => {
                        (tx.use_recovery_code(account.id, code, now).await?, "password and recovery code")
                    }
                };
                if !is_used {
                    return Ok(Err(NotLetIn::WrongCode));
                }
                tx.forget_tries(&tries_of(&account.name)).await?;
                if let Some(derived) = &anew {
                    tx.set_password(account.id, derived).await?;
                }
                let has_factor = !matches!(shown, Shown::Needless);
                let opened = open(tx, &account, has_factor, &secret, from, now).await?;
                let detail = json!({ "session": opened.id, "by": by });
                done("panel-sign-in", &account.name, detail).record(tx, now).await?;
                Ok::<_, StoreFault>(Ok(opened))
            })
            .await
            .map_err(Refusal::from)?;
        match entered {
            Ok(session) => Ok(Opened { secret, session, until: now + LONGEST }),
            Err(not) => {
                let answer = if matches!(not, NotLetIn::WrongCode) { "wrong-code" } else { "wrong" };
                self.note_wrong("panel-sign-in", Some(&account.name), answer).await;
                Err(not)
            }
        }
    }

    /// What is shown of the second factor, before it is used up.
    async fn shown(&self, account: &AccountRecord, typed: &str) -> Result<Shown, NotLetIn> {
        if account.factor_since.is_none() {
            return Ok(Shown::Needless);
        }
        match factor::read(typed) {
            Code::None => Err(NotLetIn::NeedsCode),
            Code::Recovery(code) => Ok(Shown::Recovery(code)),
            Code::Digits(digits) => {
                let (key, id) = (&self.0.key, account.id);
                let secret = self.store().read(async |read| read.factor(id, key).await).await.map_err(Refusal::from)?;
                let step = secret.and_then(|secret| factor::step_of(&secret, &digits, self.now()));
                step.map(Shown::Step).ok_or(NotLetIn::WrongCode)
            }
        }
    }

    pub(super) async fn whose(&self, secret: &str, is_a_use: bool) -> Result<Option<Session>, Refusal> {
        let (secret, now) = (Password::new(secret), self.now());
        let found = self.store().read(async |read| read.session(&secret, now, used_since(now)).await).await?;
        let Some(found) = found else { return Ok(None) };
        if is_a_use && found.is_to_be_noted(now) {
            self.note_session(found.id, now);
        }
        Ok(Some(session_of(&found)))
    }

    pub(super) async fn let_out(&self, session: &Session) -> Result<(), Refusal> {
        let now = self.now();
        let ended = async |tx: &mut Tx| {
            if tx.end_session(session.id, now, used_since(now)).await? {
                done("panel-sign-out", &session.account, json!({ "session": session.id })).record(tx, now).await?;
            }
            Ok::<_, StoreFault>(())
        };
        Ok(self.store().write(ended).await?)
    }

    /// Counts a try, under each of these words, unless under one of them there is to be waited.
    pub(super) async fn count_try(&self, under: &[(&str, Patience)]) -> Result<(), NotLetIn> {
        let now = self.now();
        let waits = self
            .store()
            .write(async |tx| {
                for (place, (who, patience)) in under.iter().enumerate() {
                    let waits = tx.count_try(who, patience, now).await?;
                    if waits != Waits::No {
                        // Then it is not tried at all.
                        for (who, _) in &under[..place] {
                            tx.take_try_back(who).await?;
                        }
                        return Ok(waits);
                    }
                }
                Ok::<_, StoreFault>(Waits::No)
            })
            .await
            .map_err(Refusal::from)?;
        match waits {
            Waits::No => Ok(()),
            Waits::For(time) => Err(NotLetIn::TooMany { seconds: (time + SECOND - 1).cast_unsigned() / 1_000 }),
        }
    }

    /// Writes down that somebody was not let in. That it cannot be written lets nobody in.
    pub(super) async fn note_wrong(&self, what: &'static str, account: Option<&str>, answer: &'static str) {
        let now = self.now();
        let deed = Deed { what, account, answer, detail: None };
        if let Err(fault) = self.store().write_soon(async |tx| deed.record(tx, now).await).await {
            tracing::warn!(fault = %fault, "that somebody was not let in is not in the audit");
        }
    }

    /// Writes down that a session was used: no reason to have anybody wait for their turn to write.
    fn note_session(&self, session: i64, now: i64) {
        // Of many that find the same, one writes; while it waits, the others go on.
        if !self.0.noting_sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session) {
            return;
        }
        let hosting = self.clone();
        tokio::spawn(async move {
            let noted = hosting.store().write_soon(async |tx| tx.use_session(session, now).await).await;
            hosting.0.noting_sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
            if let Err(fault) = noted {
                tracing::warn!(session, fault = %fault, "that a session was used is not written down");
            }
        });
    }

    /// What is to be kept of a password, with a salt of its own.
    pub(super) async fn derive(&self, password: Password) -> Result<Password, NotLetIn> {
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.chance()[..16]);
        Ok(self.0.deriver.derive(password, salt).await.map_err(Refusal::from)?)
    }

    /// A secret of 256 bits, that fits into an address and a cookie.
    pub(crate) fn secret(&self) -> Password {
        Password::new(URL_SAFE_NO_PAD.encode(self.chance()))
    }

    /// 256 bits that nobody can guess: made of two texts of 160 bits each.
    pub(super) fn chance(&self) -> [u8; 32] {
        let mut sum = Context::new(&SHA256);
        for _ in 0..2 {
            sum.update(self.0.outside.token().as_bytes());
        }
        let mut chance = [0; 32];
        chance.copy_from_slice(sum.finish().as_ref());
        chance
    }
}

/// Sessions that were not used since then are over.
pub(crate) fn used_since(now: i64) -> i64 {
    now - IDLE
}

/// Something that was done by an account's holder.
pub(super) fn done<'a>(what: &'static str, account: &'a str, detail: serde_json::Value) -> Deed<'a> {
    Deed { what, account: Some(account), answer: "done", detail: Some(detail) }
}

async fn open(
    tx: &mut Tx,
    account: &AccountRecord,
    has_factor: bool,
    secret: &Password,
    from: &str,
    now: i64,
) -> Result<Session, StoreFault> {
    let browser = from.chars().map(|c| if c.is_control() { ' ' } else { c }).take(BROWSER).collect();
    let new = NewSession { account: account.id, until: now + LONGEST, browser };
    let id = tx.open_session(&new, secret, now).await?;
    let actor = Actor::of_account(account.id, &account.name);
    Ok(Session { id, account: account.name.clone(), actor, has_factor })
}

fn session_of(found: &SessionRecord) -> Session {
    let actor = Actor::of_account(found.account, &found.name);
    Session { id: found.id, account: found.name.clone(), actor, has_factor: found.has_factor }
}
