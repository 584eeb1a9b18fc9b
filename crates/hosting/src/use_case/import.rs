//! Sites that somebody else installed: what taking one in would be, which its back end tells, and the task that does it; and
//! what becomes of copies of such.

use std::path::PathBuf;

use aegir_domain::{
    ContextName, CopySource, HostName, ImportAnswer, ImportSite, Langcode, PlatformName, Redirect, RefreshCopy,
    ServerName, SiteFolder, SiteName, SwitchCopy, Task,
};
use aegir_store::{NewSite, PlatformRecord, Read, ServerList, ServerRecord, Tx};
use serde_json::{Value, json};

use super::copy::{Coming, chosen_db_server, fields_like};
use super::object::{KnownContexts, known_platform, must_be_free, must_take_sites, platform_named, short};
use super::site::{client_named, keep_former};
use super::{Asked, shown};
use crate::making::names_are_sound;
use crate::{Answer, BadParameters, FoundFolder, Hosting, Place, Refusal};

/// How many platforms are named at the most where a site was found on several.
const NAMED: usize = 5;

impl Hosting {
    pub(super) async fn look_at_found_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let folder: SiteFolder =
            asked.name.parse().map_err(|_| Refusal::Unknown { what: "found-site", name: asked.name.to_owned() })?;
        let name = asked.given.text::<SiteName>("as");
        if let (Some(name), true) = (&name, folder != SiteFolder::of_default()) {
            let why = format!("the site has the name of its folder, and cannot be taken in as `{name}`");
            let remedy = "leave it out, and rename the site when it is in".to_owned();
            return Err(BadParameters::one(asked.operation, "as", why, remedy).into());
        }
        let (place, site) = self
            .store()
            .read(async |read| {
                let platform = platform_of_found(read, asked, &folder).await?;
                let unknown = || Refusal::Unknown { what: "platform", name: platform.node.title.clone() };
                let server = read.server(platform.server).await?.ok_or_else(unknown)?;
                let place = Place { server: server.context.name, transport: server.transport };
                let site = FoundFolder {
                    folder: folder.clone(),
                    name: name.clone(),
                    platform: name_of(&platform)?,
                    db_server: asked.given.text::<ServerName>("db_server"),
                    aliases: asked.given.texts::<HostName>("alias"),
                };
                Ok::<_, Refusal>((place, site))
            })
            .await?;
        match self.0.back_ends.look_at_import(&place, &site).await? {
            ImportAnswer::Found(found) => Ok(Answer::Object(shown::json(&found))),
            ImportAnswer::Nameless => {
                let why = "the site lies in `sites/default`, and nothing there says by which name visitors ask for it";
                let remedy = "give the name that it is to have, such as `www.example.org`";
                Err(BadParameters::one(asked.operation, "as", why, remedy).into())
            }
            ImportAnswer::Refused(fault) => {
                let what = std::iter::once(fault.message).chain(fault.because).collect::<Vec<_>>().join(": ");
                Err(Refusal::Conflict { what, remedy: fault.remedy })
            }
        }
    }

    pub(super) async fn import_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let folder = match asked.given.flag("from_default") {
                    true => SiteFolder::of_default(),
                    false => asked.site()?.into(),
                };
                let platform = platform_of_found(tx, asked, &folder).await?;
                let import =
                    ImportSite { from_default: asked.given.flag("from_default"), ..asked_for(asked, &platform)? };
                let db_server = match chosen_db_server(tx, asked).await? {
                    Some(server) => server,
                    None => likely_db_server(tx, &platform).await?,
                };
                let made_of = json!({ "found_on": platform.node.name });
                comes_in(tx, asked, Importing { platform, db_server, import, made_of }, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    pub(super) async fn copy_somebodys_site(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let Some(folder) = asked.given.str("folder").map(PathBuf::from) else {
            let bad = BadParameters::one(asked.operation, "folder", "it must be given", "give the path of its folder");
            return Err(bad.into());
        };
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                let platform = platform_of_found(tx, asked, &asked.site()?.into()).await?;
                let db_server = match chosen_db_server(tx, asked).await? {
                    Some(server) => server,
                    None => own_db_server(tx, asked, &platform).await?,
                };
                let source =
                    CopySource { folder: folder.clone(), database: None, sanitise: asked.given.flag("sanitise") };
                let import = ImportSite { copy_of: Some(source), ..asked_for(asked, &platform)? };
                let made_of = json!({ "copy_of": folder, "on": platform.node.name });
                comes_in(tx, asked, Importing { platform, db_server, import, made_of }, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    pub(super) async fn refresh_copy(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.copy_task(asked, None).await
    }

    pub(super) async fn switch_copy(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.copy_task(asked, Some(SwitchCopy { although_live: asked.given.flag("although_live") })).await
    }

    /// Brings a copy up to date. That it is one, and can be, its standing says.
    async fn copy_task(&self, asked: &Asked<'_>, switch: Option<SwitchCopy>) -> Result<Answer, Refusal> {
        let keep = keep_former(asked);
        self.site_task(asked, async |_, _, context| {
            Ok(Task::RefreshCopy(RefreshCopy { site: context.name.clone(), switch, keep }))
        })
        .await
    }
}

/// A site that somebody else installed, on its way in.
struct Importing {
    platform: PlatformRecord,
    db_server: ServerRecord,
    import: ImportSite,
    /// Where it comes from, for its history.
    made_of: Value,
}

/// Puts a site into the lists that is to be taken in, or copied, and queues what does it.
async fn comes_in(tx: &mut Tx, asked: &Asked<'_>, of: Importing, now: i64) -> Result<Answer, Refusal> {
    let Importing { platform, db_server, import, made_of } = of;
    must_take_sites(tx, &platform).await?;
    must_be_free(tx, asked, &ContextName::Site(import.site.clone())).await?;
    names_are_sound(asked.operation, &import.site, &import.aliases, &Redirect::None)?;
    let mut known = KnownContexts::new();
    known_platform(&mut known, &platform);
    let coming = Coming {
        new: NewSite {
            name: import.site.clone(),
            title: import.site.to_string(),
            platform: platform.node.id,
            db_server: db_server.node.id,
            profile: None,
            // What it is, it says itself when it is there.
            language: Langcode::english(),
            aliases: import.aliases.clone(),
            redirect: Redirect::None,
            owner: client_named(import.client.as_str())?,
        },
        server: platform.server,
        request: Task::ImportSite(Box::new(import)),
        known: &known,
        fields: fields_like(tx, asked, None).await?,
        made_of,
    };
    asked.make(tx, coming, now).await
}

/// What is asked of the back end.
fn asked_for(asked: &Asked<'_>, platform: &PlatformRecord) -> Result<ImportSite, Refusal> {
    let given = asked.given;
    Ok(ImportSite {
        site: asked.site()?,
        from_default: false,
        platform: name_of(platform)?,
        db_server: given.text::<ServerName>("db_server"),
        aliases: given.texts::<HostName>("alias"),
        client: match given.text("client") {
            Some(client) => client,
            None => "admin".parse().map_err(|_| Refusal::Unknown { what: "client", name: "admin".into() })?,
        },
        copy_of: None,
    })
}

/// What a platform is called.
fn name_of(platform: &PlatformRecord) -> Result<PlatformName, Refusal> {
    match &platform.node.name {
        Some(ContextName::Platform(name)) => Ok(name.clone()),
        _ => Err(Refusal::Unknown { what: "platform", name: platform.node.title.clone() }),
    }
}

/// The platform that is named, or the one on which a site in this folder was found.
async fn platform_of_found(read: &mut Read, asked: &Asked<'_>, folder: &SiteFolder) -> Result<PlatformRecord, Refusal> {
    if let Some(name) = asked.given.text("platform") {
        return platform_named(read, &name).await;
    }
    let mut those = Vec::new();
    for id in read.platforms_with_found_sites().await? {
        if read.found_sites(id).await?.iter().any(|found| found.name == *folder) {
            those.extend(read.platform(id).await?);
        }
    }
    let unknown = || Refusal::Unknown { what: "found-site", name: folder.to_string() };
    match those.len() {
        1 => those.pop().ok_or_else(unknown),
        // Another one may be there, and no verify has seen it yet: then its platform is to be named.
        0 => Err(unknown()),
        many => {
            let names = those.iter().take(NAMED).filter_map(|platform| platform.node.name.as_ref().map(short));
            let names = names.collect::<Vec<_>>().join(", ");
            let more = if many > NAMED { ", …" } else { "" };
            let why = format!("a site `{folder}` was found on several: {names}{more}");
            Err(BadParameters::one(asked.operation, "platform", why, "name one of them").into())
        }
    }
}

/// The server of a platform, which is to hold a copy's data where no other is named.
async fn own_db_server(read: &mut Read, asked: &Asked<'_>, platform: &PlatformRecord) -> Result<ServerRecord, Refusal> {
    let unknown = || Refusal::Unknown { what: "server", name: platform.server.to_string() };
    let own = read.server(platform.server).await?.ok_or_else(unknown)?;
    match own.context.db {
        Some(_) => Ok(own),
        None => {
            let why = format!("the server `{}` of the platform has no databases", own.context.name);
            Err(BadParameters::one(asked.operation, "db_server", why, "name the server that is to hold its data")
                .into())
        }
    }
}

/// Where the data of a site is likely to be, until its task has found out.
async fn likely_db_server(read: &mut Read, platform: &PlatformRecord) -> Result<ServerRecord, Refusal> {
    let unknown = || Refusal::Unknown { what: "server", name: platform.server.to_string() };
    let own = read.server(platform.server).await?.ok_or_else(unknown)?;
    if own.context.db.is_some() {
        return Ok(own);
    }
    let others = read.list(&ServerList::default()).await?.rows;
    let with_data = others.into_iter().find(|server| server.context.db.is_some());
    Ok(with_data.unwrap_or(own))
}
