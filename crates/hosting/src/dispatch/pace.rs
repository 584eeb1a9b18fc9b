//! How long things are waited for.

use std::time::Duration;

/// How long things are waited for. What goes without saying is for real life; stories are told faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How often what nobody told us of is looked for.
    pub turn: Duration,
    /// How long a lease holds.
    pub lease: Duration,
    /// How often a machine is asked what was done there by hand.
    pub look: Duration,
    /// The pause before a machine is tried again; it doubles each time.
    pub pause: Duration,
    /// The longest such pause.
    pub longest_pause: Duration,
    /// How long without contact until that is told.
    pub patience: Duration,
    /// How long a back end may take to its first word.
    pub first_word: Duration,
    /// How long a minute is, of those after which silence is told.
    pub minute: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            turn: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            look: Duration::from_secs(60),
            pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            first_word: Duration::from_secs(90),
            minute: Duration::from_secs(60),
        }
    }
}
