//! Restores a backup: the site that it is of, one that is gone, or a new one. Which of these it is, what is remembered
//! tells; what the backup says of a site that is gone, the back end has read already.

use aegir_domain::{
    BackupManifest, ContextName, Langcode, NodeKind, ObjectStatus, PlatformName, Redirect, ServerName, SiteName, Task,
};
use aegir_store::{NewSite, PlatformRecord, Read, SiteRecord, Tx};
use serde_json::json;

use super::Asked;
use super::backup::Lies;
use super::copy::{Coming, chosen_db_server, fields_like};
use super::object::{
    KnownContexts, known_platform, known_site, must_be_available, must_stay, must_take_sites, platform_named,
    server_named, short, short_name,
};
use super::queued::Wanted;
use crate::dispatch::{is_same_home, server_of};
use crate::{Answer, BadParameters, Hosting, Refusal};

impl Hosting {
    pub(super) async fn restore_backup(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.restore(asked, InPlaceOf::WhatIsThere).await
    }

    /// The same, of a site that is gone: where its name is in use again, it is refused.
    pub(super) async fn restore_what_is_gone(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.restore(asked, InPlaceOf::Nothing).await
    }

    async fn restore(&self, asked: &Asked<'_>, place: InPlaceOf) -> Result<Answer, Refusal> {
        let lies = self.backup(asked).await?;
        let of = lies.found.backup.site();
        let new_site = asked.given.text::<SiteName>("as");
        if new_site.as_ref() == Some(&of) {
            let why = format!("`{of}` is the site that the backup is of");
            let remedy = "leave it out to restore that site, or name a new one";
            return Err(BadParameters::one(asked.operation, "as", why, remedy).into());
        }
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let request = Task::RestoreBackup {
                    backup: lies.found.backup.clone(),
                    new_site: new_site.clone(),
                    platform: asked.given.text("platform"),
                    db_server: asked.given.text("db_server"),
                    keep: None,
                };
                if place == InPlaceOf::Nothing {
                    must_be_gone(tx, &lies, &of).await?;
                }
                match (site_there(tx, &lies, &of).await?, &new_site) {
                    (Some(site), None) => in_place(tx, asked, &lies, &site, request, now).await,
                    (like, _) => as_new(tx, asked, &lies, like.as_ref(), request, now).await,
                }
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// What a restored site may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InPlaceOf {
    /// Of the site that the backup is of, which is kept.
    WhatIsThere,
    /// Of nothing.
    Nothing,
}

/// Fails if the name of the site of a backup is in use again, by that site or by another.
async fn must_be_gone(read: &mut Read, lies: &Lies, name: &SiteName) -> Result<(), Refusal> {
    let what = match (read.node_named(&ContextName::Site(name.clone())).await?, read.who_has(&name.host()).await?) {
        (Some(_), _) => format!("there is a site `{name}` again"),
        (None, Some(other)) => format!("`{name}` is a name of the site `{}` now", short_name(read, other).await?),
        (None, None) => return Ok(()),
    };
    let line = format!("aegir backup restore {} --as NAME", lies.found.backup);
    Err(Refusal::Conflict {
        what,
        remedy: Some(format!("make a site under another name of the last backup: `{line}`")),
    })
}

/// The site of a backup, if it is kept where that lies.
async fn site_there(read: &mut Read, lies: &Lies, name: &SiteName) -> Result<Option<SiteRecord>, Refusal> {
    let Some(node) = read.node_named(&ContextName::Site(name.clone())).await? else { return Ok(None) };
    let Some(server) = server_of(read, &node).await? else { return Ok(None) };
    let is_there = |server: &aegir_store::ServerRecord| is_same_home(&server.transport, &lies.place.transport);
    match read.server(server).await?.is_some_and(|server| is_there(&server)) {
        true => Ok(read.site(node.id).await?),
        false => Ok(None),
    }
}

/// The platform that was chosen, if one was.
async fn chosen_platform(read: &mut Read, asked: &Asked<'_>, lies: &Lies) -> Result<Option<PlatformRecord>, Refusal> {
    let Some(name) = asked.given.text::<PlatformName>("platform") else { return Ok(None) };
    let platform = platform_named(read, &name).await?;
    must_stay(read, &platform.node).await?;
    must_be_where_it_lies(read, lies, &platform).await?;
    Ok(Some(platform))
}

async fn must_be_where_it_lies(read: &mut Read, lies: &Lies, platform: &PlatformRecord) -> Result<(), Refusal> {
    let server = read.server(platform.server).await?;
    match server.is_none_or(|server| is_same_home(&server.transport, &lies.place.transport)) {
        true => Ok(()),
        false => Err(Refusal::Conflict {
            what: format!(
                "the platform `{}` is on another machine than the backup",
                platform.node.name.as_ref().map_or_else(|| platform.node.title.clone(), short)
            ),
            remedy: Some("choose a platform of the machine that the backup lies on".into()),
        }),
    }
}

/// Has the site be what the backup says.
async fn in_place(
    tx: &mut Tx,
    asked: &Asked<'_>,
    lies: &Lies,
    site: &SiteRecord,
    request: Task,
    now: i64,
) -> Result<Answer, Refusal> {
    must_be_available(tx, asked.operation, &site.node, 0).await?;
    let mut known = KnownContexts::new();
    if let Some(platform) = tx.platform(site.platform).await? {
        known_platform(&mut known, &platform);
    }
    if let Some(platform) = chosen_platform(tx, asked, lies).await? {
        if platform.node.id != site.platform {
            must_take_sites(tx, &platform).await?;
        }
        known_platform(&mut known, &platform);
    }
    chosen_db_server(tx, asked).await?;
    known_site(&mut known, site);
    let name = ContextName::Site(lies.found.backup.site());
    let owner = site.node.owner.unwrap_or(aegir_store::ADMIN);
    let wanted = Wanted { object: site.node.id, name: &name, owner, server: lies.server, needs: None, request };
    match asked.dry_run {
        true => Ok(asked.would_queue(&wanted)),
        false => asked.queue(tx, wanted, &known, now).await,
    }
}

/// Makes a site of the backup: the one that it is of and that is gone, or a new one. `like` is the one that it is of,
/// where that is there.
async fn as_new(
    tx: &mut Tx,
    asked: &Asked<'_>,
    lies: &Lies,
    like: Option<&SiteRecord>,
    request: Task,
    now: i64,
) -> Result<Answer, Refusal> {
    let says = lies.found.manifest.as_ref();
    let mut known = KnownContexts::new();
    if let Some(site) = like {
        match site.node.status {
            // It is only read, so that it may be out of service.
            Some(ObjectStatus::Disabled) => must_stay(tx, &site.node).await?,
            _ => must_be_available(tx, asked.operation, &site.node, 0).await?,
        }
        known_site(&mut known, site);
        if let Some(platform) = tx.platform(site.platform).await? {
            known_platform(&mut known, &platform);
        }
    }
    if like.is_none() && asked.given.text::<SiteName>("as").is_none() {
        must_have_its_name(tx, asked, &lies.found.backup.site()).await?;
    }
    let platform = platform_of(tx, asked, lies, like).await?;
    must_take_sites(tx, &platform).await?;
    known_platform(&mut known, &platform);
    let db_server = db_server_of(tx, asked, says, like).await?;
    let is_gone = asked.given.text::<SiteName>("as").is_none();
    let name = asked.given.text("as").unwrap_or_else(|| lies.found.backup.site());
    let (aliases, redirect) = match says.and_then(|says| says.record.as_ref()).filter(|_| is_gone) {
        Some(record) => free_names(tx, &name, &record.aliases, &record.redirect).await?,
        None => (Vec::new(), Redirect::None),
    };
    // Of a site that is gone its tombstone tells whose it was, and what its fields held.
    let gone = match (like, is_gone) {
        (None, true) => {
            let backup = &lies.found.backup;
            let made = backup.made().unwrap_or(i64::MAX);
            tx.deleted_at(NodeKind::Site, &ContextName::Site(backup.site()), made).await?
        }
        _ => None,
    };
    let model = like.map(|site| &site.node).or(gone.as_ref());
    let of_manifest = says.map(|says| (Some(says.profile.clone()), says.language.clone()));
    let of_site = like.and_then(|site| site.context.as_ref());
    let of_site = of_site.map(|site| (Some(site.profile.clone()), site.language.clone()));
    let (profile, language) = of_manifest.or(of_site).unwrap_or_else(|| (None, Langcode::english()));
    let coming = Coming {
        new: NewSite {
            title: says.map_or_else(|| name.to_string(), |says| says.title.to_string()),
            name,
            platform: platform.node.id,
            db_server,
            profile,
            language,
            aliases,
            redirect,
            owner: model.and_then(|node| node.owner).unwrap_or(aegir_store::ADMIN),
        },
        server: platform.server,
        request,
        known: &known,
        fields: fields_like(tx, asked, model.map(|node| node.id)).await?,
        made_of: json!({ "backup": lies.found.backup }),
    };
    asked.make(tx, coming, now).await
}

/// Fails if the name of a site that is gone is another's: that of the same one, perhaps, which was renamed.
async fn must_have_its_name(read: &mut Read, asked: &Asked<'_>, name: &SiteName) -> Result<(), Refusal> {
    let Some(other) = read.who_has(&name.host()).await? else { return Ok(()) };
    let other = short_name(read, other).await?;
    let why = format!("`{name}`, which it is a backup of, is a name of the site `{other}` now");
    Err(BadParameters::one(asked.operation, "as", why, "give the name of a new site").into())
}

/// Where it is to live: what was chosen, else where the site lives, else where it lived.
async fn platform_of(
    read: &mut Read,
    asked: &Asked<'_>,
    lies: &Lies,
    like: Option<&SiteRecord>,
) -> Result<PlatformRecord, Refusal> {
    if let Some(platform) = chosen_platform(read, asked, lies).await? {
        return Ok(platform);
    }
    let bad = |why: String| BadParameters::one(asked.operation, "platform", why, "name the platform it is to live on");
    let platform = match (like, &lies.found.manifest) {
        (Some(site), _) => read.platform(site.platform).await?,
        (None, Some(BackupManifest { platform, .. })) => match platform_named(read, platform).await {
            Ok(platform) => Some(platform),
            Err(Refusal::Unknown { .. }) => {
                return Err(bad(format!("its site lived on `{platform}`, which is gone too")).into());
            }
            Err(refusal) => return Err(refusal),
        },
        (None, None) => None,
    };
    let platform = platform.ok_or_else(|| bad("its site is gone, and it does not say where that lived".into()))?;
    must_be_where_it_lies(read, lies, &platform).await?;
    Ok(platform)
}

/// Who is to hold its data, in the same order.
async fn db_server_of(
    read: &mut Read,
    asked: &Asked<'_>,
    says: Option<&BackupManifest>,
    like: Option<&SiteRecord>,
) -> Result<aegir_domain::NodeId, Refusal> {
    if let Some(server) = chosen_db_server(read, asked).await? {
        return Ok(server.node.id);
    }
    if let Some(site) = like {
        return Ok(site.db_server);
    }
    let bad = |why: String| {
        BadParameters::one(asked.operation, "db_server", why, "name the server that is to hold its database")
    };
    let Some(name) = says.and_then(|says| says.record.as_ref()).map(|record: &_| &record.db_server) else {
        return Err(bad("its site is gone, and it does not say which server held its database".into()).into());
    };
    let name: &ServerName = name;
    match server_named(read, name).await {
        Ok(server) => Ok(server.node.id),
        Err(Refusal::Unknown { .. }) => Err(bad(format!("its database lay on `{name}`, which is gone too")).into()),
        Err(refusal) => Err(refusal),
    }
}

/// The other names that a site had and that nobody has taken meanwhile: its back end leaves out the rest, with a warning.
async fn free_names(
    read: &mut Read,
    name: &SiteName,
    aliases: &[aegir_domain::HostName],
    redirect: &Redirect,
) -> Result<(Vec<aegir_domain::HostName>, Redirect), Refusal> {
    let mut free = Vec::new();
    for alias in aliases {
        if read.who_has(alias).await?.is_none() {
            free.push(alias.clone());
        }
    }
    let redirect = match redirect {
        Redirect::To(to) if *to == name.host() || free.contains(to) => redirect.clone(),
        _ => Redirect::None,
    };
    Ok((free, redirect))
}
