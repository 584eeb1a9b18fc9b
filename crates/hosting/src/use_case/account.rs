//! What can be asked of accounts of the panel.

use std::collections::BTreeMap;

use aegir_store::{AccountRecord, NewLink, Tx};

use super::Asked;
use super::shown;
use crate::people::door::used_since;
use crate::view::{AccountLinkView, AccountView, BlockedAccountView, DeletedAccountView};
use crate::{Answer, Forbidden, Hosting, OperationId, Permission, Refusal};

const HOUR: i64 = 60 * 60 * 1000;

impl Hosting {
    pub(super) async fn list_accounts(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let (accounts, sessions) = self
            .store()
            .snapshot(async |read| {
                Ok::<_, Refusal>((read.accounts().await?, read.sessions_by_account(now, used_since(now)).await?))
            })
            .await?;
        let sessions: BTreeMap<i64, (u64, i64)> =
            sessions.into_iter().map(|(account, count, last)| (account, (count, last))).collect();
        let items: Vec<AccountView> = accounts
            .into_iter()
            .map(|account| {
                let open = sessions.get(&account.id).filter(|_| account.blocked.is_none());
                AccountView {
                    name: account.name,
                    created: account.created,
                    entered: account.password.is_some(),
                    factor: account.factor_since.is_some(),
                    blocked: account.blocked,
                    sessions: open.map_or(0, |(count, _)| *count),
                    last_used: open.map(|(_, last)| *last),
                }
            })
            .collect();
        shown::page_of_whole(asked, items, |account| account.name.clone())
    }

    pub(super) async fn add_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        may_all(asked)?;
        self.with_link(asked, async |tx, now| Ok(tx.add_account(asked.name, now).await?)).await
    }

    pub(super) async fn link_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        may_all(asked)?;
        self.with_link(asked, async |tx, _| match tx.account_named(asked.name).await? {
            Some(AccountRecord { blocked: Some(_), .. }) => Err(Refusal::Conflict {
                what: format!("the account `{}` is blocked, and no link of it lets anybody in", asked.name),
                remedy: None,
            }),
            Some(account) => Ok(account.id),
            None => Err(unknown(asked)),
        })
        .await
    }

    /// Gives an account a new link, and tells it.
    async fn with_link(
        &self,
        asked: &Asked<'_>,
        account: impl AsyncFnOnce(&mut Tx, i64) -> Result<i64, Refusal>,
    ) -> Result<Answer, Refusal> {
        let now = self.now();
        let until = now + asked.given.number("hours").unwrap_or(24) * HOUR;
        let panel = self.panel().map(str::to_owned);
        let view = AccountLinkView { name: asked.name.to_owned(), until, panel, link: None };
        if asked.dry_run {
            return Ok(Answer::Object(shown::json(&view)));
        }
        let secret = self.secret();
        let link = format!("{}/enter/{}", view.panel.as_deref().unwrap_or_default(), secret.expose());
        let answer = Answer::Object(shown::json(&AccountLinkView { link: Some(link), ..view }));
        self.change(asked, async |tx| {
            let account = account(tx, now).await?;
            let new = NewLink { account, until, made_by: asked.actor.name.clone() };
            tx.add_link(&new, &secret, now).await?;
            Ok(answer)
        })
        .await
    }

    pub(super) async fn block_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        self.set_blocked(asked, async |tx, account| {
            let others = tx.accounts().await?;
            // Whoever has no password yet comes in by a link alone, and that may be lost.
            let can_enter = |one: &AccountRecord| one.blocked.is_none() && one.password.is_some();
            if !others.iter().any(|one| one.id != account.id && can_enter(one)) {
                return Err(Refusal::Conflict {
                    what: format!("nobody but `{}` could come in through the panel then", account.name),
                    remedy: Some("have another account come in first: `aegir account add NAME` makes one".into()),
                });
            }
            if !asked.dry_run {
                tx.block_account(account.id, Some(now)).await?;
                tx.end_sessions(account.id, None, now).await?;
                tx.void_links(account.id).await?;
            }
            Ok(Some(now))
        })
        .await
    }

    pub(super) async fn unblock_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        may_all(asked)?;
        self.set_blocked(asked, async |tx, account| {
            if !asked.dry_run {
                tx.block_account(account.id, None).await?;
            }
            Ok(None)
        })
        .await
    }

    /// Has `change` block an account that is not, or unblock one that is; one that is so already stays as it is.
    async fn set_blocked(
        &self,
        asked: &Asked<'_>,
        change: impl AsyncFnOnce(&mut Tx, &AccountRecord) -> Result<Option<i64>, Refusal>,
    ) -> Result<Answer, Refusal> {
        let blocks = asked.operation.id == OperationId::AccountBlock;
        let work = async |tx: &mut Tx| {
            let account = tx.account_named(asked.name).await?.ok_or_else(|| unknown(asked))?;
            // Of two who block each other's, the second sees what the first did.
            for one in tx.accounts().await? {
                tx.hold_account(one.id).await?;
            }
            let account = tx.account(account.id).await?.ok_or_else(|| unknown(asked))?;
            let changed = account.blocked.is_some() != blocks;
            let blocked = if changed { change(tx, &account).await? } else { account.blocked };
            Ok(Answer::Object(shown::json(&BlockedAccountView { name: account.name, blocked, changed })))
        };
        match asked.dry_run {
            true => self.store().write(work).await,
            false => self.change(asked, work).await,
        }
    }

    pub(super) async fn delete_account(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let view = DeletedAccountView { name: asked.name.to_owned(), deleted: !asked.dry_run };
        let answer = Answer::Object(shown::json(&view));
        if asked.dry_run {
            return Ok(answer);
        }
        self.change(asked, async |tx| {
            let account = tx.account_named(asked.name).await?.ok_or_else(|| unknown(asked))?;
            let others = tx.accounts().await?;
            let is_last = !others.iter().any(|one| one.id != account.id && one.blocked.is_none());
            if is_last && !asked.given.flag("last") {
                return Err(Refusal::Conflict {
                    what: format!("`{}` is the last account: without it nobody comes in through the panel", asked.name),
                    remedy: Some(
                        "say that it may be the last, with `last`; `aegir account add NAME` on the server makes another"
                            .into(),
                    ),
                });
            }
            tx.delete_account(account.id).await?;
            Ok(answer)
        })
        .await
    }
}

/// Nobody hands on what they have not, and an account may all.
fn may_all(asked: &Asked<'_>) -> Result<(), Forbidden> {
    Permission::ALL.into_iter().try_for_each(|permission| asked.actor.must(permission))
}

fn unknown(asked: &Asked<'_>) -> Refusal {
    Refusal::Unknown { what: "account", name: asked.name.to_owned() }
}
