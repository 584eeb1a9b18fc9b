//! `clone`: what a person says of a copy of a site, and what goes without saying.

use aegir_domain::{CloneSite, HostName, PlatformName, Redirect, ServerName, SiteName};
use clap::Args;

use crate::args::{platform, site, text};

/// A copy of a site.
#[derive(Debug, Args)]
pub(crate) struct CloneArgs {
    /// The site that is copied
    #[arg(value_name = "@SITE", value_parser = site)]
    site: SiteName,
    /// What the copy is to be called
    #[arg(value_name = "NEW-NAME", value_parser = site)]
    to: SiteName,
    /// The platform it will live on [default: that of the site]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    platform: Option<PlatformName>,
    /// The server that will hold its database, of the same engine [default: that of the site]
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    db_server: Option<ServerName>,
    /// Another name it answers to; may be given again. Those of the site do not go along
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    alias: Vec<HostName>,
    /// The one of its names that all others lead to, for good
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    redirect_to: Option<HostName>,
    /// Takes the mail addresses and passwords of its accounts out of it
    #[arg(long, visible_alias = "sanitize")]
    sanitise: bool,
    /// Lets it send mail
    #[arg(long)]
    with_mail: bool,
    /// Lets it run cron by itself, when it is visited
    #[arg(long)]
    with_cron: bool,
}

impl CloneArgs {
    /// What is asked of the back end.
    pub(crate) fn clone_site(self) -> CloneSite {
        CloneSite {
            site: self.site,
            to: self.to,
            platform: self.platform,
            db_server: self.db_server,
            aliases: self.alias,
            redirect: self.redirect_to.map_or(Redirect::None, Redirect::To),
            sanitise: self.sanitise,
            with_mail: self.with_mail,
            with_cron: self.with_cron,
        }
    }
}
