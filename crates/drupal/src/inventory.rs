//! What a site has enabled, read straight from its database.
//!
//! A millisecond instead of a PHP process, and it also works for a site that does not boot. The
//! statements are data: whoever has the connection runs [`queries`] and hands back the rows.

use std::collections::BTreeMap;

use aegir_domain::{Instance, PackageCode, PackageKind, Password, Reach, Remedy};

use crate::Family;
use crate::php_value::{NoPhpValue, PhpValue};
use crate::platform::PlatformFacts;

/// A row: what each column holds, as text; `None` for NULL.
pub type Row = Vec<Option<Vec<u8>>>;

/// Drupal 7: packages, then variables. `system` is a reserved word of MySQL.
const SEVEN: [&str; 2] = [
    "SELECT name, type, status, schema_version, filename FROM `system` WHERE status = 1 OR schema_version > -1",
    "SELECT name, value FROM variable WHERE name IN ('site_name', 'site_mail', 'install_profile', 'theme_default', \
     'admin_theme', 'cron_key', 'install_time', 'maintenance_mode')",
];

/// Drupal 8 and later: configuration, then schema numbers, then state.
const EIGHT: [&str; 3] = [
    "SELECT name, data FROM config WHERE collection = '' AND name IN ('core.extension', 'system.site', 'system.theme')",
    "SELECT name, value FROM key_value WHERE collection = 'system.schema'",
    "SELECT name, value FROM key_value WHERE collection = 'state' AND name IN \
     ('system.cron_key', 'install_time', 'system.maintenance_mode')",
];

/// The statements whose rows [`read`] wants, in this order.
pub fn queries(family: Family) -> &'static [&'static str] {
    match family {
        Family::Seven => &SEVEN,
        Family::Eight => &EIGHT,
    }
}

/// What a site's database says of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The profile it was installed from.
    pub profile: Option<String>,
    /// Its title.
    pub site_name: Option<String>,
    /// Its own address for mail.
    pub site_mail: Option<String>,
    /// Its UUID (Drupal 8 and later).
    pub site_uuid: Option<String>,
    /// The theme that visitors see.
    pub default_theme: Option<String>,
    /// The theme of its administration, if another.
    pub admin_theme: Option<String>,
    /// What the address of its cron needs.
    pub cron_key: Option<Password>,
    /// When it was installed, in seconds since 1970.
    pub install_time: Option<i64>,
    /// Whether it shows its maintenance page.
    pub maintenance: bool,
    /// Its packages by kind and name: enabled ones, and disabled ones whose tables remain.
    pub packages: Vec<Instance>,
}

impl Inventory {
    /// The packages with what is known of the code that the site loads, and those that lie in the site's own
    /// folder without being enabled.
    pub fn with_code(&self, platform: &PlatformFacts, site: &str) -> Vec<Instance> {
        let mut loaded = platform.loaded(self.profile.as_deref().unwrap_or_default(), site);
        let known =
            self.packages.iter().map(|instance| match loaded.remove(&(instance.kind, instance.name.as_str())) {
                Some(code) => Instance { enabled: instance.enabled, schema: instance.schema, ..of_code(code) },
                None => instance.clone(),
            });
        let mut packages: Vec<Instance> = known.collect();
        let own = loaded.into_values().filter(|code| matches!(code.reach, Reach::Site(_)));
        packages.extend(own.map(of_code));
        packages.sort();
        packages
    }
}

/// A package that a site can load and has not enabled.
fn of_code(code: &PackageCode) -> Instance {
    Instance {
        kind: code.kind,
        name: code.name.clone(),
        enabled: false,
        schema: None,
        version: code.version.clone(),
        path: Some(code.path.clone()),
        reach: Some(code.reach.clone()),
    }
}

/// A package as the database knows it, where nothing was found of its code.
fn in_database(kind: PackageKind, name: String, enabled: bool, schema: Option<i64>) -> Instance {
    Instance { kind, name, enabled, schema, version: None, path: None, reach: None }
}

/// Reads the rows of [`queries`].
pub fn read(family: Family, rows: &[Vec<Row>]) -> Result<Inventory, InventoryFault> {
    let of = |query: usize| {
        rows.get(query).map(Vec::as_slice).ok_or(InventoryFault::Missing { what: "the rows of a query" })
    };
    let mut inventory = match family {
        Family::Seven => seven(of(0)?, of(1)?)?,
        Family::Eight => eight(of(0)?, of(1)?, of(2)?)?,
    };
    inventory.packages.sort();
    Ok(inventory)
}

fn seven(packages: &[Row], variables: &[Row]) -> Result<Inventory, InventoryFault> {
    let variables = php_values(variables)?;
    let text = |name: &str| variables.get(name).and_then(PhpValue::to_text).filter(|text| !text.is_empty());
    let mut inventory = Inventory {
        profile: text("install_profile"),
        site_name: text("site_name"),
        site_mail: text("site_mail"),
        site_uuid: None,
        default_theme: text("theme_default"),
        // 0: the same as the default theme.
        admin_theme: text("admin_theme").filter(|theme| theme != "0"),
        cron_key: text("cron_key").map(Password::new),
        install_time: variables.get("install_time").and_then(PhpValue::to_int),
        maintenance: variables.get("maintenance_mode").and_then(PhpValue::to_int).is_some_and(|on| on != 0),
        packages: Vec::new(),
    };
    for row in packages {
        let name = column(row, 0)?;
        let filename = column(row, 4)?;
        let kind = match column(row, 1)?.as_str() {
            // The profile is kept as a module.
            "module" if filename.ends_with(".profile") => PackageKind::Profile,
            "module" => PackageKind::Module,
            "theme" => PackageKind::Theme,
            "theme_engine" => PackageKind::ThemeEngine,
            // Other kinds are of contributed code that keeps its own rows there.
            _ => continue,
        };
        if kind == PackageKind::Profile && inventory.profile.is_none() {
            inventory.profile = Some(name.clone());
        }
        let schema = number(&column(row, 3)?, &name)?;
        let enabled = number(&column(row, 2)?, &name)? == 1;
        // -1: it never had a schema. A theme has none, whatever its row says.
        let has_schema = schema > -1 && matches!(kind, PackageKind::Module | PackageKind::Profile);
        inventory.packages.push(in_database(kind, name, enabled, has_schema.then_some(schema)));
    }
    Ok(inventory)
}

fn eight(config: &[Row], schemas: &[Row], state: &[Row]) -> Result<Inventory, InventoryFault> {
    let config = php_values(config)?;
    let state = php_values(state)?;
    let mut schemas: BTreeMap<String, i64> = php_values(schemas)?
        .into_iter()
        .map(|(name, value)| match value.to_int() {
            Some(number) => Ok((name, number)),
            None => Err(InventoryFault::NoNumber { of: name, text: value.to_string().chars().take(40).collect() }),
        })
        .collect::<Result<_, _>>()?;
    let extensions =
        config.get("core.extension").ok_or(InventoryFault::Missing { what: "the configuration `core.extension`" })?;
    let get = |name: &str, key: &str| config.get(name)?.get(key)?.to_text().filter(|text| !text.is_empty());
    let mut inventory = Inventory {
        profile: get("core.extension", "profile"),
        site_name: get("system.site", "name"),
        site_mail: get("system.site", "mail"),
        site_uuid: get("system.site", "uuid"),
        default_theme: get("system.theme", "default"),
        admin_theme: get("system.theme", "admin"),
        cron_key: state.get("system.cron_key").and_then(PhpValue::to_text).map(Password::new),
        install_time: state.get("install_time").and_then(PhpValue::to_int),
        maintenance: state.get("system.maintenance_mode").and_then(PhpValue::to_int).is_some_and(|on| on != 0),
        packages: Vec::new(),
    };
    for (list, of_list) in [("module", PackageKind::Module), ("theme", PackageKind::Theme)] {
        for (key, _) in extensions.get(list).and_then(PhpValue::entries).unwrap_or_default() {
            let Some(name) = key.to_text() else { return Err(InventoryFault::OddName { list }) };
            // The profile is listed among the modules.
            let is_profile = of_list == PackageKind::Module && inventory.profile.as_ref() == Some(&name);
            let kind = if is_profile { PackageKind::Profile } else { of_list };
            let schema = schemas.remove(&name);
            inventory.packages.push(in_database(kind, name, true, schema));
        }
    }
    // What has a schema and is not enabled was taken away without being uninstalled.
    let left = schemas.into_iter().map(|(name, schema)| in_database(PackageKind::Module, name, false, Some(schema)));
    inventory.packages.extend(left);
    Ok(inventory)
}

/// Rows of a name and a serialised value.
fn php_values(rows: &[Row]) -> Result<BTreeMap<String, PhpValue>, InventoryFault> {
    rows.iter()
        .map(|row| {
            let name = column(row, 0)?;
            let bytes = row.get(1).and_then(Option::as_deref).ok_or(InventoryFault::Missing { what: "a column" })?;
            match PhpValue::read(bytes) {
                Ok(value) => Ok((name, value)),
                Err(source) => Err(InventoryFault::NoValue { of: name, source }),
            }
        })
        .collect()
}

fn column(row: &Row, at: usize) -> Result<String, InventoryFault> {
    let bytes = row.get(at).and_then(Option::as_deref).ok_or(InventoryFault::Missing { what: "a column" })?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn number(text: &str, of: &str) -> Result<i64, InventoryFault> {
    text.parse().map_err(|_| InventoryFault::NoNumber { of: of.to_owned(), text: text.chars().take(40).collect() })
}

/// Why a database does not say what a site has.
#[derive(Debug, thiserror::Error)]
pub enum InventoryFault {
    /// Something that every site has is not there.
    #[error("the site's database lacks {what}")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// A value is not what PHP writes.
    #[error("the site's database holds no value of PHP under `{of}`")]
    NoValue {
        /// Where.
        of: String,
        /// Why not.
        #[source]
        source: NoPhpValue,
    },
    /// A number is none.
    #[error("the site's database holds `{text}` for `{of}` where a number belongs")]
    NoNumber {
        /// Where.
        of: String,
        /// What is there.
        text: String,
    },
    /// A name is a number.
    #[error("the site's list of enabled packages (`{list}`) holds a name that is none")]
    OddName {
        /// In which list.
        list: &'static str,
    },
}

impl Remedy for InventoryFault {
    fn remedy(&self) -> Option<String> {
        match self {
            InventoryFault::Missing { .. } => Some(
                "see whether the site's installation ever came to its end; if not, delete it and install it again"
                    .into(),
            ),
            _ => Some("restore the site's database from a backup, or correct that row".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[&str]) -> Row {
        columns.iter().map(|text| Some(text.as_bytes().to_vec())).collect()
    }

    fn instance(kind: PackageKind, name: &str, enabled: bool, schema: Option<i64>) -> Instance {
        in_database(kind, name.into(), enabled, schema)
    }

    #[test]
    fn drupal_7_keeps_everything_in_one_table() {
        let packages = vec![
            row(&["node", "module", "1", "7015", "modules/node/node.module"]),
            row(&["standard", "module", "1", "0", "profiles/standard/standard.profile"]),
            row(&["old", "module", "0", "7003", "sites/all/modules/old/old.module"]),
            row(&["bartik", "theme", "1", "-1", "themes/bartik/bartik.info"]),
            row(&["phptemplate", "theme_engine", "1", "-1", "x"]),
        ];
        let variables = vec![
            row(&["site_name", "s:2:\"é\";"]),
            row(&["maintenance_mode", "i:1;"]),
            row(&["admin_theme", "s:1:\"0\";"]),
        ];

        let inventory = read(Family::Seven, &[packages, variables]).unwrap();

        assert_eq!(inventory.profile.as_deref(), Some("standard"));
        assert_eq!(inventory.site_name.as_deref(), Some("é"));
        assert_eq!(inventory.admin_theme, None);
        assert!(inventory.maintenance);
        assert_eq!(
            inventory.packages,
            [
                instance(PackageKind::Module, "node", true, Some(7015)),
                instance(PackageKind::Module, "old", false, Some(7003)),
                instance(PackageKind::Theme, "bartik", true, None),
                instance(PackageKind::Profile, "standard", true, Some(0)),
                instance(PackageKind::ThemeEngine, "phptemplate", true, None),
            ]
        );
    }

    #[test]
    fn drupal_8_keeps_names_and_numbers_apart() {
        let config = vec![row(&[
            "core.extension",
            "a:3:{s:6:\"module\";a:2:{s:4:\"node\";i:0;s:7:\"minimal\";i:1000;}s:5:\"theme\";a:1:{s:5:\"stark\";i:0;}s:7:\"profile\";s:7:\"minimal\";}",
        ])];
        let schemas = vec![row(&["node", "i:8700;"]), row(&["gone", "s:4:\"8001\";"])];

        let inventory = read(Family::Eight, &[config, schemas, Vec::new()]).unwrap();

        assert_eq!(
            inventory.packages,
            [
                instance(PackageKind::Module, "gone", false, Some(8001)),
                instance(PackageKind::Module, "node", true, Some(8700)),
                instance(PackageKind::Theme, "stark", true, None),
                instance(PackageKind::Profile, "minimal", true, None),
            ]
        );
    }

    #[test]
    fn what_lies_in_a_sites_own_folder_is_told_and_what_it_loads_has_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("includes/bootstrap.inc", "<?php\ndefine('VERSION', '7.98');\ndefine('DRUPAL_MINIMUM_PHP', '5.3.3');\n");
        let module = |folder: &str, name: &str, version: &str| {
            write(&format!("{folder}/{name}/{name}.info"), &format!("name = N\ncore = 7.x\nversion = {version}\n"));
            write(&format!("{folder}/{name}/{name}.module"), "<?php");
        };
        module("modules", "node", "VERSION");
        module("sites/all/modules", "views", "7.x-3.1");
        for site in ["a.test", "b.test"] {
            write(&format!("sites/{site}/settings.php"), "<?php");
            module(&format!("sites/{site}/modules"), "views", "7.x-3.2");
            module(&format!("sites/{site}/modules"), "own", "7.x-1.0");
        }
        let platform = crate::platform::read(dir.path()).unwrap();
        let packages = [
            instance(PackageKind::Module, "gone", true, Some(1)),
            instance(PackageKind::Module, "node", true, Some(7015)),
            instance(PackageKind::Module, "views", true, None),
        ];
        let inventory = Inventory { packages: packages.to_vec(), ..Inventory::default() };

        let told = inventory.with_code(&platform, "a.test");

        let told: Vec<_> = told
            .iter()
            .map(|one| (one.name.as_str(), one.enabled, one.path.as_deref(), one.version.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("gone", true, None, None),
                ("node", true, Some("modules/node"), Some("7.98")),
                ("own", false, Some("sites/a.test/modules/own"), Some("7.x-1.0")),
                ("views", true, Some("sites/a.test/modules/views"), Some("7.x-3.2")),
            ]
        );
    }

    #[test]
    fn odd_data_is_a_fault() {
        let bad_rows =
            [row(&[]), vec![None; 5], row(&["a", "module", "x", "1", "f"]), row(&["a", "module", "1", "", "f"])];
        for bad in bad_rows {
            assert!(read(Family::Seven, &[vec![bad], Vec::new()]).is_err());
        }
        for bad in ["", "N;", "a:0:{", "i:1;x", "\u{0}"] {
            let config = vec![row(&["core.extension", bad])];
            let _ = read(Family::Eight, &[config.clone(), Vec::new(), Vec::new()]);
            assert!(read(Family::Eight, &[Vec::new(), vec![row(&["node", bad])], Vec::new()]).is_err());
        }
        assert!(read(Family::Eight, &[]).is_err());
    }
}
