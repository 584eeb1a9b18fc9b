//! What a former self of a site lacks, for people.

use aegir_hosting::view::WritesView;

use super::table::one_line;
use super::when;

/// Its lines.
pub(crate) fn lines(writes: &WritesView) -> Vec<String> {
    let since = when::exact(writes.since);
    let mut lines = vec![one_line(&format!(
        "{} was {} (Drupal {}) on the platform {} until {since}",
        writes.site, writes.former, writes.core, writes.platform
    ))];
    if let Some(archive) = &writes.archive {
        lines.push(one_line(&format!("It was packed: going back restores {archive} first, while the site goes on.")));
    }
    if writes.counts.is_empty() {
        lines.push("Of content, comments, accounts and files its tables tell of none that is newer.".into());
    } else {
        lines.push("Written since, and not in what it was:".into());
        lines.extend(writes.counts.iter().map(|one| format!("{:>8} {}", one.count, one_line(&one.what))));
    }
    lines.push("Other changes cannot be told. Nothing was changed by asking.".into());
    lines
}

#[cfg(test)]
mod tests {
    use aegir_hosting::view::WriteCountView;

    use super::*;

    #[test]
    fn what_was_written_is_counted_and_what_cannot_be_told_is_said() {
        let mut writes = WritesView {
            site: "a.test".into(),
            former: "a.test-20260101.000000-0123456789ab".into(),
            platform: "old".into(),
            core: "10.1.6".into(),
            since: 1_767_225_600_000,
            archive: None,
            counts: vec![WriteCountView { what: "comments".into(), count: 12 }],
        };

        let told = lines(&writes);
        assert_eq!(told[2..], ["      12 comments", "Other changes cannot be told. Nothing was changed by asking."]);

        writes.counts.clear();
        assert!(lines(&writes)[1].contains("none that is newer"));

        writes.archive = Some("a.test-20260101.000000.tar.zst".into());
        assert!(lines(&writes)[1].contains("restores a.test-20260101.000000.tar.zst first"));
    }
}
