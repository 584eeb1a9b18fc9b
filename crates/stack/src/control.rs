//! The socket on which the back end asks for what only the parent of the services can do.
//!
//! The masters of web server and php-fpm may be root's while the back end is not, so it cannot signal
//! them. One line in, one line out: `status`, `reload nginx` or `apache`, `reload php-fpm` → `ok`, `ok …` or
//! `error …`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use crate::fault::StackFault;
use crate::files;
use crate::places::Places;
use crate::service::Service;

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Status,
    Reload(Service),
}

impl Asked {
    fn read(line: &str) -> Result<Asked, String> {
        match line.trim_end() {
            "status" => Ok(Asked::Status),
            "reload nginx" => Ok(Asked::Reload(Service::Nginx)),
            "reload apache" => Ok(Asked::Reload(Service::Apache)),
            "reload php-fpm" => Ok(Asked::Reload(Service::PhpFpm)),
            other => Err(format!(
                "there is no request `{other}` (there are: status, reload nginx, reload apache, reload php-fpm)"
            )),
        }
    }
}

/// The socket, and who may use it.
#[derive(Debug)]
pub(crate) struct Control {
    listener: UnixListener,
    allowed: Vec<u32>,
}

impl Control {
    pub(crate) fn listen(places: &Places) -> Result<Control, StackFault> {
        let path = places.control_socket();
        let fault = |source| StackFault::File { doing: "listen on", path: path.clone(), source };
        files::remove(&path)?;
        let listener = UnixListener::bind(&path).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let owner = places.private_owner();
        files::socket(&path, owner, 0o660)?;
        let mut allowed = vec![0, rustix::process::geteuid().as_raw()];
        allowed.extend(owner.map(|(uid, _)| uid));
        Ok(Control { listener, allowed })
    }

    /// For `poll`.
    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Answers all who wait.
    pub(crate) fn answer(&self, mut answer: impl FnMut(Asked) -> Result<String, String>) {
        while let Ok((stream, _)) = self.listener.accept() {
            // Whoever goes away before the answer does not concern the others.
            let _ = self.converse(stream, &mut answer);
        }
    }

    fn converse(
        &self,
        mut stream: UnixStream,
        answer: &mut impl FnMut(Asked) -> Result<String, String>,
    ) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.set_write_timeout(Some(Duration::from_secs(1)))?;
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        // Read in any case: who writes to a closed socket does not get to see the refusal.
        let mut line = String::new();
        BufReader::new((&stream).take(200)).read_line(&mut line)?;
        let said = if self.allowed.contains(&peer.uid.as_raw()) {
            Asked::read(&line).and_then(answer)
        } else {
            Err("only root and the owner of the home may ask".into())
        };
        let text = match said {
            Ok(text) if text.is_empty() => "ok".to_owned(),
            Ok(text) => format!("ok {text}"),
            Err(text) => format!("error {}", text.replace('\n', "; ")),
        };
        writeln!(stream, "{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_is_answered_with_what_can() {
        assert_eq!(Asked::read("reload nginx\n"), Ok(Asked::Reload(Service::Nginx)));
        assert!(Asked::read("reload mariadb\n").unwrap_err().contains("reload php-fpm"));
    }
}
