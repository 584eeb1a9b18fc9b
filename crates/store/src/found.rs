//! What was found on machines and did not come from here: sites, and contexts that differ.

use aegir_domain::{Context, NodeId, NodeKind, SiteFolder};

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};
use crate::server::json;

/// A site that lies on a platform and is none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSite {
    /// On which platform.
    pub platform: NodeId,
    /// Its folder below `sites/`, which is its name unless it is `default`.
    pub name: SiteFolder,
    /// When it was first seen.
    pub first: i64,
    /// When it was last seen.
    pub last: i64,
}

/// A difference between what is remembered here and what a machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftRecord {
    /// Of which object.
    pub node: NodeId,
    /// When it was found.
    pub found: i64,
    /// What is remembered here.
    pub ours: Context,
    /// What the machine has.
    pub theirs: Context,
}

statements! {
    PLATFORMS_WITH_FOUND = "SELECT DISTINCT platform FROM found_site ORDER BY platform";
    SEE_SITE =
        "INSERT INTO found_site (platform, name, first, last)
         VALUES ($1, $2, $3, $3)
         ON CONFLICT (platform, name) DO UPDATE SET last = excluded.last";
    FORGET_UNSEEN = "DELETE FROM found_site WHERE platform = $1 AND last < $2";
    FORGET_FOUND = "DELETE FROM found_site WHERE platform = $1 AND name = $2";
    FOUND_SITES = "SELECT platform, name, first, last FROM found_site WHERE platform = $1 ORDER BY name";
    SEE_DRIFT =
        "INSERT INTO drift (node, found, ours, theirs)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (node) DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs";
    DRIFTS = "SELECT node, found, ours, theirs FROM drift ORDER BY node";
    FIND_DRIFT = "SELECT node, found, ours, theirs FROM drift WHERE node = $1";
    SETTLE_DRIFT = "DELETE FROM drift WHERE node = $1";
}

impl Read {
    /// The sites on a platform that are none of ours.
    pub async fn found_sites(&mut self, platform: NodeId) -> Result<Vec<FoundSite>, StoreFault> {
        self.rows(&FOUND_SITES, values![platform]).await?.iter().map(FoundSite::of).collect()
    }

    /// The platforms on which there are some.
    pub async fn platforms_with_found_sites(&mut self) -> Result<Vec<NodeId>, StoreFault> {
        self.rows(&PLATFORMS_WITH_FOUND, Vec::new()).await?.iter().map(|row| row.get("platform")).collect()
    }

    /// All differences between what is remembered and what machines have.
    pub async fn drifts(&mut self) -> Result<Vec<DriftRecord>, StoreFault> {
        self.rows(&DRIFTS, Vec::new()).await?.iter().map(DriftRecord::of).collect()
    }

    /// The difference of one object, if there is one.
    pub async fn drift(&mut self, node: NodeId) -> Result<Option<DriftRecord>, StoreFault> {
        self.row(&FIND_DRIFT, values![node]).await?.as_ref().map(DriftRecord::of).transpose()
    }
}

impl Tx {
    /// Records which sites on a platform are none of ours: these, and no others any more.
    pub async fn record_found_sites(
        &mut self,
        platform: NodeId,
        names: &[SiteFolder],
        now: i64,
    ) -> Result<(), StoreFault> {
        for name in names {
            self.execute(&SEE_SITE, values![platform, name, now]).await?;
        }
        self.execute(&FORGET_UNSEEN, values![platform, now]).await?;
        self.note(now, platform, NodeKind::Platform, "found");
        Ok(())
    }

    /// Forgets a found site: it was taken in, or is gone.
    pub async fn forget_found_site(&mut self, platform: NodeId, name: &SiteFolder) -> Result<(), StoreFault> {
        self.execute(&FORGET_FOUND, values![platform, name]).await.map(drop)
    }

    /// Records that a machine has something else than is remembered here.
    pub async fn record_drift(
        &mut self,
        node: NodeId,
        ours: &Context,
        theirs: &Context,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.execute(&SEE_DRIFT, values![node, now, json(ours)?, json(theirs)?]).await?;
        self.touch(node, "drift", now).await
    }

    /// Says that both sides are the same again.
    pub async fn settle_drift(&mut self, node: NodeId, now: i64) -> Result<(), StoreFault> {
        if self.execute(&SETTLE_DRIFT, values![node]).await? > 0 {
            self.touch(node, "drift", now).await?;
        }
        Ok(())
    }
}

impl FoundSite {
    fn of(row: &Row) -> Result<FoundSite, StoreFault> {
        Ok(FoundSite {
            platform: row.get("platform")?,
            name: row.parse("name")?,
            first: row.get("first")?,
            last: row.get("last")?,
        })
    }
}

impl DriftRecord {
    fn of(row: &Row) -> Result<DriftRecord, StoreFault> {
        Ok(DriftRecord {
            node: row.get("node")?,
            found: row.get("found")?,
            ours: row.json("ours")?,
            theirs: row.json("theirs")?,
        })
    }
}
