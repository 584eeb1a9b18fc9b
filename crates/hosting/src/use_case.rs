//! What each operation does. One way in, for all faces: who asks, what they may, what they gave, what came of it.

mod account;
mod archive;
mod around;
mod backup;
mod batch;
mod bulk;
mod causes;
mod compare;
mod copy;
mod cron;
mod door;
mod field;
mod found;
mod halt;
mod history;
mod host_key;
mod import;
mod object;
mod once;
mod package;
mod platform;
mod queue;
mod queued;
mod rename;
mod restore;
mod server;
mod session;
mod setting;
mod shown;
mod site;
mod site_log;
mod task;
mod task_type;
mod token;
mod trash;
mod trial;
mod way_back;
mod writes;

pub(crate) use backup::homes;
pub(crate) use object::{known_locks, operation_named, standing};
pub(crate) use once::{Keyed, Underway};
pub(crate) use queued::parameters;
pub(crate) use server::DB_PASSWORD;
pub(crate) use session::session_view;
pub(crate) use setting::{cron_interval, number};

use std::pin::Pin;

use crate::{Actor, Answer, BadParameters, Call, Given, Hosting, Names, Operation, OperationId, Reads, Refusal};

/// An operation that is allowed, with what was given, read.
pub(crate) struct Asked<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) operation: &'a Operation,
    /// The name of its object, as it is kept; empty where it names none.
    pub(crate) name: &'a str,
    pub(crate) given: &'a Given,
    pub(crate) dry_run: bool,
    pub(crate) reads: Reads,
    /// The request's own key, if it bears one.
    pub(crate) keyed: Option<&'a Keyed<'a>>,
    /// Of a task of a type of the operator's own: what that is called for people.
    pub(crate) title: Option<&'a str>,
}

/// The answer of an operation, on its way.
type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send + 'a>>;

impl Hosting {
    /// Does what is asked, if `actor` may, and writes down that it was asked.
    pub async fn perform(&self, actor: &Actor, call: Call) -> Result<Answer, Refusal> {
        self.perform_as(actor, call, None).await
    }

    async fn perform_as(&self, actor: &Actor, call: Call, keyed: Option<&Keyed<'_>>) -> Result<Answer, Refusal> {
        let operation = call.operation.declaration();
        let mut answer = self.perform_allowed(actor, &operation, &call, keyed).await;
        if keyed.is_some_and(Keyed::is_known) {
            return answer;
        }
        if let Err(Refusal::Bad(bad)) = &mut answer {
            // What the store found wrong does not know what was asked.
            bad.operation = operation.name();
        }
        let forbidden = matches!(answer, Err(Refusal::Forbidden(_)));
        if forbidden || !operation.reads() && !call.dry_run {
            self.write_audit(actor, &operation, &call, &answer).await;
        }
        answer
    }

    async fn perform_allowed(
        &self,
        actor: &Actor,
        operation: &Operation,
        call: &Call,
        keyed: Option<&Keyed<'_>>,
    ) -> Result<Answer, Refusal> {
        actor.must(operation.needs)?;
        let name = read_name(operation, call.name.as_deref())?;
        let given = operation.read(&call.parameters)?;
        let (dry_run, reads) = (call.dry_run, call.reads);
        let asked = Asked { actor, operation, name: &name, given: &given, dry_run, reads, keyed, title: None };
        let mut answer = self.answering(&asked).await?;
        if let Answer::Object(view) = &mut answer {
            self.without_idle_run(view).await;
        }
        Ok(answer)
    }

    /// What answers is chosen here, and not where it is waited for: that would hold room for all of them on its stack
    /// as long as one of them works.
    fn answering<'a>(&'a self, asked: &'a Asked<'a>) -> Answering<'a> {
        use OperationId as Id;
        match asked.operation.id {
            Id::ServerList => Box::pin(self.list_servers(asked)),
            Id::ServerShow => Box::pin(self.show_server(asked)),
            Id::ServerAdd => Box::pin(self.add_server(asked)),
            Id::ServerEdit => Box::pin(self.edit_server(asked)),
            Id::ServerVerify => Box::pin(self.verify_server(asked)),
            Id::ServerTry => Box::pin(self.try_server(asked)),
            Id::ServerHostKey => Box::pin(self.show_host_key(asked)),
            Id::ServerTrust => Box::pin(self.trust_host_key(asked)),
            Id::ServerRun => Box::pin(self.run_on_server(asked)),
            Id::PlatformRun => Box::pin(self.run_on_platform(asked)),
            Id::SiteRun => Box::pin(self.run_on_site(asked)),
            Id::TaskTypeList => Box::pin(self.list_task_types()),
            Id::ServerTrash => Box::pin(self.list_trash_of_server(asked)),
            Id::TrashList => Box::pin(self.list_trash(asked)),
            Id::TrashRestore => Box::pin(self.restore_from_trash(asked)),
            Id::TrashEmpty => Box::pin(self.empty_trash_of_one(asked)),
            Id::ServerForget => Box::pin(self.forget_server(asked)),
            Id::PlatformList => Box::pin(self.list_platforms(asked)),
            Id::PlatformShow => Box::pin(self.show_platform(asked)),
            Id::PlatformAdd => Box::pin(self.add_platform(asked)),
            Id::PlatformEdit => Box::pin(self.edit_platform(asked)),
            Id::PlatformVerify => Box::pin(self.verify_platform(asked)),
            Id::PlatformForget => Box::pin(self.forget_platform(asked)),
            Id::PlatformLock => Box::pin(self.lock_platform(asked, true)),
            Id::PlatformUnlock => Box::pin(self.lock_platform(asked, false)),
            Id::PlatformDelete => Box::pin(self.delete_platform(asked)),
            Id::PlatformMigrate => Box::pin(self.migrate_platform(asked)),
            Id::SiteList => Box::pin(self.list_sites(asked)),
            Id::SiteShow => Box::pin(self.show_site(asked)),
            Id::SiteAdd => Box::pin(self.add_site(asked)),
            Id::SiteImport => Box::pin(self.import_site(asked)),
            Id::SiteCopy => Box::pin(self.copy_somebodys_site(asked)),
            Id::SiteOptions => Box::pin(self.site_options(asked)),
            Id::SiteEdit => Box::pin(self.edit_site(asked)),
            Id::SiteVerify => Box::pin(self.verify_site(asked)),
            Id::SiteLogin => Box::pin(self.log_in_to_site(asked)),
            Id::SitePackages => Box::pin(self.list_packages_of_site(asked)),
            Id::SiteCompare => Box::pin(self.compare_site(asked)),
            Id::SiteMigrate => Box::pin(self.migrate_site(asked)),
            Id::SiteUpdate => Box::pin(self.update_site(asked)),
            Id::SiteGoBack => Box::pin(self.go_back_with_site(asked)),
            Id::SiteDropFormer => Box::pin(self.drop_former_of_site(asked)),
            Id::SiteWrittenSince => Box::pin(self.tell_written_since(asked)),
            Id::SiteLog => Box::pin(self.read_site_log(asked)),
            Id::SiteBackup => Box::pin(self.back_up_site(asked)),
            Id::SiteCron => Box::pin(self.run_cron_of_site(asked)),
            Id::SiteRebuildCaches => Box::pin(self.rebuild_caches_of_site(asked)),
            Id::SiteClone => Box::pin(self.clone_site(asked)),
            Id::SiteRename => Box::pin(self.rename_site(asked)),
            Id::SiteRefresh => Box::pin(self.refresh_copy(asked)),
            Id::SiteSwitch => Box::pin(self.switch_copy(asked)),
            Id::BackupList => Box::pin(self.list_backups(asked)),
            Id::BackupShow => Box::pin(self.show_backup(asked)),
            Id::BackupVerify => Box::pin(self.verify_backup(asked)),
            Id::BackupRestore => Box::pin(self.restore_backup(asked)),
            Id::BackupDelete => Box::pin(self.delete_backup(asked)),
            Id::SiteDisable => Box::pin(self.disable_site(asked)),
            Id::SiteEnable => Box::pin(self.enable_site(asked)),
            Id::SiteEject => Box::pin(self.eject_site(asked)),
            Id::SiteDelete => Box::pin(self.delete_site(asked)),
            Id::TaskList => Box::pin(self.list_tasks(asked)),
            Id::TaskShow => Box::pin(self.show_task(asked)),
            Id::TaskLog => Box::pin(self.task_log(asked)),
            Id::TaskCancel => Box::pin(self.cancel_task(asked)),
            Id::TaskRetry => Box::pin(self.retry_task(asked)),
            Id::QueueShow => Box::pin(self.show_queue()),
            Id::QueuePause | Id::QueueDrain => Box::pin(self.pause_queue(asked, true)),
            Id::QueueResume => Box::pin(self.pause_queue(asked, false)),
            Id::BulkList => Box::pin(self.list_bulk(asked)),
            Id::BulkShow => Box::pin(self.show_bulk(asked)),
            Id::BulkObjects => Box::pin(self.list_bulk_objects(asked)),
            Id::BulkStart => Box::pin(self.start_bulk(asked)),
            Id::BulkRetry => Box::pin(self.retry_bulk(asked)),
            Id::BulkPause => Box::pin(self.pause_bulk(asked)),
            Id::BulkResume => Box::pin(self.resume_bulk(asked)),
            Id::BulkStop => Box::pin(self.stop_bulk(asked)),
            Id::BulkGoBack => Box::pin(self.go_back_with_bulk(asked)),
            Id::PackageList => Box::pin(self.list_packages(asked)),
            Id::PackageShow => Box::pin(self.show_package(asked)),
            Id::TokenList => Box::pin(self.list_tokens(asked)),
            Id::TokenAdd => Box::pin(self.add_token(asked)),
            Id::TokenRevoke => Box::pin(self.revoke_token(asked)),
            Id::AccountList => Box::pin(self.list_accounts(asked)),
            Id::AccountAdd => Box::pin(self.add_account(asked)),
            Id::AccountLink => Box::pin(self.link_account(asked)),
            Id::AccountBlock => Box::pin(self.block_account(asked)),
            Id::AccountUnblock => Box::pin(self.unblock_account(asked)),
            Id::AccountDelete => Box::pin(self.delete_account(asked)),
            Id::SessionList => Box::pin(self.list_sessions(asked)),
            Id::SessionEnd => Box::pin(self.end_session(asked)),
            Id::SettingList => Box::pin(self.list_settings()),
            Id::SettingShow => Box::pin(self.show_setting(asked)),
            Id::SettingSet => Box::pin(self.set_setting(asked)),
            Id::FieldList => Box::pin(self.list_fields()),
            Id::FieldAdd => Box::pin(self.add_field(asked)),
            Id::FieldDelete => Box::pin(self.delete_field(asked)),
            Id::FoundSiteList => Box::pin(self.list_found_sites(asked)),
            Id::FoundSiteShow => Box::pin(self.look_at_found_site(asked)),
            Id::DriftList => Box::pin(self.list_drift(asked)),
            Id::DriftResolve => Box::pin(self.resolve_drift(asked)),
            Id::NodeShow => Box::pin(self.show_node(asked)),
            Id::NodeHistory => Box::pin(self.node_history(asked)),
            Id::AuditList => Box::pin(self.list_audit(asked)),
        }
    }
}

fn read_name(operation: &Operation, name: Option<&str>) -> Result<String, Refusal> {
    let (Names::One(kind) | Names::New(kind)) = operation.names else {
        return match name {
            None => Ok(String::new()),
            Some(_) => {
                Err(BadParameters::one(operation, "name", "this operation names no object", "leave the name out")
                    .into())
            }
        };
    };
    let name =
        name.ok_or_else(|| BadParameters::one(operation, "name", "it must be given", format!("give {}", kind.word)))?;
    kind.read(name).map_err(|bad| {
        let remedy = bad.instead.clone().unwrap_or_default();
        BadParameters::one(operation, "name", bad.to_string(), remedy).into()
    })
}
