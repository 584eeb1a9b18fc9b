//! Reaches a machine of the network.

use std::io;
use std::time::Duration;

use aegir_hosting::Machine;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::fault::PostFault;

/// How long one of several addresses may take: another one may answer.
const EACH: Duration = Duration::from_secs(5);

/// Which addresses of a machine will do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All.
    Anywhere,
    /// Those of this machine.
    Here,
}

/// A connection to `port` of `machine`.
pub(super) async fn connect(machine: &Machine, port: u16, reach: Reach) -> Result<TcpStream, PostFault> {
    let host = machine.bare();
    let unknown = |source| PostFault::UnknownHost { host: host.clone(), source };
    let found = lookup_host((host.as_str(), port)).await.map_err(unknown)?;
    let mut failed = None;
    // A name server may say anything of a name.
    for address in found.filter(|address| reach == Reach::Anywhere || address.ip().is_loopback()) {
        match timeout(EACH, TcpStream::connect(address)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                // Each write is a whole question.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(match failed {
        Some(source) => PostFault::Unreachable { at: format!("{machine}:{port}"), source },
        None => PostFault::NotHere { host },
    })
}
