//! What makes the copy of a site a site of its own, and what takes people's addresses and passwords out of it: as
//! statements on its database, without its code (facts, sections 6 and 9).
//!
//! What it is derived from, its salt, is not in the database: whoever makes the copy gives it another.

use crate::PhpValue;

/// Texts that nobody can guess, for what a site keeps to itself.
#[derive(Clone)]
pub struct Fresh {
    /// The site's UUID.
    pub uuid: String,
    /// By which cron is called over the web.
    pub cron_key: String,
    /// From which tokens are derived.
    pub private_key: String,
}

impl Fresh {
    /// From random bytes and texts.
    pub fn new(random: [u8; 16], cron_key: &str, private_key: &str) -> Fresh {
        Fresh { uuid: uuid(random), cron_key: cron_key.to_owned(), private_key: private_key.to_owned() }
    }
}

/// A UUID of random bytes, version 4.
fn uuid(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A row that holds a serialised value: its table, its column, and what it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table.
    pub table: &'static str,
    /// The column with the value.
    pub column: &'static str,
    /// Columns and values that it is known by.
    pub keys: Vec<(&'static str, &'static str)>,
}

/// Rows that make a site itself, where it has them, and what their value is to be: `None` where that is made from
/// the one they have, by [`with_uuid`].
pub fn rows(fresh: &Fresh) -> Vec<(Row, Option<PhpValue>)> {
    let variable = |name| Row { table: "variable", column: "value", keys: vec![("name", name)] };
    let state = |name| Row { table: "key_value", column: "value", keys: vec![("collection", "state"), ("name", name)] };
    let config = |name| Row { table: "config", column: "data", keys: vec![("collection", ""), ("name", name)] };
    let text = |text: &str| Some(PhpValue::from(text));
    vec![
        (variable("cron_key"), text(&fresh.cron_key)),
        (variable("drupal_private_key"), text(&fresh.private_key)),
        (state("system.cron_key"), text(&fresh.cron_key)),
        (state("system.private_key"), text(&fresh.private_key)),
        (config("system.site"), None),
    ]
}

/// A site's own configuration with another UUID; nothing if it has none.
pub fn with_uuid(value: &[u8], fresh: &Fresh) -> Option<PhpValue> {
    let Ok(PhpValue::Array(mut entries)) = PhpValue::read(value) else { return None };
    let uuid = entries.iter_mut().find(|(key, _)| key.as_bytes() == Some(b"uuid"))?;
    uuid.1 = PhpValue::from(fresh.uuid.as_str());
    Some(PhpValue::Array(entries))
}

/// What ends the maintenance mode of Drupal, in whichever of these tables it has: the table and the statement.
pub const END_MAINTENANCE: [(&str, &str); 2] = [
    ("variable", "DELETE FROM variable WHERE name = 'maintenance_mode'"),
    ("key_value", "DELETE FROM key_value WHERE collection = 'state' AND name = 'system.maintenance_mode'"),
];

/// Tables of what belongs to visits of the site that was copied: who is signed in, and what is under way.
pub const OF_VISITS: [&str; 4] = ["sessions", "semaphore", "flood", "batch"];

/// A column in which people's addresses or passwords lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personal {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What it becomes, in the words of SQL.
    pub becomes: &'static str,
}

/// What a sanitised copy has in the place of addresses and passwords, where it has such columns. No such address
/// leads anywhere, and no password is right.
pub const PERSONAL: [Personal; 10] = [
    Personal { table: "users", column: "mail", becomes: "CONCAT('user', uid, '@example.invalid')" },
    Personal { table: "users", column: "init", becomes: "CONCAT('user', uid, '@example.invalid')" },
    Personal { table: "users", column: "pass", becomes: "'!'" },
    Personal { table: "users_field_data", column: "mail", becomes: "CONCAT('user', uid, '@example.invalid')" },
    Personal { table: "users_field_data", column: "init", becomes: "CONCAT('user', uid, '@example.invalid')" },
    Personal { table: "users_field_data", column: "pass", becomes: "'!'" },
    Personal { table: "comment", column: "mail", becomes: "CONCAT('comment', cid, '@example.invalid')" },
    Personal { table: "comment", column: "hostname", becomes: "'127.0.0.1'" },
    Personal { table: "comment_field_data", column: "mail", becomes: "CONCAT('comment', cid, '@example.invalid')" },
    Personal { table: "comment_field_data", column: "hostname", becomes: "'127.0.0.1'" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_one_of_version_4() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn only_the_uuid_of_a_site_is_changed() {
        let fresh = Fresh::new([0; 16], "c", "p");
        let was = PhpValue::Array(vec![("uuid".into(), "old".into()), ("name".into(), "A site".into())]);
        let is = with_uuid(&was.write(), &fresh).unwrap();
        assert_eq!(is.get("uuid").unwrap().to_text().unwrap(), fresh.uuid);
        assert_eq!(is.get("name"), was.get("name"));
        assert_eq!(with_uuid(b"s:1:\"a\";", &fresh), None);
    }
}
