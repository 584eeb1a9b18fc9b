//! How each product is spoken to: the texts of files, the statements of databases, the commands.
//!
//! A driver describes; it does not act. Writing a file, testing it, swapping it in, putting the old
//! one back and reloading are done once, for all drivers, by whoever has the machine at hand.
//!
//! ## Invariants
//!
//! - Nothing here starts a program, reads a file or opens a connection. What a driver must know
//!   comes in its input, a template that an operator overrode included.
//! - Every value passes an escaping filter of the language it is written into (see [`Templates`]).
//! - A rendered text that may hold a secret is a [`ConfigFile`], a statement a [`db::Statement`];
//!   neither shows it when printed.

pub mod db;
mod fault;
mod file;
pub mod http;
pub mod php;
mod template;

pub use fault::DriverFault;
pub use file::ConfigFile;
pub use template::Templates;
