//! What becomes of a site on another platform: each reason that a comparison can give.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use aegir_domain::{
    Code, Dependency, Fit, Instance, PackageCode, PackageFit, PackageKind, PlatformSide, Reach, Reason, Requirements,
    SiteSide, Verdict, compare,
};

fn code(kind: PackageKind, name: &str, version: &str, schema: Option<i64>) -> Code {
    let package = PackageCode {
        kind,
        name: name.into(),
        title: name.into(),
        path: format!("modules/{name}"),
        version: Some(version.into()).filter(|version: &String| !version.is_empty()),
        core: None,
        project: None,
        schema,
        hidden: false,
        reach: Reach::Platform,
    };
    Code { package, requires: Requirements::default() }
}

fn module(name: &str, version: &str, schema: Option<i64>) -> Code {
    code(PackageKind::Module, name, version, schema)
}

/// An enabled package, as the site has it from `code`.
fn enabled(code: &Code, schema: Option<i64>) -> Instance {
    let of = &code.package;
    Instance {
        kind: of.kind,
        name: of.name.clone(),
        enabled: true,
        schema,
        version: of.version.clone(),
        path: Some(of.path.clone()),
        reach: Some(of.reach.clone()),
    }
}

/// A site of Drupal 10.1 from the profile `standard`, on its way to 10.3.
fn sides() -> (SiteSide, PlatformSide) {
    let standard = code(PackageKind::Profile, "standard", "", None);
    let site = SiteSide {
        name: "example.org".parse().unwrap(),
        core: "10.1.6".into(),
        profile: "standard".into(),
        profile_code: Some(standard.package.clone()),
        packages: vec![enabled(&standard, None)],
        own: Vec::new(),
    };
    let platform = PlatformSide {
        name: "d10".parse().unwrap(),
        core: "10.3.6".into(),
        php_minimum: "8.1.0".into(),
        php: Some("8.2.35-1+deb12u1".into()),
        packages: vec![standard],
        obstacles: Vec::new(),
    };
    (site, platform)
}

fn plain(site: &SiteSide, platform: &PlatformSide) -> Fit {
    compare(site, platform, &BTreeSet::new())
}

/// A site with `now` enabled at `schema`, on a platform with `there`.
fn fit_of(now: Code, schema: Option<i64>, there: Option<Code>) -> PackageFit {
    let (mut site, mut platform) = sides();
    site.packages.push(enabled(&now, schema));
    platform.packages.extend(there);
    let fit = plain(&site, &platform);
    fit.packages.into_iter().find(|package| package.name == now.package.name).unwrap()
}

#[test]
fn what_does_not_change_fits() {
    let (site, mut platform) = sides();
    platform.core = "10.1.6".into();
    let fit = plain(&site, &platform);
    assert_eq!((fit.verdict, fit.reasons.len(), fit.packages.len()), (Verdict::Fits, 0, 1));
    assert!(fit.is_allowed());
}

#[test]
fn core_goes_forward_one_major_version_at_a_time_and_never_back() {
    use Verdict::{Error, Fits, Upgrades, Warning};
    for (now, there, verdict) in [
        ("10.1.6", "10.3.6", Upgrades),
        ("9.5.11", "10.3.6", Upgrades),
        ("7.98", "7.105", Upgrades),
        ("7.105", "7.105", Fits),
        ("7.105", "7.98", Error),
        ("10.3.6", "10.1.6", Error),
        ("10.3.6", "10.3.6-rc1", Error),
        ("10.3.6", "9.5.11", Error),
        ("10.3.6", "7.105", Error),
        ("8.9.20", "10.3.6", Error),
        ("10.3.6", "12.0.0", Error),
        ("7.105", "10.3.6", Error),
        ("7.105", "8.9.20", Error),
        ("10.3.x-dev", "10.3.6", Warning),
        ("7.x-dev", "7.x-dev", Fits),
    ] {
        let (mut site, mut platform) = sides();
        (site.core, platform.core) = (now.into(), there.into());
        assert_eq!(plain(&site, &platform).verdict, verdict, "{now} {there}");
    }
}

#[test]
fn what_no_update_leads_to_is_refused_with_what_can_be_done_and_without_noise() {
    let (mut site, mut platform) = sides();
    site.core = "7.105".into();
    site.packages.push(enabled(&module("views", "7.x-3.29", None), None));
    platform.packages.clear();

    let fit = plain(&site, &platform);

    let expected = Reason::NoUpdatePath { now: "7.105".into(), there: "10.3.6".into() };
    assert_eq!((fit.reasons, fit.packages), (vec![expected.clone()], Vec::new()));
    assert!(expected.remedy().unwrap().contains("migrate_drupal"));
}

#[test]
fn an_enabled_package_that_is_missing_is_an_error_unless_it_is_allowed() {
    let views = module("views", "8.x-3.1", None);
    let package = fit_of(views.clone(), None, None);
    assert_eq!((package.verdict, package.reasons), (Verdict::Error, vec![Reason::Missing { already: false }]));
    assert_eq!(package.there, None);

    let (mut site, platform) = sides();
    site.packages.push(enabled(&views, None));
    let fit = compare(&site, &platform, &BTreeSet::from(["views".into(), "never".into()]));
    assert!(fit.is_allowed());
    assert_eq!(fit.reasons(Verdict::Warning).count(), 1);

    // Somebody took it from the site's own platform before.
    site.packages[1].path = None;
    let reasons = plain(&site, &platform).packages.pop().unwrap().reasons;
    assert_eq!(reasons, [Reason::Missing { already: true }]);
}

#[test]
fn what_is_not_enabled_is_no_error() {
    let (mut site, mut platform) = sides();
    let off = |code: &Code, schema| Instance { enabled: false, ..enabled(code, schema) };
    site.packages.push(off(&module("left", "1.0", None), Some(8001)));
    site.packages.push(Instance { path: None, ..off(&module("gone", "", None), Some(8001)) });
    site.packages.push(off(&module("older", "2.0", None), Some(8001)));
    site.packages.push(off(&module("newer", "2.0", None), Some(8001)));
    platform.packages.push(module("older", "1.0", None));
    platform.packages.push(module("newer", "3.0", Some(9001)));

    let fit = plain(&site, &platform);

    let told: Vec<_> = fit.reasons(Verdict::Warning).map(|(of, _)| of.unwrap().name.as_str()).collect();
    assert_eq!((told, fit.packages.len(), fit.is_allowed()), (vec!["left", "older"], 3, true));
}

#[test]
fn schemas_go_forward_only() {
    let there = |schema, since| {
        let mut code = module("a", "2.0", schema);
        code.requires.updates_since = since;
        Some(code)
    };
    let reasons = |now, there| fit_of(module("a", "2.0", None), now, there).reasons;
    assert_eq!(reasons(Some(8001), there(Some(8003), None)), [Reason::SchemaNewer { now: 8001, there: 8003 }]);
    assert_eq!(reasons(Some(8003), there(Some(8001), None)), [Reason::SchemaOlder { now: 8003, there: 8001 }]);
    assert_eq!(reasons(Some(8001), there(Some(8001), None)), []);
    assert_eq!(reasons(Some(8000), there(None, None)), []);
    assert_eq!(reasons(Some(0), there(None, None)), []);
    assert_eq!(reasons(None, there(Some(8001), None)), []);
    assert_eq!(reasons(Some(8700), there(None, Some(8700))), []);
    assert_eq!(reasons(Some(8600), there(Some(9001), Some(8700))), [Reason::UpdatesGone { now: 8600, needs: 8700 }]);
    assert_eq!(reasons(Some(8600), there(None, None)), [Reason::SchemaUnclear { now: 8600 }]);
    let older = fit_of(module("a", "3.0", None), Some(8600), there(None, None)).reasons;
    assert!(older.contains(&Reason::SchemaOlder { now: 8600, there: 0 }), "{older:?}");
}

#[test]
fn versions_of_packages_are_told_and_those_of_core_only_once() {
    let version = |now: &str, there: &str| fit_of(module("a", now, None), None, Some(module("a", there, None)));
    assert_eq!(version("8.x-1.4", "2.0.1").verdict, Verdict::Upgrades);
    assert_eq!(version("2.0.1", "2.0.0").verdict, Verdict::Warning);
    assert_eq!(version("2.0.1", "").verdict, Verdict::Fits);
    let core = |version: &str| {
        let mut code = module("node", version, None);
        code.package.reach = Reach::Core;
        code
    };
    assert_eq!(fit_of(core("10.1.6"), None, Some(core("10.3.6"))).verdict, Verdict::Fits);
}

#[test]
fn what_a_package_requires_is_compared_with_what_is_there() {
    let with = |change: fn(&mut Code)| {
        let mut there = module("a", "2.0", None);
        change(&mut there);
        let (mut site, mut platform) = sides();
        site.packages.push(enabled(&module("a", "2.0", None), None));
        site.packages.push(enabled(&module("b", "1.0", None), None));
        platform.packages.extend([there, module("b", "1.0", None), module("off", "1.0", None)]);
        let packages = plain(&site, &platform).packages;
        packages.into_iter().find(|package| package.name == "a").unwrap().reasons
    };
    assert_eq!(with(|a| a.package.core = Some("^10".into())), []);
    assert!(matches!(with(|a| a.package.core = Some("^9".into()))[..], [Reason::CoreRefused { .. }]));
    assert_eq!(with(|a| a.package.core = Some("whatever".into())), []);
    assert_eq!(with(|a| a.requires.php = Some("8.2".into())), []);
    assert!(matches!(with(|a| a.requires.php = Some("8.3".into()))[..], [Reason::PhpTooOld { .. }]));
    assert_eq!(with(|a| a.requires.dependencies.extend(Dependency::of("x:b (>=1.0)"))), []);
    assert!(matches!(
        with(|a| a.requires.dependencies.extend(Dependency::of("b (>1.0)")))[..],
        [Reason::DependencyVersion { .. }]
    ));
    assert!(matches!(
        with(|a| a.requires.dependencies.extend(Dependency::of("nowhere")))[..],
        [Reason::DependencyMissing { .. }]
    ));
    assert!(matches!(
        with(|a| a.requires.dependencies.extend(Dependency::of("off")))[..],
        [Reason::DependencyDisabled { .. }]
    ));
}

#[test]
fn what_lies_in_the_sites_own_folder_travels_and_must_run_there_too() {
    let (mut site, platform) = sides();
    let mut own = module("own", "1.0", Some(8005));
    own.package.reach = Reach::Site("example.org".into());
    site.packages.push(enabled(&own, Some(8005)));
    site.own.push(own);
    let fit = plain(&site, &platform);
    assert_eq!((fit.packages[1].verdict, fit.packages[1].reasons.clone()), (Verdict::Fits, vec![Reason::Travels]));

    site.own[0].package.core = Some("8.x".into());
    let fit = plain(&site, &platform);
    assert!(matches!(fit.packages[1].reasons[..], [Reason::CoreRefused { .. }, Reason::Travels]));
}

#[test]
fn a_profile_that_is_missing_or_has_another_name_is_told_once_with_what_is_there() {
    let (mut site, mut platform) = sides();
    platform.packages[0].package.name = "minimal".into();
    platform.packages[0].package.title = "Minimal".into();
    let fit = plain(&site, &platform);
    let missing = Reason::ProfileMissing { profile: "standard".into(), has: vec!["minimal".into()] };
    assert!(fit.reasons.contains(&missing));
    assert_eq!(fit.reasons(Verdict::Error).count(), 1);

    site.profile_code.as_mut().unwrap().title = "Acme Office".into();
    platform.packages[0].package.title = "Acme Office".into();
    let renamed = Reason::ProfileRenamed { profile: "standard".into(), there: "minimal".into() };
    assert!(plain(&site, &platform).reasons.contains(&renamed));
}

#[test]
fn php_and_whatever_else_was_found_stand_in_the_way() {
    let (site, mut platform) = sides();
    platform.php = Some("8.0.30".into());
    let too_old = Reason::PhpTooOld { needs: "8.1.0".into(), has: "8.0.30".into() };
    assert!(plain(&site, &platform).reasons.contains(&too_old));
    platform.php = None;
    assert_eq!(plain(&site, &platform).verdict, Verdict::Warning);
    platform.obstacles.push(Reason::NoDatabaseDriver { driver: "sqlite".into() });
    let fit = plain(&site, &platform);
    assert_eq!((fit.verdict, fit.reasons[0].verdict()), (Verdict::Error, Verdict::Error));
}

#[test]
fn a_report_can_be_read_back() {
    let (mut site, platform) = sides();
    site.packages.push(enabled(&module("views", "1.0", Some(8001)), Some(8001)));
    let fit = plain(&site, &platform);
    let text = serde_json::to_string(&fit).unwrap();
    assert_eq!(serde_json::from_str::<Fit>(&text).unwrap(), fit);
    for (_, reason) in fit.reasons(Verdict::Error) {
        assert!(!reason.to_string().is_empty() && reason.remedy().is_some());
    }
}
