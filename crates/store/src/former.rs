//! What sites were before they were moved, as far as that is kept: found by age and by platform, without asking any
//! site. Their contexts say the same of each; this follows them.

use std::collections::BTreeSet;

use aegir_domain::{ContextName, Former, FormerName, NodeId};

use crate::StoreFault;
use crate::db::{Read, Tx, statements, values};

/// A former self that was kept for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldFormer {
    /// Of which site.
    pub site: NodeId,
    /// Its name.
    pub name: FormerName,
}

/// The former selves that lie on a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormersThere {
    /// How many.
    pub count: u64,
    /// The first of their sites, by name.
    pub sites: Vec<ContextName>,
}

statements! {
    OLD_FORMERS =
        "SELECT former.site, former.name
           FROM former JOIN node ON node.id = former.site
          WHERE former.since <= $1 AND former.asked <= $2 AND node.status IN ('enabled', 'disabled')
          ORDER BY former.since, former.site, former.name
          LIMIT $3";
    COUNT_FORMERS = "SELECT COUNT(*) AS formers FROM former WHERE platform = $1";
    SITES_OF_FORMERS =
        "SELECT DISTINCT node.name
           FROM former JOIN node ON node.id = former.site
          WHERE former.platform = $1
          ORDER BY node.name
          LIMIT $2";
    FORMERS_OF = "SELECT name FROM former WHERE site = $1";
    KEEP_FORMER = "INSERT INTO former (site, name, platform, since, asked) VALUES ($1, $2, $3, $4, 0)";
    LET_GO_OF_FORMER = "DELETE FROM former WHERE site = $1 AND name = $2";
    ASKED_FOR_FORMER = "UPDATE former SET asked = $3 WHERE site = $1 AND name = $2";
}

impl Read {
    /// Former selves that nobody has written to since `until` or before, the oldest first; those left out that somebody
    /// was asked to let go of after `asked`. Both in milliseconds since 1970.
    pub async fn old_formers(&mut self, until: i64, asked: i64, limit: u32) -> Result<Vec<OldFormer>, StoreFault> {
        let rows = self.rows(&OLD_FORMERS, values![until, asked, limit]).await?;
        rows.iter().map(|row| Ok(OldFormer { site: row.get("site")?, name: row.parse("name")? })).collect()
    }

    /// The former selves that lie on a platform, with the names of `most` of their sites.
    pub async fn formers_on(&mut self, platform: NodeId, most: u32) -> Result<FormersThere, StoreFault> {
        let row = self.row(&COUNT_FORMERS, values![platform]).await?;
        let count = row.map_or(Ok(0), |row| row.count("formers"))?;
        if count == 0 {
            return Ok(FormersThere::default());
        }
        let rows = self.rows(&SITES_OF_FORMERS, values![platform, most]).await?;
        let sites = rows.iter().map(|row| row.parse("name")).collect::<Result<_, _>>()?;
        Ok(FormersThere { count, sites })
    }
}

impl Tx {
    /// Says that a back end is asked to let go of a former self.
    pub async fn ask_for_former(&mut self, site: NodeId, name: &FormerName, now: i64) -> Result<(), StoreFault> {
        self.execute(&ASKED_FOR_FORMER, values![site, name.as_str(), now]).await.map(drop)
    }

    /// Brings what is known of a site's former selves to what its back end says. One never changes while it is kept.
    pub(crate) async fn write_formers(&mut self, site: NodeId, formers: &[Former]) -> Result<(), StoreFault> {
        let rows = self.rows(&FORMERS_OF, values![site]).await?;
        let known: BTreeSet<FormerName> = rows.iter().map(|row| row.parse("name")).collect::<Result<_, _>>()?;
        for name in known.iter().filter(|name| !formers.iter().any(|former| former.name == **name)) {
            self.execute(&LET_GO_OF_FORMER, values![site, name.as_str()]).await?;
        }
        for former in formers.iter().filter(|former| !known.contains(&former.name)) {
            let platform = self.node_named(&ContextName::Platform(former.platform.clone())).await?;
            let platform = platform.map(|platform| platform.id);
            let since = former.since.saturating_mul(1000);
            self.execute(&KEEP_FORMER, values![site, former.name.as_str(), platform, since]).await?;
        }
        Ok(())
    }
}
