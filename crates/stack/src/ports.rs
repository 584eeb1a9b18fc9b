//! The port that sites answer on: found once, then kept, because it is part of every address.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde::{Deserialize, Serialize};

use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::process_table;

/// Each home begins to look at another place of it, so that two homes that do not run at the same
/// time rarely choose the same port. Below the range from which the system lends ports to outgoing connections.
const RANGE: std::ops::Range<u16> = 8080..9980;

#[derive(Serialize, Deserialize)]
struct Ports {
    http: u16,
}

/// The address for this home: what was asked for, else the remembered port, else a free one.
pub(crate) fn listen(places: &Places, asked: Option<u16>) -> Result<SocketAddr, StackFault> {
    let port = match asked.or(read(places)?) {
        Some(port) => {
            require_free(places, port)?;
            port
        }
        None => {
            let first = places.number() % (RANGE.end - RANGE.start);
            let spread = RANGE.clone().cycle().skip(usize::from(first)).take(RANGE.len());
            spread.into_iter().find(|port| is_free(*port)).ok_or(StackFault::NoPort)?
        }
    };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Whether `listen` was only found free, and was taken by another program since then.
pub(crate) fn was_lost(places: &Places, asked: Option<u16>, listen: SocketAddr) -> Result<bool, StackFault> {
    Ok(asked.is_none() && read(places)?.is_none() && !is_free(listen.port()))
}

/// Keeps the port, once nginx answers on it.
pub(crate) fn remember(places: &Places, listen: SocketAddr) -> Result<(), StackFault> {
    let text = serde_json::to_vec_pretty(&Ports { http: listen.port() })
        .map_err(|source| StackFault::Unreadable { path: places.ports(), source })?;
    files::write(&places.ports(), &text, places.private_owner(), 0o600)
}

fn read(places: &Places) -> Result<Option<u16>, StackFault> {
    let path = places.ports();
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StackFault::File { doing: "read", path, source }),
        Ok(text) => {
            let ports: Ports =
                serde_json::from_slice(&text).map_err(|source| StackFault::Unreadable { path, source })?;
            Ok(Some(ports.http))
        }
    }
}

fn require_free(places: &Places, port: u16) -> Result<(), StackFault> {
    if is_free(port) {
        return Ok(());
    }
    Err(StackFault::PortTaken { port, by: process_table::listener(port), remembered: places.ports() })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_stays_the_same_and_a_squatter_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();

        let first = listen(&places, None).unwrap();
        remember(&places, first).unwrap();
        let second = listen(&places, None).unwrap();
        let _squatter = TcpListener::bind(first).unwrap();
        let Err(StackFault::PortTaken { port, by, .. }) = listen(&places, None) else { panic!("a port was shared") };

        assert_eq!(first, second);
        assert_eq!(port, first.port());
        assert!(by.unwrap().contains(&std::process::id().to_string()));
    }
}
