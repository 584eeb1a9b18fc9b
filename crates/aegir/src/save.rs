//! `save`: what a person says of a server, a platform or a site becomes a context.
//!
//! A context is made from the one that is saved; what is not named stays as it is.

mod platform;
mod server;

use aegir_domain::{Context, ContextName, HostName, MachineName, Redirect, Remedy, Secrets, SiteName};
use aegir_provision::Contexts;
use clap::Args;

use crate::args::text;
use crate::compose::Composed;
use crate::failure::Failure;
use crate::provision::Usage;
use platform::PlatformOptions;
use server::ServerOptions;

/// What is to be saved.
#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// The object: `@server_NAME`, `@platform_NAME` or `@SITE`
    #[arg(value_name = "@NAME", value_parser = text::<ContextName>)]
    name: ContextName,
    #[command(flatten, next_help_heading = "Of a server")]
    server: ServerOptions,
    #[command(flatten, next_help_heading = "Of a platform")]
    platform: PlatformOptions,
    #[command(flatten, next_help_heading = "Of a site")]
    site: SiteOptions,
}

#[derive(Debug, Default, PartialEq, Args)]
struct SiteOptions {
    /// Another name it answers to; may be given again. Takes the place of those that are saved
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>, conflicts_with = "no_aliases")]
    alias: Vec<HostName>,
    /// It answers to no other name
    #[arg(long)]
    no_aliases: bool,
    /// The one of its names that all others lead to, for good
    #[arg(long, value_name = "NAME", value_parser = text::<HostName>, conflicts_with = "no_redirect")]
    redirect_to: Option<HostName>,
    /// Each of its names answers itself
    #[arg(long)]
    no_redirect: bool,
    /// Whether it may send mail
    #[arg(long, value_enum, value_name = "ON|OFF")]
    mail: Option<Switch>,
    /// Whether it runs cron by itself, when it is visited
    #[arg(long, value_enum, value_name = "ON|OFF")]
    cron: Option<Switch>,
    /// Whose it is
    #[arg(long, value_name = "CLIENT", value_parser = text::<MachineName>)]
    client: Option<MachineName>,
}

/// Whether a site does something.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Switch {
    /// It does
    On,
    /// It is kept from it
    Off,
}

/// The context to save, and the secrets that go with it.
pub(crate) fn context(composed: &Composed, args: SaveArgs) -> Result<(Context, Secrets), Failure> {
    let contexts = Contexts::new(&composed.parts.home, &composed.parts.files);
    let saved = contexts.find(&args.name)?;
    let strange = [
        ("a server", args.server != ServerOptions::default()),
        ("a platform", args.platform != PlatformOptions::default()),
        ("a site", args.site != SiteOptions::default()),
    ];
    let own = match args.name {
        ContextName::Server(_) => "a server",
        ContextName::Platform(_) => "a platform",
        ContextName::Site(_) => "a site",
    };
    if let Some((of, _)) = strange.iter().find(|(of, given)| *given && *of != own) {
        let what = format!("`{}` is {own}, and an option of {of} is given for it", args.name);
        return Err(Failure::usage(Usage::new(what, "look which belongs to what with `aegir provision save --help`")));
    }
    match (args.name, saved) {
        (ContextName::Server(name), saved) => {
            let saved = match saved {
                Some(Context::Server(saved)) => Some(saved),
                _ => None,
            };
            let (server, secrets) = args.server.context(composed.parts.home.path(), name, saved)?;
            Ok((Context::Server(server), secrets))
        }
        (ContextName::Platform(name), saved) => {
            let saved = match saved {
                Some(Context::Platform(saved)) => Some(saved),
                _ => None,
            };
            Ok((Context::Platform(args.platform.context(name, saved)?), Secrets::default()))
        }
        (ContextName::Site(_), Some(Context::Site(mut site))) => {
            let SiteOptions { alias, no_aliases, redirect_to, no_redirect, mail, cron, client } = args.site;
            if no_aliases || !alias.is_empty() {
                site.aliases = alias;
            }
            match redirect_to {
                Some(name) => site.redirect = Redirect::To(name),
                None if no_redirect => site.redirect = Redirect::None,
                None => (),
            }
            if let Some(mail) = mail {
                site.quiet.mail = mail == Switch::Off;
            }
            if let Some(cron) = cron {
                site.quiet.cron = cron == Switch::Off;
            }
            site.client = client.unwrap_or(site.client);
            Ok((Context::Site(site), Secrets::default()))
        }
        (ContextName::Site(site), _) => Err(NoSite { site }.into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is no site `{site}` yet")]
struct NoSite {
    site: SiteName,
}

impl Remedy for NoSite {
    fn remedy(&self) -> Option<String> {
        Some(format!("make it with `aegir provision install @{} --platform NAME --db-server NAME`", self.site))
    }
}
