//! What a machine that pretends tells whoever only asks: always the same, as far as what lies there allows.

use aegir_domain::{
    Code, Compared, Context, ContextName, Fault, Former, FormerName, FoundToImport, ImportAnswer, Instance, LogAnswer,
    LogKind, LogTail, Mention, PackageKind, PlatformSide, Requirements, SiteFolder, SiteName, SiteSide, TrashKind,
    TrashState, TrashThing, WriteCount, Writes, WritesAnswer, compare,
};
use aegir_hosting::{Comparison, FoundFolder};

use super::{Machine, PretendFault};

impl Machine {
    /// What is seen when a site is compared here: by the versions of core that are saved, and one module, `left_out`,
    /// that every other platform lacks.
    pub(super) fn compared(&self, name: &SiteName, comparison: &Comparison) -> Compared {
        let Comparison { platform, allow_missing, .. } = comparison;
        let state = self.state();
        let absent = |name: ContextName| {
            let fault = Fault::from(PretendFault::Absent(name.to_string())).report();
            Compared::Refused(fault)
        };
        let Some(Context::Site(site)) = state.contexts.get(&ContextName::Site(name.clone())) else {
            return absent(ContextName::Site(name.clone()));
        };
        let Some(Context::Platform(there)) = state.contexts.get(&ContextName::Platform(platform.clone())) else {
            return absent(ContextName::Platform(platform.clone()));
        };
        let code = |kind, name: &str| Code {
            package: super::package(PackageKind::as_str(kind), name, "8.x-3.1"),
            requires: Requirements::default(),
        };
        let profile = code(PackageKind::Profile, site.profile.as_str());
        let left_out = code(PackageKind::Module, "left_out");
        let has = |code: &Code| Instance {
            kind: code.package.kind,
            name: code.package.name.clone(),
            enabled: true,
            schema: Some(8001),
            version: code.package.version.clone(),
            path: Some(code.package.path.clone()),
            reach: Some(code.package.reach.clone()),
        };
        let side = SiteSide {
            name: name.clone(),
            core: site.core.clone(),
            profile: site.profile.to_string(),
            profile_code: Some(profile.package.clone()),
            packages: vec![has(&left_out), has(&profile)],
            own: Vec::new(),
        };
        let mut packages = vec![Code { requires: Requirements::default(), ..profile }];
        packages.extend((site.platform == *platform).then_some(left_out));
        let other = PlatformSide {
            name: platform.clone(),
            core: there.facts.as_ref().map_or_else(|| site.core.clone(), |facts| facts.core.clone()),
            php_minimum: "8.1.0".into(),
            php: Some("8.2.35".into()),
            packages,
            obstacles: Vec::new(),
        };
        let allowed = allow_missing.iter().map(ToString::to_string).collect();
        Compared::Fit(Box::new(compare(&side, &other, &allowed)))
    }

    /// What was written to a site since it left a former self: always the same.
    pub(super) fn written_since(&self, site: &SiteName, former: Option<&FormerName>) -> WritesAnswer {
        let state = self.state();
        let Some(Context::Site(saved)) = state.contexts.get(&ContextName::Site(site.clone())) else {
            let absent = PretendFault::Absent(ContextName::Site(site.clone()).to_string());
            return WritesAnswer::Refused(Fault::from(absent).report());
        };
        let is_it = |it: &&Former| former.is_none_or(|name| it.name == *name);
        match saved.formers.iter().rev().find(is_it) {
            None => WritesAnswer::Refused(Fault::from(PretendFault::Absent("a former self".into())).report()),
            Some(former) => WritesAnswer::Writes(Box::new(Writes {
                site: site.clone(),
                former: former.name.clone(),
                platform: former.platform.clone(),
                core: former.core.clone(),
                since: former.since,
                archive: former.archive.clone(),
                counts: vec![
                    WriteCount { what: "pieces of content".into(), count: 3 },
                    WriteCount { what: "comments".into(), count: 12 },
                ],
            })),
        }
    }

    /// What a log has of a site: always the same, as many of it as are asked for. PHP never complained.
    pub(super) fn site_log(&self, site: &SiteName, kind: LogKind, lines: u16) -> LogAnswer {
        let context = ContextName::Site(site.clone());
        if !self.state().contexts.contains_key(&context) {
            return LogAnswer::Refused(Fault::from(PretendFault::Absent(context.to_string())).report());
        }
        let (file, said): (_, Vec<String>) = match kind {
            LogKind::Web => ("nginx-access.log", (1..=40).map(|n| request(site, n)).collect()),
            LogKind::Errors => ("nginx-error.log", vec![complaint(site)]),
            LogKind::Php => ("nginx-error.log", Vec::new()),
        };
        let left_out = said.len().saturating_sub(lines.into());
        let said = said.into_iter().skip(left_out).collect();
        LogAnswer::Tail(Box::new(LogTail::of(site.clone(), kind, format!("/var/aegir/logs/{file}").into(), said)))
    }

    /// What taking in a site would find: always the same. One whose name begins with `broken` cannot be,
    /// and one with `let-go` was let go of. One in `sites/default` proposes a name with that of its platform, but on `d11`.
    pub(super) fn found_to_import(&self, asked: &FoundFolder) -> ImportAnswer {
        let state = self.state();
        let platform = &asked.platform;
        let proposed = match platform.as_str() {
            "d11" => None,
            platform => format!("www.{platform}.test").parse().ok(),
        };
        let from_default = asked.folder == SiteFolder::of_default();
        let own = asked.folder.as_str().parse().ok().or_else(|| asked.name.clone());
        let Some(site) = own.or(proposed) else { return ImportAnswer::Nameless };
        let platform_is = ContextName::Platform(platform.clone());
        if site.as_str().starts_with("broken") || !state.contexts.contains_key(&platform_is) {
            return ImportAnswer::Refused(
                Fault::from(PretendFault::Absent(format!("a settings.php of {site}"))).report(),
            );
        }
        if state.contexts.contains_key(&ContextName::Site(site.clone())) {
            return ImportAnswer::Refused(Fault::from(PretendFault::There(format!("@{site}"))).report());
        }
        ImportAnswer::Found(Box::new(FoundToImport {
            from_default,
            platform: platform.clone(),
            db_server: asked.db_server.clone().unwrap_or_else(|| self.name.clone()),
            database: "theirs".into(),
            tables: 74,
            let_go: site.as_str().starts_with("let-go"),
            site,
            told: vec![format!("The data of the site is in `theirs` on `{}`", self.name)],
            changes: vec!["its settings.php becomes `imported.settings.php` beside it".into()],
            mentions: vec![Mention { path: "/etc/cron.d/theirs".into(), line: 3 }],
        }))
    }
}

fn request(site: &SiteName, n: u32) -> String {
    let (path, status) = if n.is_multiple_of(7) { ("/favicon.ico", 404) } else { ("/node/1", 200) };
    format!(
        "203.0.113.{n} - {site} [22/Nov/2026:20:15:{n:02} +0000] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"Mozilla/5.0\" 0.0{n:02}",
        100 * n
    )
}

fn complaint(site: &SiteName) -> String {
    format!(
        "2026/11/22 20:15:00 [error] 1#1: *1 access forbidden by rule, client: 203.0.113.1, request: \"GET /.git/config HTTP/1.1\", host: \"{site}\""
    )
}

/// What lies in the trash of any machine that pretends: a site, the code of a platform, and what nobody put there.
pub(super) fn trash() -> Vec<TrashThing> {
    const DELETED: i64 = 1_795_000_000_000;
    let thing = |name: &str, kind, since| TrashThing {
        name: name.into(),
        folder: "/var/aegir/platforms/.aegir-trash".into(),
        kind,
        state: TrashState::Kept,
        by: None,
        lay: None,
        backup: None,
        since,
        until: Some(since + 30 * 24 * 3600 * 1000),
        bytes: 12_345_678,
    };
    vec![
        TrashThing {
            folder: "/var/aegir/platforms/d10/web/sites/.aegir-trash".into(),
            by: Some("delete-site @old.example.org".into()),
            lay: Some("/var/aegir/platforms/d10/web/sites/old.example.org".into()),
            backup: "old.example.org-20261118.110640.tar.zst".parse().ok(),
            ..thing("old.example.org-20261118.110640-0123456789ab", TrashKind::Site, DELETED)
        },
        TrashThing {
            by: Some("delete-platform @platform_d9".into()),
            lay: Some("/var/aegir/platforms/d9".into()),
            ..thing("d9-20261118.110641-0123456789ac", TrashKind::Platform, DELETED + 1000)
        },
        TrashThing { state: TrashState::NotOurs, until: None, ..thing("mine", TrashKind::Other, DELETED + 2000) },
    ]
}
