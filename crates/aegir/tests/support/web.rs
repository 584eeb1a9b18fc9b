//! A browser: pages by name from the private stack's web server, and a login with its cookie.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer of the web server.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The body as it came.
    pub bytes: Vec<u8>,
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
}

/// Asks for `path` of the site `host`.
pub fn get(at: SocketAddr, host: &str, path: &str) -> Page {
    ask(at, host, &format!("GET {path} HTTP/1.0\r\n"), "", "")
}

/// The same as somebody who has these cookies.
pub fn get_with(at: SocketAddr, host: &str, path: &str, cookie: &str) -> Page {
    ask(at, host, &format!("GET {path} HTTP/1.0\r\n"), cookie, "")
}

const FORM: &str = "application/x-www-form-urlencoded";

fn ask(at: SocketAddr, host: &str, request: &str, cookie: &str, body: &str) -> Page {
    send(at, host, request, cookie, FORM, body.as_bytes())
}

fn send(at: SocketAddr, host: &str, request: &str, cookie: &str, kind: &str, body: &[u8]) -> Page {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut head = format!("{request}Host: {host}:{}\r\nConnection: close\r\n", at.port());
    if !cookie.is_empty() {
        head += &format!("Cookie: {cookie}\r\n");
    }
    if request.starts_with("POST") {
        head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    }
    write!(stream, "{head}\r\n").unwrap();
    // A server that has read enough may answer and close before it has all.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Page { status, headers, body: String::from_utf8_lossy(&body).into_owned(), bytes: body }
}

/// A browser on one site, with its cookies.
pub struct Browser<'a> {
    at: SocketAddr,
    host: &'a str,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn new(at: SocketAddr, link: &str) -> Browser<'_> {
        let host = link.trim().strip_prefix("http://").and_then(|rest| rest.split([':', '/']).next()).unwrap();
        Browser { at, host, cookies: BTreeMap::new() }
    }

    /// Goes to `path`, and on to where that leads.
    pub fn visit(&mut self, path: &str) -> Page {
        self.go(&format!("GET {path} HTTP/1.0\r\n"), "")
    }

    /// Sends the form of `page` whose action holds `action`, filled in as it is, with `file` in its first field
    /// for a file, by its own button.
    pub fn upload(&mut self, page: &Page, action: &str, file: (&str, &[u8])) -> Page {
        let mut forms = page.body.split("<form").skip(1);
        let form = forms.find(|form| attribute(form, "action").contains(action)).expect("the form");
        let form = form.split("</form>").next().unwrap();
        let (boundary, mut body) = ("----a-boundary-of-ours", Vec::new());
        let mut part = |head: String, bytes: &[u8]| {
            body.extend(format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        };
        for (name, value) in filled(form) {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
        let field = form.split("<input").find(|input| attribute(input, "type") == "file").expect("a field for a file");
        let name = attribute(field, "name");
        part(format!("name=\"{name}\"; filename=\"{}\"\r\nContent-Type: image/png", file.0), file.1);
        body.extend(format!("--{boundary}--\r\n").bytes());
        let request = format!("POST {} HTTP/1.0\r\n", path_of(&plain(&attribute(form, "action"))));
        let kind = format!("multipart/form-data; boundary={boundary}");
        let page = self.sent(&request, &kind, &body);
        self.on(page)
    }

    fn go(&mut self, request: &str, body: &str) -> Page {
        let page = self.once(request, body);
        self.on(page)
    }

    /// Follows where a page leads.
    fn on(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            let Some(next) = page.header("location").filter(|_| matches!(page.status, 302 | 303)) else { break };
            let path = path_of(next);
            page = self.once(&format!("GET {path} HTTP/1.0\r\n"), "");
        }
        page
    }

    fn once(&mut self, request: &str, body: &str) -> Page {
        self.sent(request, FORM, body.as_bytes())
    }

    fn sent(&mut self, request: &str, kind: &str, body: &[u8]) -> Page {
        let cookie: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let page = send(self.at, self.host, request, &cookie.join("; "), kind, body);
        for cookie in page.headers.iter().filter(|(name, _)| name == "set-cookie") {
            if let Some((name, value)) = cookie.1.split(';').next().and_then(|cookie| cookie.split_once('=')) {
                self.cookies.insert(name.into(), value.into());
            }
        }
        page
    }
}

/// What an address, or one of this server's, has behind the server's name.
pub fn path_of(address: &str) -> String {
    match address.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
        Some((_, path)) => format!("/{path}"),
        None => address.to_owned(),
    }
}

/// Whether a one-time login link leads nowhere any more, for somebody who has no session.
pub fn is_used(at: SocketAddr, link: &str) -> bool {
    let mut browser = Browser::new(at, link);
    let page = browser.go(&format!("GET {} HTTP/1.0\r\n", path_of(link.trim())), "");
    !page.body.split("<form").skip(1).any(|form| attribute(form, "action").contains("/login"))
}

/// Follows a one-time login link as a person in a browser does, and gives the page that the account then sees.
pub fn log_in(at: SocketAddr, link: &str) -> Page {
    log_in_and_stay(at, link).1
}

/// The same, and the browser that is logged in.
pub fn log_in_and_stay(at: SocketAddr, link: &str) -> (Browser<'_>, Page) {
    let mut browser = Browser::new(at, link);
    let page = browser.go(&format!("GET {} HTTP/1.0\r\n", path_of(link.trim())), "");
    assert_eq!(page.status, 200, "the link answers:\n{}", page.body);
    // The page asks to be sure, so that a mail reader that looks ahead does not use the link up.
    let mut forms = page.body.split("<form").skip(1);
    let form = forms.find(|form| attribute(form, "action").contains("user/reset")).expect("a form to log in with");
    let action = path_of(&attribute(form, "action").replace("&amp;", "&"));
    let inputs = form.split("</form>").next().unwrap().split("<input").skip(1);
    let fields: Vec<String> = inputs
        .filter(|input| input.contains("name=\""))
        .map(|input| format!("{}={}", encoded(&attribute(input, "name")), encoded(&attribute(input, "value"))))
        .collect();
    let page = browser.go(&format!("POST {action} HTTP/1.0\r\n"), &fields.join("&"));
    assert!(browser.cookies.keys().any(|name| name.contains("SESS")), "no session began:\n{:?}", page.headers);
    (browser, page)
}

/// What a form holds as it stands, and its own button.
fn filled(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut pressed = false;
    for input in form.split("<input").skip(1).map(|input| input.split('>').next().unwrap_or_default()) {
        let (name, value) = (attribute(input, "name"), plain(&attribute(input, "value")));
        let kind = attribute(input, "type");
        let counts = match kind.as_str() {
            "file" | "image" | "button" | "reset" => false,
            "checkbox" | "radio" => input.contains("checked"),
            "submit" => attribute(input, "id").starts_with("edit-submit") && !std::mem::replace(&mut pressed, true),
            _ => true,
        };
        if counts && !name.is_empty() && !input.contains("disabled=") {
            fields.push((name, value));
        }
    }
    for select in form.split("<select").skip(1).map(|select| select.split("</select>").next().unwrap_or_default()) {
        let chosen = select.split("<option").skip(1).find(|option| option.contains("selected"));
        if let Some(option) = chosen {
            fields.push((attribute(select, "name"), plain(&attribute(option, "value"))));
        }
    }
    for area in form.split("<textarea").skip(1) {
        let text = area.split_once('>').and_then(|(_, rest)| rest.split("</textarea>").next());
        fields.push((attribute(area, "name"), plain(text.unwrap_or_default())));
    }
    fields
}

/// Text of HTML as it is meant.
pub fn plain(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&#039;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The value of an attribute of a tag; without one, nothing.
pub fn attribute(tag: &str, name: &str) -> String {
    let rest = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
