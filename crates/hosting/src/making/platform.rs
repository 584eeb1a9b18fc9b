//! What is said of a platform, and where its code comes from.

use std::path::PathBuf;

use aegir_domain::{ArchivePlace, BuildPlatform, PlatformContext, PlatformName, PlatformSource, ServerName};

use crate::{BadParameters, Given, Operation};

/// How a new platform comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NewPlatform {
    /// Its code is there already.
    There(PlatformContext),
    /// Its code is made first.
    Built(BuildPlatform),
}

/// The ways that a platform's code can come by.
const SOURCES: [&str; 8] = ["root", "copy_from", "composer", "archive", "git", "project", "make", "demo"];

/// What is said of a way, and of which.
const DETAILS: [(&str, &[&str], &str); 9] = [
    ("constraint", &["composer"], "`composer`"),
    ("registry", &["composer"], "`composer`"),
    ("sha256", &["archive"], "`archive`"),
    ("strip", &["archive"], "`archive`"),
    ("ref", &["git"], "`git`"),
    ("submodules", &["git"], "`git`"),
    ("release_source", &["make"], "`make`"),
    ("no_recursion", &["make"], "`make`"),
    ("docroot", &["archive", "git", "project"], "`archive`, `git` or `project`"),
];

/// A new platform on `server`.
pub(crate) fn new_platform(
    operation: &Operation,
    platform: PlatformName,
    server: ServerName,
    given: &Given,
) -> Result<NewPlatform, BadParameters> {
    let named: Vec<&str> =
        SOURCES.into_iter().filter(|name| if *name == "demo" { given.flag(name) } else { given.has(name) }).collect();
    let [source] = named[..] else {
        let why = match named.len() {
            0 => "a platform needs code".to_owned(),
            _ => format!("its code comes from one place, and these are given: {}", named.join(", ")),
        };
        return Err(BadParameters::one(
            operation,
            named.last().copied().unwrap_or("root"),
            why,
            "give one of `root`, `copy_from`, `composer`, `archive`, `git`, `project`, `make` and `demo`",
        ));
    };
    let is_given =
        |name: &str| if ["submodules", "no_recursion"].contains(&name) { given.flag(name) } else { given.has(name) };
    let astray = DETAILS.into_iter().find(|(name, of, _)| is_given(name) && !of.contains(&source));
    if let Some((name, _, of)) = astray {
        let why = format!("it is for {of} alone");
        return Err(BadParameters::one(operation, name, why, format!("leave it out, or give {of}")));
    }
    let missing = |name: &'static str, why: &str, instead: &str| {
        BadParameters::one(operation, name, why.to_owned(), instead.to_owned())
    };
    let php = given.str("php").map(PathBuf::from);
    let source = match source {
        "copy_from" => PlatformSource::Copy { from: given.str("copy_from").unwrap_or_default().into() },
        "composer" => PlatformSource::Composer {
            package: given.text("composer").unwrap_or_default(),
            constraint: given.text("constraint"),
            registry: given.text("registry"),
        },
        "archive" => {
            let from: ArchivePlace =
                given.text("archive").ok_or_else(|| missing("archive", "it is empty", "name one"))?;
            let sha256 = given.text("sha256");
            if from.path().is_none() && sha256.is_none() {
                let why = "an archive that is fetched needs its checksum";
                return Err(missing("sha256", why, "give what whoever made the archive publishes"));
            }
            let strip = given.number("strip").and_then(|levels| u8::try_from(levels).ok());
            PlatformSource::Archive { from, sha256, strip, docroot: given.text("docroot") }
        }
        "git" => PlatformSource::Git {
            from: given.text("git").ok_or_else(|| missing("git", "it is empty", "name one"))?,
            reference: given.text("ref").ok_or_else(|| {
                missing(
                    "ref",
                    "a git repository needs a branch, a tag or a commit",
                    "give one, such as `main` or `1.2.0`",
                )
            })?,
            docroot: given.text("docroot"),
            submodules: given.flag("submodules"),
        },
        "project" => PlatformSource::Project {
            from: given.str("project").unwrap_or_default().into(),
            docroot: given.text("docroot"),
        },
        "make" => PlatformSource::MakeFile {
            from: given.str("make").unwrap_or_default().into(),
            releases: given.text("release_source"),
            alone: given.flag("no_recursion"),
        },
        "demo" => PlatformSource::Demo,
        _ => {
            let root = given.str("root").unwrap_or_default();
            let root = root.parse().map_err(|bad: aegir_domain::BadText| {
                let remedy = bad.instead.clone().unwrap_or_default();
                BadParameters::one(operation, "root", bad.to_string(), remedy)
            })?;
            let context = PlatformContext { name: platform, revision: 0, root, server, php, facts: None, built: None };
            return Ok(NewPlatform::There(context));
        }
    };
    Ok(NewPlatform::Built(BuildPlatform { platform, server, php, source }))
}

/// A platform with what was given changed, and all else as it is.
pub(crate) fn changed_platform(
    operation: &Operation,
    saved: &PlatformContext,
    given: &Given,
) -> Result<PlatformContext, BadParameters> {
    if given.flag("own_php") && given.has("php") {
        return Err(BadParameters::one(operation, "own_php", "it says the contrary of `php`", "give one of the two"));
    }
    let php = match given.str("php") {
        Some(php) => Some(PathBuf::from(php)),
        None if given.flag("own_php") => None,
        None => saved.php.clone(),
    };
    Ok(PlatformContext { php, ..saved.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::OperationId;

    fn new(raw: Value) -> Result<NewPlatform, BadParameters> {
        let operation = OperationId::PlatformAdd.declaration();
        let given = operation.read(raw.as_object().unwrap())?;
        new_platform(&operation, "d10".parse().unwrap(), "web1".parse().unwrap(), &given)
    }

    #[test]
    fn code_comes_from_one_place() {
        for raw in
            [json!({}), json!({ "root": "/srv/d10", "demo": true }), json!({ "demo": true, "constraint": "^10" })]
        {
            assert!(new(raw.clone()).is_err(), "{raw}");
        }
        assert!(matches!(new(json!({ "root": "/srv/d10" })), Ok(NewPlatform::There(_))));
        assert!(matches!(new(json!({ "root": "/srv/d10", "demo": false })), Ok(NewPlatform::There(_))));
    }

    #[test]
    fn composer_is_told_what_to_take() {
        let built = new(json!({ "composer": "drupal/recommended-project", "constraint": "^10.3" })).unwrap();

        let NewPlatform::Built(BuildPlatform { source: PlatformSource::Composer { constraint, .. }, .. }) = built
        else {
            panic!("it is built by Composer");
        };
        assert_eq!(constraint.unwrap().as_str(), "^10.3");
    }

    #[test]
    fn what_is_said_of_a_way_is_for_that_way() {
        let sum = "a".repeat(64);
        for raw in [
            json!({ "archive": "https://x.test/code.tar.gz" }),
            json!({ "git": "https://x.test/code.git" }),
            json!({ "git": "https://x.test/code.git", "ref": "main", "strip": 1 }),
            json!({ "archive": "/srv/code.tar", "project": "/srv/code" }),
            json!({ "archive": "/srv/code.tar", "submodules": true }),
            json!({ "root": "/srv/code", "docroot": "web" }),
            json!({ "make": "/srv/site.make", "docroot": "web" }),
            json!({ "root": "/srv/code", "no_recursion": true }),
            json!({ "git": "https://me:hunter2@x.test/code.git", "ref": "main" }),
        ] {
            assert!(new(raw.clone()).is_err(), "{raw}");
        }
        for raw in [
            json!({ "archive": "https://x.test/code.tar.gz", "sha256": sum, "strip": 0, "docroot": "web" }),
            json!({ "archive": "/srv/code.tar" }),
            json!({ "make": "/srv/site.make", "release_source": "https://x.test/releases", "no_recursion": true }),
            json!({ "git": "https://x.test/code.git", "ref": "main", "submodules": true, "docroot": "web" }),
            json!({ "project": "/srv/code", "docroot": "web", "submodules": false }),
        ] {
            assert!(matches!(new(raw.clone()), Ok(NewPlatform::Built(_))), "{raw}");
        }
    }

    #[test]
    fn a_platform_can_go_back_to_the_machines_own_php() {
        let operation = OperationId::PlatformEdit.declaration();
        let saved = PlatformContext {
            name: "d10".parse().unwrap(),
            revision: 2,
            root: "/srv/d10".parse().unwrap(),
            server: "web1".parse().unwrap(),
            php: Some("/usr/bin/php8.1".into()),
            facts: None,
            built: None,
        };
        let change =
            |raw: Value| changed_platform(&operation, &saved, &operation.read(raw.as_object().unwrap()).unwrap());

        assert_eq!(change(json!({})).unwrap(), saved);
        assert_eq!(change(json!({ "own_php": true })).unwrap().php, None);
        assert!(change(json!({ "own_php": true, "php": "/usr/bin/php8.2" })).is_err());
    }
}
