//! The port that sites answer on, and the product that answers: found or chosen once, then kept. The one is
//! part of every address, the files of all sites are written for the other.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use aegir_domain::HttpEngine;

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
    #[serde(default = "before_there_was_a_choice")]
    engine: HttpEngine,
    /// Where the panel answers, on loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    panel: Option<u16>,
}

fn before_there_was_a_choice() -> HttpEngine {
    HttpEngine::Nginx
}

/// The web server of the home: what was asked for, else the remembered one, else nginx.
pub(crate) fn engine(home: &Path, asked: Option<HttpEngine>) -> Result<HttpEngine, StackFault> {
    match (asked, read(&file(home))?) {
        (Some(asked), Some(kept)) if asked != kept.engine => {
            Err(StackFault::OtherWebServer { home: home.to_owned(), kept: kept.engine, asked })
        }
        (_, Some(kept)) => Ok(kept.engine),
        (asked, None) => Ok(asked.unwrap_or(HttpEngine::Nginx)),
    }
}

/// Where both are remembered.
pub(crate) fn file(home: &Path) -> PathBuf {
    home.join("stack/ports.json")
}

/// The address for this home: what was asked for, else the remembered port, else a free one.
pub(crate) fn listen(places: &Places, address: IpAddr, asked: Option<u16>) -> Result<SocketAddr, StackFault> {
    let port = match asked.or(read(&places.ports())?.map(|kept| kept.http)) {
        Some(port) => {
            require_free(places, SocketAddr::from((address, port)))?;
            port
        }
        None => free(places, address, |_| true)?,
    };
    Ok(SocketAddr::from((address, port)))
}

/// A port that nobody listens on, and that `fits`.
fn free(places: &Places, address: IpAddr, fits: impl Fn(u16) -> bool) -> Result<u16, StackFault> {
    let first = places.number() % (RANGE.end - RANGE.start);
    let spread = RANGE.clone().cycle().skip(usize::from(first)).take(RANGE.len());
    let is_free = |port: &u16| fits(*port) && bound(SocketAddr::from((address, *port))).is_ok();
    let free = spread.into_iter().find(is_free);
    free.ok_or_else(|| match bound(SocketAddr::from((address, 0))) {
        Err(source) => StackFault::NoAddress { address, source },
        Ok(()) => StackFault::NoPort,
    })
}

/// The address on loopback for the panel of this home: the remembered port if it is free, else another, which is
/// remembered then; `sites` is where sites answer.
pub(crate) fn panel(places: &Places, sites: SocketAddr) -> Result<SocketAddr, StackFault> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let kept = read(&places.ports())?;
    let last = kept.as_ref().and_then(|kept| kept.panel);
    if let Some(port) = last.filter(|port| bound(SocketAddr::from((loopback, *port))).is_ok()) {
        return Ok(SocketAddr::from((loopback, port)));
    }
    let port = free(places, loopback, |port| port != sites.port())?;
    let engine = kept.map_or_else(before_there_was_a_choice, |kept| kept.engine);
    write(places, &Ports { http: sites.port(), engine, panel: Some(port) })?;
    Ok(SocketAddr::from((loopback, port)))
}

/// The remembered port.
pub(crate) fn kept(home: &Path) -> Result<Option<u16>, StackFault> {
    Ok(read(&file(home))?.map(|kept| kept.http))
}

/// Whether `listen` was only found free, and was taken by another program since then.
pub(crate) fn was_lost(places: &Places, asked: Option<u16>, listen: SocketAddr) -> Result<bool, StackFault> {
    Ok(asked.is_none() && read(&places.ports())?.is_none() && bound(listen).is_err())
}

/// Keeps port and product, once it answers there.
pub(crate) fn remember(places: &Places, listen: SocketAddr, engine: HttpEngine) -> Result<(), StackFault> {
    let panel = read(&places.ports())?.and_then(|kept| kept.panel);
    write(places, &Ports { http: listen.port(), engine, panel })
}

fn write(places: &Places, ports: &Ports) -> Result<(), StackFault> {
    let text =
        serde_json::to_vec_pretty(ports).map_err(|source| StackFault::Unreadable { path: places.ports(), source })?;
    files::write(&places.ports(), &text, places.private_owner(), 0o600)
}

fn read(path: &Path) -> Result<Option<Ports>, StackFault> {
    let path = path.to_owned();
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StackFault::File { doing: "read", path, source }),
        Ok(text) => {
            let ports: Ports =
                serde_json::from_slice(&text).map_err(|source| StackFault::Unreadable { path, source })?;
            Ok(Some(ports))
        }
    }
}

fn require_free(places: &Places, at: SocketAddr) -> Result<(), StackFault> {
    match bound(at) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::AddrNotAvailable => {
            Err(StackFault::NoAddress { address: at.ip(), source })
        }
        Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
            Err(StackFault::NotAllowed { port: at.port(), source })
        }
        Err(_) => {
            let (port, by) = (at.port(), process_table::listener(at.port()));
            Err(StackFault::PortTaken { port, by, remembered: places.ports() })
        }
    }
}

fn bound(at: SocketAddr) -> io::Result<()> {
    TcpListener::bind(at).map(drop)
}

#[cfg(test)]
mod tests {
    use aegir_domain::Remedy;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn the_port_stays_the_same_and_a_squatter_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();

        let first = listen(&places, LOOPBACK, None).unwrap();
        remember(&places, first, HttpEngine::Nginx).unwrap();
        let second = listen(&places, LOOPBACK, None).unwrap();
        let _squatter = TcpListener::bind(first).unwrap();
        let Err(StackFault::PortTaken { port, by, .. }) = listen(&places, LOOPBACK, None) else {
            panic!("a port was shared")
        };

        assert_eq!(first, second);
        assert_eq!(port, first.port());
        assert!(by.unwrap().contains(&std::process::id().to_string()));
    }

    #[test]
    fn the_panel_has_a_port_of_its_own_which_stays_while_it_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();
        let sites = listen(&places, LOOPBACK, None).unwrap();
        remember(&places, sites, HttpEngine::Apache).unwrap();

        let first = panel(&places, sites).unwrap();
        assert_ne!(first, sites);
        assert_eq!(panel(&places, sites).unwrap(), first);
        remember(&places, sites, HttpEngine::Apache).unwrap();
        assert_eq!(panel(&places, sites).unwrap(), first, "that of the sites is kept beside it");
        let squatter = TcpListener::bind(first).unwrap();
        let second = panel(&places, sites).unwrap();
        assert_ne!(second, first);
        drop(squatter);
        assert_eq!(panel(&places, sites).unwrap(), second, "that of the last time");
        assert_eq!(engine(dir.path(), None).unwrap(), HttpEngine::Apache);
        assert_eq!(kept(dir.path()).unwrap(), Some(sites.port()));
    }

    #[test]
    fn an_address_that_is_not_of_this_machine_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();
        // Of the range that is kept for examples in texts.
        let elsewhere: IpAddr = "192.0.2.7".parse().unwrap();

        for asked in [None, Some(8080)] {
            let fault = listen(&places, elsewhere, asked).unwrap_err();
            assert!(fault.to_string().contains("192.0.2.7"), "{fault}");
        }
    }

    #[test]
    fn a_home_keeps_its_web_server_and_another_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::prepare(dir.path(), None).unwrap();
        assert_eq!(engine(dir.path(), None).unwrap(), HttpEngine::Nginx);
        assert_eq!(engine(dir.path(), Some(HttpEngine::Apache)).unwrap(), HttpEngine::Apache);

        remember(&places, SocketAddr::from(([127, 0, 0, 1], 8080)), HttpEngine::Apache).unwrap();

        assert_eq!(engine(dir.path(), None).unwrap(), HttpEngine::Apache);
        let fault = engine(dir.path(), Some(HttpEngine::Nginx)).unwrap_err();
        assert!(fault.remedy().unwrap().contains("--http apache"), "{fault}");
        fs::write(file(dir.path()), r#"{"http": 8080}"#).unwrap();
        assert_eq!(engine(dir.path(), None).unwrap(), HttpEngine::Nginx);
    }
}
