//! Login: a one-time link, made at the asking, shown once, kept nowhere.

use std::time::Duration;

use aegir_domain::{Fault, SiteName};
use aegir_drupal::driver::{LoginLink, Operation};
use aegir_recipe::{Afterwards, Check, Committed, Recipe, Run};

use crate::World;
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

/// Asks Drupal for a link. It computes one from what it has and changes nothing.
pub(crate) struct MakeLink {
    pub(crate) site: SiteName,
    pub(crate) account: u64,
}

impl Check<World> for MakeLink {
    type Output = LoginLink;
    const NAME: &'static str = "make-login-link";

    fn look(&self, world: &World) -> Result<LoginLink, Fault> {
        let site = world.contexts().site(&self.site)?;
        let platform = world.contexts().platform(&site.platform)?;
        let asker = Asker::of(world, &site, &platform)?;
        asker.ask(Operation::Login { account: self.account }, Duration::from_secs(60))
    }
}
