//! What the store's generator leaves out of a fleet: what back ends have saved, and as many packages as a platform has.

use aegir_domain::{Context, InstanceScope, NodeId, PackageKind, Redirect};
use aegir_store::{RecordedInstance, Store, StoreFault};
use serde_json::json;

use crate::fill::Filled;

/// How many packages a platform has.
const PACKAGES: usize = 300;

/// Adds it.
pub async fn complete(store: &Store, filled: &Filled) {
    let packages: Vec<RecordedInstance> = (0..PACKAGES)
        .map(|n| RecordedInstance {
            kind: if n < 4 { PackageKind::Profile } else { PackageKind::Module },
            name: if n == 0 { "standard".into() } else { format!("package_{n}") },
            version: Some("10.3.6".into()),
            scope: InstanceScope::Platform,
            enabled: false,
            loaded: false,
            schema: None,
            path: Some(format!("modules/package_{n}")),
        })
        .collect();
    for id in &filled.platforms {
        store
            .write_soon(async |tx| {
                let record = tx.platform(*id).await?.unwrap();
                let Some(aegir_domain::ContextName::Platform(name)) = record.node.name.clone() else { panic!() };
                let Some(aegir_domain::ContextName::Server(server)) = tx.node(record.server).await?.unwrap().name
                else {
                    panic!()
                };
                let context: aegir_domain::PlatformContext = serde_json::from_value(json!({
                    "name": name, "revision": 1, "root": record.root, "server": server,
                    "facts": { "core": "10.3.6", "default_profile": "standard", "php_minimum": "8.1.0" },
                }))
                .unwrap();
                tx.record_platform(*id, &context, 50).await?;
                tx.record_packages(*id, &packages, 50).await
            })
            .await
            .unwrap();
    }
    for batch in filled.sites.chunks(250) {
        store
            .write_soon(async |tx| {
                for id in batch {
                    let record = tx.site(*id).await?.unwrap();
                    let context = site_context(tx, &record).await?;
                    tx.record_site(*id, &context, record.platform, record.db_server, 60).await?;
                }
                Ok::<_, StoreFault>(())
            })
            .await
            .unwrap();
    }
    store.tend().await.unwrap();
}

async fn site_context(
    tx: &mut aegir_store::Tx,
    record: &aegir_store::SiteRecord,
) -> Result<aegir_domain::SiteContext, StoreFault> {
    let named = async |tx: &mut aegir_store::Tx, id: NodeId| -> Result<String, StoreFault> {
        let name = tx.node(id).await?.unwrap().name.unwrap().to_string();
        Ok(name
            .rsplit_once('_')
            .filter(|_| name.starts_with("@server"))
            .map_or_else(|| name.trim_start_matches("@platform_").to_owned(), |(_, server)| server.to_owned()))
    };
    let name = record.node.name.clone().unwrap().to_string();
    let name = name.trim_start_matches('@');
    let context = json!({
        "kind": "site", "name": name, "revision": 1, "platform": named(tx, record.platform).await?,
        "db_server": named(tx, record.db_server).await?,
        "database": { "name": "a_database", "marker": aegir_domain::Marker::new(&name.parse().unwrap(), aegir_domain::AttemptId::from_parts(1, [0; 10])).as_str() },
        "profile": "standard", "language": "en", "time_zone": "UTC", "title": name, "account": "admin",
        "mail": "admin@example.org", "redirect": Redirect::None, "client": "admin", "core": "10.3.6",
    });
    match serde_json::from_value(context) {
        Ok(Context::Site(site)) => Ok(*site),
        other => panic!("{other:?}"),
    }
}
