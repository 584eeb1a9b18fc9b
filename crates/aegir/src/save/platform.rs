//! What is said of a platform.

use std::path::{Path, PathBuf};

use aegir_domain::{PlatformContext, PlatformName, PlatformRoot, ServerName};
use clap::Args;

use crate::args::text;
use crate::failure::Failure;
use crate::provision::Usage;
use crate::speak::err;

#[derive(Debug, Default, PartialEq, Args)]
pub(crate) struct PlatformOptions {
    /// Its document root: the folder with `index.php`
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
    /// The server whose web service serves it
    #[arg(long, value_name = "NAME", value_parser = text::<ServerName>)]
    server: Option<ServerName>,
    /// The PHP program for its sites' work in a shell [default: the machine's own]
    #[arg(long, value_name = "PROGRAM")]
    php: Option<PathBuf>,
}

impl PlatformOptions {
    /// The context: what is saved, with what was named.
    pub(super) fn context(
        self,
        name: PlatformName,
        saved: Option<PlatformContext>,
    ) -> Result<PlatformContext, Failure> {
        let root = self.root.as_deref().map(document_root).transpose()?;
        let needs = |what: &str| {
            let line = format!("aegir provision save @platform_{name} --root PATH --server NAME");
            Failure::usage(Usage::new(format!("a new platform needs {what}"), format!("type `{line}`")))
        };
        Ok(match saved {
            Some(saved) => PlatformContext {
                // Of code that lies elsewhere it is not known what it was built from.
                built: saved.built.filter(|_| root.as_ref().is_none_or(|root| *root == saved.root)),
                root: root.unwrap_or(saved.root),
                server: self.server.unwrap_or(saved.server),
                php: self.php.or(saved.php),
                ..saved
            },
            None => PlatformContext {
                root: root.ok_or_else(|| needs("`--root`, its document root"))?,
                server: self.server.ok_or_else(|| needs("`--server`, the one that serves it"))?,
                php: self.php,
                revision: 0,
                facts: None,
                built: None,
                name,
            },
        })
    }
}

/// The document root that `path` means: itself, or the folder in a project that holds Drupal.
fn document_root(path: &Path) -> Result<PlatformRoot, Failure> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut root = path.to_string_lossy().into_owned();
    if !path.join("index.php").exists() {
        let inside = ["web", "docroot", "html"].map(|folder| path.join(folder));
        if let Some(inside) = inside.iter().find(|inside| inside.join("index.php").exists()) {
            root = inside.to_string_lossy().into_owned();
            err(&format!("`{}` is a project: its document root is taken, `{root}`", path.display()));
        }
    }
    root.parse().map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_project_the_document_root_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("web")).unwrap();
        std::fs::write(dir.path().join("web/index.php"), "<?php").unwrap();

        let root = document_root(dir.path()).unwrap();

        assert_eq!(root.path(), dir.path().join("web"));
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        let saved = PlatformContext {
            name: "d10".parse().unwrap(),
            revision: 4,
            root: "/srv/d10".parse().unwrap(),
            server: "web1".parse().unwrap(),
            php: None,
            facts: None,
            built: None,
        };
        let options = PlatformOptions { php: Some("/usr/bin/php8.2".into()), ..PlatformOptions::default() };

        let context = options.context("d10".parse().unwrap(), Some(saved.clone())).unwrap();

        assert_eq!(context, PlatformContext { php: Some("/usr/bin/php8.2".into()), ..saved });
    }
}
