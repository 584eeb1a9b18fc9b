//! Platforms: copies of Drupal's code, on a server, open to new sites or locked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aegir_domain::{
    ContextName, MachineName, NodeId, NodeKind, ObjectStatus, PlatformContext, PlatformName, PlatformRoot,
    PlatformSource, ProfileLanguage,
};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::node::{NewNode, Node, ObjectSort};
use crate::page::{Direction, NameMatch, OfNodes, Order, Page, Parts};
use crate::server::{json, with_status};

/// A platform that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewPlatform {
    /// Its name.
    pub name: PlatformName,
    /// What people call it.
    pub title: String,
    /// The server that serves it.
    pub server: NodeId,
    /// Where its code lies, if it is there already.
    pub root: Option<PlatformRoot>,
    /// What it is to be built from, if it is to be built.
    pub source: Option<PlatformSource>,
    /// Its PHP, if not the machine's own.
    pub php: Option<PathBuf>,
    /// Whose it is.
    pub owner: NodeId,
}

/// A platform.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformRecord {
    /// Number, name, status.
    pub node: Node,
    /// The server that serves it.
    pub server: NodeId,
    /// Where its code lies; `None`: it is not built yet.
    pub root: Option<PlatformRoot>,
    /// What it was built from.
    pub source: Option<PlatformSource>,
    /// Drupal's version, as the last verify found it.
    pub core: Option<String>,
    /// Its PHP, if not the machine's own.
    pub php: Option<PathBuf>,
    /// The profile that a site gets if none is named.
    pub default_profile: Option<MachineName>,
    /// Whether it takes no new sites.
    pub locked: bool,
    /// Whether a verify told what sites on it can be made of.
    pub surveyed: bool,
    /// What its back end knows of it; `None`: nothing yet.
    pub context: Option<PlatformContext>,
}

/// Platforms, filtered and ordered.
#[derive(Clone, Debug, Default)]
pub struct PlatformList {
    /// By name.
    pub name: Option<NameMatch>,
    /// Of these only; none: of all but the deleted.
    pub status: Vec<ObjectStatus>,
    /// On this server.
    pub server: Option<NodeId>,
    /// Of this client.
    pub owner: Option<NodeId>,
    /// Locked ones, or open ones.
    pub locked: Option<bool>,
    /// Whose Drupal has a version that begins so: `10.3`.
    pub core: Option<String>,
    /// The order.
    pub sort: ObjectSort,
    /// Which way.
    pub direction: Direction,
    /// Which part.
    pub page: Page,
}

statements! {
    ADD_PLATFORM =
        "INSERT INTO platform (id, server, root, source, php, locked, live, surveyed, revision)
         VALUES ($1, $2, $3, $4, $5, FALSE, TRUE, FALSE, 0)";
    RECORD_PLATFORM =
        "UPDATE platform
            SET root = $2, core = $3, php = $4, default_profile = $5, revision = $6, context = $7
          WHERE id = $1";
    SET_LOCKED = "UPDATE platform SET locked = $2 WHERE id = $1";
    FIND_PLATFORM =
        "SELECT node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
                node.verified, platform.server, platform.root, platform.source, platform.core, platform.php,
                platform.default_profile, platform.locked, platform.surveyed, platform.context
           FROM platform JOIN node ON node.id = platform.id
          WHERE platform.id = $1";
    DROP_ENGINES = "DELETE FROM platform_engine WHERE platform = $1";
    DROP_LANGUAGES = "DELETE FROM platform_language WHERE platform = $1";
    ADD_ENGINE = "INSERT INTO platform_engine (platform, engine) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    ADD_LANGUAGE =
        "INSERT INTO platform_language (platform, profile, language) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    SURVEYED = "UPDATE platform SET surveyed = TRUE WHERE id = $1";
}

impl Read {
    /// A platform.
    pub async fn platform(&mut self, id: NodeId) -> Result<Option<PlatformRecord>, StoreFault> {
        self.row(&FIND_PLATFORM, values![id]).await?.as_ref().map(PlatformList::item).transpose()
    }

    /// The engines of databases that the PHP and the Drupal of each of these platforms speak, as its last verify found.
    pub async fn engines_of(&mut self, platforms: &[NodeId]) -> Result<BTreeMap<NodeId, Vec<MachineName>>, StoreFault> {
        let begin = "SELECT platform, engine FROM platform_engine WHERE platform IN ";
        let of = |row: &Row| Ok((row.get("platform")?, row.parse("engine")?));
        self.each_of("engines", begin, platforms, " ORDER BY engine", of).await
    }

    /// The languages that are at hand for each profile of each of these platforms, as its last verify found.
    pub async fn languages_of(
        &mut self,
        platforms: &[NodeId],
    ) -> Result<BTreeMap<NodeId, Vec<ProfileLanguage>>, StoreFault> {
        let begin = "SELECT platform, profile, language FROM platform_language WHERE platform IN ";
        let of = |row: &Row| {
            let found = ProfileLanguage { profile: row.parse("profile")?, language: row.parse("language")? };
            Ok((row.get("platform")?, found))
        };
        self.each_of("languages", begin, platforms, " ORDER BY profile, language", of).await
    }

    /// The server of each of these platforms.
    pub async fn servers_of(&mut self, platforms: &BTreeSet<NodeId>) -> Result<BTreeMap<NodeId, NodeId>, StoreFault> {
        let of = |row: &Row| Ok((row.get("id")?, row.get("server")?));
        self.of_all("servers of platforms", "SELECT id, server FROM platform WHERE id IN ", platforms, "", of).await
    }

    /// How many sites live on each of these platforms, if any do; deleted ones do not.
    pub async fn count_sites_of(&mut self, platforms: &[NodeId]) -> Result<BTreeMap<NodeId, u64>, StoreFault> {
        // All less the deleted ones, which are few: an index has the former, and no node of theirs is looked at.
        let begin = "SELECT site.platform, COUNT(*) - COUNT(gone.id) AS sites
               FROM site LEFT JOIN (SELECT id FROM node WHERE kind = 'site' AND status = 'deleted') AS gone
                 ON gone.id = site.id
              WHERE site.platform IN ";
        let of = |row: &Row| Ok((row.get("platform")?, row.count("sites")?));
        self.of_all("sites of platforms", begin, platforms, " GROUP BY site.platform", of).await
    }

    /// How many sites live on a platform; deleted ones do not.
    pub async fn count_sites_on(&mut self, platform: NodeId) -> Result<u64, StoreFault> {
        Ok(self.count_sites_of(&[platform]).await?.remove(&platform).unwrap_or(0))
    }
}

impl Tx {
    /// Adds a platform, new; what queues its build or its verify belongs into the same transaction.
    pub async fn add_platform(&mut self, new: &NewPlatform, now: i64) -> Result<NodeId, StoreFault> {
        let name = ContextName::Platform(new.name.clone());
        let id = self
            .add_node(NewNode {
                kind: NodeKind::Platform,
                name: Some(&name),
                title: &new.title,
                status: Some(ObjectStatus::New),
                owner: Some(new.owner),
                now,
            })
            .await?;
        let source = new.source.as_ref().map(json).transpose()?;
        let php = new.php.as_ref().map(|php| php.display().to_string());
        let values = values![id, new.server, new.root.as_ref(), source, php];
        self.execute(&ADD_PLATFORM, values).await.map_err(|fault| fault.taken(|| root_is_taken(new.root.as_ref())))?;
        Ok(id)
    }

    /// Records what a platform is now, as its back end says.
    pub async fn record_platform(&mut self, id: NodeId, context: &PlatformContext, now: i64) -> Result<(), StoreFault> {
        let facts = context.facts.as_ref();
        let values = values![
            id,
            &context.root,
            facts.map(|facts| facts.core.clone()),
            context.php.as_ref().map(|php| php.display().to_string()),
            facts.map(|facts| &facts.default_profile),
            context.revision,
            json(context)?,
        ];
        let done = self.execute(&RECORD_PLATFORM, values).await;
        done.map_err(|fault| fault.taken(|| root_is_taken(Some(&context.root))))?;
        self.touch(id, "changed", now).await
    }

    /// Records what sites on a platform can be made of: in the place of what was known.
    pub async fn record_survey(
        &mut self,
        id: NodeId,
        engines: &[MachineName],
        languages: &[ProfileLanguage],
    ) -> Result<(), StoreFault> {
        self.execute(&DROP_ENGINES, values![id]).await?;
        self.execute(&DROP_LANGUAGES, values![id]).await?;
        for engine in engines {
            self.execute(&ADD_ENGINE, values![id, engine]).await?;
        }
        for found in languages {
            self.execute(&ADD_LANGUAGE, values![id, &found.profile, found.language.to_string()]).await?;
        }
        self.execute(&SURVEYED, values![id]).await.map(drop)
    }

    /// Takes no more new sites onto a platform.
    pub async fn lock_platform(&mut self, id: NodeId, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_LOCKED, values![id, true]).await?;
        self.touch(id, "locked", now).await
    }

    /// Takes new sites again.
    pub async fn unlock_platform(&mut self, id: NodeId, now: i64) -> Result<(), StoreFault> {
        self.execute(&SET_LOCKED, values![id, false]).await?;
        self.touch(id, "unlocked", now).await
    }
}

fn root_is_taken(root: Option<&PlatformRoot>) -> String {
    root.map_or_else(|| "the platform's number".into(), |root| format!("`{root}` (another platform lies there)"))
}

impl OfNodes for PlatformList {}

impl Parts for PlatformList {
    type Item = PlatformRecord;
    const LIST: &'static str = "platforms";
    const COLUMNS: &'static str =
        "node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
        node.verified, platform.server, platform.root, platform.source, platform.core, platform.php,
        platform.default_profile, platform.locked, platform.surveyed, platform.context";

    fn from(&self, _: usize, query: &mut Query) {
        query.push(" FROM platform JOIN node ON node.id = platform.id");
        query.push(" WHERE node.kind = 'platform'");
        with_status(&self.status, query);
        if let Some(name) = &self.name {
            name.on("@platform_", query);
        }
        if let Some(owner) = self.owner {
            query.push(" AND node.owner = ").bind(owner);
        }
        if let Some(server) = self.server {
            query.push(" AND platform.server = ").bind(server);
        }
        if let Some(locked) = self.locked {
            query.push(" AND platform.locked = ").bind(locked);
        }
        if let Some(core) = &self.core {
            query.push(" AND (platform.core = ").bind(core);
            // `10.3` is not the beginning of `10.30.1`.
            query.push(" OR (platform.core >= ").bind(format!("{core}."));
            query.push(" AND platform.core < ").bind(format!("{core}/")).push("))");
        }
    }

    fn order(&self) -> Order {
        self.sort.order(self.direction)
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<PlatformRecord, StoreFault> {
        Ok(PlatformRecord {
            node: Node::of(row)?,
            server: row.get("server")?,
            root: row.maybe_parse("root")?,
            source: row.maybe_json("source")?,
            core: row.maybe("core")?,
            php: row.maybe::<String>("php")?.map(PathBuf::from),
            default_profile: row.maybe_parse("default_profile")?,
            locked: row.get("locked")?,
            surveyed: row.get("surveyed")?,
            context: row.maybe_json("context")?,
        })
    }
}
