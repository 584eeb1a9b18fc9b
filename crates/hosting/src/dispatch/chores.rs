//! What has to be done now and then, by one control node: sending news, and letting go of what is old.

use std::time::Duration;

use aegir_domain::{EmailAddress, FaultReport, Password, Remedy};
use aegir_store::{NewsRecord, PrunePolicy, StoreFault};
use serde_json::Value;
use tokio::sync::watch;

use super::welcome;
use crate::news::{MailWay, News, WebhookAddress};
use crate::{Hosting, Setting};

/// How often news are looked for that nobody told us of.
const TURN: Duration = Duration::from_secs(5);
/// How often what is old is let go of.
const PRUNE: i64 = 60 * MINUTE;
/// How often it is asked which former selves of sites were kept for long enough.
const FORMERS: i64 = 10 * MINUTE;
/// How many news are taken in one go. What is taken is ours for two minutes, and a server that says nothing takes
/// one of them: with more, others would send the rest once more.
const BATCH: u32 = 1;
/// How long news on their way are waited for when all is to stop.
const LAST: Duration = Duration::from_secs(3);
/// How often machines are asked to empty their trash.
const TRASH: i64 = DAY;
/// How often sending is tried, with pauses that double from a minute to a day.
const TRIES: u64 = 14;
pub(super) const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// How often the control database is tended: at the start, and then in the night's rhythm.
const TEND: i64 = DAY;

/// Does chores until `stop` says so.
pub async fn do_chores(hosting: Hosting, mut stop: watch::Receiver<bool>) {
    let mut pruned: Option<i64> = None;
    let mut tended: Option<i64> = None;
    let mut let_go: Option<i64> = None;
    let mut emptied: Option<i64> = None;
    // What takes hours keeps no news from being sent, and ends with us.
    let mut emptying = tokio::task::JoinSet::new();
    let mut heard = hosting.store().heard();
    while !*stop.borrow() {
        let mut sending = std::pin::pin!(hosting.send_news());
        let sent = tokio::select! {
            sent = &mut sending => sent,
            // What is on its way may arrive; whoever says nothing keeps nobody from stopping.
            _ = stop.changed() => tokio::time::timeout(LAST, sending).await.unwrap_or(Ok(0)),
        };
        if let Err(fault) = sent {
            tracing::warn!(fault = %fault, "news wait");
        }
        if *stop.borrow() {
            break;
        }
        let now = hosting.now();
        if is_due(pruned, PRUNE, now) {
            pruned = Some(now);
            if let Err(fault) = hosting.prune().await {
                tracing::warn!(fault = %fault, "what is old stays for now");
            }
        }
        if is_due(let_go, FORMERS, now) {
            let_go = Some(now);
            if let Err(fault) = hosting.let_go_of_formers().await {
                tracing::warn!(fault = %fault, "what sites were before they were moved stays for now");
            }
        }
        while emptying.try_join_next().is_some() {}
        if is_due(emptied, TRASH, now) && emptying.is_empty() {
            emptied = Some(now);
            let hosting = hosting.clone();
            emptying.spawn(async move {
                if let Err(fault) = hosting.empty_trash().await {
                    tracing::warn!(fault = %fault, "what was deleted stays in the trash for now");
                }
            });
        }
        // After what is old has gone, whose room is given back.
        if is_due(tended, TEND, now) {
            tended = Some(now);
            if let Err(fault) = hosting.store().tend().await {
                tracing::warn!(fault = %fault, "the control database is not tended for now");
            }
        }
        tokio::select! {
            _ = stop.changed() => (),
            _ = heard.changed() => tokio::time::sleep(Duration::from_millis(200)).await,
            () = tokio::time::sleep(TURN) => (),
        }
    }
}

/// Whether something that was last done then is to be done again. A clock that went back says nothing of how long ago.
fn is_due(last: Option<i64>, each: i64, now: i64) -> bool {
    last.is_none_or(|last| now < last || now - last >= each)
}

impl Hosting {
    /// Sends what waits to be sent, and says how many were. What cannot be sent is tried again later.
    pub async fn send_news(&self) -> Result<usize, StoreFault> {
        let mut sent = 0;
        loop {
            let now = self.now();
            let waiting = self.store().read(async |read| read.count_unsent().await).await?;
            if waiting == 0 {
                return Ok(sent);
            }
            let due = self.store().write(async |tx| tx.take_due_news(BATCH, now).await).await?;
            if due.is_empty() {
                return Ok(sent);
            }
            for news in due {
                sent += usize::from(self.send(news).await?);
            }
        }
    }

    async fn send(&self, record: NewsRecord) -> Result<bool, StoreFault> {
        let is_welcome = record.channel == welcome::CHANNEL;
        let went = match serde_json::from_value::<News>(record.body.clone()) {
            _ if is_welcome => self.welcome(&record).await?,
            Ok(news) if record.channel == "mail" => self.mail(&news).await?,
            Ok(news) => self.post(&news).await?,
            Err(error) => Went::Never(error.to_string()),
        };
        let now = self.now();
        let next = match is_welcome {
            true => welcome::next_try(&record, now),
            false => (record.tries < TRIES).then_some(now + (MINUTE << record.tries.min(20)).min(DAY)),
        };
        let went = match went {
            Went::NotNow(why) if is_welcome && next.is_none() => Went::Never(why),
            went => went,
        };
        self.store()
            .write(async |tx| {
                if is_welcome {
                    welcome::record(tx, &record, &went, now).await?;
                }
                match &went {
                    Went::Yes => tx.record_sent(record.id, now).await,
                    Went::Never(why) => tx.record_not_sent(record.id, why, None).await,
                    Went::NotNow(why) => tx.record_not_sent(record.id, why, next).await,
                }
            })
            .await?;
        if let Went::NotNow(why) = &went {
            tracing::warn!(news = record.id, channel = record.channel, why, "news could not be sent");
        }
        Ok(matches!(went, Went::Yes))
    }

    async fn mail(&self, news: &News) -> Result<Went, StoreFault> {
        let Some(to) = self.text_of(Setting::NewsMailTo).await? else {
            return Ok(Went::Never("no address or no way is set".into()));
        };
        let Ok(to) = to.parse::<EmailAddress>() else {
            return Ok(Went::Never("the address that is set is none".into()));
        };
        let (by, from) = match self.way_of_mail().await? {
            Ok(way) => way,
            Err(why) => return Ok(Went::Never(why)),
        };
        let password = self.secret_of(Setting::NewsMailPassword).await?;
        let letter = news.letter();
        Ok(Went::of(self.0.postman.mail(&by, password.as_ref(), &from, &to, &letter).await))
    }

    /// How letters leave, and what they come from; or why none can.
    pub(super) async fn way_of_mail(&self) -> Result<Result<(MailWay, EmailAddress), String>, StoreFault> {
        let from = match self.text_of(Setting::NewsMailFrom).await? {
            Some(from) => Some(from),
            None => self.text_of(Setting::NewsMailTo).await?,
        };
        let (Some(from), Some(by)) = (from, self.text_of(Setting::NewsMailBy).await?) else {
            return Ok(Err("no address or no way is set".into()));
        };
        Ok(match (by.parse::<MailWay>(), from.parse::<EmailAddress>()) {
            (Ok(by), Ok(from)) => Ok((by, from)),
            (Err(_), _) => Err("the way that is set is none".into()),
            (_, Err(_)) => Err("the address that is set is none".into()),
        })
    }

    async fn post(&self, news: &News) -> Result<Went, StoreFault> {
        let Some(address) = self.text_of(Setting::NewsWebhook).await? else {
            return Ok(Went::Never("no address is set".into()));
        };
        let Ok(address) = address.parse::<WebhookAddress>() else {
            return Ok(Went::Never("the address that is set is none".into()));
        };
        let secret = self.secret_of(Setting::NewsWebhookSecret).await?;
        let seconds = u64::try_from(self.now() / 1000).unwrap_or_default();
        let post = news.post(seconds, secret.as_ref());
        Ok(Went::of(self.0.postman.post(&address, &post).await))
    }

    pub(super) async fn text_of(&self, setting: Setting) -> Result<Option<String>, StoreFault> {
        let name = setting.parameter().name;
        let value: Option<Value> = self.store().read(async |read| read.setting(name).await).await?;
        Ok(value.and_then(|value| value.as_str().map(str::to_owned)).filter(|text| !text.is_empty()))
    }

    pub(super) async fn secret_of(&self, setting: Setting) -> Result<Option<Password>, StoreFault> {
        let name = setting.parameter().name;
        self.store().read(async |read| read.secret(aegir_store::ADMIN, name, &self.0.key).await).await
    }

    /// How many nightly copies of the control database are kept.
    pub async fn copies_kept(&self) -> Result<usize, StoreFault> {
        let kept = self.store().read(async |read| crate::use_case::number(read, Setting::KeepCopies).await).await?;
        Ok(usize::try_from(kept).unwrap_or(usize::MAX).max(1))
    }

    /// Has it told that the control database could not be copied.
    pub async fn tell_of_no_copy(&self, fault: FaultReport) -> Result<(), StoreFault> {
        let now = self.now();
        self.store().write(async |tx| super::outcome::no_copy(tx, fault, now).await).await
    }

    /// Lets go of what is old, as the settings say.
    pub async fn prune(&self) -> Result<aegir_store::Pruned, StoreFault> {
        let (tasks, audit) = self
            .store()
            .read(async |read| {
                let tasks = crate::use_case::number(read, Setting::KeepTasksDays).await?;
                let audit = crate::use_case::number(read, Setting::KeepAuditDays).await?;
                Ok::<_, StoreFault>((i64::from(tasks) * DAY, i64::from(audit) * DAY))
            })
            .await?;
        let policy = PrunePolicy { tasks, lines: tasks, audit, ..PrunePolicy::default() };
        self.store().prune(&policy, self.now()).await
    }
}

/// What became of news on its way.
pub(super) enum Went {
    Yes,
    NotNow(String),
    Never(String),
}

impl Went {
    pub(super) fn of(sent: Result<(), FaultReport>) -> Went {
        match sent {
            Ok(()) => Went::Yes,
            Err(report) => {
                let because: String = report.because.iter().map(|cause| format!("; {cause}")).collect();
                let remedy = report.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                Went::NotNow(format!("{}{because}{remedy}", report.message))
            }
        }
    }
}
