//! What tasks say: stored line by line, in batches, each exactly once.

use aegir_domain::protocol::{Level, Line, Phase, Said};
use aegir_domain::{AttemptId, AttemptState, NodeId, NodeKind};

use crate::StoreFault;
use crate::db::{Query, ROWS_AT_ONCE, Read, Row, Tx, statements, values};
use crate::lease::Fence;
use crate::server::json;

/// How much of a text a page of lines shows; the whole is had by [`Read::whole_line`].
pub const FOLD: usize = 16 * 1024;
/// The longest page of lines.
pub const LONGEST_LINES: u32 = 1000;
/// When a page of lines is full, however few they are, in bytes.
pub const FULL_PAGE: usize = 1024 * 1024;
/// The most that a text takes which is cut at [`FOLD`]: four bytes for a character.
const FOLDED: usize = 4 * FOLD;

/// A line, as pages show it.
#[derive(Clone, Debug, PartialEq)]
pub struct LineRecord {
    /// What was said. Texts of a log line that are longer than [`FOLD`] characters are cut there.
    pub line: Line,
    /// How many bytes the text has, uncut.
    pub text_bytes: u64,
    /// How many bytes the output has, uncut.
    pub output_bytes: u64,
    /// Whether something was cut.
    pub folded: bool,
}

/// A line of the recipe, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// Its place in the recipe.
    pub line: u32,
    /// Its name.
    pub name: String,
    /// What happened to it last.
    pub phase: Phase,
    /// When.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took: Option<u64>,
}

statements! {
    GO_ON =
        "UPDATE attempt
            SET next_line = $2, state = CASE WHEN state = 'starting' THEN 'running' ELSE state END
          WHERE id = $1";
    RECORD_STEP =
        "INSERT INTO step (attempt, line, name, phase, at, took)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (attempt, line)
         DO UPDATE SET name = excluded.name, phase = excluded.phase, at = excluded.at,
                       took = COALESCE(excluded.took, step.took)";
    /// `$4` is [`FOLD`], `$5` is [`FOLDED`], `$6` is [`FULL_PAGE`]. What is no log line is stored as JSON, and is short.
    LINES =
        "SELECT line.n, line.at, line.kind, line.level, line.text_bytes, line.output_bytes,
                CASE WHEN line.kind = 'log' THEN substr(line.text, 1, CAST($4 AS INTEGER)) ELSE line.text END AS text,
                substr(line.output, 1, CAST($4 AS INTEGER)) AS output
           FROM (SELECT n, SUM(bytes) OVER (ORDER BY n) - bytes AS behind
                   FROM (SELECT n, CASE WHEN text_bytes > $5 THEN $5 ELSE text_bytes END
                                   + CASE WHEN output_bytes > $5 THEN $5 ELSE output_bytes END AS bytes
                           FROM line
                          WHERE attempt = $1 AND n >= $2
                          ORDER BY n
                          LIMIT $3) AS sized) AS page
           JOIN line ON line.attempt = $1 AND line.n = page.n
          WHERE page.behind < $6
          ORDER BY line.n";
    WHOLE_LINE =
        "SELECT n, at, kind, level, text_bytes, output_bytes, text, output
           FROM line
          WHERE attempt = $1 AND n = $2";
    STEPS = "SELECT line, name, phase, at, took FROM step WHERE attempt = $1 ORDER BY line";
}

impl Read {
    /// Lines of an attempt from number `from` on, in order: at most `limit`, and no more once they fill a page.
    pub async fn lines(&mut self, attempt: AttemptId, from: u64, limit: u32) -> Result<Vec<LineRecord>, StoreFault> {
        let Some(stored) = self.stored_attempt(attempt).await? else {
            return Err(StoreFault::Absent { what: format!("attempt `{attempt}`") });
        };
        let limit = limit.clamp(1, LONGEST_LINES);
        let rows = self.rows(&LINES, values![stored.key, from, limit, FOLD, FOLDED, FULL_PAGE]).await?;
        rows.iter().map(LineRecord::of).collect()
    }

    /// A line with all its text.
    pub async fn whole_line(&mut self, attempt: AttemptId, n: u64) -> Result<Option<Line>, StoreFault> {
        let Some(stored) = self.stored_attempt(attempt).await? else { return Ok(None) };
        let row = self.row(&WHOLE_LINE, values![stored.key, n]).await?;
        row.map(|row| LineRecord::of(&row).map(|record| record.line)).transpose()
    }

    /// The lines of an attempt's recipe, and how far each came.
    pub async fn steps(&mut self, attempt: AttemptId) -> Result<Vec<StepRecord>, StoreFault> {
        let Some(stored) = self.stored_attempt(attempt).await? else { return Ok(Vec::new()) };
        self.rows(&STEPS, values![stored.key]).await?.iter().map(StepRecord::of).collect()
    }
}

impl Tx {
    /// Stores lines of an attempt; gives the number of the line to go on with.
    ///
    /// Lines that are stored already are passed over, so a batch may be told twice; one that is missing before them
    /// is a fault, and nothing is stored. Fails if another dispatcher has taken the lease over. How the attempt ended
    /// is stored by [`Tx::end_attempt`]; a secret answer is left out here as there.
    pub async fn record_lines(
        &mut self,
        attempt: AttemptId,
        lines: &[Line],
        fence: &Fence,
        now: i64,
    ) -> Result<u64, StoreFault> {
        self.check_fence(fence).await?;
        let stored = self.lock_attempt(attempt).await?;
        let next = stored.record.next_line;
        let new: Vec<&Line> = lines.iter().filter(|line| line.n >= next).collect();
        for (line, expected) in new.iter().zip(next..) {
            if line.n != expected {
                let why = format!("said line {} of its attempt, and line {expected} is missing", line.n);
                return Err(StoreFault::Unfit { node: stored.record.task, why });
            }
        }
        let Some(last) = new.last() else { return Ok(next) };
        for batch in new.chunks(ROWS_AT_ONCE) {
            self.run("add lines", insert(stored.key, batch)?).await?;
        }
        for line in &new {
            if let Said::Step { line: place, name, phase, took } = &line.said {
                let values = values![stored.key, *place, name, phase_word(*phase), line.at, *took];
                self.execute(&RECORD_STEP, values).await?;
            }
        }
        let next = last.n + 1;
        self.execute(&GO_ON, values![stored.key, next]).await?;
        if stored.record.state == AttemptState::Starting {
            self.note(now, stored.record.task, NodeKind::Task, "spoke");
        }
        Ok(next)
    }

    /// Which task an attempt is of.
    pub async fn task_of(&mut self, attempt: AttemptId) -> Result<NodeId, StoreFault> {
        Ok(self.lock_attempt(attempt).await?.record.task)
    }
}

fn insert(attempt: i64, lines: &[&Line]) -> Result<Query, StoreFault> {
    let mut query =
        Query::new("INSERT INTO line (attempt, n, at, kind, level, text, text_bytes, output, output_bytes) VALUES ");
    for (place, line) in lines.iter().enumerate() {
        query.push(if place > 0 { ", " } else { "" });
        let mut said = line.said.clone();
        if let Said::Result(ending) = &mut said {
            // The answer is the attempt's; what is secret of it is nobody's.
            ending.answer.clear();
            ending.secret_answer = None;
        }
        let (kind, level, text, output) = match said {
            Said::Log { level, text, output } => ("log", Some(level_word(level)), text, output),
            Said::Step { phase, .. } => ("step", Some(phase_word(phase)), json(&line.said)?, None),
            Said::Started { .. } => ("started", None, json(&said)?, None),
            Said::Progress { .. } => ("progress", None, json(&said)?, None),
            Said::Result(_) => ("result", None, json(&said)?, None),
        };
        let output_bytes = output.as_ref().map_or(0, String::len);
        let text_bytes = text.len();
        query.push("(").bind(attempt).push(", ").bind(line.n).push(", ").bind(line.at).push(", ").bind(kind);
        query.push(", ").bind(level).push(", ").bind(text).push(", ").bind(text_bytes);
        query.push(", ").bind(output).push(", ").bind(output_bytes).push(")");
    }
    Ok(query)
}

impl LineRecord {
    fn of(row: &Row) -> Result<LineRecord, StoreFault> {
        let kind: String = row.get("kind")?;
        let text: String = row.get("text")?;
        let output: Option<String> = row.maybe("output")?;
        let (text_bytes, output_bytes) = (row.count("text_bytes")?, row.count("output_bytes")?);
        let is_cut = |whole: u64, shown: usize| whole > shown as u64 && shown >= FOLD;
        let folded = kind == "log" && is_cut(text_bytes, text.len())
            || is_cut(output_bytes, output.as_ref().map_or(0, String::len));
        let said = if kind == "log" {
            Said::Log { level: level_of(&row.get::<String>("level")?), text, output }
        } else {
            serde_json::from_str(&text).map_err(|bad| StoreFault::unreadable("line.text", bad))?
        };
        Ok(LineRecord {
            line: Line { n: row.count("n")?, at: row.count("at")?, said },
            text_bytes,
            output_bytes,
            folded,
        })
    }
}

impl StepRecord {
    fn of(row: &Row) -> Result<StepRecord, StoreFault> {
        let phase = serde_json::Value::String(row.get("phase")?);
        Ok(StepRecord {
            line: u32::try_from(row.count("line")?).unwrap_or(u32::MAX),
            name: row.get("name")?,
            phase: serde_json::from_value(phase).map_err(|bad| StoreFault::unreadable("step.phase", bad))?,
            at: row.get("at")?,
            took: row.maybe::<i64>("took")?.map(i64::unsigned_abs),
        })
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn level_of(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "warning" => Level::Warning,
        _ => Level::Info,
    }
}

/// As the protocol writes it.
fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Checking => "checking",
        Phase::Checked => "checked",
        Phase::Doing => "doing",
        Phase::Done => "done",
        Phase::Failed => "failed",
        Phase::Committed => "committed",
        Phase::Undoing => "undoing",
        Phase::Undone => "undone",
        Phase::Finishing => "finishing",
        Phase::Finished => "finished",
        Phase::Owed => "owed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_levels_are_stored_as_the_protocol_writes_them() {
        for phase in [
            Phase::Checking,
            Phase::Checked,
            Phase::Doing,
            Phase::Done,
            Phase::Failed,
            Phase::Committed,
            Phase::Undoing,
            Phase::Undone,
            Phase::Finishing,
            Phase::Finished,
            Phase::Owed,
        ] {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase_word(phase));
        }
        for level in [Level::Info, Level::Warning, Level::Error] {
            assert_eq!(serde_json::to_value(level).unwrap(), level_word(level));
            assert_eq!(level_of(level_word(level)), level);
        }
    }
}
