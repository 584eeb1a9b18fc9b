//! The system's ssh: few connections to each server, shared by all that is asked there.
//!
//! It asks nobody anything, knows no password, and trusts no key that an operator did not: what it may not do is
//! said in its arguments, which come before its own settings.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aegir_domain::{Cmd, Home, ServerName, SshAddress};
use aegir_host::{Files, Mint, Spoken, SystemMint};
use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

use super::fault::TalkFault;
use super::seats::{Seat, Seats};
use super::talk::{End, Talk};

/// How long ssh may take to connect, in seconds.
const CONNECT: u64 = 10;
/// How long all of it may take: the connection, the keys, the login.
const OPEN: Duration = Duration::from_secs(30);
/// After how many seconds of silence the other end is asked whether it is there; lost if it says nothing three
/// times.
const ALIVE: u64 = 10;
/// How long an unused connection stays open, in seconds.
const PERSIST: u64 = 60;
/// How long the address of a socket may be, less what ssh adds while it makes one, and the number of the connection.
const LONGEST_SOCKET: usize = 107 - 18 - 4;

/// The way to other machines.
pub(crate) struct Ssh {
    pub(crate) home: Home,
    pub(crate) files: Files,
    /// Held while our key is made.
    key: Turn<()>,
    /// Held while a connection to a server is opened, so that those who come meanwhile share it, or its failure.
    opening: Mutex<HashMap<ServerName, Arc<Turn<Failed>>>>,
    /// Who shares which.
    seats: Arc<Seats>,
    /// Held while `known_hosts` is written.
    pub(crate) writing: Mutex<()>,
}

/// Why a connection could not be opened, for those who waited for it.
type Failed = Option<Arc<TalkFault>>;

impl Ssh {
    pub(crate) fn new(home: Home) -> Ssh {
        let files = Files::new(vec![home.path().to_owned()]);
        let (key, opening, writing) = (Turn::default(), Mutex::default(), Mutex::default());
        Ssh { home, files, key, opening, seats: Arc::default(), writing }
    }

    /// Starts a program there; `words` are each one word in any shell.
    pub(crate) async fn run(
        &self,
        server: &ServerName,
        address: &SshAddress,
        words: &[&str],
    ) -> Result<Talk, TalkFault> {
        self.make_key().await?;
        if let Some(key) = &address.host_key {
            self.trust_host_key(server, key)?;
        }
        let known = quoted("UserKnownHostsFile", &self.home.known_hosts())?;
        let mut options = self.options(server, address)?;
        options.extend([known, "StrictHostKeyChecking=yes".into()]);
        let seat = self.sockets(server, address)?.map(|machine| self.seats.take(&machine));
        match seat.as_ref().map(Seat::socket) {
            Some(socket) => {
                options.push(quoted("ControlPath", &socket)?);
                options.push(format!("ControlPersist={PERSIST}"));
                self.open(server, address, &socket, &options).await?;
                options.push("ControlMaster=auto".into());
            }
            None => options.extend(["ControlMaster=no".into(), "ControlPath=none".into()]),
        }
        let cmd = command(&options).args(["-T", "--"]).arg(address.host.as_str()).args(words.iter().copied());
        let mut talk = start(&cmd, address)?;
        talk.seat = seat;
        Ok(talk)
    }

    /// Opens the connection that its seats share, unless it is there. What is wrong with it is told before anything
    /// was asked.
    async fn open(
        &self,
        server: &ServerName,
        address: &SshAddress,
        socket: &Path,
        options: &[String],
    ) -> Result<(), TalkFault> {
        let turn =
            self.opening.lock().unwrap_or_else(PoisonError::into_inner).entry(server.clone()).or_default().clone();
        let (waited, mut turn) = match turn.try_lock() {
            Ok(turn) => (false, turn),
            Err(_) => (true, turn.lock().await),
        };
        // One whose other end is gone is found by the program that would use it, which takes its place.
        if socket.exists() {
            return Ok(());
        }
        // Many who ask a machine that does not answer wait for it together, not one after another.
        if let (true, Some(failed)) = (waited, turn.as_ref()) {
            return Err(TalkFault::AsBefore(failed.clone()));
        }
        let opened = self.open_now(address, options).await.map_err(Arc::new);
        *turn = opened.as_ref().err().cloned();
        opened.map_err(TalkFault::AsBefore)
    }

    async fn open_now(&self, address: &SshAddress, options: &[String]) -> Result<(), TalkFault> {
        let cmd = command(options).args(["-o", "ControlMaster=yes", "-N", "-f", "--"]).arg(address.host.as_str());
        let end = end_of(&cmd, address).await?;
        match end.status.success() {
            true => Ok(()),
            false => Err(TalkFault::of_end(end, Some(address))),
        }
    }

    /// What ssh is always told, but for what it knows hosts by.
    pub(crate) fn options(&self, server: &ServerName, address: &SshAddress) -> Result<Vec<String>, TalkFault> {
        Ok(vec![
            "BatchMode=yes".into(),
            "PasswordAuthentication=no".into(),
            "KbdInteractiveAuthentication=no".into(),
            "PubkeyAuthentication=yes".into(),
            quoted("IdentityFile", &self.home.ssh_key())?,
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
            // By the server's name here, whatever its address is now.
            format!("HostKeyAlias=server_{server}"),
            "GlobalKnownHostsFile=/dev/null".into(),
            "CheckHostIP=no".into(),
            "UpdateHostKeys=no".into(),
            "VerifyHostKeyDNS=no".into(),
            "HashKnownHosts=no".into(),
            "ForwardAgent=no".into(),
            "ForwardX11=no".into(),
            "ClearAllForwardings=yes".into(),
            "PermitLocalCommand=no".into(),
            "RemoteCommand=none".into(),
            "RequestTTY=no".into(),
            "LogLevel=ERROR".into(),
            format!("ConnectTimeout={CONNECT}"),
            "ConnectionAttempts=1".into(),
            format!("ServerAliveInterval={ALIVE}"),
            "ServerAliveCountMax=3".into(),
            format!("Port={}", address.port),
            format!("User={}", address.user),
        ])
    }

    /// How the sockets of its connections begin, in a folder that is ours alone; nothing where their paths would be
    /// too long.
    fn sockets(&self, server: &ServerName, address: &SshAddress) -> Result<Option<PathBuf>, TalkFault> {
        let run = self.home.run();
        // A link to a shorter path where the home lies too deep for the address of a socket.
        let run = std::fs::read_link(&run).unwrap_or(run);
        let mut hasher = DefaultHasher::new();
        (server, address).hash(&mut hasher);
        let folder = run.join("ssh");
        let socket = folder.join(format!("{:016x}", hasher.finish()));
        if socket.as_os_str().len() > LONGEST_SOCKET {
            return Ok(None);
        }
        let files = self.files.clone().add_base(run);
        files.make_dirs(&folder, 0o700)?;
        Ok(Some(socket))
    }

    /// Makes our key if there is none.
    async fn make_key(&self) -> Result<(), TalkFault> {
        let _turn = self.key.lock().await;
        if self.files.kind(&self.home.ssh_key())?.is_some() {
            return Ok(());
        }
        self.files.make_dirs(&self.home.ssh(), 0o700)?;
        // Under another name first: half a key must never be taken for one.
        let coming = self.home.ssh().join(format!("coming-{}", random()));
        let no_passphrase = "";
        let cmd = Cmd::new("ssh-keygen").args(["-q", "-t", "ed25519", "-C", "aegir", "-N", no_passphrase, "-f"]);
        let end = ran(&cmd.arg(text(&coming)?)).await?;
        if !end.0.status.success() {
            return Err(TalkFault::NoKey { said: end.0.said.trim().to_owned() });
        }
        self.files.remove_file(&coming.with_extension("pub"))?;
        self.files.rename(&coming, &self.home.ssh_key())?;
        Ok(())
    }

    /// Our public key, as `authorized_keys` takes it.
    pub(crate) async fn public_key(&self) -> Result<String, TalkFault> {
        self.make_key().await?;
        let cmd = Cmd::new("ssh-keygen").args(["-y", "-f"]).arg(text(&self.home.ssh_key())?);
        let (end, said) = ran(&cmd).await?;
        match (end.status.success(), said.lines().next()) {
            (true, Some(key)) => Ok(key.trim().to_owned()),
            _ => Err(TalkFault::NoKey { said: end.said.trim().to_owned() }),
        }
    }
}

/// A command line of ssh with these options.
pub(crate) fn command(options: &[String]) -> Cmd {
    Cmd::new("ssh").args(options.iter().flat_map(|option| ["-o".to_owned(), option.clone()]))
}

/// An option with a path, as ssh's settings are written: in quotes, and with no letter that stands for another.
pub(crate) fn quoted(option: &str, path: &Path) -> Result<String, TalkFault> {
    let odd =
        path.as_os_str().as_bytes().iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\' | b'$'));
    let odd = || odd.then(|| TalkFault::OddPath { path: path.to_owned() }).map_or(Ok(()), Err);
    odd()?;
    Ok(format!("{option}=\"{}\"", text(path)?.replace('%', "%%")))
}

/// A path as a word.
pub(crate) fn text(path: &Path) -> Result<String, TalkFault> {
    path.to_str().map(str::to_owned).ok_or_else(|| TalkFault::OddPath { path: path.to_owned() })
}

/// Some letters that nobody else has.
pub(crate) fn random() -> String {
    let mint: &dyn Mint = &SystemMint;
    let bytes: [u8; 8] = mint.random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn start(cmd: &Cmd, address: &SshAddress) -> Result<Talk, TalkFault> {
    Talk::begin(Spoken::start(cmd).map_err(TalkFault::NotStarted)?, Some(address.clone()))
}

/// How ssh ended, which says nothing on standard output.
pub(crate) async fn end_of(cmd: &Cmd, address: &SshAddress) -> Result<End, TalkFault> {
    let ended = async {
        let mut talk = start(cmd, address)?;
        talk.say(b"").await?;
        while talk.line().await?.is_some() {}
        talk.end().await
    };
    let late = || TalkFault::Unreachable {
        host: address.host.to_string(),
        said: format!("no connection within {} seconds", OPEN.as_secs()),
    };
    timeout(OPEN, ended).await.unwrap_or_else(|_| Err(late()))
}

/// Runs a program of this machine to its end: how it ended, and what it wrote.
pub(crate) async fn ran(cmd: &Cmd) -> Result<(End, String), TalkFault> {
    let ran = async {
        let mut talk = Talk::begin(Spoken::start(cmd).map_err(TalkFault::NotStarted)?, None)?;
        talk.say(b"").await?;
        let mut said = String::new();
        while let Some(line) = talk.line().await? {
            said.push_str(&String::from_utf8_lossy(&line));
            said.push('\n');
        }
        Ok((talk.end().await?, said))
    };
    timeout(OPEN, ran).await.unwrap_or(Err(TalkFault::Silent { limit: OPEN }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_settings_of_ssh_are() {
        assert_eq!(quoted("IdentityFile", Path::new("/a b/50%/k")).unwrap(), "IdentityFile=\"/a b/50%%/k\"");
        for bad in ["/a\"b", "/a\nb", "/a\\b", "/${HOME}/b"] {
            assert!(quoted("IdentityFile", Path::new(bad)).is_err(), "{bad}");
        }
    }
}
