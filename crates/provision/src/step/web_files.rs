//! Files of a web server that hold no secret: put in service several at once, and taken back.

use std::path::PathBuf;

use aegir_domain::{Fault, Password, PlatformContext, ServerName};
use aegir_recipe::{Action, Check, Run, Undo};
use serde::{Deserialize, Serialize};

use super::file::{Keep, Was};
use crate::World;
use crate::service::http::{Change, Down, HttpServer};

/// A file of the server's configuration, and what it replaces.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Replaced {
    path: PathBuf,
    /// `None`: it is not to be there.
    text: Option<String>,
    was: Was,
}

impl Replaced {
    /// Keeps what `files` replace, each under a name that begins with `keep_as`.
    pub(crate) fn keep(
        run: &mut Run<'_, World>,
        files: Vec<(PathBuf, Option<String>)>,
        keep_as: &str,
    ) -> Result<Vec<Replaced>, Fault> {
        let mut replaced = Vec::new();
        for (place, (path, text)) in files.into_iter().enumerate() {
            let was = run.step(Keep { path: path.clone(), name: format!("{keep_as}-{place}") })?;
            replaced.push(Replaced { path, text, was });
        }
        Ok(replaced)
    }
}

/// Puts the files of a server in service, all at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishServer {
    pub(crate) server: ServerName,
    pub(crate) files: Vec<Replaced>,
}

impl Action<World> for PublishServer {
    type Output = ();
    const NAME: &'static str = "publish-server";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(180);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        put_in_service(world, &self.server, &self.files)
    }
}

impl Undo<World> for PublishServer {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        take_back(world, &self.server, &self.files)
    }
}

/// Puts what a web server has to know of a platform in service, for all sites of it at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishPlatform {
    pub(crate) server: ServerName,
    pub(crate) files: Vec<Replaced>,
}

impl Action<World> for PublishPlatform {
    type Output = ();
    const NAME: &'static str = "publish-platform";
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);

    fn apply(&self, world: &World) -> Result<(), Fault> {
        put_in_service(world, &self.server, &self.files)
    }
}

impl Undo<World> for PublishPlatform {
    fn undo(&self, world: &World) -> Result<(), Fault> {
        take_back(world, &self.server, &self.files)
    }
}

fn put_in_service(world: &World, server: &ServerName, files: &[Replaced]) -> Result<(), Fault> {
    let change = |file: &Replaced| Change { path: file.path.clone(), text: file.text.clone().map(Password::new) };
    publish(world, server, &files.iter().map(change).collect::<Vec<_>>(), Down::Refused)
}

fn take_back(world: &World, server: &ServerName, files: &[Replaced]) -> Result<(), Fault> {
    let mut changes = Vec::new();
    for file in files {
        let text = match &file.was {
            Was::Absent => None,
            // Once the task ended nothing is kept, and nothing is to be put back.
            Was::Kept { name, .. } => match world.files().read_text(&world.task.kept().join(name))? {
                Some(text) => Some(Password::new(text)),
                None => return Ok(()),
            },
        };
        changes.push(Change { path: file.path.clone(), text });
    }
    publish(world, server, &changes, Down::Tolerated)
}

fn publish(world: &World, server: &ServerName, changes: &[Change], down: Down) -> Result<(), Fault> {
    let server = world.contexts().server(server)?;
    HttpServer::of(world, &server)?.publish(changes, down)
}

/// Compares the files that a web server has of a platform with what its code calls for.
pub(crate) struct PlatformFiles {
    pub(crate) platform: PlatformContext,
}

/// What a web server has of a platform.
pub(crate) struct Found {
    pub(crate) standing: Standing,
    /// Whether the server runs with what lies on disk.
    pub(crate) loaded: bool,
    /// The right files: path, and text or that there is to be none.
    pub(crate) files: Vec<(PathBuf, Option<String>)>,
}

/// How files compare with what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// They are the same.
    Current,
    /// Some differ.
    Differs,
    /// One is not there.
    Missing,
}

impl Check<World> for PlatformFiles {
    type Output = Found;
    const NAME: &'static str = "platform-files";

    fn look(&self, world: &World) -> Result<Found, Fault> {
        let server = world.contexts().server(&self.platform.server)?;
        let http = HttpServer::of(world, &server)?;
        let mut files = http.platform_files(&self.platform)?;
        let mut standing = Standing::Current;
        for (path, text) in &files {
            match (world.files().read(path)?, text) {
                (None, Some(_)) => standing = Standing::Missing,
                (is, text) if is.as_deref() != text.as_deref().map(str::as_bytes) => {
                    standing = standing.max(Standing::Differs);
                }
                _ => (),
            }
        }
        // What is not to be there and is not needs no line in a journal.
        let is_there = |path: &PathBuf| Ok::<_, Fault>(world.files().kind(path)?.is_some());
        for place in (0..files.len()).rev() {
            if files[place].1.is_none() && !is_there(&files[place].0)? {
                files.remove(place);
            }
        }
        Ok(Found { standing, loaded: http.is_current()?, files })
    }
}
