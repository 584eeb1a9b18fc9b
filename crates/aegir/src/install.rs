//! `install`: what a person says of a new site, and what goes without saying.

use aegir_domain::{
    AccountName, EmailAddress, HostName, InstallMethod, InstallSite, Langcode, MachineName, PlatformName, Redirect,
    ServerName, SiteName, TimeZoneName, Title,
};
use clap::Args;

use crate::args::{site, text};
use crate::failure::Failure;
use crate::provision::Usage;

/// A new site.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// Its name: what visitors will type
    #[arg(value_name = "@SITE", value_parser = site)]
    site: SiteName,
    /// The platform it will live on
    #[arg(long, value_name = "NAME", value_parser = text::<PlatformName>)]
    platform: PlatformName,
    /// The server that will hold its database
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    db_server: ServerName,
    /// What it is installed from [default: the platform's own]
    #[arg(long, value_name = "PROFILE", value_parser = text::<MachineName>)]
    profile: Option<MachineName>,
    /// The code of its language
    #[arg(long, value_name = "CODE", default_value = "en", value_parser = text::<Langcode>)]
    language: Langcode,
    /// Its time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = text::<TimeZoneName>)]
    timezone: TimeZoneName,
    /// Its title [default: its name]
    #[arg(long, value_name = "TEXT", value_parser = text::<Title>)]
    title: Option<Title>,
    /// The address of the site and of its first administrator [default: admin@SITE]
    #[arg(long, value_name = "ADDRESS", value_parser = text::<EmailAddress>)]
    mail: Option<EmailAddress>,
    /// The name of its first administrator
    #[arg(long, value_name = "NAME", default_value = "admin", value_parser = text::<AccountName>)]
    account: AccountName,
    /// Another name it answers to; may be given again
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    alias: Vec<HostName>,
    /// The one of its names that all others lead to, for good
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>)]
    redirect_to: Option<HostName>,
    /// Make everything ready and leave the installing to somebody with a browser
    #[arg(long)]
    manual: bool,
    /// Whose it is
    #[arg(long, value_name = "CLIENT", default_value = "admin", value_parser = text::<MachineName>)]
    client: MachineName,
}

impl InstallArgs {
    /// What is asked of the back end.
    pub(crate) fn install(self) -> Result<InstallSite, Failure> {
        let mail = match self.mail {
            Some(mail) => mail,
            None => format!("admin@{}", self.site).parse().map_err(|_| no_mail(&self.site))?,
        };
        Ok(InstallSite {
            site: self.site,
            platform: self.platform,
            db_server: self.db_server,
            profile: self.profile,
            language: self.language,
            time_zone: self.timezone,
            title: self.title,
            mail,
            account: self.account,
            aliases: self.alias,
            redirect: self.redirect_to.map_or(Redirect::None, Redirect::To),
            client: self.client,
            method: if self.manual { InstallMethod::Manual } else { InstallMethod::Profile },
            cron: None,
            welcome: None,
        })
    }
}

fn no_mail(site: &SiteName) -> Failure {
    let what = format!("`admin@{site}` is no address that Drupal accepts, so one must be given");
    Failure::usage(Usage::new(what, "add `--mail ADDRESS`, such as `--mail editor@example.org`"))
}
