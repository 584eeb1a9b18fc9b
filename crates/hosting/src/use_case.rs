//! What each operation does. One way in, for all faces: who asks, what they may, what they gave, what came of it.

mod account;
mod archive;
mod around;
mod backup;
mod bulk;
mod compare;
mod copy;
mod door;
mod field;
mod found;
mod history;
mod host_key;
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
mod task;
mod token;
mod trial;
mod writes;

pub(crate) use object::{known_locks, operation_named, standing};
pub(crate) use once::{Keyed, Underway};
pub(crate) use queued::parameters;
pub(crate) use server::DB_PASSWORD;
pub(crate) use session::session_view;
pub(crate) use setting::number;

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
}

impl Hosting {
    /// Does what is asked, if `actor` may, and writes down that it was asked.
    pub async fn perform(&self, actor: &Actor, call: Call) -> Result<Answer, Refusal> {
        self.perform_as(actor, call, None).await
    }

    async fn perform_as(&self, actor: &Actor, call: Call, keyed: Option<&Keyed<'_>>) -> Result<Answer, Refusal> {
        let operation = call.operation.declaration();
        // It has room for whichever operation it is: on the heap, else whoever asks for several holds as many on its
        // thread's stack.
        let mut answer = Box::pin(self.perform_allowed(actor, &operation, &call, keyed)).await;
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
        let asked = Asked { actor, operation, name: &name, given: &given, dry_run, reads, keyed };
        use OperationId as Id;
        match operation.id {
            Id::ServerList => self.list_servers(&asked).await,
            Id::ServerShow => self.show_server(&asked).await,
            Id::ServerAdd => self.add_server(&asked).await,
            Id::ServerEdit => self.edit_server(&asked).await,
            Id::ServerVerify => self.verify_server(&asked).await,
            Id::ServerTry => self.try_server(&asked).await,
            Id::ServerHostKey => self.show_host_key(&asked).await,
            Id::ServerTrust => self.trust_host_key(&asked).await,
            Id::ServerForget => self.forget_server(&asked).await,
            Id::PlatformList => self.list_platforms(&asked).await,
            Id::PlatformShow => self.show_platform(&asked).await,
            Id::PlatformAdd => self.add_platform(&asked).await,
            Id::PlatformEdit => self.edit_platform(&asked).await,
            Id::PlatformVerify => self.verify_platform(&asked).await,
            Id::PlatformForget => self.forget_platform(&asked).await,
            Id::SiteList => self.list_sites(&asked).await,
            Id::SiteShow => self.show_site(&asked).await,
            Id::SiteAdd => self.add_site(&asked).await,
            Id::SiteOptions => self.site_options(&asked).await,
            Id::SiteEdit => self.edit_site(&asked).await,
            Id::SiteVerify => self.verify_site(&asked).await,
            Id::SiteLogin => self.log_in_to_site(&asked).await,
            Id::SitePackages => self.list_packages_of_site(&asked).await,
            Id::SiteCompare => self.compare_site(&asked).await,
            Id::SiteMigrate => self.migrate_site(&asked).await,
            Id::SiteGoBack => self.go_back_with_site(&asked).await,
            Id::SiteDropFormer => self.drop_former_of_site(&asked).await,
            Id::SiteWrittenSince => self.tell_written_since(&asked).await,
            Id::SiteBackup => self.back_up_site(&asked).await,
            Id::SiteClone => self.clone_site(&asked).await,
            Id::SiteRename => self.rename_site(&asked).await,
            Id::BackupList => self.list_backups(&asked).await,
            Id::BackupShow => self.show_backup(&asked).await,
            Id::BackupVerify => self.verify_backup(&asked).await,
            Id::BackupRestore => self.restore_backup(&asked).await,
            Id::BackupDelete => self.delete_backup(&asked).await,
            Id::SiteDelete => self.delete_site(&asked).await,
            Id::TaskList => self.list_tasks(&asked).await,
            Id::TaskShow => self.show_task(&asked).await,
            Id::TaskLog => self.task_log(&asked).await,
            Id::TaskCancel => self.cancel_task(&asked).await,
            Id::TaskRetry => self.retry_task(&asked).await,
            Id::QueueShow => self.show_queue().await,
            Id::QueuePause | Id::QueueDrain => self.pause_queue(&asked, true).await,
            Id::QueueResume => self.pause_queue(&asked, false).await,
            Id::BulkList => self.list_bulk(&asked).await,
            Id::BulkShow => self.show_bulk(&asked).await,
            Id::BulkObjects => self.list_bulk_objects(&asked).await,
            Id::BulkStart => self.start_bulk(&asked).await,
            Id::BulkRetry => self.retry_bulk(&asked).await,
            Id::PackageList => self.list_packages(&asked).await,
            Id::PackageShow => self.show_package(&asked).await,
            Id::TokenList => self.list_tokens(&asked).await,
            Id::TokenAdd => self.add_token(&asked).await,
            Id::TokenRevoke => self.revoke_token(&asked).await,
            Id::AccountList => self.list_accounts(&asked).await,
            Id::AccountAdd => self.add_account(&asked).await,
            Id::AccountLink => self.link_account(&asked).await,
            Id::AccountBlock => self.block_account(&asked).await,
            Id::AccountUnblock => self.unblock_account(&asked).await,
            Id::AccountDelete => self.delete_account(&asked).await,
            Id::SessionList => self.list_sessions(&asked).await,
            Id::SessionEnd => self.end_session(&asked).await,
            Id::SettingList => self.list_settings().await,
            Id::SettingShow => self.show_setting(&asked).await,
            Id::SettingSet => self.set_setting(&asked).await,
            Id::FieldList => self.list_fields().await,
            Id::FieldAdd => self.add_field(&asked).await,
            Id::FieldDelete => self.delete_field(&asked).await,
            Id::FoundSiteList => self.list_found_sites(&asked).await,
            Id::DriftList => self.list_drift(&asked).await,
            Id::DriftResolve => self.resolve_drift(&asked).await,
            Id::NodeShow => self.show_node(&asked).await,
            Id::NodeHistory => self.node_history(&asked).await,
            Id::AuditList => self.list_audit(&asked).await,
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
