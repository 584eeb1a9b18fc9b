//! What touches a machine: files, programs, locks, databases, web servers.
//!
//! The only crate that starts programs or writes files for a task. Everything here waits for what it
//! asks for; nothing is async. What a test replaces is a trait ([`Clock`], [`Mint`], [`Programs`],
//! [`Databases`], [`Web`], [`Services`]); files and locks are always real.
//!
//! ## Invariants
//!
//! - Below a trusted base no symbolic link is followed when something is written.
//! - A program starts only after its process group has been written down, and dies with its parent.
//! - No secret is in an argument list, an error or anything printed.
//! - What changes files may run twice: "already so" is fine, and told apart by [`Changed`].

#![allow(clippy::disallowed_methods, reason = "this crate is where the outside is")]

mod accounts;
mod clock;
mod control;
mod detached;
pub mod exec;
mod fastcgi;
mod files;
mod hand_over;
pub mod locks;
mod mint;
mod mounts;
mod own_program;
mod process_name;
mod programs;
mod spoken;
mod sql;
mod tested;
mod web;

pub use accounts::{Accounts, Group, User, own_gid, own_groups, own_uid};
pub use aegir_domain::LockMode;
pub use clock::{Clock, SystemClock};
pub use control::{ControlSocket, ServiceFault, Services};
pub use detached::{Detached, start_detached};
pub use files::{
    Archive, Bounds, Changed, Contents, CopyModes, Digests, FileFault, Files, Kind, OpenFile, Packed, Packing,
    Recorder, SUMS, Space, Stat, Survey, TextFile, Trouble, Unpacked, Unpacking, Wanted, Written, told_names,
};
pub use hand_over::hand_over;
pub use locks::{Lock, LockFault, Locks};
pub use mint::{Mint, SystemMint};
pub use mounts::{Mount, Mounts};
pub use own_program::{Alive, OwnProgram, RunAs, Stays, Told};
pub use process_name::{BadProcessName, ProcessName};
pub use programs::{
    CommandFailed, Deadline, Ended, GroupFault, Launch, Limits, ProcessGroup, Programs, Ran, Stop, TaskPrograms,
    end_group, find_program, groups_with_arguments,
};
pub use spoken::{Spoken, Streams};
pub use sql::{Connection, Databases, RealDatabases, Row, SqlFault, SqlKind};
pub use tested::{FolderState, Look};
pub use web::{Answer, PhpPage, PhpRun, RealWeb, Web, WebAddress, WebFault};
