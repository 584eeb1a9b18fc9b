//! Carries tasks from the queue to a back end, and what it says back into the store.
//!
//! ```text
//!   dispatcher: lease ─► what runs already: attach ─► what may begin: claim ─► recorder, one for each attempt
//!                                                                                 lines ─► store, in batches
//!                                                                                 result ─► outcome, in one transaction
//! ```
//!
//! ## Invariants
//!
//! - Every write carries the fence of the lease: whoever was succeeded writes nothing any more.
//! - What a machine says counts for objects that are kept on it, and for no others.
//! - Nothing is run twice. What is not known to have ended is attached to, however often that takes.
//! - An outcome, what it means for its object, the tasks that follow and the news of it are one transaction.

mod bulk;
mod by_hand;
mod chores;
mod cron;
mod dispatcher;
mod formers;
mod home;
mod imports;
mod outcome;
mod pace;
mod recorder;
mod renamed;
mod takeover;
mod trash;
mod waves;
mod welcome;

pub use bulk::ask_bulk_runs;
pub use chores::do_chores;
pub use dispatcher::{Dispatcher, Once as DispatchedOnce};
pub(crate) use home::{is_same as is_same_home, server_of};
pub(crate) use imports::{WhatIsFound, what_is_found};
pub(crate) use outcome::{cancel_what_waits, is_made_again, record_context, take_out, was_not_done};
pub use pace::Pace;
pub(crate) use renamed::{RENAMED, of_the_name_now};
pub(crate) use trash::trace_emptied;
pub(crate) use waves::{failures, last_over};
pub(crate) use welcome::{NOBODY, whom_to_welcome};
