//! A server of translations on loopback, as Drupal 8 and later ask one.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use super::Lab;

/// A translation server: it has French, if it is given a text, and says what it was asked for.
pub fn translation_server(french: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).unwrap_or(0);
            let text = String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned();
            let has = !french.is_empty() && (text.contains(".fr.po ") || text.contains(" / "));
            let (status, body) = if has { ("200 OK", french) } else { ("404 Not Found", "") };
            let body = if text.starts_with("HEAD") { "" } else { body };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            heard.lock().unwrap().push(text);
        }
    });
    (at, asked)
}

/// Makes it the place where translations are fetched.
pub fn fetch_from(lab: &Lab, at: &str) {
    let folder = lab.home().join("hostmaster");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("aegir.toml"),
        format!("translation_server = 'http://{at}/%core/%project-%version.%language.po'\n"),
    )
    .unwrap();
    lab.give(&folder);
}
