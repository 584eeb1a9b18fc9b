//! What can be asked of the queue.

use aegir_domain::{ServerName, TaskState};
use aegir_store::{Direction, Page, Read, ServerList, TaskList};

use super::Asked;
use super::around::Around;
use super::object::server_named;
use super::shown::{self, task_that_waits};
use crate::view::QueueView;
use crate::{Answer, Hosting, Refusal};

/// How many tasks that run or wait are shown with the queue.
const SHOWN: u32 = 100;

impl Hosting {
    pub(super) async fn show_queue(&self) -> Result<Answer, Refusal> {
        self.store().snapshot(queue_shown).await
    }

    pub(super) async fn pause_queue(&self, asked: &Asked<'_>, pause: bool) -> Result<Answer, Refusal> {
        let server: Option<ServerName> = asked.given.text("server");
        if asked.dry_run {
            return self.show_queue().await;
        }
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                match (&server, pause) {
                    (Some(name), pause) => {
                        let id = server_named(tx, name).await?.node.id;
                        match pause {
                            true => tx.pause_server(id, now).await?,
                            false => tx.resume_server(id, now).await?,
                        }
                    }
                    (None, true) => tx.pause_queue().await?,
                    (None, false) => tx.resume_queue().await?,
                }
                queue_shown(tx).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }
}

/// The queue as it is shown.
async fn queue_shown(read: &mut Read) -> Result<Answer, Refusal> {
    let queue = read.queue().await?;
    let servers = ServerList { page: Page::first(aegir_store::LONGEST_PAGE), ..ServerList::default() };
    let servers = read.list(&servers).await?.rows;
    let paused_servers = servers.iter().filter(|server| server.paused).map(|server| server.context.name.to_string());
    let mut view = QueueView {
        paused: queue.paused,
        paused_servers: paused_servers.collect(),
        most: queue.task_limit,
        running: queue.running,
        out_of_contact: queue.out_of_contact,
        waiting: queue.waiting,
        tasks: Vec::new(),
    };
    for state in [TaskState::OutOfContact, TaskState::Running, TaskState::Waiting] {
        let list =
            TaskList { state: vec![state], direction: Direction::Up, page: Page::first(SHOWN), ..TaskList::default() };
        let tasks = read.list(&list).await?.rows;
        let around = Around::tasks(read, &tasks).await?;
        for task in &tasks {
            view.tasks.push(task_that_waits(read, &around, task).await?);
        }
    }
    Ok(Answer::Object(shown::json(&view)))
}
