//! Backups on the private stack: made while the site is written to, tried, put back by hand as the manual says.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::disk::Disk;
use crate::support::real::put_back_by_hand;
use crate::support::story::{Site, save_sqlite_server};
use crate::support::world::World;
use crate::support::{Lab, run, way};

/// Backs a site up, and gives the name of the backup.
fn back_up(lab: &Lab, site: &str) -> String {
    let said = lab.provision(&["--json", "backup", &format!("@{site}")]).done();
    let end: Value = serde_json::from_str(said.out.trim().lines().last().unwrap()).unwrap();
    end["answer"]["backup"].as_str().unwrap().to_owned()
}

fn file(lab: &Lab, backup: &str) -> PathBuf {
    lab.home().join("backups").join(backup)
}

#[test]
fn a_site_is_backed_up_tried_listed_and_put_back_by_hand_as_the_manual_says() {
    let lab = Lab::start(way());
    save_sqlite_server(&lab);
    for (platform, fixture, server) in
        [("seven", "seven-1.0", "localhost"), ("ten", "ten-1.0", "localhost"), ("ten", "ten-1.0", "files")]
    {
        if !lab.home().join(format!("contexts/platform_{platform}.json")).exists() {
            lab.platform(platform, fixture);
        }
        let name = format!("{platform}.{server}.test.localhost");
        let site = Site::install(&lab, &name, platform, server, Some("standard"));
        site.answers(&lab);
        let photo = lab.home().join("clients/admin").join(&name).join("files/photo.bin");
        fs::write(&photo, (0..=255).cycle().take(3_000_000).collect::<Vec<u8>>()).unwrap();
        lab.give(&photo);

        let backup = back_up(&lab, &name);

        let mode = fs::metadata(file(&lab, &backup)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        // The first one leaves the platform's trash behind, if nobody needed that before.
        lab.provision(&["backup-verify", &backup]).done();
        let before = World::of(&lab);
        let said = lab.provision(&["backup-verify", &backup]).done();
        said.says("front page answers 200").says("are what was packed");
        // Nothing of the trial is left, and the site is as it was.
        World::of(&lab).must_be(&before);
        lab.provision(&["backups", &format!("@{name}")]).done().says(&backup);

        put_back_by_hand(&lab, &site, platform, server, &file(&lab, &backup));

        site.answers(&lab);
        assert_eq!(fs::metadata(&photo).unwrap().len(), 3_000_000);
        lab.provision(&["backup-delete", &backup]).done();
        assert!(!file(&lab, &backup).exists());
    }
}

/// What lies in an archive, by `tar` itself.
fn names(lab: &Lab, archive: &Path) -> Vec<String> {
    let ran = lab.as_owner("tar").args(["--zstd", "-tf"]).arg(archive).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn what_may_not_be_read_is_named_and_what_holds_credentials_is_left_out() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    lab.install("a.localhost", "ten").done();
    let folder = lab.home().join("clients/admin/a.localhost");
    let own = folder.join("files/own.txt");
    fs::write(&own, "of the web server's own").unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o000)).unwrap();
    let two_users = lab.way == crate::support::Way::TwoUsers;
    if two_users {
        run(Command::new("chown").arg("aegir-web").arg(&own));
    } else {
        lab.give(&own);
    }
    std::os::unix::fs::symlink(lab.home().join("credentials"), folder.join("files/out")).unwrap();

    let said = lab.provision(&["backup", "@a.localhost"]).done().says("files/own.txt").says("may not be read");

    let backup = said.out.split('`').find(|word| word.ends_with(".tar.zst")).unwrap();
    let names = names(&lab, Path::new(backup));
    assert!(names.contains(&"site/local.settings.php".to_owned()), "{names:?}");
    for out in ["site/settings.php", "site/files/own.txt"] {
        assert!(!names.contains(&out.to_owned()), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.starts_with("site/files/out/")), "a link is a link: {names:?}");
    let credentials = fs::read_to_string(lab.home().join("credentials/a.localhost.json")).unwrap();
    let credentials: Value = serde_json::from_str(&credentials).unwrap();
    let plain = lab.as_owner("zstd").arg("-dc").arg(backup).output().unwrap().stdout;
    for secret in ["db_passwd", "hash_salt"] {
        let secret = credentials[secret].as_str().unwrap().as_bytes();
        assert!(!plain.windows(secret.len()).any(|window| window == secret));
    }
}

#[test]
fn a_backup_shows_one_moment_of_a_database_that_is_written_to() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let site = Site::install(&lab, "busy.localhost", "ten", "localhost", Some("minimal"));
    let db = &site.database;
    for table in ["first", "last"] {
        lab.up().run_sql(&format!(
            "CREATE TABLE `{db}`.`zz_{table}` (n INT PRIMARY KEY, b LONGBLOB, t TEXT) ENGINE=InnoDB"
        ));
    }
    lab.up().run_sql(&format!("CREATE TABLE `{db}`.`old` (n INT) ENGINE=MyISAM"));
    lab.up().run_sql(&format!("CREATE EVENT `{db}`.`seen` ON SCHEDULE EVERY 1 YEAR DO SELECT 1"));
    let odd =
        "INSERT INTO `{db}`.`zz_first` VALUES (0, x'00ff27225c0a0d1a', 'it''s \\\\ \\n \\r\\n 🐈')".replace("{db}", db);
    lab.up().run_sql(&odd);
    // Both tables get each number in one transaction, from one connection, again and again.
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                lab.up().run_sql(&format!("INSERT INTO `{db}`.`zz_first` (n, t) VALUES ({n}, REPEAT('x', 1000))"));
                lab.up().run_sql(&format!("INSERT INTO `{db}`.`zz_last` (n) VALUES ({n})"));
            }
        });
        let said = lab.provision(&["backup", "@busy.localhost"]).done();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        said.says("`old`").says("event `seen`");
    });

    let backups = lab.provision(&["--json", "backups"]).done().out;
    let listed: Value = serde_json::from_str(backups.trim()).unwrap();
    assert_eq!(listed["manifest"]["dump"]["not_consistent"], serde_json::json!(["old"]));
    let backup = file(&lab, listed["backup"].as_str().unwrap());
    let dump = lab.as_owner("tar").args(["--zstd", "-Oxf"]).arg(&backup).arg("database.sql").output().unwrap().stdout;
    lab.up().run_sql("CREATE DATABASE moment");
    for table in ["zz_first", "zz_last"] {
        let text = String::from_utf8(dump.clone()).unwrap();
        assert!(text.contains(&format!("CREATE TABLE `{table}`")), "{table} is in it");
    }
    crate::support::real::load_as_administrator(&lab, "moment", &dump);
    let same = |what: &str| {
        let of = |db: &str| lab.up().sql(&what.replace("DB", db));
        assert_eq!(of("moment"), of(db), "{what}");
    };
    same("SELECT HEX(b), HEX(t) FROM DB.zz_first WHERE n = 0");
    let count = |table: &str| -> i64 {
        lab.up().sql(&format!("SELECT COUNT(*) FROM moment.{table} WHERE n > 0"))[0].parse().unwrap()
    };
    let (first, last) = (count("zz_first"), count("zz_last"));
    assert!(first - last == 0 || first - last == 1, "{first} and {last} are of two moments");
    lab.up().run_sql("DROP DATABASE moment");
}

#[test]
fn a_full_disk_is_refused_before_and_leaves_nothing_half() {
    let mut lab = Lab::bare(way());
    let backups = lab.home().join("backups");
    fs::create_dir(&backups).unwrap();
    let Some(_disk) = Disk::mount(&backups, "24m") else { return };
    lab.give(&backups);
    lab.start_stack(&[]);
    lab.provision(&["save", "@server_localhost", "--private-stack"]).done();
    lab.provision(&["verify", "@server_localhost"]).done();
    lab.platform("ten", "ten-1.0");
    lab.install("a.localhost", "ten").done();
    let photo = lab.home().join("clients/admin/a.localhost/files/photo.bin");
    let mut noise = vec![0_u8; 30 << 20];
    let mut state = 1_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    fs::write(&photo, &noise).unwrap();
    lab.give(&photo);
    let before = World::of(&lab);
    lab.provision(&["backup", "@a.localhost"]).ends(4).says("MB left").remedy("");
    World::of(&lab).must_be(&before);

    // Sparse: it looks as if there were room, and there is none for what it holds.
    fs::write(&photo, &noise[..1 << 20]).unwrap();
    let before = World::of(&lab);
    let filler = backups.join("filler");
    for left in [0_u64, 4, 40, 200, 700] {
        run(Command::new("fallocate").args(["-l", "23M"]).arg(&filler));
        let free = rustix::fs::statvfs(&backups).unwrap();
        let keep = (free.f_bavail * free.f_frsize).saturating_sub(left * 1024);
        run(Command::new("fallocate").args(["-l", &(23 * 1024 * 1024 + keep).to_string()]).arg(&filler));
        let said = lab.provision(&["backup", "@a.localhost"]);
        assert!(matches!(said.code, 4 | 7), "{}", said.all());
        fs::remove_file(&filler).unwrap();
        World::of(&lab).must_be(&before);
    }
    lab.provision(&["backup", "@a.localhost"]).done();
}
