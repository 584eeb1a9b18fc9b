//! Looks at a home as it is, and says what does not fit: for `doctor`, and for whoever takes a home away.
//!
//! It needs no world: a home that is broken is what it is for. Looking changes nothing and locks nothing for
//! longer than a look, and what nobody knows the owner of is only told. Only [`drop_owned`] and
//! [`clear_platform`] change something, and only what is proved to be of the home.

mod adoption;
mod databases;
mod known;
mod platforms;
mod services;
mod tasks;
mod trash;

pub use adoption::{HostmasterDatabase, look_at_classic};
pub use databases::{Owned, Said, account_statement, databases, drop_owned, is_of_home, owned_outside};
pub use known::{Known, read_known, strays, whole};
pub use platforms::clear_platform;
pub use services::{RunNow, try_services};
pub use tasks::{OpenTask, Standing, open_tasks};
pub(crate) use trash::{ENOUGH, size_of};
pub use trash::{Trash, trash};
