//! From records to what faces show.

use aegir_domain::protocol::{Level, Phase, Said};
use aegir_domain::{CopySource, DbEngine, DbService, Former, NodeId, ObjectStatus, TaskState, Transport};
use aegir_store::{
    AttemptRecord, Cursor, Direction, Domain, LineRecord, Listed, Listing, Node, NodesOf, ObjectSort, Page,
    PlatformRecord, Read, ServerRecord, SiteRecord, StoreFault, TaskList, TaskRecord, TaskSort, Total, WaitingFor,
};
use serde::Serialize;
use serde_json::Value;

use super::Asked;
use super::around::Around;
use super::object::{short, short_name, standing};
use crate::view::{
    AttemptView, AvailableView, CopySourceView, DomainView, FormerView, LineView, NodeView, PlatformView, ServerView,
    ServiceView, SiteView, SshView, StepView, TaskView,
};
use crate::{Answer, Effect, Given, Names, Operation, OperationId, Refusal, Subject, Unavailable, available};

/// A view as JSON; views are plain data.
pub(super) fn json<T: Serialize>(view: &T) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}

/// The page that is asked for.
pub(super) fn cursor_page(asked: &Asked<'_>) -> Result<Page, Refusal> {
    let limit = asked.given.number("limit").and_then(|limit| u32::try_from(limit).ok()).unwrap_or(50);
    match asked.given.str("cursor") {
        None => Ok(Page::first(limit)),
        Some(text) => {
            let cursor: Cursor = text.parse().map_err(|_| {
                let remedy = "give what `next` of the page before said, with the same filters and order";
                crate::BadParameters::one(asked.operation, "cursor", "it is no place in this list", remedy)
            })?;
            Ok(Page::behind(limit, cursor))
        }
    }
}

/// A page of a list as it is read, with how many there are in all if that is read too.
pub(super) async fn listed<L: Listing>(
    read: &mut Read,
    asked: &Asked<'_>,
    list: &L,
) -> Result<(Listed<L::Item>, Option<Total>), StoreFault> {
    if asked.reads.total {
        let (page, total) = read.list_with_total(list).await?;
        return Ok((page, Some(total)));
    }
    Ok((read.list(list).await?, None))
}

/// A page of objects of which nothing else is read.
pub(super) async fn nodes_alone<L>(read: &mut Read, asked: &Asked<'_>, list: L) -> Result<Answer, Refusal>
where
    NodesOf<L>: Listing<Item = Node>,
{
    let (page, total) = listed(read, asked, &NodesOf(list)).await?;
    of_page(page.rows.iter().map(node_view).collect(), page.next, total)
}

/// A page as it is answered.
pub(super) fn of_page<T: Serialize>(
    items: Vec<T>,
    next: Option<Cursor>,
    total: Option<Total>,
) -> Result<Answer, Refusal> {
    let total = match total {
        Some(Total::Exactly(count)) => Some(count),
        _ => None,
    };
    Ok(Answer::Page { items: items.iter().map(json).collect(), next: next.map(|cursor| cursor.to_string()), total })
}

/// A page of what is kept in so short a list that it is read whole; `key` tells entries apart, and is their order.
pub(super) fn page_of_whole<T: Serialize>(
    asked: &Asked<'_>,
    mut items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<Answer, Refusal> {
    let total = items.len() as u64;
    items.sort_by_key(&key);
    if let Some(behind) = asked.given.str("cursor") {
        items.retain(|item| key(item).as_str() > behind);
    }
    let limit = asked.given.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50);
    let next = (items.len() > limit).then(|| key(&items[limit - 1]));
    items.truncate(limit);
    Ok(Answer::Page { items: items.iter().map(json).collect(), next, total: Some(total) })
}

/// The order that is asked for: by name, if none is.
pub(super) fn order_of(given: &Given) -> (ObjectSort, Direction) {
    let sort = given.str("sort").unwrap_or("name");
    let (sort, direction) = match sort.strip_prefix('-') {
        Some(sort) => (sort, Direction::Down),
        None => (sort, Direction::Up),
    };
    let sort = match sort {
        "created" => ObjectSort::Number,
        "changed" => ObjectSort::Changed,
        _ => ObjectSort::Name,
    };
    (sort, direction)
}

/// The statuses that are asked for: all but deleted ones, if none is.
pub(super) fn statuses(given: &Given) -> Vec<ObjectStatus> {
    let named: Vec<ObjectStatus> = given.strs("status").iter().filter_map(|text| text.parse().ok()).collect();
    match named.is_empty() {
        true => vec![ObjectStatus::New, ObjectStatus::Enabled, ObjectStatus::Disabled, ObjectStatus::Failed],
        false => named,
    }
}

pub(super) fn node_view(node: &Node) -> NodeView {
    NodeView {
        id: node.id.0,
        kind: node.kind.to_string(),
        name: node.name.as_ref().map(short),
        title: node.title.clone(),
        status: node.status.map(|status| status.to_string()).unwrap_or_default(),
        client: node.owner.filter(|owner| *owner == aegir_store::ADMIN).map(|_| "admin".to_owned()),
        created: node.created,
        changed: node.changed,
        verified: node.verified,
    }
}

/// What can be asked of an object now, and why not the rest.
async fn operations(
    read: &mut Read,
    node: &Node,
    subject: Subject,
    used_by: u64,
) -> Result<Vec<AvailableView>, StoreFault> {
    let standing = standing(read, node, used_by).await?;
    let declared = OperationId::ALL.into_iter().map(OperationId::declaration);
    // A batch is a run of tasks on others, and is asked of the platform; who takes sites, and a turn of cron, is no task.
    let is_work = |operation: &Operation| {
        use OperationId as Id;
        operation.effect == Effect::Queues
            || matches!(operation.id, Id::PlatformMigrate | Id::PlatformLock | Id::PlatformUnlock | Id::SiteCron)
    };
    let of_it = declared.filter(|operation| {
        operation.subject == subject && is_work(operation) && matches!(operation.names, Names::One(_))
    });
    Ok(of_it
        .filter_map(|operation| {
            let why_not = match available(&operation, &standing) {
                // Nobody misses what is so already, or what only copies have.
                Err(Unavailable::IsSo { .. } | Unavailable::NoCopy { .. }) => return None,
                found => found.err().map(|why| why.to_string()),
            };
            Some(AvailableView { verb: operation.verb.to_owned(), available: why_not.is_none(), why_not })
        })
        .collect())
}

/// A server, with all that there is to tell.
pub(super) async fn server_view(read: &mut Read, server: &ServerRecord) -> Result<ServerView, Refusal> {
    let id = server.node.id;
    let used_by = super::object::users_of(read, id).await?;
    Ok(ServerView {
        ips: read.server_ips(id).await?.into_iter().map(|ip| ip.to_string()).collect(),
        fields: super::field::fields_of(read, id).await?,
        operations: operations(read, &server.node, Subject::Server, used_by).await?,
        ..server_in_list(server)
    })
}

/// A server, as lists tell it.
pub(super) fn server_in_list(server: &ServerRecord) -> ServerView {
    let http = server.context.http.as_ref().map(|http| ServiceView {
        kind: "http".into(),
        service_type: http.engine.as_str().into(),
        at: http.listen.to_string(),
    });
    let db = server.context.db.as_ref().map(|db| ServiceView {
        kind: "db".into(),
        service_type: db.as_str().into(),
        at: match db {
            DbService::Sqlite {} => "files in the home".into(),
            DbService::Mariadb { at: DbEngine::Socket(path), .. } => path.display().to_string(),
            DbService::Mariadb { at: DbEngine::Tcp { host, port }, .. } => format!("{host}:{port}"),
        },
    });
    ServerView {
        node: node_view(&server.node),
        revision: server.context.revision,
        services: http.into_iter().chain(db).collect(),
        ips: Vec::new(),
        transport: match &server.transport {
            Transport::Local => "local".into(),
            Transport::Ssh(address) => format!("ssh {address}"),
        },
        ssh: match &server.transport {
            Transport::Local => None,
            Transport::Ssh(address) => Some(SshView {
                host: address.host.to_string(),
                port: address.port,
                user: address.user.to_string(),
                home: address.home.to_string(),
                program: address.program.as_ref().map(|program| program.to_string()),
                host_key: address.host_key.as_ref().map(crate::host_keys::shown),
            }),
        },
        most_tasks: server.task_limit,
        paused: server.paused,
        fields: Default::default(),
        operations: Vec::new(),
    }
}

/// A platform, with all that there is to tell.
pub(super) async fn platform_view(read: &mut Read, platform: &PlatformRecord) -> Result<PlatformView, Refusal> {
    let around = Around::platforms(read, std::slice::from_ref(platform)).await?;
    let view = platform_in_list(&around, platform);
    Ok(PlatformView {
        fields: super::field::fields_of(read, platform.node.id).await?,
        operations: operations(read, &platform.node, Subject::Platform, view.sites).await?,
        ..view
    })
}

/// A platform, as lists tell it.
pub(super) fn platform_in_list(around: &Around, platform: &PlatformRecord) -> PlatformView {
    PlatformView {
        node: node_view(&platform.node),
        revision: platform.context.as_ref().map_or(0, |context| context.revision),
        root: platform.root.as_ref().map(|root| root.as_str().to_owned()),
        server: around.name(platform.server),
        core: platform.core.clone(),
        php: platform.php.as_ref().map(|php| php.display().to_string()),
        default_profile: platform.default_profile.as_ref().map(|profile| profile.to_string()),
        source: platform.source.as_ref().map(json),
        built: platform.context.as_ref().and_then(|context| context.built.clone()),
        locked: platform.locked,
        sites: around.sites.get(&platform.node.id).copied().unwrap_or(0),
        fields: Default::default(),
        operations: Vec::new(),
    }
}

/// A site, with all that there is to tell.
pub(super) async fn site_view(read: &mut Read, site: &SiteRecord) -> Result<SiteView, Refusal> {
    let around = Around::sites(read, std::slice::from_ref(site)).await?;
    let mut operations = operations(read, &site.node, Subject::Site, 0).await?;
    if site.context.as_ref().is_none_or(|context| context.formers.is_empty()) {
        for one in operations.iter_mut().filter(|one| matches!(&*one.verb, "go-back" | "drop-former") && one.available)
        {
            one.available = false;
            one.why_not = Some("it has no former self: one is kept when it is moved".into());
        }
    }
    if site.context.as_ref().is_some_and(|context| context.awaits_installer) {
        use OperationId as Id;
        let need_drupal = [
            Id::SiteUpdate,
            Id::SiteClone,
            Id::SiteRename,
            Id::SiteDisable,
            Id::SiteEject,
            Id::SiteCron,
            Id::SiteRebuildCaches,
        ];
        let need_drupal = need_drupal.map(|id| id.declaration().verb);
        for one in operations.iter_mut().filter(|one| one.available && need_drupal.contains(&one.verb.as_str())) {
            one.available = false;
            one.why_not = Some("Drupal is not installed into it yet".into());
        }
    }
    let fence = last_fence(read, site).await?;
    Ok(SiteView {
        fields: super::field::fields_of(read, site.node.id).await?,
        operations,
        fenced_ms: fence.map(|(_, took)| took),
        fenced_by: fence.map(|(task, _)| task.0),
        ..site_in_list(&around, site)
    })
}

/// The task that last put a site behind its fence, if one did, and for how many milliseconds.
async fn last_fence(read: &mut Read, site: &SiteRecord) -> Result<Option<(NodeId, u64)>, StoreFault> {
    let moves = [
        OperationId::SiteMigrate,
        OperationId::SiteUpdate,
        OperationId::SiteGoBack,
        OperationId::SiteRename,
        OperationId::SiteRefresh,
        OperationId::SiteSwitch,
        OperationId::BackupRestore,
    ];
    let moved = TaskList {
        state: vec![TaskState::Succeeded, TaskState::Untidy],
        operation: moves.iter().filter_map(|id| id.declaration().slug().parse().ok()).collect(),
        object: Some(site.node.id),
        sort: TaskSort::Ended,
        direction: Direction::Down,
        page: Page::first(1),
        ..TaskList::default()
    };
    let Some(task) = read.list(&moved).await?.rows.into_iter().next() else { return Ok(None) };
    let attempts = read.attempts(task.id).await?;
    let took = attempts.iter().rev().find_map(|attempt| attempt.answer.get("fenced_ms")?.as_u64());
    Ok(took.map(|took| (task.id, took)))
}

/// A site, as lists tell it.
pub(super) fn site_in_list(around: &Around, site: &SiteRecord) -> SiteView {
    let context = site.context.as_ref();
    let domains = around.domains.get(&site.node.id).map(Vec::as_slice).unwrap_or_default();
    SiteView {
        node: node_view(&site.node),
        revision: context.map_or(0, |context| context.revision),
        platform: around.name(site.platform),
        server: around.servers.get(&site.platform).map(|server| around.name(*server)).unwrap_or_default(),
        db_server: around.name(site.db_server),
        database: context.map(|context| context.database.name.to_string()),
        profile: site.profile.as_ref().map(|profile| profile.to_string()),
        language: site.language.as_ref().map(|language| language.to_string()),
        core: site.core.clone(),
        domains: domains.iter().map(domain_view).collect(),
        awaits_installer: context.is_some_and(|context| context.awaits_installer),
        cron: around.every.map(|every| super::cron::view_of(around.cron.get(&site.node.id), every)),
        fenced_ms: None,
        fenced_by: None,
        copy_of: context.and_then(|context| context.copy_of.as_deref()).map(source_view),
        formers: context.map(|context| context.formers.iter().map(former_view).collect()).unwrap_or_default(),
        fields: Default::default(),
        operations: Vec::new(),
    }
}

fn former_view(former: &Former) -> FormerView {
    FormerView {
        name: former.name.to_string(),
        called: former.names.as_ref().map(|names| names.site.to_string()),
        platform: former.platform.to_string(),
        core: former.core.clone(),
        since: former.since.saturating_mul(1000),
        bytes: former.bytes,
        archive: former.archive.as_ref().map(ToString::to_string),
    }
}

fn source_view(source: &CopySource) -> CopySourceView {
    CopySourceView {
        folder: source.folder.display().to_string(),
        sanitised: source.sanitise,
        wants_password: source.database.is_some(),
    }
}

fn domain_view(domain: &Domain) -> DomainView {
    DomainView {
        name: domain.name.to_string(),
        kind: domain.kind.to_string(),
        target: domain.target.as_ref().map(|target| target.to_string()),
        tls: domain.tls_mode.to_string(),
    }
}

/// A task, with all that there is to tell.
pub(super) async fn task_view(read: &mut Read, task: &TaskRecord) -> Result<TaskView, Refusal> {
    let around = Around::tasks(read, std::slice::from_ref(task)).await?;
    let mut view = task_that_waits(read, &around, task).await?;
    for attempt in read.attempts(task.id).await? {
        view.attempts.push(attempt_view(read, attempt).await?);
    }
    let children = aegir_store::TaskList {
        parent: Some(task.id),
        page: Page::first(aegir_store::LONGEST_PAGE),
        ..aegir_store::TaskList::default()
    };
    view.children = read.list(&children).await?.rows.iter().map(|child| child.id.0).collect();
    Ok(view)
}

/// A task as lists tell it, and what it waits for.
pub(super) async fn task_that_waits(read: &mut Read, around: &Around, task: &TaskRecord) -> Result<TaskView, Refusal> {
    let mut reasons = Vec::new();
    for reason in read.waiting_for(task.id).await? {
        reasons.push(in_words(read, reason).await?);
    }
    if task.state == TaskState::OutOfContact {
        reasons.push(out_of_contact(read, task.server).await?);
    }
    let waits_for = (!reasons.is_empty()).then(|| reasons.join("; "));
    Ok(TaskView { waits_for, ..task_in_list(around, task) })
}

/// A task, as lists tell it.
pub(super) fn task_in_list(around: &Around, task: &TaskRecord) -> TaskView {
    TaskView {
        id: task.id.0,
        operation: task.operation.to_string(),
        title: task.parameters["title"].as_str().map(str::to_owned),
        object: task.object.0,
        object_name: task.object_name.to_string(),
        state: task.state.to_string(),
        asked_by: task.actor.clone(),
        parent: task.parent.map(|parent| parent.0),
        server: around.name(task.server),
        queued: task.queued,
        started: task.started,
        ended: task.ended,
        waits_for: None,
        cancelling: task.cancel_asked.is_some() && !task.state.is_ended(),
        parameters: task.parameters["given"].clone(),
        attempts: Vec::new(),
        children: Vec::new(),
    }
}

/// The same, read for it alone.
pub(super) async fn task_alone_in_list(read: &mut Read, task: &TaskRecord) -> Result<TaskView, Refusal> {
    Ok(task_in_list(&Around::tasks(read, std::slice::from_ref(task)).await?, task))
}

/// What a task waits for whose machine says nothing.
async fn out_of_contact(read: &mut Read, server: NodeId) -> Result<String, StoreFault> {
    let name = short_name(read, server).await?;
    let behind_ssh = matches!(read.server(server).await?, Some(ServerRecord { transport: Transport::Ssh(_), .. }));
    Ok(match behind_ssh {
        true => format!("contact with `{name}`: `aegir server host-key {name}` says what is wrong"),
        false => format!("contact with the back end of `{name}`"),
    })
}

/// What a task waits for, in words.
async fn in_words(read: &mut Read, reason: WaitingFor) -> Result<String, StoreFault> {
    let named = async |read: &mut Read, id: NodeId| short_name(read, id).await;
    Ok(match reason {
        WaitingFor::Queue => "the queue is paused".into(),
        WaitingFor::Server(id) => format!("the server `{}` is paused", named(read, id).await?),
        WaitingFor::Object(task) => format!("task {task} runs on the same object"),
        WaitingFor::Lock { task, name } => format!("task {task} holds `{name}`"),
        WaitingFor::Platform(id) => format!("the platform `{}` is not verified yet", named(read, id).await?),
        WaitingFor::ServerRoom(most) => format!("{most} tasks run on its server, which is as many as may"),
        WaitingFor::QueueRoom(most) => format!("{most} tasks run, which is as many as may"),
        WaitingFor::Turn(0) => "its turn: it is next".into(),
        WaitingFor::Turn(before) => format!("its turn: {before} before it"),
    })
}

async fn attempt_view(read: &mut Read, attempt: AttemptRecord) -> Result<AttemptView, StoreFault> {
    let steps = read.steps(attempt.id).await?;
    Ok(AttemptView {
        id: attempt.id.to_string(),
        number: u32::try_from(attempt.number).unwrap_or(u32::MAX),
        state: attempt.state.to_string(),
        started: attempt.started,
        ended: attempt.ended,
        outcome: attempt.outcome.map(|outcome| outcome.to_string()),
        fault: attempt.fault.as_ref().map(json),
        left: (!attempt.left.is_empty()).then(|| json(&attempt.left)),
        answer: (!attempt.answer.is_empty()).then(|| Value::Object(attempt.answer.clone())),
        changed: attempt.changed,
        recovered: attempt.recovered,
        lines: attempt.next_line.saturating_sub(1),
        steps: steps
            .into_iter()
            .map(|step| StepView {
                line: step.line,
                name: step.name,
                phase: phase_word(step.phase),
                took: step.took.and_then(|took| i64::try_from(took).ok()),
            })
            .collect(),
    })
}

pub(super) fn line_view(attempt: u64, record: &LineRecord) -> LineView {
    let (kind, level, text, output) = match &record.line.said {
        Said::Started { task, object, .. } => ("started", None, format!("{} of {object}", task.as_str()), None),
        Said::Log { level, text, output } => ("log", Some(level_word(*level)), text.clone(), output.clone()),
        Said::Step { name, phase, took, .. } => {
            let took = took.map(|took| format!(" ({took} ms)")).unwrap_or_default();
            ("step", Some(phase_word(*phase)), format!("{name}{took}"), None)
        }
        Said::Progress { done, total, text } => {
            let far = match total {
                0 => String::new(),
                total => format!(" ({done} of {total})"),
            };
            ("progress", None, format!("{text}{far}"), None)
        }
        Said::Result(ending) => {
            let outcome = json(&ending.outcome)["outcome"].as_str().unwrap_or_default().to_owned();
            ("result", Some(outcome), ending.fault().map(|fault| fault.message.clone()).unwrap_or_default(), None)
        }
    };
    LineView {
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        n: record.line.n,
        at: i64::try_from(record.line.at).unwrap_or(i64::MAX),
        kind: kind.into(),
        level,
        text,
        output,
    }
}

fn level_word(level: Level) -> String {
    json(&level).as_str().unwrap_or_default().to_owned()
}

fn phase_word(phase: Phase) -> String {
    json(&phase).as_str().unwrap_or_default().to_owned()
}
