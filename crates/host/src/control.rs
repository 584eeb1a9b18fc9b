//! Speaks with the private stack: asks it to reload a service.
//!
//! The stack listens on a socket of the home. A line goes out (`reload nginx`, `reload php-fpm`,
//! `status`), a line comes back: `ok …` or `error …`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::Remedy;

/// The services of the machine that a task may have reloaded.
pub trait Services: Send + Sync {
    /// Has `service` (`nginx`, `apache`, `php-fpm`) read its configuration again; returns once it has
    /// been told, and of nginx once no worker with the old configuration takes requests any more. Gives
    /// what was said.
    fn reload(&self, service: &str) -> Result<String, ServiceFault>;

    /// What runs, in the words of whoever runs it.
    fn status(&self) -> Result<String, ServiceFault>;
}

/// Why a service could not be reloaded.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    /// Nobody listens on the socket.
    #[error("cannot ask the private stack to `{asked}`: nothing answers on `{}`", socket.display())]
    NotRunning {
        /// The line that was to be sent.
        asked: String,
        /// The socket.
        socket: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It took the question and gave no answer.
    #[error("the private stack does not answer `{asked}`")]
    NoAnswer {
        /// The line that was sent.
        asked: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It answered that it could not.
    #[error("the private stack cannot `{asked}`: {said}")]
    Refused {
        /// The line that was sent.
        asked: String,
        /// What it said.
        said: String,
    },
}

impl Remedy for ServiceFault {
    fn remedy(&self) -> Option<String> {
        match self {
            ServiceFault::NotRunning { socket, .. } => {
                let home = socket.parent().and_then(Path::parent).unwrap_or(Path::new("/var/aegir"));
                Some(format!("start it with `aegir up --home {}`, then retry", home.display()))
            }
            ServiceFault::NoAnswer { .. } => Some("look into the logs of the private stack, then retry".into()),
            ServiceFault::Refused { .. } => None,
        }
    }
}

/// The private stack behind its control socket.
#[derive(Clone, Debug)]
pub struct ControlSocket {
    socket: PathBuf,
    limit: Duration,
}

impl ControlSocket {
    /// The stack that listens on `socket`; an answer may take as long as `limit`.
    pub fn new(socket: impl Into<PathBuf>, limit: Duration) -> ControlSocket {
        ControlSocket { socket: socket.into(), limit }
    }

    fn ask(&self, line: &str) -> Result<String, ServiceFault> {
        let asked = || line.to_owned();
        let mut stream = UnixStream::connect(&self.socket).map_err(|source| ServiceFault::NotRunning {
            asked: asked(),
            socket: self.socket.clone(),
            source,
        })?;
        let answer =
            self.exchange(&mut stream, line).map_err(|source| ServiceFault::NoAnswer { asked: asked(), source })?;
        if let Some(said) = answer.strip_prefix("ok") {
            return Ok(said.trim().to_owned());
        }
        let said = answer.strip_prefix("error").unwrap_or(&answer).trim().to_owned();
        Err(ServiceFault::Refused { asked: asked(), said })
    }

    fn exchange(&self, stream: &mut UnixStream, line: &str) -> io::Result<String> {
        if line.contains(['\n', '\r']) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a question is one line"));
        }
        stream.set_read_timeout(Some(self.limit))?;
        stream.set_write_timeout(Some(self.limit))?;
        stream.write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream.take(64 * 1024)).read_line(&mut answer)?;
        match answer.strip_suffix('\n') {
            Some(whole) => Ok(whole.to_owned()),
            None => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed before a whole line came"))
            }
        }
    }
}

impl Services for ControlSocket {
    fn reload(&self, service: &str) -> Result<String, ServiceFault> {
        self.ask(&format!("reload {service}"))
    }

    fn status(&self) -> Result<String, ServiceFault> {
        self.ask("status")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    fn answering(with: &'static str) -> (tempfile::TempDir, ControlSocket) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            (&stream).write_all(with.replace("{}", line.trim()).as_bytes()).unwrap();
        });
        (home, ControlSocket::new(path, Duration::from_secs(5)))
    }

    #[test]
    fn a_reload_is_one_line_out_and_one_line_in() {
        let (_home, stack) = answering("ok got {}\n");
        assert_eq!(stack.reload("nginx").unwrap(), "got reload nginx");
    }

    #[test]
    fn what_the_stack_refuses_is_told_in_its_words() {
        let (_home, stack) = answering("error no service is named `nginy`\n");
        let fault = stack.reload("nginy").unwrap_err();
        assert_eq!(fault.to_string(), "the private stack cannot `reload nginy`: no service is named `nginy`");
    }

    #[test]
    fn half_an_answer_is_none() {
        let (_home, stack) = answering("ok");
        assert!(matches!(stack.status(), Err(ServiceFault::NoAnswer { .. })));
    }

    #[test]
    fn a_stack_that_does_not_run_is_started_with_the_line_that_is_told() {
        let stack = ControlSocket::new("/nowhere/run/control.sock", Duration::from_secs(1));
        let fault = stack.reload("nginx").unwrap_err();
        assert_eq!(fault.remedy().unwrap(), "start it with `aegir up --home /nowhere`, then retry");
    }
}
