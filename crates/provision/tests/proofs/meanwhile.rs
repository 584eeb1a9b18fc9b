//! What others do while a site is moved, copied, renamed or restored: it survives or is told by name, and is never mixed
//! with what the task does.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aegir_domain::{CloneSite, HttpEngine, MigrateSite, OldName, OutcomeKind, Redirect, Report, Task};
use aegir_lab::proof::{Deed, Extent, Meanwhile, Scene};
use aegir_lab::{Lab, Snapshot};
use aegir_provision::{Attempt, Worker, run_attempt};

use crate::a_site_beside_another;

const BY_HAND: &str = "# by hand\n";

pub(super) fn migrate(lab: &Lab) -> Task {
    a_site_beside_another(lab, "ten");
    Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), "later_ten".parse().unwrap())))
}

pub(super) fn rename(lab: &Lab) -> Task {
    a_site_beside_another(lab, "seven");
    Task::RenameSite {
        site: "a.test".parse().unwrap(),
        to: "b.test".parse().unwrap(),
        old_name: OldName::Redirect,
        keep: None,
    }
}

fn clone(lab: &Lab) -> Task {
    a_site_beside_another(lab, "seven");
    Task::CloneSite(Box::new(CloneSite {
        site: "a.test".parse().unwrap(),
        to: "b.test".parse().unwrap(),
        platform: Some("later_seven".parse().unwrap()),
        db_server: None,
        aliases: Vec::new(),
        redirect: Redirect::None,
        sanitise: false,
        with_mail: false,
        with_cron: false,
    }))
}

fn restore(lab: &Lab) -> Task {
    a_site_beside_another(lab, "ten");
    let ending = lab.must(Task::BackupSite { site: "a.test".parse().unwrap(), note: None });
    let backup = ending.answer["backup"].as_str().unwrap().parse().unwrap();
    Task::RestoreBackup {
        backup,
        new_site: None,
        platform: Some("later_ten".parse().unwrap()),
        db_server: None,
        keep: None,
    }
}

fn update(lab: &Lab) -> Task {
    crate::update_site::a_site_with_an_update(lab, "seven");
    crate::update_site::update_of("a.test")
}

fn go_back(lab: &Lab) -> Task {
    let there = migrate(lab);
    lab.must(there);
    Task::GoBackSite { site: "a.test".parse().unwrap(), former: None, keep: None, although_broken: false }
}

/// A folder of what the web server reads.
fn http(lab: &Lab, folder: &str) -> PathBuf {
    lab.home().http_config(&"localhost".parse().unwrap(), HttpEngine::Nginx).join(folder)
}

fn vhost(lab: &Lab, site: &str) -> PathBuf {
    http(lab, "vhost.d").join(format!("{site}.conf"))
}

/// The vhost of a site, in a world as it was seen.
fn vhost_in(world: &Snapshot, site: &str) -> Option<String> {
    let found = world.find(&format!("vhost.d/{site}.conf"));
    let file = found.into_iter().find(|(name, _)| name.starts_with("file "));
    file.and_then(|(_, text)| text.split_once('\n').map(|(_, text)| text.trim_end().to_owned()))
}

/// Somebody writes a line of their own into each vhost of the site that there is.
fn is_edited(set: fn(&Lab) -> Task, name: &str) {
    let scene = Scene::new(&format!("{name}, its vhost edited"), set);
    let lab = scene.lab();
    let sites = ["a.test", "b.test"];
    let (files, edited) = (sites.map(|site| vhost(lab, site)), Arc::new(AtomicBool::new(false)));
    let (edits, at_files) = (edited.clone(), files.clone());
    let act = move || {
        for file in &at_files {
            if let Ok(text) = fs::read_to_string(file) {
                fs::write(file, text + BY_HAND).unwrap();
                edits.store(true, Ordering::SeqCst);
            }
        }
    };
    let deed = Deed {
        act: Arc::new(act),
        take_back: Arc::new(|| ()),
        apart: sites.map(|site| format!("vhost.d/{site}.conf")).to_vec(),
    };
    let (before, after) = scene.worlds();
    let judge = |met: &Meanwhile<'_>| {
        let kind = met.ending.outcome.kind();
        let expected = match kind {
            OutcomeKind::Succeeded => after,
            OutcomeKind::RolledBack | OutcomeKind::Refused => before,
            kind => panic!("{}: it ended as {kind:?}", met.what),
        };
        let mut survived = false;
        for (site, file) in sites.iter().zip(&files) {
            let text = fs::read_to_string(file).ok();
            survived |= text.as_ref().is_some_and(|text| text.contains(BY_HAND));
            let whole = text.map(|text| text.replace(BY_HAND, "").trim_end().to_owned());
            assert_eq!(whole, vhost_in(expected, site), "{}: half of it", met.what);
        }
        let told = met.warnings.iter().any(|warning| warning.contains("changed by hand") && warning.contains(".conf"));
        let was_edited = edited.swap(false, Ordering::SeqCst);
        assert!(!was_edited || survived || told, "{}: the edit is gone, and nobody said so", met.what);
    };
    scene.is_met_by(Extent::OneOf(5), &deed, &judge);
}

#[test]
fn an_edit_of_a_vhost_survives_a_migrate_or_is_named() {
    is_edited(migrate, "migrate-site");
}

#[test]
fn an_edit_of_a_vhost_survives_a_rename_or_is_named() {
    is_edited(rename, "rename-site");
}

#[test]
fn an_edit_of_a_vhost_survives_a_clone_or_is_named() {
    is_edited(clone, "clone-site");
}

#[test]
fn an_edit_of_a_vhost_survives_a_restore_or_is_named() {
    is_edited(restore, "restore-backup");
}

#[test]
fn an_edit_of_a_vhost_survives_going_back_or_is_named() {
    is_edited(go_back, "go-back-site");
}

#[test]
fn an_edit_of_a_vhost_survives_an_update_or_is_named() {
    is_edited(update, "update-site");
}

/// Somebody puts a file into the web server's configuration that it refuses.
#[test]
fn a_web_server_that_refuses_its_configuration_leaves_sites_as_they_were() {
    for (set, name) in [
        (migrate as fn(&Lab) -> Task, "migrate-site"),
        (rename, "rename-site"),
        (clone, "clone-site"),
        (restore, "restore-backup"),
        (go_back, "go-back-site"),
        (update, "update-site"),
    ] {
        let scene = Scene::new(&format!("{name}, a snippet broken"), set);
        let snippet = http(scene.lab(), "post.d").join("mine.conf");
        let (broken, mended) = (snippet.clone(), snippet);
        let deed = Deed {
            act: Arc::new(move || fs::write(&broken, "BROKEN on;\n").unwrap()),
            take_back: Arc::new(move || drop(fs::remove_file(&mended))),
            apart: Vec::new(),
        };
        let committed = scene.committed_at();
        let tested = scene.begun_at("publish-vhost").or_else(|| scene.begun_at("rename-vhost")).unwrap();
        let judge = |met: &Meanwhile<'_>| {
            let told = met.ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
            let named = told.contains("mine.conf");
            match met.ending.outcome.kind() {
                OutcomeKind::Succeeded => assert!(met.record >= tested, "{}: nobody tested it", met.what),
                OutcomeKind::RolledBack | OutcomeKind::Refused => assert!(named || met.fails, "{}: {told}", met.what),
                // What it replaced cannot be put in service before somebody mends that.
                OutcomeKind::Stuck => assert!(met.fails || named, "{}: {told}", met.what),
                OutcomeKind::Untidy => assert!(met.record >= committed, "{}: {told}", met.what),
            }
        };
        scene.is_met_by(Extent::OneOf(7), &deed, &judge);
    }
}

/// Code that the site has enabled is removed from the platform that it comes to.
#[test]
fn code_that_is_removed_while_a_site_comes_to_it_takes_everything_back() {
    for (set, name, theme) in [
        (migrate as fn(&Lab) -> Task, "migrate-site", "later_ten/web/core/themes/olivero"),
        (clone, "clone-site", "later_seven/themes/bartik"),
        (restore, "restore-backup", "later_ten/web/core/themes/olivero"),
        (update, "update-site", "seven/themes/bartik"),
    ] {
        let scene = Scene::new(&format!("{name}, code removed"), set);
        let (theme, aside) =
            (scene.lab().home().platforms().join(theme), scene.lab().home().path().join("cache/aside"));
        fs::create_dir_all(aside.parent().unwrap()).unwrap();
        let (from, to, back) = (theme.clone(), aside.clone(), aside);
        let deed = Deed {
            act: Arc::new(move || {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::rename(&from, &to).unwrap();
            }),
            take_back: Arc::new(move || fs::rename(&back, &theme).unwrap()),
            apart: Vec::new(),
        };
        let committed = scene.committed_at();
        let judge = |met: &Meanwhile<'_>| {
            let kind = met.ending.outcome.kind();
            let told = met.ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
            match met.record < committed || met.fails {
                true => assert!(
                    matches!(kind, OutcomeKind::RolledBack | OutcomeKind::Refused),
                    "{}: {kind:?} {told}",
                    met.what
                ),
                false => assert_eq!(kind, OutcomeKind::Succeeded, "{}: {told}", met.what),
            }
            let name = ["olivero", "bartik"].iter().any(|name| told.contains(name));
            assert!(met.record >= committed || met.fails || name, "{}: {told}", met.what);
        };
        scene.is_met_by(Extent::OneOf(9), &deed, &judge);
    }
}

/// Somebody asks for another task on the same site, again and again while one is at it.
#[test]
fn of_two_tasks_on_a_site_one_waits_or_is_refused_and_nothing_is_mixed() {
    let other = |lab: &Lab| {
        lab.request(Task::RenameSite {
            site: "a.test".parse().unwrap(),
            to: "other-name.test".parse().unwrap(),
            old_name: OldName::Gone,
            keep: None,
        })
    };
    for (set, name) in [
        (migrate as fn(&Lab) -> Task, "migrate-site"),
        (rename, "rename-site"),
        (clone, "clone-site"),
        (restore, "restore-backup"),
        (go_back, "go-back-site"),
        (update, "update-site"),
    ] {
        let scene = Scene::new(&format!("{name}, another task asked for"), set);
        let request = other(scene.lab());
        let parts = scene.lab().parts.clone();
        let heard: Arc<Mutex<Vec<(OutcomeKind, String)>>> = Arc::default();
        let hears = heard.clone();
        let act = move || {
            Attempt::ask(&parts, &request).unwrap();
            let worker = Worker { parts: parts.clone(), drill: Default::default(), at_boundary: None };
            let ending = run_attempt(&worker, request.attempt).unwrap();
            let told = ending.fault().map(|fault| Report(fault).to_string()).unwrap_or_default();
            hears.lock().unwrap().push((ending.outcome.kind(), told));
        };
        let deed = Deed { act: Arc::new(act), take_back: Arc::new(|| ()), apart: Vec::new() };
        let judge = |met: &Meanwhile<'_>| {
            let expected = if met.fails { OutcomeKind::RolledBack } else { OutcomeKind::Succeeded };
            assert_eq!(met.ending.outcome.kind(), expected, "{}", met.what);
            for (kind, told) in heard.lock().unwrap().drain(..) {
                assert_eq!(kind, OutcomeKind::Refused, "{}: {told}", met.what);
                assert!(told.contains("is held by"), "{}: {told}", met.what);
            }
        };
        scene.is_met_by(Extent::OneOf(17), &deed, &judge);
    }
}
