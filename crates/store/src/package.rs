//! Packages, their releases, and where they are installed.

use std::collections::BTreeMap;

use aegir_domain::{InstanceScope, NodeId, NodeKind, PackageKind};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::node::NewNode;
use crate::page::{Direction, Order, Page, Parts, holding};

/// A package as a platform or a site has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedInstance {
    /// Its kind.
    pub kind: PackageKind,
    /// Its machine name.
    pub name: String,
    /// The version that its code says.
    pub version: Option<String>,
    /// For whom its code lies where it lies.
    pub scope: InstanceScope,
    /// Whether it is enabled; of a platform: whether sites can enable it.
    pub enabled: bool,
    /// Whether it is the one that Drupal loads, where several lie in its way.
    pub loaded: bool,
    /// The number of the last schema update that ran.
    pub schema: Option<i64>,
    /// Where its code lies, below the platform.
    pub path: Option<String>,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRecord {
    /// Its number.
    pub id: NodeId,
    /// Its kind.
    pub kind: PackageKind,
    /// Its machine name.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// A release of a package, and on how many objects it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRecord {
    /// Its version; empty: its code says none.
    pub version: String,
    /// On how many platforms and sites.
    pub instances: u64,
    /// On how many of them it is enabled.
    pub enabled: u64,
}

/// Packages, filtered; by name.
#[derive(Clone, Debug, Default)]
pub struct PackageList {
    /// Of this kind.
    pub kind: Option<PackageKind>,
    /// Whose name begins so.
    pub begins: Option<String>,
    /// Whose name holds this.
    pub holds: Option<String>,
    /// Which part.
    pub page: Page,
}

/// Where a package lies, the places in the order of their making.
#[derive(Clone, Debug)]
pub struct PlaceList {
    /// Which package.
    pub package: NodeId,
    /// Which part.
    pub page: Page,
}

/// What one platform or site has, by the names of packages.
#[derive(Clone, Debug)]
pub struct InstalledList {
    /// Whose.
    pub node: NodeId,
    /// Of this kind.
    pub kind: Option<PackageKind>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
    /// Whose name or title holds this.
    pub holds: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// Which part.
    pub page: Page,
}

/// A package that a platform or a site has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPackage {
    /// What people call it.
    pub title: String,
    /// How it lies there.
    pub instance: RecordedInstance,
}

statements! {
    FIND_PACKAGE = "SELECT id FROM package WHERE kind = $1 AND name = $2";
    PACKAGE_AT =
        "SELECT package.id, package.kind, package.name, node.title
           FROM package JOIN node ON node.id = package.id
          WHERE package.id = $1";
    ADD_PACKAGE = "INSERT INTO package (id, kind, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    DROP_NODE = "DELETE FROM node WHERE id = $1";
    FIND_RELEASE = "SELECT id FROM release WHERE package = $1 AND version = $2";
    ADD_RELEASE = "INSERT INTO release (package, version) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    INSTANCES =
        "SELECT instance.id, package.kind, package.name, release.version, instance.scope, instance.enabled,
                instance.loaded, instance.schema, instance.path
           FROM instance
           JOIN package ON package.id = instance.package
           JOIN release ON release.id = instance.release
          WHERE instance.node = $1
          ORDER BY package.kind, package.name, instance.id";
    ADD_INSTANCE =
        "INSERT INTO instance (node, package, release, scope, enabled, loaded, schema, path)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DROP_INSTANCE = "DELETE FROM instance WHERE id = $1";
    RELEASES =
        "SELECT release.version, COUNT(instance.id) AS instances,
                COUNT(CASE WHEN instance.enabled THEN 1 END) AS enabled
           FROM release
           LEFT JOIN instance ON instance.release = release.id
          WHERE release.package = $1
          GROUP BY release.id, release.version
          ORDER BY release.version";
}

impl Read {
    /// What is known to lie on a platform or a site.
    pub async fn instances(&mut self, node: NodeId) -> Result<Vec<RecordedInstance>, StoreFault> {
        self.rows(&INSTANCES, values![node]).await?.iter().map(RecordedInstance::of).collect()
    }

    /// The releases of a package that were ever seen.
    pub async fn releases(&mut self, package: NodeId) -> Result<Vec<ReleaseRecord>, StoreFault> {
        let rows = self.rows(&RELEASES, values![package]).await?;
        let release = |row: &Row| {
            Ok(ReleaseRecord {
                version: row.get("version")?,
                instances: row.count("instances")?,
                enabled: row.count("enabled")?,
            })
        };
        rows.iter().map(release).collect()
    }

    /// On how many sites each of these packages is enabled; those that are on none are left out.
    pub async fn enabled_on(&mut self, packages: &[NodeId]) -> Result<BTreeMap<NodeId, u64>, StoreFault> {
        let begin = "SELECT instance.package, COUNT(DISTINCT instance.node) AS sites
               FROM instance JOIN site ON site.id = instance.node
              WHERE instance.enabled AND instance.package IN ";
        let of = |row: &Row| Ok((row.get("package")?, row.count("sites")?));
        self.of_all("enabled on", begin, packages, " GROUP BY instance.package", of).await
    }

    /// The names of the profiles that lie on each of these nodes.
    pub async fn profiles_on(&mut self, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, Vec<String>>, StoreFault> {
        let begin = "SELECT instance.node, package.name
               FROM package JOIN instance ON instance.package = package.id
              WHERE package.kind = 'profile' AND instance.node IN ";
        let of = |row: &Row| Ok((row.get("node")?, row.get("name")?));
        self.each_of("profiles on", begin, nodes, " ORDER BY package.name, instance.id", of).await
    }

    /// The package with this number.
    pub async fn package_at(&mut self, id: NodeId) -> Result<Option<PackageRecord>, StoreFault> {
        self.row(&PACKAGE_AT, values![id]).await?.as_ref().map(PackageList::item).transpose()
    }

    /// The number of a package.
    pub async fn package(&mut self, kind: PackageKind, name: &str) -> Result<Option<NodeId>, StoreFault> {
        self.row(&FIND_PACKAGE, values![kind, name]).await?.map(|row| row.get("id")).transpose()
    }
}

impl Tx {
    /// Replaces what is known to lie on a platform or a site. What is as it was is not written again: a verify that
    /// finds nothing new costs nothing.
    pub async fn record_packages(
        &mut self,
        node: NodeId,
        instances: &[RecordedInstance],
        now: i64,
    ) -> Result<(), StoreFault> {
        // Locked, so that two who record the same object do not both add.
        self.lock_node(node).await?;
        let mut before: BTreeMap<RecordedInstance, Vec<i64>> = BTreeMap::new();
        for row in self.rows(&INSTANCES, values![node]).await? {
            before.entry(RecordedInstance::of(&row)?).or_default().push(row.get("id")?);
        }
        let mut new = Vec::new();
        for instance in instances {
            if before.get_mut(instance).and_then(Vec::pop).is_none() {
                new.push(instance);
            }
        }
        let gone: Vec<i64> = before.into_values().flatten().collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        for id in gone {
            self.execute(&DROP_INSTANCE, values![id]).await?;
        }
        // In order of name: two transactions that add the same packages wait for each other the same way round.
        new.sort();
        for instance in new {
            let package = self.package_of(instance.kind, &instance.name, now).await?;
            let release = self.release_of(package, instance.version.as_deref().unwrap_or_default()).await?;
            let RecordedInstance { scope, enabled, loaded, schema, path, .. } = instance;
            let values = values![node, package, release, *scope, *enabled, *loaded, *schema, path.clone()];
            self.execute(&ADD_INSTANCE, values).await?;
        }
        self.touch(node, "packages", now).await
    }

    async fn package_of(&mut self, kind: PackageKind, name: &str, now: i64) -> Result<NodeId, StoreFault> {
        if let Some(id) = self.package(kind, name).await? {
            return Ok(id);
        }
        let new = NewNode { kind: NodeKind::Package, name: None, title: name, status: None, owner: None, now };
        let id = self.add_node(new).await?;
        if self.execute(&ADD_PACKAGE, values![id, kind, name]).await? == 1 {
            return Ok(id);
        }
        // Another control node was faster; its number is the one.
        self.execute(&DROP_NODE, values![id]).await?;
        let faster = self.package(kind, name).await?;
        faster.ok_or_else(|| StoreFault::Absent { what: format!("package `{name}`") })
    }

    async fn release_of(&mut self, package: NodeId, version: &str) -> Result<i64, StoreFault> {
        for _ in 0..2 {
            if let Some(row) = self.row(&FIND_RELEASE, values![package, version]).await? {
                return row.get("id");
            }
            self.execute(&ADD_RELEASE, values![package, version]).await?;
        }
        Err(StoreFault::Absent { what: format!("release `{version}`") })
    }
}

impl RecordedInstance {
    fn of(row: &Row) -> Result<RecordedInstance, StoreFault> {
        let version: String = row.get("version")?;
        Ok(RecordedInstance {
            kind: row.parse("kind")?,
            name: row.get("name")?,
            version: Some(version).filter(|version| !version.is_empty()),
            scope: row.parse("scope")?,
            enabled: row.get("enabled")?,
            loaded: row.get("loaded")?,
            schema: row.maybe("schema")?,
            path: row.maybe("path")?,
        })
    }
}

impl Parts for PackageList {
    type Item = PackageRecord;
    const LIST: &'static str = "packages";
    const COLUMNS: &'static str = "package.id, package.kind, package.name, node.title";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM package JOIN node ON node.id = package.id WHERE TRUE");
        if let Some(kind) = self.kind {
            query.push(" AND package.kind = ").bind(kind);
        }
        if let Some(begins) = &self.begins {
            query.push(" AND package.name >= ").bind(begins);
            query.push(" AND package.name < ").bind(format!("{begins}\u{10ffff}"));
        }
        if let Some(holds) = &self.holds {
            holding(holds, &["package.name"], query);
        }
    }

    fn order(&self) -> Order {
        Order { name: "name", key: Some("package.name"), id: "package.id", direction: Direction::Up }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<PackageRecord, StoreFault> {
        Ok(PackageRecord {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            name: row.get("name")?,
            title: row.get("title")?,
        })
    }
}

impl Parts for PlaceList {
    type Item = (NodeId, RecordedInstance);
    const LIST: &'static str = "places";
    const COLUMNS: &'static str = "instance.id, instance.node, package.kind, package.name, release.version,
        instance.scope, instance.enabled, instance.loaded, instance.schema, instance.path";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(
            " FROM instance
              JOIN package ON package.id = instance.package
              JOIN release ON release.id = instance.release
             WHERE instance.package = ",
        );
        query.bind(self.package);
    }

    fn order(&self) -> Order {
        Order { name: "node", key: Some("instance.node"), id: "instance.id", direction: Direction::Up }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<(NodeId, RecordedInstance), StoreFault> {
        Ok((row.get("node")?, RecordedInstance::of(row)?))
    }
}

impl Parts for InstalledList {
    type Item = InstalledPackage;
    const LIST: &'static str = "installed";
    const COLUMNS: &'static str = "instance.id, node.title, package.kind, package.name, release.version,
        instance.scope, instance.enabled, instance.loaded, instance.schema, instance.path";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(
            " FROM instance
              JOIN package ON package.id = instance.package
              JOIN node ON node.id = package.id
              JOIN release ON release.id = instance.release
             WHERE instance.node = ",
        );
        query.bind(self.node);
        if let Some(kind) = self.kind {
            query.push(" AND package.kind = ").bind(kind);
        }
        if let Some(enabled) = self.enabled {
            query.push(" AND instance.enabled = ").bind(enabled);
        }
        if let Some(holds) = &self.holds {
            holding(holds, &["package.name", "node.title"], query);
        }
    }

    fn order(&self) -> Order {
        Order { name: "name", key: Some("package.name"), id: "instance.id", direction: self.direction }
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<InstalledPackage, StoreFault> {
        Ok(InstalledPackage { title: row.get("title")?, instance: RecordedInstance::of(row)? })
    }
}
