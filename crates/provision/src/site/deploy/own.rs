//! What is a site's own and goes with it wherever it lives: its salt. What is of its place, and is made anew. What
//! makes a copy a site of its own.

use std::time::Duration;

use aegir_domain::{ContextName, Database, DbName, Fault, FormerName, ServerName, SiteName};
use aegir_drupal::driver::Credentials;
use aegir_drupal::own::Fresh;
use aegir_recipe::{Action, Undo};
use serde::{Deserialize, Serialize};

use crate::World;
use crate::service::DbServer;
use crate::service::php::read_credentials;
use crate::step::file::{Was, put, put_back};
use crate::step::secret::MakeSecret;

/// Keeps the salt that a site has with the task, as its secret `hash-salt`: sessions and one-time links depend on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TakeSalt {
    pub(crate) site: SiteName,
}

impl Action<World> for TakeSalt {
    type Output = ();
    const NAME: &'static str = "take-salt";
    const LASTS: bool = false;

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let salt = read_credentials(world, &self.site)?.hash_salt;
        world.files().write(&world.task.secret_path("hash-salt"), salt.expose().as_bytes(), 0o600)?;
        Ok(())
    }
}

impl Undo<World> for TakeSalt {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.task.secret_path("hash-salt"))?;
        Ok(())
    }
}

/// Makes a copy a site of its own: another UUID, other keys, empty caches, and nobody is signed in. Its salt comes with its
/// credentials: for one of its own the secret `hash-salt` is made, and not taken from the site that was copied.
///
/// For a database that this task made and nobody uses yet; its user has the secret `database` for its password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MakeOwn {
    pub(crate) server: ServerName,
    /// The copy.
    pub(crate) database: Database,
    /// Whether it keeps UUID and keys, since it takes the place of the site that was copied.
    #[serde(default)]
    pub(crate) keeps_keys: bool,
}

impl Action<World> for MakeOwn {
    type Output = ();
    const NAME: &'static str = "make-own";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        if self.keeps_keys {
            let password = world.task_secret("database")?;
            DbServer::of(world, &self.server)?.make_own(&self.database, &password, None)?;
            world.say("Emptied the caches of the copy, and signed everybody out of it");
            return Ok(());
        }
        let [cron_key, private_key, uuid] = OWN;
        let (cron_key, private_key) = (made_once(world, cron_key)?, made_once(world, private_key)?);
        let mut random = [0; 16];
        // 32 letters and digits: two of them for each byte.
        let two = made_once(world, uuid)?.into_bytes();
        for (byte, two) in random.iter_mut().zip(two.chunks(2)) {
            *byte = two.iter().fold(0u8, |byte, c| byte.wrapping_mul(61).wrapping_add(*c));
        }
        let fresh = Fresh::new(random, &cron_key, &private_key);
        let password = world.task_secret("database")?;
        DbServer::of(world, &self.server)?.make_own(&self.database, &password, Some(&fresh))?;
        world.say("Gave the copy a UUID and keys of its own, and signed everybody out of it");
        Ok(())
    }
}

impl Undo<World> for MakeOwn {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        // What it wrote into the copy goes with that.
        for name in OWN {
            world.files().remove_file(&world.task.secret_path(name))?;
        }
        Ok(())
    }
}

/// Secrets of the task that a copy's keys are made of, so that they are the same if the line runs twice.
const OWN: [&str; 3] = ["own-cron-key", "own-private-key", "own-uuid"];

/// Such a secret: 32 letters and digits.
fn made_once(world: &World, name: &str) -> Result<String, Fault> {
    MakeSecret { name: name.to_owned() }.apply(world)?;
    Ok(world.task_secret(name)?.expose().to_owned())
}

/// Takes people's addresses and passwords out of such a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sanitise {
    pub(crate) server: ServerName,
    /// The copy.
    pub(crate) database: Database,
}

impl Action<World> for Sanitise {
    type Output = ();
    const NAME: &'static str = "sanitise";
    const LIMIT: Duration = Duration::from_secs(3600);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let password = world.task_secret("database")?;
        let changed = DbServer::of(world, &self.server)?.sanitise(&self.database, &password)?;
        let told: Vec<String> = changed.iter().map(|(column, count)| format!("{count} of `{column}`")).collect();
        world.say(format!("Took addresses and passwords out of the copy: {}", told.join(", ")));
        Ok(())
    }
}

impl Undo<World> for Sanitise {
    fn undo(&self, _: &World) -> Result<(), Fault> {
        // It wrote into the copy that an earlier step made, and nowhere else.
        Ok(())
    }
}

/// The credentials of the self that this task makes, from its secrets.
pub(crate) fn new_credentials(world: &World, server: &ServerName, database: &DbName) -> Result<Credentials, Fault> {
    let server = DbServer::of(world, server)?;
    Ok(server.credentials(database, &world.task_secret("database")?, &world.task_secret("hash-salt")?))
}

/// Has a site's credentials be those of the self that this task made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReplaceCredentials {
    pub(crate) site: SiteName,
    pub(crate) server: ServerName,
    pub(crate) database: DbName,
    pub(crate) was: Was,
}

impl Action<World> for ReplaceCredentials {
    type Output = ();
    const NAME: &'static str = "replace-credentials";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let text = new_credentials(world, &self.server, &self.database)?.expose().to_string();
        put(world, &path_of(world, &self.site), text.as_bytes(), 0o400, None)
    }
}

impl Undo<World> for ReplaceCredentials {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &path_of(world, &self.site), &self.was)
    }
}

/// Keeps a copy of a site's credentials for the former self that it is about to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeepCredentials {
    pub(crate) site: SiteName,
    pub(crate) former: FormerName,
}

impl Action<World> for KeepCredentials {
    type Output = ();
    const NAME: &'static str = "keep-credentials";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let text = read_credentials(world, &self.site)?.expose().to_string();
        put(world, &world.home().credentials_of_former(&self.former), text.as_bytes(), 0o400, None)
    }
}

impl Undo<World> for KeepCredentials {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        world.files().remove_file(&world.home().credentials_of_former(&self.former))?;
        Ok(())
    }
}

/// Has a site's credentials be those of a former self, which still has them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BringCredentials {
    pub(crate) site: SiteName,
    pub(crate) former: FormerName,
    pub(crate) was: Was,
}

impl Action<World> for BringCredentials {
    type Output = ();
    const NAME: &'static str = "bring-credentials";

    fn apply(&self, world: &World) -> Result<(), Fault> {
        let from = world.home().credentials_of_former(&self.former);
        match world.files().read(&from)? {
            Some(text) => put(world, &path_of(world, &self.site), &text, 0o400, None),
            None => Err(super::former::FormerFault::NoCredentials { path: from }.into()),
        }
    }
}

impl Undo<World> for BringCredentials {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        put_back(world, &path_of(world, &self.site), &self.was)
    }
}

fn path_of(world: &World, site: &SiteName) -> std::path::PathBuf {
    world.home().credentials_of(&ContextName::Site(site.clone()))
}
