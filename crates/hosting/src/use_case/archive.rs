//! Archives of backups: given to whoever may have them, and taken from whoever may bring them. Both are in the audit.
//!
//! They are no operations: what crosses is no JSON, and can be larger than any memory. What is named, and by whom, is
//! read as for `backup show`.

use aegir_domain::{BackupName, FaultReport};
use serde_json::Value;

use super::{Asked, backup};
use crate::view::BackupView;
use crate::{
    Actor, Answer, BadParameters, Call, Download, Hosting, Operation, OperationId, Permission, Reads, Refusal, Source,
};

/// What whoever wants archives must be allowed: all that a site has is in them, and what is brought can be made a site.
const NEEDS: Permission = Permission::Manage;

/// As the audit has it.
fn operation(verb: &'static str) -> Operation {
    Operation { verb, needs: NEEDS, ..OperationId::BackupShow.declaration() }
}

impl Hosting {
    /// The archive of the backup `name`, on the machine of `server` or wherever it lies.
    pub(super) async fn give_archive(
        &self,
        actor: &Actor,
        name: &str,
        server: Option<&str>,
    ) -> Result<Download, Refusal> {
        let operation = operation("download");
        let given = self.given_archive(actor, &operation, name, server).await;
        self.audited(actor, &operation, &call(name, server), given).await
    }

    async fn given_archive(
        &self,
        actor: &Actor,
        operation: &Operation,
        name: &str,
        server: Option<&str>,
    ) -> Result<Download, Refusal> {
        actor.must(NEEDS)?;
        let call = call(name, server);
        let given = operation.read(&call.parameters)?;
        let asked = Asked {
            actor,
            operation,
            name,
            given: &given,
            dry_run: false,
            reads: Reads::ALL,
            keyed: None,
            title: None,
        };
        let (place, name) = self.place_of_backup(&asked).await?;
        let archive = self.0.back_ends.send_archive(&place, &name).await?.map_err(refused)?;
        Ok(Download { name, archive })
    }

    /// Has the machine of `server`, or of the backup's site, or the only one that there is, take in what `from` gives as
    /// the backup `name`.
    pub(super) async fn take_archive(
        &self,
        actor: &Actor,
        name: &str,
        server: Option<&str>,
        from: &mut dyn Source,
    ) -> Result<BackupView, Refusal> {
        let operation = operation("upload");
        let taken = self.taken_archive(actor, &operation, name, server, from).await;
        self.audited(actor, &operation, &call(name, server), taken).await
    }

    async fn taken_archive(
        &self,
        actor: &Actor,
        operation: &Operation,
        name: &str,
        server: Option<&str>,
        from: &mut dyn Source,
    ) -> Result<BackupView, Refusal> {
        actor.must(NEEDS)?;
        let named: BackupName = name.parse().map_err(|bad: aegir_domain::BadText| {
            let remedy = bad.instead.clone().unwrap_or_default();
            BadParameters::one(operation, "name", bad.to_string(), remedy)
        })?;
        let call = call(name, server);
        let given = operation.read(&call.parameters)?;
        let asked = Asked {
            actor,
            operation,
            name,
            given: &given,
            dry_run: false,
            reads: Reads::ALL,
            keyed: None,
            title: None,
        };
        let site = named.site();
        let mut places = self.store().read(async |read| backup::places(read, &asked, Some(&site)).await).await?;
        let Some((_, place)) = places.pop().filter(|_| places.is_empty()) else {
            let why = "its site is not known here, and there is not just one machine";
            return Err(BadParameters::one(operation, "server", why, "say on whose machine it is to lie").into());
        };
        let found = self.0.back_ends.receive_archive(&place, &named, from).await?.map_err(refused)?;
        Ok(BackupView::of(&place.server, &found))
    }

    async fn audited<T>(
        &self,
        actor: &Actor,
        operation: &Operation,
        call: &Call,
        came: Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (answer, came) = match came {
            Ok(came) => (Ok(Answer::Object(Value::Null)), Some(came)),
            Err(refusal) => (Err(refusal), None),
        };
        self.write_audit(actor, operation, call, &answer).await;
        match (answer, came) {
            (_, Some(came)) => Ok(came),
            (Err(refusal), None) => Err(refusal),
            (Ok(_), None) => unreachable!("what was done came to something"),
        }
    }
}

fn call(name: &str, server: Option<&str>) -> Call {
    let call = Call::of(OperationId::BackupShow).about(name);
    match server.filter(|server| !server.is_empty()) {
        Some(server) => call.with("server", server),
        None => call,
    }
}

/// What the back end says against it.
fn refused(report: FaultReport) -> Refusal {
    let because = report.because.iter().map(|cause| format!(": {cause}")).collect::<String>();
    Refusal::Conflict { what: format!("{}{because}", report.message), remedy: report.remedy }
}
