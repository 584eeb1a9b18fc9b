//! What a welcome letter needs is told without a task: a link of its own each time, and the profile's template as text.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use aegir_domain::{Cmd, LONGEST_TEMPLATE, LockMode, ProfileTemplate, Task, Welcome, WelcomeAnswer, WelcomeFacts};
use aegir_host::{CommandFailed, Ran};
use aegir_lab::{Code, Lab};
use aegir_provision::welcome;

/// No program is needed.
fn none(cmd: Cmd) -> Result<Ran, CommandFailed> {
    panic!("`{cmd}` was run")
}

fn asked(lab: &Lab, site: &str) -> WelcomeAnswer {
    welcome(&lab.parts, &site.parse().unwrap(), none)
}

fn told(lab: &Lab) -> WelcomeFacts {
    match asked(lab, "a.test") {
        WelcomeAnswer::Told(facts) => *facts,
        other => panic!("{other:?}"),
    }
}

fn lab(code: Code) -> Lab {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("d", code);
    lab.install("a.test", "d");
    lab
}

#[test]
fn a_link_is_made_and_nothing_else_changes() {
    for code in [Code::Seven, Code::Ten] {
        let lab = lab(code);
        let tasks = || fs::read_dir(lab.home().tasks()).unwrap().count();
        let before = tasks();

        let facts = told(&lab);

        assert!(facts.link.starts_with(&format!("{}/", facts.address)), "{}", facts.link);
        assert!(facts.address.ends_with("a.test") || facts.address.contains("a.test:"), "{}", facts.address);
        assert_eq!((facts.account.as_str(), facts.template), ("admin", None));
        assert_eq!(tasks(), before, "it is no task");
        // Whoever comes next has all locks.
        lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    }
}

#[test]
fn a_template_in_the_profiles_folder_is_read_as_text_and_nothing_else_is() {
    let lab = lab(Code::Ten);
    let site = lab.site("a.test");
    let root = lab.contexts().platform(&site.platform).unwrap().root;
    let folder = format!("profiles/{}", site.profile);
    let path = format!("{folder}/aegir-welcome.txt");
    let file = root.path().join(&path);
    fs::create_dir_all(root.path().join(&folder)).unwrap();
    let unfit = || ProfileTemplate { path: path.clone(), text: None };

    fs::write(&file, "Subject: a\n\n{link}\n").unwrap();
    let text = Some("Subject: a\n\n{link}\n".to_owned());
    assert_eq!(told(&lab).template, Some(ProfileTemplate { text, ..unfit() }));

    fs::write(&file, vec![b'a'; usize::try_from(LONGEST_TEMPLATE).unwrap() + 1]).unwrap();
    assert_eq!(told(&lab).template, Some(unfit()), "it is too long");
    fs::write(&file, b"\xff\xfe").unwrap();
    assert_eq!(told(&lab).template, Some(unfit()), "it is no UTF-8");
    fs::remove_file(&file).unwrap();
    symlink("/etc/hostname", &file).unwrap();
    assert_eq!(told(&lab).template, Some(unfit()), "it leads elsewhere");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(told(&lab).template, Some(unfit()), "it is a folder");
}

#[test]
fn whoever_is_at_the_site_comes_first_and_an_unknown_site_is_refused() {
    let lab = lab(Code::Ten);
    let held = aegir_host::locks::take(
        &lab.home().locks(),
        &[("site-a.test".to_owned(), LockMode::Exclusive)],
        Duration::ZERO,
        "attempt 7",
        &mut |_| (),
    );
    assert!(matches!(asked(&lab, "a.test"), WelcomeAnswer::NotNow(why) if why.contains("attempt 7")));
    drop(held);
    assert!(matches!(asked(&lab, "gone.test"), WelcomeAnswer::Refused(_)));

    lab.must(Task::DisableSite { site: "a.test".parse().unwrap(), no_backup: true });
    assert!(matches!(asked(&lab, "a.test"), WelcomeAnswer::Refused(_)), "nobody is let into what is out of service");
}

#[test]
fn the_log_of_an_install_says_who_gets_the_letter() {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("d", Code::Ten);
    for (site, welcome) in
        [("a.test", Welcome::To(vec!["anna@example.org".parse().unwrap()])), ("b.test", Welcome::NoWay)]
    {
        let asked = aegir_domain::InstallSite { welcome: Some(welcome.clone()), ..lab.new_site(site, "d") };
        let attempt = lab.ask(Task::InstallSite(Box::new(asked)));
        lab.work_on(attempt, &lab.worker());
        let lines = format!("{:?}", lab.said(attempt));
        assert!(lines.contains(&welcome.to_string()), "{lines}");
    }
}
