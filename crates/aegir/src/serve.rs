//! `serve`: the front end of a home. It starts tasks, remembers what becomes of them, and answers on its
//! socket, until it is told to stop; what runs then goes on, and the next one attaches to it.

pub(crate) mod copies;
mod house;
mod task_types;

use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use aegir_domain::{Home, HostName, Remedy};
use aegir_host::ProcessName;
use aegir_hosting::{Dispatcher, Front, Hosting, ask_bulk_runs, do_chores};
use aegir_web::{Limits, PanelWay, Server, SocketWay, Ways};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

pub(crate) use house::{BeforeUpgrade, House, Places, Working, copies, open_store};

use crate::args::text;
use crate::compose::Given;
use crate::failure::Failure;
use crate::owner;
use crate::speak::out;

/// The front end: the queue of tasks, what is remembered of everything, the panel and the API
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// An address on loopback where the panel answers, and the API for bearers of tokens: `127.0.0.1:8088`
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = on_loopback)]
    panel: Option<SocketAddr>,
    /// The name by which a web server with https leads others to the panel: it must say `X-Forwarded-Proto: https`, and
    /// hand on the name that was asked for
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>, requires = "panel")]
    panel_host: Option<HostName>,
    /// The same address, by its older name
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = on_loopback, conflicts_with = "panel")]
    api: Option<SocketAddr>,
    /// Ends when its standard input does
    #[arg(long, hide = true)]
    while_read: bool,
}

/// An address and port of this machine alone.
pub(crate) fn on_loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err(
            "panel and API answer on loopback alone, for that is not encrypted; put a web server with https before it"
                .into(),
        ),
        Err(_) => Err("write an address of this machine and a port, as in `127.0.0.1:8088`".into()),
    }
}

/// Serves until it is told to stop.
pub(crate) fn run(given: &Given, args: &ServeArgs) -> Result<u8, Failure> {
    let path = given.home();
    owner::check(&path, &given.words)?;
    listen_to_traces();
    let runtime = runtime()?;
    runtime.block_on(serve(Home::new(path), args))?;
    Ok(0)
}

/// A runtime of tokio for a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, ServeFault> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|source| ServeFault::Runtime { source })
}

/// What developers read goes to standard error.
pub(crate) fn listen_to_traces() {
    let traces = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let _ = traces.with_max_level(tracing::Level::INFO).try_init();
}

async fn serve(home: Home, args: &ServeArgs) -> Result<(), Failure> {
    let House { hosting, home } = House::open(home).await?;
    let front: Arc<dyn Front> = Arc::new(hosting.clone());
    let tcp = args.panel.or(args.api);
    let host = args.panel_host.as_ref().map(HostName::to_string);
    let panel = tcp.map(|_| PanelWay { people: Arc::new(hosting.clone()), host });
    let ways = Ways { socket: Some(socket_way(&home)?), tcp, panel };
    let server = Server::bind(front, Arc::new(house::Machine), ways, Limits::default()).await?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(Dispatcher::new(hosting.clone(), holder()).with_cron().run(stopped.clone()));
    tasks.spawn(do_chores(hosting.clone(), stopped.clone()));
    tasks.spawn(ask_bulk_runs(hosting.clone(), stopped.clone()));
    tasks.spawn(copies::make_copies(hosting.clone(), house::copies(&home), stopped.clone()));
    match server.address() {
        Some(address) => {
            // Said before anybody is answered: links are told with it.
            if let Some(host) = &args.panel_host {
                hosting.panel_is_behind(host);
            }
            hosting.panel_is_at(address);
            out(&format!("The front end answers on its socket, and on http://{address}/: the panel, and /api/v1."));
        }
        None => out("The front end answers on its socket."),
    }
    let read = args.while_read.then(|| read_to_end(hosting.clone()));
    server.serve(told_to_stop(read)).await;
    let _ = stop.send(true);
    while tasks.join_next().await.is_some() {}
    hosting.store().close().await;
    Ok(())
}

/// Told when standard input ends; whatever is written there says that something was done by hand. In a thread of its own,
/// which the end of the process ends.
fn read_to_end(hosting: Hosting) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 64];
        loop {
            match std::io::stdin().lock().read(&mut bytes) {
                Ok(1..) => hosting.look_soon(),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
                Ok(0) | Err(_) => break,
            }
        }
        let _ = tell.send(());
    });
    told
}

/// Waits for SIGTERM, Ctrl-C, or the end of what is read.
pub(crate) async fn told_to_stop(read: Option<oneshot::Receiver<()>>) {
    let read = async {
        match read {
            Some(read) => drop(read.await),
            None => std::future::pending().await,
        }
    };
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => (),
        _ = int.recv() => (),
        () = read => (),
    }
}

/// The name of this control node, for leases: that of its process, so that others of this machine know when it is gone.
pub(crate) fn holder() -> String {
    match ProcessName::of_this() {
        Ok(process) => process.to_string(),
        // Nobody can tell when this one is gone: its leases end by the clock.
        Err(_) => format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), std::process::id()),
    }
}

/// Whether a front end answers on the socket of a home.
pub(crate) fn answers(home: &Home) -> bool {
    let run = std::fs::read_link(home.run()).unwrap_or_else(|_| home.run());
    std::os::unix::net::UnixStream::connect(run.join("aegir.sock")).is_ok()
}

/// The socket in the home; `run` can be a link to a shorter path, as addresses of sockets need it.
fn socket_way(home: &Home) -> Result<SocketWay, ServeFault> {
    let fault = |path: PathBuf| move |source| ServeFault::Run { path, source };
    let run = std::fs::read_link(home.run()).unwrap_or_else(|_| home.run());
    if !run.is_dir() {
        let files = aegir_host::Files::new(vec![home.path().to_owned()]);
        files.make_dirs(&run, 0o750).map_err(|fault| ServeFault::MakeRun { source: fault })?;
    }
    let owner = std::fs::metadata(home.path()).map_err(fault(home.path().to_owned()))?;
    Ok(SocketWay { path: run.join("aegir.sock"), owner: (owner.uid(), owner.gid()) })
}

/// Why the front end cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeFault {
    #[error("cannot start threads for the front end")]
    Runtime { source: std::io::Error },
    #[error("cannot look at `{}`", path.display())]
    Run { path: PathBuf, source: std::io::Error },
    #[error("cannot make the folder of the socket")]
    MakeRun { source: aegir_host::FileFault },
}

impl Remedy for ServeFault {
    fn remedy(&self) -> Option<String> {
        match self {
            ServeFault::MakeRun { source } => source.remedy(),
            ServeFault::Runtime { .. } | ServeFault::Run { .. } => None,
        }
    }
}
