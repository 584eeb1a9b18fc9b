//! Programs of a task: fed, followed, ended in time, and never left behind.
//!
//! `aegir exec` is played by this test executable: asked for the one test `as_exec`, it calls
//! `exec_main` with what follows `--`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test plays the machine and may panic")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aegir_domain::{Cmd, FaultReport, Password, Remedy};
use aegir_host::{
    CommandFailed, Deadline, Ended, Launch, Limits, Lock, ProcessGroup, Programs, Ran, TaskPrograms, end_group, locks,
};

/// The arguments after the first `--`, if this process was started to play something else.
fn own_part() -> Option<Vec<OsString>> {
    let mut args = std::env::args_os().skip_while(|arg| arg != "--");
    args.next().map(|_| args.collect())
}

#[test]
fn as_exec() {
    if let Some(args) = own_part() {
        aegir_host::exec::exec_main(args);
    }
}

fn playing(part: &str) -> Vec<OsString> {
    ["--exact", part, "--nocapture", "--test-threads=1", "--"].map(OsString::from).to_vec()
}

type Groups = Arc<Mutex<Vec<ProcessGroup>>>;

fn programs() -> (TaskPrograms, Groups) {
    programs_until(Deadline::none())
}

fn programs_until(deadline: Arc<Deadline>) -> (TaskPrograms, Groups) {
    let groups = Groups::default();
    let written = Arc::clone(&groups);
    let on_group = move |group: &ProcessGroup| {
        written.lock().unwrap().push(group.clone());
        Ok(())
    };
    let programs = TaskPrograms::new(std::env::current_exe().unwrap(), Box::new(on_group), deadline);
    (programs.with_subcommand(playing("as_exec")).with_grace(Duration::from_millis(300)), groups)
}

fn sh(script: &str) -> Launch {
    Launch::new(Cmd::new("sh").args(["-c", script]))
}

fn run(launch: &Launch) -> Ran {
    cleaned(programs().0.run(launch, &mut |_| ()).unwrap())
}

/// Without what the test harness says before it plays `aegir exec`.
fn cleaned(mut ran: Ran) -> Ran {
    ran.stdout = ran.stdout.replace("\nrunning 1 test\ntest as_exec ... ", "");
    ran
}

fn seconds(seconds: u64) -> Limits {
    Limits { time: Duration::from_secs(seconds), ..Limits::default() }
}

fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "{what} does not come true");
        thread::sleep(Duration::from_millis(10));
    }
}

fn number_in(file: &Path) -> u32 {
    let read = || fs::read_to_string(file).ok().filter(|text| text.ends_with('\n'));
    eventually("a number in a file", || read().is_some());
    read().unwrap().trim().parse().unwrap()
}

#[test]
fn a_program_says_what_it_has_to_say_and_how_it_ended() {
    let ran = run(&sh("echo out; echo err >&2; exit 3"));

    assert_eq!((ran.ended, ran.stdout.as_str(), ran.stderr.as_str()), (Ended::Code(3), "out\n", "err\n"));
    let failed = ran.success(&Cmd::new("sh")).unwrap_err();
    assert_eq!(failed.to_string(), "`sh` ended with status 3: err");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    for name in ["no-such-program-at-all", "/no/such/program"] {
        let failed = programs().0.run(&Launch::new(Cmd::new(name)), &mut |_| ()).unwrap_err();
        assert!(matches!(&failed, CommandFailed::NotFound { program } if program == name), "{failed}");
        assert!(failed.remedy().is_some());
    }
}

#[test]
fn a_program_is_not_started_in_a_folder_that_is_not_there() {
    let failed = programs().0.run(&sh("true").in_dir("/no/such/folder"), &mut |_| ()).unwrap_err();
    assert!(FaultReport::of(&failed).because[0].contains("`/no/such/folder`"), "{failed:?}");
}

#[test]
fn a_launch_can_be_printed_without_what_it_hands_over() {
    let launch = sh("true").env("NAME", "hunter2").stdin(Password::new("hunter2"));
    assert!(!format!("{launch:?}").contains("hunter2"));
}

#[test]
fn an_answer_that_never_ends_is_no_answer() {
    let mut heard = Vec::new();
    let launch = sh("echo one >&3; head -c 20000000 /dev/zero >&3; echo two >&3").answering();

    let ran = programs().0.run(&launch, &mut |line| heard.push(line.to_owned())).unwrap();

    assert_eq!((ran.ended, heard), (Ended::OutputTooLong, vec!["one".to_owned()]));
}

#[test]
fn answers_come_one_by_one_while_notices_do_not_disturb_them() {
    let mut heard = Vec::new();
    let launch = sh("echo notice; echo one >&3; sleep 0.2; printf 'two\\nlast' >&3").answering();

    let began = Instant::now();
    let mut first = None;
    let ran = programs().0.run(&launch, &mut |line| {
        first.get_or_insert(began.elapsed());
        heard.push(line.to_owned());
    });

    assert_eq!(heard, ["one", "two", "last"]);
    let ran = cleaned(ran.unwrap());
    assert!(first.unwrap() < ran.took);
    assert_eq!(ran.stdout, "notice\n");
}

#[test]
fn much_input_and_much_output_at_once_do_not_lock_up() {
    let input = "0123456789abcdef".repeat(200_000);
    let launch = sh("cat; cat /dev/null >&2").stdin(Password::new(input.clone()));
    let launch = launch.limits(Limits { output: 8 << 20, ..seconds(60) });

    let ran = run(&launch);

    assert!(ran.whole);
    assert!(ran.stdout == input, "{} bytes came back", ran.stdout.len());
}

#[test]
fn a_program_that_does_not_read_its_input_is_fine() {
    let launch = sh("exec 0<&-; echo done").stdin(Password::new("x".repeat(1_000_000)));
    assert_eq!(run(&launch).stdout, "done\n");
}

#[test]
fn of_a_long_output_both_ends_are_kept() {
    let launch = sh("echo begin; head -c 500000 /dev/zero | tr '\\0' x; echo; echo end");

    let ran = run(&launch.limits(Limits { output: 10_000, ..seconds(60) }));

    assert!(!ran.whole && ran.stdout.len() < 11_000);
    assert!(ran.stdout.contains("begin\nxxx") && ran.stdout.ends_with("xxx\nend\n"));
}

#[test]
fn a_program_that_writes_without_end_is_ended() {
    let ran = run(&sh("yes").limits(Limits { output: 1000, ..seconds(60) }));
    assert_eq!(ran.ended, Ended::OutputTooLong);
}

#[test]
fn a_program_that_takes_too_long_is_asked_to_end_and_then_ended() {
    let polite = run(&sh("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done").limits(limit_ms(400)));
    let stubborn = run(&sh("trap '' TERM; while :; do sleep 0.05; done").limits(limit_ms(400)));

    assert_eq!((polite.ended, polite.stdout.as_str()), (Ended::TimedOut, "bye\n"));
    assert_eq!(stubborn.ended, Ended::TimedOut);
    assert!(stubborn.took < Duration::from_secs(10));
}

fn limit_ms(ms: u64) -> Limits {
    Limits { time: Duration::from_millis(ms), ..Limits::default() }
}

#[test]
fn the_deadline_of_the_line_holds_too() {
    let deadline = Deadline::none();
    deadline.set(Duration::from_millis(400));
    let (programs, _) = programs_until(Arc::clone(&deadline));

    assert_eq!(programs.run(&sh("sleep 60"), &mut |_| ()).unwrap().ended, Ended::TimedOut);
    deadline.clear();
    assert_eq!(programs.run(&sh("true"), &mut |_| ()).unwrap().ended, Ended::Code(0));
}

#[test]
fn a_program_that_closes_its_output_and_lives_is_waited_for() {
    let ran = run(&sh("exec 1>&- 2>&-; sleep 0.5; exit 9"));
    assert_eq!(ran.ended, Ended::Code(9));
    assert!(ran.took >= Duration::from_millis(500));
}

#[test]
fn a_grandchild_that_keeps_the_pipes_open_is_ended_with_its_parent() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let script = format!("(trap '' TERM; sleep 1000) & echo $! > {}; exit 4", file.display());

    let ran = run(&sh(&script));

    assert_eq!(ran.ended, Ended::Code(4));
    assert!(ran.took < Duration::from_secs(10));
    let grandchild = number_in(&file);
    eventually("the grandchild's end", || !alive(grandchild));
}

#[test]
fn a_program_gets_nothing_of_ours_but_what_it_was_given() {
    let launch = sh("env; pwd; umask; ulimit -c; ls /proc/self/fd").env("GIVEN", "yes").in_dir("/usr");
    let (programs, groups) = programs();
    let programs = programs.with_home("/the/home", "/the/tmp");

    let text = cleaned(programs.run(&launch, &mut |_| ()).unwrap()).stdout;

    let mut lines: Vec<&str> = text.lines().collect();
    let mut rest = lines.split_off(lines.iter().position(|line| *line == "/usr").unwrap());
    let names: Vec<&str> = lines.iter().map(|line| line.split('=').next().unwrap()).collect();
    for name in names {
        let known = ["PATH", "LANG", "HOME", "TMPDIR", "GIVEN", "AEGIR_GROUP", "PWD", "OLDPWD", "SHLVL", "_"];
        assert!(known.contains(&name), "{name}");
    }
    assert!(lines.contains(&"HOME=/the/home") && lines.contains(&"TMPDIR=/the/tmp") && lines.contains(&"GIVEN=yes"));
    assert!(lines.contains(&"LANG=C.UTF-8"));
    // The last descriptor is that of `ls` itself.
    assert_eq!(rest.split_off(3), ["0", "1", "2", "3"]);
    assert_eq!(rest, ["/usr", "0007", "0"]);
    assert_eq!(groups.lock().unwrap().len(), 1);
}

#[test]
fn a_program_that_wants_too_much_memory_does_not_get_it() {
    let launch = sh("head -c 400000000 /dev/zero | tail > /dev/null");
    let limits = Limits { memory: Some(100 << 20), ..seconds(60) };
    let ran = run(&launch.limits(limits));
    assert!(ran.stderr.contains("memory"), "{ran:?}");
}

#[derive(Debug, thiserror::Error)]
#[error("the journal is full")]
struct Full;

impl Remedy for Full {
    fn remedy(&self) -> Option<String> {
        Some("make room".into())
    }
}

#[test]
fn nothing_runs_that_could_not_be_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("ran");
    let exe = std::env::current_exe().unwrap();
    let programs = TaskPrograms::new(exe, Box::new(|_| Err(Full.into())), Deadline::none());
    let programs = programs.with_subcommand(playing("as_exec"));

    let failed = programs.run(&sh(&format!("touch {}", trace.display())), &mut |_| ()).unwrap_err();

    let report = FaultReport::of(&failed);
    assert_eq!((report.because[0].as_str(), report.remedy.as_deref()), ("the journal is full", Some("make room")));
    assert!(!trace.exists());
}

#[test]
fn the_group_is_written_down_before_the_program_acts() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("ran");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (seen_, trace_) = (Arc::clone(&seen), trace.clone());
    let on_group = move |group: &ProcessGroup| {
        thread::sleep(Duration::from_millis(200));
        seen_.lock().unwrap().push((group.clone(), trace_.exists()));
        Ok(())
    };
    let programs = TaskPrograms::new(std::env::current_exe().unwrap(), Box::new(on_group), Deadline::none());
    let programs = programs.with_subcommand(playing("as_exec"));

    let ran = programs.run(&sh(&format!("touch {}; echo $$", trace.display())), &mut |_| ()).unwrap();

    let (group, had_run) = seen.lock().unwrap()[0].clone();
    assert!(!had_run && trace.exists());
    assert_eq!(cleaned(ran).stdout.trim(), group.pgid.to_string());
}

// What follows plays a task that dies: a process of its own, killed from here.

/// Runs the script given as first argument with programs that keep the lock `lock` in the folder
/// given as second, and writes down groups in its file `groups`.
#[test]
fn as_task() {
    let Some(args) = own_part() else { return };
    let [script, dir] = &args[..] else { panic!("two arguments") };
    let dir = Path::new(dir).to_owned();
    let lock: Lock = locks::try_take_one(&dir.join("lock"), "a task", true).unwrap().unwrap();
    let groups = dir.join("groups");
    let on_group = move |group: &ProcessGroup| {
        fs::write(&groups, serde_json::to_vec(group).unwrap()).unwrap();
        Ok(())
    };
    let programs = TaskPrograms::new(std::env::current_exe().unwrap(), Box::new(on_group), Deadline::none());
    let programs = programs.with_subcommand(playing("as_exec")).keeping(&lock);
    programs.run(&sh(script.to_str().unwrap()), &mut |_| ()).unwrap();
    std::process::exit(0);
}

struct Task {
    child: Child,
    dir: tempfile::TempDir,
}

impl Task {
    /// Starts a task whose program runs `script`, in which `DIR` stands for a folder of its own.
    fn start(script: &str) -> Task {
        let dir = tempfile::tempdir().unwrap();
        let script = script.replace("DIR", dir.path().to_str().unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(playing("as_task"))
            .args([OsString::from(script), dir.path().into()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Task { child, dir }
    }

    fn number(&self, file: &str) -> u32 {
        number_in(&self.dir.path().join(file))
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }

    fn group(&self) -> ProcessGroup {
        serde_json::from_slice(&fs::read(self.dir.path().join("groups")).unwrap()).unwrap()
    }

    fn lock_is_free(&self) -> bool {
        locks::is_free(&self.dir.path().join("lock")).unwrap()
    }
}

#[test]
fn a_program_dies_with_its_task_and_only_then_the_lock_is_free() {
    let mut task = Task::start("echo $$ > DIR/pid; sleep 1000");
    let program = task.number("pid");
    assert!(alive(program) && !task.lock_is_free());
    assert_eq!(locks::holder(&task.dir.path().join("lock")), "a task");

    task.kill();

    eventually("the program's end", || !alive(program));
    end_group(&task.group(), Duration::from_secs(1)).unwrap();
    assert!(task.lock_is_free());
}

#[test]
fn what_a_dead_task_left_running_keeps_its_lock_until_its_group_is_ended() {
    let mut task = Task::start("(trap '' TERM; echo $$ > DIR/leader; sh -c 'echo $$ > DIR/pid; sleep 1000') & wait");
    let (leader, orphan) = (task.number("leader"), task.number("pid"));

    task.kill();

    eventually("the leader's end", || !alive(leader));
    assert!(alive(orphan) && !task.lock_is_free());
    assert!(locks::processes_at(&task.dir.path().join("lock")).contains(&orphan));
    let reused = ProcessGroup { started: task.group().started + 1, ..task.group() };
    assert!(!end_group(&reused, Duration::ZERO).unwrap());
    assert!(alive(orphan));

    assert!(end_group(&task.group(), Duration::from_millis(200)).unwrap());

    assert!(!alive(orphan) && task.lock_is_free());
    assert!(!end_group(&task.group(), Duration::ZERO).unwrap(), "there is nothing left to end");
}

#[test]
fn a_program_whose_task_died_before_it_could_say_go_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("ran");
    // A pipe whose other end is gone: nobody will ever say go.
    let (go, nobody) = std::io::pipe().unwrap();
    drop(nobody);
    let order = [
        "--parent".into(),
        std::process::id().to_string(),
        "--go".into(),
        "5".into(),
        "--umask".into(),
        "0007".into(),
        "--".into(),
        "/usr/bin/touch".into(),
        trace.display().to_string(),
    ];
    let line = "exec 5<&0; exec \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", line, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(playing("as_exec"))
        .args(order)
        .stdin(go)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();

    assert_eq!(child.wait().unwrap().code(), Some(125));
    assert!(!trace.exists());
}

#[test]
fn what_a_program_tells_on_standard_error_is_heard_as_it_comes() {
    let mut heard = Vec::new();
    let launch = sh("echo one >&2; echo answer >&3; printf two >&2").answering().telling();

    let ran = cleaned(programs().0.run(&launch, &mut |line| heard.push(line.to_owned())).unwrap());

    heard.sort_unstable();
    assert_eq!((heard, ran.stderr.as_str()), (vec!["answer".into(), "one".into(), "two".into()], "one\ntwo"));
}

#[test]
fn a_program_is_ended_when_somebody_wishes_it() {
    let began = Instant::now();
    let heard = Arc::new(Mutex::new(false));
    let asked = Arc::clone(&heard);
    let launch = sh("echo begun >&2; sleep 60").telling().until(Arc::new(move || *asked.lock().unwrap()));

    let ran = programs().0.run(&launch, &mut |_| *heard.lock().unwrap() = true).unwrap();

    assert_eq!(ran.ended, Ended::Stopped);
    assert!(began.elapsed() < Duration::from_secs(30));
}
