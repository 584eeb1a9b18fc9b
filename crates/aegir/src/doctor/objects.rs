//! What a home's tasks, sites and databases say of themselves.

use std::path::PathBuf;

use aegir_domain::{DbEngine, Finding};
use aegir_host::RealDatabases;
use aegir_provision::inspect::{self, Known, Standing};

use super::Patient;

/// How much may lie in a trash before somebody should look.
const MUCH: u64 = 5 << 30;

pub(super) fn tasks(patient: &Patient) -> Vec<Finding> {
    match inspect::open_tasks(&patient.home, &patient.files) {
        Err(fault) => vec![Finding::of_fault(&fault)],
        Ok(open) if open.iter().all(|task| task.standing == Standing::Running) => {
            let running = open.iter().map(inspect::OpenTask::finding);
            running.chain([Finding::ok("no task was left unfinished")]).collect()
        }
        Ok(open) => open.iter().map(inspect::OpenTask::finding).collect(),
    }
}

pub(super) fn sites(patient: &Patient, known: &Known) -> Vec<Finding> {
    let mut findings = known.faults.clone();
    let missing = inspect::whole(&patient.home, &patient.files, known);
    if known.faults.is_empty() && missing.is_empty() {
        let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        findings.push(Finding::ok(format!(
            "{}, {} and {} are known, and each has its files",
            counted(known.servers.len(), "server"),
            counted(known.platforms.len(), "platform"),
            counted(known.sites.len(), "site"),
        )));
    }
    findings.extend(missing);
    findings
}

/// The databases of sites; and how a server that is there already is put to use.
pub(super) fn databases(patient: &Patient, known: Option<&Known>) -> Vec<Finding> {
    let look = |known| inspect::databases(&patient.home, &patient.files, known, &RealDatabases);
    let statement = inspect::account_statement("aegir", &DbEngine::Socket(PathBuf::new()));
    let own = Finding::ok(format!(
        "a database server that you have already can be used too; its administrator makes Ægir's account with \
         `{statement}`, and then: `aegir provision save @server_db --db mariadb --db-socket SOCKET --db-account aegir \
         --db-password-file FILE`"
    ));
    known.map(look).unwrap_or_default().into_iter().chain([own]).collect()
}

pub(super) fn left_overs(patient: &Patient, known: &Known) -> Vec<Finding> {
    let mut findings = inspect::strays(&patient.home, &patient.files, known);
    if findings.is_empty() {
        findings.push(Finding::ok("no vhost, folder or credentials without a site"));
    }
    for trash in inspect::trash(&patient.home, known) {
        let text =
            format!("the trash `{}` holds {} things, {} MB", trash.folder.display(), trash.things, trash.bytes >> 20);
        findings.push(match trash.bytes > MUCH {
            true => Finding::warning(text, "see what lies there with `aegir trash list`, and remove what nobody misses with `aegir trash empty NAME`"),
            false => Finding::ok(text),
        });
    }
    findings
}
