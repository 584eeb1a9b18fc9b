//! A program to run, as a value: tests read it and logs print it before anything happens.

use std::fmt;
use std::path::PathBuf;

/// A program and its arguments. Never a shell line; never a secret, since `ps` shows arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cmd {
    /// The program: an absolute path, or a name to be found where the system keeps programs.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Cmd {
    /// A program without arguments.
    pub fn new(program: impl Into<PathBuf>) -> Cmd {
        Cmd { program: program.into(), args: Vec::new() }
    }

    /// The same with one more argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Cmd {
        self.args.push(arg.into());
        self
    }

    /// The same with more arguments.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Cmd {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        for arg in &self.args {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
            if !arg.is_empty() && arg.chars().all(plain) {
                write!(f, " {arg}")?;
            } else {
                write!(f, " '{}'", arg.replace('\'', "'\\''"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_so_that_a_person_can_run_it() {
        assert_eq!(Cmd::new("nginx").args(["-t", "-c", "/a b"]).to_string(), "nginx -t -c '/a b'");
    }
}
