//! By which key another machine is known: asked once, confirmed by an operator, and from then on insisted on.

use std::fs;
use std::sync::PoisonError;

use aegir_domain::{Cmd, HostKey, ServerName, SshAddress};

use super::fault::TalkFault;
use super::ssh::{Ssh, command, end_of, quoted, ran, random, text};

/// The key that a machine shows, which nobody has confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearntKey {
    /// The key.
    pub key: HostKey,
    /// What to compare it by: `SHA256:…`, as `ssh-keygen -l` prints it on that machine.
    pub fingerprint: String,
}

impl Ssh {
    /// Asks a machine for its key, and tells it no more than that we exist.
    pub(crate) async fn learn_host_key(
        &self,
        server: &ServerName,
        address: &SshAddress,
    ) -> Result<LearntKey, TalkFault> {
        self.files.make_dirs(&self.home.ssh(), 0o700)?;
        let learnt = self.home.ssh().join(format!("learnt-{}", random()));
        let mut options = vec![
            quoted("UserKnownHostsFile", &learnt)?,
            "StrictHostKeyChecking=accept-new".into(),
            "PreferredAuthentications=none".into(),
            "ControlMaster=no".into(),
            "ControlPath=none".into(),
        ];
        // The first of two values holds.
        options.extend(self.options(server, address)?);
        let cmd = command(&options).args(["-T", "--"]).arg(address.host.as_str()).arg("true");
        let asked = end_of(&cmd, address).await;
        let read = fs::read_to_string(&learnt).unwrap_or_default();
        let fingerprint = match read.is_empty() {
            true => None,
            false => Some(ran(&Cmd::new("ssh-keygen").args(["-l", "-f"]).arg(text(&learnt)?)).await?.1),
        };
        self.files.remove_file(&learnt)?;
        // That we are not let in is how it ends when all is well.
        let end = asked?;
        let key = read.lines().next().and_then(|line| line.split_once(' ')?.1.parse().ok());
        let fingerprint = fingerprint.as_deref().and_then(|line| line.split(' ').nth(1)).map(str::to_owned);
        match (key, fingerprint) {
            (Some(key), Some(fingerprint)) => Ok(LearntKey { key, fingerprint }),
            _ => Err(match TalkFault::of_end(end, Some(address)) {
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

        assert_eq!(known, again);
        assert_eq!(new, "# mine\nserver_web22 ssh-rsa AAAAx\nserver_web2 ssh-ed25519 AAAAnew\n");
    }
}
