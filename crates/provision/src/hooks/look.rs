//! How the hooks of a home stand, for whoever looks at it before a task does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aegir_domain::{EVERY_KIND, Finding, HookPhase, TaskKind};
use aegir_host::{FileFault, Files};

use super::find::find;

/// Says of each thing below `hooks` what is amiss with it, and how many hooks run. `owner` is the user that the home
/// belongs to. Nothing where there are none.
pub fn look(files: &Files, hooks: &Path, owner: u32) -> Result<Vec<Finding>, FileFault> {
    // By what each is about: those for every task are found with each.
    let mut amiss: BTreeMap<PathBuf, Finding> = BTreeMap::new();
    let mut run = std::collections::BTreeSet::new();
    for kind in TaskKind::ALL {
        let found = find(files, hooks, owner, kind)?;
        run.extend(found.hooks.iter().map(ToString::to_string));
        for not_ours in found.not_ours {
            amiss.insert(not_ours.path.clone(), Finding::of_fault(&not_ours));
        }
        for left_out in found.left_out {
            let finding = Finding::warning(left_out.to_string(), "put it right, or keep it elsewhere");
            amiss.insert(left_out.path, finding);
        }
    }
    let mut findings: Vec<Finding> = amiss.into_values().collect();
    findings.extend(never_run(files, hooks)?);
    if !run.is_empty() {
        findings.push(Finding::ok(format!("hooks that run beside tasks: {}", run.len())));
    }
    Ok(findings)
}

/// Folders that no task looks into.
fn never_run(files: &Files, hooks: &Path) -> Result<Vec<Finding>, FileFault> {
    let mut findings = Vec::new();
    for folder in files.list(hooks)?.into_iter().filter(|name| !name.starts_with('.')) {
        let path = hooks.join(&folder);
        if folder != EVERY_KIND && !TaskKind::ALL.iter().any(|kind| kind.as_str() == folder) {
            let text = format!("no task is called as `{}` is: what lies there never runs", path.display());
            let names: Vec<&str> = TaskKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let remedy = format!("name it `{EVERY_KIND}`, or as one of these: {}", names.join(", "));
            findings.push(Finding::warning(text, remedy));
            continue;
        }
        let phases = HookPhase::ALL.map(HookPhase::folder);
        // A folder that cannot be listed was told above.
        for name in files.list(&path).unwrap_or_default() {
            if !name.starts_with('.') && !phases.contains(&name.as_str()) {
                let text = format!("what lies in `{}` never runs", path.join(name).display());
                findings.push(Finding::warning(text, format!("hooks lie in these: {}", phases.join(", "))));
            }
        }
    }
    Ok(findings)
}
