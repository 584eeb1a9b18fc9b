//! What can be asked of sessions of the panel.

use aegir_store::{SessionList, SessionRecord};

use super::Asked;
use super::shown::{self, cursor_page, of_page};
use crate::people::door::used_since;
use crate::view::{EndedSessionView, SessionView};
use crate::{Answer, Hosting, Refusal};

impl Hosting {
    pub(super) async fn list_sessions(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let list = SessionList {
            account: asked.given.str("account").map(str::to_owned),
            now,
            used_since: used_since(now),
            page: cursor_page(asked)?,
        };
        let page = self.store().read(async |read| read.list(&list).await).await?;
        of_page(page.rows.into_iter().map(session_view).collect(), page.next, None)
    }

    pub(super) async fn end_session(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let unknown = || Refusal::Unknown { what: "session", name: asked.name.to_owned() };
        let id: i64 = asked.name.parse().map_err(|_| unknown())?;
        let answer = Answer::Object(shown::json(&EndedSessionView { id, ended: !asked.dry_run }));
        if asked.dry_run {
            return Ok(answer);
        }
        let now = self.now();
        self.change(asked, async |tx| match tx.end_session(id, now, used_since(now)).await? {
            true => Ok(answer),
            false => Err(unknown()),
        })
        .await
    }
}

/// A session, as faces show it.
pub(crate) fn session_view(session: SessionRecord) -> SessionView {
    SessionView {
        id: session.id,
        account: session.name,
        opened: session.opened,
        last_used: session.last_used,
        until: session.until,
        browser: session.browser,
    }
}
