//! What any object's page has, whatever its kind.

use std::collections::BTreeMap;

use aegir_domain::Remedy;
use aegir_hosting::view::{AvailableView, FieldView, NodeView, TaskTypeView};
use aegir_hosting::{Call, OperationId, Subject};

use super::doing::{Doing, doing, own_types};
use super::failure::{Failure, failure};
use super::recent::{Recent, recent};
use super::story::{Story, story};
use crate::api::Problem;
use crate::panel::differ::{self, Difference};
use crate::panel::frame::Frame;
use crate::panel::marks::{Drifts, Marks, context_of};
use crate::panel::visit::Visit;
use crate::panel::{address, elsewhere, lists};

/// What any object's page has.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    /// What it has in common with other objects.
    pub(super) node: NodeView,
    /// Its revision.
    pub(super) revision: u64,
    /// Its two marks.
    pub(super) marks: Marks,
    /// Why it is not well.
    pub(super) failure: Option<Failure>,
    /// What can be asked of it.
    pub(super) doing: Vec<Doing>,
    /// What is left out of that, and why.
    pub(super) left_out: Option<String>,
    /// Its newest tasks.
    pub(super) recent: Recent,
    /// What became of it.
    pub(super) story: Story,
    /// What its back end has otherwise.
    pub(super) drift: Option<Drift>,
    /// The operator's own fields: titles and values.
    pub(super) fields: Vec<(String, String)>,
    /// Parts of the page: words and where they are.
    pub(super) parts: Vec<(&'static str, &'static str)>,
}

/// What is said of an object here, and there.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    /// When that was found.
    pub(super) found: i64,
    /// Where they differ.
    pub(super) places: Vec<Difference>,
    /// Where each side is taken; nothing where the account may not.
    pub(super) choose: Option<(String, String)>,
}

/// What can be asked of an object: the operations, and a task of each type of the operator's own; and why those are left
/// out, if they are.
async fn all_doing(
    visit: &Visit,
    subject: Subject,
    name: &str,
    operations: &[AvailableView],
) -> (Vec<Doing>, Option<String>) {
    let mut all = doing(visit.actor(), subject, name, operations);
    // Files of the operator's own: what is wrong with them takes nothing else of the page away.
    let types = match visit.list::<TaskTypeView>(Call::of(OperationId::TaskTypeList)).await {
        Ok((types, _, _)) => types,
        Err(problem) => return (all, Some(without_types(&problem))),
    };
    let own = own_types(visit.actor(), subject, name, operations, &types);
    // What takes away stays last.
    let at = all.iter().position(|one| one.look == "danger").unwrap_or(all.len());
    all.splice(at..at, own);
    (all, None)
}

fn without_types(problem: &Problem) -> String {
    let remedy = problem.remedy().map(|remedy| format!(" To put that right, {remedy}.")).unwrap_or_default();
    format!("Task types of your own are left out: {}.{remedy}", problem.detail())
}

/// What of an object's view is not of its kind alone.
pub(super) struct Common<'a> {
    pub(super) node: &'a NodeView,
    pub(super) subject: Subject,
    pub(super) marks: Marks,
    pub(super) revision: u64,
    pub(super) fields: &'a BTreeMap<String, String>,
    pub(super) operations: &'a [AvailableView],
}

impl Whole {
    /// Asks for all that any object's page has.
    pub(super) async fn ask(visit: &Visit, common: Common<'_>, drifts: &Drifts) -> Result<Whole, Problem> {
        let Common { node, subject, marks, revision, fields, operations } = common;
        let context = context_of(node);
        let name = node.name.as_deref().unwrap_or_default();
        let recent = recent(visit, node.id, &context).await?;
        let gone = node.status == "deleted";
        let (doing, left_out) = match gone {
            true => (Vec::new(), None),
            false => all_doing(visit, subject, name, operations).await,
        };
        Ok(Whole {
            node: node.clone(),
            revision,
            marks,
            failure: failure(visit, node.id, &context, &recent.tasks, node.status == "failed").await?,
            doing,
            left_out,
            recent,
            story: story(visit, node.id).await?,
            drift: if gone { None } else { drift(visit, drifts, &context) },
            fields: titled(visit, &node.kind, fields).await?,
            parts: Vec::new(),
        })
    }

    /// What is around its page: the way there, and how the same is asked for elsewhere.
    pub(super) async fn frame(&self, visit: &Visit, subject: Subject, show: OperationId) -> Frame {
        let (section, list) = match subject {
            Subject::Server => ("servers", "Servers"),
            Subject::Platform => ("platforms", "Platforms"),
            _ => ("sites", "Sites"),
        };
        let name = self.node.name.as_deref().unwrap_or(&self.node.title);
        let mut frame = visit.frame(name, section).await;
        frame.trail = vec![(list.to_owned(), address::list(subject))];
        let word = subject.word();
        frame.elsewhere = match self.node.status.as_str() {
            "deleted" => {
                let call = Call::of(OperationId::NodeShow).about(self.node.id.to_string());
                vec![elsewhere::elsewhere(&format!("This {word}"), &call)]
            }
            _ => vec![
                elsewhere::elsewhere(&format!("This {word}"), &Call::of(show).about(name)),
                elsewhere::elsewhere(
                    "Its tasks",
                    &Call::of(OperationId::TaskList).with("object", context_of(&self.node)),
                ),
            ],
        };
        frame
    }

    /// Puts before all else what has to be done first.
    pub(super) fn comes_first(&mut self, first: Doing) {
        for doing in self.doing.iter_mut().filter(|doing| doing.look == "primary") {
            doing.look = "plain";
        }
        self.doing.insert(0, first);
    }

    /// What one comes for.
    pub(super) fn main(&self) -> Option<&Doing> {
        self.doing.iter().find(|doing| doing.look == "primary")
    }

    /// What else can be asked for.
    pub(super) fn others(&self) -> Vec<&Doing> {
        self.doing.iter().filter(|doing| doing.is_open() && doing.look != "primary").collect()
    }

    /// Whether its title says something that its name does not.
    pub(super) fn has_title(&self) -> bool {
        self.node.name.as_deref() != Some(self.node.title.as_str())
    }
}

fn drift(visit: &Visit, drifts: &Drifts, context: &str) -> Option<Drift> {
    let found = drifts.of(context)?;
    let resolve = OperationId::DriftResolve.declaration();
    let page = address::doing(&resolve, Some(context));
    let may = visit.actor().may.hold(resolve.needs);
    Some(Drift {
        found: found.found,
        places: differ::between(&found.ours, &found.theirs),
        choose: may.then(|| (format!("{page}?take=ours"), format!("{page}?take=theirs"))),
    })
}

/// The operator's own fields, as they are called on pages.
async fn titled(
    visit: &Visit,
    kind: &str,
    fields: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, Problem> {
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let (known, _, _) = visit.list::<FieldView>(Call::of(OperationId::FieldList)).await?;
    let title = |name: &str| known.iter().find(|field| field.kind == kind && field.name == name);
    Ok(fields
        .iter()
        .map(|(name, value)| {
            (title(name).map_or_else(|| lists::label_of(name), |field| field.title.clone()), value.clone())
        })
        .collect())
}
