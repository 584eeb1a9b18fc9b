//! Task types of an operator's own: what their programs do happens completely, or is taken back by another of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aegir_domain::protocol::{Ending, Request, Said};
use aegir_domain::{CustomTask, OutcomeKind, Password, Report, Task};
use aegir_lab::Lab;
use aegir_lab::proof::{Extent, Scene};
use aegir_provision::{Attempt, look_at_task_types, recover_all};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

const MANIFEST: &str = r#"
title = "Warm up"
description = "Asks for pages of a site, so that they are cached."
object = "site"
time_limit = 60

[[field]]
name = "pages"
label = "How many pages"
kind = "number"
default = "10"
least = 1
most = 100

[[field]]
name = "key"
label = "The key of the cache"
kind = "secret"
"#;

/// A program of a task type: its name, and what it does.
type Program = (&'static str, &'static str);

/// Programs that make marks, and take away what they made.
const PROGRAMS: [Program; 4] = [
    ("check", "say It may be."),
    ("do", "make kept\nmake warm\nmake warmer"),
    ("undo", "remove warmer\nremove warm\nremove kept"),
    ("cleanup", "remove kept"),
];

fn custom(name: &str, object: &str) -> CustomTask {
    CustomTask {
        task_type: name.parse().unwrap(),
        object: object.parse().unwrap(),
        fields: Default::default(),
        confirm: None,
    }
}

fn run_it(name: &str, object: &str) -> Task {
    Task::Custom(Box::new(custom(name, object)))
}

fn given(name: &str, value: &str) -> Task {
    let fields = [(name.parse().unwrap(), value.to_owned())].into();
    Task::Custom(Box::new(CustomTask { fields, ..custom("warm_up", "@a.test") }))
}

fn a_site_with(programs: &[(&str, &str)]) -> Lab {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.install("a.test", "ten");
    lab.task_type("warm_up", MANIFEST, programs);
    lab
}

fn marks(lab: &Lab) -> Vec<String> {
    let names = fs::read_dir(lab.home().path().join("marks")).unwrap().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn fault(ending: &Ending) -> String {
    Report(ending.fault().unwrap()).to_string()
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_programs_do_happens_or_is_taken_back() {
    let scene = Scene::new("custom", |lab| {
        two_platforms(lab);
        lab.install("a.test", "ten");
        lab.task_type("warm_up", MANIFEST, &PROGRAMS);
        run_it("warm_up", "@a.test")
    });
    let (before, after) = scene.worlds();
    assert!(
        before.find("marks/warm").is_empty()
            && !after.find("marks/warmer").is_empty()
            && after.find("marks/kept").is_empty()
    );
    scene.lines_are(&lines("custom"));
    scene.prove(Extent::Whole);
}

#[test]
fn what_programs_do_to_one_site_is_taken_back_beside_others_that_live_on() {
    let scene = Scene::new("custom, beside others", |lab| {
        two_platforms(lab);
        lab.install("other.test", "seven");
        lab.install("a.test", "seven");
        lab.task_type("warm_up", MANIFEST, &PROGRAMS);
        run_it("warm_up", "@a.test")
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn what_is_about_a_server_or_a_platform_is_taken_back_too() {
    for (object, name) in [("server", "@server_localhost"), ("platform", "@platform_ten")] {
        let scene = Scene::new(&format!("custom, of a {object}"), |lab| {
            two_platforms(lab);
            let manifest = format!("title = \"Mark\"\nobject = \"{object}\"\n");
            lab.task_type("mark", &manifest, &[("do", "make marked"), ("undo", "remove marked")]);
            run_it("mark", name)
        });
        scene.prove(Extent::OneOf(2));
    }
}

#[test]
fn a_program_that_fails_half_way_is_taken_back_and_what_it_complains_of_is_told() {
    let lab = a_site_with(&[("do", "make warm\nsay Half way.\nfail"), PROGRAMS[2]]);
    let before = lab.snapshot();

    let ending = lab.run(run_it("warm_up", "@a.test"));

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack);
    let said = fault(&ending);
    assert!(said.contains("`do` of the task type `warm_up` ended with status 1: It may not be."), "{said}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn a_check_that_says_no_refuses_with_nothing_done() {
    let lab = a_site_with(&[("check", "fail"), PROGRAMS[1], PROGRAMS[2]]);
    let before = lab.snapshot();

    let said = lab.refuses(run_it("warm_up", "@a.test"));

    assert!(said.contains("`check` of the task type `warm_up` ended with status 1: It may not be."), "{said}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn what_cannot_be_taken_back_holds_its_site_until_its_program_is_put_right() {
    for gone in [false, true] {
        let lab = a_site_with(&[("do", "make warm\nfail"), ("undo", "fail")]);
        let undo = lab.home().task_types().join("warm_up/undo");
        if gone {
            // It was there when the task began; somebody takes it away meanwhile.
            lab.task_type("warm_up", MANIFEST, &[("do", "make warm\nremove ../tasks.d/warm_up/undo\nfail")]);
        }

        let ending = lab.run(run_it("warm_up", "@a.test"));

        assert_eq!(ending.outcome.kind(), OutcomeKind::Stuck, "{gone}");
        assert_eq!(undo.exists(), !gone);
        assert!(lab.refuses(run_it("warm_up", "@a.test")).contains("cannot be taken back"), "it holds its site");
        fs::write(&undo, "remove warm").unwrap();
        mode(&undo, 0o755);
        recover_all(&lab.worker()).unwrap();
        assert!(marks(&lab).is_empty());
    }
}

#[test]
fn what_happened_stands_whatever_its_cleanup_says_which_is_owed_then() {
    let lab = a_site_with(&[PROGRAMS[1], PROGRAMS[2], ("cleanup", "fail")]);

    let ending = lab.run(run_it("warm_up", "@a.test"));

    assert_eq!(ending.outcome.kind(), OutcomeKind::Untidy);
    assert!(fault(&ending).contains("aegir provision recover"), "{}", fault(&ending));
    assert_eq!(marks(&lab), ["kept", "warm", "warmer"]);
    lab.task_type("warm_up", MANIFEST, &PROGRAMS);
    recover_all(&lab.worker()).unwrap();
    assert_eq!(marks(&lab), ["warm", "warmer"]);
}

#[test]
fn what_is_given_is_told_with_its_type_and_what_does_not_fit_is_refused() {
    let lab = a_site_with(&[("do", "keep told"), PROGRAMS[2]]);
    lab.must(given("pages", "20"));

    let told = fs::read_to_string(lab.home().path().join("marks/told")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["version"], &told["phase"]), (&1.into(), &"do".into()));
    assert_eq!((&told["task_type"], &told["object"]), (&"warm_up".into(), &"@a.test".into()));
    assert_eq!((&told["fields"]["pages"], &told["asked_by"]), (&20.into(), &"a test".into()));
    assert_eq!(told["was"]["site"]["name"], "a.test");

    for (field, value, says) in [
        ("pages", "101", "the field `pages` is 101"),
        ("pages", "many", "the field `pages` is no whole number"),
        ("colour", "red", "the field `colour` is none of this task type"),
        ("key", "hunter2", "the field `key` is secret, and was given in the open"),
    ] {
        let said = lab.refuses(given(field, value));
        assert!(said.contains(says) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_secret_is_told_on_standard_input_and_stands_nowhere_else() {
    const SECRET: &str = "correct-horse-battery";
    let ends = [("do", "keep told"), ("do", "keep told\nsay correct-horse-battery\nfail")];
    for (ends, program) in [OutcomeKind::Succeeded, OutcomeKind::RolledBack].into_iter().zip(ends) {
        let lab = a_site_with(&[program, ("undo", "keep told_to_undo")]);
        let mut request = lab.request(run_it("warm_up", "@a.test"));
        request.secrets.insert("key", Password::new(SECRET));
        let Request { attempt, .. } = request;
        Attempt::ask(&lab.parts, &request).unwrap();

        let ending = lab.work_on(attempt, &lab.worker());

        assert_eq!(ending.outcome.kind(), ends);
        let told = |name: &str| fs::read_to_string(lab.home().path().join("marks").join(name)).unwrap_or_default();
        assert!(told("told").contains(SECRET));
        assert_eq!(told("told_to_undo").contains(SECRET), ends == OutcomeKind::RolledBack);
        for file in fs::read_dir(lab.home().task(attempt)).unwrap().flatten().filter(|file| file.path().is_file()) {
            let text = fs::read_to_string(file.path()).unwrap();
            assert!(!text.contains(SECRET), "{}", file.path().display());
        }
        assert!(!lab.machine.programs_run().iter().any(|line| line.contains(SECRET)));
    }
}

#[test]
fn a_secret_that_the_type_does_not_ask_for_is_refused() {
    let lab = a_site_with(&PROGRAMS);
    let mut request = lab.request(run_it("warm_up", "@a.test"));
    request.secrets.insert("other", Password::new("correct-horse-battery"));
    Attempt::ask(&lab.parts, &request).unwrap();

    let ending = lab.work_on(request.attempt, &lab.worker());

    assert_eq!(ending.outcome.kind(), OutcomeKind::Refused);
    assert!(fault(&ending).contains("has no secret field `other`"), "{}", fault(&ending));
}

#[test]
fn a_site_out_of_service_is_left_alone_unless_the_type_says_otherwise() {
    let lab = a_site_with(&PROGRAMS);
    lab.must(Task::DisableSite { site: "a.test".parse().unwrap(), no_backup: true });
    assert!(lab.refuses(run_it("warm_up", "@a.test")).contains("is disabled"));

    lab.task_type("any", "title = \"Any\"\nobject = \"site\"\nalso_disabled = true\n", &PROGRAMS);
    lab.must(run_it("any", "@a.test"));
    assert!(lab.refuses(run_it("any", "@server_localhost")).contains("is about a site"));
    assert!(lab.refuses(run_it("any", "@b.test")).contains("b.test"));
}

#[test]
fn a_dangerous_one_takes_the_name_a_second_time() {
    let lab = a_site_with(&[]);
    lab.task_type("risk", "title = \"Risk\"\nobject = \"site\"\ndangerous = true\n", &PROGRAMS);
    let with = |confirm: Option<&str>| {
        let confirm = confirm.map(str::to_owned);
        Task::Custom(Box::new(CustomTask { confirm, ..custom("risk", "@a.test") }))
    };

    for confirm in [None, Some("b.test"), Some("")] {
        assert!(lab.refuses(with(confirm)).contains("takes the name `a.test` a second time"));
    }
    lab.must(with(Some("a.test")));
}

#[test]
fn a_type_that_cannot_be_used_is_told_by_file_cause_and_remedy_and_others_still_work() {
    let lab = a_site_with(&PROGRAMS);
    let folder = lab.home().task_types();
    let bad: [(&str, &str, &[Program], &str); 6] = [
        ("no_toml", "title = ", &PROGRAMS, "cannot read the manifest"),
        ("misspelt", "titel = \"A\"\nobject = \"site\"\n", &PROGRAMS, "titel"),
        ("no_object", "title = \"A\"\n", &PROGRAMS, "object"),
        ("no_time", "title = \"A\"\nobject = \"site\"\ntime_limit = 0\n", &PROGRAMS, "`time_limit` is 0 seconds"),
        ("no_undo", "title = \"A\"\nobject = \"site\"\n", &PROGRAMS[..2], "no_undo/undo` of a task type is missing"),
        ("no_do", "title = \"A\"\nobject = \"site\"\n", &PROGRAMS[2..3], "no_do/do` of a task type is missing"),
    ];
    for (name, manifest, programs, says) in bad {
        lab.task_type(name, manifest, programs);
        let said = lab.refuses(run_it(name, "@a.test"));
        assert!(said.contains(says) && said.contains(name), "{name}: {said}");
    }
    fs::create_dir(folder.join("No-Name")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("README"), "").unwrap();

    let findings = look_at_task_types(&lab.parts.files, &folder, aegir_host::own_uid()).unwrap();

    let text = format!("{findings:?}");
    for (name, _, _, says) in bad {
        assert!(text.contains(says), "{name}: {text}");
    }
    assert!(text.contains("No-Name` is no task type") && text.contains("empty/task.toml` is missing"), "{text}");
    assert!(text.contains("task types of your own: warm_up") && !text.contains("README"), "{text}");
    assert!(lab.refuses(run_it("absent", "@a.test")).contains("there is no task type `absent`"));
    lab.must(run_it("warm_up", "@a.test"));
}

#[test]
fn what_others_could_have_written_is_refused() {
    let lab = a_site_with(&PROGRAMS);
    let folder = lab.home().task_types();
    let own = folder.join("warm_up");
    for path in ["task.toml", "check", "do", "undo"].map(|name| own.join(name)).iter().chain([&own, &folder]) {
        let was = fs::metadata(path).unwrap().permissions().mode();
        for open in [0o775, 0o757] {
            mode(path, open);
            let said = lab.refuses(run_it("warm_up", "@a.test"));
            assert!(said.contains("may be written by others") && said.contains("chmod go-w"), "{said}");
        }
        mode(path, was);
    }
    mode(&own.join("do"), 0o644);
    assert!(lab.refuses(run_it("warm_up", "@a.test")).contains("is not executable"));
    fs::remove_file(own.join("do")).unwrap();
    std::os::unix::fs::symlink("/bin/true", own.join("do")).unwrap();
    assert!(lab.refuses(run_it("warm_up", "@a.test")).contains("is a link"));
    assert!(marks(&lab).is_empty());
}

#[test]
fn each_program_says_in_the_log_what_it_wrote() {
    let lab = a_site_with(&[("check", "say Checked."), ("do", "say Done."), PROGRAMS[2]]);
    let attempt = lab.ask(run_it("warm_up", "@a.test"));
    lab.work_on(attempt, &lab.worker());

    let outputs: Vec<String> = lab
        .said(attempt)
        .into_iter()
        .filter_map(|said| match said {
            Said::Log { output, .. } => output,
            _ => None,
        })
        .collect();
    assert_eq!(outputs, ["Checked.\n", "Done.\n"]);
}
