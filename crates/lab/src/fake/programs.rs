//! The fake programs: nginx and php-fpm that test their configuration, PHP that says what it is, a PHP that runs
//! Drupal, and hooks and programs of task types, which do what each of their lines says.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aegir_domain::{Fault, FaultReport};
use aegir_host::{CommandFailed, Ended, Launch, ProcessGroup, Programs, Ran, Recorder};

use super::{Machine, Trouble, Watch, drupal, nginx};
use crate::Code;

/// The program that stands for Composer in a lab; it exists on every machine.
pub(crate) const COMPOSER: &str = "/bin/true";

/// The programs that stand for git and curl in a lab, likewise; nobody else starts them.
pub(crate) const GIT: &str = "/bin/echo";
pub(crate) const CURL: &str = "/bin/false";

/// The one commit that every repository of a lab has, at whatever branch or tag; but none at `missing`.
pub const COMMIT: &str = "4f2a9c1d00000000000000000000000000000001";

type OnGroup = Box<dyn Fn(&ProcessGroup) -> Result<(), Fault> + Send + Sync>;

/// Runs programs by pretending, one after the other, each written down before it acts.
pub struct FakePrograms {
    machine: Arc<Machine>,
    on_group: OnGroup,
}

impl FakePrograms {
    /// Programs of one task.
    pub fn new(machine: Arc<Machine>, on_group: OnGroup) -> FakePrograms {
        FakePrograms { machine, on_group }
    }

    /// A group that no process of this machine can be in: it is of another boot.
    fn group() -> ProcessGroup {
        ProcessGroup { pgid: 4_000_000, started: 1, boot: "lab".into() }
    }
}

/// What a fake program leaves when it ended.
pub(super) struct End {
    pub(super) ended: Ended,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl End {
    pub(super) fn well(stdout: impl Into<String>) -> End {
        End { ended: Ended::Code(0), stdout: stdout.into(), stderr: String::new() }
    }

    pub(super) fn badly(code: i32, stderr: impl Into<String>) -> End {
        End { ended: Ended::Code(code), stdout: String::new(), stderr: stderr.into() }
    }
}

impl Programs for FakePrograms {
    fn run(&self, launch: &Launch, on_answer: &mut dyn FnMut(&str)) -> Result<Ran, CommandFailed> {
        let program = launch.cmd.program.display().to_string();
        if launch.cmd.program.is_absolute() && !launch.cmd.program.exists() {
            return Err(CommandFailed::NotFound { program });
        }
        (self.on_group)(&FakePrograms::group()).map_err(|fault| CommandFailed::NotWrittenDown {
            program: program.clone(),
            source: FaultReport::clone(&fault.report()),
        })?;
        self.machine.moment();
        let home = self.machine.home.path().to_string_lossy().into_owned();
        self.machine.ran(launch.cmd.to_string().replace(&home, "HOME"));
        let name = launch.cmd.program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let end = match name.as_str() {
            _ if launch.cmd.program.starts_with(self.machine.home.hooks()) => self.hook(launch),
            _ if launch.cmd.program.starts_with(self.machine.home.task_types()) => self.hook(launch),
            _ if launch.cmd.program == Path::new(GIT) => self.git(launch),
            _ if launch.cmd.program == Path::new(CURL) => self.curl(&launch.cmd.args),
            "patch" => self.patch(launch),
            "nginx" if launch.cmd.args.iter().any(|arg| arg == "-v") => End::badly(0, "nginx version: nginx/1.22.1\n"),
            "nginx" => nginx_tests(&launch.cmd.args),
            name if name.starts_with("php-fpm") => fpm_tests(&launch.cmd.args),
            name if name.starts_with("php") => self.php(launch, on_answer),
            _ => return Err(CommandFailed::NotFound { program }),
        };
        let End { ended, stdout, stderr } = end;
        Ok(Ran { ended, stdout, stderr, whole: true, took: Duration::from_millis(5) })
    }
}

impl FakePrograms {
    fn php(&self, launch: &Launch, on_answer: &mut dyn FnMut(&str)) -> End {
        if launch.cmd.args.iter().any(|arg| arg == "-r") {
            return End::well(self.facts());
        }
        if launch.cmd.args.iter().any(|arg| arg == COMPOSER) {
            return self.composer(launch, on_answer);
        }
        let script = launch.cmd.args.iter().rev().find(|arg| arg.ends_with(".php")).map(PathBuf::from);
        let Some(script) = script.filter(|script| script.is_file()) else {
            return End::badly(1, "Could not open input file");
        };
        let input = launch.stdin.as_ref().map_or("", |input| input.expose());
        drupal::run(&self.machine, &script, input, on_answer)
    }

    /// A hook, or a program of a task type: `make NAME` and `remove NAME` of a file in `marks/` of the home, `keep NAME` there of what it reads,
    /// `say TEXT`, and `fail`.
    fn hook(&self, launch: &Launch) -> End {
        let text = fs::read_to_string(&launch.cmd.program).expect("a hook can be read");
        let told = launch.stdin.as_ref().map_or("", |input| input.expose());
        let mut said = String::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mark = self.machine.home.path().join("marks").join(rest);
            match word {
                "say" => said.push_str(&format!("{rest}\n")),
                "fail" => return End { ended: Ended::Code(1), stdout: said, stderr: "It may not be.\n".into() },
                "make" | "keep" | "remove" => {
                    Watch(self.machine.clone()).before_change(&mark);
                    let done = match word {
                        "remove" => fs::remove_file(&mark).or_else(|error| match error.kind() {
                            io::ErrorKind::NotFound => Ok(()),
                            _ => Err(error),
                        }),
                        "keep" => fs::write(&mark, told),
                        _ => fs::write(&mark, ""),
                    };
                    done.expect("the lab's folder can be written");
                }
                _ => return End::badly(127, format!("no program of a lab knows `{line}`")),
            }
        }
        End::well(said)
    }

    /// A repository that has a project at one commit, without its packages; it gives one commit alone to nobody.
    fn git(&self, launch: &Launch) -> End {
        let args = &launch.cmd.args;
        let dir = launch.dir.clone().unwrap_or_default();
        let has = |word: &str| args.iter().any(|arg| arg == word);
        let change = |path: PathBuf| {
            Watch(self.machine.clone()).before_change(&path);
            path
        };
        if has("ls-remote") {
            let is_known = |arg: &&String| !arg.ends_with('}') && !arg.ends_with("/missing");
            let named = |start: &str| args.iter().filter(is_known).find(|arg| arg.starts_with(start));
            // Asked for a tag and nothing else, it has that.
            let named = named("refs/heads/").or_else(|| named("refs/tags/"));
            return End::well(named.map_or(String::new(), |name| format!("{COMMIT}\t{name}\n")));
        }
        if has("init") {
            fs::create_dir_all(change(dir.join(".git"))).expect("the lab's folder can be written");
        } else if has("--depth=1") {
            return End::badly(128, "fatal: dumb http transport does not support shallow capabilities\n");
        } else if has("fetch") {
            fs::write(change(dir.join(".git/fetched")), "").expect("the lab's folder can be written");
        } else if has("rev-parse") {
            return End::well(format!("{COMMIT}\n"));
        } else if has("checkout") {
            Code::Ten.make(&change(dir.clone()));
            fs::remove_dir_all(dir.join("vendor")).expect("the lab's folder can be written");
            fs::write(dir.join("composer.lock"), r#"{"content-hash": "0123"}"#)
                .expect("the lab's folder can be written");
        }
        self.machine.moment();
        End::well("")
    }

    /// Applies a patch by adding a line to the file that it names first; what is not there does not fit.
    fn patch(&self, launch: &Launch) -> End {
        let patch = fs::read_to_string(following(&launch.cmd.args, "--input")).unwrap_or_default();
        let named = patch.lines().find_map(|line| line.strip_prefix("+++ b/")).unwrap_or("missing");
        let path = launch.dir.clone().unwrap_or_default().join(named);
        let Ok(text) = fs::read_to_string(&path) else { return End::badly(1, "can't find file to patch\n") };
        if !launch.cmd.args.iter().any(|arg| arg == "--dry-run") {
            Watch(self.machine.clone()).before_change(&path);
            fs::write(path, text + "patched\n").expect("the lab's folder can be written");
        }
        self.machine.moment();
        End::well("")
    }

    /// A web that has what lies in the folder `web` of the home.
    fn curl(&self, args: &[String]) -> End {
        let name = following(args, "--url").rsplit('/').next().unwrap_or_default();
        let to = PathBuf::from(following(args, "--output"));
        Watch(self.machine.clone()).before_change(&to);
        match fs::copy(self.machine.home.path().join("web").join(name), to) {
            Ok(_) => End::well(""),
            Err(_) => End::badly(22, "curl: (22) The requested URL returned error: 404\n"),
        }
    }

    /// A registry that has one package: a small Drupal 10. It also installs what a project lacks.
    fn composer(&self, launch: &Launch, tell: &mut dyn FnMut(&str)) -> End {
        let args = &launch.cmd.args;
        if args.iter().any(|arg| arg == "install") {
            let vendor = launch.dir.clone().unwrap_or_default().join("vendor");
            Watch(self.machine.clone()).before_change(&vendor);
            tell("  - Installing symfony/yaml (v6.4.0): Extracting archive");
            fs::create_dir_all(&vendor).expect("the lab's folder can be written");
            fs::write(vendor.join("autoload.php"), "<?php\n").expect("the lab's folder can be written");
            self.machine.moment();
            return End::well("");
        }
        if !args.iter().any(|arg| arg == "create-project") {
            return End::well("{}");
        }
        let Some(to) = args.iter().rev().nth(1).map(PathBuf::from) else { return End::badly(1, "") };
        Watch(self.machine.clone()).before_change(&to);
        tell("  - Installing drupal/core (10.3.6): Extracting archive");
        Code::Ten.make(&to);
        self.machine.moment();
        End::well("")
    }

    fn facts(&self) -> String {
        let version = if self.machine.has(Trouble::PhpOld) { "5.2.17" } else { "8.2.7" };
        let extensions = [
            "core",
            "pdo",
            "dom",
            "simplexml",
            "xml",
            "json",
            "session",
            "mbstring",
            "pdo_mysql",
            "pdo_sqlite",
            "gd",
            "curl",
            "zip",
            "intl",
            "tokenizer",
            "filter",
            "hash",
            "spl",
            "date",
            "pcre",
            "ctype",
            "opcache",
        ];
        serde_json::json!({
            "version": version,
            "extensions": extensions,
            "time_zones": ["UTC", "Europe/Berlin", "Asia/Kolkata"],
        })
        .to_string()
    }
}

fn nginx_tests(args: &[String]) -> End {
    match nginx::test_nginx(Path::new(following(args, "-c"))) {
        Ok(()) => End::well(""),
        Err(said) => {
            End::badly(1, format!("{said}\nnginx: configuration file {} test failed\n", following(args, "-c")))
        }
    }
}

fn fpm_tests(args: &[String]) -> End {
    match nginx::test_fpm(Path::new(following(args, "-y"))) {
        Ok(()) => End::well(""),
        Err(said) => End::badly(78, format!("{said}\nERROR: FPM initialization failed\n")),
    }
}

fn following<'a>(args: &'a [String], option: &str) -> &'a str {
    args.iter().skip_while(|arg| *arg != option).nth(1).map_or("", String::as_str)
}
