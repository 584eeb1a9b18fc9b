//! The private stack: nginx or Apache, php-fpm and MariaDB as child processes, below one home, on loopback.
//!
//! It is for trying Ægir, for tests and for laptops: nothing of the machine's own services is used
//! or touched, and when `aegir up` ends, by whatever means, its services end too.
//!
//! ```text
//!   start     lock → left-overs of a killed one → mariadbd → php-fpm → web server      each until it answers
//!   supervise a child that dies is started again; `run/stack.sock` answers the back end
//!   stop      php-fpm → web server → mariadbd, orderly; all at once when asked twice
//! ```
//!
//! ## Invariants
//!
//! - One `aegir up` per home: it holds the lock `run/up.lock`.
//! - Every child has a process group of its own and dies with the thread that started it, so a
//!   [`Stack`] cannot leave that thread.
//! - Nothing listens on another address than loopback unless the settings name one, and then the web
//!   server alone; the database only on a socket.
//! - The database's password is in `credentials/`, mode 0600, and passes through descriptors only.
//! - A data directory named `data` is whole: it is made under another name and renamed when done.

mod account;
mod check;
mod control;
mod daemon;
mod database;
mod end;
mod endpoints;
mod fault;
mod files;
mod leftovers;
mod lock;
mod php;
mod places;
mod ports;
mod process_table;
mod reload;
mod running;
mod service;
mod settings;
mod signals;
mod stack;
mod standing;
mod supervise;
mod web;

pub use account::{Account, Group, HTTP_GROUP, Users};
pub use check::{Finding, check, closed_to};
pub use end::{Ended, end, kept_by_another, outside};
pub use endpoints::Endpoints;
pub use fault::StackFault;
pub use places::unspeakable;
pub use running::Running;
pub use settings::{Programs, StackSettings};
pub use signals::Signals;
pub use stack::Stack;
pub use standing::{Answers, Standing};
pub use supervise::StopRequest;
