//! Where it is remembered: the control database, SQLite or PostgreSQL, and the only SQL on it.

mod attempt;
mod db;
mod fault;
mod lease;
mod line;
mod node;
mod package;
mod page;
mod platform;
mod queue;
mod server;
mod site;
mod store;
mod task;

pub use attempt::{AttemptRecord, Recorded};
pub use db::{BadAddress, Dialect, PostgresAddress, Read, StoreAddress, Tx};
pub use fault::StoreFault;
pub use lease::{Fence, LONGEST_LEASE, LeaseRecord};
pub use line::{FOLD, LONGEST_LINES, LineRecord, StepRecord};
pub use node::{ADMIN, Deed, DeedList, Node, ObjectSort};
pub use package::{PackageList, PackageRecord, RecordedInstance, ReleaseRecord};
pub use page::{Cursor, Direction, LONGEST_PAGE, Listed, Listing, NameMatch, Page, Span, Total};
pub use platform::{NewPlatform, PlatformList, PlatformRecord};
pub use queue::{Cancelled, Claimed, NewTask, QueueRecord, Queued, WaitingFor};
pub use server::{NewServer, ServerList, ServerRecord};
pub use site::{Domain, HasPackage, NewSite, SiteList, SiteRecord};
pub use store::Store;
pub use task::{TaskList, TaskRecord, TaskSort};
