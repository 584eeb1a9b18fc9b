//! What becomes of the record of a site that is copied, renamed or restored where tasks only pretend: as a back end has it.

use aegir_domain::{
    AttemptId, CloneSite, Context, CopySource, Database, DbName, Former, FoundBackup, ImportSite, InstallMethod,
    InstallSite, Langcode, Marker, Names, OldName, PlatformName, Quiet, Redirect, ServerName, SiteContext, SiteName,
    TimeZoneName,
};

use serde_json::{Map, Value};

use crate::lab::parsed;

/// What one would ask for to have a site like the one that is taken in.
pub(super) fn as_if_new(import: &ImportSite, server: &ServerName) -> InstallSite {
    InstallSite {
        site: import.site.clone(),
        platform: import.platform.clone(),
        db_server: import.db_server.clone().unwrap_or_else(|| server.clone()),
        profile: None,
        language: Langcode::english(),
        time_zone: TimeZoneName::utc(),
        title: None,
        mail: parsed("them@example.org"),
        account: parsed("them"),
        aliases: import.aliases.clone(),
        redirect: Redirect::None,
        client: import.client.clone(),
        method: InstallMethod::Profile,
        cron: None,
    }
}

/// The same of a site that is taken in, if it is a copy of somebody's.
pub(super) fn copied_from(site: SiteContext, source: Option<&CopySource>) -> SiteContext {
    match source {
        None => site,
        Some(source) => {
            let quiet = Quiet { mail: true, cron: true };
            SiteContext { quiet, copy_of: Some(Box::new(source.clone())), ..site }
        }
    }
}

/// A database of its own for a site of this name.
fn database(site: &SiteName) -> Database {
    Database {
        name: DbName::for_site(site, [9; 5]),
        marker: Marker::new(site, AttemptId::from_parts(0, [0; 10])),
        hosts: Vec::new(),
    }
}

/// What a site that is given another name is called, and answers to.
pub(super) fn names(site: &SiteContext, to: &SiteName, old_name: OldName) -> Names {
    let (old, new) = (site.name.host(), to.host());
    let mut aliases: Vec<_> = site.aliases.iter().filter(|alias| **alias != new).cloned().collect();
    if old_name != OldName::Gone {
        aliases.push(old);
    }
    let redirect = match old_name {
        OldName::Redirect => Redirect::To(new),
        _ => Redirect::None,
    };
    Names { site: to.clone(), aliases, redirect }
}

/// A site under another name, with what it was as its one former self.
pub(super) fn renamed(site: &SiteContext, names: &Names) -> Option<SiteContext> {
    let name = format!("{}-20260101.000000-0123456789ab", site.name).parse().ok()?;
    let left = Former { names: Some(Box::new(Names::of(site))), ..Former::of(site, name, 1_767_225_600, 50 << 20) };
    let Names { site: name, aliases, redirect } = names.clone();
    Some(SiteContext {
        database: database(&name),
        name,
        aliases,
        redirect,
        revision: site.revision + 1,
        formers: vec![left],
        ..site.clone()
    })
}

/// A copy of a site.
pub(super) fn copied(site: &SiteContext, asked: &CloneSite) -> SiteContext {
    SiteContext {
        name: asked.to.clone(),
        revision: 1,
        platform: asked.platform.clone().unwrap_or_else(|| site.platform.clone()),
        db_server: asked.db_server.clone().unwrap_or_else(|| site.db_server.clone()),
        database: database(&asked.to),
        aliases: asked.aliases.clone(),
        redirect: asked.redirect.clone(),
        quiet: Quiet { mail: !asked.with_mail, cron: !asked.with_cron },
        copy_of: None,
        cron: site.cron.filter(|_| asked.with_cron),
        formers: Vec::new(),
        ..site.clone()
    }
}

/// A site that is made of a backup: like the one that it is of, where that is there; of another name, where one is asked for.
pub(super) fn of_backup(
    found: &FoundBackup,
    like: Option<&SiteContext>,
    (name, platform, db_server): (Option<&SiteName>, Option<&PlatformName>, Option<&ServerName>),
) -> Option<SiteContext> {
    let says = found.manifest.as_ref()?;
    let record = says.record.as_ref()?;
    let own = found.backup.site();
    let is_new = name.is_some();
    let name = name.unwrap_or(&own);
    Some(SiteContext {
        name: name.clone(),
        revision: 1,
        platform: platform.or(like.map(|site| &site.platform)).unwrap_or(&says.platform).clone(),
        db_server: db_server.or(like.map(|site| &site.db_server)).unwrap_or(&record.db_server).clone(),
        database: database(name),
        profile: says.profile.clone(),
        language: says.language.clone(),
        time_zone: record.time_zone.clone(),
        title: says.title.clone(),
        account: record.account.clone(),
        mail: record.mail.clone(),
        aliases: if is_new { Vec::new() } else { record.aliases.clone() },
        redirect: if is_new { Redirect::None } else { record.redirect.clone() },
        client: record.client.clone(),
        core: says.core.clone(),
        awaits_installer: false,
        disabled: false,
        quiet: if is_new { Quiet { mail: true, cron: true } } else { record.quiet },
        copy_of: None,
        cron: if is_new { None } else { record.cron },
        formers: Vec::new(),
    })
}

/// Has the answer of a task say what the site was before it.
pub(super) fn tells_what_it_left(answer: &mut Map<String, Value>, now: &Context) {
    if let Context::Site(site) = now
        && let Some(left) = site.formers.last()
    {
        answer.insert("former".into(), left.name.as_str().into());
    }
}
