//! What to do first on a new installation: a server, then a platform, then a site.

use aegir_hosting::view::NodeView;
use aegir_hosting::{Call, OperationId};

use crate::api::Problem;
use crate::panel::address;
use crate::panel::elsewhere::elsewhere;
use crate::panel::visit::Visit;

/// A step of the beginning.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) button: &'static str,
    pub(super) href: String,
    pub(super) command: String,
    /// Whether it is done.
    pub(super) done: bool,
    /// Whether it is the one to do now.
    pub(super) now: bool,
}

/// What to do first; nothing once there is a site.
pub(super) async fn first(visit: &Visit) -> Result<Vec<First>, Problem> {
    if has_any(visit, OperationId::SiteList).await? {
        return Ok(Vec::new());
    }
    let servers = has_any(visit, OperationId::ServerList).await?;
    let platforms = has_any(visit, OperationId::PlatformList).await?;
    let steps = [
        (
            "A server",
            "A machine with a web server and a database server. It may be this one.",
            "Add a server",
            Call::of(OperationId::ServerAdd).about("web1").with("http", "nginx").with("listen", "127.0.0.1:8080"),
            servers,
        ),
        (
            "A platform",
            "A copy of Drupal's code on that server. Sites live on it.",
            "Add a platform",
            Call::of(OperationId::PlatformAdd).about("drupal_11").with("composer", "drupal/recommended-project"),
            platforms,
        ),
        (
            "A site",
            "A Drupal site of its own, with a name and a database.",
            "Add a site",
            Call::of(OperationId::SiteAdd).about("www.example.org"),
            false,
        ),
    ];
    let next = steps.iter().position(|(.., done)| !done);
    let told = steps.into_iter().enumerate().map(|(place, (title, about, button, call, done))| First {
        title,
        about,
        button,
        href: address::doing(&call.operation.declaration(), None),
        command: elsewhere(title, &call).command,
        done,
        now: next == Some(place),
    });
    Ok(told.collect())
}

async fn has_any(visit: &Visit, list: OperationId) -> Result<bool, Problem> {
    let (found, _, _) = visit.list::<NodeView>(Call::of(list).with("limit", 1).nodes_alone().uncounted()).await?;
    Ok(!found.is_empty())
}
