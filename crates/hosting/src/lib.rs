//! The front end's rules: what may be asked for, by whom, what is queued, and what becomes of it.
//!
//! ```text
//!   panel, API, command line ─► operation ─► permission ─► use case ─► store: the change and its task
//!                                                                          │
//!   back end ◄── BackEnds: start, attach, cancel ◄── dispatcher ◄──────────┘
//!      └────────── lines ──────────────────────────► recorder ─► store
//! ```
//!
//! ## Invariants
//!
//! - It never knows `provision`: the two meet in the protocol of `domain`.
//! - Every operation is declared once; each face is made from its declaration.
//! - Whoever asks is an actor; no use case can be called without one.

mod actor;
mod archives;
mod availability;
mod back_ends;
mod call;
mod dispatch;
mod front;
mod host_keys;
mod hosting;
mod making;
mod news;
mod operation;
mod options;
mod people;
mod setting;
mod task_types;
mod use_case;
pub mod view;
mod waves;

pub use actor::{Actor, Door, Forbidden, NoPermission, Permission, Permissions};
pub use archives::{Coming, CutOff, Download, GivenArchive, Pieces, Source};
pub use availability::{Copied, Made, Outstanding, Standing, Unavailable, available, stays};
pub use back_ends::{Asking, BackEnds, Comparison, Emptying, FoundFolder, Lines, Lost, Place, Sought};
pub use call::{Answer, Call, Queued, Reads, Refusal, Sort};
pub use dispatch::{DispatchedOnce, Dispatcher, Pace, ask_bulk_runs, do_chores};
pub use front::{Front, KeptAnswer, Once, OwnKey, Pending};
pub use host_keys::{HostKeys, fingerprint};
pub use hosting::{Hosting, Outside, panel_at};
pub use news::{Letter, Machine, MailServer, MailTls, MailWay, News, Post, Postman, Sending, WebhookAddress, What};
pub use operation::{
    BadParameter, BadParameters, Effect, Given, Names, Operation, OperationId, Parameter, Presence, Shape, Subject,
    TextKind,
};
pub use options::{Chosen, DbServerOffer, Offer, PlatformOffer, Remaining, options};
pub use people::{Factor, Invitation, MOST_VIEWS, NotLetIn, Opened, People, Session, SignIn, View, ViewChange};
pub use setting::Setting;
pub use task_types::{KnownType, TaskTypes};
pub use waves::Waves;
