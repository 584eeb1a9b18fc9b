//! What can be asked of tokens.

use aegir_domain::{Password, Remedy};
use aegir_store::NewToken;

use super::Asked;
use super::shown::{self};
use crate::view::{RevokedTokenView, TokenView};
use crate::{Answer, BadParameters, Hosting, Permission, Permissions, Refusal};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Hosting {
    pub(super) async fn list_tokens(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let tokens = self.store().read(async |read| read.tokens().await).await?;
        let items: Vec<TokenView> = tokens
            .into_iter()
            .filter(|token| token.revoked.is_none())
            .map(|token| TokenView {
                label: token.name,
                scopes: token.scopes,
                made_by: token.actor,
                created: token.created,
                expires: token.expires,
                last_used: token.last_used,
                token: None,
            })
            .collect();
        shown::page_of_whole(asked, items, |token| token.label.clone())
    }

    pub(super) async fn add_token(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let scopes: Vec<String> = asked.given.strs("scope").into_iter().map(str::to_owned).collect();
        // Nobody hands on what they have not.
        for scope in &scopes {
            let permission: Permission = scope.parse().map_err(|bad: crate::NoPermission| {
                BadParameters::one(asked.operation, "scope", bad.to_string(), bad.remedy().unwrap_or_default())
            })?;
            asked.actor.must(permission)?;
        }
        let days = asked.given.number("days").unwrap_or(365);
        let text = format!("aegir_{}", self.0.outside.token());
        let new = NewToken {
            name: asked.name.to_owned(),
            scopes: scopes.clone(),
            actor: asked.actor.name.clone(),
            expires: Some(now + days * DAY),
        };
        let secret = Password::new(text.clone());
        let view = TokenView {
            label: new.name.clone(),
            scopes,
            made_by: new.actor.clone(),
            created: now,
            expires: new.expires,
            last_used: None,
            token: (!asked.dry_run).then_some(text),
        };
        let answer = Answer::Object(shown::json(&view));
        if asked.dry_run {
            return Ok(answer);
        }
        self.change(asked, async |tx| {
            tx.add_token(&new, &secret, now).await?;
            Ok(answer)
        })
        .await
    }

    pub(super) async fn revoke_token(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let label = asked.name.to_owned();
        let answer = Answer::Object(shown::json(&RevokedTokenView { label, revoked: !asked.dry_run }));
        if asked.dry_run {
            return Ok(answer);
        }
        self.change(asked, async |tx| match tx.revoke_token(asked.name, now).await? {
            true => Ok(answer),
            false => Err(Refusal::Unknown { what: "token", name: asked.name.to_owned() }),
        })
        .await
    }
}

/// Whom a token lets in.
pub(super) fn scopes_of(texts: &[String]) -> Permissions {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
