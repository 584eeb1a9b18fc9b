//! Who asks over TCP: the bearer of a token. Whoever tries many wrong ones is held up, and nobody else.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_hosting::{Actor, Door, People, Session};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use super::router::Api;
use super::{Problem, ProblemKind};

/// How many more with each second.
const EACH_SECOND: f64 = 1.0;
/// How many tokens that were right are remembered as such.
const REMEMBERED: usize = 256;
/// The longest text that is looked up at all.
const LONGEST: usize = 300;

/// How many wrong tokens were tried lately, on all connections: behind a proxy every caller has the
/// same address. Tokens that were right stay free of it, so nobody can lock their bearers out.
pub(crate) struct WrongTokens {
    hash: RandomState,
    at_once: f64,
    state: Mutex<Tried>,
}

struct Tried {
    left: f64,
    at: Duration,
    right: VecDeque<u64>,
}

impl WrongTokens {
    /// Of which `at_once` may be tried at once.
    pub(crate) fn new(at_once: u32) -> WrongTokens {
        let at_once = f64::from(at_once);
        let state = Mutex::new(Tried { left: at_once, at: Duration::ZERO, right: VecDeque::new() });
        WrongTokens { hash: RandomState::new(), at_once, state }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Tried) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether `token` may be looked up; else after how many seconds.
    fn may_look(&self, token: &str, now: Duration) -> Result<(), u64> {
        let print = self.hash.hash_one(token);
        self.with(|tried| {
            let passed = now.saturating_sub(tried.at).as_secs_f64();
            tried.at = tried.at.max(now);
            tried.left = (tried.left + passed * EACH_SECOND).min(self.at_once);
            match tried.left >= 1.0 || tried.right.contains(&print) {
                true => Ok(()),
                false => Err(((1.0 - tried.left) / EACH_SECOND).ceil().max(1.0) as u64),
            }
        })
    }

    fn was_right(&self, token: &str) {
        let print = self.hash.hash_one(token);
        self.with(|tried| {
            if !tried.right.contains(&print) {
                tried.right.truncate(REMEMBERED - 1);
                tried.right.push_front(print);
            }
        });
    }

    fn was_wrong(&self, token: &str) {
        let print = self.hash.hash_one(token);
        self.with(|tried| {
            tried.right.retain(|right| *right != print);
            tried.left = (tried.left - 1.0).max(0.0);
        });
    }
}

/// Whom the token of a request lets in.
pub(super) async fn bearer(api: &Api, headers: &HeaderMap) -> Result<Actor, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        return Err(Problem::new(
            ProblemKind::NoToken,
            "the request bears no token",
            "send the header `Authorization: Bearer TOKEN`; make a token with `aegir token add NAME --scope view`",
        ));
    };
    let token = Some(first).filter(|_| given.next().is_none()).and_then(token_in);
    let now = api.outside.now();
    // What is no token at all counts as a wrong one.
    let asked = token.unwrap_or_default();
    api.tokens.may_look(asked, now).map_err(|seconds| {
        Problem::new(
            ProblemKind::TooManyWrongTokens,
            "too many wrong tokens were tried",
            format!("try again in {seconds} s, with a token that `aegir token list` knows"),
        )
        .after(seconds)
    })?;
    let actor = match token {
        Some(token) => api.front.actor_of_token(token).await?,
        None => None,
    };
    match actor {
        Some(actor) => {
            api.tokens.was_right(asked);
            Ok(actor)
        }
        None => {
            api.tokens.was_wrong(asked);
            Err(wrong())
        }
    }
}

fn wrong() -> Problem {
    Problem::new(
        ProblemKind::WrongToken,
        "the token is unknown, revoked or no longer holds",
        "see which there are with `aegir token list`; make a new one with `aegir token add`",
    )
}

/// Who is let in for longer than one answer takes, and by what: a token can be revoked meanwhile, a session can end.
pub(crate) struct Pass {
    pub(crate) actor: Actor,
    by: LetInBy,
    /// When it was last seen that it lets in.
    seen: Duration,
}

/// What lets somebody in.
enum LetInBy {
    /// The machine itself, which does not change its mind.
    Machine,
    /// A token.
    Token(String),
    /// The secret of a session.
    Session(Arc<dyn People>, String),
}

impl Pass {
    /// For somebody who was let in just now.
    pub(super) fn of(api: &Api, actor: Actor, headers: &HeaderMap) -> Pass {
        let token = headers.get(AUTHORIZATION).and_then(token_in).filter(|_| actor.door == Door::Token);
        let by = token.map_or(LetInBy::Machine, |token| LetInBy::Token(token.to_owned()));
        Pass { by, actor, seen: api.outside.now() }
    }

    /// For the holder of a session that lets in just now.
    pub(crate) fn of_session(api: &Api, people: Arc<dyn People>, session: &Session, secret: &str) -> Pass {
        let by = LetInBy::Session(people, secret.to_owned());
        Pass { by, actor: session.actor.clone(), seen: api.outside.now() }
    }

    /// Looks once more, now and then, whether it still lets in, and for what. A session is not kept open by this: what
    /// a page asks by itself is no sign that somebody sits before it.
    pub(crate) async fn look(&mut self, api: &Api) -> Result<(), Problem> {
        let now = api.outside.now();
        if now.saturating_sub(self.seen) < api.limits.token {
            return Ok(());
        }
        self.actor = match &self.by {
            LetInBy::Machine => return Ok(()),
            LetInBy::Token(token) => api.front.actor_of_token(token).await?.ok_or_else(wrong)?,
            LetInBy::Session(people, secret) => people.peek(secret).await?.ok_or_else(ended)?.actor,
        };
        self.seen = now;
        Ok(())
    }
}

fn ended() -> Problem {
    Problem::new(ProblemKind::Forbidden, "the session has ended", "load the page anew, and sign in")
}

fn token_in(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let fits = scheme.eq_ignore_ascii_case("bearer")
        && (1..=LONGEST).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_tries_many_is_held_up_and_a_right_token_is_not() {
        let tokens = WrongTokens::new(20);
        let now = Duration::from_secs(10);
        tokens.was_right("right");
        for n in 0..20 {
            let wrong = format!("wrong{n}");
            assert_eq!(tokens.may_look(&wrong, now), Ok(()));
            tokens.was_wrong(&wrong);
        }

        assert_eq!(tokens.may_look("wrong", now), Err(1));
        assert_eq!(tokens.may_look("right", now), Ok(()));
        assert_eq!(tokens.may_look("wrong", now + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn only_so_many_right_tokens_are_remembered() {
        let tokens = WrongTokens::new(20);
        for n in 0..1_000 {
            tokens.was_right(&n.to_string());
        }

        assert_eq!(tokens.with(|tried| tried.right.len()), REMEMBERED);
    }

    #[test]
    fn a_revoked_token_is_a_wrong_one_from_then_on() {
        let tokens = WrongTokens::new(20);
        tokens.was_right("old");
        for _ in 0..20 {
            tokens.was_wrong("old");
        }

        assert!(tokens.may_look("old", Duration::ZERO).is_err());
    }

    #[test]
    fn only_bearers_are_read() {
        let read = |text: &'static str| token_in(&HeaderValue::from_static(text)).map(str::to_owned);

        assert_eq!(read("Bearer abc"), Some("abc".into()));
        assert_eq!(read("bearer  abc "), Some("abc".into()));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("Bearer a b"), None);
        assert_eq!(read("Bearer"), None);
    }
}
