//! By which key a machine behind ssh is known: shown with its fingerprint, and trusted once an operator compared it.

use aegir_domain::{HostKey, NodeId, ServerName, SshAddress, Transport};

use super::Asked;
use super::object::server_named;
use super::shown;
use crate::host_keys::{HostKeys, NamedKey, fingerprint, shown as print};
use crate::view::{HostKeyView, KeyView};
use crate::{Answer, BadParameters, Hosting, Place, Refusal, Sought};

impl Hosting {
    pub(super) async fn show_host_key(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (_, server, address) = self.behind_ssh(asked).await?;
        let keys = self.0.back_ends.host_keys(&server, &address).await?;
        let mut view = view(&server, &address, &keys);
        // With the keys all is well: whatever else is wrong is found by asking there.
        if keys.trusted.is_some() && keys.shown.as_ref().ok() == keys.trusted.as_ref() {
            let place = Place { server, transport: Transport::Ssh(address) };
            let newest = Sought { since: u64::MAX, limit: 1, ..Sought::default() };
            match self.0.back_ends.attempts(&place, &newest).await {
                Ok(_) => view.answers = true,
                Err(lost) => view.fault = Some(shown::json(&lost.source)),
            }
        }
        Ok(Answer::Object(shown::json(&view)))
    }

    pub(super) async fn trust_host_key(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (id, server, address) = self.behind_ssh(asked).await?;
        let named = |parameter: &str| asked.given.text::<NamedKey>(parameter);
        let wanted = named("key").ok_or_else(|| {
            BadParameters::one(asked.operation, "key", "it names no key", "see `aegir server host-key`")
        })?;
        let mut keys = self.0.back_ends.host_keys(&server, &address).await?;
        let key = chosen(&server, &wanted, &keys)?;
        must_not_be_another(&server, keys.trusted.as_ref(), &key, named("instead_of").as_ref())?;
        keys.trusted = Some(key.clone());
        let answer = Answer::Object(shown::json(&view(&server, &address, &keys)));
        match asked.dry_run {
            true => Ok(answer),
            false => self.keep_host_key(asked, id, &address, &key, answer).await,
        }
    }

    /// Writes it down, unless the machine was said to be elsewhere meanwhile.
    async fn keep_host_key(
        &self,
        asked: &Asked<'_>,
        id: NodeId,
        address: &SshAddress,
        key: &HostKey,
        answer: Answer,
    ) -> Result<Answer, Refusal> {
        let now = self.now();
        let with_key = Transport::Ssh(SshAddress { host_key: Some(key.clone()), ..address.clone() });
        let answer = self
            .change(asked, async |tx| {
                let server = server_named(tx, &asked.server()?).await?;
                if server.node.id != id || server.transport != Transport::Ssh(address.clone()) {
                    return Err(Refusal::Conflict {
                        what: format!("how `{}` is reached was changed meanwhile", asked.name),
                        remedy: Some(format!("look at it anew with `aegir server host-key {}`", asked.name)),
                    });
                }
                if server.transport != with_key {
                    tx.set_transport(id, &with_key, now).await?;
                    let deed = format!("trusted the key {}", print(key));
                    tx.record_deed(id, &asked.actor.name, &deed, None, now).await?;
                }
                Ok(answer)
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    /// Refuses another key than the one that a machine is known by, in the address or in the home's `known_hosts`.
    pub(super) async fn must_be_its_key(&self, asked: &Asked<'_>, key: &HostKey) -> Result<(), Refusal> {
        let (_, server, address) = self.behind_ssh(asked).await?;
        let trusted = match address.host_key.clone() {
            None => self.0.back_ends.host_keys(&server, &address).await?.trusted,
            trusted => trusted,
        };
        must_not_be_another(&server, trusted.as_ref(), key, None)
    }

    async fn behind_ssh(&self, asked: &Asked<'_>) -> Result<(NodeId, ServerName, SshAddress), Refusal> {
        let name = asked.server()?;
        let server = self.store().read(async |read| server_named(read, &name).await).await?;
        match server.transport {
            Transport::Ssh(address) => Ok((server.node.id, name, address)),
            Transport::Local => Err(Refusal::Conflict {
                what: format!("the back end of `{name}` is on this machine, and not behind ssh"),
                remedy: Some("a server of another machine is added with `aegir server add … --ssh-host HOST`".into()),
            }),
        }
    }
}

/// The key that is meant. One that is named by its fingerprint alone must be shown by the machine right now.
fn chosen(server: &ServerName, wanted: &NamedKey, keys: &HostKeys) -> Result<HostKey, Refusal> {
    if let NamedKey::Whole(key) = wanted {
        return Ok(key.clone());
    }
    match (&keys.shown, &keys.trusted) {
        (Ok(shown), _) if wanted.is(shown) => Ok(shown.clone()),
        (_, Some(trusted)) if wanted.is(trusted) => Ok(trusted.clone()),
        (Ok(shown), _) => Err(Refusal::Conflict {
            what: format!("`{server}` shows the key {} now, and not {wanted}", print(shown)),
            remedy: Some(format!(
                "compare the key that `aegir server host-key {server}` shows with its own \
                 (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, on that machine); if they differ, somebody may \
                 stand in between: do not go on"
            )),
        }),
        (Err(fault), _) => Err(Refusal::Lost(crate::Lost {
            server: server.clone(),
            passing: true,
            unknown_attempt: false,
            source: fault.clone(),
        })),
    }
}

/// A machine that shows another key than before is another one, or somebody stands in between: only who names the old
/// key puts a new one in its place.
fn must_not_be_another(
    server: &ServerName,
    trusted: Option<&HostKey>,
    key: &HostKey,
    instead_of: Option<&NamedKey>,
) -> Result<(), Refusal> {
    match trusted {
        Some(trusted) if trusted != key && !instead_of.is_some_and(|old| old.is(trusted)) => {
            let (old, new) = (print(trusted), print(key));
            Err(Refusal::Conflict {
                what: format!("`{server}` is known by the key {old}, and {new} is another one"),
                remedy: Some(format!(
                    "if that machine was made anew, compare the new key with its own \
                     (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, on that machine), then \
                     `aegir server trust {server} --key {new} --instead-of {old}`; if not, somebody may stand in \
                     between: do not go on"
                )),
            })
        }
        _ => Ok(()),
    }
}

fn view(server: &ServerName, address: &SshAddress, keys: &HostKeys) -> HostKeyView {
    let key = |key: &HostKey| KeyView { fingerprint: print(key), key: key.to_string() };
    HostKeyView {
        server: server.to_string(),
        address: address.to_string(),
        trusted: keys.trusted.as_ref().map(key),
        shown: keys.shown.as_ref().ok().map(key),
        fault: keys.shown.as_ref().err().map(shown::json),
        public_key: keys.ours.clone(),
        // What is not needed there is not let through either.
        authorized_keys: format!("restrict {}", keys.ours),
        answers: false,
        advice: advice(server, keys),
    }
}

/// What is to be done next; nothing where all is well.
fn advice(server: &ServerName, keys: &HostKeys) -> Option<String> {
    let Ok(shown) = &keys.shown else { return None };
    let compare = "compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints on that machine";
    let new = fingerprint(shown)?;
    match &keys.trusted {
        None => Some(format!("{compare}; if they are equal, `aegir server trust {server} --key {new}`")),
        Some(trusted) if trusted == shown => None,
        Some(trusted) => Some(format!(
            "it is another key than the one that is trusted: if that machine was made anew, {compare}, then \
             `aegir server trust {server} --key {new} --instead-of {}`; if not, somebody may stand in between",
            print(trusted)
        )),
    }
}
