//! Our own program once more: as the owner of a home, or in a session that stays.
//!
//! Unlike the programs of a task ([`crate::Programs`]) it needs no journal: what it is asked to do has one
//! of its own.

use std::io::{self, BufRead, BufReader, PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Gid, Uid};

use crate::{Spoken, Streams};

/// As whom a program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// The user.
    pub uid: u32,
    /// Its groups; the first is its own. There is at least one.
    pub groups: Vec<u32>,
}

/// Our own program.
#[derive(Clone, Debug)]
pub struct OwnProgram {
    exe: PathBuf,
    run_as: Option<RunAs>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its exit status; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote on standard output.
    pub out: String,
    /// What it wrote on standard error.
    pub err: String,
}

impl OwnProgram {
    /// The program `exe`, as ourselves or as somebody else.
    pub fn new(exe: impl Into<PathBuf>, run_as: Option<RunAs>) -> OwnProgram {
        OwnProgram { exe: exe.into(), run_as: run_as.filter(|run_as| !run_as.groups.is_empty()) }
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> io::Result<Told> {
        let ran = self.command(args).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Told { code: ran.status.code(), out: text(&ran.stdout), err: text(&ran.stderr) })
    }

    /// Runs it to its end. `on_start` is told its number, and that it has none any more; each line of
    /// standard output goes to `on_line` as it comes, and is not kept.
    pub fn follow(
        &self,
        args: &[&str],
        on_start: &dyn Fn(u32, Alive),
        on_line: &mut dyn FnMut(&str),
    ) -> io::Result<Told> {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        on_start(child.id(), Alive::Yes);
        let err = child.stderr.take().map(|pipe| std::thread::spawn(move || whole(pipe)));
        let lines = child.stdout.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines());
        lines.map_while(Result::ok).for_each(|line| on_line(&line));
        // Before it is waited for: from then on the number may be another's.
        on_start(child.id(), Alive::No);
        let status = child.wait()?;
        let err = err.and_then(|err| err.join().ok()).unwrap_or_default();
        Ok(Told { code: status.code(), out: String::new(), err })
    }

    /// Starts it to be spoken with while it runs.
    pub fn speak(&self, args: &[&str]) -> io::Result<(Spoken, Streams)> {
        Spoken::of(self.command(args))
    }

    /// Starts it in a session of its own, with all that it says in one pipe, so that neither Ctrl-C nor
    /// a closed terminal reaches it.
    pub fn stay(&self, args: &[String], env: &[(&str, &str)]) -> io::Result<(PipeReader, Stays)> {
        let (read, write) = io::pipe()?;
        let mut command = Command::new(&self.exe);
        command.args(args).envs(env.iter().copied()).stdin(Stdio::null()).stdout(write.try_clone()?).stderr(write);
        // SAFETY: between fork and exec only a system call is made; nothing is allocated or locked.
        #[expect(unsafe_code, reason = "the only way to leave the session before the first signal can come")]
        unsafe {
            command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?));
        }
        // `command` holds our copies of the pipe's end: with them it would never come to one.
        let child = command.spawn()?;
        Ok((read, Stays(child)))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.exe);
        command.args(args).current_dir("/").stdin(Stdio::null());
        // Ctrl-C is for whoever started it to hear.
        command.process_group(0);
        if let Some(run_as) = &self.run_as {
            let uid = Uid::from_raw(run_as.uid);
            let groups: Vec<Gid> = run_as.groups.iter().copied().map(Gid::from_raw).collect();
            let become_it = move || {
                rustix::thread::set_thread_groups(&groups)?;
                let gid = groups[0];
                rustix::thread::set_thread_res_gid(gid, gid, gid)?;
                Ok(rustix::thread::set_thread_res_uid(uid, uid, uid)?)
            };
            // SAFETY: between fork and exec only system calls are made; nothing is allocated or locked.
            #[expect(unsafe_code, reason = "std would drop all groups but one")]
            unsafe {
                command.pre_exec(become_it);
            }
        }
        command
    }
}

/// Whether a process number is still that of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alive {
    /// It is.
    Yes,
    /// It will not be for long.
    No,
}

/// A process that stays when we end.
#[derive(Debug)]
pub struct Stays(Child);

impl Stays {
    /// Its exit status if it has ended; 1 for an end by a signal.
    pub fn ended(&mut self) -> io::Result<Option<i32>> {
        Ok(self.0.try_wait()?.map(|status| status.code().unwrap_or(1)))
    }
}

fn whole(mut pipe: impl Read) -> String {
    let mut text = Vec::new();
    // What could be read is told.
    let _ = pipe.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn lines_come_as_they_are_said_and_errors_at_the_end() {
        let (lines, numbers) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let shell = OwnProgram::new("/bin/sh", None);

        let told = shell.follow(
            &["-c", "echo one; echo oops >&2; echo two; exit 4"],
            &|id, alive| numbers.borrow_mut().push((id, alive)),
            &mut |line| lines.borrow_mut().push(line.to_owned()),
        );

        assert_eq!(told.unwrap(), Told { code: Some(4), out: String::new(), err: "oops\n".into() });
        assert_eq!(*lines.borrow(), ["one", "two"]);
        let numbers = numbers.borrow();
        assert_eq!((numbers[0].1, numbers[1].1), (Alive::Yes, Alive::No));
        assert_eq!(numbers[0].0, numbers[1].0);
    }

    #[test]
    fn root_becomes_somebody_else_with_all_groups() {
        if crate::own_uid() != 0 {
            return;
        }
        let run_as = RunAs { uid: 65534, groups: vec![65534, 33] };
        let told = OwnProgram::new("/bin/sh", Some(run_as)).run(&["-c", "id -u; id -G"]).unwrap();
        assert_eq!(told.out, "65534\n65534 33\n");
    }

    #[test]
    fn who_stays_has_a_session_of_its_own() {
        let args = ["-c", "ps -o sid= -p $$; echo $MARK >&2"].map(String::from);
        let (mut pipe, mut stays) = OwnProgram::new("/bin/sh", None).stay(&args, &[("MARK", "here")]).unwrap();
        let mut said = String::new();
        pipe.read_to_string(&mut said).unwrap();
        assert_eq!(said.split_whitespace().collect::<Vec<_>>(), [stays.0.id().to_string().as_str(), "here"]);
        while stays.ended().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
}
