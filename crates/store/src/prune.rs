//! What is old goes: logs first, then tasks; in small transactions, so that nobody waits.

use aegir_domain::NodeId;

use crate::db::{Query, Sql, statements, values};
use crate::{Store, StoreFault, Tx};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// How much goes in one transaction.
const BATCH: i64 = 200;

/// How long things are kept, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrunePolicy {
    /// Tasks that have ended, and bulk runs. The newest task of each object, stuck ones, and those whose children stay,
    /// stay too.
    pub tasks: i64,
    /// What tasks said. Of stuck tasks it stays.
    pub lines: i64,
    /// That something changed. The last one stays.
    pub changes: i64,
    /// Who asked for what.
    pub audit: i64,
    /// Keys of requests, with their answers.
    pub keys: i64,
    /// What is secret in the answers of tasks, and was not fetched.
    pub answers: i64,
    /// News that were sent, or given up.
    pub news: i64,
    /// Sessions that are over, and links that let nobody in any more.
    pub sessions: i64,
    /// That somebody was not let in.
    pub wrong_tries: i64,
}

impl Default for PrunePolicy {
    fn default() -> PrunePolicy {
        PrunePolicy {
            tasks: 365 * DAY,
            lines: 90 * DAY,
            changes: 7 * DAY,
            audit: 730 * DAY,
            keys: DAY,
            answers: DAY / 96,
            news: 30 * DAY,
            sessions: 30 * DAY,
            wrong_tries: DAY,
        }
    }
}

/// How much went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Tasks, with all that belongs to them.
    pub tasks: u64,
    /// Attempts that lost their lines.
    pub logs: u64,
    /// Everything else.
    pub others: u64,
}

statements! {
    OLD_LOGS =
        "SELECT attempt.id, attempt.ended
           FROM attempt
          WHERE attempt.ended IS NOT NULL AND attempt.ended < $1 AND (attempt.ended, attempt.id) > ($2, $3)
            AND EXISTS (SELECT 1 FROM line WHERE line.attempt = attempt.id)
            AND NOT EXISTS (SELECT 1 FROM task WHERE task.id = attempt.task AND task.state = 'stuck')
          ORDER BY attempt.ended, attempt.id
          LIMIT $4";
    OLD_TASKS =
        "SELECT task.id, task.ended
           FROM task
          WHERE task.ended IS NOT NULL AND task.ended < $1 AND (task.ended, task.id) > ($2, $3)
            AND task.state NOT IN ('waiting', 'running', 'out-of-contact', 'stuck')
            AND EXISTS (SELECT 1 FROM task AS newer WHERE newer.object = task.object AND newer.id > task.id)
            AND NOT EXISTS (SELECT 1 FROM task AS child WHERE child.parent = task.id)
          ORDER BY task.ended, task.id
          LIMIT $4";
    OLD_CHANGES =
        "DELETE FROM change
          WHERE number IN (SELECT number FROM change WHERE at < $1 AND number < (SELECT MAX(number) FROM change)
                            ORDER BY number LIMIT $2)";
    OLD_AUDIT = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)";
    OLD_KEYS =
        "DELETE FROM idempotency
          WHERE (actor, key) IN (SELECT actor, key FROM idempotency WHERE at < $1 ORDER BY at LIMIT $2)";
    OLD_ANSWERS =
        "DELETE FROM secret
          WHERE owner IN (SELECT owner FROM secret WHERE name = 'answer' AND changed < $1 ORDER BY owner LIMIT $2)
            AND name = 'answer'";
    OLD_NEWS =
        "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE next_try IS NULL AND created < $1 ORDER BY id LIMIT $2)";
    /// Sessions that ended early wait for the end that they would have had.
    OLD_SESSIONS = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE until < $1 ORDER BY until, id LIMIT $2)";
    OLD_LINKS =
        "DELETE FROM one_time_link
          WHERE id IN (SELECT id FROM one_time_link WHERE until < $1 ORDER BY until, id LIMIT $2)";
    OLD_BULK_ENTRIES =
        "DELETE FROM bulk_entry
          WHERE (bulk, place) IN (SELECT bulk_entry.bulk, bulk_entry.place
                                    FROM bulk JOIN bulk_entry ON bulk_entry.bulk = bulk.id
                                   WHERE bulk.asked < $1
                                   LIMIT $2)";
    OLD_BULKS =
        "DELETE FROM bulk
          WHERE id IN (SELECT id FROM bulk WHERE asked < $1 ORDER BY id LIMIT $2)
            AND NOT EXISTS (SELECT 1 FROM bulk_entry WHERE bulk_entry.bulk = bulk.id)";
    /// Waits are much shorter than what is forgotten here is old.
    OLD_WRONG_TRIES =
        "DELETE FROM wrong_try WHERE who IN (SELECT who FROM wrong_try WHERE last < $1 ORDER BY last LIMIT $2)";
}

impl Store {
    /// Lets go what is older than `policy` says. Stopped half way, it has done half of it.
    pub async fn prune(&self, policy: &PrunePolicy, now: i64) -> Result<Pruned, StoreFault> {
        let mut pruned = Pruned::default();
        let mut place = Some((i64::MIN, 0));
        while let Some(behind) = place {
            let (ids, next) = self.old(&OLD_LOGS, now - policy.lines, behind).await?;
            self.write_soon(async |tx| tx.drop_logs(&ids).await).await?;
            pruned.logs += ids.len() as u64;
            place = next;
        }
        let mut place = Some((i64::MIN, 0));
        while let Some(behind) = place {
            let (ids, next) = self.old(&OLD_TASKS, now - policy.tasks, behind).await?;
            pruned.tasks += self.write_soon(async |tx| tx.drop_tasks(&ids).await).await?;
            place = next;
        }
        for (statement, before) in [
            (&OLD_CHANGES, now - policy.changes),
            (&OLD_AUDIT, now - policy.audit),
            (&OLD_KEYS, now - policy.keys),
            (&OLD_ANSWERS, now - policy.answers),
            (&OLD_NEWS, now - policy.news),
            (&OLD_BULK_ENTRIES, now - policy.tasks),
            (&OLD_BULKS, now - policy.tasks),
            (&OLD_SESSIONS, now - policy.sessions),
            (&OLD_LINKS, now - policy.sessions),
            (&OLD_WRONG_TRIES, now - policy.wrong_tries),
        ] {
            loop {
                let values = values![before, BATCH];
                let gone = self.write_soon(async |tx| tx.execute(statement, values).await).await?;
                pruned.others += gone;
                if gone < BATCH.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(pruned)
    }

    /// A batch of what `find` finds behind a place, and the place behind that batch, if there is more.
    async fn old(
        &self,
        find: &Sql,
        before: i64,
        (ended, id): (i64, i64),
    ) -> Result<(Vec<i64>, Option<(i64, i64)>), StoreFault> {
        let values = values![before, ended, id, BATCH];
        let rows = self.read(async |read| read.rows(find, values).await).await?;
        let next = match rows.last() {
            Some(last) if rows.len() as i64 == BATCH => Some((last.get("ended")?, last.get("id")?)),
            _ => None,
        };
        Ok((rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?, next))
    }
}

impl Tx {
    async fn drop_logs(&mut self, attempts: &[i64]) -> Result<(), StoreFault> {
        if attempts.is_empty() {
            return Ok(());
        }
        for delete in ["DELETE FROM line WHERE attempt IN ", "DELETE FROM step WHERE attempt IN "] {
            let mut query = Query::new(delete);
            query.bind_all(attempts.iter().copied());
            self.run("drop logs", query).await?;
        }
        Ok(())
    }

    async fn drop_tasks(&mut self, tasks: &[i64]) -> Result<u64, StoreFault> {
        if tasks.is_empty() {
            return Ok(0);
        }
        // One may have been begun anew since it was found: those stay.
        let mut query =
            Query::new("SELECT id FROM task WHERE state NOT IN ('waiting', 'running', 'out-of-contact') AND id IN ");
        query.bind_all(tasks.iter().copied());
        let rows = self.ask("find tasks", query).await?;
        let tasks: Vec<NodeId> = rows.iter().map(|row| row.get("id")).collect::<Result<_, _>>()?;
        if tasks.is_empty() {
            return Ok(0);
        }
        for (delete, close) in [
            ("DELETE FROM line WHERE attempt IN (SELECT id FROM attempt WHERE task IN ", ")"),
            ("DELETE FROM step WHERE attempt IN (SELECT id FROM attempt WHERE task IN ", ")"),
            ("DELETE FROM attempt WHERE task IN ", ""),
            ("DELETE FROM task_lock WHERE task IN ", ""),
            ("DELETE FROM secret WHERE owner IN ", ""),
            ("DELETE FROM history WHERE node IN ", ""),
            ("DELETE FROM field_value WHERE node IN ", ""),
            ("DELETE FROM task WHERE id IN ", ""),
            ("DELETE FROM node WHERE id IN ", ""),
        ] {
            let mut query = Query::new(delete);
            query.bind_all(tasks.iter().copied()).push(close);
            self.run("drop tasks", query).await?;
        }
        Ok(tasks.len() as u64)
    }
}
