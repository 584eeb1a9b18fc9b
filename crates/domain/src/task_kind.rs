//! Which of the tasks something is: what is known of each without its parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::Task;

/// The kinds of task, for whoever must not miss one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// See [`Task::SaveContext`].
    SaveContext,
    /// See [`Task::ForgetContext`].
    ForgetContext,
    /// See [`Task::VerifyServer`].
    VerifyServer,
    /// See [`Task::BuildPlatform`].
    BuildPlatform,
    /// See [`Task::VerifyPlatform`].
    VerifyPlatform,
    /// See [`Task::DeletePlatform`].
    DeletePlatform,
    /// See [`Task::RestorePlatform`].
    RestorePlatform,
    /// See [`Task::InstallSite`].
    InstallSite,
    /// See [`Task::VerifySite`].
    VerifySite,
    /// See [`Task::Login`].
    Login,
    /// See [`Task::MigrateSite`].
    MigrateSite,
    /// See [`Task::UpdateSite`].
    UpdateSite,
    /// See [`Task::GoBackSite`].
    GoBackSite,
    /// See [`Task::RebuildCaches`].
    RebuildCaches,
    /// See [`Task::DropFormers`].
    DropFormers,
    /// See [`Task::CloneSite`].
    CloneSite,
    /// See [`Task::RenameSite`].
    RenameSite,
    /// See [`Task::DisableSite`].
    DisableSite,
    /// See [`Task::EnableSite`].
    EnableSite,
    /// See [`Task::ImportSite`].
    ImportSite,
    /// See [`Task::EjectSite`].
    EjectSite,
    /// See [`Task::DeleteSite`].
    DeleteSite,
    /// See [`Task::BackupSite`].
    BackupSite,
    /// See [`Task::VerifyBackup`].
    VerifyBackup,
    /// See [`Task::RestoreBackup`].
    RestoreBackup,
    /// See [`Task::DeleteBackup`].
    DeleteBackup,
    /// See [`Task::Custom`].
    Custom,
    /// See [`Task::RefreshCopy`].
    RefreshCopy,
}

impl TaskKind {
    /// All of them.
    pub const ALL: [TaskKind; 28] = [
        TaskKind::SaveContext,
        TaskKind::ForgetContext,
        TaskKind::VerifyServer,
        TaskKind::BuildPlatform,
        TaskKind::VerifyPlatform,
        TaskKind::DeletePlatform,
        TaskKind::RestorePlatform,
        TaskKind::InstallSite,
        TaskKind::VerifySite,
        TaskKind::Login,
        TaskKind::MigrateSite,
        TaskKind::UpdateSite,
        TaskKind::GoBackSite,
        TaskKind::RebuildCaches,
        TaskKind::DropFormers,
        TaskKind::CloneSite,
        TaskKind::RenameSite,
        TaskKind::DisableSite,
        TaskKind::EnableSite,
        TaskKind::ImportSite,
        TaskKind::EjectSite,
        TaskKind::DeleteSite,
        TaskKind::BackupSite,
        TaskKind::VerifyBackup,
        TaskKind::RestoreBackup,
        TaskKind::DeleteBackup,
        TaskKind::Custom,
        TaskKind::RefreshCopy,
    ];

    /// The name at the seam and in files: `install-site`.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskKind::SaveContext => "save-context",
            TaskKind::ForgetContext => "forget-context",
            TaskKind::VerifyServer => "verify-server",
            TaskKind::BuildPlatform => "build-platform",
            TaskKind::VerifyPlatform => "verify-platform",
            TaskKind::DeletePlatform => "delete-platform",
            TaskKind::RestorePlatform => "restore-platform",
            TaskKind::InstallSite => "install-site",
            TaskKind::VerifySite => "verify-site",
            TaskKind::Login => "login",
            TaskKind::MigrateSite => "migrate-site",
            TaskKind::UpdateSite => "update-site",
            TaskKind::GoBackSite => "go-back-site",
            TaskKind::RebuildCaches => "rebuild-caches",
            TaskKind::DropFormers => "drop-formers",
            TaskKind::CloneSite => "clone-site",
            TaskKind::RenameSite => "rename-site",
            TaskKind::DisableSite => "disable-site",
            TaskKind::EnableSite => "enable-site",
            TaskKind::ImportSite => "import-site",
            TaskKind::EjectSite => "eject-site",
            TaskKind::DeleteSite => "delete-site",
            TaskKind::BackupSite => "backup-site",
            TaskKind::VerifyBackup => "verify-backup",
            TaskKind::RestoreBackup => "restore-backup",
            TaskKind::DeleteBackup => "delete-backup",
            TaskKind::Custom => "custom",
            TaskKind::RefreshCopy => "refresh-copy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_name_it_is_stored_under() {
        for kind in TaskKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
