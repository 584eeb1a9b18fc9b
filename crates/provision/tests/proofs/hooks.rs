//! Hooks: an operator's programs are lines of the task that they run beside, whatever befalls it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::protocol::{Ending, Said};
use aegir_domain::{AttemptId, OutcomeKind, Report, Task, TaskKind};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};

use crate::{lines, two_platforms};

/// What was done before is taken back by what runs when the task is: the world of a proof has both.
fn hooks(lab: &Lab, task: &str) {
    lab.hook("all/check.d/10-look", "say It may be.");
    lab.hook(&format!("{task}/check.d/20-look"), "say It may be.");
    lab.hook(&format!("{task}/before.d/10-hold"), "make held");
    lab.hook(&format!("{task}/before.d/20-hold"), "make held-too");
    lab.hook("all/rollback.d/10-let-go", "remove held-too");
    lab.hook(&format!("{task}/rollback.d/20-let-go"), "remove held");
    lab.hook(&format!("{task}/after.d/tell"), "make told");
    lab.hook("all/after.d/tell", "say It was.");
}

fn marks(lab: &Lab) -> Vec<String> {
    let names = fs::read_dir(lab.home().path().join("marks")).unwrap().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn run(lab: &Lab, task: Task) -> (Ending, Vec<Said>) {
    let attempt = lab.ask(task);
    let ending = lab.work_on(attempt, &lab.worker());
    (ending, lab.said(attempt))
}

fn verify_server() -> Task {
    Task::VerifyServer { server: "localhost".parse().unwrap(), context: None }
}

fn fault(ending: &Ending) -> String {
    Report(ending.fault().unwrap()).to_string()
}

#[test]
fn a_site_is_deleted_with_hooks_or_left_as_it_was() {
    let scene = Scene::new("delete-site, with hooks", |lab| {
        two_platforms(lab);
        lab.install("a.test", "seven");
        lab.is_taken_out("a.test");
        hooks(lab, "delete-site");
        Task::DeleteSite { site: "a.test".parse().unwrap(), confirm: "a.test".into(), no_backup: true }
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("marks/held").is_empty() && !after.find("marks/told").is_empty());
    scene.lines_are(&lines("hooks"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_task_that_finds_all_as_it_should_be_runs_its_hooks_too() {
    let scene = Scene::new("verify-site, with hooks", |lab| {
        two_platforms(lab);
        lab.install("a.test", "ten");
        let verify = Task::VerifySite { site: "a.test".parse().unwrap(), context: None };
        lab.must(verify.clone());
        hooks(lab, "verify-site");
        verify
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("marks/held").is_empty() && !after.find("marks/told").is_empty());
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_check_that_says_no_refuses_any_task_with_nothing_done() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.hook("all/check.d/no", "say Not today.\nfail");
    lab.hook("all/before.d/never", "make never");
    let site = "a.test".parse().unwrap();
    let tasks = [
        verify_server(),
        Task::VerifySite { site, context: None },
        Task::InstallSite(Box::new(lab.new_site("a.test", "nowhere"))),
        Task::ForgetContext { name: "@server_localhost".parse().unwrap() },
    ];
    for task in tasks {
        let before = lab.snapshot();
        let kind = task.kind().as_str();
        let (ending, said) = run(&lab, task);

        assert_eq!(ending.outcome.kind(), OutcomeKind::Refused, "{kind}");
        assert!(fault(&ending).contains("the hook `all/check.d/no` ended with status 1"), "{}", fault(&ending));
        let told = said.iter().any(
            |said| matches!(said, Said::Log { output: Some(output), .. } if output == "Not today.\nIt may not be.\n"),
        );
        assert!(told, "what it says is in the log: {said:?}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn what_fails_before_the_task_has_it_taken_back_and_the_hooks_for_that_run_in_their_order() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.hook("verify-server/before.d/10-hold", "make held\nmake half");
    lab.hook("verify-server/before.d/20-no", "fail");
    lab.hook("verify-server/before.d/30-never", "make never");
    lab.hook("all/rollback.d/10-let-go", "remove held");
    lab.hook("verify-server/rollback.d/20-let-go", "remove half");
    lab.hook("verify-server/after.d/never", "make never");
    let before = lab.snapshot();

    let ending = lab.run(verify_server());

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack);
    assert!(fault(&ending).contains("`verify-server/before.d/20-no`"), "{}", fault(&ending));
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    let ran: Vec<String> = lab.machine.programs_run().into_iter().filter(|line| line.contains("/hooks/")).collect();
    assert_eq!(
        ran,
        [
            "HOME/hooks/verify-server/before.d/10-hold",
            "HOME/hooks/verify-server/before.d/20-no",
            "HOME/hooks/all/rollback.d/10-let-go",
            "HOME/hooks/verify-server/rollback.d/20-let-go",
        ]
    );
}

#[test]
fn a_task_whose_rollback_hook_fails_is_stuck_until_that_is_put_right_or_taken_away() {
    for put_right in [true, false] {
        let lab = Lab::new();
        lab.server("localhost");
        lab.hook("verify-server/before.d/hold", "make held\nfail");
        lab.hook("verify-server/rollback.d/let-go", "fail");
        let ending = lab.run(verify_server());
        assert_eq!(ending.outcome.kind(), OutcomeKind::Stuck);
        assert!(lab.refuses(verify_server()).contains("cannot be taken back"), "it holds its object");

        match put_right {
            true => lab.hook("verify-server/rollback.d/let-go", "remove held"),
            false => fs::remove_file(lab.home().hooks().join("verify-server/rollback.d/let-go")).unwrap(),
        }
        aegir_provision::recover_all(&lab.worker()).unwrap();

        assert_eq!(marks(&lab).is_empty(), put_right);
        fs::remove_dir_all(lab.home().hooks()).unwrap();
        lab.must(verify_server());
    }
}

#[test]
fn a_task_that_happened_stands_whatever_is_told_of_it() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.hook("verify-server/after.d/10-no", "fail");
    lab.hook("verify-server/after.d/20-tell", "make told");

    let ending = lab.run(verify_server());

    assert_eq!(ending.outcome.kind(), OutcomeKind::Untidy);
    assert!(fault(&ending).contains("aegir provision recover"), "{}", fault(&ending));
    assert_eq!(marks(&lab), ["told"], "what comes behind it runs all the same");
    lab.hook("verify-server/after.d/10-no", "make told-late");
    aegir_provision::recover_all(&lab.worker()).unwrap();
    assert_eq!(marks(&lab), ["told", "told-late"]);
}

#[test]
fn a_hook_that_others_could_have_written_is_refused_and_what_is_none_is_named() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.hook("verify-server/before.d/hold", "make held");
    let folder = lab.home().hooks().join("verify-server/before.d");
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (path, word) in [(folder.join("hold"), "hold"), (folder.clone(), "before.d"), (lab.home().hooks(), "hooks")] {
        for open in [0o775, 0o757] {
            mode(&path, open);
            let said = lab.refuses(verify_server());
            assert!(said.contains(&format!("{word}` may be written by others")), "{said}");
            assert!(said.contains("chmod go-w"), "{said}");
            mode(&path, 0o755);
        }
    }
    std::os::unix::fs::symlink("/bin/true", folder.join("link")).unwrap();
    assert!(lab.refuses(verify_server()).contains("is a link"));
    fs::remove_file(folder.join("link")).unwrap();

    fs::write(folder.join("README"), "").unwrap();
    mode(&folder.join("README"), 0o644);
    fs::write(folder.join("hold~"), "make never").unwrap();
    mode(&folder.join("hold~"), 0o755);
    fs::create_dir(folder.join("lib")).unwrap();
    fs::write(folder.join(".swap"), "").unwrap();
    let (ending, said) = run(&lab, verify_server());
    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded);
    assert_eq!(marks(&lab), ["held"]);
    let text = format!("{said:?}");
    for named in ["README", "hold~", "lib"] {
        assert!(text.contains(&format!("{named}` is no hook")), "{named}: {text}");
    }
    assert!(!text.contains(".swap"));
}

#[test]
fn a_hook_reads_what_it_is_about_and_no_secret() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.hook("install-site/before.d/keep", "keep before");
    lab.hook("install-site/after.d/keep", "keep after");

    lab.install("a.test", "ten");

    let read = |name: &str| fs::read_to_string(lab.home().path().join("marks").join(name)).unwrap();
    let value = |name: &str| serde_json::from_str::<serde_json::Value>(&read(name)).unwrap();
    let (before, after) = (value("before"), value("after"));
    for (told, phase) in [(&before, "before"), (&after, "after")] {
        assert_eq!((&told["version"], &told["phase"]), (&1.into(), &phase.into()));
        assert_eq!((&told["task"]["kind"], &told["object"]), (&"install-site".into(), &"@a.test".into()));
        assert!(told["attempt"].as_str().unwrap().parse::<AttemptId>().is_ok());
        assert_eq!(told["asked_by"], "a test");
        assert_eq!(told["now"]["platform"]["name"], "ten");
        assert_eq!(told["now"]["db_server"]["name"], "localhost");
        assert!(told["was"]["site"].is_null());
    }
    assert!(before["now"]["site"].is_null() && before["outcome"].is_null());
    assert_eq!((&after["now"]["site"]["name"], &after["outcome"]), (&"a.test".into(), &"succeeded".into()));
    let (password, salt) = lab.credentials("a.test");
    for text in [read("before"), read("after")] {
        assert!(!password.is_empty() && !text.contains(&password) && !text.contains(&salt));
    }
}

#[test]
fn hooks_of_other_tasks_are_no_line_of_this_one() {
    let lab = Lab::new();
    lab.server("localhost");
    let plain = run(&lab, verify_server()).1;
    for kind in TaskKind::ALL.iter().filter(|kind| **kind != TaskKind::VerifyServer) {
        lab.hook(&format!("{}/before.d/never", kind.as_str()), "make never");
    }
    let (_, said) = run(&lab, verify_server());
    let lines = |said: &[Said]| -> Vec<String> {
        let name = |said: &Said| match said {
            Said::Step { name, phase, .. } => Some(format!("{phase:?} {name}")),
            _ => None,
        };
        said.iter().filter_map(name).collect()
    };
    assert_eq!(lines(&said), lines(&plain));
    assert!(marks(&lab).is_empty());
}
