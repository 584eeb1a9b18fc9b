//! The keys of a machine behind ssh, for people: what to compare, and the line that lets us in over there.

use aegir_domain::{FaultReport, Report};
use aegir_hosting::view::{HostKeyView, KeyView};

use super::table::one_line;
use crate::speak::plain;

/// Its lines. The key itself and the line for the other side stand alone, to be copied.
pub(crate) fn lines(keys: &HostKeyView) -> Vec<String> {
    let print = |key: &Option<KeyView>, none: &str| match key {
        Some(key) => format!("{} ({})", key.fingerprint, key.key.split(' ').next().unwrap_or_default()),
        None => none.to_owned(),
    };
    let mut lines = vec![
        format!("server       {}", keys.server),
        format!("reached as   {}", keys.address),
        format!("it shows     {}", print(&keys.shown, "no key now")),
        format!("trusted is   {}", print(&keys.trusted, "no key yet: nothing is asked there")),
        format!("answers      {}", if keys.answers { "yes" } else { "no" }),
    ];
    if let Some(fault) = keys.fault.clone().and_then(|fault| serde_json::from_value::<FaultReport>(fault).ok()) {
        lines.push(String::new());
        lines.extend(plain(&Report(&fault).to_string()).lines().map(str::to_owned));
    }
    if let Some(advice) = &keys.advice {
        lines.extend([String::new(), format!("What to do: {advice}.")]);
    }
    lines.push(String::new());
    lines.push("The front end is let in by this line in `~/.ssh/authorized_keys` of that user over there:".into());
    lines.push(keys.authorized_keys.clone());
    lines.iter().map(|line| one_line(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_compared_and_what_is_to_be_copied_stand_alone() {
        let key = KeyView { fingerprint: "SHA256:abc".into(), key: "ssh-ed25519 AAAA".into() };
        let keys = HostKeyView {
            server: "web2".into(),
            address: "aegir@web2.example.org:22".into(),
            trusted: None,
            shown: Some(key),
            answers: false,
            fault: None,
            public_key: "ssh-ed25519 AAAAB aegir".into(),
            authorized_keys: "restrict ssh-ed25519 AAAAB aegir".into(),
            advice: Some("compare them".into()),
        };

        let lines = lines(&keys);

        assert!(lines.contains(&"it shows     SHA256:abc (ssh-ed25519)".to_owned()), "{lines:?}");
        assert!(lines.contains(&"restrict ssh-ed25519 AAAAB aegir".to_owned()), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("no key yet")), "{lines:?}");
    }
}
