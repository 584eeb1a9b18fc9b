//! A page of what an attempt said, found by the number of a line.

use aegir_hosting::view::{LineView, TaskView};
use aegir_hosting::{Call, OperationId};

use crate::api::Problem;
use crate::panel::pairs::Pairs;
use crate::panel::states;
use crate::panel::visit::Visit;

/// How many lines a page has.
pub(super) const PAGE: u64 = 500;

/// A page of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// The attempt that said it, by its number; the next one, where a task waits to be begun anew.
    pub(super) attempt: u32,
    /// The lines that are shown.
    pub(super) lines: Vec<LineView>,
    /// The first line that was asked for.
    pub(super) from: u64,
    /// How many there are.
    pub(super) total: u64,
    /// Where the next page begins.
    pub(super) next: Option<u64>,
}

/// Which lines are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Of which attempt; `None`: of the newest.
    pub(super) attempt: Option<u32>,
    /// From which line on; `None`: the last page.
    pub(super) from: Option<u64>,
}

impl Wanted {
    /// As an address says: `?line=2.17` (the page that has it), or `?attempt=2&from=1001`. What is no number is as if it
    /// were not there: a link that was cut still leads to the task.
    pub(super) fn of(query: &Pairs) -> Wanted {
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        let attempt = number("attempt").and_then(|attempt| u32::try_from(attempt).ok());
        let line = query.get("line").and_then(|line| line.split_once('.'));
        let line = line.and_then(|(attempt, n)| Some((attempt.parse::<u32>().ok()?, n.parse::<u64>().ok()?)));
        match line.filter(|(attempt, n)| *attempt > 0 && *n > 0) {
            Some((attempt, n)) => Wanted { attempt: Some(attempt), from: Some((n - 1) / PAGE * PAGE + 1) },
            None => Wanted { attempt, from: number("from").filter(|from| i64::try_from(*from).is_ok()) },
        }
    }
}

impl Log {
    /// Asks for the lines of an attempt of `task`; of one that has not begun there are none.
    pub(super) async fn ask(visit: &Visit, task: &TaskView, wanted: Wanted) -> Result<Log, Problem> {
        let newest = task.attempts.last();
        let shown = match wanted.attempt {
            Some(number) => task.attempts.iter().find(|attempt| attempt.number == number),
            // What is said next is said by another one.
            None => newest.filter(|_| task.state != "waiting"),
        };
        let Some(attempt) = shown else {
            let next = newest.map_or(1, |attempt| attempt.number + 1);
            return Ok(Log { attempt: wanted.attempt.unwrap_or(next), from: 1, ..Log::default() });
        };
        let from = wanted.from.unwrap_or_else(|| attempt.lines.saturating_sub(PAGE - 1).max(1));
        let call = Call::of(OperationId::TaskLog)
            .about(task.id.to_string())
            .with("attempt", attempt.number)
            .with("from", from)
            .with("limit", PAGE);
        let (lines, next, total) = visit.list(call).await?;
        let next = next.and_then(|next| next.parse().ok());
        Ok(Log { attempt: attempt.number, lines, from, total: total.unwrap_or_default(), next })
    }

    /// The id of the last line that is here, for whoever goes on from it.
    pub(super) fn last(&self) -> String {
        let before = self.from.saturating_sub(1).min(self.total);
        format!("{}.{}", self.attempt, self.lines.last().map_or(before, |line| line.n))
    }

    /// Where the page before begins.
    pub(super) fn earlier(&self) -> Option<u64> {
        (self.from > 1 && self.total > 0).then(|| self.from.saturating_sub(PAGE).max(1))
    }

    /// How far the attempt says that it is, if it counts: units done, in all, and what is done.
    pub(super) fn progress(&self) -> Option<Progress> {
        let said = self.lines.iter().rev().find(|line| line.kind == "progress")?;
        Progress::read(&said.text)
    }
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) of: u64,
    pub(super) text: String,
}

impl Progress {
    /// Of `copying files (3 of 12)`.
    fn read(text: &str) -> Option<Progress> {
        let (text, counted) = text.strip_suffix(')')?.rsplit_once(" (")?;
        let (done, of) = counted.split_once(" of ")?;
        Some(Progress { done: done.parse().ok()?, of: of.parse().ok()?, text: text.to_owned() })
    }
}

/// A line in a sentence: what a step came to stands with its name, how a task ended with its reason.
pub(super) fn sentence(line: &LineView) -> String {
    let level = line.level.as_deref().unwrap_or_default();
    match (line.kind.as_str(), line.text.split_once(" (")) {
        ("step", Some((name, took))) => format!("{name}: {level} ({took}"),
        ("step", None) => format!("{}: {level}", line.text),
        ("result", _) => {
            let word = states::of_task(level).word;
            match line.text.as_str() {
                "" => word.to_owned(),
                why => format!("{word}: {why}"),
            }
        }
        ("started", _) => format!("began: {}", line.text),
        _ => line.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_line_leads_to_the_page_that_has_it() {
        let wanted = |query| Wanted::of(&Pairs::read(query));

        assert_eq!(wanted("line=2.17"), Wanted { attempt: Some(2), from: Some(1) });
        assert_eq!(wanted("line=1.500").from, Some(1));
        assert_eq!(wanted("line=1.501").from, Some(501));
        assert_eq!(wanted("attempt=3&from=9"), Wanted { attempt: Some(3), from: Some(9) });
        for cut in
            ["", "line=", "line=2.", "line=0.1", "line=1.0", "from=-1", "attempt=a", "line=1.99999999999999999999"]
        {
            assert_eq!(wanted(cut), Wanted::default(), "{cut}");
        }
    }

    #[test]
    fn what_is_counted_is_read_as_it_was_said() {
        let progress = Progress::read("copying files (of the site) (3 of 12)").unwrap();

        assert_eq!((progress.done, progress.of, &*progress.text), (3, 12, "copying files (of the site)"));
        assert_eq!(Progress::read("copying files"), None);
    }
}
