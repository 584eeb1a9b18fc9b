//! What is kept of a password: derived by argon2id, so slowly and with so much memory that guessing costs more than it
//! is worth.
//!
//! Two are derived at once, on threads of their own: whoever floods the door waits, and takes no memory from the rest.

use std::sync::Arc;

use aegir_domain::{FaultReport, Password, Remedy};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::Refusal;

/// What OWASP recommends, in KiB; one who steals the database needs as much for each guess.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many are derived at once.
const AT_ONCE: usize = 2;

/// Derives from passwords, a few at once. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Deriver(Arc<Semaphore>);

/// What a password was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is not the one.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and what is kept of it is of another strength than today's.
    RightAndOld,
}

/// Why nothing is derived.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeriveFault {
    /// The thread ended.
    #[error("what derives from passwords has ended")]
    Ended,
    /// The library refuses.
    #[error("nothing can be derived from this password: {why}")]
    Refused {
        /// What it says.
        why: String,
    },
}

impl Remedy for DeriveFault {}

impl From<DeriveFault> for Refusal {
    fn from(fault: DeriveFault) -> Refusal {
        Refusal::Store(FaultReport::of(&fault))
    }
}

impl Default for Deriver {
    fn default() -> Deriver {
        Deriver(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Deriver {
    /// What is to be kept of `password`, as a PHC string.
    pub(crate) async fn derive(&self, password: Password, salt: [u8; 16]) -> Result<Password, DeriveFault> {
        self.apart(move || derived(&password, &salt)).await?
    }

    /// Whether `password` is the one that `kept` was derived from. Where nothing is kept it takes as long.
    pub(crate) async fn compare(&self, password: Password, kept: Option<Password>) -> Result<Found, DeriveFault> {
        self.apart(move || match kept {
            Some(kept) => compared(&password, &kept),
            None => derived(&password, &[0; 16]).map(|_| Found::Wrong),
        })
        .await?
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, DeriveFault> {
        let room = self.0.clone().acquire_owned().await.map_err(|_| DeriveFault::Ended)?;
        // The room goes with the work: one who stops waiting makes none for others while it is still done.
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(room);
            done
        });
        worked.await.map_err(|_| DeriveFault::Ended)
    }
}

fn today() -> Argon2<'static> {
    let params = Params::new(MEMORY, PASSES, LANES, None).expect("the constants are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn refused(error: impl std::fmt::Display) -> DeriveFault {
    DeriveFault::Refused { why: error.to_string() }
}

fn derived(password: &Password, salt: &[u8; 16]) -> Result<Password, DeriveFault> {
    let derived = today().hash_password_with_salt(password.expose().as_bytes(), salt).map_err(refused)?;
    Ok(Password::new(derived.to_string()))
}

fn compared(password: &Password, kept: &Password) -> Result<Found, DeriveFault> {
    let kept = PasswordHash::new(kept.expose()).map_err(refused)?;
    if today().verify_password(password.expose().as_bytes(), &kept).is_err() {
        return Ok(Found::Wrong);
    }
    let is_todays = Params::try_from(&kept)
        .is_ok_and(|params| (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY, PASSES, LANES))
        && kept.algorithm == Algorithm::Argon2id.ident();
    Ok(if is_todays { Found::Right } else { Found::RightAndOld })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Password {
        Password::new(text)
    }

    #[test]
    fn a_password_is_known_by_what_was_derived_from_it_and_no_other_is() {
        let kept = derived(&said("correct horse battery"), &[7; 16]).unwrap();

        assert!(kept.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.expose());
        assert_eq!(compared(&said("correct horse battery"), &kept).unwrap(), Found::Right);
        assert_eq!(compared(&said("correct horse batterz"), &kept).unwrap(), Found::Wrong);
        assert_ne!(derived(&said("correct horse battery"), &[8; 16]).unwrap(), kept);
    }

    #[test]
    fn what_was_derived_with_less_is_known_to_be_old() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let kept = weak.hash_password_with_salt(b"correct horse battery", &[7; 16]).unwrap().to_string();

        assert_eq!(compared(&said("correct horse battery"), &said(&kept)).unwrap(), Found::RightAndOld);
        assert_eq!(compared(&said("another"), &said(&kept)).unwrap(), Found::Wrong);
        assert!(compared(&said("another"), &said("rubbish")).is_err());
    }
}
