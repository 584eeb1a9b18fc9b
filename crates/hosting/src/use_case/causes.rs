//! Failures of many objects, put together by their causes: what somebody reads who has eight hundred sites and one night.

use std::collections::BTreeMap;

use aegir_domain::FaultReport;

use crate::view::{BulkFailureView, BulkObjectView};

/// How many objects are named for each cause.
const NAMED: usize = 20;

/// Failures, put together by how they ended and why.
#[derive(Default)]
pub(super) struct Causes(BTreeMap<(String, String), BulkFailureView>);

impl Causes {
    /// Adds an object, by its name and its wave.
    pub(super) fn add(&mut self, (name, wave): (&str, u32), task: Option<i64>, state: &str, fault: &FaultReport) {
        // The innermost cause tells failures apart; around it stands what was being done.
        let whole: Vec<&str> = std::iter::once(&fault.message).chain(&fault.because).map(String::as_str).collect();
        let without = |text: &str| text.replace(name, "…");
        let cause = without(&whole.join(": "));
        let remedy = fault.remedy.as_deref().map(without);
        let failure = self.0.entry((state.to_owned(), cause.clone())).or_insert_with(|| BulkFailureView {
            state: state.to_owned(),
            cause,
            remedy: remedy.clone(),
            count: 0,
            objects: Vec::new(),
        });
        failure.count += 1;
        if failure.remedy != remedy {
            failure.remedy = None;
        }
        if failure.objects.len() < NAMED {
            let (name, state) = (name.to_owned(), state.to_owned());
            failure.objects.push(BulkObjectView { name, task, wave, state, fault: None });
        }
    }

    pub(super) fn views(self) -> Vec<BulkFailureView> {
        let mut views: Vec<_> = self.0.into_values().collect();
        views.sort_by_key(|view| std::cmp::Reverse(view.count));
        views
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_with_the_same_text_are_one_whatever_their_objects_are_called() {
        let fault = |name: &str| FaultReport {
            message: format!("cannot load the database of `{name}`"),
            because: vec!["the server has gone away".into()],
            remedy: Some(format!("see `aegir site show {name}`")),
        };
        let mut causes = Causes::default();
        for n in 0..30 {
            let name = format!("s{n}.test");
            causes.add((&name, 2), Some(n), "rolled-back", &fault(&name));
        }
        causes.add(("other.test", 1), None, "not-queued", &fault("other.test"));

        let views = causes.views();

        assert_eq!(views.iter().map(|view| view.count).collect::<Vec<_>>(), [30, 1]);
        assert_eq!(views[0].cause, "cannot load the database of `…`: the server has gone away");
        assert_eq!(views[0].remedy.as_deref(), Some("see `aegir site show …`"));
        assert_eq!((views[0].objects.len(), views[0].objects[0].wave), (NAMED, 2));
    }
}
