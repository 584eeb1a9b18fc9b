//! What people did at the door, in the audit: whoever came in, who did not, and what they changed of how they come in.

use aegir_store::{AuditRecord, StoreFault, Tx};
use serde_json::Value;

/// What is not an operation and yet in the audit, as its words are kept.
pub(crate) const DEEDS: [&str; 7] = [
    "panel-enter",
    "panel-sign-in",
    "panel-sign-out",
    "panel-change-password",
    "panel-confirm-factor",
    "panel-drop-factor",
    "panel-end-session",
];

/// Something that was done or tried at the door.
pub(crate) struct Deed<'a> {
    /// One of [`DEEDS`].
    pub(crate) what: &'static str,
    /// The account; of one that there is not, nothing is kept: people type their password in the wrong place.
    pub(crate) account: Option<&'a str>,
    /// `done`, or why not.
    pub(crate) answer: &'static str,
    /// More of it, without secrets.
    pub(crate) detail: Option<Value>,
}

impl Deed<'_> {
    /// Writes it down, with what was done.
    pub(crate) async fn record(self, tx: &mut Tx, at: i64) -> Result<(), StoreFault> {
        debug_assert!(DEEDS.contains(&self.what), "{}", self.what);
        let actor = match (self.answer, self.account) {
            ("done", Some(account)) => account,
            // Whoever it was, they did not show that it is them.
            _ => "unknown",
        };
        let record = AuditRecord {
            at,
            actor: actor.to_owned(),
            face: "panel".into(),
            operation: self.what.into(),
            object: None,
            name: self.account.map(str::to_owned),
            answer: self.answer.into(),
            detail: self.detail,
        };
        tx.record_audit(&record).await
    }
}
