//! Listens, and ends in order: what was asked is answered, and whoever follows events is told the last one.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::Remedy;
use aegir_hosting::Front;
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::Outside;
use crate::api::{self, Api, CameBy};
use crate::panel::{self, Panel, PanelWay};
use crate::socket;
use crate::unread::Explained;

/// The ways in.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// The socket in the home, for its owner and root.
    pub socket: Option<SocketWay>,
    /// An address on loopback, for bearers of tokens; port 0 takes a free one.
    pub tcp: Option<SocketAddr>,
    /// The panel, on that address; `None`: there are no pages.
    pub panel: Option<PanelWay>,
}

/// The socket in the home.
#[derive(Clone, Debug)]
pub struct SocketWay {
    /// Where it lies: `run/aegir.sock`.
    pub path: PathBuf,
    /// The user and the group of the home.
    pub owner: (u32, u32),
}

/// Bounds, so that nobody takes all there is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections at once on each way in; more wait.
    pub connections: usize,
    /// How many bytes a body may have.
    pub body: usize,
    /// How long the headers, and then the body, may take.
    pub request: Duration,
    /// How long an answer may take; event streams go on.
    pub answer: Duration,
    /// How long the end waits for requests that were begun.
    pub ending: Duration,
    /// How many wrong tokens may be tried at once; each second one more.
    pub wrong_tokens: u32,
    /// After how long an event stream asks whether its token still lets in.
    pub token: Duration,
    /// How often a silent event stream says that it is there.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1_024,
            body: 1024 * 1024,
            request: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            ending: Duration::from_secs(10),
            wrong_tokens: 20,
            token: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// A way in that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WayFault {
    /// The address is not on loopback.
    #[error("the API does not listen on `{address}`: others than this machine could reach it, unencrypted")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another front end answers there.
    #[error("another front end listens on `{}`", path.display())]
    Answered {
        /// The socket.
        path: PathBuf,
    },
    /// Others could put a socket of theirs in the place of ours.
    #[error("the folder of `{}` can be written by everybody", path.display())]
    OpenFolder {
        /// The socket.
        path: PathBuf,
    },
    /// The path is longer than the system allows for sockets.
    #[error("the path of the socket is too long: `{}`", path.display())]
    TooLong {
        /// The socket.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot {doing} the socket `{}`", path.display())]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Remedy for WayFault {
    fn remedy(&self) -> Option<String> {
        match self {
            WayFault::NotLoopback { address } => Some(format!(
                "give `127.0.0.1:{}`; for other machines, put a web server with TLS before it",
                address.port()
            )),
            WayFault::Listen { address, source } if source.kind() == io::ErrorKind::AddrInUse => Some(format!(
                "end what listens there (`ss -ltnp 'sport = :{}'` shows it), or give another port",
                address.port()
            )),
            WayFault::Answered { .. } => Some("end that one first; two front ends of one home need two homes".into()),
            WayFault::OpenFolder { path } => {
                path.parent().map(|folder| format!("take that right away: `chmod o-w {}`", folder.display()))
            }
            WayFault::TooLong { .. } => {
                Some("a socket's path has at most 107 bytes: give the home a shorter one".into())
            }
            WayFault::Listen { .. } | WayFault::Socket { .. } => None,
        }
    }
}

/// The API, listening.
pub struct Server {
    api: Arc<Api>,
    router: Router,
    pages: Option<(Arc<Panel>, Router)>,
    tcp: Option<TcpListener>,
    socket: Option<(UnixListener, SocketWay)>,
    address: Option<SocketAddr>,
    limits: Limits,
    ending: watch::Sender<bool>,
}

impl Server {
    /// Opens the ways in; nobody is answered before [`Server::serve`].
    pub async fn bind(
        front: Arc<dyn Front>,
        outside: Arc<dyn Outside>,
        ways: Ways,
        limits: Limits,
    ) -> Result<Server, WayFault> {
        let tcp = match ways.tcp {
            None => None,
            Some(address) if !address.ip().is_loopback() => return Err(WayFault::NotLoopback { address }),
            Some(address) => {
                Some(TcpListener::bind(address).await.map_err(|source| WayFault::Listen { address, source })?)
            }
        };
        let address = tcp.as_ref().and_then(|listener| listener.local_addr().ok());
        let socket = match ways.socket {
            None => None,
            Some(way) => Some((socket::listen(&way)?, way)),
        };
        let (ending, told) = watch::channel(false);
        let api = Arc::new(Api::new(front, outside, limits, told));
        let router = api.clone().router();
        let pages = ways.panel.map(|PanelWay { people, host }| {
            let panel = Arc::new(Panel::new(api.clone(), people, host));
            (panel.clone(), panel::router(panel))
        });
        Ok(Server { api, router, pages, tcp, socket, address, limits, ending })
    }

    /// The address on loopback, with the port that was had.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Answers until `until` ends; then takes no more, finishes what was begun within a bound, and ends
    /// event streams with a last event.
    pub async fn serve(self, until: impl Future<Output = ()>) {
        let Server { api, router, pages, tcp, socket, limits, ending, .. } = self;
        // Room of its own for each way in: whoever fills the port keeps nobody from the socket.
        let rooms = [(); 2].map(|()| Arc::new(Semaphore::new(limits.connections)));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut until = std::pin::pin!(until);
        loop {
            let (permit, accepted) = tokio::select! {
                () = &mut until => break,
                accepted = with_room(&rooms[0], accept_tcp(tcp.as_ref())) => accepted,
                accepted = with_room(&rooms[1], accept_socket(socket.as_ref())) => accepted,
            };
            while connections.try_join_next().is_some() {}
            let (stream, by) = match accepted {
                Ok(accepted) => accepted,
                Err(fault) => {
                    // Out of descriptors, most likely: connections that end give some back.
                    api.outside.tell(&format!("a connection could not be taken: {fault}"));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (api, router, pages) = (api.clone(), router.clone(), pages.clone());
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (api, router, pages) = (api.clone(), router.clone(), pages.clone());
                async move {
                    let request = request.map(Body::new);
                    let response = match &pages {
                        Some((panel, pages)) if panel::is_for(by, request.uri().path()) => {
                            panel::answer(panel, pages, request).await
                        }
                        _ => api::answer(&api, &router, by, request).await,
                    };
                    Ok::<_, Infallible>(response)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.request)
                .max_buf_size(64 * 1024)
                .serve_connection(TokioIo::new(Explained::new(stream)), service);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // What the other side did to its connection is its own affair.
                let _ = connection.await;
                drop(permit);
            });
        }
        drop(tcp);
        if let Some((_, way)) = &socket {
            let _ = std::fs::remove_file(&way.path);
        }
        drop(socket);
        // Nobody listens: fine, then nobody is told.
        let _ = ending.send(true);
        let finishing = async {
            graceful.shutdown().await;
            let _ = api.changes.acquire_many(api::MOST_CHANGES).await;
        };
        if tokio::time::timeout(limits.ending, finishing).await.is_err() {
            connections.abort_all();
        }
    }
}

/// A connection of either sort.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Accepted = io::Result<(Box<dyn Stream>, CameBy)>;

/// Takes a connection once there is room for it.
async fn with_room(
    room: &Arc<Semaphore>,
    accept: impl Future<Output = Accepted>,
) -> (Option<OwnedSemaphorePermit>, Accepted) {
    // It is never closed, so it always comes.
    let permit = room.clone().acquire_owned().await.ok();
    (permit, accept.await)
}

async fn accept_tcp(listener: Option<&TcpListener>) -> Accepted {
    let Some(listener) = listener else { return std::future::pending().await };
    let (stream, _) = listener.accept().await?;
    // Events are small, and somebody waits for each.
    stream.set_nodelay(true)?;
    Ok((Box::new(stream), CameBy::Loopback))
}

async fn accept_socket(socket: Option<&(UnixListener, SocketWay)>) -> Accepted {
    let Some((listener, way)) = socket else { return std::future::pending().await };
    let (stream, _) = listener.accept().await?;
    let uid = stream.peer_cred()?.uid();
    Ok((Box::new(stream), CameBy::Socket { uid, let_in: uid == 0 || uid == way.owner.0 }))
}
