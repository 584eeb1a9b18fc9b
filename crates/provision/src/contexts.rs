//! What is known of each server, platform and site: a file each, with a version and a revision.

use std::path::PathBuf;

use aegir_domain::{
    Context, ContextName, Home, PlatformContext, PlatformName, Remedy, ServerContext, ServerName, SiteContext, SiteName,
};
use aegir_host::{FileFault, Files};
use serde::{Deserialize, Serialize};

/// The form of a context file that this build writes, and the newest it reads.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    context: Context,
}

/// The contexts of a home, to be read. They are written by steps alone.
pub struct Contexts<'a> {
    home: &'a Home,
    files: &'a Files,
}

impl<'a> Contexts<'a> {
    /// Those of `home`.
    pub fn new(home: &'a Home, files: &'a Files) -> Contexts<'a> {
        Contexts { home, files }
    }

    /// The home that they lie in, and what reads its files.
    pub(crate) fn place(&self) -> (&'a Home, &'a Files) {
        (self.home, self.files)
    }

    /// The context `name`, if it is saved.
    pub fn find(&self, name: &ContextName) -> Result<Option<Context>, ContextFault> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => read(name, &text, self.home.context(name)).map(Some),
        }
    }

    /// The text of the file of `name`, if it is saved.
    pub fn text(&self, name: &ContextName) -> Result<Option<String>, ContextFault> {
        self.files
            .read_text(&self.home.context(name))
            .map_err(|source| ContextFault::Unreadable { name: name.clone(), source: source.into() })
    }

    /// All contexts, by name.
    pub fn all(&self) -> Result<Vec<Context>, ContextFault> {
        let names = self
            .files
            .list(&self.home.contexts())
            .map_err(|source| ContextFault::NoFolder { folder: self.home.contexts(), source })?;
        let mut all = Vec::new();
        for file in names {
            let Some(stem) = file.strip_suffix(".json") else { continue };
            let Ok(name) = stem.parse::<ContextName>() else { continue };
            all.extend(self.find(&name)?);
        }
        Ok(all)
    }

    /// All sites, by name.
    pub fn sites(&self) -> Result<Vec<SiteContext>, ContextFault> {
        let sites = self.all()?.into_iter().filter_map(|context| match context {
            Context::Site(site) => Some(*site),
            _ => None,
        });
        Ok(sites.collect())
    }

    /// The server `name`, which must be saved.
    pub fn server(&self, name: &ServerName) -> Result<ServerContext, ContextFault> {
        let name = ContextName::Server(name.clone());
        match self.find(&name)? {
            Some(Context::Server(server)) => Ok(server),
            _ => Err(ContextFault::Missing { name }),
        }
    }

    /// The platform `name`, which must be saved.
    pub fn platform(&self, name: &PlatformName) -> Result<PlatformContext, ContextFault> {
        let name = ContextName::Platform(name.clone());
        match self.find(&name)? {
            Some(Context::Platform(platform)) => Ok(platform),
            _ => Err(ContextFault::Missing { name }),
        }
    }

    /// The site `name`, which must be saved.
    pub fn site(&self, name: &SiteName) -> Result<SiteContext, ContextFault> {
        let name = ContextName::Site(name.clone());
        match self.find(&name)? {
            Some(Context::Site(site)) => Ok(*site),
            _ => Err(ContextFault::Missing { name }),
        }
    }

    /// The site `name`, which must be saved and in service: what is asked of it has its PHP run, or be seen.
    pub fn site_in_service(&self, name: &SiteName) -> Result<SiteContext, ContextFault> {
        let site = self.site(name)?;
        match site.disabled {
            false => Ok(site),
            true => Err(ContextFault::OutOfService { site: site.name }),
        }
    }
}

/// The text of a context's file.
pub(crate) fn text_of(context: &Context) -> String {
    let stored = serde_json::json!({ "version": VERSION, "context": context });
    format!("{stored:#}\n")
}

/// Reads the text of a context's file.
pub(crate) fn read(name: &ContextName, text: &str, path: PathBuf) -> Result<Context, ContextFault> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let broken = |source| ContextFault::Broken { name: name.clone(), path: path.clone(), source };
    let Version { version } = serde_json::from_str(text).map_err(broken)?;
    if version > VERSION {
        return Err(ContextFault::TooNew { name: name.clone(), version });
    }
    let Stored { context, .. } = serde_json::from_str(text).map_err(broken)?;
    if context.name() != *name {
        return Err(ContextFault::Misnamed { name: name.clone(), path, says: context.name() });
    }
    Ok(context)
}

/// A context that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContextFault {
    /// There is none of that name.
    #[error("nothing is saved as `{name}`")]
    Missing {
        /// The name.
        name: ContextName,
    },
    /// It is a site that was disabled, and none of its PHP may run.
    #[error("the site `{site}` is disabled")]
    OutOfService {
        /// The site.
        site: SiteName,
    },
    /// Its file cannot be read.
    #[error("cannot read what is saved as `{name}`")]
    Unreadable {
        /// The name.
        name: ContextName,
        /// Why.
        source: Box<FileFault>,
    },
    /// The folder of all contexts cannot be read.
    #[error("cannot read the folder of contexts `{}`", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: FileFault,
    },
    /// Its file holds something else.
    #[error("what is saved as `{name}` in `{}` is damaged", path.display())]
    Broken {
        /// The name.
        name: ContextName,
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Its file tells of another object.
    #[error("`{}` should tell of `{name}` and tells of `{says}`", path.display())]
    Misnamed {
        /// The name.
        name: ContextName,
        /// The file.
        path: PathBuf,
        /// What it tells of.
        says: ContextName,
    },
    /// It was written by a later version of Ægir.
    #[error("what is saved as `{name}` has the form {version}, which this version of Ægir does not know")]
    TooNew {
        /// The name.
        name: ContextName,
        /// The form.
        version: u32,
    },
    /// It was changed since the one who saves it read it.
    #[error("`{name}` has revision {has} now, and this change was made from revision {from}")]
    Stale {
        /// The name.
        name: ContextName,
        /// The revision it has.
        has: u64,
        /// The revision the change was made from.
        from: u64,
    },
}

impl Remedy for ContextFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            ContextFault::Missing { name } => {
                format!(
                    "look at what there is with `aegir provision show`, or save it with `aegir provision save {name}`"
                )
            }
            ContextFault::OutOfService { site } => {
                format!(
                    "take it into service first, with `aegir site enable {site}` or `aegir provision enable @{site}`"
                )
            }
            ContextFault::Unreadable { source, .. } => return source.remedy(),
            ContextFault::NoFolder { source, .. } => return source.remedy(),
            ContextFault::Broken { path, .. } | ContextFault::Misnamed { path, .. } => {
                format!("put `{}` right by hand, or move it away and save the object again", path.display())
            }
            ContextFault::TooNew { .. } => "use the version of Ægir that wrote it, or a later one".into(),
            ContextFault::Stale { name, .. } => {
                format!("look at it again with `aegir provision show {name}`, then make the change again")
            }
        })
    }
}
