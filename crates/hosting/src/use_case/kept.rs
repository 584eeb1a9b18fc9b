//! What can be asked of packages, tokens, settings, fields, found sites, drift, numbers and the audit.

use std::collections::BTreeMap;

use aegir_domain::{Context, ContextName, MachineName, NodeId, NodeKind, PackageKind, Password, Remedy, Task};
use aegir_store::{
    AuditList, AuditRecord, DeedList, Field, NewToken, Node, PackageList, PlaceList, Read, StoreFault, Tx,
};
use serde_json::{Value, json};

use super::Asked;
use super::object::{KnownContexts, platform_named};
use super::queued::Wanted;
use super::shown::{self, cursor_page, of_page};
use crate::view::{
    AuditView, DriftView, FieldView, FoundSiteView, HistoryView, InstanceView, PackageView, ReleaseView, SettingView,
    TokenView,
};
use crate::{
    Actor, Answer, BadParameters, Call, Door, Hosting, Operation, OperationId, Permission, Permissions, Refusal,
    Setting,
};

/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Hosting {
    pub(super) async fn perform_kept(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        use OperationId as Id;
        match asked.operation.id {
            Id::PackageList => self.list_packages(asked).await,
            Id::PackageShow => self.show_package(asked).await,
            Id::TokenList => self.list_tokens(asked).await,
            Id::TokenAdd => self.add_token(asked).await,
            Id::TokenRevoke => self.revoke_token(asked).await,
            Id::SettingList => self.list_settings().await,
            Id::SettingShow => self.show_setting(asked).await,
            Id::SettingSet => self.set_setting(asked).await,
            Id::FieldList => self.list_fields().await,
            Id::FieldAdd => self.add_field(asked).await,
            Id::FieldDelete => self.delete_field(asked).await,
            Id::FoundSiteList => self.list_found_sites(asked).await,
            Id::DriftList => self.list_drift(asked).await,
            Id::DriftResolve => self.resolve_drift(asked).await,
            Id::NodeShow => self.show_node(asked).await,
            Id::NodeHistory => self.node_history(asked).await,
            _ => self.list_audit(asked).await,
        }
    }

    async fn list_packages(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .read(async |read| {
                let list = PackageList {
                    kind: given.str("kind").and_then(|kind| kind.parse().ok()),
                    holds: given.str("search").map(str::to_owned),
                    page: cursor_page(asked)?,
                    ..PackageList::default()
                };
                let page = read.list(&list).await?;
                let mut items = Vec::new();
                for package in page.rows {
                    let releases = read.releases(package.id).await?;
                    items.push(PackageView {
                        id: package.id.0,
                        kind: package.kind.as_str().into(),
                        name: package.name,
                        sites: releases.iter().map(|release| release.enabled).sum(),
                        releases: Vec::new(),
                        instances: Vec::new(),
                    });
                }
                of_page(items, page.next, None)
            })
            .await
    }

    async fn show_package(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let unknown = || Refusal::Unknown { what: "package", name: asked.name.to_owned() };
                let wanted: Option<PackageKind> = asked.given.str("kind").and_then(|kind| kind.parse().ok());
                let mut found = None;
                for kind in PackageKind::ALL {
                    if found.is_none() && wanted.is_none_or(|wanted| wanted == kind) {
                        found = read.package(kind, asked.name).await?.map(|id| (id, kind));
                    }
                }
                let (id, kind) = found.ok_or_else(unknown)?;
                let releases = read.releases(id).await?;
                let page = read.list(&PlaceList { package: id, page: cursor_page(asked)? }).await?;
                let mut places = Vec::new();
                for (node, instance) in page.rows {
                    places.push((super::object::short_name(read, node).await?, instance));
                }
                let view = PackageView {
                    id: id.0,
                    kind: kind.as_str().into(),
                    name: asked.name.to_owned(),
                    sites: releases.iter().map(|release| release.enabled).sum(),
                    releases: releases
                        .into_iter()
                        .map(|release| ReleaseView {
                            version: release.version,
                            installed: release.instances,
                            enabled: release.enabled,
                        })
                        .collect(),
                    instances: places
                        .into_iter()
                        .map(|(object, instance)| InstanceView {
                            object,
                            version: instance.version.unwrap_or_default(),
                            scope: instance.scope.to_string(),
                            enabled: instance.enabled,
                            schema: instance.schema,
                        })
                        .collect(),
                };
                let mut view = shown::json(&view);
                view["next"] = page.next.map(|cursor| cursor.to_string()).into();
                Ok(Answer::Object(view))
            })
            .await
    }

    async fn list_tokens(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let tokens = self.store().read(async |read| read.tokens().await).await?;
        let items: Vec<TokenView> = tokens
            .into_iter()
            .filter(|token| token.revoked.is_none())
            .map(|token| TokenView {
                label: token.name,
                scopes: token.scopes,
                made_by: token.actor,
                created: token.created,
                expires: token.expires,
                last_used: token.last_used,
                token: None,
            })
            .collect();
        shown::page_of_whole(asked, items, |token| token.label.clone())
    }

    async fn add_token(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let scopes: Vec<String> = asked.given.strs("scope").into_iter().map(str::to_owned).collect();
        // Nobody hands on what they have not.
        for scope in &scopes {
            let permission: Permission = scope.parse().map_err(|bad: crate::NoPermission| {
                BadParameters::one(asked.operation, "scope", bad.to_string(), bad.remedy().unwrap_or_default())
            })?;
            asked.actor.must(permission)?;
        }
        let days = asked.given.number("days").unwrap_or(365);
        let text = format!("aegir_{}", self.0.outside.token());
        let new = NewToken {
            name: asked.name.to_owned(),
            scopes: scopes.clone(),
            actor: asked.actor.name.clone(),
            expires: Some(now + days * DAY),
        };
        if !asked.dry_run {
            let secret = Password::new(text.clone());
            self.store().write(async |tx| tx.add_token(&new, &secret, now).await).await?;
        }
        let view = TokenView {
            label: new.name,
            scopes,
            made_by: new.actor,
            created: now,
            expires: new.expires,
            last_used: None,
            token: (!asked.dry_run).then_some(text),
        };
        Ok(Answer::Object(shown::json(&view)))
    }

    async fn revoke_token(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let now = self.now();
        let revoked = match asked.dry_run {
            true => true,
            false => self.store().write(async |tx| tx.revoke_token(asked.name, now).await).await?,
        };
        match revoked {
            true => Ok(Answer::Object(json!({ "label": asked.name, "revoked": !asked.dry_run }))),
            false => Err(Refusal::Unknown { what: "token", name: asked.name.to_owned() }),
        }
    }

    async fn list_settings(&self) -> Result<Answer, Refusal> {
        let mut items = Vec::new();
        for setting in Setting::ALL {
            items.push(self.setting_view(setting).await?);
        }
        of_page(items, None, None)
    }

    async fn show_setting(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        Ok(Answer::Object(shown::json(&self.setting_view(asked.setting()?).await?)))
    }

    async fn setting_view(&self, setting: Setting) -> Result<SettingView, Refusal> {
        let parameter = setting.parameter();
        let set = self.store().read(async |read| read.settings().await).await?;
        let set = set.into_iter().find(|record| record.name == parameter.name);
        Ok(SettingView {
            name: parameter.name.into(),
            about: parameter.about.into(),
            value: set.as_ref().map_or_else(|| setting.default(), |set| set.value.clone()),
            default: setting.default(),
            changed_by: set.as_ref().map(|set| set.actor.clone()),
            changed: set.map(|set| set.changed),
        })
    }

    async fn set_setting(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let setting = asked.setting()?;
        let name = setting.parameter().name;
        if setting.is_secret() {
            return self.set_secret_setting(asked, name).await;
        }
        if asked.given.has("secret") {
            let why = format!("`{name}` is no secret");
            return Err(BadParameters::one(asked.operation, "secret", why, "give it as `value`").into());
        }
        let value = match asked.given.str("value") {
            Some(text) => setting.check(asked.operation, &text.into())?,
            None => Value::Null,
        };
        let now = self.now();
        if !asked.dry_run {
            self.store()
                .write(async |tx| {
                    match value.is_null() {
                        true => tx.reset_setting(name).await?,
                        false => tx.change_setting(name, &value, &asked.actor.name, now).await?,
                    }
                    let holds = if value.is_null() { setting.default() } else { value.clone() };
                    if setting == Setting::TasksAtOnce
                        && let Some(limit) = holds.as_u64().and_then(|limit| u32::try_from(limit).ok())
                    {
                        tx.limit_queue(limit).await?;
                    }
                    Ok::<_, Refusal>(())
                })
                .await?;
            self.wake();
        }
        self.show_setting(asked).await
    }

    /// A secret is sealed, and told to nobody again.
    async fn set_secret_setting(&self, asked: &Asked<'_>, name: &str) -> Result<Answer, Refusal> {
        if asked.given.has("value") {
            let why = format!("`{name}` is a secret");
            return Err(BadParameters::one(asked.operation, "value", why, "give it as `secret`").into());
        }
        let now = self.now();
        let secret = asked.given.secret("secret");
        if !asked.dry_run {
            self.store()
                .write(async |tx| match secret {
                    Some(secret) => {
                        tx.keep_secret(aegir_store::ADMIN, name, secret, &self.0.key, now).await?;
                        tx.change_setting(name, &"set", &asked.actor.name, now).await
                    }
                    None => {
                        tx.forget_secret(aegir_store::ADMIN, name).await?;
                        tx.reset_setting(name).await
                    }
                })
                .await?;
        }
        self.show_setting(asked).await
    }

    async fn list_fields(&self) -> Result<Answer, Refusal> {
        let mut items = Vec::new();
        for kind in [NodeKind::Server, NodeKind::Platform, NodeKind::Site] {
            for field in self.store().read(async |read| read.fields(kind).await).await? {
                items.push(FieldView {
                    kind: field.kind.to_string(),
                    name: field.name.to_string(),
                    title: field.label,
                    field_type: field.field_type,
                });
            }
        }
        of_page(items, None, None)
    }

    async fn add_field(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.machine_name()?;
        let field = Field {
            kind: asked.node_kind(),
            label: asked.given.str("title").unwrap_or(name.as_str()).to_owned(),
            field_type: asked.given.str("type").unwrap_or("text").to_owned(),
            required: false,
            name,
        };
        if !asked.dry_run {
            self.store().write(async |tx| tx.save_field(&field).await).await?;
        }
        Ok(Answer::Object(
            json!({ "kind": field.kind, "name": field.name, "title": field.label, "type": field.field_type }),
        ))
    }

    async fn delete_field(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.machine_name()?;
        let kind = asked.node_kind();
        self.store()
            .write(async |tx| {
                if !tx.fields(kind).await?.iter().any(|field| field.name == name) {
                    return Err(Refusal::Unknown { what: "field", name: name.to_string() });
                }
                if !asked.dry_run {
                    tx.drop_field(kind, &name).await?;
                }
                Ok(Answer::Object(json!({ "kind": kind, "name": name, "deleted": !asked.dry_run })))
            })
            .await
    }

    async fn list_found_sites(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let mut platforms = Vec::new();
                for name in asked.given.texts("platform") {
                    platforms.push(platform_named(read, &name).await?.node.id);
                }
                if platforms.is_empty() {
                    platforms = read.platforms_with_found_sites().await?;
                }
                let mut items = Vec::new();
                for platform in platforms {
                    let on = super::object::short_name(read, platform).await?;
                    for site in read.found_sites(platform).await? {
                        items.push(FoundSiteView {
                            platform: on.clone(),
                            name: site.name.to_string(),
                            first: site.first,
                            last: site.last,
                        });
                    }
                }
                shown::page_of_whole(asked, items, |site| format!("{} {}", site.platform, site.name))
            })
            .await
    }

    async fn list_drift(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let drifts = self.store().read(async |read| read.drifts().await).await?;
        let items: Vec<DriftView> = drifts
            .into_iter()
            .map(|drift| DriftView {
                name: drift.ours.name().to_string(),
                found: drift.found,
                ours: shown::json(&drift.ours),
                theirs: shown::json(&drift.theirs),
            })
            .collect();
        shown::page_of_whole(asked, items, |drift| drift.name.clone())
    }

    async fn resolve_drift(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let unknown = || Refusal::Unknown { what: "drift", name: asked.name.to_owned() };
        let name: ContextName = asked.name.parse().map_err(|_| unknown())?;
        let now = self.now();
        let answer = self
            .store()
            .write(async |tx| {
                let node = tx.node_named(&name).await?.ok_or_else(unknown)?;
                let drift = tx.drift(node.id).await?.ok_or_else(unknown)?;
                let server = server_of(tx, &node).await?.ok_or_else(unknown)?;
                let theirs = drift.theirs.clone();
                if asked.given.str("take") == Some("theirs") {
                    if !asked.dry_run {
                        crate::work::record_context(tx, node.id, &theirs, now).await?;
                        tx.settle_drift(node.id, now).await?;
                        tx.record_deed(node.id, &asked.actor.name, "took what the back end has", None, now).await?;
                    }
                    return Ok(Answer::Object(shown::json(&theirs)));
                }
                // Made from what is there, so that the back end takes it.
                let ours = drift.ours.clone().with_revision(theirs.revision());
                let wanted = Wanted {
                    object: node.id,
                    name: &name,
                    owner: node.owner.unwrap_or(aegir_store::ADMIN),
                    server,
                    needs: None,
                    request: verify_with(ours),
                };
                if asked.dry_run {
                    return Ok(asked.would_queue(&wanted));
                }
                tx.settle_drift(node.id, now).await?;
                let mut known = KnownContexts::new();
                known.insert(name.clone(), theirs);
                asked.queue(tx, wanted, &known, now).await
            })
            .await?;
        self.wake();
        Ok(answer)
    }

    async fn show_node(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let node = node_called(read, asked.name).await?;
                let view = match node.kind {
                    NodeKind::Server => match read.server(node.id).await? {
                        Some(server) => shown::json(&shown::server_view(read, &server, shown::Depth::Alone).await?),
                        None => Value::Null,
                    },
                    NodeKind::Platform => match read.platform(node.id).await? {
                        Some(platform) => {
                            shown::json(&shown::platform_view(read, &platform, shown::Depth::Alone).await?)
                        }
                        None => Value::Null,
                    },
                    NodeKind::Site => match read.site(node.id).await? {
                        Some(site) => shown::json(&shown::site_view(read, &site, shown::Depth::Alone).await?),
                        None => Value::Null,
                    },
                    NodeKind::Task => match read.task(node.id).await? {
                        Some(task) => shown::json(&shown::task_view(read, &task, shown::Depth::Alone).await?),
                        None => Value::Null,
                    },
                    NodeKind::Client | NodeKind::Package => shown::json(&shown::node_view(&node)),
                };
                let mut view = view;
                view["kind"] = node.kind.as_str().into();
                Ok(Answer::Object(view))
            })
            .await
    }

    async fn node_history(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.store()
            .snapshot(async |read| {
                let node = node_called(read, asked.name).await?;
                let list = DeedList { node: node.id, page: cursor_page(asked)? };
                let page = read.list(&list).await?;
                let items: Vec<HistoryView> = page
                    .rows
                    .into_iter()
                    .map(|deed| HistoryView { at: deed.at, actor: deed.actor, what: deed.what, detail: deed.detail })
                    .collect();
                of_page(items, page.next, None)
            })
            .await
    }

    async fn list_audit(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let given = asked.given;
        self.store()
            .snapshot(async |read| {
                let mut list = AuditList {
                    actor: given.str("actor").map(str::to_owned),
                    operation: given.str("operation").map(|operation| operation.replace(' ', "-")),
                    page: cursor_page(asked)?,
                    ..AuditList::default()
                };
                if let Some(name) = given.str("object") {
                    list.object = Some(node_called(read, name).await?.id);
                }
                let page = read.list(&list).await?;
                let items: Vec<AuditView> = page
                    .rows
                    .into_iter()
                    .map(|record| AuditView {
                        at: record.at,
                        actor: record.actor,
                        door: record.face,
                        operation: record.operation,
                        object: record.name,
                        answer: record.answer,
                    })
                    .collect();
                of_page(items, page.next, None)
            })
            .await
    }

    /// Writes down what was asked for and what came of it. That it cannot be written keeps nobody from what they
    /// asked for.
    pub(super) async fn write_audit(
        &self,
        actor: &Actor,
        operation: &Operation,
        call: &Call,
        answer: &Result<Answer, Refusal>,
    ) {
        let at = self.now();
        // Only what could be read is kept: a secret could stand anywhere in the rest.
        let detail = operation.read(&call.parameters).ok().map(|given| given.as_json());
        let record = AuditRecord {
            at,
            actor: actor.name.clone(),
            face: match actor.door {
                Door::Machine => "machine",
                Door::Token => "token",
                Door::Own => "own",
            }
            .into(),
            operation: operation.slug(),
            object: None,
            name: call.name.as_ref().map(|name| name.chars().take(300).collect()),
            answer: match answer {
                Ok(Answer::Queued(_)) => "queued",
                Ok(_) => "done",
                Err(refusal) => refusal.word(),
            }
            .into(),
            detail,
        };
        let written = self
            .store()
            .write_soon(async |tx| {
                let mut record = record;
                if let Some(name) = &record.name
                    && let Ok(node) = node_called(tx, name).await
                {
                    record.object = Some(node.id);
                }
                tx.record_audit(&record).await
            })
            .await;
        if let Err(fault) = written {
            tracing::warn!(fault = %fault, operation = operation.slug(), "what was asked for is not in the audit");
        }
    }

    /// Takes an object that was never made from the lists.
    pub(super) async fn drop_failed(&self, asked: &Asked<'_>, name: &ContextName) -> Result<Answer, Refusal> {
        let now = self.now();
        self.store()
            .write(async |tx| {
                let unknown = || Refusal::Unknown { what: asked.operation.subject.word(), name: asked.name.to_owned() };
                let node = tx.node_named(name).await?.ok_or_else(unknown)?;
                super::object::must_be_available(tx, asked.operation, &node, 0).await?;
                if !asked.dry_run {
                    tx.delete_object(node.id, now).await?;
                    crate::work::cancel_what_waits(tx, node.id, &asked.actor.name, now).await?;
                    tx.record_deed(node.id, &asked.actor.name, &asked.operation.slug(), None, now).await?;
                }
                Ok(Answer::Object(json!({ "name": name.to_string(), "deleted": !asked.dry_run })))
            })
            .await
    }
}

impl Asked<'_> {
    fn setting(&self) -> Result<Setting, Refusal> {
        Setting::named(self.name).ok_or_else(|| Refusal::Unknown { what: "settings", name: self.name.to_owned() })
    }

    fn machine_name(&self) -> Result<MachineName, Refusal> {
        self.name.parse().map_err(|_| Refusal::Unknown { what: "field", name: self.name.to_owned() })
    }

    fn node_kind(&self) -> NodeKind {
        self.given.str("kind").and_then(|kind| kind.parse().ok()).unwrap_or(NodeKind::Site)
    }

    /// Fills the operator's own fields, as `NAME=VALUE`; an empty value empties one.
    pub(crate) async fn keep_fields(&self, tx: &mut Tx, node: NodeId, now: i64) -> Result<(), Refusal> {
        for text in self.given.strs("field") {
            let bad = |why: &str, remedy: &str| {
                BadParameters::one(self.operation, "field", format!("`{text}`: {why}"), remedy)
            };
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| bad("it is not of the form NAME=VALUE", "give one such as `ticket=42`"))?;
            let name: MachineName =
                name.trim().parse().map_err(|_| bad("that is no name of a field", "see `aegir field list`"))?;
            let kind = tx.need_node(node).await?.kind;
            let fields = tx.fields(kind).await?;
            let Some(field) = fields.iter().find(|field| field.name == name) else {
                return Err(
                    bad("there is no such field", "see `aegir field list`, or add it with `aegir field add`").into()
                );
            };
            let value = value.trim();
            if !value.is_empty() && !fits(&field.field_type, value) {
                return Err(bad("that is no value of this field", &format!("give a {}", field.field_type)).into());
            }
            tx.fill_field(node, &name, (!value.is_empty()).then_some(value), now).await?;
        }
        Ok(())
    }
}

/// Whether a text is a value of a field.
fn fits(field_type: &str, value: &str) -> bool {
    match field_type {
        "number" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "yes-no" => matches!(value, "yes" | "no"),
        "date" => {
            let parts: Vec<_> = value.split('-').collect();
            let digits = |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
            matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2)
                && (1..=12).contains(&month.parse().unwrap_or(0)) && (1..=31).contains(&day.parse().unwrap_or(0)))
        }
        _ => true,
    }
}

/// What the operator's own fields of an object hold.
pub(super) async fn fields_of(read: &mut Read, node: NodeId) -> Result<BTreeMap<String, String>, Refusal> {
    Ok(read.field_values(node).await?)
}

/// A setting that is a number.
pub(crate) async fn number(read: &mut Read, setting: Setting) -> Result<u32, StoreFault> {
    let set: Option<Value> = read.setting(setting.parameter().name).await?;
    let value = set.unwrap_or_else(|| setting.default());
    Ok(value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(1))
}

/// A node by its number or name.
async fn node_called(read: &mut Read, text: &str) -> Result<Node, Refusal> {
    let unknown = || Refusal::Unknown { what: "node", name: text.to_owned() };
    let node = match text.strip_prefix('#').unwrap_or(text).parse::<i64>() {
        Ok(number) => read.node(NodeId(number)).await?,
        Err(_) => match text.parse::<ContextName>() {
            Ok(name) => read.node_named(&name).await?,
            Err(_) => None,
        },
    };
    node.ok_or_else(unknown)
}

/// The server whose back end keeps an object.
async fn server_of(read: &mut Read, node: &Node) -> Result<Option<NodeId>, Refusal> {
    Ok(match node.kind {
        NodeKind::Server => Some(node.id),
        NodeKind::Platform => read.platform(node.id).await?.map(|platform| platform.server),
        NodeKind::Site => match read.site(node.id).await? {
            Some(site) => read.platform(site.platform).await?.map(|platform| platform.server),
            None => None,
        },
        NodeKind::Client | NodeKind::Package | NodeKind::Task => None,
    })
}

/// A verify that saves a context first.
fn verify_with(context: Context) -> Task {
    match context {
        Context::Server(server) => Task::VerifyServer { server: server.name.clone(), context: Some(server) },
        Context::Platform(platform) => {
            Task::VerifyPlatform { platform: platform.name.clone(), context: Some(platform) }
        }
        Context::Site(site) => Task::VerifySite { site: site.name.clone(), context: Some(site) },
    }
}

/// Whom a token lets in.
pub(super) fn scopes_of(texts: &[String]) -> Permissions {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
