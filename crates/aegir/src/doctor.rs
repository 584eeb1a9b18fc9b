//! `doctor`: looks at the machine and at a home, and says of each thing how it stands and what to do.
//!
//! It reads only, asks nobody for rights, and works where the rest does not: without a home, in a broken
//! one, as root, as a person, as Ægir's own user.

mod home;
mod machine;
mod objects;
mod separation;
mod services;

use std::path::{Path, PathBuf};

use aegir_domain::{Finding, Health, Home};
use aegir_host::Files;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::compose::Given;
use crate::failure::Failure;
use crate::speak::out;

/// Looks at this machine and at a home; changes nothing. Ends with 1 if there is a problem; warnings are
/// no problem.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Prints JSON, a line for each thing that was looked at
    #[arg(long)]
    json: bool,
}

/// Findings that belong together.
#[derive(Debug, Serialize)]
struct Group {
    title: &'static str,
    findings: Vec<Finding>,
}

/// What is looked at.
struct Patient {
    home: Home,
    files: Files,
    /// The variables of the environment that say a setting.
    settings: Vec<(String, String)>,
}

impl Patient {
    fn path(&self) -> &Path {
        self.home.path()
    }

    fn below(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }
}

/// Looks, prints, and says by the exit code whether there is a problem.
pub(crate) fn run(given: &Given, args: &DoctorArgs) -> Result<u8, Failure> {
    let patient =
        Patient { home: Home::new(given.home()), files: Files::new(Vec::new()), settings: given.settings.clone() };
    let groups = look(&patient);
    match args.json {
        true => groups.iter().for_each(|group| group.findings.iter().for_each(|one| out(&as_json(group.title, one)))),
        false => out(&text(&groups)),
    }
    let problems = count(&groups, Health::Problem);
    if args.json {
        out(&json!({ "problems": problems, "warnings": count(&groups, Health::Warning) }).to_string());
    }
    Ok(u8::from(problems > 0))
}

fn look(patient: &Patient) -> Vec<Group> {
    let mut groups = vec![
        Group { title: "Machine", findings: machine::look() },
        Group { title: "PHP", findings: machine::php() },
        Group { title: "Home", findings: home::look(patient) },
    ];
    let mut known = None;
    if home::is_readable(patient) {
        groups.push(Group { title: "Services", findings: services::look(patient) });
        groups.push(Group { title: "Tasks", findings: objects::tasks(patient) });
        match aegir_provision::inspect::read_known(&patient.home, &patient.files) {
            Err(fault) => groups.push(Group { title: "Sites", findings: vec![Finding::of_fault(&fault)] }),
            Ok(found) => {
                groups.push(Group { title: "Sites", findings: objects::sites(patient, &found) });
                groups.push(Group { title: "Left-overs", findings: objects::left_overs(patient, &found) });
                known = Some(found);
            }
        }
    }
    groups.push(Group { title: "Databases", findings: objects::databases(patient, known.as_ref()) });
    groups.push(Group { title: "Keeping sites apart", findings: separation::look(patient) });
    groups.retain(|group| !group.findings.is_empty());
    groups
}

fn count(groups: &[Group], health: Health) -> usize {
    groups.iter().flat_map(|group| &group.findings).filter(|finding| finding.health == health).count()
}

fn as_json(group: &str, finding: &Finding) -> String {
    let mut line = json!({ "group": group, "health": finding.health, "text": finding.text });
    if let Some(remedy) = &finding.remedy {
        line["remedy"] = json!(remedy);
    }
    line.to_string()
}

/// A line for each thing, with its remedy below it, and how many there are at the end.
fn text(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        text.push_str(&format!("{}\n", group.title));
        for Finding { health, text: said, remedy } in &group.findings {
            text.push_str(&format!("  {:<8} {}\n", health.as_str(), indented(said, 11)));
            if let Some(remedy) = remedy {
                text.push_str(&format!("           how to fix it: {}\n", indented(remedy, 11)));
            }
        }
        text.push('\n');
    }
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (problems, warnings) = (count(groups, Health::Problem), count(groups, Health::Warning));
    text.push_str(&format!("{}, {}", plural(problems, "problem"), plural(warnings, "warning")));
    text
}

fn indented(text: &str, by: usize) -> String {
    crate::speak::plain(text).replace('\n', &format!("\n{}", " ".repeat(by)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_a_word_a_line_and_its_remedy_and_they_are_counted() {
        let findings = vec![
            Finding::ok("nginx 1.22.1"),
            Finding::warning("no names in `.localhost`", "install it"),
            Finding::problem("two\nlines", "do this"),
        ];

        let text = text(&[Group { title: "Machine", findings }]);

        assert_eq!(
            text,
            "Machine\n  ok       nginx 1.22.1\n  warning  no names in `.localhost`\n           how to fix it: install it\n  \
             problem  two\n           lines\n           how to fix it: do this\n\n1 problem, 1 warning"
        );
    }
}
