//! What can be asked of sites.

use aegir_domain::{
    ContextName, Former, FormerName, HostName, KeepFormer, MigrateSite, NodeId, NodeKind, ObjectStatus, Rehearse,
    SiteContext, SiteName, Task, TaskState,
};
use aegir_store::{HasPackage, NameMatch, NewSite, Page, Read, ServerList, SiteList, SiteRecord, Span};

use super::around::Around;
use super::field::fill_fields;
use super::object::{
    KnownContexts, going, known_platform, known_site, must_be_available, must_be_nobodys, must_stay, must_take_sites,
    platform_named, server_named, short, site_named,
};
use super::queued::Wanted;
use super::setting::cron_interval;
use super::shown::{cursor_page, of_page, site_in_list, site_view};
use super::{Asked, shown};
use crate::dispatch::is_same_home;
use crate::making::{changed_site, new_site};
use crate::options::{Chosen, DbServerOffer, Offer, PlatformOffer, options};
use crate::{Answer, BadParameters, Hosting, OperationId, Refusal};

/// How many platforms are offered for a new site at the most.
const MOST_OFFERED: u32 = 500;

impl Hosting {
    pub(super) async fn list_sites(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        if given.has("version") && !given.has("package") {
            let why = "it is the version of a package, and none is named";
            return Err(BadParameters::one(asked.operation, "version", why, "give `package` too").into());
        }
        self.store()
            .read(async |read| {
                let (sort, direction) = shown::order_of(given);
                let mut list = SiteList {
                    name: given.str("search").map(|text| NameMatch::Holds(text.to_owned())),
                    status: shown::statuses(given),
                    cron: given.text("cron"),
                    package: given.str("package").map(|name| HasPackage {
                        kind: None,
                        name: name.to_owned(),
                        version: given.str("version").map(str::to_owned),
                        enabled: Some(true),
                    }),
                    sort,
                    direction,
                    page: cursor_page(asked)?,
                    ..SiteList::default()
                };
                for name in given.texts("platform") {
                    list.platform.push(platform_named(read, &name).await?.node.id);
                }
                if let Some(name) = given.text("server") {
                    list.uses = Some(server_named(read, &name).await?.node.id);
                }
                if let Some(client) = given.str("client") {
                    list.owner = Some(client_named(client)?);
                }
                if given.has("verified") {
                    // Never verified is 0 there.
                    list.verified = match given.flag("verified") {
                        true => Span { from: Some(1), until: None },
                        false => Span { from: None, until: Some(1) },
                    };
                }
                if !asked.reads.beside {
                    return shown::nodes_alone(read, asked, list).await;
                }
                let (page, total) = shown::listed(read, asked, &list).await?;
                let around = Around::sites(read, &page.rows).await?;
                let items = page.rows.iter().map(|site| site_in_list(&around, site)).collect();
                of_page(items, page.next, total)
            })
            .await
    }

    pub(super) async fn show_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.site()?;
        self.store()
            .snapshot(async |read| {
                let site = site_named(read, &name).await?;
                Ok(Answer::Object(shown::json(&site_view(read, &site).await?)))
            })
            .await
    }

    pub(super) async fn site_options(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        let chosen = Chosen {
            platform: given.text("platform"),
            profile: given.text("profile"),
            db_server: given.text("db_server"),
            language: given.text("language"),
        };
        let offer = self.store().snapshot(async |read| offer(read).await).await?;
        Ok(Answer::Object(options(&offer, &chosen).as_json()))
    }

    pub(super) async fn add_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.site()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                for chosen in asked
                    .given
                    .text("platform")
                    .map(ContextName::Platform)
                    .into_iter()
                    .chain(asked.given.text("db_server").map(ContextName::Server))
                {
                    if let Some(node) = tx.node_named(&chosen).await? {
                        must_stay(tx, &node).await?;
                    }
                }
                let offer = offer(tx).await?;
                let mut install = new_site(asked.operation, name.clone(), asked.given, &offer)?;
                // Said of it from the beginning: so it runs none by itself, when it is visited.
                install.cron = Some(install.cron.unwrap_or(cron_interval(tx).await?));
                let platform = platform_named(tx, &install.platform).await?;
                let db_server = server_named(tx, &install.db_server).await?;
                for host in std::iter::once(name.host()).chain(install.aliases.iter().cloned()) {
                    must_be_nobodys(tx, &host, None).await?;
                }
                let object_name = ContextName::Site(name.clone());
                let mut known = KnownContexts::new();
                known_platform(&mut known, &platform);
                let new = NewSite {
                    name: name.clone(),
                    title: install.title.as_ref().map_or_else(|| name.to_string(), |title| title.to_string()),
                    platform: platform.node.id,
                    db_server: db_server.node.id,
                    profile: install.profile.clone(),
                    language: install.language.clone(),
                    aliases: install.aliases.clone(),
                    redirect: install.redirect.clone(),
                    owner: aegir_store::ADMIN,
                };
                let mut wanted = Wanted {
                    object: NodeId(0),
                    name: &object_name,
                    owner: aegir_store::ADMIN,
                    server: platform.server,
                    needs: Some(platform.node.id),
                    request: Task::InstallSite(Box::new(install)),
                };
                let fields = asked.fields(tx, NodeKind::Site).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                wanted.object = tx.add_site(&new, now).await?;
                fill_fields(tx, wanted.object, &fields, now).await?;
                tx.record_deed(wanted.object, &asked.actor.name, "added", None, now).await?;
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    pub(super) async fn edit_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |tx, site, context| {
            let changed = changed_site(asked.operation, context, asked.given)?;
            for host in &changed.aliases {
                must_be_nobodys(tx, host, Some(site.node.id)).await?;
            }
            asked.revision_is(context.name.as_str(), context.revision)?;
            Ok(Task::VerifySite { site: context.name.clone(), context: Some(Box::new(changed)) })
        })
        .await
    }

    pub(super) async fn verify_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| Ok(Task::VerifySite { site: context.name.clone(), context: None }))
            .await
    }

    pub(super) async fn rebuild_caches_of_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| Ok(Task::RebuildCaches { site: context.name.clone() })).await
    }

    pub(super) async fn log_in_to_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let account = asked.given.number("account").and_then(|account| u64::try_from(account).ok()).unwrap_or(1);
        self.site_task(asked, async |_, _, context| Ok(Task::Login { site: context.name.clone(), account })).await
    }

    pub(super) async fn migrate_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |tx, site, context| {
            let Some(name) = asked.given.text("platform") else {
                return Err(
                    BadParameters::one(asked.operation, "platform", "it must be given", "name a platform").into()
                );
            };
            let platform = platform_named(tx, &name).await?;
            must_take_sites(tx, &platform).await?;
            must_be_of_one_home(tx, site.platform, &platform).await?;
            let db_server = asked.given.text("db_server");
            if let Some(name) = &db_server {
                let server = server_named(tx, name).await?;
                must_stay(tx, &server.node).await?;
            }
            if platform.node.id == site.platform {
                let why = format!("`{}` lives on `{name}` already", context.name);
                return Err(BadParameters::one(asked.operation, "platform", why, "name another platform").into());
            }
            let rehearse = match (asked.given.flag("rehearse"), asked.given.flag("rehearse_first")) {
                (true, true) => {
                    let why = "with `rehearse_first` the site moves, with `rehearse` it does not";
                    return Err(BadParameters::one(asked.operation, "rehearse", why, "give one of them").into());
                }
                (true, false) => Some(Rehearse::Only),
                (false, true) => Some(Rehearse::First),
                (false, false) => None,
            };
            let allow_missing = asked.given.texts("allow_missing").into_iter().collect();
            let site = context.name.clone();
            let keep = keep_former(asked);
            let migrate = MigrateSite { site, platform: name, db_server, allow_missing, rehearse, keep };
            Ok(Task::MigrateSite(Box::new(migrate)))
        })
        .await
    }

    pub(super) async fn update_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| {
            must_be_installed(context)?;
            let allow_missing = asked.given.texts("allow_missing").into_iter().collect();
            Ok(Task::UpdateSite { site: context.name.clone(), allow_missing, keep: keep_former(asked) })
        })
        .await
    }

    pub(super) async fn go_back_with_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |tx, site, context| {
            let former = asked.given.text("former");
            must_have_former(asked, context, former.as_ref())?;
            for host in names_of_former(context, former.as_ref()) {
                must_be_nobodys(tx, &host, Some(site.node.id)).await?;
            }
            Ok(Task::GoBackSite {
                site: context.name.clone(),
                former,
                keep: None,
                although_broken: asked.given.flag("although_broken"),
            })
        })
        .await
    }

    pub(super) async fn drop_former_of_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| {
            let former = asked.given.text("former");
            must_have_former(asked, context, former.as_ref())?;
            Ok(Task::DropFormers { site: context.name.clone(), former })
        })
        .await
    }

    pub(super) async fn back_up_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let note = asked.given.text("note");
        self.site_task(asked, async |_, _, context| Ok(Task::BackupSite { site: context.name.clone(), note })).await
    }

    pub(super) async fn disable_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let no_backup = asked.given.flag("no_backup");
        self.site_task(asked, async |_, _, context| {
            must_be_installed(context)?;
            Ok(Task::DisableSite { site: context.name.clone(), no_backup })
        })
        .await
    }

    pub(super) async fn enable_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| Ok(Task::EnableSite { site: context.name.clone() })).await
    }

    pub(super) async fn eject_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.site_task(asked, async |_, _, context| {
            must_be_installed(context)?;
            Ok(Task::EjectSite { site: context.name.clone() })
        })
        .await
    }

    pub(super) async fn delete_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.site()?;
        let typed = asked.given.str("confirm").unwrap_or_default();
        if typed != name.as_str() {
            return Err(crate::BadParameters::one(
                asked.operation,
                "confirm",
                format!("`{typed}` is not the name of the site"),
                format!("if you are sure, give `{name}`"),
            )
            .into());
        }
        let (was_never_made, left_something) = self
            .store()
            .read(async |read| {
                let site = site_named(read, &name).await?;
                let never_made = site.node.status == Some(ObjectStatus::Failed);
                Ok::<_, Refusal>((never_made, never_made && left_something(read, &site.node).await?))
            })
            .await?;
        if was_never_made && !left_something {
            return self.drop_failed(asked, &ContextName::Site(name)).await;
        }
        let no_backup = asked.given.flag("no_backup");
        let request = Task::DeleteSite { site: name.clone(), confirm: name.to_string(), no_backup };
        if left_something {
            return self.queue_for_site(asked, async |_, _| Ok(request)).await;
        }
        self.site_task(asked, async |_, _, _| Ok(request)).await
    }

    /// Queues what `request` says for a site that is there.
    pub(super) async fn site_task(
        &self,
        asked: &Asked<'_>,
        request: impl AsyncFnOnce(&mut aegir_store::Tx, &SiteRecord, &aegir_domain::SiteContext) -> Result<Task, Refusal>,
    ) -> Result<Answer, Refusal> {
        self.queue_for_site(asked, async |tx, site| match site.context.clone() {
            Some(context) => request(tx, site, &context).await,
            None => Err(Refusal::Unknown { what: "site", name: asked.name.to_owned() }),
        })
        .await
    }

    /// The same, whether or not it is there.
    async fn queue_for_site(
        &self,
        asked: &Asked<'_>,
        request: impl AsyncFnOnce(&mut aegir_store::Tx, &SiteRecord) -> Result<Task, Refusal>,
    ) -> Result<Answer, Refusal> {
        let name = asked.site()?;
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let site = site_named(tx, &name).await?;
                must_be_available(tx, asked.operation, &site.node, 0).await?;
                let platform = tx.platform(site.platform).await?;
                let platform =
                    platform.ok_or_else(|| Refusal::Unknown { what: "platform", name: site.platform.to_string() })?;
                let mut known = KnownContexts::new();
                known_platform(&mut known, &platform);
                known_site(&mut known, &site);
                let request = request(tx, &site).await?;
                let object_name = ContextName::Site(name.clone());
                let wanted = Wanted {
                    object: site.node.id,
                    name: &object_name,
                    owner: site.node.owner.unwrap_or(aegir_store::ADMIN),
                    server: platform.server,
                    needs: None,
                    request,
                };
                let fields = asked.fields(tx, NodeKind::Site).await?;
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                fill_fields(tx, site.node.id, &fields, now).await?;
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// Whether the task that was to make a site could not take back what it did. Of attempts that touched nothing, the one
/// before tells.
async fn left_something(read: &mut Read, site: &aegir_store::Node) -> Result<bool, Refusal> {
    use OperationId as Id;
    let making = [Id::SiteAdd, Id::SiteImport, Id::SiteCopy, Id::SiteClone, Id::BackupRestore];
    let making = making.map(|id| id.declaration().slug());
    let tasks = read.tasks_that_count(site.id).await?;
    let made_by = tasks.iter().rfind(|task| making.iter().any(|slug| task.operation.as_str() == slug));
    let Some(made_by) = made_by else { return Ok(false) };
    let attempts = read.attempts(made_by.id).await?;
    let outcomes = attempts.iter().rev().filter_map(|attempt| attempt.outcome);
    let telling = outcomes.into_iter().find(|outcome| !matches!(outcome, TaskState::Refused | TaskState::Cancelled));
    Ok(telling == Some(TaskState::Stuck))
}

/// The client of this name. There is but one until others come.
pub(super) fn client_named(name: &str) -> Result<NodeId, Refusal> {
    match name {
        "admin" => Ok(aegir_store::ADMIN),
        _ => Err(Refusal::Unknown { what: "client", name: name.to_owned() }),
    }
}

impl Asked<'_> {
    pub(crate) fn site(&self) -> Result<SiteName, Refusal> {
        self.name.parse().map_err(|_| Refusal::Unknown { what: "site", name: self.name.to_owned() })
    }
}

/// What there is for a new site to be made of.
pub(super) async fn offer(read: &mut Read) -> Result<Offer, Refusal> {
    let mut offer = Offer::default();
    let servers = ServerList { page: Page::first(MOST_OFFERED), ..ServerList::default() };
    let mut engines = Vec::new();
    let going = going(read).await?;
    for server in read.list(&servers).await?.rows {
        if server.node.status != Some(ObjectStatus::Enabled) || going.contains(&server.node.id) {
            continue;
        }
        if let Some(db) = &server.context.db {
            let engine = db.as_str().to_owned();
            engines.push(engine.clone());
            offer.db_servers.push(DbServerOffer { name: server.context.name.clone(), engine });
        }
    }
    engines.sort();
    engines.dedup();
    let platforms = aegir_store::PlatformList {
        status: vec![ObjectStatus::Enabled],
        locked: Some(false),
        page: Page::first(MOST_OFFERED),
        ..aegir_store::PlatformList::default()
    };
    let platforms = read.list(&platforms).await?.rows;
    let ids: Vec<NodeId> = platforms.iter().map(|platform| platform.node.id).collect();
    let profiles = read.profiles_on(&ids).await?;
    let mut languages = read.languages_of(&ids).await?;
    let surveyed = read.engines_of(&ids).await?;
    for platform in platforms {
        let id = platform.node.id;
        let (Some(context), Some(_)) = (&platform.context, platform.node.verified) else { continue };
        if going.contains(&id) {
            continue;
        }
        let profiles = profiles.get(&id).map(Vec::as_slice).unwrap_or_default();
        let mut profiles: Vec<_> = profiles.iter().filter_map(|name| name.parse().ok()).collect();
        let default_profile = platform.default_profile.clone();
        if let Some(default) = &default_profile
            && !profiles.contains(default)
        {
            profiles.push(default.clone());
        }
        let core = platform.core.as_deref().unwrap_or_default();
        offer.platforms.push(PlatformOffer {
            name: context.name.clone(),
            core: core.split(['.', '-']).map_while(|part| part.parse().ok()).collect(),
            server: context.server.clone(),
            profiles,
            default_profile,
            languages: languages.remove(&id).unwrap_or_default(),
            // Drupal 7 knows what lies beside its profiles, and no more.
            fetches: !core.starts_with("7."),
            // Until a verify has told, each that there is may be one of them; the install checks it in any case.
            engines: match platform.surveyed {
                true => surveyed.get(&id).into_iter().flatten().map(ToString::to_string).collect(),
                false => engines.clone(),
            },
        });
    }
    Ok(offer)
}

/// How somebody wants what the site was to be kept; otherwise the setting says.
pub(super) fn keep_former(asked: &Asked<'_>) -> Option<KeepFormer> {
    let word = asked.given.str("keep_former")?;
    [KeepFormer::Itself, KeepFormer::Archive].into_iter().find(|how| how.as_str() == word)
}

/// What a site would be called again, and answer to, if it went back over a change of its name.
fn names_of_former(context: &SiteContext, former: Option<&FormerName>) -> Vec<HostName> {
    let is_it = |one: &&Former| former.is_none_or(|name| one.name == *name);
    let names = context.formers.iter().rev().find(is_it).and_then(|former| former.names.as_ref());
    names.map_or_else(Vec::new, |names| {
        std::iter::once(names.site.host()).chain(names.aliases.iter().cloned()).collect()
    })
}

/// Fails if a platform is not in the home of that which a site lives on.
pub(super) async fn must_be_of_one_home(
    read: &mut Read,
    from: NodeId,
    to: &aegir_store::PlatformRecord,
) -> Result<(), Refusal> {
    let Some(from) = read.platform(from).await? else { return Ok(()) };
    let (here, there) = (read.server(from.server).await?, read.server(to.server).await?);
    match (here, there) {
        (Some(here), Some(there)) if !is_same_home(&here.transport, &there.transport) => Err(Refusal::Conflict {
            what: format!(
                "the platform `{}` is on another machine than the site",
                to.node.name.as_ref().map_or_else(|| to.node.title.clone(), short)
            ),
            remedy: Some("choose a platform of the same machine".into()),
        }),
        _ => Ok(()),
    }
}

/// Fails if Drupal is not in a site yet, so that there is nothing to be copied.
pub(super) fn must_be_installed(context: &SiteContext) -> Result<(), Refusal> {
    match context.awaits_installer {
        false => Ok(()),
        true => Err(Refusal::Conflict {
            what: format!("Drupal is not installed into `{}` yet", context.name),
            remedy: Some(format!("call its installer, then `aegir site verify {}`; or delete it", context.name)),
        }),
    }
}

/// Fails if a site has no such former self, or none at all.
pub(super) fn must_have_former(
    asked: &Asked<'_>,
    context: &SiteContext,
    former: Option<&FormerName>,
) -> Result<(), Refusal> {
    let there = |name: &FormerName| context.formers.iter().any(|former| former.name == *name);
    if !context.formers.is_empty() && former.is_none_or(there) {
        return Ok(());
    }
    let why = match former {
        Some(name) => format!("`{}` has no former self `{name}`", context.name),
        None => format!("`{}` has no former self: one is kept when it is moved", context.name),
    };
    let see = format!("see which there are with `aegir site show {}`", context.name);
    Err(BadParameters::one(asked.operation, "former", why, see).into())
}
