//! The hour, chance and the post, as stories choose them.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aegir_domain::{AttemptId, EmailAddress, Fault, FaultReport, Password};
use aegir_hosting::{Letter, MailWay, Outside, Post, Postman, Sending, WebhookAddress};

use super::PretendFault;

/// The moment at which every story begins: 2026-01-02 03:04:05 UTC.
const BEGINNING: i64 = 1_767_323_045_000;

/// A clock that goes on by itself and can be set, and names that never come twice.
pub struct PretendOutside {
    began: Instant,
    ahead: AtomicI64,
    drawn: AtomicU64,
    gone: Mutex<HashSet<String>>,
}

impl Default for PretendOutside {
    fn default() -> PretendOutside {
        PretendOutside {
            began: Instant::now(),
            ahead: AtomicI64::new(0),
            drawn: AtomicU64::new(0),
            gone: Mutex::default(),
        }
    }
}

impl PretendOutside {
    /// Sets the clock forward by so many milliseconds, or back.
    pub fn jump(&self, milliseconds: i64) {
        self.ahead.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// From now on it is known that this control node has ended.
    pub fn is_killed(&self, holder: &str) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(holder.to_owned());
    }

    /// Draws none of the names that this many others before it may have drawn.
    pub fn begins_after(&self, drawn: u64) {
        self.drawn.fetch_max(drawn, Ordering::SeqCst);
    }

    fn draw(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::SeqCst)
    }
}

impl Outside for PretendOutside {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        BEGINNING + passed + self.ahead.load(Ordering::SeqCst)
    }

    fn attempt(&self) -> AttemptId {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.draw().to_be_bytes());
        AttemptId::from_parts(self.now().unsigned_abs(), random)
    }

    fn token(&self) -> String {
        format!("{:032x}", u128::from(self.draw()) + 0x00c0_ffee_0000_0000_0000_0000_0000_0000)
    }

    fn is_gone(&self, holder: &str) -> bool {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).contains(holder)
    }
}

/// A postman who keeps what he is given.
#[derive(Default)]
pub struct PretendPostman {
    sent: Mutex<Vec<Sent>>,
    tries: AtomicU64,
    strikes: AtomicBool,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A letter: by which way, with which password, to whom.
    Letter(MailWay, Option<String>, String, Letter),
    /// A post, to which address.
    Post(String, Post),
}

impl PretendPostman {
    /// From now on nothing goes, or all does.
    pub fn strike(&self, strikes: bool) {
        self.strikes.store(strikes, Ordering::SeqCst);
    }

    /// How often something was to be sent.
    pub fn tries(&self) -> u64 {
        self.tries.load(Ordering::SeqCst)
    }

    /// All that was sent.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, sent: Sent) -> Result<(), FaultReport> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.strikes.load(Ordering::SeqCst) {
            return Err(Fault::from(PretendFault::Unreachable).report());
        }
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        Ok(())
    }
}

impl Postman for PretendPostman {
    fn mail<'a>(
        &'a self,
        by: &'a MailWay,
        password: Option<&'a Password>,
        _from: &'a EmailAddress,
        to: &'a EmailAddress,
        letter: &'a Letter,
    ) -> Sending<'a> {
        let password = password.map(|password| password.expose().to_owned());
        Box::pin(async move { self.take(Sent::Letter(by.clone(), password, to.to_string(), letter.clone())) })
    }

    fn post<'a>(&'a self, address: &'a WebhookAddress, post: &'a Post) -> Sending<'a> {
        Box::pin(async move { self.take(Sent::Post(address.to_string(), post.clone())) })
    }
}
