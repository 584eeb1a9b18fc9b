//! What can be asked of settings.

use aegir_domain::CronInterval;
use aegir_store::{Read, StoreFault};
use serde_json::Value;

use super::Asked;
use super::shown::{self, of_page};
use crate::view::SettingView;
use crate::{Answer, BadParameters, Hosting, Refusal, Setting};

impl Hosting {
    pub(super) async fn list_settings(&self) -> Result<Answer, Refusal> {
        let mut items = Vec::new();
        for setting in Setting::ALL {
            items.push(self.store().read(async |read| setting_view(read, setting).await).await?);
        }
        of_page(items, None, None)
    }

    pub(super) async fn show_setting(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let setting = asked.setting()?;
        self.store().read(async |read| setting_shown(read, setting).await).await
    }

    pub(super) async fn set_setting(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let setting = asked.setting()?;
        let name = setting.parameter().name;
        if setting.is_secret() {
            return self.set_secret_setting(asked, setting).await;
        }
        if asked.given.has("secret") {
            let why = format!("`{name}` is no secret");
            return Err(BadParameters::one(asked.operation, "secret", why, "give it as `value`").into());
        }
        let value = match asked.given.str("value") {
            Some(text) => setting.check(asked.operation, &text.into())?,
            None => Value::Null,
        };
        if asked.dry_run {
            return self.show_setting(asked).await;
        }
        let now = self.now();
        let answer = self
            .change(asked, async |tx| {
                match value.is_null() {
                    true => tx.reset_setting(name).await?,
                    false => tx.change_setting(name, &value, &asked.actor.name, now).await?,
                }
                let holds = if value.is_null() { setting.default() } else { value.clone() };
                // These two are asked at every claim, so the queue has them by itself.
                if let Some(limit) = holds.as_u64().and_then(|limit| u32::try_from(limit).ok()) {
                    match setting {
                        Setting::TasksAtOnce => tx.limit_queue(limit).await?,
                        Setting::TasksPerServer => tx.limit_servers(limit).await?,
                        _ => (),
                    }
                }
                if setting == Setting::CronInterval {
                    tx.choose_cron_anew().await?;
                }
                setting_shown(tx, setting).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    /// A secret is sealed, and told to nobody again.
    pub(super) async fn set_secret_setting(&self, asked: &Asked<'_>, setting: Setting) -> Result<Answer, Refusal> {
        let name = setting.parameter().name;
        if asked.given.has("value") {
            let why = format!("`{name}` is a secret");
            return Err(BadParameters::one(asked.operation, "value", why, "give it as `secret`").into());
        }
        if asked.dry_run {
            return self.show_setting(asked).await;
        }
        let now = self.now();
        let secret = asked.given.secret("secret");
        self.change(asked, async |tx| {
            match secret {
                Some(secret) => {
                    tx.keep_secret(aegir_store::ADMIN, name, secret, &self.0.key, now).await?;
                    tx.change_setting(name, &"set", &asked.actor.name, now).await?;
                }
                None => {
                    tx.forget_secret(aegir_store::ADMIN, name).await?;
                    tx.reset_setting(name).await?;
                }
            }
            setting_shown(tx, setting).await
        })
        .await
    }
}

async fn setting_shown(read: &mut Read, setting: Setting) -> Result<Answer, Refusal> {
    Ok(Answer::Object(shown::json(&setting_view(read, setting).await?)))
}

async fn setting_view(read: &mut Read, setting: Setting) -> Result<SettingView, Refusal> {
    let parameter = setting.parameter();
    let set = read.settings().await?.into_iter().find(|record| record.name == parameter.name);
    Ok(SettingView {
        name: parameter.name.into(),
        about: parameter.about.into(),
        value: set.as_ref().map_or_else(|| setting.default(), |set| set.value.clone()),
        default: setting.default(),
        changed_by: set.as_ref().map(|set| set.actor.clone()),
        changed: set.map(|set| set.changed),
    })
}

impl Asked<'_> {
    fn setting(&self) -> Result<Setting, Refusal> {
        Setting::named(self.name).ok_or_else(|| Refusal::Unknown { what: "settings", name: self.name.to_owned() })
    }
}

/// A setting that is a number.
pub(crate) async fn number(read: &mut Read, setting: Setting) -> Result<u32, StoreFault> {
    let set: Option<Value> = read.setting(setting.parameter().name).await?;
    let value = set.unwrap_or_else(|| setting.default());
    Ok(value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(1))
}

/// How often cron runs on sites of which nothing else is said.
pub(crate) async fn cron_interval(read: &mut Read) -> Result<CronInterval, StoreFault> {
    let set: Option<Value> = read.setting(Setting::CronInterval.parameter().name).await?;
    let word = set.unwrap_or_else(|| Setting::CronInterval.default());
    Ok(word.as_str().and_then(|word| word.parse().ok()).unwrap_or(CronInterval::Hour))
}
