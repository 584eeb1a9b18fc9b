//! A front end that serves, as a process of its own, asked over HTTP as a program asks it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::{Lab, free_port, until};

/// A running `aegir serve`.
pub struct FrontEnd {
    child: Child,
    api: SocketAddr,
    token: String,
}

impl FrontEnd {
    /// Starts it, and lets us in.
    pub fn start(lab: &Lab) -> FrontEnd {
        let api = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let home = lab.home().display().to_string();
        let mut line = lab.as_user(&["--home", &home, "serve", "--api", &api.to_string()]);
        let child = line.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the front end answers", || TcpStream::connect(api).is_ok());
        let token =
            lab.front(&["token", "add", "bench", "--scope", "view", "--scope", "operate", "--scope", "manage"]).done();
        FrontEnd { child, api, token: token.out.trim().to_owned() }
    }

    /// Asks, and gives the stream behind the head of the answer.
    pub fn ask(&self, method: &str, path: &str) -> BufReader<TcpStream> {
        self.ask_with(method, path, "")
    }

    fn ask_with(&self, method: &str, path: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.api).unwrap();
        stream.set_nodelay(true).unwrap();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!(
            "{method} /api/v1{path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             {kind}Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        if !line.contains(" 200 ") && !line.contains(" 202 ") {
            let mut why = String::new();
            let _ = answer.read_to_string(&mut why);
            panic!("{method} {path}: {line}{why}");
        }
        while line.trim() != "" {
            line.clear();
            answer.read_line(&mut line).unwrap();
        }
        answer
    }

    /// What it answers.
    pub fn json(&self, method: &str, path: &str) -> Value {
        Self::read(method, path, self.ask(method, path))
    }

    /// What it answers, asked with these parameters.
    pub fn post(&self, path: &str, parameters: &Value) -> Value {
        Self::read("POST", path, self.ask_with("POST", path, &parameters.to_string()))
    }

    fn read(method: &str, path: &str, mut answer: BufReader<TcpStream>) -> Value {
        let mut text = String::new();
        answer.read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{method} {path}: {fault}: {text}"))
    }

    /// What it takes now, in MB.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Its number: `setpriv` becomes what it starts.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_raw(self.process().cast_signed()).unwrap(),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}
