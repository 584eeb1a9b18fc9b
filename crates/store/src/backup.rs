//! Backups of sites: which there are, where they lie, and what they were made of. Their files are the machines'.

use std::fmt;
use std::str::FromStr;

use aegir_domain::{NodeId, NodeKind};

use crate::StoreFault;
use crate::db::{Read, Row, Tx, statements, values};

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// Somebody asked for it.
    Manual,
    /// A task made it before it changed the site.
    BeforeTask,
    /// Its time had come.
    Scheduled,
}

impl BackupKind {
    /// Every one.
    pub const ALL: [BackupKind; 3] = [BackupKind::Manual, BackupKind::BeforeTask, BackupKind::Scheduled];

    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            BackupKind::Manual => "manual",
            BackupKind::BeforeTask => "before-task",
            BackupKind::Scheduled => "scheduled",
        }
    }
}

impl fmt::Display for BackupKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.as_str())
    }
}

/// A word that is no kind of backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of backup")]
pub struct NoBackupKind(String);

impl FromStr for BackupKind {
    type Err = NoBackupKind;

    fn from_str(text: &str) -> Result<BackupKind, NoBackupKind> {
        BackupKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| NoBackupKind(text.into()))
    }
}

/// A backup of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRecord {
    /// Its number.
    pub id: i64,
    /// All else of it.
    pub of: NewBackup,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackup {
    /// Of which site; it outlives the site.
    pub site: NodeId,
    /// On which server it lies.
    pub server: NodeId,
    /// The task that made it; none, if it was made by hand or brought from elsewhere.
    pub task: Option<NodeId>,
    /// Why.
    pub kind: BackupKind,
    /// What somebody says of it.
    pub description: String,
    /// The name of its file, in the folder of backups there.
    pub file: String,
    /// How large it is, in bytes.
    pub size: u64,
    /// The sum of its file, with the way it is made before it: `sha256:…`.
    pub checksum: String,
    /// The version of Drupal that the site ran.
    pub core: String,
    /// The database it comes from: `MariaDB 10.11.6`.
    pub database: String,
    /// When it was made.
    pub made: i64,
}

statements! {
    ADD_BACKUP =
        "INSERT INTO backup (site, server, task, kind, description, file, size, checksum, core, source_db, made)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         RETURNING id";
    BACKUPS_OF =
        "SELECT id, site, server, task, kind, description, file, size, checksum, core, source_db, made
           FROM backup
          WHERE site = $1
          ORDER BY made DESC, id DESC
          LIMIT $2";
    FIND_BACKUP =
        "SELECT id, site, server, task, kind, description, file, size, checksum, core, source_db, made
           FROM backup
          WHERE id = $1";
    FORGET_BACKUP = "DELETE FROM backup WHERE id = $1 RETURNING site";
}

impl Read {
    /// The newest backups of a site, the newest first.
    pub async fn backups(&mut self, site: NodeId, limit: u32) -> Result<Vec<BackupRecord>, StoreFault> {
        self.rows(&BACKUPS_OF, values![site, limit]).await?.iter().map(BackupRecord::read).collect()
    }

    /// A backup by its number.
    pub async fn backup(&mut self, id: i64) -> Result<Option<BackupRecord>, StoreFault> {
        self.row(&FIND_BACKUP, values![id]).await?.as_ref().map(BackupRecord::read).transpose()
    }
}

impl Tx {
    /// Records a backup, and gives its number. Two files of one name on one server are [`StoreFault::Taken`].
    pub async fn record_backup(&mut self, new: &NewBackup) -> Result<i64, StoreFault> {
        let NewBackup { site, server, task, kind, description, file, size, checksum, core, database, made } = new;
        let size = i64::try_from(*size).unwrap_or(i64::MAX);
        let values =
            values![*site, *server, *task, kind.as_str(), description, file, size, checksum, core, database, *made];
        let row = self.row(&ADD_BACKUP, values).await?;
        self.note(*made, *site, NodeKind::Site, "backup");
        row.map_or_else(|| Err(StoreFault::unreadable("backup", "it has no number")), |row| row.get("id"))
    }

    /// Forgets a backup whose file is gone. Says whether there was one.
    pub async fn forget_backup(&mut self, id: i64, now: i64) -> Result<bool, StoreFault> {
        let Some(row) = self.row(&FORGET_BACKUP, values![id]).await? else { return Ok(false) };
        self.note(now, row.get("site")?, NodeKind::Site, "backup");
        Ok(true)
    }
}

impl BackupRecord {
    fn read(row: &Row) -> Result<BackupRecord, StoreFault> {
        let of = NewBackup {
            site: row.get("site")?,
            server: row.get("server")?,
            task: row.maybe("task")?,
            kind: row.parse("kind")?,
            description: row.get("description")?,
            file: row.get("file")?,
            size: row.count("size")?,
            checksum: row.get("checksum")?,
            core: row.get("core")?,
            database: row.get("source_db")?,
            made: row.get("made")?,
        };
        Ok(BackupRecord { id: row.get("id")?, of })
    }
}
