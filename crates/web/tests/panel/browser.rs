//! The panel on a port of loopback, and somebody who looks at its pages.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aegir_hosting::{Call, OperationId};
use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, PanelWay, Server, Ways};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::gate::{ADMIN, Gate};
use crate::machine::Machine;

/// A site on the first platform.
pub fn add_site(name: &str) -> Call {
    Call::of(OperationId::SiteAdd).about(name).with("platform", "d10")
}

/// The panel, and a browser that is signed in.
pub struct Browser {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
    _home: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Browser {
    /// With a front end that is furnished so.
    pub fn with(begin: impl AsyncFnOnce(&PretendFront) + Send + 'static) -> Browser {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_owned();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let serving = std::thread::spawn(move || {
            runtime.block_on(async {
                let front = PretendFront::in_folder(&folder).await;
                begin(&front).await;
                let panel = Some(PanelWay { people: Arc::new(Gate::default()), host: None });
                let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], 0).into()), panel };
                let machine = Arc::new(Machine::of(&front));
                let hosting = Arc::new(front.hosting.clone());
                let server = Server::bind(hosting, machine, ways, Limits::default()).await.unwrap();
                tell.send(server.address().unwrap()).unwrap();
                server.serve(async { drop(stopped.await) }).await;
            });
        });
        Browser { address: told.recv().unwrap(), stop: Some(stop), serving: Some(serving), _home: home }
    }

    /// Opens a page as somebody who may everything.
    pub fn open(&self, path: &str) -> Page {
        self.open_as(ADMIN, path)
    }

    /// Opens a page with this session.
    pub fn open_as(&self, session: &str, path: &str) -> Page {
        let host = format!("localhost:{}", self.address.port());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: __Host-aegir={session}\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Page { status, headers: headers.to_owned(), body: body.to_owned() }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(serving) = self.serving.take() {
            let ended = serving.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the panel broke");
        }
    }
}

impl Page {
    /// Where it leads on to.
    pub fn leads_to(&self) -> &str {
        let location = self.headers.lines().find_map(|line| line.strip_prefix("location: "));
        location.unwrap_or_else(|| panic!("{} leads nowhere", self.status))
    }

    /// What is read on the page, without its elements; what is around it left out.
    pub fn text(&self) -> String {
        let main = self.body.find("<main").map_or("", |begin| &self.body[begin..]);
        text_of(&main[..main.find("</main>").unwrap_or(main.len())])
    }

    /// The cells of the rows of the table of this label, each as it is read.
    pub fn rows(&self, label: &str) -> Vec<Vec<String>> {
        let Some(table) = self.body.find(&format!("aria-label=\"{label}\"")) else { return Vec::new() };
        let table = &self.body[table..];
        let body = between(table, "<tbody>", "</tbody>");
        let rows = body.split("<tr").skip(1);
        // The box that a row is ticked by says nothing.
        let told = |cell: &&str| !cell.starts_with(" class=\"pick\"");
        let cells =
            |row: &str| row.split("<td").skip(1).filter(told).map(|cell| text_of(&format!("<td{cell}"))).collect();
        rows.map(cells).collect()
    }

    /// Where the link of this text leads.
    pub fn link(&self, text: &str) -> Option<String> {
        self.body.split("<a ").skip(1).find_map(|link| {
            let inside = text_of(&format!("<a {}", link.split("</a>").next()?));
            (inside == text).then(|| unescaped(between(link, "href=\"", "\"")))
        })
    }

    /// The value of the field of this name.
    pub fn field(&self, name: &str) -> Option<String> {
        let field = self.body.split("<input").skip(1).find(|field| field.contains(&format!("name=\"{name}\"")))?;
        Some(unescaped(between(field, "value=\"", "\"")))
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let Some(at) = text.find(begin) else { return "" };
    let rest = &text[at + begin.len()..];
    &rest[..rest.find(end).unwrap_or(rest.len())]
}

/// What is read of a piece of HTML, its spaces made one.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<').skip(1) {
        text.push(' ');
        text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
    }
    let words: Vec<_> = text.split_whitespace().collect();
    unescaped(&words.join(" "))
}

fn unescaped(text: &str) -> String {
    ["&#60;<", "&#62;>", "&#34;\"", "&#39;'", "&lt;<", "&gt;>", "&quot;\"", "&#38;&", "&amp;&"]
        .iter()
        .fold(text.to_owned(), |text, pair| text.replace(&pair[..pair.len() - 1], &pair[pair.len() - 1..]))
}
