//! The lines of a task, and how they are taken back, as a page to read.

use std::collections::BTreeMap;

use aegir_domain::protocol::{Phase, Said};
use aegir_recipe::AfterKind;
use aegir_recipe::proof::{Drill, When};

use super::Scene;

impl Scene {
    /// The lines in their order; then, as if the point of no return could not be recorded, the walk back.
    pub(super) fn lines(&self) -> String {
        let mut page = lines_of(&self.whole.said, &|place| match self.whole.afterwards[place].kind {
            AfterKind::Finish => "finish",
            AfterKind::Cleanup => "cleanup",
        });
        self.lab.restore_all();
        let drill = Drill { fail_at: Some((self.whole.lines, When::Before)), ..Drill::default() };
        self.lab.work_on(self.attempt, &aegir_provision::Worker { drill, ..self.lab.worker() });
        let said = self.lab.said(self.attempt);
        let undone = said.iter().filter_map(|said| match said {
            Said::Step { name, phase: Phase::Undoing, .. } => Some(format!("undo {name}")),
            _ => None,
        });
        let undone: Vec<String> = undone.collect();
        page.push("".into());
        page.push("when the point of no return cannot be recorded:".into());
        match undone.is_empty() {
            true => page.push("(nothing to undo)".into()),
            false => page.extend(undone),
        }
        shortened(page)
    }
}

fn lines_of(said: &[Said], kind_of: &dyn Fn(usize) -> &'static str) -> Vec<String> {
    // Lines behind the point of no return are told by the places that follow it.
    let first_after = said.iter().find_map(|said| match said {
        Said::Step { line, phase: Phase::Committed, .. } => Some(line + 1),
        _ => None,
    });
    let place = |line: u32| line.saturating_sub(first_after.unwrap_or_default()) as usize;
    let line = |said: &Said| match said {
        Said::Step { name, phase: Phase::Checking, .. } => Some(format!("check {name}")),
        Said::Step { name, phase: Phase::Doing, .. } => Some(name.clone()),
        Said::Step { phase: Phase::Committed, .. } => Some("== point of no return ==".into()),
        Said::Step { line, name, phase: Phase::Finishing, .. } => Some(format!("{} {name}", kind_of(place(*line)))),
        _ => None,
    };
    said.iter().filter_map(line).collect()
}

/// Runs of the same line, or of the same two, are told once with how often.
fn shortened(page: Vec<String>) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < page.len() {
        let mut runs = BTreeMap::new();
        for width in 1..=2 {
            let unit = &page[at..(at + width).min(page.len())];
            let times = page[at..].chunks(width).take_while(|chunk| *chunk == unit).count();
            runs.insert((times > 1, times * width), (width, times));
        }
        let (_, (width, times)) = runs.pop_last().expect("both widths were tried");
        let (width, times) = if times > 1 { (width, times) } else { (1, 1) };
        for line in &page[at..at + width] {
            text.push_str(line);
            if times > 1 {
                text.push_str(&format!("    x{times}"));
            }
            text.push('\n');
        }
        at += width * times;
    }
    text
}
