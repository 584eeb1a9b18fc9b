//! Those who come through the panel: accounts, the ways in, and the sessions that follow.
//!
//! A secret (link, password, code, session) comes in as text and is compared with what is derived from it; none is
//! kept or shown again. What the panel may do for a session is what its [`Actor`] may.

pub(crate) mod derive;
pub(crate) mod door;
mod factor;
mod own;
pub(crate) mod trace;
mod views;
mod weak;

use aegir_domain::{FaultReport, Password, Remedy};

pub use views::{MOST_VIEWS, View, ViewChange};

use crate::view::SessionView;
use crate::{Actor, Hosting, OperationId, Pending, Refusal};

/// The gate of the panel.
pub trait People: Send + Sync {
    /// What a one-time link is for, without using it up; `None`: it is unknown, used or too old.
    fn link<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Invitation>, Refusal>>;

    /// Uses a one-time link up: sets the password of its account, ends all its other sessions, and opens one. `from` is
    /// what the browser says of itself, for the list of sessions.
    fn enter<'a>(&'a self, secret: &'a str, password: Password, from: &'a str)
    -> Pending<'a, Result<Opened, NotLetIn>>;

    /// Opens a session for whoever knows the password, and the code where the account has one.
    fn sign_in<'a>(&'a self, given: SignIn, from: &'a str) -> Pending<'a, Result<Opened, NotLetIn>>;

    /// Whose session it is; `None`: it is unknown, ended or too old. Counts as a use of it.
    fn session<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>>;

    /// Whose session it is, as [`People::session`] says, without counting as a use of it: for what a page asks by itself
    /// while it is open.
    fn peek<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>>;

    /// Ends the session.
    fn sign_out<'a>(&'a self, session: &'a Session) -> Pending<'a, Result<(), Refusal>>;

    /// Changes the password of the session's account; ends its other sessions.
    fn change_password<'a>(
        &'a self,
        session: &'a Session,
        old: Password,
        new: Password,
    ) -> Pending<'a, Result<(), NotLetIn>>;

    /// Offers a second factor; it holds once [`People::confirm_factor`] has seen a code of it.
    fn offer_factor<'a>(&'a self, session: &'a Session) -> Pending<'a, Result<Factor, NotLetIn>>;

    /// Takes the offered factor into use, and tells the codes that each replace it once.
    fn confirm_factor<'a>(&'a self, session: &'a Session, code: &'a str) -> Pending<'a, Result<Vec<String>, NotLetIn>>;

    /// Ends the second factor, for whoever knows the password.
    fn drop_factor<'a>(&'a self, session: &'a Session, password: Password) -> Pending<'a, Result<(), NotLetIn>>;

    /// The views that the session's account keeps of a list, in their order, once `change` is made.
    fn views<'a>(
        &'a self,
        session: &'a Session,
        list: OperationId,
        change: Option<ViewChange>,
    ) -> Pending<'a, Result<Vec<View>, Refusal>>;

    /// The open sessions of the session's account, the newest first, once the one of the number `end` is ended.
    fn own_sessions<'a>(
        &'a self,
        session: &'a Session,
        end: Option<i64>,
    ) -> Pending<'a, Result<Vec<SessionView>, Refusal>>;
}

impl People for Hosting {
    fn link<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Invitation>, Refusal>> {
        Box::pin(self.invitation(secret))
    }

    fn enter<'a>(
        &'a self,
        secret: &'a str,
        password: Password,
        from: &'a str,
    ) -> Pending<'a, Result<Opened, NotLetIn>> {
        Box::pin(self.enter_by(secret, password, from))
    }

    fn sign_in<'a>(&'a self, given: SignIn, from: &'a str) -> Pending<'a, Result<Opened, NotLetIn>> {
        Box::pin(self.let_in(given, from))
    }

    fn session<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        Box::pin(self.whose(secret, true))
    }

    fn peek<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        Box::pin(self.whose(secret, false))
    }

    fn sign_out<'a>(&'a self, session: &'a Session) -> Pending<'a, Result<(), Refusal>> {
        Box::pin(self.let_out(session))
    }

    fn change_password<'a>(
        &'a self,
        session: &'a Session,
        old: Password,
        new: Password,
    ) -> Pending<'a, Result<(), NotLetIn>> {
        Box::pin(self.replace_password(session, old, new))
    }

    fn offer_factor<'a>(&'a self, session: &'a Session) -> Pending<'a, Result<Factor, NotLetIn>> {
        Box::pin(self.offer(session))
    }

    fn confirm_factor<'a>(&'a self, session: &'a Session, code: &'a str) -> Pending<'a, Result<Vec<String>, NotLetIn>> {
        Box::pin(self.hold(session, code))
    }

    fn drop_factor<'a>(&'a self, session: &'a Session, password: Password) -> Pending<'a, Result<(), NotLetIn>> {
        Box::pin(self.end_factor(session, password))
    }

    fn views<'a>(
        &'a self,
        session: &'a Session,
        list: OperationId,
        change: Option<ViewChange>,
    ) -> Pending<'a, Result<Vec<View>, Refusal>> {
        Box::pin(self.views_of(session, list, change))
    }

    fn own_sessions<'a>(
        &'a self,
        session: &'a Session,
        end: Option<i64>,
    ) -> Pending<'a, Result<Vec<SessionView>, Refusal>> {
        Box::pin(self.sessions_of(session, end))
    }
}

/// What a one-time link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The account that it lets in.
    pub account: String,
    /// Until when, in milliseconds since 1970.
    pub until: i64,
}

/// What somebody says to be let in. `Debug` tells the account alone.
#[derive(Clone)]
pub struct SignIn {
    /// The name of the account.
    pub account: String,
    /// Its password.
    pub password: Password,
    /// The code of the second factor, or one of those that replace it; empty: none was given.
    pub code: String,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A code that replaces the factor is as good as a password.
        f.debug_struct("SignIn").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A session that was just opened.
#[derive(Debug)]
pub struct Opened {
    /// The secret that its holder sends with each request.
    pub secret: Password,
    /// The session.
    pub session: Session,
    /// Until when it lasts at the longest, in milliseconds since 1970.
    pub until: i64,
}

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// The name of the account.
    pub account: String,
    /// Who asks, in its name.
    pub actor: Actor,
    /// Whether the account has a second factor.
    pub has_factor: bool,
}

/// A second factor that is offered.
#[derive(Debug)]
pub struct Factor {
    /// What is typed into an app, in base 32.
    pub secret: Password,
    /// The same as an address `otpauth://…`, for a picture.
    pub address: Password,
}

/// Why somebody is not let in, or may not change how they are.
#[derive(Debug, thiserror::Error)]
pub enum NotLetIn {
    /// Name or password is wrong; it is not said which.
    #[error("there is no account with this name and this password")]
    Wrong,
    /// The account has a second factor, and no code was given.
    #[error("this account asks for a code too")]
    NeedsCode,
    /// The code is wrong, too old, or was used.
    #[error("the code is wrong, or was used before")]
    WrongCode,
    /// Too many were wrong lately.
    #[error("too many attempts were wrong")]
    TooMany {
        /// After how many seconds to try again.
        seconds: u64,
    },
    /// The link lets nobody in.
    #[error("the link was used before, or is too old")]
    LinkGone,
    /// The new password is not taken.
    #[error("the password is not taken: {why}")]
    Weak {
        /// Why.
        why: String,
    },
    /// Something else.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Remedy for NotLetIn {
    fn remedy(&self) -> Option<String> {
        match self {
            NotLetIn::Wrong => {
                Some("type them again; a new link is made with `aegir account link NAME` on the server".into())
            }
            NotLetIn::NeedsCode => Some("give the six digits that your app shows now".into()),
            NotLetIn::WrongCode => {
                Some("wait for the next code of your app, or give one of the codes that replace it".into())
            }
            NotLetIn::TooMany { seconds } => Some(format!("try again in {seconds} s")),
            NotLetIn::LinkGone => Some("make a new one with `aegir account link NAME` on the server".into()),
            NotLetIn::Weak { .. } => Some("choose at least 12 characters that are not the account's name".into()),
            NotLetIn::Refused(refusal) => refusal.remedy(),
        }
    }
}

impl From<NotLetIn> for FaultReport {
    fn from(not: NotLetIn) -> FaultReport {
        match not {
            NotLetIn::Refused(refusal) => refusal.report(),
            other => FaultReport::of(&other),
        }
    }
}
