//! What `nginx -t` and `php-fpm -t` would say of a configuration: enough to refuse a broken one.

use std::fs;
use std::path::{Path, PathBuf};

/// The word that makes any file of a configuration one that is refused.
pub(crate) const BROKEN: &str = "BROKEN";

/// Tests the nginx configuration whose main file is `main`; the complaint is in nginx's words.
pub(super) fn test_nginx(main: &Path) -> Result<(), String> {
    test_file(main, &mut Vec::new())
}

fn test_file(path: &Path, open: &mut Vec<PathBuf>) -> Result<(), String> {
    let shown = path.display();
    let Ok(text) = fs::read_to_string(path) else {
        return Err(format!("nginx: [emerg] open() \"{shown}\" failed (2: No such file or directory)"));
    };
    assert!(!open.iter().any(|other| other == path), "a configuration of the lab does not include itself: {shown}");
    open.push(path.to_owned());
    let mut depth = 0i32;
    for (number, line) in (1..).zip(text.lines()) {
        let code = unquoted(line);
        if code.contains(BROKEN) {
            return Err(format!("nginx: [emerg] unknown directive \"{BROKEN}\" in {shown}:{number}"));
        }
        depth += code.matches('{').count() as i32 - code.matches('}').count() as i32;
        if depth < 0 {
            return Err(format!("nginx: [emerg] unexpected \"}}\" in {shown}:{number}"));
        }
        if let Some(pattern) = line.trim().strip_prefix("include ") {
            let pattern = pattern.trim_end_matches(';').trim_matches('"');
            for included in globbed(Path::new(pattern)) {
                test_file(&included, open).map_err(|said| match said.contains(" in /") {
                    true => said,
                    false => format!("{said} in {shown}:{number}"),
                })?;
            }
        }
    }
    open.pop();
    match depth {
        0 => Ok(()),
        _ => {
            let lines = text.lines().count();
            Err(format!("nginx: [emerg] unexpected end of file, expecting \"}}\" in {shown}:{lines}"))
        }
    }
}

/// Tests the php-fpm configuration whose main file is `main`.
pub(super) fn test_fpm(main: &Path) -> Result<(), String> {
    let text = fs::read_to_string(main).map_err(|_| format!("ERROR: failed to open {}", main.display()))?;
    let pattern = text.lines().find_map(|line| line.trim().strip_prefix("include"));
    let pattern = pattern.map(|rest| rest.trim_start_matches([' ', '=']).trim_matches('"').to_owned());
    let pools = pattern.map(|pattern| globbed(Path::new(&pattern))).unwrap_or_default();
    if pools.is_empty() {
        return Err("ERROR: No pool defined. at least one pool section must be specified in config file".into());
    }
    for pool in pools {
        let text = fs::read_to_string(&pool).unwrap_or_default();
        if let Some((number, _)) = (1..).zip(text.lines()).find(|(_, line)| line.contains(BROKEN)) {
            return Err(format!("ERROR: [{}:{number}] unknown entry '{BROKEN}'", pool.display()));
        }
    }
    Ok(())
}

/// A line without its comment and without what stands between quotes.
fn unquoted(line: &str) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in line.chars() {
        match quote {
            _ if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => (),
            None if c == '#' => break,
            None if c == '"' || c == '\'' => quote = Some(c),
            None => text.push(c),
        }
    }
    text
}

/// The files of `pattern`, in which the last part may be `*.conf`.
fn globbed(pattern: &Path) -> Vec<PathBuf> {
    let Some(suffix) = pattern.file_name().and_then(|name| name.to_str()?.strip_prefix('*')) else {
        return vec![pattern.to_owned()];
    };
    let folder = pattern.parent().unwrap_or(pattern);
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(suffix))
        .collect();
    found.sort();
    found
}
