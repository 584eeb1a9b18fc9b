//! What the API asks of the machine that it runs on, passed in so that a test chooses it.

use std::time::Duration;

/// The hour, the names of users, and where is written what only a developer reads.
pub trait Outside: Send + Sync {
    /// Time since some moment; never goes back.
    fn now(&self) -> Duration;

    /// Milliseconds since 1970.
    fn unix_ms(&self) -> u64;

    /// The name of the user of this number, if the machine knows one.
    fn user(&self, uid: u32) -> Option<String>;

    /// Writes down what went wrong in the program itself.
    fn tell(&self, what: &str);
}
