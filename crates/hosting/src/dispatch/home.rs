//! In which home an object is kept, and whether what another one says of it counts.
//!
//! Names are chosen in each home by itself, so two homes can have a `@server_localhost` each. Here the name is of one
//! of them; what the other says under it is said of something else.

use aegir_domain::{Context, ContextName, NodeId, NodeKind, Transport};
use aegir_store::{Node, Read, StoreFault};

/// Whose a context is that was found in a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is of that home.
    Its,
    /// Its name, or that of what it stands on, is here the name of something in another home.
    Anothers,
    /// What it stands on is not known.
    Nobodys,
}

/// Whose the context is that was found in the home behind `transport`.
pub(super) async fn whose(read: &mut Read, transport: &Transport, found: &Context) -> Result<Whose, StoreFault> {
    if let Some(node) = read.node_named(&found.name()).await?
        && !is_kept_in(read, transport, &node).await?
    {
        return Ok(Whose::Anothers);
    }
    let stands_on = match found {
        Context::Server(_) => return Ok(Whose::Its),
        Context::Platform(platform) => ContextName::Server(platform.server.clone()),
        Context::Site(site) => ContextName::Platform(site.platform.clone()),
    };
    let Some(node) = read.node_named(&stands_on).await? else { return Ok(Whose::Nobodys) };
    Ok(match is_kept_in(read, transport, &node).await? {
        true => Whose::Its,
        false => Whose::Anothers,
    })
}

/// Whether an object is kept in the home behind `transport`.
pub(super) async fn is_kept_in(read: &mut Read, transport: &Transport, node: &Node) -> Result<bool, StoreFault> {
    let Some(server) = server_of(read, node).await? else { return Ok(false) };
    Ok(read.server(server).await?.is_some_and(|server| is_same(&server.transport, transport)))
}

/// The server whose back end keeps an object.
pub(crate) async fn server_of(read: &mut Read, node: &Node) -> Result<Option<NodeId>, StoreFault> {
    Ok(match node.kind {
        NodeKind::Server => Some(node.id),
        NodeKind::Platform => read.platform(node.id).await?.map(|platform| platform.server),
        NodeKind::Site => match read.site(node.id).await? {
            Some(site) => read.platform(site.platform).await?.map(|platform| platform.server),
            None => None,
        },
        NodeKind::Client | NodeKind::Package | NodeKind::Task => None,
    })
}

/// Whether two ways lead to the same home, whoever logs in and by which key the machine is known.
pub(crate) fn is_same(one: &Transport, other: &Transport) -> bool {
    match (one, other) {
        (Transport::Local, Transport::Local) => true,
        (Transport::Ssh(one), Transport::Ssh(other)) => {
            (&one.host, one.port, &one.home) == (&other.host, other.port, &other.home)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_known_by_its_machine_and_its_place_there() {
        let ssh = |json: &str| Transport::Ssh(serde_json::from_str(json).unwrap());
        let home = ssh(r#"{ "host": "web2.test", "user": "aegir" }"#);
        assert!(is_same(&home, &ssh(r#"{ "host": "web2.test", "user": "other", "program": "/opt/aegir" }"#)));
        for other in [
            Transport::Local,
            ssh(r#"{ "host": "web3.test", "user": "aegir" }"#),
            ssh(r#"{ "host": "web2.test", "user": "aegir", "port": 2222 }"#),
            ssh(r#"{ "host": "web2.test", "user": "aegir", "home": "/srv/aegir" }"#),
        ] {
            assert!(!is_same(&home, &other), "{other:?}");
        }
    }
}
