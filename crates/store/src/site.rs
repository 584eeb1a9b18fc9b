//! Sites, and the names they answer to.

use std::collections::BTreeMap;

use aegir_domain::{
    ContextName, CronResult, DomainKind, HostName, Langcode, MachineName, NodeId, NodeKind, ObjectStatus, PackageKind,
    Redirect, SiteContext, SiteName, TlsMode,
};

use crate::StoreFault;
use crate::db::{Query, Read, Row, Tx, statements, values};
use crate::node::{NewNode, Node, ObjectSort};
use crate::page::{Direction, NameMatch, OfNodes, Order, Page, Parts, Span};
use crate::server::{json, with_status};

/// A site that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewSite {
    /// Its main name.
    pub name: SiteName,
    /// Its title.
    pub title: String,
    /// The platform it will live on.
    pub platform: NodeId,
    /// The server whose database service will hold its data.
    pub db_server: NodeId,
    /// The profile, if one was chosen.
    pub profile: Option<MachineName>,
    /// Its default language.
    pub language: Langcode,
    /// Other names.
    pub aliases: Vec<HostName>,
    /// Whether all but one of its names lead to that one.
    pub redirect: Redirect,
    /// Whose it is.
    pub owner: NodeId,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRecord {
    /// Number, name, status.
    pub node: Node,
    /// The platform it lives on.
    pub platform: NodeId,
    /// The server that holds its data.
    pub db_server: NodeId,
    /// The profile it was, or is to be, installed from.
    pub profile: Option<MachineName>,
    /// Its default language.
    pub language: Option<Langcode>,
    /// The version of Drupal that runs it.
    pub core: Option<String>,
    /// What its back end knows of it; `None`: nothing yet.
    pub context: Option<SiteContext>,
}

/// A name that a site answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The name.
    pub name: HostName,
    /// What it is to its site.
    pub kind: DomainKind,
    /// Where it leads.
    pub target: Option<HostName>,
    /// Whether it is served encrypted.
    pub tls_mode: TlsMode,
    /// Its certificate, as data.
    pub certificate: Option<serde_json::Value>,
}

/// A package that sites have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HasPackage {
    /// Its kind; `None`: any.
    pub kind: Option<PackageKind>,
    /// Its machine name.
    pub name: String,
    /// In this version only.
    pub version: Option<String>,
    /// Enabled ones, or those that are not.
    pub enabled: Option<bool>,
}

/// Sites, filtered and ordered.
#[derive(Clone, Debug, Default)]
pub struct SiteList {
    /// By name.
    pub name: Option<NameMatch>,
    /// Of these only; none: of all but the deleted.
    pub status: Vec<ObjectStatus>,
    /// On these platforms.
    pub platform: Vec<NodeId>,
    /// Served by this server.
    pub server: Option<NodeId>,
    /// With their data on this server.
    pub db_server: Option<NodeId>,
    /// Served by this server, or with their data there.
    pub uses: Option<NodeId>,
    /// Of this client.
    pub owner: Option<NodeId>,
    /// Installed from this profile.
    pub profile: Option<MachineName>,
    /// That have this package.
    pub package: Option<HasPackage>,
    /// Whose cron came to this the last time.
    pub cron: Option<CronResult>,
    /// Made then.
    pub created: Span,
    /// Last verified then.
    pub verified: Span,
    /// The order.
    pub sort: ObjectSort,
    /// Which way.
    pub direction: Direction,
    /// Which part.
    pub page: Page,
}

statements! {
    ADD_SITE =
        "INSERT INTO site (id, platform, db_server, profile, language, revision) VALUES ($1, $2, $3, $4, $5, 0)";
    RECORD_SITE =
        "UPDATE site
            SET platform = $2, db_server = $3, profile = $4, language = $5, core = $6, revision = $7, context = $8
          WHERE id = $1";
    FIND_SITE =
        "SELECT node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
                node.verified, site.platform, site.db_server, site.profile, site.language, site.core, site.context
           FROM site JOIN node ON node.id = site.id
          WHERE site.id = $1";
    WHO_HAS = "SELECT site FROM domain WHERE name = $1";
    DROP_DOMAIN = "DELETE FROM domain WHERE site = $1 AND name = $2";
    ADD_DOMAIN =
        "INSERT INTO domain (name, site, kind, target, tls_mode, certificate) VALUES ($1, $2, $3, $4, $5, $6)";
    CHANGE_DOMAIN =
        "UPDATE domain SET kind = $3, target = $4 WHERE name = $1 AND site = $2";
    SET_TLS = "UPDATE domain SET tls_mode = $3, certificate = $4 WHERE site = $1 AND name = $2";
}

impl Read {
    /// A site.
    pub async fn site(&mut self, id: NodeId) -> Result<Option<SiteRecord>, StoreFault> {
        self.row(&FIND_SITE, values![id]).await?.as_ref().map(SiteList::item).transpose()
    }

    /// The names a site answers to, its own first.
    pub async fn domains(&mut self, site: NodeId) -> Result<Vec<Domain>, StoreFault> {
        Ok(self.domains_of(&[site]).await?.remove(&site).unwrap_or_default())
    }

    /// The names that each of these sites answers to, its own first.
    pub async fn domains_of(&mut self, sites: &[NodeId]) -> Result<BTreeMap<NodeId, Vec<Domain>>, StoreFault> {
        let begin = "SELECT site, name, kind, target, tls_mode, certificate FROM domain WHERE site IN ";
        let of = |row: &Row| Ok((row.get("site")?, Domain::of(row)?));
        let mut domains: BTreeMap<_, Vec<Domain>> =
            self.each_of("domains", begin, sites, " ORDER BY kind DESC, name", of).await?;
        for domains in domains.values_mut() {
            domains.sort_by_key(|domain| domain.kind != DomainKind::Main);
        }
        Ok(domains)
    }

    /// Which site has this name, as its own or besides.
    pub async fn who_has(&mut self, name: &HostName) -> Result<Option<NodeId>, StoreFault> {
        self.row(&WHO_HAS, values![name]).await?.map(|row| row.get("site")).transpose()
    }
}

impl Tx {
    /// Adds a site, new, and takes its names; what queues its install belongs into the same transaction.
    pub async fn add_site(&mut self, new: &NewSite, now: i64) -> Result<NodeId, StoreFault> {
        let name = ContextName::Site(new.name.clone());
        let id = self
            .add_node(NewNode {
                kind: NodeKind::Site,
                name: Some(&name),
                title: &new.title,
                status: Some(ObjectStatus::New),
                owner: Some(new.owner),
                now,
            })
            .await?;
        let values = values![id, new.platform, new.db_server, new.profile.as_ref(), new.language.as_str()];
        self.execute(&ADD_SITE, values).await?;
        self.write_domains(id, &new.name, &new.aliases, &new.redirect).await?;
        Ok(id)
    }

    /// Records what a site is now, as its back end says: where it lives, what it is called and which other names it has.
    pub async fn record_site(
        &mut self,
        id: NodeId,
        context: &SiteContext,
        platform: NodeId,
        db_server: NodeId,
        now: i64,
    ) -> Result<(), StoreFault> {
        let values = values![
            id,
            platform,
            db_server,
            &context.profile,
            context.language.as_str(),
            &context.core,
            context.revision,
            json(context)?,
        ];
        self.execute(&RECORD_SITE, values).await?;
        self.set_name(id, &ContextName::Site(context.name.clone())).await?;
        self.write_domains(id, &context.name, &context.aliases, &context.redirect).await?;
        self.write_formers(id, &context.formers).await?;
        self.write_cron(id, context).await?;
        self.set_title(id, context.title.as_str(), now).await
    }

    /// Changes the names that a site has besides its own. A name that another site has is refused.
    pub async fn set_aliases(
        &mut self,
        id: NodeId,
        aliases: &[HostName],
        redirect: &Redirect,
        now: i64,
    ) -> Result<(), StoreFault> {
        let Some(ContextName::Site(name)) = self.need_node(id).await?.name else {
            return Err(StoreFault::Unfit { node: id, why: "is no site".into() });
        };
        self.write_domains(id, &name, aliases, redirect).await?;
        self.touch(id, "changed", now).await
    }

    /// Says how a name is encrypted, and with what.
    pub async fn set_tls(
        &mut self,
        site: NodeId,
        name: &HostName,
        mode: TlsMode,
        certificate: Option<&serde_json::Value>,
        now: i64,
    ) -> Result<(), StoreFault> {
        if self.execute(&SET_TLS, values![site, name, mode, certificate]).await? == 0 {
            return Err(StoreFault::Absent { what: format!("name `{name}` of that site") });
        }
        self.touch(site, "changed", now).await
    }

    /// Brings the names to what they should be; how those that stay are encrypted stays too.
    async fn write_domains(
        &mut self,
        site: NodeId,
        name: &SiteName,
        aliases: &[HostName],
        redirect: &Redirect,
    ) -> Result<(), StoreFault> {
        let own = name.host();
        let before = self.domains(site).await?;
        let kind_of = |host: &HostName| match redirect {
            Redirect::To(target) if target != host => (DomainKind::Redirect, Some(target.clone())),
            _ if *host == own => (DomainKind::Main, None),
            _ => (DomainKind::Alias, None),
        };
        for domain in &before {
            if domain.name != own && !aliases.contains(&domain.name) {
                self.execute(&DROP_DOMAIN, values![site, &domain.name]).await?;
            }
        }
        for host in std::iter::once(&own).chain(aliases) {
            let (kind, target) = kind_of(host);
            match before.iter().find(|domain| domain.name == *host) {
                Some(known) if known.kind == kind && known.target == target => (),
                Some(_) => {
                    self.execute(&CHANGE_DOMAIN, values![host, site, kind, target.as_ref()]).await?;
                }
                None => {
                    let none = None::<String>;
                    let values = values![host, site, kind, target.as_ref(), TlsMode::Off, none];
                    let added = self.execute(&ADD_DOMAIN, values).await;
                    added.map_err(|fault| fault.taken(|| format!("the name `{host}`")))?;
                }
            }
        }
        Ok(())
    }
}

impl Domain {
    fn of(row: &Row) -> Result<Domain, StoreFault> {
        Ok(Domain {
            name: row.parse("name")?,
            kind: row.parse("kind")?,
            target: row.maybe_parse("target")?,
            tls_mode: row.parse("tls_mode")?,
            certificate: row.maybe_json("certificate")?,
        })
    }
}

impl OfNodes for SiteList {}

impl Parts for SiteList {
    type Item = SiteRecord;
    const LIST: &'static str = "sites";
    const COLUMNS: &'static str =
        "node.id, node.kind, node.name, node.title, node.status, node.owner, node.created, node.changed,
        node.verified, site.platform, site.db_server, site.profile, site.language, site.core, site.context";
    const LOOKED_UP_IN: Option<&'static str> =
        Some("JOIN node ON node.id = chosen.sort_id JOIN site ON site.id = chosen.sort_id");

    fn from(&self, _: usize, query: &mut Query) {
        // Each such node has its site. As a left join it says so to PostgreSQL, which would else think that few have,
        // and not follow the index that the order has; where no filter asks the site, it is not looked at.
        query.push(" FROM node LEFT JOIN site ON site.id = node.id WHERE node.kind = 'site'");
        with_status(&self.status, query);
        if let Some(name) = &self.name {
            name.on("@", query);
        }
        if let Some(owner) = self.owner {
            query.push(" AND node.owner = ").bind(owner);
        }
        match &self.platform[..] {
            [] => &mut *query,
            [one] => query.push(" AND site.platform = ").bind(*one),
            some => query.push(" AND site.platform IN ").bind_all(some.iter().copied()),
        };
        if let Some(server) = self.server {
            query.push(" AND site.platform IN (SELECT id FROM platform WHERE server = ").bind(server).push(")");
        }
        if let Some(server) = self.db_server {
            query.push(" AND site.db_server = ").bind(server);
        }
        if let Some(server) = self.uses {
            query.push(" AND (site.db_server = ").bind(server);
            query.push(" OR site.platform IN (SELECT id FROM platform WHERE server = ").bind(server).push("))");
        }
        if let Some(profile) = &self.profile {
            query.push(" AND site.profile = ").bind(profile);
        }
        if let Some(package) = &self.package {
            package.on(query);
        }
        if let Some(result) = self.cron {
            query.push(" AND node.id IN (SELECT site FROM cron WHERE result = ").bind(result).push(")");
        }
        self.created.on("node.created", query);
        // As the index has it; of one that was never verified it is 0.
        self.verified.on("COALESCE(node.verified, 0)", query);
    }

    fn order(&self) -> Order {
        self.sort.order(self.direction)
    }

    fn page(&self) -> &Page {
        &self.page
    }

    fn item(row: &Row) -> Result<SiteRecord, StoreFault> {
        Ok(SiteRecord {
            node: Node::of(row)?,
            platform: row.get("platform")?,
            db_server: row.get("db_server")?,
            profile: row.maybe_parse("profile")?,
            language: row.maybe_parse("language")?,
            core: row.maybe("core")?,
            context: row.maybe_json("context")?,
        })
    }
}

impl HasPackage {
    fn on(&self, query: &mut Query) {
        // A list of its own, made once: to ask one site after the other costs a look at each where few have it.
        // Of a version, the release leads there alone: to ask for both has PostgreSQL think that hardly any are left.
        query.push(" AND node.id IN (SELECT instance.node FROM package");
        query.push(match self.version {
            Some(_) => " JOIN release ON release.package = package.id JOIN instance ON instance.release = release.id",
            None => " JOIN instance ON instance.package = package.id",
        });
        query.push(" WHERE package.name = ").bind(&self.name);
        if let Some(kind) = self.kind {
            query.push(" AND package.kind = ").bind(kind);
        }
        if let Some(version) = &self.version {
            query.push(" AND release.version = ").bind(version);
        }
        if let Some(enabled) = self.enabled {
            query.push(" AND instance.enabled = ").bind(enabled);
        }
        query.push(")");
    }
}
