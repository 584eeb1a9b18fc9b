//! Cron of a site is asked of its Drupal, unless somebody is at the site; nothing of it lies in a journal.

use std::fs;
use std::time::Duration;

use aegir_domain::{Cmd, CronAnswer, CronInterval, CronRun, InstallMethod, InstallSite, LockMode, SiteContext};
use aegir_host::{CommandFailed, Ran};
use aegir_lab::fake::Trouble;
use aegir_lab::{Code, Lab};
use aegir_provision::run_cron;

/// No program is needed.
fn none(cmd: Cmd) -> Result<Ran, CommandFailed> {
    panic!("`{cmd}` was run")
}

fn cron(lab: &Lab) -> CronAnswer {
    run_cron(&lab.parts, &"a.test".parse().unwrap(), Duration::from_secs(240), none)
}

fn lab(code: Code) -> Lab {
    let lab = Lab::new();
    lab.server("localhost");
    lab.platform("d", code);
    lab.install("a.test", "d");
    lab
}

#[test]
fn drupal_runs_it_and_says_what_modules_complained_of() {
    for code in [Code::Seven, Code::Ten] {
        let lab = lab(code);
        let tasks = || fs::read_dir(lab.home().tasks()).unwrap().count();
        let before = tasks();

        assert_eq!(cron(&lab), CronAnswer::Ran(CronRun { took: 31, complaints: Vec::new() }));
        lab.rows_of("a.test", "CREATE TABLE cron_complains (x TEXT)");
        assert!(matches!(cron(&lab), CronAnswer::Ran(run) if run.complaints == ["Exception: no such feed"]));
        lab.rows_of("a.test", "CREATE TABLE cron_running (x TEXT)");
        assert_eq!(cron(&lab), CronAnswer::Busy);

        assert_eq!(tasks(), before, "it is no task");
        // Whoever comes next has all locks.
        lab.must(aegir_domain::Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    }
}

#[test]
fn it_is_left_out_while_somebody_is_at_the_site() {
    let lab = lab(Code::Ten);
    let locks = lab.home().locks();
    let held = aegir_host::locks::take(
        &locks,
        &[("site-a.test".to_owned(), LockMode::Exclusive)],
        Duration::ZERO,
        "attempt 7",
        &mut |_| (),
    );
    assert!(matches!(cron(&lab), CronAnswer::NotNow(why) if why.contains("attempt 7")));
    drop(held);

    let fence = lab.home().fence(&"a.test".parse().unwrap());
    fs::write(&fence, "x").unwrap();
    assert!(matches!(cron(&lab), CronAnswer::NotNow(why) if why.contains("fenced")));
    fs::remove_file(&fence).unwrap();

    assert!(matches!(cron(&lab), CronAnswer::Ran(_)));

    let by_hand = InstallSite { method: InstallMethod::Manual, ..lab.new_site("new.test", "d") };
    lab.must(aegir_domain::Task::InstallSite(Box::new(by_hand)));
    let new = run_cron(&lab.parts, &"new.test".parse().unwrap(), Duration::from_secs(240), none);
    assert!(matches!(new, CronAnswer::NotNow(why) if why.contains("not installed")));
}

#[test]
fn what_goes_wrong_is_told_with_its_remedy() {
    let lab = lab(Code::Ten);
    lab.machine.begin(Trouble::DatabaseDown);
    let CronAnswer::Failed(fault) = cron(&lab) else { panic!() };
    assert!(fault.remedy.is_some(), "{fault:?}");

    let unknown = run_cron(&lab.parts, &"gone.test".parse().unwrap(), Duration::from_secs(1), none);
    assert!(matches!(unknown, CronAnswer::Failed(_)), "{unknown:?}");
}

#[test]
fn where_cron_is_run_visitors_run_none() {
    for (code, line) in [(Code::Seven, "cron_safe_threshold"), (Code::Ten, "automated_cron.settings")] {
        let lab = lab(code);
        let settings = || fs::read_to_string(lab.site_folder("a.test").join("settings.php")).unwrap();
        for (every, kept) in [(None, false), (Some(CronInterval::Hour), true), (Some(CronInterval::Off), false)] {
            let site = SiteContext { cron: every, ..lab.site("a.test") };
            lab.must(aegir_domain::Task::VerifySite { site: site.name.clone(), context: Some(Box::new(site)) });
            assert_eq!(settings().contains(line), kept, "{every:?}");
        }
    }
}
