//! What can be asked of platforms.

use aegir_domain::{ContextName, NodeId, NodeKind, ObjectStatus, PlatformContext, PlatformName, ServerName, Task};
use aegir_store::{NameMatch, Page, PlatformList, PlatformRecord, Read, ServerList, Tx};

use super::around::Around;
use super::field::fill_fields;
use super::object::{
    KnownContexts, known_platform, must_be_available, must_be_free, must_stay, platform_named, server_named,
};
use super::queued::Wanted;
use super::shown::{cursor_page, of_page, platform_in_list, platform_view};
use super::{Asked, shown};
use crate::making::{NewPlatform, changed_platform, new_platform};
use crate::{Answer, BadParameters, Hosting, Refusal};

impl Hosting {
    pub(super) async fn list_platforms(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .read(async |read| {
                let (sort, direction) = shown::order_of(given);
                let mut list = PlatformList {
                    name: given.str("search").map(|text| NameMatch::Holds(text.to_owned())),
                    status: shown::statuses(given),
                    core: given.str("core").map(str::to_owned),
                    sort,
                    direction,
                    page: cursor_page(asked)?,
                    ..PlatformList::default()
                };
                if let Some(name) = given.text("server") {
                    list.server = Some(server_named(read, &name).await?.node.id);
                }
                if !asked.reads.beside {
                    return shown::nodes_alone(read, asked, list).await;
                }
                let (page, total) = shown::listed(read, asked, &list).await?;
                let around = Around::platforms(read, &page.rows).await?;
                let items = page.rows.iter().map(|platform| platform_in_list(&around, platform)).collect();
                of_page(items, page.next, total)
            })
            .await
    }

    pub(super) async fn show_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.platform()?;
        self.store()
            .snapshot(async |read| {
                let platform = platform_named(read, &name).await?;
                Ok(Answer::Object(shown::json(&platform_view(read, &platform).await?)))
            })
            .await
    }

    pub(super) async fn add_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.platform()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let server = match asked.given.text::<ServerName>("server") {
                    Some(server) => server,
                    None => only_web_server(tx, asked).await?,
                };
                let server = server_named(tx, &server).await?;
                must_stay(tx, &server.node).await?;
                if server.context.http.is_none() {
                    let why = format!("`{}` has no web service", server.context.name);
                    return Err(BadParameters::one(asked.operation, "server", why, "name a server that has one").into());
                }
                let object_name = ContextName::Platform(name.clone());
                must_be_free(tx, asked, &object_name).await?;
                let made = new_platform(asked.operation, name.clone(), server.context.name.clone(), asked.given)?;
                let (root, source, php, request) = match made {
                    NewPlatform::There(context) => (
                        Some(context.root.clone()),
                        None,
                        context.php.clone(),
                        Task::VerifyPlatform { platform: name.clone(), context: Some(context) },
                    ),
                    NewPlatform::Built(build) => {
                        (None, Some(build.source.clone()), build.php.clone(), Task::BuildPlatform(Box::new(build)))
                    }
                };
                let title = asked.given.str("title").unwrap_or(name.as_str()).to_owned();
                let new = aegir_store::NewPlatform {
                    name: name.clone(),
                    title,
                    server: server.node.id,
                    root,
                    source,
                    php,
                    owner: aegir_store::ADMIN,
                };
                let mut wanted = Wanted {
                    object: NodeId(0),
                    name: &object_name,
                    owner: aegir_store::ADMIN,
                    server: server.node.id,
                    needs: None,
                    request,
                };
                let fields = asked.fields(tx, NodeKind::Platform).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                wanted.object = tx.add_platform(&new, now).await?;
                fill_fields(tx, wanted.object, &fields, now).await?;
                tx.record_deed(wanted.object, &asked.actor.name, "added", None, now).await?;
                asked.queue(tx, wanted, &KnownContexts::new(), now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    pub(super) async fn edit_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        self.platform_task(asked, async |tx, platform, context| {
            asked.revision_is(context.name.as_str(), context.revision)?;
            let changed = changed_platform(asked.operation, context, asked.given)?;
            if let Some(title) = asked.given.str("title")
                && !asked.dry_run
            {
                tx.set_title(platform.node.id, title, now).await?;
            }
            Ok(Task::VerifyPlatform { platform: context.name.clone(), context: Some(changed) })
        })
        .await
    }

    pub(super) async fn verify_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.platform_task(asked, async |_, _, context| {
            Ok(Task::VerifyPlatform { platform: context.name.clone(), context: None })
        })
        .await
    }

    pub(super) async fn forget_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        if let Some(answer) = self.drop_if_never_made(asked, &ContextName::Platform(asked.platform()?)).await? {
            return Ok(answer);
        }
        self.platform_task(asked, async |_, _, context| {
            Ok(Task::ForgetContext { name: ContextName::Platform(context.name.clone()) })
        })
        .await
    }

    /// Says whether a platform takes sites from now on. Nothing of that is the back end's: it puts sites where it is told.
    pub(super) async fn lock_platform(&self, asked: &Asked<'_>, locked: bool) -> Result<Answer, Refusal> {
        let name = asked.platform()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let mut platform = platform_named(tx, &name).await?;
                must_be_available(tx, asked.operation, &platform.node, 0).await?;
                if asked.dry_run {
                    platform.locked = locked;
                    return Ok(Answer::Object(shown::json(&platform_view(tx, &platform).await?)));
                }
                match locked {
                    true => tx.lock_platform(platform.node.id, now).await?,
                    false => tx.unlock_platform(platform.node.id, now).await?,
                }
                tx.record_deed(platform.node.id, &asked.actor.name, asked.operation.verb, None, now).await?;
                let platform = platform_named(tx, &name).await?;
                Ok(Answer::Object(shown::json(&platform_view(tx, &platform).await?)))
            })
            .await?;
        Ok(answer)
    }

    pub(super) async fn delete_platform(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.platform()?;
        let typed = asked.given.str("confirm").unwrap_or_default();
        if typed != name.as_str() {
            let why = format!("`{typed}` is not the name of the platform");
            return Err(
                BadParameters::one(asked.operation, "confirm", why, format!("if you are sure, give `{name}`")).into()
            );
        }
        if let Some(answer) = self.drop_if_never_made(asked, &ContextName::Platform(name)).await? {
            return Ok(answer);
        }
        self.platform_task(asked, async |_, _, context| {
            Ok(Task::DeletePlatform { platform: context.name.clone(), confirm: context.name.to_string() })
        })
        .await
    }

    /// Queues what `request` says for a platform that is there.
    pub(super) async fn platform_task(
        &self,
        asked: &Asked<'_>,
        request: impl AsyncFnOnce(&mut Tx, &PlatformRecord, &PlatformContext) -> Result<Task, Refusal>,
    ) -> Result<Answer, Refusal> {
        let name = asked.platform()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let platform = platform_named(tx, &name).await?;
                let used_by = tx.count_sites_on(platform.node.id).await?;
                must_be_available(tx, asked.operation, &platform.node, used_by).await?;
                let Some(context) = platform.context.clone() else {
                    return Err(Refusal::Unknown { what: "platform", name: name.to_string() });
                };
                let request = request(tx, &platform, &context).await?;
                let mut known = KnownContexts::new();
                known_platform(&mut known, &platform);
                let object_name = ContextName::Platform(name.clone());
                let wanted = Wanted {
                    object: platform.node.id,
                    name: &object_name,
                    owner: platform.node.owner.unwrap_or(aegir_store::ADMIN),
                    server: platform.server,
                    needs: None,
                    request,
                };
                let fields = asked.fields(tx, NodeKind::Platform).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                fill_fields(tx, platform.node.id, &fields, now).await?;
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

impl Asked<'_> {
    pub(crate) fn platform(&self) -> Result<PlatformName, Refusal> {
        self.name.parse().map_err(|_| Refusal::Unknown { what: "platform", name: self.name.to_owned() })
    }
}

/// The one server that serves sites, if there is but one.
async fn only_web_server(read: &mut Read, asked: &Asked<'_>) -> Result<ServerName, Refusal> {
    let servers = ServerList {
        service: Some("http".into()),
        status: vec![ObjectStatus::Enabled, ObjectStatus::New],
        page: Page::first(2),
        ..ServerList::default()
    };
    let servers = read.list(&servers).await?.rows;
    let (why, remedy) = match &servers[..] {
        [only] => return Ok(only.context.name.clone()),
        [] => {
            ("no server has a web service", "add one with `aegir server add NAME --http nginx --listen ADDRESS:PORT`")
        }
        _ => ("there are several servers with a web service", "name one of them"),
    };
    Err(BadParameters::one(asked.operation, "server", why, remedy).into())
}
