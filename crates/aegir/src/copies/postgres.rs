//! A copy of a PostgreSQL database, by PostgreSQL's own programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::Cmd;
use aegir_host::{Files, Launch, Limits};
use aegir_store::PostgresAddress;

use super::{Copies, CopyFault};

/// How long a program may take over a whole database.
const LIMIT: Duration = Duration::from_secs(4 * 3600);
/// The certificates that the system trusts: libpq does not look there by itself.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A table that every control database has, of whatever version.
const TABLE: &str = "meta";

/// What is asked of the programs.
struct Dump {
    files: Files,
    programs: std::sync::Arc<dyn aegir_host::Programs>,
    dump: PathBuf,
    restore: PathBuf,
    variables: Vec<(&'static str, String)>,
    path: PathBuf,
    part: PathBuf,
}

impl Copies {
    pub(super) async fn dump_to(&self, address: &PostgresAddress, path: &Path) -> Result<(), CopyFault> {
        let mut access = address.for_programs()?;
        let files = self.files_for(path);
        let part = self.part_for(&files, path)?;
        files.make_dirs(&self.home.hostmaster(), 0o700)?;
        // Beside the file that holds the same password.
        let pass = self.home.hostmaster().join(format!("pgpass-{}-{}", std::process::id(), self.clock.unix_ms()));
        if access.variables.iter().any(|(name, value)| *name == "PGSSLMODE" && value.starts_with("verify"))
            && !access.variables.iter().any(|(name, _)| *name == "PGSSLROOTCERT")
        {
            access.variables.push(("PGSSLROOTCERT", TRUSTED.into()));
        }
        if let Some(line) = &access.password_line {
            files.write_new(&pass, line.expose().as_bytes(), 0o600)?;
            access.variables.push(("PGPASSFILE", pass.display().to_string()));
        }
        let dump = Dump {
            files,
            programs: self.programs.clone(),
            dump: self.dump.clone(),
            restore: self.restore.clone(),
            variables: access.variables,
            path: path.to_owned(),
            part,
        };
        let made = tokio::task::spawn_blocking(move || {
            let made = dump.make();
            if made.is_err() {
                let _ = dump.files.remove_file(&dump.part);
            }
            // Whatever came of it.
            dump.files.remove_file(&pass)?;
            made
        });
        made.await.unwrap_or(Err(CopyFault::BrokeOff))
    }
}

impl Dump {
    fn make(&self) -> Result<(), CopyFault> {
        let part = &self.part;
        // It is there before the program, which keeps its mode.
        self.files.write_new(part, b"", 0o600)?;
        let part_text = part.display().to_string();
        // A lock that somebody holds is not waited for without an end.
        let words = ["--format=custom", "--no-password", "--lock-wait-timeout=60000", "--file", &part_text];
        self.run(Cmd::new(&self.dump).args(words), true)?;
        // All of it is read, and thrown away; then its contents are looked through.
        self.run(Cmd::new(&self.restore).args(["--file=/dev/null", &part_text]), false)?;
        let list = self.run(Cmd::new(&self.restore).args(["--list", &part_text]), false)?;
        let holds = |line: &str| line.contains(" TABLE DATA ") && line.split_whitespace().any(|word| word == TABLE);
        if !list.lines().any(holds) {
            return Err(CopyFault::Incomplete { table: TABLE });
        }
        self.files.sync(part)?;
        self.files.rename(part, &self.path)?;
        Ok(())
    }

    fn run(&self, cmd: Cmd, connects: bool) -> Result<String, CopyFault> {
        let mut launch = Launch::new(cmd).limits(Limits { time: LIMIT, ..Limits::default() });
        for (name, value) in self.variables.iter().filter(|_| connects) {
            launch = launch.env(*name, value);
        }
        let ran = self.programs.run(&launch, &mut |_| ()).and_then(|ran| ran.success(&launch.cmd));
        ran.map(|ran| ran.stdout).map_err(|source| CopyFault::Program { source })
    }
}
