//! The panel on a real port, with the real front end behind it, whose machines pretend; and a browser that does what it
//! is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aegir_hosting::People;
use aegir_lab::pretend::PretendFront;
use aegir_web::{Limits, PanelWay, Server, Ways};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::gate::{ADMIN, Gate};
use crate::machine::Machine;

/// The panel.
pub struct Stage {
    pub front: PretendFront,
    pub address: SocketAddr,
    runtime: tokio::runtime::Handle,
    _home: TempDir,
    stop: Option<oneshot::Sender<()>>,
    _serving: JoinHandle<()>,
}

/// What a browser was answered.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    /// Where it leads, if elsewhere.
    pub location: String,
    pub head: String,
    pub html: String,
}

impl Stage {
    /// With one site in service: `web1`, `d10` and `a.test`.
    pub fn new() -> Stage {
        Stage::with(async |front| front.first_site().await)
    }

    /// With what `begin` makes.
    pub fn with(begin: impl AsyncFnOnce(&PretendFront)) -> Stage {
        Stage::with_people(begin, |_| Arc::new(Gate::default()))
    }

    /// The same, where people come by accounts of the front end.
    pub fn with_accounts(begin: impl AsyncFnOnce(&PretendFront)) -> Stage {
        Stage::with_people(begin, |front| Arc::new(front.hosting.clone()))
    }

    fn with_people(
        begin: impl AsyncFnOnce(&PretendFront),
        people: impl FnOnce(&PretendFront) -> Arc<dyn People>,
    ) -> Stage {
        let home = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let front = runtime.block_on(PretendFront::in_folder(home.path()));
        runtime.block_on(begin(&front));
        let panel = Some(PanelWay { people: people(&front), host: None });
        let ways = Ways { socket: None, tcp: Some(([127, 0, 0, 1], 0).into()), panel };
        let outside = Arc::new(Machine::of(&front));
        let server = Server::bind(Arc::new(front.hosting.clone()), outside, ways, Limits::default());
        let server = runtime.block_on(server).unwrap();
        let address = server.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = std::thread::spawn(move || runtime.block_on(server.serve(async { drop(stopped.await) })));
        Stage { front, address, runtime: handle, _home: home, stop: Some(stop), _serving: serving }
    }

    /// Has something be done by the front end, beside the panel.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Has all that waits carried out.
    pub fn work(&self) {
        self.run(self.front.work());
    }

    /// Has what waits carried out from now on, as a front end that runs does, until the stage goes.
    pub fn keeps_working(&self) -> tokio::sync::watch::Sender<bool> {
        let (stop, told) = tokio::sync::watch::channel(false);
        let front = self.front.clone();
        self.runtime.spawn(async move { front.work_until(told).await });
        stop
    }

    /// Opens an address as the administrator.
    pub fn get(&self, path: &str) -> Page {
        self.send("GET", path, ADMIN, "")
    }

    /// Opens the form at `path`, fills in what is given, and sends it.
    pub fn fill(&self, path: &str, given: &[(&str, &str)]) -> Page {
        let form = self.get(path);
        assert_eq!(form.status, 200, "{path}: {}", form.text());
        self.post(path, &form.filled(given))
    }

    /// Sends a form, as it is.
    pub fn post(&self, path: &str, fields: &[(String, String)]) -> Page {
        self.send("POST", path, ADMIN, &encoded(fields))
    }

    /// Sends a request of a session.
    pub fn send(&self, method: &str, path: &str, session: &str, form: &str) -> Page {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        let host = format!("localhost:{}", self.address.port());
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Cookie: __Host-aegir={session}\r\n"
        );
        if method == "POST" {
            request += &format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            );
        } else {
            request += "\r\n";
        }
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, html) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let location = head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default().to_owned();
        Page { status, location, head: head.to_owned(), html: html.to_owned() }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

/// Fields as a browser sends them.
pub fn encoded(fields: &[(String, String)]) -> String {
    let part = |text: &str| -> String {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect()
    };
    fields.iter().map(|(name, value)| format!("{}={}", part(name), part(value))).collect::<Vec<_>>().join("&")
}

impl Page {
    /// What is between two marks of the page.
    pub fn between<'a>(&'a self, from: &str, to: &str) -> Option<&'a str> {
        let rest = &self.html[self.html.find(from)? + from.len()..];
        rest.find(to).map(|end| &rest[..end])
    }

    /// What a person reads, without the markup.
    pub fn text(&self) -> String {
        let main = self.between("<main", "</main>").unwrap_or(&self.html);
        let mut text = String::new();
        for piece in main.split('<') {
            let (_, said) = piece.split_once('>').unwrap_or(("", ""));
            text += said;
            text.push(' ');
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        unescaped(&text)
    }

    /// The fields of the form that fills the page, with what stands in them, as a browser would send them.
    pub fn fields(&self) -> Vec<(String, String)> {
        let main = self.between("<main", "</main>").unwrap_or_default();
        let form = &main[main.find("<form").expect("a form")..];
        let form = &form[..form.find("</form>").unwrap()];
        let mut fields = Vec::new();
        let mut select = String::new();
        for piece in form.split('<').skip(1) {
            let (tag, said) = piece.split_once('>').unwrap_or((piece, ""));
            let value = || attribute(tag, "value").unwrap_or_default();
            match tag.split(' ').next().unwrap_or_default() {
                "input" => {
                    let kind = attribute(tag, "type").unwrap_or_default();
                    let is_sent = !matches!(kind.as_str(), "checkbox" | "radio") || tag.contains(" checked");
                    if let Some(name) = attribute(tag, "name").filter(|_| is_sent) {
                        fields.push((name, value()));
                    }
                }
                "textarea" => {
                    let said = said.strip_prefix('\n').unwrap_or(said);
                    fields.push((attribute(tag, "name").unwrap(), unescaped(said)));
                }
                "select" => select = attribute(tag, "name").unwrap(),
                "option" if tag.contains(" selected") => fields.push((select.clone(), value())),
                _ => (),
            }
        }
        fields
    }

    /// The same, with other values in some.
    pub fn filled(&self, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields();
        fields.retain(|(name, _)| !given.iter().any(|(other, _)| other == name));
        fields.extend(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    }

    /// What stands in a field.
    pub fn value(&self, name: &str) -> String {
        let fields = self.fields();
        fields.into_iter().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no field `{name}`")).1
    }

    /// What is said to be wrong with a field; it must be tied to it, so that it is also heard.
    pub fn error(&self, name: &str) -> Option<String> {
        let said = self.between(&format!("id=\"{name}-error\">"), "</p>")?;
        let tied = self.html.contains(&format!("aria-describedby=\"{name}-error"));
        assert!(tied, "what is wrong with `{name}` is not tied to it");
        assert!(self.html.contains(&format!("href=\"#{name}\"")), "the summary does not lead to `{name}`");
        let said = said.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, said)| said).collect::<String>();
        Some(unescaped(&said))
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = &tag[tag.find(&format!(" {name}=\""))? + name.len() + 3..];
    Some(unescaped(&rest[..rest.find('"')?]))
}

fn unescaped(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
