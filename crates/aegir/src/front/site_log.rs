//! What a log has of a site, for people: its lines, and nothing else where there are any.

use aegir_domain::LogTail;

use super::table::one_line;

/// Its lines. A site's visitors wrote what stands there, and its own code did.
pub(crate) fn lines(tail: &LogTail) -> Vec<String> {
    if tail.lines.is_empty() {
        return vec![one_line(&format!("Nothing of {} is in {}.", tail.site, tail.path.display()))];
    }
    let mut lines: Vec<String> = tail.lines.iter().map(|line| one_line(line)).collect();
    if tail.shortened {
        lines.push("(Shortened: it is very long.)".into());
    }
    lines
}
