//! Login: a one-time link, made at the asking, shown once, kept nowhere.
//!
//! Where the code of the platform makes its links in a way that we know, and nobody's lines in the settings
//! can have changed what goes into one, it is computed from the account's row. Else Drupal is asked.

use std::time::Duration;

use aegir_domain::{Fault, PlatformContext, Remedy, SiteContext, SiteName};
use aegir_drupal::driver::{LoginLink, Operation};
use aegir_drupal::login::{self, Account, LinkForm};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use super::layout;
use crate::World;
use crate::service::DbServer;
use crate::service::php::Asker;

/// Makes a one-time login link.
pub(crate) struct Login {
    pub(crate) site: SiteName,
    pub(crate) account: u64,
}

impl Recipe<World> for Login {
    fn run(&self, run: &mut Run<'_, World>) -> Result<Committed, Fault> {
        let link = run.check(MakeLink { site: self.site.clone(), account: self.account })?;

        run.answer("site", self.site.as_str());
        run.answer("account", link.name.as_str());
        run.secret_answer("login_link", link.url);
        run.point_of_no_return(Afterwards::new())
    }
}

/// Makes a link from what the site has, and changes nothing.
pub(crate) struct MakeLink {
    pub(crate) site: SiteName,
    pub(crate) account: u64,
}

/// A link for an account.
pub(crate) struct Link {
    /// The account's name.
    pub(crate) name: String,
    /// The address. Who has it is logged in.
    pub(crate) url: String,
}

impl Check<World> for MakeLink {
    type Output = Link;
    const NAME: &'static str = "make-login-link";

    fn look(&self, world: &World) -> Result<Link, Fault> {
        let site = world.contexts().site_in_service(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        let asker = Asker::of(world, &site, &platform)?;
        if let Some((form, account)) = self.known(world, &site, &platform, &asker) {
            return self.computed(world, &asker, form, account);
        }
        let asked: LoginLink = asker.ask(Operation::Login { account: self.account }, Duration::from_secs(60))?;
        Ok(Link { name: asked.name, url: asked.url })
    }
}

impl MakeLink {
    /// The account, and the form that its links have, if both are certain. Whatever cannot be read here is
    /// for Drupal to say in its own words.
    fn known(
        &self,
        world: &World,
        site: &SiteContext,
        platform: &PlatformContext,
        asker: &Asker<'_>,
    ) -> Option<(LinkForm, Option<Account>)> {
        let root = platform.root.path();
        let code = world.files().read(&root.join(login::code(asker.family()))).ok()??;
        let form = LinkForm::of_code(&String::from_utf8_lossy(&code))?;
        // As we write it: neither by hand nor by an operator's template.
        let settings = layout::settings_of(world, site, platform).ok()?;
        let text = world.files().read(&layout::settings_path(site, platform)).ok()??;
        if text != settings.render(None).ok()?.as_bytes() {
            return None;
        }
        for path in settings.own_lines(&platform.root) {
            let lines = world.files().read(&path).ok()?.unwrap_or_default();
            if !login::is_left_alone_by(&String::from_utf8_lossy(&lines)) {
                return None;
            }
        }
        let server = DbServer::of(world, &site.db_server).ok()?;
        let rows = server.rows_of_site(site, &login::query(asker.family(), self.account)).ok()?;
        Some((form, Account::read(&rows)))
    }

    fn computed(
        &self,
        world: &World,
        asker: &Asker<'_>,
        form: LinkForm,
        account: Option<Account>,
    ) -> Result<Link, Fault> {
        let Some(account) = account else {
            return Err(LoginFault::NoAccount { site: self.site.clone(), account: self.account }.into());
        };
        if !account.is_active {
            return Err(LoginFault::Blocked { site: self.site.clone(), name: account.name }.into());
        }
        let clock = &world.parts.clock;
        if account.came_in_at(clock.unix_ms() / 1000) {
            clock.sleep(Duration::from_millis(1000 - clock.unix_ms() % 1000));
        }
        let now = clock.unix_ms() / 1000;
        let path = account.link(form, now, asker.hash_salt());
        Ok(Link { name: account.name, url: format!("{}{path}", asker.uri()) })
    }
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
enum LoginFault {
    #[error("the site `{site}` has no account {account}")]
    NoAccount { site: SiteName, account: u64 },
    #[error("the account `{name}` of the site `{site}` is blocked")]
    Blocked { site: SiteName, name: String },
}

impl Remedy for LoginFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            LoginFault::NoAccount { .. } => "give the number of an account that exists".into(),
            LoginFault::Blocked { .. } => "unblock the account in the site, or give the number of another".into(),
        })
    }
}
