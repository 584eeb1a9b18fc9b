//! The front end of a home, put together: its store, its key, its back ends.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{AttemptId, Home, NodeId, Password, Remedy};
use aegir_host::{
    Accounts, Clock, Deadline, Files, Mint, OwnProgram, ProcessName, SystemClock, SystemMint, TaskPrograms,
};
use aegir_hosting::{Dispatcher, Hosting, Outside, Postman};
use aegir_outside::back_ends::ProcessBackEnds;
use aegir_outside::copies::{Copies, CopyFault};
use aegir_outside::post::RealPostman;
use aegir_store::{BadAddress, KeyFault, SecretKey, Store, StoreAddress, StoreFault};

use tokio::sync::watch;

use super::task_types::TypesOf;
use crate::compose::OWN_PROGRAM;

/// The longest that an address of a control database is, in bytes.
const LONGEST_ADDRESS: usize = 4096;

/// What a front end works with.
pub(crate) struct House {
    pub(crate) hosting: Hosting,
    pub(crate) home: Home,
}

/// Where the files of the control database lie.
pub(crate) struct Places {
    /// The one that names the control database, if that is not the file beside it.
    pub(crate) address: PathBuf,
    /// The control database itself, where nothing else is said.
    pub(crate) file: PathBuf,
    /// What secrets in it are sealed with.
    pub(crate) key: PathBuf,
}

impl Places {
    pub(crate) fn of(home: &Home) -> Places {
        let folder = home.hostmaster();
        Places {
            address: folder.join("control-database"),
            file: folder.join("control.sqlite"),
            key: folder.join("control.key"),
        }
    }

    /// Where the control database is: as the file says, or beside it.
    pub(crate) fn store(&self) -> Result<StoreAddress, HouseFault> {
        let unreadable = |source| HouseFault::Address { path: self.address.clone(), source };
        let text =
            Files::new(Vec::new()).read_text(&self.address).map_err(|fault| unreadable(io::Error::other(fault)))?;
        let Some(text) = text else { return Ok(StoreAddress::file(&self.file)) };
        if text.len() > LONGEST_ADDRESS {
            return Err(unreadable(io::ErrorKind::InvalidData.into()));
        }
        let address = Password::new(text.trim());
        Ok(address.expose().parse::<StoreAddress>()?)
    }
}

impl House {
    /// Opens the control database of a home; makes it where there is none yet.
    pub(crate) async fn open(home: Home) -> Result<House, HouseFault> {
        let places = Places::of(&home);
        let files = Files::new(vec![home.path().to_owned()]);
        for folder in [home.hostmaster(), home.locks()] {
            files.make_dirs(&folder, 0o700).map_err(|source| HouseFault::Folder { path: folder, source })?;
        }
        let store = open_store(&home, BeforeUpgrade::Copied).await?;
        let key = key(&store, &places.key).await?;
        let back_ends = ProcessBackEnds::new(home.clone(), OwnProgram::new(OWN_PROGRAM, None));
        let hosting = Hosting::new(store, Arc::new(back_ends), Arc::new(Machine), postman(&home), key);
        hosting.task_types_are_in(Arc::new(TypesOf(home.clone())));
        Ok(House { hosting, home })
    }
}

impl House {
    /// Starts tasks and records them in this process, for as long as it lasts.
    pub(crate) fn work(&self) -> Working {
        self.working(Dispatcher::new(self.hosting.clone(), super::holder()))
    }

    /// The same, and runs cron of sites that is due.
    pub(crate) fn work_on_cron(&self) -> Working {
        self.working(Dispatcher::new(self.hosting.clone(), super::holder()).with_cron())
    }

    fn working(&self, dispatcher: Dispatcher) -> Working {
        let (stop, stopped) = watch::channel(false);
        Working { stop, dispatcher: tokio::spawn(dispatcher.run(stopped)), store: self.hosting.store().clone() }
    }
}

/// A front end that works for one command.
pub(crate) struct Working {
    stop: watch::Sender<bool>,
    dispatcher: tokio::task::JoinHandle<()>,
    store: Store,
}

impl Working {
    /// Ends in order: its leases are free at once, and what runs is attached to by whoever comes next.
    pub(crate) async fn leave(self) {
        let _ = self.stop.send(true);
        let _ = self.dispatcher.await;
        self.store.close().await;
    }
}

/// What there must be before the control database of an older version is brought forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeforeUpgrade {
    /// A copy, which is made.
    Copied,
    /// Nothing: whoever asked has one of their own.
    Nothing,
}

/// Opens the control database of a home; one of an older version is copied, then brought forward.
pub(crate) async fn open_store(home: &Home, before: BeforeUpgrade) -> Result<Store, HouseFault> {
    let address = Places::of(home).store()?;
    Store::open_after(&address, async |store, upgrade| {
        if before == BeforeUpgrade::Copied {
            let path = copies(home).before_upgrade(store, upgrade).await?;
            tracing::info!(copy = %path.display(), schema = upgrade.to, "the control database is copied, and brought forward");
        }
        Ok(())
    })
    .await
}

/// Makes copies of the control database of a home.
pub(crate) fn copies(home: &Home) -> Copies {
    Copies::new(home.clone(), Arc::new(programs(home)), Arc::new(SystemClock))
}

/// Sends news with what this machine has.
fn postman(home: &Home) -> Arc<dyn Postman> {
    // One that hangs keeps the front end from ending for no longer than that.
    let programs = programs(home).with_grace(Duration::from_secs(1));
    Arc::new(RealPostman::new(Arc::new(programs), Arc::new(SystemClock), Arc::new(SystemMint)))
}

/// Programs of this machine that are no part of a task.
fn programs(home: &Home) -> TaskPrograms {
    // What one leaves behind is its own: no journal names its group.
    let programs = TaskPrograms::new(OWN_PROGRAM.into(), Box::new(|_| Ok(())), Deadline::none());
    // Some read their settings in their user's home.
    programs.with_home(home.path(), home.cache())
}

/// The key; a new one only for a control database that holds nothing yet, and that no other control node began with a
/// key of its own.
async fn key(store: &Store, path: &Path) -> Result<SecretKey, HouseFault> {
    let (known, is_new) = store
        .read(async |read| {
            // The first number is the client's that every installation begins with.
            Ok::<_, StoreFault>((read.known_key().await?, read.node(NodeId(2)).await?.is_none()))
        })
        .await?;
    let key = match is_new && known.is_none() {
        true => SecretKey::read_or_make(path)?,
        false => SecretKey::read(path)?,
    };
    if known.as_deref() != Some(key.id()) {
        store.write(async |tx| tx.know_key(key.id()).await).await?;
    }
    Ok(key)
}

/// This machine, as far as the front end needs one.
pub(crate) struct Machine;

impl Outside for Machine {
    fn now(&self) -> i64 {
        i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX)
    }

    fn attempt(&self) -> AttemptId {
        let mint: &dyn Mint = &SystemMint;
        AttemptId::from_parts(SystemClock.unix_ms(), mint.random())
    }

    fn token(&self) -> String {
        let mint: &dyn Mint = &SystemMint;
        mint.password().expose().to_owned()
    }

    fn is_gone(&self, holder: &str) -> bool {
        holder.parse::<ProcessName>().is_ok_and(|process| process.is_gone())
    }
}

impl aegir_web::Outside for Machine {
    fn now(&self) -> std::time::Duration {
        SystemClock.now()
    }

    fn unix_ms(&self) -> u64 {
        SystemClock.unix_ms()
    }

    fn user(&self, uid: u32) -> Option<String> {
        Accounts::read().ok().map(|accounts| accounts.name_of(uid))
    }

    fn tell(&self, what: &str) {
        tracing::error!("{what}");
    }
}

/// Why a front end cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HouseFault {
    #[error("cannot read where the control database is, in `{}`", path.display())]
    Address { path: PathBuf, source: io::Error },
    #[error("cannot make the folder `{}`", path.display())]
    Folder { path: PathBuf, source: aegir_host::FileFault },
    #[error(transparent)]
    BadAddress(#[from] BadAddress),
    #[error(transparent)]
    Store(#[from] StoreFault),
    #[error(transparent)]
    Copy(#[from] CopyFault),
    #[error(transparent)]
    Key(#[from] KeyFault),
}

impl Remedy for HouseFault {
    fn remedy(&self) -> Option<String> {
        match self {
            HouseFault::Address { path, .. } => Some(format!(
                "write one line into `{}`, mode 0600: `sqlite:PATH` or `postgres://…`; or remove it for the file beside it",
                path.display()
            )),
            HouseFault::Folder { source, .. } => source.remedy(),
            HouseFault::BadAddress(fault) => fault.remedy(),
            HouseFault::Store(fault) => fault.remedy(),
            HouseFault::Copy(fault) => fault.remedy(),
            HouseFault::Key(fault) => fault.remedy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_control_node_works_with_the_key_of_the_first_or_not_at_all() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let home = |dir: &tempfile::TempDir| Home::new(dir.path().to_owned());
        let (first, second) = (Places::of(&home(&one)), Places::of(&home(&two)));
        std::fs::create_dir_all(home(&two).hostmaster()).unwrap();
        std::fs::write(&second.address, format!("sqlite:{}\n", first.file.display())).unwrap();
        // Both began at the same moment, on a database that was empty.
        SecretKey::read_or_make(&second.key).unwrap();
        let open = async |dir| match House::open(home(dir)).await {
            Ok(house) => {
                house.hosting.store().close().await;
                Ok(())
            }
            Err(fault) => Err(fault),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            open(&one).await.unwrap();

            let refused = open(&two).await.unwrap_err();
            assert!(matches!(refused, HouseFault::Store(StoreFault::OtherKey { .. })), "{refused:?}");
            assert!(refused.remedy().unwrap().contains("control.key"));
            // Without a key of its own it makes none, though nothing is in the database yet.
            std::fs::remove_file(&second.key).unwrap();
            let refused = open(&two).await.unwrap_err();
            assert!(matches!(refused, HouseFault::Key(KeyFault::File { .. })), "{refused:?}");
            assert!(!second.key.exists());

            std::fs::copy(&first.key, &second.key).unwrap();
            open(&two).await.unwrap();
            open(&one).await.unwrap();
        });
    }
}
