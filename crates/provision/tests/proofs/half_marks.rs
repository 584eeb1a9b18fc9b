//! A folder that a task makes is known by its mark, also when the task dies while that is written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::Task;
use aegir_lab::Lab;
use aegir_lab::proof::Scene;

use crate::meanwhile::{migrate, rename};
use crate::two_platforms;

/// What is left of a folder `place` of the lab's home: it is there, and its mark is on its way.
fn is_cut_short(scene: &Scene, line: &str, place: &str) {
    scene.dies_having_left(line, |lab, attempt| {
        let folder = lab.home().path().join(place);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(folder.join(format!("..aegir-{attempt}.aegir-new")), "").unwrap();
    });
}

#[test]
fn the_folder_of_a_new_site_goes_with_half_a_mark() {
    let scene = Scene::new("install-site, half a mark", |lab: &Lab| {
        two_platforms(lab);
        Task::InstallSite(Box::new(lab.new_site("a.test", "ten")))
    });
    is_cut_short(&scene, "make-site-folder", "platforms/ten/web/sites/a.test");
}

#[test]
fn the_folder_of_a_moved_site_goes_with_half_a_mark() {
    let scene = Scene::new("migrate-site, half a mark", migrate);
    is_cut_short(&scene, "copy-files", "platforms/later_ten/web/sites/a.test");
}

#[test]
fn the_folder_of_a_renamed_site_goes_with_half_a_mark() {
    let scene = Scene::new("rename-site, half a mark", rename);
    is_cut_short(&scene, "copy-files", "platforms/seven/sites/b.test");
}
