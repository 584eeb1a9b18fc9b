//! Whether the private stack of a home runs, answers, and is alone.

use aegir_domain::Finding;
use aegir_stack::{Endpoints, Standing};

use super::Patient;

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let home = patient.path();
    let standing = match Standing::look(home) {
        Ok(standing) => standing,
        Err(fault) => return vec![Finding::of_fault(&fault)],
    };
    let mut findings = Vec::new();
    let Some(running) = &standing.running else {
        findings.push(Finding::ok(format!(
            "`aegir up` does not run here; start it with `aegir up --home {}`",
            home.display()
        )));
        findings.extend(standing.left_over.iter().map(|(service, pid)| {
            Finding::problem(
                format!("{service} (process {pid}) was left behind by an `aegir up` that was killed"),
                format!("run `aegir up --home {}`, which ends it first", home.display()),
            )
        }));
        findings.extend(standing.port_taken.iter().map(|(port, by)| {
            Finding::problem(
                format!("port {port}, on which the sites of this home answer, is taken by {by}"),
                "end that program, or choose another port with `aegir up --port`",
            )
        }));
        return findings;
    };
    findings.push(Finding::ok(format!("`aegir up` runs as process {}", running.pid)));
    match Endpoints::load(home) {
        // Written once all services answer for the first time.
        Err(_) if !home.join("stack/endpoints.json").exists() => {
            findings.push(Finding::warning("it is still starting", "wait a moment, and look again"));
        }
        Err(fault) => findings.push(Finding::of_fault(&fault)),
        Ok(endpoints) => findings.extend(endpoints.ask_each(home).into_iter().map(|answers| match answers.fault {
            None => Finding::ok(format!("{} answers at {}", answers.service, answers.at)),
            Some(why) => Finding::problem(
                format!("{} does not answer at {}: {why}", answers.service, answers.at),
                format!("look into the logs in `{}`", home.join("logs").display()),
            ),
        })),
    }
    findings
}
