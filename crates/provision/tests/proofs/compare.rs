//! Compare: what would become of a site on another platform is told, and nothing changes by telling it.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use aegir_domain::protocol::Said;
use aegir_domain::{Cmd, Fault, Fit, LockMode, Reason, Verdict};
use aegir_host::{CommandFailed, Deadline, Ended, Programs, Ran};
use aegir_lab::{Code, Lab};
use aegir_provision::{PackagesFit, TaskFolder, World, compare_site, compare_sites};
use aegir_recipe::{Check, Teller};

/// PHP, as it is asked what it is.
fn php(_: Cmd) -> Result<Ran, CommandFailed> {
    let facts = r#"{"version": "8.2.35", "extensions": ["pdo_mysql"], "time_zones": ["UTC"]}"#;
    let took = std::time::Duration::ZERO;
    Ok(Ran { ended: Ended::Code(0), stdout: facts.into(), stderr: String::new(), whole: true, took })
}

fn asked(site: &str, platform: &str) -> PackagesFit {
    let (site, platform) = (site.parse().unwrap(), platform.parse().unwrap());
    PackagesFit { site, platform, db_server: None, allow_missing: BTreeSet::new() }
}

fn fit(lab: &Lab, site: &str, platform: &str) -> Fit {
    compare_site(&lab.parts, &asked(site, platform), php).unwrap()
}

/// Drupal 10.3.6 at `ten` and 10.4.0 at `next`, and Drupal 7 at `seven`.
fn three_platforms() -> Lab {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("seven", Code::Seven);
    for (name, version, update) in [("ten", "10.3.6", 10300), ("next", "10.4.0", 10400)] {
        lab.save_platform(name, Code::Ten);
        let core = lab.home().platforms().join(name).join("web/core");
        let drupal = fs::read_to_string(core.join("lib/Drupal.php")).unwrap();
        fs::write(core.join("lib/Drupal.php"), drupal.replace("10.3.6", version)).unwrap();
        fs::write(
            core.join("modules/system/system.install"),
            format!("<?php\nfunction system_update_{update}() {{}}\n"),
        )
        .unwrap();
        lab.must(aegir_domain::Task::VerifyPlatform { platform: name.parse().unwrap(), context: None });
    }
    lab
}

#[test]
fn a_newer_platform_upgrades_a_site_and_an_older_one_is_refused() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    lab.install("b.test", "next");
    lab.install("old.test", "seven");
    let before = lab.snapshot();

    let up = fit(&lab, "a.test", "next");
    assert_eq!((up.verdict, up.core_now.as_str(), up.core_there.as_str()), (Verdict::Upgrades, "10.3.6", "10.4.0"));
    let system = up.packages.iter().find(|package| package.name == "system").unwrap();
    assert_eq!(system.reasons, [Reason::SchemaNewer { now: 10300, there: 10400 }]);

    let back = fit(&lab, "b.test", "ten");
    assert_eq!(back.reasons, [Reason::CoreOlder { now: "10.4.0".into(), there: "10.3.6".into() }]);
    assert!(!back.is_allowed());

    assert_eq!(fit(&lab, "a.test", "ten").verdict, Verdict::Fits);
    let far = fit(&lab, "old.test", "ten");
    assert_eq!(far.reasons, [Reason::NoUpdatePath { now: "7.98".into(), there: "10.3.6".into() }]);
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn what_a_database_has_and_its_own_platform_lost_is_told() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    let own = lab.site_folder("a.test").join("modules/own");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("own.info.yml"), "name: Own\ntype: module\ncore_version_requirement: ^10\n").unwrap();
    let next = lab.home().platforms().join("next/web");
    fs::remove_dir_all(next.join("core/themes/olivero")).unwrap();
    fs::remove_dir_all(next.join("core/modules/mysql")).unwrap();

    let fit = fit(&lab, "a.test", "next");

    let errors: Vec<_> = fit.reasons(Verdict::Error).map(|(of, why)| (of.map(|of| of.name.as_str()), why)).collect();
    let expected = [
        (None, &Reason::NoDatabaseDriver { driver: "mysql".into() }),
        (Some("olivero"), &Reason::Missing { already: false }),
    ];
    assert_eq!(errors, expected);
    lab.may_leave_a_mess();
}

#[test]
fn whoever_changes_the_site_is_waited_for_and_whoever_looks_is_not() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    let hold = |mode| {
        let wanted = [("site-a.test".to_owned(), mode)];
        let patience = std::time::Duration::ZERO;
        aegir_host::locks::take(&lab.home().locks(), &wanted, patience, "attempt 7", &mut |_| ()).unwrap()
    };
    let held = hold(LockMode::Exclusive);
    let fault = compare_site(&lab.parts, &asked("a.test", "next"), php).unwrap_err();
    assert!(format!("{fault:?}").contains("attempt 7"), "{fault:?}");
    drop(held);
    let _held = hold(LockMode::Shared);
    assert!(fit(&lab, "a.test", "next").is_allowed());
}

#[test]
fn many_sites_are_told_what_each_is_told_alone_and_one_that_cannot_be_looked_at_keeps_no_other() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    lab.install("b.test", "next");
    lab.install("busy.test", "ten");
    let before = lab.snapshot();
    let wanted = [("site-busy.test".to_owned(), LockMode::Exclusive)];
    let patience = std::time::Duration::ZERO;
    let held = aegir_host::locks::take(&lab.home().locks(), &wanted, patience, "attempt 7", &mut |_| ()).unwrap();

    let sites = ["b.test", "busy.test", "none.test", "a.test"].map(|site| site.parse().unwrap());
    let told = compare_sites(&lab.parts, &sites, &"next".parse().unwrap(), &BTreeSet::new(), php);

    assert_eq!(told.len(), 4);
    assert_eq!(told[0].as_ref().unwrap(), &fit(&lab, "b.test", "next"));
    assert!(format!("{:?}", told[1].as_ref().unwrap_err()).contains("attempt 7"));
    assert!(told[2].is_err());
    assert_eq!(told[3].as_ref().unwrap(), &fit(&lab, "a.test", "next"));
    drop(held);
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn what_is_not_there_cannot_be_compared() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    for (site, platform) in [("none.test", "next"), ("a.test", "none")] {
        let fault = compare_site(&lab.parts, &asked(site, platform), php).unwrap_err();
        assert!(fault.report().remedy.is_some(), "{fault:?}");
    }
    let manual =
        aegir_domain::InstallSite { method: aegir_domain::InstallMethod::Manual, ..lab.new_site("new.test", "ten") };
    lab.must(aegir_domain::Task::InstallSite(Box::new(manual)));
    let fault = compare_site(&lab.parts, &asked("new.test", "next"), php).unwrap_err();
    assert!(format!("{fault:?}").contains("not installed"), "{fault:?}");
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Teller for Heard {
    fn tell(&self, said: Said) {
        if let Said::Log { text, .. } = said {
            self.0.lock().unwrap().push(text);
        }
    }
}

struct Php;

impl Programs for Php {
    fn run(&self, launch: &aegir_host::Launch, _: &mut dyn FnMut(&str)) -> Result<Ran, CommandFailed> {
        php(launch.cmd.clone())
    }
}

/// The line, as a task would look by it.
fn look(lab: &Lab, check: &PackagesFit, heard: &Heard) -> Result<Fit, Fault> {
    let world = World {
        programs: Box::new(Php),
        task: TaskFolder::new(
            lab.home(),
            lab.request(aegir_domain::Task::Login { site: check.site.clone(), account: 1 }).attempt,
        ),
        teller: Arc::new(heard.clone()),
        deadline: Arc::new(Deadline::default()),
        told_waiting: AtomicBool::new(false),
        told_rights: AtomicBool::new(false),
        goes_on: AtomicBool::new(false),
        parts: lab.parts.clone(),
    };
    check.look(&world)
}

#[test]
fn a_task_refuses_what_does_not_fit_and_logs_what_was_allowed() {
    let lab = three_platforms();
    lab.install("a.test", "ten");
    fs::remove_dir_all(lab.home().platforms().join("next/web/core/themes/olivero")).unwrap();
    let (heard, mut check) = (Heard::default(), asked("a.test", "next"));

    let fault = look(&lab, &check, &heard).unwrap_err().report();
    assert!(fault.message.contains("`olivero` is enabled, and its code is not on the platform"), "{}", fault.message);
    assert!(fault.remedy.unwrap().contains("aegir provision compare @a.test --to next"));

    check.allow_missing = BTreeSet::from(["olivero".into()]);
    assert!(look(&lab, &check, &heard).unwrap().is_allowed());
    let heard = heard.0.lock().unwrap().join("\n");
    assert!(heard.contains("`olivero` is enabled") && heard.contains("as was allowed"), "{heard}");
    lab.may_leave_a_mess();
}
