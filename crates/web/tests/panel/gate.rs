//! A gate that lets in whom tests name, counts who comes, and can be shut.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aegir_domain::Password;
use aegir_hosting::view::SessionView;
use aegir_hosting::{
    Actor, Factor, Invitation, NotLetIn, Opened, OperationId, Pending, People, Permission, Permissions, Refusal,
    Session, SignIn, View, ViewChange,
};

/// The session that may everything; whoever knows `let me in now` gets it.
pub const ADMIN: &str = "stage";
/// The session that may look.
pub const GUEST: &str = "guest";

/// Who comes in.
#[derive(Default)]
pub struct Gate {
    /// How often a session was used.
    pub uses: AtomicU64,
    /// How often it was only asked whether one holds.
    pub peeks: AtomicU64,
    /// Whether all sessions have ended.
    pub shut: AtomicBool,
}

impl Gate {
    fn whose(&self, secret: &str) -> Option<Session> {
        match secret {
            _ if self.shut.load(Ordering::SeqCst) => None,
            ADMIN => Some(admin()),
            GUEST => Some(guest()),
            other => other.strip_prefix(LACKS).and_then(|lacked| lacked.parse().ok()).map(all_but),
        }
    }
}

fn admin() -> Session {
    Session { id: 1, account: "admin".into(), actor: Actor::of_machine("admin"), has_factor: false }
}

/// Somebody who may look, and do nothing.
fn guest() -> Session {
    let looks: Permissions = [Permission::View].into_iter().collect();
    let actor = Actor { may: looks, ..Actor::of_machine("guest") };
    Session { id: 2, account: "guest".into(), actor, has_factor: false }
}

/// What the secret of a session begins with that may everything but the permission that follows.
pub const LACKS: &str = "lacks-";

fn all_but(lacked: Permission) -> Session {
    let may: Permissions = Permissions::all().iter().filter(|permission| *permission != lacked).collect();
    let actor = Actor { may, ..Actor::of_machine("most") };
    Session { id: 3, account: "most".into(), actor, has_factor: false }
}

fn opened() -> Opened {
    Opened { secret: Password::new(ADMIN), session: admin(), until: i64::MAX }
}

impl People for Gate {
    fn link<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Invitation>, Refusal>> {
        let known = secret == ADMIN;
        Box::pin(async move { Ok(known.then(|| Invitation { account: "admin".into(), until: i64::MAX })) })
    }

    fn enter<'a>(&'a self, _: &'a str, _: Password, _: &'a str) -> Pending<'a, Result<Opened, NotLetIn>> {
        Box::pin(async { Ok(opened()) })
    }

    fn sign_in<'a>(&'a self, given: SignIn, _: &'a str) -> Pending<'a, Result<Opened, NotLetIn>> {
        let right = given.password.expose() == "let me in now";
        Box::pin(async move { if right { Ok(opened()) } else { Err(NotLetIn::Wrong) } })
    }

    fn session<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.whose(secret)) })
    }

    fn peek<'a>(&'a self, secret: &'a str) -> Pending<'a, Result<Option<Session>, Refusal>> {
        self.peeks.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.whose(secret)) })
    }

    fn sign_out<'a>(&'a self, _: &'a Session) -> Pending<'a, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }

    fn change_password<'a>(&'a self, _: &'a Session, _: Password, _: Password) -> Pending<'a, Result<(), NotLetIn>> {
        Box::pin(async { Ok(()) })
    }

    fn offer_factor<'a>(&'a self, _: &'a Session) -> Pending<'a, Result<Factor, NotLetIn>> {
        Box::pin(async {
            Ok(Factor {
                secret: Password::new("JBSWY3DPEHPK3PXP"),
                address: Password::new("otpauth://totp/Aegir:admin?secret=JBSWY3DPEHPK3PXP&issuer=Aegir"),
            })
        })
    }

    fn confirm_factor<'a>(&'a self, _: &'a Session, _: &'a str) -> Pending<'a, Result<Vec<String>, NotLetIn>> {
        Box::pin(async { Err(NotLetIn::WrongCode) })
    }

    fn drop_factor<'a>(&'a self, _: &'a Session, _: Password) -> Pending<'a, Result<(), NotLetIn>> {
        Box::pin(async { Ok(()) })
    }

    fn views<'a>(
        &'a self,
        _: &'a Session,
        _: OperationId,
        _: Option<ViewChange>,
    ) -> Pending<'a, Result<Vec<View>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn own_sessions<'a>(&'a self, _: &'a Session, _: Option<i64>) -> Pending<'a, Result<Vec<SessionView>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
