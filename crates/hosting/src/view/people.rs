//! What faces show of those who come through the panel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account of the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: i64,
    /// Whether its holder has set a password, and so come in before.
    pub entered: bool,
    /// Whether it has a second factor.
    pub factor: bool,
    /// Since when it lets nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<i64>,
    /// How many sessions it has open.
    pub sessions: u64,
    /// When one of them was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
}

/// A link by which the holder of an account comes in, once, and sets a password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountLinkView {
    /// The account.
    pub name: String,
    /// Until when it lets in.
    pub until: i64,
    /// Where the panel answers: `http://localhost:8088`; absent: this front end has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel: Option<String>,
    /// The link itself: told once, when it is made. The whole address; without a panel, what follows its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// An account that lets nobody in, or does again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedAccountView {
    /// Its name.
    pub name: String,
    /// Since when it lets nobody in; absent: it lets its holder in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<i64>,
    /// Whether something was changed; of what is only asked for: would be.
    pub changed: bool,
}

/// An account that was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedAccountView {
    /// Its name.
    pub name: String,
    /// Whether it was deleted, and not only asked what would be.
    pub deleted: bool,
}

/// A session of the panel, never its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub account: String,
    /// When it was opened.
    pub opened: i64,
    /// When it was last used, to the minute.
    pub last_used: i64,
    /// Until when it lasts at the longest.
    pub until: i64,
    /// What the browser says of itself.
    pub browser: String,
}

/// A session that was ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndedSessionView {
    /// Its number.
    pub id: i64,
    /// Whether it was ended, and not only asked what would be.
    pub ended: bool,
}
