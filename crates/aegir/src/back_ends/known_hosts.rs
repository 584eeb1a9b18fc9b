//! By which key another machine is known: asked once, confirmed by an operator, and from then on insisted on.

use std::fs;
use std::sync::PoisonError;

use aegir_domain::{HostKey, ServerName, SshAddress};
use aegir_hosting::HostKeys;

use super::fault::TalkFault;
use super::ssh::{Ssh, command, end_of, quoted, random};

impl Ssh {
    /// By which keys a machine and we know each other. What it shows is not kept.
    pub(crate) async fn host_keys(&self, server: &ServerName, address: &SshAddress) -> Result<HostKeys, TalkFault> {
        let ours = self.public_key().await?;
        let trusted = match &address.host_key {
            Some(key) => Some(key.clone()),
            None => key_of(&self.files.read_text(&self.home.known_hosts())?.unwrap_or_default(), server),
        };
        let shown = self.learn_host_key(server, address, trusted.as_ref()).await;
        Ok(HostKeys { ours, trusted, shown: shown.map_err(|fault| fault.report_of(server)) })
    }

    /// Asks a machine for its key, and tells it no more than that we exist.
    async fn learn_host_key(
        &self,
        server: &ServerName,
        address: &SshAddress,
        trusted: Option<&HostKey>,
    ) -> Result<HostKey, TalkFault> {
        self.files.make_dirs(&self.home.ssh(), 0o700)?;
        let learnt = self.home.ssh().join(format!("learnt-{}", random()));
        let mut options = vec![
            quoted("UserKnownHostsFile", &learnt)?,
            "StrictHostKeyChecking=accept-new".into(),
            "PreferredAuthentications=none".into(),
            "ControlMaster=no".into(),
            "ControlPath=none".into(),
        ];
        // It has several keys, and is to show that of the kind it is known by.
        options.extend(trusted.and_then(algorithms_of).map(|names| format!("HostKeyAlgorithms=^{names}")));
        // The first of two values holds.
        options.extend(self.options(server, address)?);
        let cmd = command(&options).args(["-T", "--"]).arg(address.host.as_str()).arg("true");
        let asked = end_of(&cmd, address).await;
        let read = fs::read_to_string(&learnt).unwrap_or_default();
        self.files.remove_file(&learnt)?;
        // That we are not let in is how it ends when all is well.
        let end = asked?;
        match key_of(&read, server) {
            Some(key) => Ok(key),
            None => Err(match TalkFault::of_end(end, Some(address)) {
                fault @ TalkFault::Unreachable { .. } => fault,
                fault => TalkFault::NoKeyShown { host: address.host.to_string(), said: fault.to_string() },
            }),
        }
    }

    /// Has `known_hosts` hold this key of a server, and no other of it.
    pub(crate) fn trust_host_key(&self, server: &ServerName, key: &HostKey) -> Result<(), TalkFault> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.files.make_dirs(&self.home.ssh(), 0o700)?;
        let path = self.home.known_hosts();
        let known = self.files.read_text(&path)?.unwrap_or_default();
        let text = with_key(&known, server, key);
        if text != known {
            self.files.write(&path, text.as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

/// The key of a server in a text of `known_hosts`.
fn key_of(known: &str, server: &ServerName) -> Option<HostKey> {
    let name = format!("server_{server}");
    let of_it = |line: &str| line.split_once(' ').filter(|(of, _)| *of == name)?.1.parse().ok();
    known.lines().find_map(of_it)
}

/// What ssh calls the ways in which a key of this kind is shown; `None`: it may not know the kind.
fn algorithms_of(key: &HostKey) -> Option<&str> {
    match key.as_str().split(' ').next()? {
        "ssh-rsa" => Some("rsa-sha2-512,rsa-sha2-256"),
        kind @ ("ssh-ed25519" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521") => Some(kind),
        _ => None,
    }
}

/// The text of `known_hosts` with this key of a server; lines of others stay.
fn with_key(known: &str, server: &ServerName, key: &HostKey) -> String {
    let name = format!("server_{server}");
    let line = format!("{name} {key}");
    let ours = |line: &&str| line.split(' ').next() == Some(&name);
    if known.lines().filter(ours).eq([line.as_str()]) {
        return known.to_owned();
    }
    let others = known.lines().filter(|line| !ours(line)).chain([line.as_str()]);
    others.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_one_key_and_others_keep_theirs() {
        let server = |name: &str| -> ServerName { name.parse().unwrap() };
        let key = |text: &str| -> HostKey { format!("ssh-ed25519 AAAA{text}").parse().unwrap() };

        let known = with_key("# mine\nserver_web22 ssh-rsa AAAAx\n", &server("web2"), &key("old"));
        let again = with_key(&known, &server("web2"), &key("old"));
        let new = with_key(&known, &server("web2"), &key("new"));

        assert_eq!(key_of(&known, &server("web2")), Some(key("old")));
        assert_eq!(key_of(&known, &server("web3")), None);
        assert_eq!(known, again);
        assert_eq!(new, "# mine\nserver_web22 ssh-rsa AAAAx\nserver_web2 ssh-ed25519 AAAAnew\n");
    }
}
