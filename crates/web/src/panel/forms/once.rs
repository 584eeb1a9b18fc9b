//! A form, done once though it is sent twice, and to its end though its browser goes away.

use std::time::Duration;

use aegir_hosting::{Answer, Call, KeptAnswer, Once, Operation, OwnKey, Queued, Refusal};
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::api::{Problem, ProblemKind, apart};
use crate::panel::visit::Visit;

/// How often the end of a first sending is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// For how long.
const LOOKS: u32 = 400;

/// What became of a form.
pub(super) enum Done {
    /// It was done now.
    Now(Answer),
    /// It was done before, and led to this task, if to any.
    Before(Option<i64>),
}

/// Does `call`, of the form that bears `once`.
pub(super) async fn perform(visit: &Visit, call: Call, once: &str) -> Result<Done, Problem> {
    let print = print_of(once, &call);
    let key: String = print.iter().map(|byte| format!("{byte:02x}")).collect();
    let own = OwnKey { key: format!("form-{key}"), print, kept };
    let (api, actor) = (visit.panel.api.clone(), visit.actor().clone());
    apart(&visit.panel.api, async move {
        for _ in 0..LOOKS {
            match api.front.perform_once(&actor, call.clone(), &own).await? {
                Once::Done(answer) => return Ok(Done::Now(answer)),
                Once::Answered(_, task) => return Ok(Done::Before(task.parse().ok())),
                Once::Underway => tokio::time::sleep(LOOK).await,
                Once::Other => break,
            }
        }
        Err(Problem::new(
            ProblemKind::KeyUnderway,
            "the form was sent before, and is not answered yet",
            "look in the list of tasks, or at the object itself, in a moment",
        ))
    })
    .await
}

/// What is kept for a second sending: which task it led to. What was refused changed nothing, and may be asked again.
fn kept(_: &Operation, answer: Result<&Answer, &Refusal>) -> Option<KeptAnswer> {
    match answer {
        Ok(Answer::Queued(Queued { task, .. })) => Some((202, task.to_string())),
        Ok(_) => Some((200, String::new())),
        Err(_) => None,
    }
}

/// The same for the same form with the same in it. What is typed differently is another thing to ask for.
fn print_of(once: &str, call: &Call) -> Vec<u8> {
    let said = json!(["form", once, call.operation.declaration().slug(), call.name, call.parameters]);
    digest(&SHA256, said.to_string().as_bytes()).as_ref().to_vec()
}
