//! The steps of an attempt, each with what was said while it was at work.

use aegir_hosting::view::{AttemptView, LineView};

use crate::panel::frame::Tone;
use crate::panel::states::{self, Going, State};
use crate::panel::times;

/// How many lines are shown with a step; the log has all.
const SAID: usize = 20;
/// How much of a program's output is shown with a step, from its end: there stands what went wrong.
const OUTPUT: usize = 4_000;

/// A step of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Its place.
    pub(super) line: u32,
    /// Its name: `create-database`.
    pub(super) name: String,
    /// How far it came.
    pub(super) state: State,
    /// Whether it failed and was taken back then.
    pub(super) then_undone: bool,
    /// How long it took; empty: nobody says.
    pub(super) took: String,
    /// The last that was said meanwhile.
    pub(super) said: Vec<Said>,
    /// How many lines were said before those.
    pub(super) more: usize,
    /// Whether it is the one that failed first.
    pub(super) is_failing: bool,
    /// Why it failed, where nothing was said with it.
    pub(super) why: String,
}

/// A line of the log, with a step.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) n: u64,
    pub(super) level: String,
    pub(super) text: String,
    pub(super) output: String,
}

/// The steps of `attempt`, with what its log says of them as far as `lines` go. While it goes on there is nothing with
/// them: all of it is in the log, which goes on too.
pub(super) fn of(attempt: &AttemptView, lines: &[LineView]) -> Vec<Step> {
    let going = if attempt.ended.is_none() { Going::On } else { Going::Over };
    let mut steps: Vec<Step> = attempt
        .steps
        .iter()
        .map(|step| Step {
            line: step.line,
            name: step.name.clone(),
            state: states::of_step(&step.phase, going),
            then_undone: false,
            took: step.took.map(|took| times::lasted(&took)).unwrap_or_default(),
            said: Vec::new(),
            more: 0,
            is_failing: false,
            why: String::new(),
        })
        .collect();
    if going == Going::On {
        return steps;
    }
    let mut walk = Walk { forward: 0, backward: steps.len(), at: None };
    let mut failing = None;
    for line in lines {
        match line.kind.as_str() {
            "step" => {
                let ended = walk.step(&steps, line);
                if let Ended::Failed(place) = ended {
                    failing = failing.or(Some(place));
                }
            }
            "log" => {
                if let Some(step) = walk.at.and_then(|place| steps.get_mut(place)) {
                    step.say(line);
                }
            }
            _ => (),
        }
    }
    let failing = failing.or_else(|| steps.iter().position(|step| step.state.word == "failed"));
    if let Some(step) = failing.and_then(|place| steps.get_mut(place)) {
        step.is_failing = true;
        if step.said.is_empty() {
            let fault = attempt.fault.as_ref().and_then(|fault| fault["message"].as_str());
            step.why = fault.unwrap_or_default().to_owned();
        }
        if step.state.word != "failed" {
            step.then_undone = step.state.word == "undone";
            step.state = states::of_step("failed", going);
        }
    }
    steps
}

/// Where a walk through the log is: names of steps may come twice, their order does not change.
struct Walk {
    /// The first step that has not begun.
    forward: usize,
    /// The step whose undo began last.
    backward: usize,
    /// The step to which belongs what is said now.
    at: Option<usize>,
}

enum Ended {
    Failed(usize),
    Otherwise,
}

impl Walk {
    fn step(&mut self, steps: &[Step], line: &LineView) -> Ended {
        let name = line.text.split_once(" (").map_or(line.text.as_str(), |(name, _)| name);
        let bears = |place: &usize| steps[*place].name == name;
        match line.level.as_deref().unwrap_or_default() {
            "checking" | "doing" | "finishing" => {
                let place = (self.forward..steps.len()).find(bears).or_else(|| (0..steps.len()).find(bears));
                self.forward = place.map_or(self.forward, |place| place + 1);
                self.at = place;
            }
            "undoing" => {
                let place = (0..self.backward).rev().find(bears).or_else(|| (0..steps.len()).rev().find(bears));
                self.backward = place.unwrap_or(self.backward);
                self.at = place;
            }
            phase => {
                let at_work = self.at.filter(bears);
                let place = at_work.or_else(|| (0..steps.len()).find(bears));
                // Why it failed is said after that it did.
                self.at = place.filter(|_| phase == "failed");
                if let (Some(place), "failed") = (place, phase) {
                    return Ended::Failed(place);
                }
            }
        }
        Ended::Otherwise
    }
}

impl Step {
    fn say(&mut self, line: &LineView) {
        if self.said.len() == SAID {
            self.said.remove(0);
            self.more += 1;
        }
        let output = line.output.as_deref().unwrap_or_default();
        self.said.push(Said {
            n: line.n,
            level: line.level.clone().unwrap_or_default(),
            text: line.text.clone(),
            output: end_of(output, OUTPUT),
        });
    }

    /// What it came to, in words.
    pub(super) fn word(&self) -> String {
        match self.then_undone {
            true => format!("{}, then undone", self.state.word),
            false => self.state.word.to_owned(),
        }
    }

    /// The word of its tone.
    pub(super) fn tone(&self) -> &'static str {
        self.state.tone.word()
    }

    /// Whether it is shown unfolded.
    pub(super) fn is_open(&self) -> bool {
        self.is_failing && self.state.tone == Tone::Bad
    }
}

/// The end of a text that is too long.
fn end_of(text: &str, most: usize) -> String {
    let length = text.chars().count();
    match length > most {
        true => format!("…{}", text.chars().skip(length - most).collect::<String>()),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aegir_hosting::view::StepView;

    use super::*;

    fn step(line: u32, name: &str, phase: &str) -> StepView {
        StepView { line, name: name.into(), phase: phase.into(), took: Some(1_200) }
    }

    fn said(n: u64, kind: &str, level: &str, text: &str) -> LineView {
        LineView { attempt: 1, n, at: 0, kind: kind.into(), level: Some(level.into()), text: text.into(), output: None }
    }

    fn attempt(steps: Vec<StepView>) -> AttemptView {
        AttemptView {
            id: String::new(),
            number: 1,
            state: "ended".into(),
            started: 0,
            ended: Some(1),
            outcome: Some("rolled-back".into()),
            fault: None,
            left: None,
            answer: None,
            changed: false,
            recovered: false,
            lines: 0,
            steps,
        }
    }

    #[test]
    fn each_line_stands_under_the_step_that_was_at_work() {
        let attempt = attempt(vec![
            step(1, "look", "checked"),
            step(2, "write", "undone"),
            step(3, "write", "undone"),
            step(4, "run", "undone"),
        ]);
        let lines = [
            said(1, "step", "checking", "look"),
            said(2, "step", "checked", "look (3 ms)"),
            said(3, "log", "info", "between the steps"),
            said(4, "step", "doing", "write"),
            said(5, "log", "info", "the first"),
            said(6, "step", "done", "write (3 ms)"),
            said(7, "step", "doing", "write"),
            said(8, "log", "info", "the second"),
            said(9, "step", "done", "write (3 ms)"),
            said(10, "step", "doing", "run"),
            said(11, "step", "failed", "run (9 ms)"),
            said(12, "log", "error", "why"),
            said(13, "step", "undoing", "write"),
            said(14, "log", "info", "back"),
            said(15, "step", "undone", "write"),
        ];

        let steps = of(&attempt, &lines);

        let said: Vec<Vec<u64>> = steps.iter().map(|step| step.said.iter().map(|said| said.n).collect()).collect();
        assert_eq!(said, [vec![], vec![5], vec![8, 14], vec![12]]);
        assert_eq!(steps.iter().map(Step::is_open).collect::<Vec<_>>(), [false, false, false, true]);
        assert_eq!((steps[3].word(), &*steps[1].took), ("failed, then undone".into(), "1.2 s"));
    }

    #[test]
    fn of_a_talkative_step_the_end_is_shown() {
        let attempt = attempt(vec![step(1, "run", "failed")]);
        let mut lines = vec![said(1, "step", "doing", "run")];
        lines.extend((2..100).map(|n| said(n, "log", "info", "line")));
        lines[50].output = Some("é".repeat(OUTPUT + 1));

        let steps = of(&attempt, &lines);

        assert_eq!((steps[0].said.len(), steps[0].more), (SAID, 98 - SAID));
        assert_eq!(steps[0].said.last().map(|said| said.n), Some(99));
        assert_eq!(end_of(&"é".repeat(OUTPUT + 1), OUTPUT).chars().count(), OUTPUT + 1);
    }
}
