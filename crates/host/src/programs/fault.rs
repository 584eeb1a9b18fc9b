//! Why a program could not do its work.

use std::io;

use aegir_domain::{Cmd, FaultReport, Remedy};

use super::{Ended, Ran};

/// Why a program could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandFailed {
    /// It is not on this machine.
    #[error("the program `{program}` is not on this machine")]
    NotFound {
        /// As it was asked for.
        program: String,
    },
    /// It could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// As it was asked for.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It was not started, since it could not be written down first.
    #[error("cannot write down that `{program}` is about to run")]
    NotWrittenDown {
        /// As it was asked for.
        program: String,
        /// Why not.
        #[source]
        source: FaultReport,
    },
    /// It was started, and we lost sight of it. Its process group has been ended.
    #[error("cannot follow `{program}`")]
    Follow {
        /// As it was asked for.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It ended otherwise than with status 0.
    #[error("`{cmd}` {ended}{}", said(.tail))]
    Failed {
        /// The command line.
        cmd: String,
        /// How it ended.
        ended: Ended,
        /// The last that it wrote, on standard error if there was anything.
        tail: String,
    },
}

fn said(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(": {tail}") }
}

impl CommandFailed {
    /// That `cmd` ran and did not end well.
    pub fn failed(cmd: &Cmd, ended: Ended, ran: &Ran) -> CommandFailed {
        let text = if ran.stderr.trim().is_empty() { &ran.stdout } else { &ran.stderr };
        CommandFailed::Failed { cmd: cmd.to_string(), ended, tail: tail(text) }
    }
}

/// The last lines of `text`: at most 20, and at most 2,000 bytes.
fn tail(text: &str) -> String {
    let text = text.trim();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    let cut = (last.len().saturating_sub(2000)..last.len()).find(|at| last.is_char_boundary(*at)).unwrap_or(0);
    last[cut..].to_owned()
}

impl Remedy for CommandFailed {
    fn remedy(&self) -> Option<String> {
        match self {
            CommandFailed::NotFound { program } if program.contains('/') => {
                Some(format!("install it, or name the right path instead of `{program}`, then retry"))
            }
            CommandFailed::NotFound { .. } => {
                Some("install the package that has it (`make setup` installs all that Ægir needs), then retry".into())
            }
            CommandFailed::Start { program, source } if source.kind() == io::ErrorKind::PermissionDenied => Some(
                format!("see with `ls -l {program}` whether Ægir's user may run it, and `chmod +x` it if it may not"),
            ),
            CommandFailed::NotWrittenDown { source, .. } => source.remedy.clone(),
            CommandFailed::Failed { ended: Ended::TimedOut, .. } => {
                Some("see what it was waiting for (a locked database, a host that does not answer), then retry".into())
            }
            CommandFailed::Failed { ended: Ended::Signal(9), .. } => Some(
                "if nobody ended it, the machine had no memory left: `dmesg` says so; give it more, then retry".into(),
            ),
            // The program's own words are the best we have.
            CommandFailed::Start { .. } | CommandFailed::Follow { .. } | CommandFailed::Failed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_failed_command_says_its_line_its_end_and_its_last_words() {
        let ran = Ran {
            ended: Ended::Code(1),
            stdout: "ok so far\n".into(),
            stderr: "ERROR 1044: Access denied\n".into(),
            whole: true,
            took: Duration::ZERO,
        };

        let failed = ran.success(&Cmd::new("mariadb").arg("a b")).unwrap_err();

        assert_eq!(failed.to_string(), "`mariadb 'a b'` ended with status 1: ERROR 1044: Access denied");
    }

    #[test]
    fn only_the_last_of_a_long_text_is_told() {
        let text: String = (0..5000).map(|n| format!("ligne {n} é\n")).collect();
        let tail = tail(&text);
        assert!(tail.len() <= 2000 && tail.lines().count() == 20 && tail.ends_with("ligne 4999 é"), "{tail}");
    }
}
