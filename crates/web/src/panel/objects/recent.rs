//! The newest tasks of an object.

use aegir_hosting::view::TaskView;
use aegir_hosting::{Call, OperationId};

use crate::api::Problem;
use crate::panel::address;
use crate::panel::lists::{Beside, TASKS, Table};
use crate::panel::visit::Visit;

/// How many are shown.
const SHOWN: usize = 10;
/// Of which columns.
const COLUMNS: [&str; 5] = ["task", "state", "asked_by", "queued", "took"];

/// The newest tasks of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    /// Themselves, the newest first.
    pub(super) tasks: Vec<TaskView>,
    /// The same as a table.
    pub(super) table: Table,
    /// The list of all of them.
    pub(super) href: String,
}

/// The newest tasks of the object of this number that tasks call so. Others may have borne its name before.
pub(super) async fn recent(visit: &Visit, node: i64, context: &str) -> Result<Recent, Problem> {
    let call = Call::of(OperationId::TaskList).with("object", context).with("limit", SHOWN);
    let (tasks, _, _) = visit.list::<TaskView>(call.uncounted()).await?;
    let tasks: Vec<TaskView> = tasks.into_iter().filter(|task| task.object == node).collect();
    let items = tasks.iter().filter_map(|task| serde_json::to_value(task).ok()).collect();
    let table = Table::of_items(&TASKS, items, &COLUMNS, &Beside::default())?;
    Ok(Recent { tasks, table, href: format!("/tasks?object={}", address::encoded(context)) })
}
