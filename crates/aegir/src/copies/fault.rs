//! Why there is no copy, and how to get past it.

use std::path::PathBuf;

use aegir_domain::Remedy;
use aegir_host::{CommandFailed, FileFault};
use aegir_store::{BadAddress, StoreFault};

/// Why there is no copy. Nothing is left of one that failed.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// A file or folder of the home.
    #[error(transparent)]
    Files(#[from] FileFault),
    /// The control database.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// What is said of where it is.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// There is a file of this name.
    #[error("`{}` is there already", path.display())]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// `pg_dump` or `pg_restore` did not do it.
    #[error("PostgreSQL's own program did not copy the control database")]
    Program {
        /// Why not.
        #[source]
        source: CommandFailed,
    },
    /// What was written does not hold the control database.
    #[error("the copy that `pg_dump` wrote has no table `{table}`")]
    Incomplete {
        /// The one that was looked for.
        table: &'static str,
    },
    /// Whoever worked on it is gone.
    #[error("copying the control database broke off")]
    BrokeOff,
    /// An upgrade that did not begin.
    #[error("the control database is left as it is: it could not be copied before its upgrade to schema {to}")]
    BeforeUpgrade {
        /// The schema that it was to have.
        to: i64,
        /// Why not.
        #[source]
        source: Box<CopyFault>,
    },
}

impl Remedy for CopyFault {
    fn remedy(&self) -> Option<String> {
        match self {
            CopyFault::Files(fault) => fault.remedy(),
            CopyFault::Store(fault) => fault.remedy(),
            CopyFault::Address(fault) => fault.remedy(),
            CopyFault::Taken { .. } => Some("name a file that is not there yet".into()),
            CopyFault::Program { source: CommandFailed::NotFound { .. } } => Some(
                "install `postgresql-client`, not older than the server (`apt-get install postgresql-client`), then retry"
                    .into(),
            ),
            CopyFault::Program { source } => source.remedy(),
            CopyFault::Incomplete { .. } => {
                Some("see with `psql` whether the account of the control database owns its tables".into())
            }
            CopyFault::BrokeOff => Some("retry".into()),
            CopyFault::BeforeUpgrade { source, .. } => {
                let go_on = "with a copy of your own at hand, go on without one by `aegir db upgrade --no-copy`";
                Some(match source.remedy() {
                    Some(remedy) => format!("{remedy}; or, {go_on}"),
                    None => go_on.to_owned(),
                })
            }
        }
    }
}
