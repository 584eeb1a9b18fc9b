//! Asks a web server for one page: to see that a site answers, and with what configuration.

mod get;
pub(crate) mod stream;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aegir_domain::{Password, Remedy};

/// Where something answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebAddress {
    /// An address and port.
    Tcp(SocketAddr),
    /// A socket of this machine.
    Unix(PathBuf),
}

impl std::fmt::Display for WebAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WebAddress::Tcp(address) => address.fmt(f),
            WebAddress::Unix(path) => path.display().fmt(f),
        }
    }
}

/// What a web server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status: 200.
    pub status: u16,
    /// The headers, names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, up to 4 MiB of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with what is no UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum WebFault {
    /// Nobody answers there.
    #[error("nothing answers at `{at}`")]
    Unreachable {
        /// Where.
        at: WebAddress,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The answer stopped or took too long.
    #[error("no whole answer from `{at}` to `{asked}`")]
    NoAnswer {
        /// Where.
        at: WebAddress,
        /// What was asked for.
        asked: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The answer is not of the protocol.
    #[error("`{at}` answers `{asked}` with something else than {protocol}")]
    NotTheProtocol {
        /// Where.
        at: WebAddress,
        /// What was asked for.
        asked: String,
        /// `HTTP`, `FastCGI` or what was to be spoken over it.
        protocol: &'static str,
    },
}

impl Remedy for WebFault {
    fn remedy(&self) -> Option<String> {
        match self {
            WebFault::Unreachable { .. } => {
                Some("check that the service runs and listens there (`aegir up` starts the private stack)".into())
            }
            WebFault::NoAnswer { .. } => Some("look into the error log of the web server and of php-fpm".into()),
            WebFault::NotTheProtocol { .. } => Some("check that no other program listens there".into()),
        }
    }
}

/// A script for php-fpm to run, which must end the process of PHP's request by itself.
///
/// What it is set, a worker keeps until it is told otherwise: so it is for a pool that answers nobody else.
#[derive(Clone, Copy, Debug)]
pub struct PhpRun<'a> {
    /// The script.
    pub script: &'a Path,
    /// A page of PHP that is there and is not run: the script works in its folder. PHP itself could not change
    /// into a folder of which it may open the parts alone.
    pub page: &'a Path,
    /// Settings of PHP that the script cannot change; each run of a pool sets the same ones.
    pub settings: &'a [(&'a str, String)],
    /// What is posted to it.
    pub input: &'a Password,
    /// What it is known by while it runs, see [`Web::busy_php`]: letters, digits and `-`.
    pub tag: &'a str,
}

/// What php-fpm answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhpPage {
    /// The page, without its headers.
    pub body: Vec<u8>,
    /// What PHP or php-fpm complained of meanwhile.
    pub errors: String,
}

/// Asks web servers and php-fpm.
pub trait Web: Send + Sync {
    /// Asks `at` for `path` of the site `host`, and takes no longer than `limit` in all. Follows no
    /// redirection.
    fn get(&self, at: &WebAddress, host: &str, path: &str, limit: Duration) -> Result<Answer, WebFault>;

    /// Asks the php-fpm behind `socket` for its ping page, and gives what it says (`pong`).
    fn ping_php(&self, socket: &Path, path: &str, limit: Duration) -> Result<String, WebFault>;

    /// Has the php-fpm behind `socket` run a script, and gives its page.
    fn run_php(&self, socket: &Path, run: &PhpRun<'_>, limit: Duration) -> Result<PhpPage, WebFault>;

    /// What the php-fpm behind `socket` is at: the tag of each request that is being answered, see [`PhpRun::tag`]; a
    /// visitor's has its own query there. `status` is the path of its status page.
    fn busy_php(&self, socket: &Path, status: &str, limit: Duration) -> Result<Vec<String>, WebFault>;

    /// Whether a host name leads to any address, as far as can be told within `limit`.
    fn resolves(&self, name: &str, limit: Duration) -> bool;
}

/// Asks real servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealWeb;

impl Web for RealWeb {
    fn get(&self, at: &WebAddress, host: &str, path: &str, limit: Duration) -> Result<Answer, WebFault> {
        get::get(at, host, path, limit)
    }

    fn ping_php(&self, socket: &Path, path: &str, limit: Duration) -> Result<String, WebFault> {
        crate::fastcgi::ping(socket, path, limit)
    }

    fn run_php(&self, socket: &Path, run: &PhpRun<'_>, limit: Duration) -> Result<PhpPage, WebFault> {
        crate::fastcgi::run(socket, run, limit)
    }

    fn busy_php(&self, socket: &Path, status: &str, limit: Duration) -> Result<Vec<String>, WebFault> {
        crate::fastcgi::busy(socket, status, limit)
    }

    fn resolves(&self, name: &str, limit: Duration) -> bool {
        // Browsers take these for this machine without asking (RFC 6761).
        if name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        // The system's own question can take much longer than anybody wants to wait.
        let (tell, hear) = mpsc::channel();
        let address = format!("{name}:80");
        thread::spawn(move || {
            let found = address.to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some());
            let _ = tell.send(found);
        });
        hear.recv_timeout(limit).unwrap_or(false)
    }
}
