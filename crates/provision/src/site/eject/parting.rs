//! What whoever looks after a site gets when Ægir lets go of it: a vhost, a crontab line, and what is to be known.

use std::path::PathBuf;

use aegir_domain::{CronInterval, Fault, PlatformContext, SiteContext};
use aegir_drupal::{Family, PhpValue};
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::http::HttpServer;
use crate::service::{DbServer, php};
use crate::site::layout;
use crate::site::probe::main_name;

/// What is to be read first.
pub(super) const README: &str = "README.txt";

/// Writes a folder for whoever looks after the site from now on. The key of its cron is in it, so it is rendered when the
/// step acts, and nobody else may read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteParting {
    pub(crate) site: Box<SiteContext>,
    pub(crate) platform: PlatformContext,
    /// The folder, under a name that belongs to the task.
    pub(crate) folder: PathBuf,
}

impl Action<World> for WriteParting {
    type Output = ();
    const NAME: &'static str = "write-parting";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let http = HttpServer::of(world, &server)?;
        let port = server.http.as_ref().map_or(80, |http| http.listen.port());
        let vhost = http.standalone_text(&self.site, &self.platform, self.socket())?;
        let readme = self.readme(world)?;
        let files = world.files();
        files.make_dir(&self.folder, 0o700)?;
        for (name, text) in [(README, readme), ("vhost.conf", vhost), ("crontab", self.crontab(world, port)?)] {
            files.write(&self.folder.join(name), text.as_bytes(), 0o600)?;
        }
        Ok(())
    }
}

impl Undo<World> for WriteParting {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_tree(&self.folder)?;
        Ok(())
    }
}

impl WriteParting {
    /// Where PHP is to answer that is not Ægir's.
    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/run/php/{}.sock", self.site.name))
    }

    /// The line by which a system's cron runs the site's own.
    fn crontab(&self, world: &World, port: u16) -> Result<String, Fault> {
        let family = php::family(&self.platform, &self.site.core)?;
        let name = main_name(&self.site);
        let address = match port {
            80 => format!("http://{name}"),
            port => format!("http://{name}:{port}"),
        };
        let key = self.cron_key(world, family);
        let known = key.as_deref().unwrap_or("THE-SITES-OWN-KEY");
        let address = match family {
            Family::Seven => format!("{address}/cron.php?cron_key={known}"),
            Family::Eight => format!("{address}/cron/{known}"),
        };
        let mut text = String::from("# The key in this line lets anybody run the cron of the site.\n");
        if key.is_none() {
            text.push_str("# It could not be read: see it on the site's page about its cron.\n");
        }
        let off = if schedule(self.site.cron).is_some() { "" } else { "# It ran none: " };
        let times = schedule(self.site.cron).unwrap_or_else(|| "0 * * * *".into());
        text.push_str(&format!("{off}{times} curl -fsS -o /dev/null '{address}'\n"));
        Ok(text)
    }

    /// The key of its cron, as far as its database tells one that can stand in an address as it is.
    fn cron_key(&self, world: &World, family: Family) -> Option<String> {
        let query = match family {
            Family::Seven => "SELECT value FROM variable WHERE name = 'cron_key'",
            Family::Eight => "SELECT value FROM key_value WHERE collection = 'state' AND name = 'system.cron_key'",
        };
        let server = DbServer::of(world, &self.site.db_server).ok()?;
        let value = server.rows_of_site(&self.site, query).ok()?.into_iter().next()?.into_iter().next()?;
        let key = PhpValue::read(&value?).ok()?.to_text()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (!key.is_empty() && key.chars().all(plain)).then_some(key)
    }

    fn readme(&self, world: &World) -> Result<String, Fault> {
        let WriteParting { site, platform, .. } = self;
        let vhost = layout::vhost_path(world, platform, &site.name)?;
        let settings = layout::settings_path(site, platform);
        let socket = self.socket();
        Ok(format!(
            "{name}: what Ægir leaves you with

What the site is
  Its code lies in {root}, as the platform `{platform}` of Ægir, which keeps
  it as long as the site lies there. Its files lie in {folder}.
  Its data is in `{database}` on `{db_server}`. Its name, its password and the
  salt stand in {settings},
  which nobody writes any more but you. It still reads `local.settings.php`
  beside it.

What keeps it running
  The web server and php-fpm of Ægir, as before, by
    {vhost}
  That file holds the password too. Ægir does not write it again, and makes no
  other site of that name as long as it lies there; the site's other names
  it would give away. `aegir destroy` ends both servers, and takes away what lies
  in this home: that file, and the data of sites in SQLite.

To run it without Ægir
  1. Have a pool of php-fpm answer on {socket},
     whose user may read {settings}
     and write {folder}/files and /private.
  2. Put `vhost.conf`, which lies here, where your web server reads it, with the
     address that you want it to listen on, and load it.
  3. Remove the vhost above, and reload the web server of Ægir.
  Other names of the site are led to its folder by `sites/local.sites.php`.

Cron
  Ægir runs it no more. `crontab`, which lies here, has a line for it.

Backups
  None are made any more. Those that were made lie in {backups}.

To have Ægir look after it again
  aegir provision import {name} --platform {platform}
",
            name = site.name,
            root = platform.root,
            platform = platform.name,
            folder = platform.root.site_dir(&site.name).display(),
            database = site.database.name,
            db_server = site.db_server,
            settings = settings.display(),
            vhost = vhost.display(),
            backups = world.home().backups().display(),
            socket = socket.display(),
        ))
    }
}

/// When a system's cron runs what Ægir ran in this interval; nothing, if it ran none.
fn schedule(every: Option<CronInterval>) -> Option<String> {
    let minutes = every.unwrap_or(CronInterval::Hour).minutes()?;
    Some(match minutes {
        1 => "* * * * *".into(),
        2..60 => format!("*/{minutes} * * * *"),
        60 => "0 * * * *".into(),
        61..1440 => format!("0 */{} * * *", minutes / 60),
        1440 => "0 3 * * *".into(),
        _ => "0 3 * * 0".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_is_one_of_a_crontab() {
        let of = |text: &str| schedule(Some(text.parse().unwrap()));
        assert_eq!(of("off"), None);
        let all = ["1m", "15m", "1h", "3h", "1d", "1w"].map(|text| of(text).unwrap());
        assert_eq!(all, ["* * * * *", "*/15 * * * *", "0 * * * *", "0 */3 * * *", "0 3 * * *", "0 3 * * 0"]);
        assert_eq!(schedule(None).as_deref(), Some("0 * * * *"));
    }
}
