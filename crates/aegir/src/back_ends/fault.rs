//! Why contact was lost, whether trying again may help, and the way out.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::protocol::{NotDone, NotDoneCase, VERSION};
use aegir_domain::{FaultReport, Remedy, ServerName, SshAddress, exit_code};
use aegir_host::FileFault;
use aegir_hosting::Lost;

use super::talk::End;

/// Why a conversation came to nothing, or broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkFault {
    #[error("the path of the home is no text in UTF-8")]
    HomeIsNoText,
    #[error("cannot start the program")]
    NotStarted(#[source] io::Error),
    #[error("cannot speak with the program")]
    Pipe(#[source] io::Error),
    #[error("nothing came for {} seconds", limit.as_secs())]
    Silent { limit: Duration },
    /// What the back end itself says.
    #[error("{}", .0.fault.message)]
    NotDone(NotDone),
    #[error("the back end speaks version {theirs} of the protocol, and this front end speaks version {VERSION}")]
    OtherProtocol { theirs: u32 },
    #[error("the answer has no end: more than {lines} lines, or {} MiB", bytes >> 20)]
    TooMuch { lines: usize, bytes: usize },
    #[error("what came is no word of a back end: `{said}`")]
    Garbage { said: String },
    #[error("the program that follows the attempt ended before the attempt did ({how})")]
    BrokeOff { how: String },
    #[error("the back end did not do it: {said}")]
    Failed { said: String, usage: bool },
    #[error("ssh finds no program at {} on `{host}`", program.as_deref().unwrap_or("the name `aegir`"))]
    NoProgram { host: String, program: Option<String> },
    #[error("`{host}` shows another key than the one it is known by")]
    OtherHostKey { host: String, said: String },
    #[error("it is not known by which key `{host}` is to be known")]
    NoHostKey { host: String },
    #[error("`{host}` does not let us in: {said}")]
    NotLetIn { host: String, said: String },
    #[error("`{host}` cannot be reached: {said}")]
    Unreachable { host: String, said: String },
    #[error("cannot make a key for other machines: {said}")]
    NoKey { said: String },
    #[error("`{host}` shows no key: {said}")]
    NoKeyShown { host: String, said: String },
    #[error("cannot keep what ssh needs")]
    Files(#[from] FileFault),
    /// What befell whoever tried to connect just before.
    #[error("{0}")]
    AsBefore(Arc<TalkFault>),
    #[error("the path `{}` cannot be told to ssh", path.display())]
    OddPath { path: PathBuf },
}

impl TalkFault {
    /// Something came that nobody understands.
    pub(crate) fn garbage(said: &[u8]) -> TalkFault {
        TalkFault::Garbage { said: short(String::from_utf8_lossy(said)) }
    }

    /// Why a program ended that had not said all; `address` is where it was, if it was behind ssh.
    pub(crate) fn of_end(end: End, address: Option<&SshAddress>) -> TalkFault {
        let End { status, said } = end;
        // A shell there can say something of its own before.
        let last = said.trim_end().lines().next_back().unwrap_or_default();
        if let Ok(not_done) = serde_json::from_str::<NotDone>(last) {
            return TalkFault::NotDone(not_done);
        }
        match (status.code(), address) {
            (None, _) => TalkFault::BrokeOff { how: format!("signal {}", status.signal().unwrap_or_default()) },
            (Some(255), Some(address)) => TalkFault::of_ssh(&said, address),
            (Some(126 | 127), Some(SshAddress { host, program, .. })) => TalkFault::NoProgram {
                host: host.to_string(),
                program: program.as_ref().map(|program| format!("`{program}`")),
            },
            (Some(code), _) if last.is_empty() || code == i32::from(exit_code::DETACHED) => {
                TalkFault::BrokeOff { how: format!("exit code {code}") }
            }
            (Some(code), _) => TalkFault::Failed { said: short(&said), usage: code == i32::from(exit_code::USAGE) },
        }
    }

    /// What ssh itself says, which ends with 255 then.
    pub(crate) fn of_ssh(said: &str, address: &SshAddress) -> TalkFault {
        let host = address.host.to_string();
        let line = |with: &str| said.lines().find(|line| line.contains(with)).map(short);
        if said.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
            return TalkFault::OtherHostKey { host, said: line("fingerprint").unwrap_or_default() };
        }
        if said.contains("Host key verification failed") || said.contains("host key is known for") {
            return TalkFault::NoHostKey { host };
        }
        if let Some(said) = line("Permission denied (").or_else(|| line("Too many authentication failures")) {
            return TalkFault::NotLetIn { host, said };
        }
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("the connection was cut");
        TalkFault::Unreachable { host, said: short(last) }
    }

    /// Whether trying again soon may help.
    fn is_passing(&self) -> bool {
        match self {
            TalkFault::Pipe(_)
            | TalkFault::Silent { .. }
            | TalkFault::BrokeOff { .. }
            | TalkFault::Unreachable { .. } => true,
            TalkFault::AsBefore(fault) => fault.is_passing(),
            // Out of processes or descriptors, for now.
            TalkFault::NotStarted(error) => {
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory)
                    || [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE, rustix::io::Errno::TXTBSY]
                        .iter()
                        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
            }
            _ => false,
        }
    }

    /// As data; commands to type name `server`.
    pub(crate) fn report_of(&self, server: &ServerName) -> FaultReport {
        match self {
            TalkFault::NotDone(not_done) => not_done.fault.clone(),
            TalkFault::AsBefore(fault) => fault.report_of(server),
            other => FaultReport { remedy: other.way_out(server.as_str()), ..FaultReport::of(other) },
        }
    }

    /// As what a front end is told of `server`.
    pub(crate) fn lost(self, server: &ServerName) -> Lost {
        let unknown_attempt = matches!(&self, TalkFault::NotDone(NotDone { case: NotDoneCase::UnknownAttempt, .. }));
        Lost { server: server.clone(), passing: self.is_passing(), unknown_attempt, source: self.report_of(server) }
    }
}

/// How a machine tells its own key.
const OWN_KEY: &str = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, on that machine";

/// The end of a text, on one line and free of what a terminal would obey.
fn short(text: impl AsRef<str>) -> String {
    let text: String = text.as_ref().trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() {
        0..=400 => text,
        count => format!("…{}", text.chars().skip(count - 400).collect::<String>()),
    }
}

impl Remedy for TalkFault {
    fn remedy(&self) -> Option<String> {
        self.way_out("NAME")
    }
}

impl TalkFault {
    /// The way out, for the server of this name.
    fn way_out(&self, server: &str) -> Option<String> {
        let version = env!("CARGO_PKG_VERSION");
        Some(match self {
            TalkFault::HomeIsNoText => "move the home to a folder with another name".into(),
            TalkFault::NotStarted(error) if error.kind() == io::ErrorKind::NotFound => {
                "install the program: for other machines that is the package `openssh-client`".into()
            }
            TalkFault::NotStarted(_) | TalkFault::Pipe(_) | TalkFault::BrokeOff { .. } => return None,
            TalkFault::Silent { .. } => {
                "see what keeps that machine busy; what it works on goes on, and is followed again".into()
            }
            TalkFault::NotDone(not_done) => return not_done.fault.remedy.clone(),
            TalkFault::OtherProtocol { .. } | TalkFault::Failed { usage: true, .. } => {
                format!("use the same version of Ægir on both ends; this one is {version}")
            }
            TalkFault::Garbage { .. } | TalkFault::TooMuch { .. } => format!(
                "see that the program there is Ægir {version}, and that no file read at login (such as `.bashrc`) prints anything"
            ),
            TalkFault::Failed { .. } => return None,
            TalkFault::NoProgram { .. } => format!(
                "put Ægir {version} there as `/usr/local/bin/aegir`, where every user may run it, or say where it is \
                 with `aegir server edit {server} --ssh-program PATH`"
            ),
            TalkFault::OtherHostKey { .. } => format!(
                "if that machine was made anew, compare the key that `aegir server host-key {server}` shows with its \
                 own ({OWN_KEY}), and trust it with `aegir server trust {server} --key … --instead-of …`; if not, \
                 somebody may stand in between: do not go on"
            ),
            TalkFault::NoHostKey { .. } => format!(
                "compare the key that `aegir server host-key {server}` shows with its own ({OWN_KEY}), and trust it \
                 with `aegir server trust {server} --key SHA256:…`"
            ),
            TalkFault::NotLetIn { .. } => format!(
                "add the line for `authorized_keys` that `aegir server host-key {server}` shows to \
                 `~/.ssh/authorized_keys` of that user, who needs a login shell"
            ),
            TalkFault::Unreachable { .. } => format!(
                "see that the machine runs, that its name leads to it, and that its sshd answers on that port; where \
                 it is, `aegir server edit {server} --ssh-host … --ssh-port …` says"
            ),
            TalkFault::NoKey { .. } => "install the package `openssh-client`, and make room on the disk".into(),
            TalkFault::NoKeyShown { .. } => "see that the machine runs, and that its sshd answers on that port".into(),
            TalkFault::Files(fault) => return fault.remedy(),
            TalkFault::AsBefore(fault) => return fault.way_out(server),
            TalkFault::OddPath { .. } => "move the home to a folder whose path has no quotes and no line ends".into(),
        })
    }
}
