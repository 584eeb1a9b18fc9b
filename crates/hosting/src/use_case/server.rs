//! What can be asked of servers.

use std::str::FromStr;

use aegir_domain::{
    BadText, ContextName, HostKey, NodeId, NodeKind, ObjectStatus, ServerName, SshAddress, Task, Transport,
};
use aegir_store::{NameMatch, NewServer, ServerList, ServerRecord, Tx};

use super::field::fill_fields;
use super::object::{KnownContexts, must_be_available, must_be_free, server_named};
use super::queued::Wanted;
use super::shown::{cursor_page, of_page, server_in_list, server_view};
use super::{Asked, shown};
use crate::making::{changed_server, new_server};
use crate::{Answer, BadParameters, Hosting, Refusal};

/// The name under which the password of a database server's account is kept.
pub(crate) const DB_PASSWORD: &str = "db_password";
/// Parameters that say more of `ssh_host`.
const OF_SSH: [&str; 4] = ["ssh_port", "ssh_user", "ssh_host_key", "ssh_program"];
/// Parameters that say where a server is and how it is reached, and nothing of its services.
const WHERE: [&str; 6] = ["ssh_host", "ssh_port", "ssh_user", "ssh_host_key", "ssh_program", "home"];

impl Hosting {
    pub(super) async fn list_servers(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .read(async |read| {
                let (sort, direction) = shown::order_of(given);
                let list = ServerList {
                    name: given.str("search").map(|text| NameMatch::Holds(text.to_owned())),
                    status: shown::statuses(given),
                    service: given.str("service").map(str::to_owned),
                    sort,
                    direction,
                    page: cursor_page(asked)?,
                    ..ServerList::default()
                };
                if !asked.reads.beside {
                    return shown::nodes_alone(read, asked, list).await;
                }
                let (page, total) = shown::listed(read, asked, &list).await?;
                of_page(page.rows.iter().map(server_in_list).collect(), page.next, total)
            })
            .await
    }

    pub(super) async fn show_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        self.store()
            .snapshot(async |read| {
                let server = server_named(read, &name).await?;
                Ok(Answer::Object(shown::json(&server_view(read, &server).await?)))
            })
            .await
    }

    pub(super) async fn add_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        let context = new_server(asked.operation, name.clone(), asked.given)?;
        let transport = transport(asked)?;
        let ips = ips(asked)?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let object_name = ContextName::Server(name.clone());
                must_be_free(tx, asked, &object_name).await?;
                let new = NewServer {
                    context: context.clone(),
                    title: asked.given.str("title").unwrap_or(name.as_str()).to_owned(),
                    transport,
                    task_limit: limit(asked).flatten(),
                    ips,
                    owner: aegir_store::ADMIN,
                };
                let mut wanted = Wanted {
                    object: NodeId(0),
                    name: &object_name,
                    owner: aegir_store::ADMIN,
                    server: NodeId(0),
                    needs: None,
                    request: Task::VerifyServer { server: name.clone(), context: Some(context) },
                };
                let fields = asked.fields(tx, NodeKind::Server).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                wanted.object = tx.add_server(&new, now).await?;
                wanted.server = wanted.object;
                self.keep_password(tx, asked, wanted.object, now).await?;
                fill_fields(tx, wanted.object, &fields, now).await?;
                tx.record_deed(wanted.object, &asked.actor.name, "added", None, now).await?;
                asked.queue(tx, wanted, &KnownContexts::new(), now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    pub(super) async fn edit_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let ips = ips(asked)?;
        if let Some(key) = asked.given.text::<HostKey>("ssh_host_key") {
            self.must_be_its_key(asked, &key).await?;
        }
        if let Some(answer) = self.lead_to_it(asked).await? {
            return Ok(answer);
        }
        self.server_task(asked, async |tx, server| {
            asked.revision_is(server.context.name.as_str(), server.context.revision)?;
            let changed = changed_server(asked.operation, &server.context, asked.given)?;
            let transport = changed_transport(asked, &server.transport)?;
            if !asked.dry_run {
                if let Some(transport) = transport {
                    tx.set_transport(server.node.id, &transport, now).await?;
                }
                if let Some(title) = asked.given.str("title") {
                    tx.set_title(server.node.id, title, now).await?;
                }
                if let Some(limit) = limit(asked) {
                    tx.set_task_limit(server.node.id, limit, now).await?;
                }
                if asked.given.has("ip") {
                    tx.set_server_ips(server.node.id, &ips, now).await?;
                }
                self.keep_password(tx, asked, server.node.id, now).await?;
            }
            Ok(Task::VerifyServer { server: server.context.name.clone(), context: Some(changed) })
        })
        .await
    }

    /// Says anew where a server is that is not made yet, at once: the task that makes it may be waiting for just that.
    async fn lead_to_it(&self, asked: &Asked<'_>) -> Result<Option<Answer>, Refusal> {
        let said = asked.given.as_json();
        let where_alone = said.as_object().is_some_and(|said| said.keys().all(|name| WHERE.contains(&name.as_str())));
        if !where_alone || asked.given.has(DB_PASSWORD) {
            return Ok(None);
        }
        let name = asked.server()?;
        let now = self.now();
        let read = self.store().read(async |read| Ok::<_, Refusal>(server_named(read, &name).await?));
        let server = read.await?;
        if server.node.status != Some(ObjectStatus::New) || changed_transport(asked, &server.transport)?.is_none() {
            return Ok(None);
        }
        let answer = self
            .change(asked, async |tx| {
                let mut server = server_named(tx, &name).await?;
                if server.node.status != Some(ObjectStatus::New) {
                    return Err(Refusal::Conflict {
                        what: format!("`{}` was made meanwhile", asked.name),
                        remedy: Some(format!("look at it anew with `aegir server show {}`", asked.name)),
                    });
                }
                if let Some(transport) = changed_transport(asked, &server.transport)? {
                    server.transport = transport;
                }
                if !asked.dry_run {
                    tx.set_transport(server.node.id, &server.transport, now).await?;
                    tx.record_deed(server.node.id, &asked.actor.name, &asked.operation.slug(), None, now).await?;
                }
                Ok(Answer::Object(shown::json(&server_view(tx, &server).await?)))
            })
            .await?;
        self.wake();
        Ok(Some(answer))
    }

    pub(super) async fn verify_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.server_task(asked, async |_, server| {
            Ok(Task::VerifyServer { server: server.context.name.clone(), context: None })
        })
        .await
    }

    pub(super) async fn forget_server(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if let Some(answer) = self.drop_if_never_made(asked, &ContextName::Server(asked.server()?)).await? {
            return Ok(answer);
        }
        self.server_task(asked, async |_, server| {
            Ok(Task::ForgetContext { name: ContextName::Server(server.context.name.clone()) })
        })
        .await
    }

    /// Queues what `request` says for a server.
    pub(super) async fn server_task(
        &self,
        asked: &Asked<'_>,
        request: impl AsyncFnOnce(&mut Tx, &ServerRecord) -> Result<Task, Refusal>,
    ) -> Result<Answer, Refusal> {
        let name = asked.server()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let server = server_named(tx, &name).await?;
                let used_by = super::object::users_of(tx, server.node.id).await?;
                must_be_available(tx, asked.operation, &server.node, used_by).await?;
                let request = request(tx, &server).await?;
                let object_name = ContextName::Server(name.clone());
                let wanted = Wanted {
                    object: server.node.id,
                    name: &object_name,
                    owner: server.node.owner.unwrap_or(aegir_store::ADMIN),
                    server: server.node.id,
                    needs: None,
                    request,
                };
                let fields = asked.fields(tx, NodeKind::Server).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                fill_fields(tx, server.node.id, &fields, now).await?;
                asked.queue(tx, wanted, &KnownContexts::new(), now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    /// Keeps the password of the database server's account, sealed.
    async fn keep_password(&self, tx: &mut Tx, asked: &Asked<'_>, server: NodeId, now: i64) -> Result<(), Refusal> {
        if let Some(password) = asked.given.secret(DB_PASSWORD) {
            tx.keep_secret(server, DB_PASSWORD, password, &self.0.key, now).await?;
        }
        Ok(())
    }
}

impl Asked<'_> {
    pub(crate) fn server(&self) -> Result<ServerName, Refusal> {
        self.name.parse().map_err(|_| Refusal::Unknown { what: "server", name: self.name.to_owned() })
    }

    /// Refuses a change that was made from another revision than there is now.
    pub(crate) fn revision_is(&self, name: &str, now: u64) -> Result<(), Refusal> {
        match self.given.number("revision").and_then(|from| u64::try_from(from).ok()) {
            Some(from) if from != now => Err(Refusal::Stale { name: name.to_owned(), from, now }),
            _ => Ok(()),
        }
    }
}

/// A limit of the server's own, if one was given; none of its own, if that was.
fn limit(asked: &Asked<'_>) -> Option<Option<u32>> {
    let limit = asked.given.number("most_tasks").and_then(|limit| u32::try_from(limit).ok());
    limit.map(|limit| (limit > 0).then_some(limit))
}

fn ips(asked: &Asked<'_>) -> Result<Vec<std::net::IpAddr>, Refusal> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            let why = format!("`{text}` is no address");
            BadParameters::one(asked.operation, "ip", why, "give one such as `192.0.2.7` or `2001:db8::7`")
        })
    };
    Ok(asked.given.strs("ip").into_iter().map(read).collect::<Result<_, _>>()?)
}

/// How the back end of a new server is reached.
pub(super) fn transport(asked: &Asked<'_>) -> Result<Transport, Refusal> {
    let given = asked.given;
    let Some(host) = given.text("ssh_host") else {
        if let Some(name) = OF_SSH.into_iter().find(|name| given.has(name)) {
            return Err(BadParameters::one(asked.operation, name, "it belongs to ssh", "give `ssh_host` too").into());
        }
        return Ok(Transport::Local);
    };
    let usual = SshAddress {
        host,
        user: value(asked, "ssh_user", "aegir")?,
        port: 22,
        host_key: None,
        home: value(asked, "home", "/var/aegir")?,
        program: None,
    };
    Ok(Transport::Ssh(with_given(asked, &usual)))
}

/// How the back end of a server is reached from now on; `None`: nothing is said of that. One of this machine stays
/// there: what lies in its home would be left behind.
pub(super) fn changed_transport(asked: &Asked<'_>, was: &Transport) -> Result<Option<Transport>, Refusal> {
    let said = WHERE.into_iter().find(|name| asked.given.has(name));
    match (said, was) {
        (None, _) => Ok(None),
        (Some(_), Transport::Ssh(was)) => {
            let now = Transport::Ssh(with_given(asked, was));
            Ok((now != Transport::Ssh(was.clone())).then_some(now))
        }
        (Some(name), Transport::Local) => {
            let remedy = "leave it out; a server of another machine is added with `ssh_host`";
            Err(BadParameters::one(asked.operation, name, "its back end is on this machine", remedy).into())
        }
    }
}

/// An address with what was given put in. The key by which the machine is known stays with it wherever it moves.
fn with_given(asked: &Asked<'_>, was: &SshAddress) -> SshAddress {
    let (given, was) = (asked.given, was.clone());
    SshAddress {
        host: given.text("ssh_host").unwrap_or(was.host),
        user: given.text("ssh_user").unwrap_or(was.user),
        port: given.number("ssh_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(was.port),
        host_key: given.text("ssh_host_key").or(was.host_key),
        home: given.text("home").unwrap_or(was.home),
        program: given.text("ssh_program").or(was.program),
    }
}

/// What was given, or a text that is good.
fn value<T: FromStr<Err = BadText>>(asked: &Asked<'_>, name: &str, usual: &str) -> Result<T, Refusal> {
    let text = asked.given.str(name).unwrap_or(usual);
    text.parse().map_err(|bad: BadText| {
        let remedy = bad.instead.clone().unwrap_or_default();
        BadParameters::one(asked.operation, name, bad.to_string(), remedy).into()
    })
}
