//! What Ægir made on a platform whose code is not in the home: sites' folders, their list, the trash.

use std::path::{Path, PathBuf};

use aegir_domain::{Former, Home, PlatformContext, SiteName};
use aegir_drupal::sites_php;
use aegir_host::{FileFault, Files, Kind};

use super::{Known, OpenTask};

/// Removes what belongs to the user `owner`, and tells `gone` of each thing; the code itself, and what
/// others put there, stays.
pub fn clear_platform(
    owner: u32,
    platform: &PlatformContext,
    known: &Known,
    open: &[OpenTask],
    gone: &dyn Fn(&Path),
) -> Result<(), FileFault> {
    let made = made_on(platform, known, open);
    let root = platform.root.path();
    let files = Files::new(vec![root.to_owned()]);
    let is_owners = |path: &Path| {
        let found = files.stat(path)?;
        Ok::<bool, FileFault>(found.is_some_and(|found| found.kind == Kind::Dir && found.uid == owner))
    };
    for (_, folder) in &made {
        // A link in its place was put there by somebody, and is theirs.
        if is_owners(folder)? && files.remove_tree(folder)?.yes() {
            gone(folder);
        }
    }
    let list = root.join(sites_php::FILE);
    let text = files.read_unlinked(&list).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(text) = text.filter(|text| sites_php::is_ours(text)) {
        let mut entries = sites_php::read(&text);
        entries.retain(|(_, site)| !made.iter().any(|(name, _)| name == site));
        if entries.is_empty() {
            files.remove_file(&list)?;
            // What was there before us gets its place back.
            let before = root.join(sites_php::LOCAL_FILE);
            if files.kind(&before)?.is_some() {
                files.rename(&before, &list)?;
            }
        } else {
            let text = sites_php::render(entries.iter().map(|(name, site)| (name, site)));
            let was = files.stat(&list)?;
            files.write(&list, text.as_bytes(), 0o644)?;
            if let Some(was) = was {
                files.set_owner(&list, was.uid, was.gid)?;
            }
        }
    }
    let formers = known.sites.iter().flat_map(|site| &site.formers).filter(|former| former.platform == platform.name);
    for folder in formers.map(|former| former.folder(&platform.root)) {
        if is_owners(&folder)? && files.remove_tree(&folder)?.yes() {
            gone(&folder);
        }
    }
    let shelf = Former::shelf(&platform.root);
    if is_owners(&shelf)? && files.list(&shelf)?.is_empty() {
        files.remove_empty_dir(&shelf)?;
    }
    let trash = Home::trash_beside(&root.join("sites"));
    if is_owners(&trash)? && files.remove_tree(&trash)?.yes() {
        gone(&trash);
    }
    Ok(())
}

/// The folders of sites on a platform: of known sites, and of attempts that did not end.
fn made_on(platform: &PlatformContext, known: &Known, open: &[OpenTask]) -> Vec<(SiteName, PathBuf)> {
    let root = platform.root.path();
    let sites = known.sites.iter().filter(|site| site.platform == platform.name);
    let begun = open.iter().flat_map(|task| task.state.standing.iter().map(move |line| (task, line)));
    let begun = begun.filter_map(|(task, (_, name, inputs))| {
        let made = matches!(name.as_str(), "make-site-folder" | "copy-files")
            && inputs["root"].as_str().map(Path::new) == Some(root);
        let site: SiteName = inputs["site"].as_str().filter(|_| made)?.parse().ok()?;
        // Only what bears the attempt's mark is what it made.
        let mark = platform.root.site_dir(&site).join(format!(".aegir-{}", task.folder.attempt));
        mark.exists().then_some(site)
    });
    let names = sites.map(|site| site.name.clone()).chain(begun);
    names.map(|name| (name.clone(), platform.root.site_dir(&name))).collect()
}
