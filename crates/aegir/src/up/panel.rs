//! The panel, for whoever starts `aegir up`: where it answers; and where nobody has an account yet, a link that lets
//! in once.
//!
//! It is asked for by the lines that a person would type, as the home's own user. The link is told on the terminal,
//! and stands in no file.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use aegir_domain::{Home, Password};
use aegir_host::{Clock, OwnProgram, SystemClock};
use serde_json::Value;

/// Who comes in first.
pub(crate) const FIRST: &str = "admin";
/// How long the front end may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// The panel, as it is told of.
pub(crate) struct Panel {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A link for the first account, which was made now.
    pub(crate) link: Option<Password>,
}

/// Why nothing can be told of the panel.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PanelFault {
    #[error("the front end does not answer, and so the panel does not")]
    Silent,
    #[error("cannot ask for the accounts of the panel")]
    Start {
        #[source]
        source: io::Error,
    },
    #[error("the accounts of the panel are not told: {said}")]
    Refused { said: String },
}

/// Waits until the front end answers, and sees that somebody can come in.
pub(super) fn ask(
    home: &Path,
    program: &OwnProgram,
    address: SocketAddr,
    stops: &dyn Fn() -> bool,
) -> Result<Panel, PanelFault> {
    let until = SystemClock.now() + PATIENCE;
    while !crate::serve::answers(&Home::new(home.to_owned())) {
        if SystemClock.now() > until || stops() {
            return Err(PanelFault::Silent);
        }
        SystemClock.sleep(LOOK);
    }
    let accounts = told(home, program, &["account", "list", "--limit", "1", "--json"])?;
    let link = match accounts["items"].as_array().is_some_and(Vec::is_empty) {
        true => told(home, program, &["account", "add", FIRST, "--json"])?["link"].as_str().map(Password::new),
        false => None,
    };
    Ok(Panel { address, link })
}

/// What a line of ours answers, as JSON.
fn told(home: &Path, program: &OwnProgram, words: &[&str]) -> Result<Value, PanelFault> {
    // A home that is no UTF-8 was refused before the stack began.
    let line = [&["--home", home.to_str().unwrap_or_default()], words].concat();
    let told = program.run(&line).map_err(|source| PanelFault::Start { source })?;
    match (told.code, serde_json::from_str(&told.out)) {
        (Some(0), Ok(value)) => Ok(value),
        // Standard output may hold a link; what is said to people does not.
        _ => Err(PanelFault::Refused { said: told.err.trim().to_owned() }),
    }
}
