//! The welcome letters of new sites: kept with the outcome of the install, and written when they are sent.
//!
//! ## Invariants
//!
//! - What waits holds a site and an address, and nothing that lets anybody in: the link is made when the letter is
//!   written, for that letter alone, and is kept nowhere.
//! - Only who was asked here is written to: what a machine says was asked there calls for no letter.
//! - Nothing that becomes of a letter changes the install. The site's history says what did.
//! - A letter is tried for a day: whose the site is then, whoever asked for the letter cannot know.

use std::time::Duration;

use aegir_domain::{
    ContextName, EmailAddress, NodeId, ObjectStatus, SiteName, Task, Welcome, WelcomeAnswer, WelcomeFacts,
};
use aegir_store::{NewsRecord, Read, StoreFault, TaskRecord, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::by_hand::was_asked_elsewhere;
use super::chores::{MINUTE, Went};
use crate::news::{BODY, SUBJECT, WelcomeTemplate};
use crate::{Hosting, Place, Setting};

/// The way by which they wait.
pub(super) const CHANNEL: &str = "welcome";
/// How long a back end may take for what a letter needs. With the sending of a letter it must stay under the two
/// minutes for which what was taken is ours alone.
const ANSWER: Duration = Duration::from_secs(40);
/// For how long one is tried, in milliseconds.
const TRIED: i64 = 24 * 60 * MINUTE;
/// The longest pause between two tries.
const LONGEST_PAUSE: i64 = 60 * MINUTE;

/// What waits.
#[derive(Serialize, Deserialize)]
struct Waiting {
    site: NodeId,
    to: EmailAddress,
}

/// Keeps the letters that an install calls for, in the transaction that records its outcome.
pub(super) async fn keep(tx: &mut Tx, task: &TaskRecord, request: Option<&Task>, now: i64) -> Result<(), StoreFault> {
    let Some(Task::InstallSite(install)) = request else { return Ok(()) };
    let Some(Welcome::To(to)) = &install.welcome else { return Ok(()) };
    // A machine could name a site of another one, and an address of its own.
    if was_asked_elsewhere(&task.parameters) {
        return Ok(());
    }
    // An attempt that left something over may end once more.
    if tx.has_news(CHANNEL, task.id).await? {
        return Ok(());
    }
    for to in to {
        let waiting = Waiting { site: task.object, to: to.clone() };
        let body = serde_json::to_value(&waiting).unwrap_or_default();
        tx.post_news(CHANNEL, Some(task.id), &body, now).await?;
    }
    Ok(())
}

/// Says what became of a letter, in the history of its site: when it went, and why it did not at first or at all.
pub(super) async fn record(tx: &mut Tx, record: &NewsRecord, went: &Went, now: i64) -> Result<(), StoreFault> {
    let Ok(waiting) = serde_json::from_value::<Waiting>(record.body.clone()) else { return Ok(()) };
    let (what, why) = match went {
        Went::Yes => ("welcomed", None),
        Went::Never(why) => ("not welcomed", Some(why)),
        Went::NotNow(why) if record.tries == 1 => ("not welcomed yet", Some(why)),
        Went::NotNow(_) => return Ok(()),
    };
    let detail = json!({ "task": record.task, "to": waiting.to, "why": why });
    tx.record_deed(waiting.site, "Ægir", what, Some(&detail), now).await
}

/// When a letter that could not be sent is tried again; `None`: not any more.
pub(super) fn next_try(record: &NewsRecord, now: i64) -> Option<i64> {
    let pause = (MINUTE << record.tries.min(20)).min(LONGEST_PAUSE);
    (now + pause < record.created + TRIED).then_some(now + pause)
}

impl Hosting {
    /// Writes a welcome letter, with a link of its own, and sends it.
    pub(super) async fn welcome(&self, record: &NewsRecord) -> Result<Went, StoreFault> {
        let Ok(Waiting { site, to }) = serde_json::from_value(record.body.clone()) else {
            return Ok(Went::Never("what is kept of it cannot be read".into()));
        };
        // First: nobody is let in by a link that goes nowhere.
        let (by, from) = match self.way_of_mail().await? {
            Ok(way) => way,
            Err(why) => return Ok(Went::Never(why)),
        };
        let found = self.store().read(async |read| site_now(read, site).await).await?;
        let Some((name, place)) = found else {
            return Ok(Went::Never("the site is not in service any more".into()));
        };
        let asked = tokio::time::timeout(ANSWER, self.0.back_ends.welcome(&place, &name)).await;
        let facts = match asked {
            Ok(Ok(WelcomeAnswer::Told(facts))) => facts,
            Ok(Ok(WelcomeAnswer::NotNow(why))) => return Ok(Went::NotNow(why)),
            Ok(Ok(WelcomeAnswer::Refused(fault))) => return Ok(Went::of(Err(fault))),
            Ok(Err(lost)) => return Ok(Went::NotNow(lost.to_string())),
            Err(_) => return Ok(Went::NotNow("the machine of the site did not answer in time".into())),
        };
        let letter = self.template_for(&name, &facts).await?.letter(name.as_str(), &facts);
        let password = self.secret_of(Setting::NewsMailPassword).await?;
        let sent = Went::of(self.0.postman.mail(&by, password.as_ref(), &from, &to, &letter).await);
        // What a mail server says may repeat what it was given.
        Ok(match sent {
            Went::NotNow(why) => Went::NotNow(without(&why, &facts.link)),
            sent => sent,
        })
    }

    /// The profile's own template if it has one that can be used, else what the settings say.
    async fn template_for(&self, site: &SiteName, facts: &WelcomeFacts) -> Result<WelcomeTemplate, StoreFault> {
        if let Some(own) = &facts.template {
            match own.text.as_deref().map(WelcomeTemplate::of_file) {
                Some(Ok(template)) => return Ok(template),
                Some(Err(bad)) => {
                    tracing::warn!(%site, file = own.path, why = bad.why, "the profile's welcome letter is passed over");
                }
                None => {
                    let why = "it is no plain file of text, or too long";
                    tracing::warn!(%site, file = own.path, why, "the profile's welcome letter is passed over");
                }
            }
        }
        let subject = self.text_of(Setting::WelcomeSubject).await?;
        let body = self.text_of(Setting::WelcomeBody).await?;
        let set = WelcomeTemplate::of(subject.as_deref().unwrap_or(SUBJECT), body.as_deref().unwrap_or(BODY));
        // One that an older version took.
        Ok(set.unwrap_or_else(|_| WelcomeTemplate::standard()))
    }
}

/// What a site that is in service is called now, and where it is.
async fn site_now(read: &mut Read, site: NodeId) -> Result<Option<(SiteName, Place)>, StoreFault> {
    let Some(record) = read.site(site).await? else { return Ok(None) };
    let (Some(ObjectStatus::Enabled), Some(ContextName::Site(name))) = (record.node.status, record.node.name) else {
        return Ok(None);
    };
    let Some(platform) = read.platform(record.platform).await? else { return Ok(None) };
    let Some(server) = read.server(platform.server).await? else { return Ok(None) };
    Ok(Some((name, Place { server: server.context.name, transport: server.transport })))
}

/// Who is to get the welcome letter of a site that is asked for: as was given, or as the setting says.
pub(crate) async fn whom_to_welcome(
    read: &mut Read,
    given: Option<&str>,
    mail: Option<EmailAddress>,
) -> Result<Option<Welcome>, StoreFault> {
    let whom = match given {
        Some(whom) => whom.to_owned(),
        None => match text(read, Setting::WelcomeTo).await? {
            Some(whom) => whom,
            None => Setting::WelcomeTo.default().as_str().unwrap_or_default().to_owned(),
        },
    };
    if whom == NOBODY {
        return Ok(None);
    }
    let by = text(read, Setting::NewsMailBy).await?;
    let from = text(read, Setting::NewsMailFrom).await?;
    if by.is_none() || from.or(text(read, Setting::NewsMailTo).await?).is_none() {
        return Ok(Some(Welcome::NoWay));
    }
    Ok(Some(match whom.as_str() {
        CLIENT => {
            let contacts = text(read, Setting::WelcomeContacts).await?.unwrap_or_default();
            let to: Vec<EmailAddress> = contacts.split(", ").filter_map(|one| one.parse().ok()).collect();
            if to.is_empty() { Welcome::NoContacts } else { Welcome::To(to) }
        }
        _ => mail.map_or(Welcome::NoAddress, |mail| Welcome::To(vec![mail])),
    }))
}

/// What a setting was set to, if it was.
async fn text(read: &mut Read, setting: Setting) -> Result<Option<String>, StoreFault> {
    let value: Option<Value> = read.setting(setting.parameter().name).await?;
    Ok(value.and_then(|value| value.as_str().map(str::to_owned)).filter(|text| !text.is_empty()))
}

/// The words of who can get one.
pub(crate) const NOBODY: &str = "nobody";
const CLIENT: &str = "client";

/// What somebody said, without `secret`, also where it was cut or quoted in part.
fn without(said: &str, secret: &str) -> String {
    // The part that lets in is the path; the address of the site is not secret.
    let path = secret.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or(secret, |(_, path)| path);
    let mut said = said.replace(secret, "…").replace(path, "…");
    for part in path.split(['/', '?', '&', '=']).filter(|part| part.len() >= 8) {
        said = said.replace(part, "…");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mail_server_repeats_of_the_link_is_left_out() {
        let link = "http://a.test/user/reset/1/1700000000/abcdefghijkl/login";
        for said in [format!("no: {link}"), "no: /user/reset/1/1700000000/abcdefghijkl".into(), "x abcdefghijkl".into()]
        {
            let shown = without(&said, link);
            assert!(shown.contains('…') && !shown.contains("abcdefghijkl"), "{shown}");
        }
        assert_eq!(without("451 later", link), "451 later");
    }
}
