//! Sites of real Drupal are restored with what they held: in their place, and where they are gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::content::{Content, Key};
use crate::support::Lab;
use crate::support::real::{Asked, Real};
use crate::support::story::Site;

/// Tables that change with what somebody writes, in any Drupal; `users` changes with each login.
const CONTENT: [&str; 9] =
    ["user__", "file_managed", "node", "comment", "taxonomy", "url_alias", "path_alias", "field_data", "role"];

/// A site with content and without: backed up in both states, and restored to each.
pub fn with_what_it_held(real: &Real<'_>, db_server: &str, profile: &str) {
    let (lab, name) = (real.lab, format!("{db_server}.restored.localhost"));
    let asked = Asked { site: &name, db_server, profile: Some(profile), language: "en" };
    let site = real.installs_what_is_asked(&asked);
    site.answers(lab);
    let folder = real.root.join("sites").join(&name);
    let (bare, bare_held) = (back_up(lab, &name), held(lab, &name, &folder));
    let content = Content::put(real, &site);
    let (full, full_held) = (back_up(lab, &name), held(lab, &name, &folder));
    assert_ne!(bare_held, full_held, "what people put there is content");

    lab.provision(&["restore", &bare]).done().says("go-back");
    is_well(real, &site);
    assert_eq!(held(lab, &name, &folder), bare_held);

    lab.provision(&["go-back", &format!("@{name}")]).done();
    site.answers(lab);
    assert_eq!(held(lab, &name, &folder), full_held);
    content.is_there(real, &name, Key::Same);

    lab.delete(&name);
    lab.provision(&["restore", &full]).done().says("is there again");
    assert_eq!(held(lab, &name, &folder), full_held);
    is_well(real, &site);
    // A site that is gone took its salt along.
    content.is_there(real, &name, Key::Another);
    lab.delete(&name);
    for backup in [bare, full] {
        lab.provision(&["backup-delete", &backup]).done();
    }
}

fn is_well(real: &Real<'_>, site: &Site) {
    site.answers(real.lab);
    site.lets_in(real.lab);
    site.is_as_it_should_be(real.lab);
    let says = real.drupal_says(&site.name, &[]);
    assert_eq!(says["site"], format!("sites/{}", site.name));
}

fn back_up(lab: &Lab, site: &str) -> String {
    let said = lab.provision(&["backup", &format!("@{site}")]).done();
    let path = said.out.split('`').find(|word| word.ends_with(".tar.zst")).unwrap();
    Path::new(path).file_name().unwrap().to_string_lossy().into_owned()
}

/// The uploads of a site with their sizes, and the sums of its tables with content, where it has such.
fn held(lab: &Lab, site: &str, folder: &Path) -> BTreeMap<String, String> {
    let mut held = BTreeMap::new();
    uploads(&folder.join("files"), &mut held);
    let shown = lab.provision(&["show", &format!("@{site}"), "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let database = context["database"]["name"].as_str().unwrap();
    if context["db_server"] == "files" {
        return held;
    }
    for table in lab.up().sql(&format!("SHOW TABLES FROM `{database}`")) {
        if !CONTENT.iter().any(|content| table.starts_with(content)) {
            continue;
        }
        let sum = lab.up().sql(&format!("CHECKSUM TABLE `{database}`.`{table}`")).concat();
        held.insert(table, sum.split('\t').next_back().unwrap_or_default().to_owned());
    }
    held
}

fn uploads(folder: &Path, held: &mut BTreeMap<String, String>) {
    let entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            // Made again when they are missed.
            true if matches!(name.as_str(), "css" | "js" | "php") => (),
            true => uploads(&path, held),
            false if name.ends_with(".png") => {
                let size = fs::metadata(&path).unwrap().len().to_string();
                held.insert(format!("file {name} in {}", folder.file_name().unwrap().display()), size);
            }
            false => (),
        }
    }
}
