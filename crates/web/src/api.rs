//! The API: `/api/v1`, one address for each operation.
//!
//! A request is let in, read as a call, asked of the front end, and its answer written as JSON. What an operation is
//! named, takes and needs is said by its declaration alone.

mod answer;
pub(crate) mod archives;
mod call;
mod change;
pub(crate) mod changes;
mod document;
pub(crate) mod events;
pub(crate) mod guard;
mod json;
mod problem;
mod route;
mod router;
mod shapes;
mod tokens;
mod wait;

pub use document::document;
pub use problem::{Problem, ProblemKind};
pub use route::{OwnRoute, Place, Route, place_of, route_of};

pub(crate) use change::apart;
pub(crate) use guard::answer;
pub(crate) use router::{Api, CameBy, MOST_CHANGES};
pub(crate) use tokens::Pass;
pub(crate) use wait::ended_of;
