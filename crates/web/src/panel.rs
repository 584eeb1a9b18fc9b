//! The panel: pages for people, of the theme Eldir (`eldir/`).
//!
//! ```text
//!   request ─► door (bounds, host, headers) ─► route ─► who asks, whether they may ─► a page's function ─► template
//! ```
//!
//! ## Invariants
//!
//! - What a page shows is asked of the front end as the API asks it, by the session's actor.
//! - What a form does is the operation that it was made from ([`route`]: an address for each).
//! - Each address is in one list with what it needs of whoever asks; there is no other way in.
//! - A page works without JavaScript; what is only for it is a fragment of a page.

mod address;
mod assets;
mod bulk;
mod cookie;
mod differ;
mod door;
pub mod elsewhere;
mod fit;
mod forms;
pub mod frame;
mod kept;
mod lists;
mod live;
mod look;
mod marks;
mod multipart;
mod objects;
mod overview;
mod own;
mod pairs;
mod reply;
mod route;
mod selected;
mod sign_in;
mod states;
mod tasks;
pub mod times;
mod visit;
pub mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aegir_hosting::People;

pub use route::{Needs, PanelRoute, routes};

pub(crate) use door::{answer, is_for, router};

use crate::api::Api;

/// The panel, and how people come to it.
#[derive(Clone)]
pub struct PanelWay {
    /// Who is let in.
    pub people: Arc<dyn People>,
    /// The name by which a web server with TLS before it is asked; `None`: there is none.
    pub host: Option<String>,
}

impl std::fmt::Debug for PanelWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanelWay").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The names and values of a query.
pub(crate) fn pairs_of(query: &str) -> Vec<(String, String)> {
    pairs::Pairs::read(query).0
}

/// All that pages are made with.
pub(crate) struct Panel {
    pub(crate) api: Arc<Api>,
    pub(crate) people: Arc<dyn People>,
    pub(crate) host: Option<String>,
    /// How many texts were made that are used once.
    made: AtomicU64,
}

impl Panel {
    /// Of these.
    pub(crate) fn new(api: Arc<Api>, people: Arc<dyn People>, host: Option<String>) -> Panel {
        Panel { api, people, host, made: AtomicU64::new(0) }
    }

    /// A number that none before it had.
    pub(crate) fn next_number(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// What the time is, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.api.outside.unix_ms()).unwrap_or(i64::MAX)
    }
}
