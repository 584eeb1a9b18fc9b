//! What can be asked of backups. They lie in the homes of back ends, which are asked for them each time.

use aegir_domain::{BackupName, ContextName, FoundBackup, NodeId, ObjectStatus, ServerName, SiteName, Task, Transport};
use aegir_store::{DeedList, Page, Read, ServerList, ServerRecord, StoreFault, Tx};

use super::object::{KnownContexts, known_platform, known_site, platform_named, server_named, site_named};
use super::queued::Wanted;
use super::{Asked, shown};
use crate::dispatch::{is_same_home, server_of};
use crate::view::{BackupView, OUT_OF_CONTACT};
use crate::{Answer, BadParameters, Hosting, Lost, Place, Refusal};

/// A backup, and where it lies.
pub(super) struct Lies {
    pub(super) server: NodeId,
    pub(super) place: Place,
    pub(super) found: FoundBackup,
}

impl Hosting {
    pub(super) async fn list_backups(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let site = asked.given.text::<SiteName>("site");
        let kind = asked.given.str("kind");
        let mut items = Vec::new();
        if kind != Some("former") {
            let (found, lost) = match &site {
                Some(site) => self.backups_of_site(asked, site).await?,
                None => self.backups(asked, None).await?,
            };
            items.extend(found.iter().map(|lies| BackupView::of(&lies.place.server, &lies.found)));
            items.extend(lost.iter().map(BackupView::of_lost));
        }
        if let Some(site) = site.filter(|_| kind != Some("backup")) {
            // One that was packed is among the backups already.
            items.extend(self.formers(asked, &site, kind == Some("former")).await?);
        }
        // The newest first, behind what cannot be told: the page is in the order of its keys.
        shown::page_of_whole(asked, items, |one| {
            let age = if one.kind == OUT_OF_CONTACT { 0 } else { i64::MAX - one.made };
            format!("{age:020} {} {}", one.name, one.server)
        })
    }

    pub(super) async fn show_backup(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let lies = self.backup(asked).await?;
        Ok(Answer::Object(shown::json(&BackupView::of(&lies.place.server, &lies.found))))
    }

    pub(super) async fn verify_backup(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let lies = self.backup(asked).await?;
        let request = Task::VerifyBackup {
            backup: lies.found.backup.clone(),
            platform: asked.given.text("platform"),
            db_server: asked.given.text("db_server"),
        };
        self.backup_task(asked, &lies, request).await
    }

    pub(super) async fn delete_backup(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let typed = asked.given.str("confirm").unwrap_or_default();
        if typed != asked.name {
            let why = format!("`{typed}` is not the name of the backup");
            let sure = format!("if you are sure, give `{}`", asked.name);
            return Err(BadParameters::one(asked.operation, "confirm", why, sure).into());
        }
        let lies = self.backup(asked).await?;
        let request = Task::DeleteBackup { backup: lies.found.backup.clone() };
        self.backup_task(asked, &lies, request).await
    }

    /// Queues what `request` says: of the site, where that is there; else of the server on whose machine it lies.
    async fn backup_task(&self, asked: &Asked<'_>, lies: &Lies, request: Task) -> Result<Answer, Refusal> {
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let mut known = KnownContexts::new();
                if let Some(name) = asked.given.text("platform") {
                    known_platform(&mut known, &platform_named(tx, &name).await?);
                }
                if let Some(name) = asked.given.text::<ServerName>("db_server") {
                    server_named(tx, &name).await?;
                }
                let (object, name) = object_of(tx, lies, &mut known).await?;
                let wanted = Wanted {
                    object,
                    name: &name,
                    owner: aegir_store::ADMIN,
                    server: lies.server,
                    needs: None,
                    request: request.clone(),
                };
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    /// The backup that is named, wherever it lies.
    pub(super) async fn backup(&self, asked: &Asked<'_>) -> Result<Lies, Refusal> {
        let unknown = || Refusal::Unknown { what: "backup", name: asked.name.to_owned() };
        let name: BackupName = asked.name.parse().map_err(|_| unknown())?;
        let (mut found, mut lost) = self.backups(asked, Some(&name.site())).await?;
        found.retain(|lies| lies.found.backup == name);
        if found.len() > 1 {
            let servers: Vec<_> = found.iter().map(|lies| format!("`{}`", lies.place.server)).collect();
            return Err(Refusal::Conflict {
                what: format!("there is a backup `{name}` on the machines of {}", servers.join(" and ")),
                remedy: Some("say which with `server`".into()),
            });
        }
        match (found.pop(), lost.pop()) {
            (Some(found), _) => Ok(found),
            // It may lie there.
            (None, Some(lost)) => Err(lost.into()),
            (None, None) => Err(unknown()),
        }
    }

    /// Where the backup that is named lies.
    pub(super) async fn place_of_backup(&self, asked: &Asked<'_>) -> Result<(Place, BackupName), Refusal> {
        let lies = self.backup(asked).await?;
        Ok((lies.place, lies.found.backup))
    }

    /// The backups of a site, or of all, on the machines where they can lie; and those that do not answer.
    async fn backups(&self, asked: &Asked<'_>, site: Option<&SiteName>) -> Result<(Vec<Lies>, Vec<Lost>), Refusal> {
        let places = self.store().read(async |read| places(read, asked, site).await).await?;
        let (mut all, mut lost) = (Vec::new(), Vec::new());
        for (server, place) in places {
            match self.0.back_ends.backups(&place, site).await {
                Ok(found) => all.extend(found.into_iter().map(|found| Lies { server, place: place.clone(), found })),
                Err(one) => lost.push(one),
            }
        }
        Ok((all, lost))
    }

    /// The backups of a site: those of its name, and those that were made while it was called otherwise.
    async fn backups_of_site(&self, asked: &Asked<'_>, site: &SiteName) -> Result<(Vec<Lies>, Vec<Lost>), Refusal> {
        let (mut all, lost) = self.backups(asked, Some(site)).await?;
        let (names, places) = self
            .store()
            .read(async |read| {
                Ok::<_, Refusal>((names_before(read, site).await?, places(read, asked, Some(site)).await?))
            })
            .await?;
        for (server, place) in places.into_iter().filter(|_| lost.is_empty()) {
            for (name, until) in &names {
                // What could not be asked was told of already, or is asked for anew.
                let Ok(found) = self.0.back_ends.backups(&place, Some(name)).await else { continue };
                // Another site can have the name since.
                let its = found.into_iter().filter(|found| found.backup.made().is_some_and(|made| made <= *until));
                all.extend(its.map(|found| Lies { server, place: place.clone(), found }));
            }
        }
        Ok((all, lost))
    }

    /// What a site was before it was moved, as far as it is there; those that were packed too, if `packed`.
    async fn formers(&self, asked: &Asked<'_>, site: &SiteName, packed: bool) -> Result<Vec<BackupView>, Refusal> {
        let server = asked.given.text::<ServerName>("server");
        self.store()
            .read(async |read| {
                let site = match site_named(read, site).await {
                    Ok(site) => site,
                    Err(Refusal::Unknown { .. }) => return Ok(Vec::new()),
                    Err(refusal) => return Err(refusal),
                };
                let (Some(context), Some(lies)) = (&site.context, server_of(read, &site.node).await?) else {
                    return Ok(Vec::new());
                };
                let on = super::object::short_name(read, lies).await?;
                let is_there = server.is_none_or(|server| server.as_str() == on);
                let is_shown = |former: &&aegir_domain::Former| is_there && (packed || former.archive.is_none());
                let formers = context.formers.iter().filter(is_shown);
                Ok(formers.map(|former| BackupView::of_former(&context.name, &on, former)).collect())
            })
            .await
    }
}

/// What a site was called before, and until when.
async fn names_before(read: &mut Read, site: &SiteName) -> Result<Vec<(SiteName, i64)>, Refusal> {
    let Some(node) = read.node_named(&ContextName::Site(site.clone())).await? else { return Ok(Vec::new()) };
    let history = DeedList { node: node.id, page: Page::first(aegir_store::LONGEST_PAGE) };
    let deeds = read.list(&history).await?.rows.into_iter().filter(|deed| deed.what == crate::dispatch::RENAMED);
    let was = |deed: &aegir_store::Deed| {
        let name = deed.detail.as_ref()?["was"].as_str()?.parse::<ContextName>().ok()?;
        match name {
            ContextName::Site(name) if name != *site => Some((name, deed.at)),
            _ => None,
        }
    };
    // The newest first: of a name that it had twice, the last time counts.
    let mut names: Vec<(SiteName, i64)> = Vec::new();
    for (name, until) in deeds.filter_map(|deed| was(&deed)) {
        if names.iter().all(|(known, _)| *known != name) {
            names.push((name, until));
        }
    }
    Ok(names)
}

/// The object of a task about a backup.
async fn object_of(tx: &mut Tx, lies: &Lies, known: &mut KnownContexts) -> Result<(NodeId, ContextName), Refusal> {
    let name = ContextName::Site(lies.found.backup.site());
    if let Some(node) = tx.node_named(&name).await?
        && node.status.is_some_and(ObjectStatus::is_there)
        && let Some(site) = tx.site(node.id).await?
        && let Some(platform) = tx.platform(site.platform).await?
        && let Some(server) = tx.server(platform.server).await?
        && is_same_home(&server.transport, &lies.place.transport)
    {
        known_platform(known, &platform);
        known_site(known, &site);
        return Ok((node.id, name));
    }
    Ok((lies.server, ContextName::Server(lies.place.server.clone())))
}

/// The machines where backups of a site, or of all, can lie; each by one server, as several can share a home.
pub(super) async fn places(
    read: &mut Read,
    asked: &Asked<'_>,
    site: Option<&SiteName>,
) -> Result<Vec<(NodeId, Place)>, Refusal> {
    let place =
        |server: ServerRecord| (server.node.id, Place { server: server.context.name, transport: server.transport });
    if let Some(name) = asked.given.text::<ServerName>("server") {
        return Ok(vec![place(server_named(read, &name).await?)]);
    }
    if let Some(site) = site
        && let Some(node) = read.node_named(&ContextName::Site(site.clone())).await?
        && let Some(server) = server_of(read, &node).await?
        && let Some(server) = read.server(server).await?
    {
        return Ok(vec![place(server)]);
    }
    Ok(homes(read).await?)
}

/// The homes of all machines, each by one server.
pub(crate) async fn homes(read: &mut Read) -> Result<Vec<(NodeId, Place)>, StoreFault> {
    let mut places: Vec<(NodeId, Place)> = Vec::new();
    let mut page = Page::first(aegir_store::LONGEST_PAGE);
    loop {
        let servers = ServerList { status: vec![ObjectStatus::Enabled], page, ..ServerList::default() };
        let servers = read.list(&servers).await?;
        for server in servers.rows {
            let is_known = |known: &Transport| is_same_home(known, &server.transport);
            if !places.iter().any(|(_, known)| is_known(&known.transport)) {
                let place = Place { server: server.context.name, transport: server.transport };
                places.push((server.node.id, place));
            }
        }
        match servers.next {
            Some(next) => page = Page::behind(aegir_store::LONGEST_PAGE, next),
            None => return Ok(places),
        }
    }
}
