//! Owners and modes, after an install, a visit and a verify: what others may see of a site is what its visitors see.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::story::Site;
use crate::support::{Lab, way};

/// Modes of the home, whatever lives in it.
const HOME: [(&str, u32); 9] = [
    ("platforms", 0o755),
    ("backups", 0o700),
    ("clients", 0o711),
    ("config", 0o711),
    ("config/ssl.d", 0o700),
    ("config/includes", 0o711),
    ("config/server_localhost", 0o711),
    ("contexts", 0o700),
    ("credentials", 0o700),
];

/// Modes of the folder of what the web server is told.
const HTTP: [(&str, u32); 6] =
    [("", 0o711), ("pre.d", 0o700), ("post.d", 0o700), ("platform.d", 0o700), ("platforms", 0o700), ("vhost.d", 0o700)];

/// Modes of a site's folder; all of it but code is given to the web server's group.
const SITE: [(&str, u32); 10] = [
    ("", 0o2750),
    ("modules", 0o2775),
    ("themes", 0o2775),
    ("libraries", 0o2775),
    ("files", 0o2770),
    ("private", 0o2770),
    ("private/files", 0o2770),
    ("private/temp", 0o2770),
    ("settings.php", 0o440),
    ("local.settings.php", 0o640),
];

#[track_caller]
fn has_modes(below: &Path, table: &[(&str, u32)]) {
    for (path, mode) in table {
        let path = below.join(path);
        let found = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found.mode() & 0o7777, *mode, "{} has mode {:o}", path.display(), found.mode() & 0o7777);
    }
}

#[test]
fn everything_has_its_owner_and_its_mode() {
    let lab = Lab::start(way());
    let home = lab.home();
    let owner = fs::metadata(&home).unwrap();
    for (platform, fixture, root) in [("seven", "seven-1.0", "seven-1.0"), ("ten", "ten-1.0", "ten-1.0/web")] {
        lab.platform(platform, fixture);
        let site = Site::install(&lab, &format!("{platform}.localhost"), platform, "localhost", Some("standard"));
        site.answers(&lab);
        site.lets_in(&lab);
        site.is_as_it_should_be(&lab);

        let sites = home.join("platforms").join(root).join("sites");
        let folder = sites.join(&site.name);
        has_modes(&folder, &SITE);
        has_modes(&sites, &[("sites.php", 0o644)]);
        if platform == "seven" {
            has_modes(&sites, &[("all/modules", 0o2775), ("all/themes", 0o2775), ("all/libraries", 0o2775)]);
        }
        for path in ["", "settings.php", "files", "private"] {
            let found = fs::metadata(folder.join(path)).unwrap();
            assert_eq!((found.uid(), found.gid()), (owner.uid(), owner.gid()), "{}", folder.join(path).display());
        }
        has_modes(
            &home,
            &[(&format!("contexts/{}.json", site.name), 0o600), (&format!("credentials/{}.json", site.name), 0o400)],
        );
        let vhost = lab.http_folder().join("vhost.d").join(format!("{}.conf", site.name));
        assert_eq!(fs::metadata(vhost).unwrap().mode() & 0o077, 0);
        let link = fs::read_link(home.join("clients/admin").join(&site.name)).unwrap();
        assert_eq!(fs::canonicalize(home.join("clients/admin").join(link)).unwrap(), folder);
    }
    has_modes(&home, &HOME);
    has_modes(&lab.http_folder(), &HTTP);
}

#[test]
fn verify_puts_modes_right_and_leaves_ones_own_settings_alone() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal"));
    let folder = lab.home().join("platforms/ten-1.0/web/sites/a.localhost");
    let local = folder.join("local.settings.php");
    fs::write(&local, "<?php\n$settings['mine'] = TRUE;\n").unwrap();
    // As Drupal does to a site whose status page is looked at.
    let mode =
        |path: &Path, mode| fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(&folder, 0o555);
    mode(&folder.join("settings.php"), 0o444);
    mode(&folder.join("files"), 0o700);

    let said = lab.provision(&["verify", "@a.localhost"]).done();

    assert!(said.out.contains("Changed: "), "{}", said.all());
    has_modes(&folder, &SITE);
    assert_eq!(fs::read_to_string(&local).unwrap(), "<?php\n$settings['mine'] = TRUE;\n");
    site.is_as_it_should_be(&lab);
    site.answers(&lab);
}
