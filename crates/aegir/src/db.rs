//! `db`: the control database itself: looked through, copied, and moved to another.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aegir_domain::{Home, Password, Remedy, exit_code};
use aegir_host::{Clock, Files, SystemClock};
use aegir_store::{Store, StoreAddress, copy_all};
use clap::{Args, Subcommand};

use crate::compose::Given;
use crate::failure::Failure;
use crate::owner;
use crate::provision::Usage;
use crate::serve::{BeforeUpgrade, Places, answers, copies, open_store, runtime};
use crate::speak::{err, out};

/// The control database
#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Looks whether it is whole, and mends nothing
    Check,
    /// Writes a whole copy into a new file, while it is in use; of a PostgreSQL database by `pg_dump`
    Copy {
        /// The file; it must not be there yet
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Brings the control database of an older version forward; the front end does the same when it begins
    Upgrade {
        /// Makes no copy first: you have one of your own
        #[arg(long)]
        no_copy: bool,
    },
    /// Moves everything into another control database, which must be empty, and uses that from then on
    Migrate {
        /// A file whose first line is the new address, or `-` for standard input: an address can hold a password
        #[arg(long, value_name = "FILE")]
        to_file: PathBuf,
    },
}

/// Does what is asked.
pub(crate) fn run(given: &Given, args: &DbArgs) -> Result<u8, Failure> {
    let path = given.home();
    owner::check(&path, &given.words)?;
    let home = Home::new(path);
    let places = Places::of(&home);
    let runtime = runtime()?;
    runtime.block_on(async {
        match &args.command {
            DbCommand::Check => check(&home, &places).await,
            DbCommand::Copy { to } => copy(&home, &places, to).await,
            DbCommand::Upgrade { no_copy } => upgrade(&home, &places, *no_copy).await,
            DbCommand::Migrate { to_file } => migrate(&home, &places, to_file).await,
        }
    })
}

async fn check(home: &Home, places: &Places) -> Result<u8, Failure> {
    let store = open(home, places, BeforeUpgrade::Copied).await?;
    let mut wrong = store.check().await?;
    wrong.extend(store.check_statements().await?);
    store.close().await;
    for what in &wrong {
        err(what);
    }
    match wrong.len() {
        0 => {
            out(&format!("`{}` is whole (schema {}).", store.address(), store.schema()));
            Ok(0)
        }
        _ => Ok(exit_code::ERROR),
    }
}

async fn copy(home: &Home, places: &Places, to: &Path) -> Result<u8, Failure> {
    let to = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    let store = open(home, places, BeforeUpgrade::Copied).await?;
    copies(home).copy_to(&store, &to).await?;
    store.close().await;
    out(&format!("`{}` is copied to `{}`.", store.address(), to.display()));
    Ok(0)
}

async fn upgrade(home: &Home, places: &Places, no_copy: bool) -> Result<u8, Failure> {
    if answers(home) {
        return Err(DbFault::Serves { home: home.path().to_owned() }.into());
    }
    let before = if no_copy { BeforeUpgrade::Nothing } else { BeforeUpgrade::Copied };
    let store = open(home, places, before).await?;
    store.close().await;
    out(&format!("`{}` is of schema {}, the newest that this version of Ægir knows.", store.address(), store.schema()));
    Ok(0)
}

async fn migrate(home: &Home, places: &Places, to_file: &Path) -> Result<u8, Failure> {
    let text = read_address(to_file)?;
    let to: StoreAddress = text.expose().parse()?;
    // What it would write meanwhile would be left behind.
    if answers(home) {
        return Err(DbFault::Serves { home: home.path().to_owned() }.into());
    }
    let from = open(home, places, BeforeUpgrade::Copied).await?;
    nobody_dispatches(&from).await?;
    let target = Store::open(&to).await?;
    let copied = copy_all(&from, &target).await?;
    for table in &copied {
        out(&format!("{:<16} {:>9}  {}", table.name, table.rows, &table.checksum[..16.min(table.checksum.len())]));
    }
    // So that it knows at once how to look for something. If it cannot, it learns within the hour.
    let _ = target.tend().await;
    let left = from.address().to_string();
    target.close().await;
    from.close().await;
    let files = Files::new(vec![home.path().to_owned()]);
    files.write(&places.address, format!("{}\n", text.expose()).as_bytes(), 0o600)?;
    out(&format!(
        "Everything is in `{to}` now, counted and summed on both sides; it is used from now on. `{left}` is left as it was."
    ));
    Ok(0)
}

/// Refuses while a front end anywhere starts tasks from this control database, as on another machine.
async fn nobody_dispatches(store: &Store) -> Result<(), Failure> {
    let leases = store.read(async |read| read.leases().await).await?;
    let now = i64::try_from(SystemClock.unix_ms()).unwrap_or(i64::MAX);
    match leases.into_iter().find(|lease| lease.name.starts_with("dispatch:") && lease.is_held(now)) {
        Some(lease) => {
            Err(DbFault::Dispatched { holder: lease.holder, seconds: (lease.until - now) / 1000 + 1 }.into())
        }
        None => Ok(()),
    }
}

async fn open(home: &Home, places: &Places, before: BeforeUpgrade) -> Result<Store, Failure> {
    let address = places.store()?;
    if let StoreAddress::Sqlite(path) = &address
        && !path.exists()
    {
        return Err(DbFault::None { path: path.clone() }.into());
    }
    Ok(open_store(home, before).await?)
}

/// The first line of a file or of standard input.
fn read_address(path: &Path) -> Result<Password, Failure> {
    const LIMIT: u64 = 4096;
    let fault = |source| DbFault::Address { path: path.to_owned(), source };
    let mut text = String::new();
    match path == Path::new("-") {
        true => io::stdin().lock().take(LIMIT).read_to_string(&mut text).map_err(fault)?,
        false => {
            std::fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_string(&mut text)).map_err(fault)?
        }
    };
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(Password::new(line)),
        _ => Err(Failure::usage(Usage::new(
            format!("`{}` names no control database", path.display()),
            "write the address on its first line, such as `postgres://aegir@db1/aegir`",
        ))),
    }
}

/// Why the control database is left as it is.
#[derive(Debug, thiserror::Error)]
enum DbFault {
    #[error("there is no control database at `{}`", path.display())]
    None { path: PathBuf },
    #[error("a front end of `{}` runs", home.display())]
    Serves { home: PathBuf },
    #[error("the front end `{holder}` starts tasks from this control database")]
    Dispatched { holder: String, seconds: i64 },
    #[error("cannot read the address in `{}`", path.display())]
    Address { path: PathBuf, source: io::Error },
}

impl Remedy for DbFault {
    fn remedy(&self) -> Option<String> {
        match self {
            DbFault::None { .. } => {
                Some("start the front end once, with `aegir up` or `aegir serve`: it makes one".into())
            }
            DbFault::Serves { home } => Some(format!(
                "end it first: `aegir --home {} down`, or `systemctl stop aegir` where it is a service",
                home.display()
            )),
            DbFault::Dispatched { seconds, .. } => Some(format!(
                "end it on its machine, which the first part of its name is, then retry; one that crashed is waited for: {seconds} seconds"
            )),
            DbFault::Address { .. } => None,
        }
    }
}
