//! Hooks as real programs: those that the manual shows, and what each of them gets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::said::Said;
use crate::support::{Lab, root, way};

/// Puts the hooks that the manual shows where their second lines say.
fn put_those_of_the_manual(lab: &Lab) {
    let page = fs::read_to_string(root().join("docs/manual/hooks.md")).unwrap();
    let blocks: Vec<&str> = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let place = block.lines().nth(1).unwrap().strip_prefix("# hooks/").unwrap();
        lab.put_program("hooks", place, block);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_hooks_of_the_manual_do_what_it_says() {
    let lab = Lab::bare(way());
    put_those_of_the_manual(&lab);
    let logs = lab.home().join("logs");
    fs::create_dir_all(&logs).unwrap();
    lab.give(&logs);
    fs::write(lab.home().join("protected"), "@shop.localhost\n").unwrap();
    lab.give(&lab.home().join("protected"));

    let delete = |site: &str| lab.provision(&["delete", &format!("@{site}"), &format!("--confirm={site}")]).ends(4);
    let said = delete("shop.localhost").says("the hook `delete-site/check.d/10-protected` ended with status 1");
    assert!(said.all().contains("is named in"), "{}", said.all());
    delete("other.localhost").says("other.localhost");
    assert_eq!(read(&logs.join("happened.log")), "");

    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done().says("all/after.d/90-tell");
    let told = read(&logs.join("happened.log"));
    assert!(told.starts_with("save-context @server_files ") && told.lines().count() == 1, "{told}");
}

#[test]
fn a_hook_has_a_small_environment_and_dies_with_what_it_started() {
    let lab = Lab::bare(way());
    let settings = lab.home().join("hostmaster");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("aegir.toml"), "hook_limit = 1\n").unwrap();
    lab.give(&settings);
    lab.put_program("hooks", "all/before.d/look", "#!/bin/sh\nenv\npwd\numask\n");
    lab.put_program("hooks", "all/before.d/wait", "#!/bin/sh\nsleep 61 &\necho $! >\"$HOME/started\"\nwait\n");

    let mut line = lab.line(&["save", "@server_files", "--db", "sqlite"]);
    line.env("SECRET_OF_MINE", "hunter2");
    let said = Said::of(&mut line, &["save"]).ends(7);

    let said = said.says("the hook `all/before.d/wait` took too long and was ended").remedy("hook_limit");
    for has in ["HOOK_PHASE=before", "HOOK_TASK=save-context", "HOOK_OBJECT=@server_files", "HOOK_ATTEMPT=0"] {
        assert!(said.all().contains(has), "{has}: {}", said.all());
    }
    assert!(!said.all().contains("hunter2"), "{}", said.all());
    assert!(said.all().contains("0007"), "{}", said.all());
    let started = read(&lab.home().join("started"));
    assert!(started.trim().parse::<u32>().is_ok(), "{started}");
    let alive = read(&Path::new("/proc").join(started.trim()).join("cmdline"));
    assert!(!alive.starts_with("sleep"), "{alive}");
    lab.provision(&["show", "@server_files"]).ends(1);
}

#[test]
fn whoever_takes_a_killed_task_back_runs_what_its_hooks_have_for_that() {
    let lab = Lab::bare(way());
    lab.put_program("hooks", "save-context/before.d/hold", "#!/bin/sh\ntouch \"$HOME/held\"\n");
    lab.put_program("hooks", "save-context/rollback.d/let-go", "#!/bin/sh\nrm -f \"$HOME/held\"\n");
    lab.put_program("hooks", "save-context/after.d/tell", "#!/bin/sh\ntouch \"$HOME/told\"\n");
    let there = |name: &str| lab.home().join(name).exists();
    let words = ["save", "@server_files", "--db", "sqlite"];
    let (mut taken_back, mut carried_on) = (0, 0);
    for record in 1.. {
        let mut line = lab.line(&words);
        let said = Said::of(line.env("AEGIR_DRILL", format!("after:{record}")).stdin(Stdio::null()), &words);
        let reached = said.err.contains("another one takes over");
        lab.provision(&["recover"]).done();
        let saved = lab.provision(&["show", "@server_files"]).code == 0;
        assert_eq!((there("held"), there("told")), (saved, saved), "killed after record {record}: {}", said.all());
        match saved {
            true => {
                carried_on += 1;
                lab.provision(&["forget", "@server_files"]).done();
                for mark in ["held", "told"] {
                    fs::remove_file(lab.home().join(mark)).unwrap();
                }
            }
            false => taken_back += 1,
        }
        if !reached {
            break;
        }
    }
    assert!(taken_back > 4 && carried_on > 1, "{taken_back} taken back, {carried_on} carried on");
}

#[test]
fn doctor_names_hooks_that_others_could_have_written_and_folders_that_no_task_looks_into() {
    let lab = Lab::bare(way());
    lab.put_program("hooks", "all/check.d/open", "#!/bin/sh\n");
    lab.put_program("hooks", "all/check.d/off", "#!/bin/sh\n");
    lab.put_program("hooks", "install-sites/check.d/never", "#!/bin/sh\n");
    lab.put_program("hooks", "install-site/pre.d/never", "#!/bin/sh\n");
    lab.put_program("hooks", "install-site/after.d/good", "#!/bin/sh\n");
    let set = |name: &str, mode| {
        let path = lab.home().join("hooks/all/check.d").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set("open", 0o777);
    set("off", 0o644);

    let home = lab.home().display().to_string();
    let words = ["--home", &home, "doctor"];
    let said = Said::of(&mut lab.as_user(&words), &words);

    for text in [
        "all/check.d/open` may be written by others (mode 0777)",
        "all/check.d/off` is no hook: it is not executable",
        "no task is called as",
        "hooks/install-site/pre.d` never runs",
        "hooks that run beside tasks: 1",
    ] {
        assert!(said.all().contains(text), "{text}: {}", said.all());
    }
}
