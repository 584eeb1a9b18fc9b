//! A panel on a port, with somebody who is signed in, and what they ask it.

use std::net::SocketAddr;
use std::sync::Arc;

use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, PanelWay, Server, Ways};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::machine::Machine;

/// A panel that is served, and a session.
pub struct Panel {
    /// `http://localhost:PORT`.
    pub origin: String,
    pub address: SocketAddr,
    /// The secret of the session.
    pub secret: String,
}

impl Panel {
    /// Over a front end, with a new account of this name that is signed in.
    pub async fn over(front: PretendFront, account: &str) -> Panel {
        let secret = front.signed_in(account).await.secret.expose().to_owned();
        let panel = Some(PanelWay { people: Arc::new(front.hosting.clone()), host: None });
        let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], 0).into()), panel };
        let machine = Arc::new(Machine::of(&front));
        let server = Server::bind(Arc::new(front.hosting.clone()), machine, ways, Limits::default()).await.unwrap();
        let address = server.address().unwrap();
        tokio::spawn(server.serve(std::future::pending()));
        Panel { origin: format!("http://localhost:{}", address.port()), address, secret }
    }
}

/// What a browser with this session sends.
pub fn request(path: &str, secret: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-aegir={secret}\r\nAccept-Encoding: gzip\r\n\
         Connection: close\r\n\r\n"
    )
}

/// Asks for a page over a connection of its own: its status, and its text.
pub async fn ask(address: SocketAddr, secret: &str, path: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request(path, secret).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer)
}
