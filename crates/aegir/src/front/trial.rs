//! What was seen when services were tried, for people.

use aegir_hosting::view::TriedView;

use super::table::one_line;

/// Its lines: each service, with its findings and the way out of those that are not well.
pub(crate) fn lines(tried: &TriedView) -> Vec<String> {
    let mut lines = Vec::new();
    for service in &tried.services {
        lines.push(format!("{} ({})", one_line(&service.kind), one_line(&service.service_type)));
        for finding in &service.findings {
            lines.push(format!("  {:<8} {}", finding.health.as_str(), one_line(&finding.text)));
            let remedy = finding.remedy.as_deref().map(one_line);
            lines.extend(remedy.map(|remedy| format!("           how to fix it: {remedy}")));
        }
    }
    lines.push(match tried.works {
        true => "Nothing was saved. That databases and users can be made there is proved by a verify.".to_owned(),
        false => "Nothing was saved.".to_owned(),
    });
    lines
}

#[cfg(test)]
mod tests {
    use aegir_domain::Finding;
    use aegir_hosting::view::TriedServiceView;

    use super::*;

    #[test]
    fn what_stands_in_the_way_is_told_with_the_way_out() {
        let findings = vec![Finding::ok("it is there"), Finding::problem("nobody\nanswers", "start it")];
        let service = TriedServiceView { kind: "db".into(), service_type: "mariadb".into(), findings };

        let lines = lines(&TriedView::of("web1", vec![service]));

        assert_eq!(lines[0], "db (mariadb)");
        assert!(lines[2].starts_with("  problem  nobody") && !lines[2].contains('\n'), "{lines:?}");
        assert_eq!(lines[3], "           how to fix it: start it");
        assert_eq!(lines[4], "Nothing was saved.");
    }
}
