//! Where else this machine names a site: what ran it until now goes on until somebody takes it away.
//!
//! Read as far as Ægir may; crontabs of other users and keys of certificates it may not, and need not.

use std::path::{Path, PathBuf};

use aegir_domain::{HostName, Mention, SiteName};
use aegir_host::{Files, Kind};

/// Where it is looked for, and how deep.
const PLACES: [(&str, u32); 8] = [
    ("/etc/crontab", 0),
    ("/etc/cron.d", 1),
    ("/etc/cron.daily", 1),
    ("/etc/cron.hourly", 1),
    ("/etc/systemd/system", 2),
    ("/etc/nginx", 3),
    ("/etc/apache2", 3),
    ("/etc/letsencrypt/renewal", 1),
];

/// Longer files are no configuration that somebody wrote.
const LONGEST: u64 = 1 << 20;
/// More are not told.
const MOST: usize = 50;

/// The lines that name the site or one of its aliases.
pub(super) fn of(files: &Files, site: &SiteName, aliases: &[HostName]) -> Vec<Mention> {
    let names: Vec<&str> = std::iter::once(site.as_str()).chain(aliases.iter().map(HostName::as_str)).collect();
    let mut found = Vec::new();
    for (place, depth) in PLACES {
        below(files, Path::new(place), depth, &names, &mut found);
    }
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

fn below(files: &Files, path: &Path, depth: u32, names: &[&str], found: &mut Vec<Mention>) {
    // What is enabled is a link to what is there, which is looked at by itself.
    match files.kind(path) {
        Ok(Some(Kind::Dir)) if depth > 0 => {
            for name in files.list(path).unwrap_or_default() {
                below(files, &path.join(name), depth - 1, names, found);
            }
        }
        Ok(Some(Kind::File)) => {
            if path.file_name().is_some_and(|name| is_named(&name.to_string_lossy(), names)) {
                found.push(Mention { path: path.to_owned(), line: 0 });
            }
            let short = files.stat(path).ok().flatten().is_some_and(|stat| stat.size <= LONGEST);
            if let (true, Ok(Some(bytes))) = (short, files.read(path)) {
                found.extend(lines(path, &String::from_utf8_lossy(&bytes), names));
            }
        }
        _ => (),
    }
}

fn lines(path: &Path, text: &str, names: &[&str]) -> Vec<Mention> {
    let lines = (1..).zip(text.lines());
    let named = lines.filter(|(_, line)| !line.trim_start().starts_with('#') && is_named(line, names));
    named.map(|(line, _)| Mention { path: PathBuf::from(path), line }).collect()
}

/// Whether one of the names stands in a text, not as a part of another.
fn is_named(text: &str, names: &[&str]) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    names.iter().any(|name| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = &text[at + name.len()..];
            // What ends a name can be the end of a file's name, or of a sentence.
            let goes_on = after.strip_prefix('.').map_or_else(
                || after.chars().next().is_some_and(part),
                |rest| rest.chars().next().is_some_and(part) && !rest.starts_with("conf") && !rest.starts_with("vhost"),
            );
            !before.is_some_and(part) && !goes_on
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_part_of_another_one() {
        let names = ["a.test"];
        for line in ["server_name a.test;", "wget -q http://a.test/cron.php", "a.test.conf", "see a.test."] {
            assert!(is_named(line, &names), "{line}");
        }
        for line in ["www.a.test", "a.tester", "a.test.example.org", "data.test", "a-test"] {
            assert!(!is_named(line, &names), "{line}");
        }
    }

    #[test]
    fn lines_that_say_nothing_are_passed_over() {
        let found =
            lines(Path::new("/etc/crontab"), "# a.test\n\n5 * * * * root wget http://a.test/cron.php\n", &["a.test"]);
        assert_eq!(found, [Mention { path: "/etc/crontab".into(), line: 3 }]);
    }
}
