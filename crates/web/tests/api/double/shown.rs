//! How the double shows what it has: the views of `hosting`.

use std::collections::BTreeMap;

use aegir_domain::FaultReport;
use aegir_hosting::view::{
    AttemptView, AvailableView, DomainView, NodeView, PlatformView, QueueView, ServerView, ServiceView, SettingView,
    SiteView, TaskView, TokenView,
};
use aegir_hosting::{Lost, Setting};
use serde_json::{Value, json};

use super::{NOW, State};

pub(super) fn lost() -> Lost {
    let source = FaultReport { message: "ssh ended with status 255".into(), because: Vec::new(), remedy: None };
    Lost { server: "web1".parse().unwrap(), passing: true, unknown_attempt: false, source }
}

/// A name without its `@` and the word of its kind.
fn bare(name: &str) -> &str {
    let name = name.trim_start_matches('@');
    name.strip_prefix("server_").or_else(|| name.strip_prefix("platform_")).unwrap_or(name)
}

impl State {
    fn node_view(&self, id: i64) -> NodeView {
        let node = &self.nodes[&id];
        NodeView {
            id,
            kind: node.kind.into(),
            name: Some(bare(&node.name).to_owned()),
            title: node.title.clone(),
            status: node.status.into(),
            client: Some("admin".into()),
            created: NOW,
            changed: NOW,
            verified: (node.status == "enabled").then_some(NOW),
        }
    }

    pub(super) fn object(&self, id: i64) -> Value {
        let of = &self.nodes[&id];
        let (node, revision, fields) = (self.node_view(id), of.revision, BTreeMap::new());
        let operations = vec![AvailableView { verb: "verify".into(), available: true, why_not: None }];
        match of.kind {
            "server" => json!(ServerView {
                node,
                revision,
                services: vec![ServiceView {
                    kind: "http".into(),
                    service_type: "nginx".into(),
                    at: "127.0.0.1:8080".into()
                }],
                ips: Vec::new(),
                transport: "local".into(),
                ssh: None,
                most_tasks: None,
                paused: false,
                fields,
                operations,
            }),
            "platform" => json!(PlatformView {
                node,
                revision,
                root: Some("/srv/d10".into()),
                server: of.on.clone(),
                core: Some("10.3.6".into()),
                php: None,
                default_profile: None,
                source: None,
                built: None,
                locked: false,
                sites: 1,
                fields,
                operations,
            }),
            _ => json!(SiteView {
                node,
                revision,
                platform: of.on.clone(),
                server: "web1".into(),
                db_server: "web1".into(),
                database: None,
                profile: None,
                language: Some("en".into()),
                core: None,
                domains: vec![DomainView {
                    name: of.name.trim_start_matches('@').into(),
                    kind: "main".into(),
                    target: None,
                    tls: "off".into(),
                }],
                awaits_installer: false,
                cron: None,
                fenced_ms: None,
                fenced_by: None,
                copy_of: None,
                formers: Vec::new(),
                fields,
                operations,
            }),
        }
    }

    pub(super) fn task_view(&self, id: i64, whole: bool) -> TaskView {
        let task = &self.tasks[&id];
        let ended = !matches!(task.state, "waiting" | "running" | "out-of-contact");
        let last = task.attempts.len();
        let attempts = task.attempts.iter().enumerate().filter(|_| whole).map(|(at, lines)| AttemptView {
            id: format!("0190a6c0-0000-7000-8000-{:012}", at + 1),
            number: u32::try_from(at + 1).unwrap(),
            state: if ended || at + 1 < last { "ended" } else { "running" }.into(),
            started: NOW,
            ended: (ended || at + 1 < last).then_some(NOW),
            outcome: (ended || at + 1 < last).then(|| task.state.into()),
            fault: None,
            left: None,
            answer: None,
            changed: true,
            recovered: false,
            lines: lines.len() as u64,
            steps: Vec::new(),
        });
        TaskView {
            id,
            operation: task.operation.clone(),
            title: None,
            object: task.object,
            object_name: task.object_name.clone(),
            state: task.state.into(),
            asked_by: task.asked_by.clone(),
            parent: None,
            server: "web1".into(),
            queued: NOW,
            started: (last > 0).then_some(NOW),
            ended: ended.then_some(NOW),
            waits_for: (task.state == "waiting").then(|| "its turn".into()),
            cancelling: false,
            parameters: task.parameters.clone(),
            attempts: attempts.collect(),
            children: Vec::new(),
        }
    }

    pub(super) fn queue_view(&self) -> QueueView {
        let count = |state| self.tasks.values().filter(|task| task.state == state).count() as u64;
        let open = self.tasks.iter().filter(|(_, task)| matches!(task.state, "running" | "waiting"));
        QueueView {
            paused: self.paused,
            paused_servers: Vec::new(),
            most: 8,
            running: count("running"),
            out_of_contact: 0,
            waiting: count("waiting"),
            tasks: open.map(|(id, _)| self.task_view(*id, false)).collect(),
        }
    }

    pub(super) fn token_view(&self, label: &str) -> TokenView {
        let token = &self.tokens[label];
        TokenView {
            label: label.into(),
            scopes: token.scopes.iter().map(|scope| scope.to_string()).collect(),
            made_by: token.made_by.clone(),
            created: NOW,
            expires: None,
            last_used: None,
            token: None,
        }
    }

    pub(super) fn setting_view(&self, setting: Setting) -> SettingView {
        let parameter = setting.parameter();
        let set = self.settings.get(parameter.name);
        SettingView {
            name: parameter.name.into(),
            about: parameter.about.into(),
            value: set.cloned().unwrap_or_else(|| setting.default()),
            default: setting.default(),
            changed_by: set.map(|_| "aegir".into()),
            changed: set.map(|_| NOW),
        }
    }
}
