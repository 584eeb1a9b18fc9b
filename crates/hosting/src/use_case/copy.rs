//! New sites that are made of others: of one that is there, and, with what `restore.rs` knows of it, of a backup. Each is
//! in the lists as soon as it is asked for, as a site that is installed is, so that its names are its own.

use aegir_domain::{CloneSite, ContextName, HostName, NodeId, NodeKind, Redirect, SiteName, Task};
use aegir_store::{NewSite, Read, ServerRecord, Tx};
use serde_json::Value;

use super::Asked;
use super::field::{GivenFields, fill_fields, values_of};
use super::object::{
    KnownContexts, known_platform, known_site, must_be_available, must_be_nobodys, must_stay, must_take_sites,
    platform_named, server_named, site_named,
};
use super::queued::Wanted;
use super::site::{must_be_installed, must_be_of_one_home};
use crate::making::names_are_sound;
use crate::{Answer, BadParameters, Hosting, Refusal};

/// A site that is to be made, and of what.
pub(super) struct Coming<'a> {
    pub(super) new: NewSite,
    /// The server whose back end makes it.
    pub(super) server: NodeId,
    pub(super) request: Task,
    pub(super) known: &'a KnownContexts,
    pub(super) fields: GivenFields,
    /// What it is made of, for its history.
    pub(super) made_of: Value,
}

impl Hosting {
    pub(super) async fn clone_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let source = asked.site()?;
        let Some(to) = asked.given.text::<SiteName>("as") else {
            let bad =
                BadParameters::one(asked.operation, "as", "it must be given", "give a name such as `a.example.org`");
            return Err(bad.into());
        };
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let site = site_named(tx, &source).await?;
                must_be_available(tx, asked.operation, &site.node, 0).await?;
                let unknown = || Refusal::Unknown { what: "site", name: source.to_string() };
                let context = site.context.clone().ok_or_else(unknown)?;
                must_be_installed(&context)?;
                let here = tx.platform(site.platform).await?.ok_or_else(unknown)?;
                let platform = match asked.given.text("platform") {
                    Some(name) => platform_named(tx, &name).await?,
                    None => here.clone(),
                };
                must_take_sites(tx, &platform).await?;
                must_be_of_one_home(tx, here.node.id, &platform).await?;
                let db_server = match chosen_db_server(tx, asked).await? {
                    Some(server) => server.node.id,
                    None => site.db_server,
                };
                let aliases: Vec<HostName> = asked.given.texts("alias");
                let redirect = asked.given.text("redirect_to").map_or(Redirect::None, Redirect::To);
                names_are_sound(asked.operation, &to, &aliases, &redirect)?;
                let mut known = KnownContexts::new();
                known_platform(&mut known, &here);
                known_platform(&mut known, &platform);
                known_site(&mut known, &site);
                let coming = Coming {
                    new: NewSite {
                        name: to.clone(),
                        title: context.title.to_string(),
                        platform: platform.node.id,
                        db_server,
                        profile: Some(context.profile.clone()),
                        language: context.language.clone(),
                        aliases: aliases.clone(),
                        redirect: redirect.clone(),
                        owner: site.node.owner.unwrap_or(aegir_store::ADMIN),
                    },
                    server: platform.server,
                    request: Task::CloneSite(Box::new(CloneSite {
                        site: source.clone(),
                        to: to.clone(),
                        platform: asked.given.text("platform"),
                        db_server: asked.given.text("db_server"),
                        aliases,
                        redirect,
                        sanitise: asked.given.flag("sanitise"),
                        with_mail: asked.given.flag("with_mail"),
                        with_cron: asked.given.flag("with_cron"),
                    })),
                    known: &known,
                    fields: fields_like(tx, asked, Some(site.node.id)).await?,
                    made_of: serde_json::json!({ "copy_of": source }),
                };
                asked.make(tx, coming, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

impl Asked<'_> {
    /// Puts a site into the lists that is to be made, and queues what makes it.
    pub(super) async fn make(&self, tx: &mut Tx, coming: Coming<'_>, now: i64) -> Result<Answer, Refusal> {
        let Coming { new, server, request, known, fields, made_of } = coming;
        for host in std::iter::once(new.name.host()).chain(new.aliases.iter().cloned()) {
            must_be_nobodys(tx, &host, None).await?;
        }
        let name = ContextName::Site(new.name.clone());
        let mut wanted =
            Wanted { object: NodeId(0), name: &name, owner: new.owner, server, needs: Some(new.platform), request };
        if self.dry_run {
            return Ok(self.would_queue(&wanted));
        }
        wanted.object = tx.add_site(&new, now).await?;
        fill_fields(tx, wanted.object, &fields, now).await?;
        tx.record_deed(wanted.object, &self.actor.name, "added", Some(&made_of), now).await?;
        self.queue(tx, wanted, known, now).await
    }
}

/// The server that was chosen for the data, if one was.
pub(super) async fn chosen_db_server(read: &mut Read, asked: &Asked<'_>) -> Result<Option<ServerRecord>, Refusal> {
    let Some(name) = asked.given.text("db_server") else { return Ok(None) };
    let server = server_named(read, &name).await?;
    must_stay(read, &server.node).await?;
    Ok(Some(server))
}

/// What the operator's own fields of a site are to hold that is made like another: what they hold there, and what was
/// given.
pub(super) async fn fields_like(
    read: &mut Read,
    asked: &Asked<'_>,
    like: Option<NodeId>,
) -> Result<GivenFields, Refusal> {
    let mut fields = match like {
        Some(like) => values_of(read, like).await?,
        None => GivenFields::new(),
    };
    fields.extend(asked.fields(read, NodeKind::Site).await?);
    Ok(fields)
}
