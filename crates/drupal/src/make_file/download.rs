//! What a make file says of where a project comes from.

use std::path::PathBuf;

use super::address::{self, Address};
use super::entry::{Entry, Found, checksums_in};
use super::fault::Problem;
use super::fetch::{Checksum, Digest, Kind, Origin, is_commit};
use super::plan::{Ground, Wanted};
use super::tree::{Key, Node, Place, Value};

/// Where something comes from, and how it is known.
pub(super) struct Downloaded {
    pub(super) origin: Origin,
    pub(super) checksums: Vec<Checksum>,
    pub(super) subtree: Option<String>,
    pub(super) filename: Option<String>,
    /// Whether whoever asks for the build chose the source, and so answers for how it is reached.
    pub(super) is_chosen: bool,
}

impl Downloaded {
    fn of(origin: Origin) -> Downloaded {
        Downloaded { origin, checksums: Vec::new(), subtree: None, filename: None, is_chosen: false }
    }
}

/// Programs that Drush would start and we do not.
const OTHERS: [&str; 6] = ["svn", "cvs", "bzr", "hg", "fossil", "post"];

/// Reads where a project comes from; mistakes are kept with the entry.
pub(super) fn read(
    entry: &mut Entry<'_>,
    kind: Option<Kind>,
    ground: &Ground,
    wanted: &Wanted<'_>,
) -> Option<Downloaded> {
    let version = match wanted.version {
        Some(version) => Some(version),
        None => entry.take("version").and_then(|node| node.text().map(|text| (text, &node.at))),
    };
    let version = version.map(|(text, at)| (text.trim(), at)).filter(|(text, _)| !text.is_empty());
    let location = entry.take("location");
    let variant = entry.take("variant").and_then(Node::text);
    // Drush takes a checksum from the project itself too.
    let mut beside = Vec::new();
    for digest in Digest::ALL {
        let Some(node) = entry.take(digest.as_str()) else { continue };
        let node = Some(node);
        beside.extend(checksums_in(&mut entry.found, |key| node.filter(|_| key == digest.as_str())));
    }
    let download = entry.take("download").filter(|node| !matches!(node.value, Value::Nothing));
    let mut downloaded = match download {
        Some(node) => given(entry, node, version, ground)?,
        None if kind == Some(Kind::Library) => {
            let name = entry.name.clone();
            entry.found.refuse(&entry.at, Problem::NoDownload { name });
            return None;
        }
        None => {
            if let Some(node) = location {
                entry.found.refuse(&node.at, Problem::OtherServer { name: entry.name.clone() });
            }
            let release = ground.release(&entry.name, kind, version.map(|(text, _)| text), variant);
            let at = version.map_or_else(|| entry.at.clone(), |(_, at)| at.clone());
            let release = entry.found.keep(&at, release)?;
            if version.is_some_and(|(text, _)| text.ends_with("-dev")) {
                let text = format!("`{}` is a development snapshot: tomorrow's build may get other code", entry.name);
                entry.found.note(&at, text);
            }
            Downloaded { is_chosen: ground.releases.is_chosen, ..Downloaded::of(Origin::File { url: release }) }
        }
    };
    downloaded.checksums.extend(beside);
    Some(downloaded)
}

/// The `download` of an entry: keys, or an address alone.
fn given(entry: &mut Entry<'_>, node: &Node, version: Option<(&str, &Place)>, ground: &Ground) -> Option<Downloaded> {
    let get = |key: &str| node.get(key).and_then(Node::text).map(str::trim).filter(|text| !text.is_empty());
    let kind = get("type").map(str::to_ascii_lowercase);
    let url = node.text().map(str::trim).or_else(|| get("url"));
    let name = entry.name.clone();
    tell_of_others(&mut entry.found, node, &name);
    let ends = [".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar", ".tar.xz"];
    let is_archive = ends.iter().any(|end| path_of(url).ends_with(end));
    let origin = match kind.as_deref() {
        Some("get" | "file" | "local") => match url {
            Some(url) => file(url, ground),
            None => Err(Problem::NoAddress { name }),
        },
        Some("copy") => match url {
            Some(url) => here(url, ground).map(|path| Origin::LocalFolder { path }),
            None => Err(Problem::NoAddress { name }),
        },
        None if is_archive => Err(Problem::NoType { name }),
        None | Some("git") => git(node, url, ground, &name).inspect(|origin| {
            if let Origin::Git { at, .. } = origin
                && !is_commit(at)
                && get("tag").is_none()
            {
                let text = format!("`{name}` is what the branch `{at}` holds on the day of the build");
                entry.found.note(&node.at, text);
            }
        }),
        Some("pm") => match version {
            Some((version, _)) => ground.release(&name, None, Some(version), None).map(|url| Origin::File { url }),
            None => Err(Problem::NoVersion { name }),
        },
        Some(other) if OTHERS.contains(&other) => Err(Problem::OtherProgram { name, program: other.to_owned() }),
        Some(_) => Err(Problem::OtherDownload { name }),
    };
    let origin = entry.found.keep(&node.at, origin)?;
    let checksums = checksums_in(&mut entry.found, |key| node.get(key));
    if !checksums.is_empty() && matches!(origin, Origin::Git { .. } | Origin::LocalFolder { .. }) {
        entry.found.refuse(&node.at, Problem::NoFileToCheck { name: entry.name.clone() });
    }
    let subtree = get("subtree").and_then(|text| entry.found.keep(&node.at, address::inside(text, "subtree")));
    let filename = get("filename").and_then(|text| entry.found.keep(&node.at, file_name(text)));
    let is_chosen = kind.as_deref() == Some("pm") && ground.releases.is_chosen;
    Some(Downloaded { origin, checksums, subtree: subtree.filter(|path| !path.is_empty()), filename, is_chosen })
}

/// What of an address says what kind of file it gives.
fn path_of(url: Option<&str>) -> String {
    let url = url.unwrap_or_default();
    url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase()
}

fn file_name(text: &str) -> Result<String, Problem> {
    let name = address::inside(text, "filename")?;
    if name.is_empty() || name.contains('/') {
        return Err(Problem::BadPath { key: "filename", path: name });
    }
    Ok(name)
}

fn tell_of_others(found: &mut Found, node: &Node, name: &str) {
    const KNOWN: [&str; 15] = [
        "type",
        "url",
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "subtree",
        "filename",
        "tag",
        "branch",
        "revision",
        "refspec",
        "submodule",
        "full_version",
        "download_link",
    ];
    for (key, value) in node.keys() {
        match key {
            Key::Named(key) if KNOWN.contains(&key.as_str()) => (),
            Key::Named(key) if matches!(key.as_str(), "data" | "request_type" | "username" | "password") => {
                // A password is not repeated; neither is what else a form would send.
                found.refuse(&value.at, Problem::OtherRequest { name: name.to_owned(), key: key.clone() });
            }
            Key::Named(key) if matches!(key.as_str(), "working-copy" | "wc_url" | "depth") => {
                found.note(&value.at, format!("`{key}` of `{name}` is left out: a platform is no working copy"));
            }
            Key::Named(key) => {
                found.note(&value.at, format!("`{key}` of the download of `{name}` means nothing and is left out"));
            }
            Key::Next => found.refuse(&value.at, Problem::BadKey),
        }
    }
}

/// A file at an address, or on this machine.
pub(super) fn file(url: &str, ground: &Ground) -> Result<Origin, Problem> {
    match address::local(url) {
        Some(_) => here(url, ground).map(|path| Origin::LocalFile { path }),
        None => Address::read(url).map(|url| Origin::File { url }),
    }
}

/// A path on this machine, as seen from the make file. What was fetched may name none.
fn here(url: &str, ground: &Ground) -> Result<PathBuf, Problem> {
    let path = address::local(url).ok_or(Problem::NotHere)?;
    let folder = ground.folder.as_ref().ok_or(Problem::NestedLocal)?;
    Ok(folder.join(path))
}

fn git(node: &Node, url: Option<&str>, ground: &Ground, name: &str) -> Result<Origin, Problem> {
    let url = match url {
        Some(url) if address::local(url).is_some() => return Err(Problem::LocalGit),
        Some(url) => Address::read(url)?,
        None => ground.releases.git.below(&format!("{name}.git")),
    };
    let mut at = None;
    for key in ["refspec", "tag", "revision", "branch"] {
        let text = node.get(key).and_then(Node::text).map(str::trim).filter(|text| !text.is_empty());
        let Some(text) = text.filter(|_| at.is_none()) else { continue };
        if !is_ref(text) || (key == "refspec" && !text.starts_with("refs/")) {
            return Err(Problem::BadRef { name: name.to_owned() });
        }
        at = Some(match key {
            "tag" if !text.starts_with("refs/") => format!("refs/tags/{text}"),
            _ => text.to_owned(),
        });
    }
    let at = at.ok_or_else(|| Problem::NoRevision { name: name.to_owned() })?;
    Ok(Origin::Git { url, at, submodules: node.get("submodule").is_some() })
}

/// Whether git takes it for the name of a commit and for nothing else: no option, no range, no expression.
fn is_ref(text: &str) -> bool {
    text.len() <= 200
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !["..", "@{", "//", ".lock"].iter().any(|bad| text.contains(bad))
        && text.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"~^:?*[\\'\"".contains(c))
}
