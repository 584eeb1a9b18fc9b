//! Task types as real programs: the one that the manual shows, who dies while it runs, and what each of them gets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::said::Said;
use crate::support::{Lab, root, way};

/// Puts what the manual shows where its own lines say; the folder that its programs want is there.
fn put_that_of_the_manual(lab: &Lab) {
    let page = fs::read_to_string(root().join("docs/manual/task-types.md")).unwrap();
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).filter(|block| block.contains("# tasks.d/")).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let (_, text) = block.split_once('\n').unwrap();
        let place = text.lines().find_map(|line| line.strip_prefix("# tasks.d/")).unwrap();
        lab.put_program("tasks.d", place, text);
    }
    fs::create_dir_all(lab.home().join("quiet")).unwrap();
    lab.give(&lab.home().join("quiet"));
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
}

fn quiet(lab: &Lab) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(lab.home().join("quiet"))
        .unwrap()
        .flatten()
        .map(|file| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn is(text: &str) -> Vec<(String, String)> {
    vec![("@server_files".into(), text.into())]
}

#[test]
fn the_task_type_of_the_manual_does_what_it_says() {
    let lab = Lab::bare(way());
    put_that_of_the_manual(&lab);
    let run = |more: &[&str]| lab.provision(&[&["custom", "quiet_hours", "@server_files"], more].concat());

    lab.provision(&["task-types"]).done().says("quiet_hours: Quiet hours (of a server)");
    run(&["--with", "hours=2", "--with", "why=new disks"]).done().says("Quiet hours was done to `@server_files`");
    assert_eq!(quiet(&lab), is("2 hours: new disks\n"));
    run(&["--with", "why=more of them"]).done();
    assert_eq!(quiet(&lab), is("1 hours: more of them\n"));

    run(&[]).ends(4).says("the field `why` must be given");
    run(&["--with", "why=x", "--with", "hours=49"]).ends(4).says("the field `hours` is 49").remedy("from 1 to 48");
    run(&["--with", "why"]).ends(2).says("takes the name of a field");
    run(&["--with", "why=x", "--with", "why=y"]).ends(2).says("is given twice");
    fs::remove_dir_all(lab.home().join("quiet")).unwrap();
    run(&["--with", "why=x"]).ends(4).says("there is no folder");
}

#[test]
fn whoever_takes_a_killed_task_back_runs_its_undo() {
    let lab = Lab::bare(way());
    put_that_of_the_manual(&lab);
    let words = ["custom", "quiet_hours", "@server_files", "--with", "why=new disks"];
    lab.provision(&["custom", "quiet_hours", "@server_files", "--with", "why=before"]).done();
    let (mut taken_back, mut carried_on) = (0, 0);
    for record in 1.. {
        let mut line = lab.line(&words);
        let said = Said::of(line.env("AEGIR_DRILL", format!("after:{record}")).stdin(Stdio::null()), &words);
        let reached = said.err.contains("another one takes over");
        lab.provision(&["recover"]).done();
        match quiet(&lab) {
            found if found == is("1 hours: before\n") => taken_back += 1,
            found => {
                assert_eq!(found, is("1 hours: new disks\n"), "killed after record {record}: {}", said.all());
                carried_on += 1;
                lab.provision(&["custom", "quiet_hours", "@server_files", "--with", "why=before"]).done();
            }
        }
        if !reached {
            break;
        }
    }
    assert!(taken_back > 2 && carried_on > 1, "{taken_back} taken back, {carried_on} carried on");
}

#[test]
fn an_undo_goes_by_what_it_finds_however_far_its_task_came() {
    let lab = Lab::bare(way());
    put_that_of_the_manual(&lab);
    let run = || lab.provision(&["custom", "quiet_hours", "@server_files", "--with", "why=new disks"]);
    let text = fs::read_to_string(lab.home().join("tasks.d/quiet_hours/do")).unwrap();
    for was in [Vec::new(), is("1 hours: before\n")] {
        // It stops behind each of its lines in turn.
        for behind in 1..=text.lines().count() {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.insert(behind, "exit 1");
            lab.put_program("tasks.d", "quiet_hours/do", &format!("{}\n", lines.join("\n")));
            run().ends(7);
            assert_eq!(quiet(&lab), was, "stopped behind line {behind}");
        }
        lab.put_program("tasks.d", "quiet_hours/do", &text);
        lab.provision(&["custom", "quiet_hours", "@server_files", "--with", "why=before"]).done();
    }
}

#[test]
fn a_secret_comes_from_a_file_and_goes_to_standard_input_alone() {
    const SECRET: &str = "correct-horse-battery";
    let lab = Lab::bare(way());
    lab.provision(&["save", "@server_files", "--db", "sqlite"]).done();
    let manifest = "title = \"Tell\"\nobject = \"server\"\n[[field]]\nname = \"key\"\nlabel = \"Key\"\nkind = \"secret\"\nrequired = true\n";
    lab.put_program("tasks.d", "tell/task.toml", manifest);
    lab.put_program("tasks.d", "tell/do", "#!/bin/sh\ncat >\"$HOME/told\"\nenv\ncat \"$HOME/told\"\n");
    lab.put_program("tasks.d", "tell/undo", "#!/bin/sh\nrm -f \"$HOME/told\"\n");
    let secret = lab.home().join("secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    lab.give(&secret);

    lab.provision(&["custom", "tell", "@server_files"]).ends(4).says("the field `key` must be given");
    let option = format!("--secret-file=key={}", secret.display());
    let said = lab.provision(&["custom", "tell", "@server_files", &option, "--verbose"]).done();

    let told = fs::read_to_string(lab.home().join("told")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["secrets"]["key"], SECRET);
    assert!(said.all().contains("TASK_TYPE=tell") && said.all().contains("(a secret)"), "{}", said.all());
    assert!(!said.all().contains(SECRET), "{}", said.all());
    assert!(!holds(&lab.home().join("tasks"), SECRET));
}

/// Whether a file below `folder` holds `text`.
fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path() {
        path if path.is_dir() => holds(&path, text),
        path => fs::read_to_string(&path).is_ok_and(|found| found.contains(text)),
    })
}

#[test]
fn doctor_and_the_list_name_types_that_cannot_be_used() {
    let lab = Lab::bare(way());
    lab.put_program("tasks.d", "good/task.toml", "title = \"Good\"\nobject = \"server\"\n");
    lab.put_program("tasks.d", "good/do", "#!/bin/sh\n");
    lab.put_program("tasks.d", "good/undo", "#!/bin/sh\n");
    lab.put_program("tasks.d", "misspelt/task.toml", "titel = \"Bad\"\nobject = \"server\"\n");
    lab.put_program("tasks.d", "open/task.toml", "title = \"Open\"\nobject = \"server\"\n");
    lab.put_program("tasks.d", "open/do", "#!/bin/sh\n");
    lab.put_program("tasks.d", "open/undo", "#!/bin/sh\n");
    fs::set_permissions(lab.home().join("tasks.d/open/do"), fs::Permissions::from_mode(0o777)).unwrap();

    let home = lab.home().display().to_string();
    let words = ["--home", &home, "doctor"];
    let doctor = Said::of(&mut lab.as_user(&words), &words);
    let list = lab.provision(&["task-types"]).done();

    for said in [&doctor, &list] {
        for text in ["misspelt/task.toml", "unknown field `titel`", "open/do` may be written by others (mode 0777)"] {
            assert!(said.all().contains(text), "{text}: {}", said.all());
        }
    }
    assert!(doctor.all().contains("task types of your own: good"), "{}", doctor.all());
    assert!(list.all().contains("good: Good (of a server)"), "{}", list.all());
}
