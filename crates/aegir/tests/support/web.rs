//! A browser: pages by name from the private stack's nginx, and a login with its cookie.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer of the web server.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Page {
    /// The first header of this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The text of `<title>`, entities read.
    pub fn title(&self) -> String {
        let from = self.body.find("<title>").map_or(self.body.len(), |at| at + "<title>".len());
        let rest = &self.body[from..];
        let title = rest.split("</title>").next().unwrap_or_default();
        title.replace("&amp;", "&").replace("&#039;", "'").replace("&quot;", "\"")
    }

    fn cookies(&self) -> Vec<&str> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.filter_map(|(_, value)| value.split(';').next()).collect()
    }
}

/// Asks for `path` of the site `host`; `cookie` is sent if there is one.
pub fn get(at: SocketAddr, host: &str, path: &str, cookie: &str) -> Page {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}:{}\r\nConnection: close\r\n{cookie}\r\n", at.port()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Page { status, headers, body: body.to_owned() }
}

/// Follows a one-time login link as a browser does, and gives the page that the account then sees.
pub fn log_in(at: SocketAddr, link: &str) -> Page {
    let (host, path) = link.trim().strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
    let host = host.split(':').next().unwrap();
    let first = get(at, host, &format!("/{path}"), "");
    assert!(matches!(first.status, 200 | 302 | 303), "the link answers {}:\n{}", first.status, first.body);
    // The page asks to be sure, so that a mail reader that looks ahead does not use the link up.
    let mut page = match first.status {
        200 => get(at, host, &format!("/{path}/login"), &first.cookies().join("; ")),
        _ => first,
    };
    let mut cookie = String::new();
    for _ in 0..5 {
        if !page.cookies().is_empty() {
            cookie = page.cookies().join("; ");
        }
        let Some(next) = page.header("location").filter(|_| matches!(page.status, 302 | 303)) else { break };
        let next = match next.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
            Some((_, path)) => format!("/{path}"),
            None => next.to_owned(),
        };
        page = get(at, host, &next, &cookie);
    }
    assert!(cookie.contains("SESS"), "no session began:\n{:?}", page.headers);
    page
}
