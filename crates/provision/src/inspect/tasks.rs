//! Attempts that have not ended, and how each stands.

use aegir_domain::{AttemptId, Finding, Home, Outcome, Task};
use aegir_host::{FileFault, Files, locks};
use aegir_recipe::State;
use serde_json::Value;

use crate::{TaskFolder, read_journal};

/// How an attempt that is marked as open stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A worker, or a program it started, is alive.
    Running,
    /// Its worker died.
    Interrupted,
    /// An undo failed.
    Stuck,
    /// It succeeded, and a cleanup is owed.
    Untidy,
    /// Its journal cannot be read; why.
    Damaged(String),
}

/// An attempt that is marked as open.
#[derive(Clone, Debug)]
pub struct OpenTask {
    /// Its folder.
    pub folder: TaskFolder,
    /// What it does: `install-site @a.test`, as far as that can be read.
    pub what: String,
    /// How it stands.
    pub standing: Standing,
    /// What its journal says.
    pub state: State,
}

/// The attempts of `home` that have not ended, the oldest first.
pub fn open_tasks(home: &Home, files: &Files) -> Result<Vec<OpenTask>, FileFault> {
    let names = files.list(&home.open_tasks())?;
    let ids = names.iter().filter_map(|name| name.parse::<AttemptId>().ok());
    Ok(ids.map(|id| look(TaskFolder::new(home, id), files)).collect())
}

fn look(folder: TaskFolder, files: &Files) -> OpenTask {
    let what = what(&folder, files).unwrap_or_else(|| "a task that never began".into());
    let alive = !locks::is_free(&folder.lock()).unwrap_or(true);
    let read = match files.kind(&folder.journal()) {
        Ok(Some(_)) => read_journal(&folder.journal()).map(|records| State::of(&records)),
        _ => Ok(State::default()),
    };
    let (state, standing) = match read {
        Err(fault) => (State::default(), Standing::Damaged(fault.to_string())),
        Ok(state) if alive => (state, Standing::Running),
        Ok(state) => {
            let standing = match &state.ended {
                Some(Outcome::Stuck { .. }) => Standing::Stuck,
                Some(Outcome::Untidy { .. }) => Standing::Untidy,
                _ => Standing::Interrupted,
            };
            (state, standing)
        }
    };
    OpenTask { folder, what, standing, state }
}

fn what(folder: &TaskFolder, files: &Files) -> Option<String> {
    let asked = files.read_text(&folder.request()).ok()??;
    let mut asked: Value = serde_json::from_str(&asked).ok()?;
    let task: Task = serde_json::from_value(asked["task"].take()).ok()?;
    Some(format!("{} {}", task.kind().as_str(), task.object()))
}

impl OpenTask {
    /// What to tell of it.
    pub fn finding(&self) -> Finding {
        let OpenTask { what, folder, .. } = self;
        let id = folder.attempt;
        let recover = "run `aegir provision recover`";
        match &self.standing {
            Standing::Running => Finding::ok(format!("attempt {id} ({what}) is running")),
            Standing::Interrupted => Finding::problem(
                format!("attempt {id} ({what}) was interrupted and is neither done nor taken back"),
                recover,
            ),
            Standing::Stuck => Finding::problem(
                format!("attempt {id} ({what}) is stuck: a part of it could not be taken back"),
                format!("put right what `aegir provision attach {id}` says, then {recover}"),
            ),
            Standing::Untidy => {
                Finding::warning(format!("attempt {id} ({what}) succeeded and still has to tidy up"), recover)
            }
            Standing::Damaged(why) => Finding::problem(
                format!("attempt {id} ({what}) cannot be recovered: {why}"),
                format!(
                    "look at the readable lines of `{}` for what it had done, put that right by hand, then remove the file",
                    folder.journal().display()
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_with(journal: &[u8]) -> (tempfile::TempDir, Home, AttemptId) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        let id: AttemptId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        std::fs::create_dir_all(home.open_tasks()).unwrap();
        std::fs::create_dir_all(home.task(id)).unwrap();
        std::fs::write(home.open_tasks().join(id.to_string()), "").unwrap();
        std::fs::write(home.task(id).join("journal"), journal).unwrap();
        (dir, home, id)
    }

    #[test]
    fn an_attempt_whose_worker_died_is_told_with_the_command_that_ends_it() {
        let (_dir, home, id) = home_with(b"");
        let open = open_tasks(&home, &Files::new(Vec::new())).unwrap();

        assert_eq!((open.len(), &open[0].standing), (1, &Standing::Interrupted));
        assert!(open[0].finding().text.contains(&id.to_string()));
        assert_eq!(open[0].finding().remedy.as_deref(), Some("run `aegir provision recover`"));
    }

    #[test]
    fn a_damaged_journal_is_told_apart_from_one_that_breaks_off() {
        let (_dir, home, _) = home_with(b"00000000 {}\n00000000 {}\n");
        let open = open_tasks(&home, &Files::new(Vec::new())).unwrap();
        assert!(matches!(open[0].standing, Standing::Damaged(_)), "{:?}", open[0].standing);

        let (_dir, home, _) = home_with(b"00000000 {\"rec");
        let open = open_tasks(&home, &Files::new(Vec::new())).unwrap();
        assert_eq!(open[0].standing, Standing::Interrupted);
    }
}
