//! `db`: the control database itself: looked through, copied, and moved to another.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aegir_domain::{Home, Password, Remedy, exit_code};
use aegir_host::Files;
use aegir_store::{Store, StoreAddress, copy_all};
use clap::{Args, Subcommand};

use crate::compose::Given;
use crate::failure::Failure;
use crate::owner;
use crate::provision::Usage;
use crate::serve::{Places, answers, runtime};
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
    /// Writes a whole copy of an SQLite control database into a new file, while it is in use
    Copy {
        /// The file; it must not be there yet
        #[arg(value_name = "FILE")]
        to: PathBuf,
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
            DbCommand::Check => check(&places).await,
            DbCommand::Copy { to } => copy(&places, to).await,
            DbCommand::Migrate { to_file } => migrate(&home, &places, to_file).await,
        }
    })
}

async fn check(places: &Places) -> Result<u8, Failure> {
    let store = open(places).await?;
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

async fn copy(places: &Places, to: &Path) -> Result<u8, Failure> {
    let to = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    let store = open(places).await?;
    store.backup_to(&to).await?;
    store.close().await;
    out(&format!("`{}` is copied to `{}`.", store.address(), to.display()));
    Ok(0)
}

async fn migrate(home: &Home, places: &Places, to_file: &Path) -> Result<u8, Failure> {
    let text = read_address(to_file)?;
    let to: StoreAddress = text.expose().parse()?;
    // What it would write meanwhile would be left behind.
    if answers(home) {
        return Err(DbFault::Serves { home: home.path().to_owned() }.into());
    }
    let from = open(places).await?;
    let target = Store::open(&to).await?;
    let copied = copy_all(&from, &target).await?;
    for table in &copied {
        out(&format!("{:<16} {:>9}  {}", table.name, table.rows, &table.checksum[..16.min(table.checksum.len())]));
    }
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

async fn open(places: &Places) -> Result<Store, Failure> {
    let address = places.store()?;
    if let StoreAddress::Sqlite(path) = &address
        && !path.exists()
    {
        return Err(DbFault::None { path: path.clone() }.into());
    }
    Ok(Store::open(&address).await?)
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
            DbFault::Address { .. } => None,
        }
    }
}
