//! Lets go of what sites were before they were moved, once that was kept for as long as the setting says.
//!
//! The control database knows them all by their age, so no machine and no site is asked which there are. Each is asked
//! for by a task like any other, behind what people asked for.

use aegir_domain::{Context, ContextName, Priority, Task};
use aegir_store::{NewTask, OldFormer, Queued, StoreFault, Tx};
use serde_json::json;

use crate::use_case::{known_locks, parameters, standing};
use crate::{Actor, Hosting, OperationId, Setting, available};

/// How many are asked for in one go: the next go is not far.
const AT_ONCE: u32 = 100;
const DAY: i64 = 24 * SOON;
/// How long until one is asked for again that is still there.
const AGAIN: i64 = DAY;
/// How long until one is asked for that had to wait for another one of its site.
const SOON: i64 = 60 * 60 * 1000;

impl Hosting {
    /// Queues a task for each former self that was kept for long enough, and says how many tasks those are.
    pub async fn let_go_of_formers(&self) -> Result<usize, StoreFault> {
        let now = self.now();
        let days = self.store().read(async |read| crate::use_case::number(read, Setting::KeepFormerDays).await).await?;
        if days == 0 {
            return Ok(0);
        }
        let until = now - i64::from(days) * DAY;
        let old = self.store().read(async |read| read.old_formers(until, now - AGAIN, AT_ONCE).await).await?;
        let mut queued = 0;
        for former in old {
            queued += usize::from(self.store().write(async |tx| let_go(tx, &former, now).await).await?);
        }
        if queued > 0 {
            self.wake();
        }
        Ok(queued)
    }
}

/// Queues the task that lets go of a former self; no, if that cannot be asked for now.
async fn let_go(tx: &mut Tx, former: &OldFormer, now: i64) -> Result<bool, StoreFault> {
    // Whatever comes of it, it is not asked for again each time.
    tx.ask_for_former(former.site, &former.name, now).await?;
    let Some(site) = tx.site(former.site).await? else { return Ok(false) };
    let Some(platform) = tx.platform(site.platform).await? else { return Ok(false) };
    let Some(context) = site.context.clone() else { return Ok(false) };
    let operation = OperationId::SiteDropFormer.declaration();
    let is_kept = context.formers.iter().any(|kept| kept.name == former.name);
    if !is_kept || available(&operation, &standing(tx, &site.node, 0).await?).is_err() {
        return Ok(false);
    }
    let Ok(slug) = operation.slug().parse() else { return Ok(false) };
    let name = ContextName::Site(context.name.clone());
    let request = Task::DropFormers { site: context.name.clone(), former: Some(former.name.clone()) };
    let known = platform.context.clone().map(Context::Platform);
    let new = NewTask {
        operation: slug,
        object: site.node.id,
        object_name: name.clone(),
        title: format!("{} {name}", operation.name()),
        parameters: parameters(&json!({ "former": former.name }), &request),
        priority: Priority::Scheduled,
        actor: Actor::own().name,
        asker: String::new(),
        parent: None,
        owner: site.node.owner.unwrap_or(aegir_store::ADMIN),
        server: platform.server,
        needs: None,
        locks: known_locks(&request, known.into_iter().chain([Context::Site(Box::new(context))])),
    };
    match tx.enqueue(&new, now).await? {
        Queued::New(_) => Ok(true),
        // Another one of the site waits to go; then comes this one's turn.
        Queued::Already(_) => {
            tx.ask_for_former(former.site, &former.name, now - AGAIN + SOON).await?;
            Ok(false)
        }
    }
}
