//! Secrets of objects, encrypted at rest: what is stolen with the database alone opens none.
//!
//! AES-256-GCM with a key from a file beside the database. The number and the name that a secret belongs to are
//! sealed with it, so a row that is moved to another owner opens nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aegir_domain::{NodeId, Password, Remedy};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::StoreFault;
use crate::db::{Read, Tx, statements, values};

/// The name of the secret that is a part of a task's answer.
pub(crate) const ANSWER: &str = "answer";
/// The length of a key, in bytes.
const KEY_LENGTH: usize = 32;

/// The key that seals and opens secrets. `Debug` tells its id alone.
#[derive(Clone)]
pub struct SecretKey {
    id: String,
    key: Arc<LessSafeKey>,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Its file cannot be read or made.
    #[error("cannot use the key file `{}`", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others can read it.
    #[error("the key file `{}` can be read by others than its owner (mode {mode:o})", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no key.
    #[error("the key file `{}` holds no key of {KEY_LENGTH} bytes", path.display())]
    Length {
        /// Which.
        path: PathBuf,
    },
    /// There is no chance to be had.
    #[error("this machine gives no random numbers")]
    Chance,
}

impl Remedy for KeyFault {
    fn remedy(&self) -> Option<String> {
        match self {
            KeyFault::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("put back the key file that belongs to this control database; without it, its secrets must be given anew".into())
            }
            KeyFault::File { .. } => None,
            KeyFault::Open { path, .. } => {
                Some(format!("`chmod 0400 {}`; who could read it meanwhile could open every secret", path.display()))
            }
            KeyFault::Length { .. } => Some("restore it from a backup; it is 32 bytes and never changes".into()),
            KeyFault::Chance => None,
        }
    }
}

impl SecretKey {
    /// Reads the key file, which must be its owner's alone.
    pub fn read(path: &Path) -> Result<SecretKey, KeyFault> {
        let fault = |source| KeyFault::File { path: path.to_owned(), source };
        const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path).map_err(fault)?;
        let mode = file.metadata().map_err(fault)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::Open { path: path.to_owned(), mode });
        }
        let mut bytes = Vec::new();
        file.take(KEY_LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(fault)?;
        SecretKey::of(&bytes).ok_or_else(|| KeyFault::Length { path: path.to_owned() })
    }

    /// Reads the key file; makes it, mode 0400, if it is not there. To be used once, when an installation begins: a
    /// new key opens nothing that an old one sealed.
    pub fn read_or_make(path: &Path) -> Result<SecretKey, KeyFault> {
        match SecretKey::read(path) {
            Err(KeyFault::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => (),
            read => return read,
        }
        let fault = |source| KeyFault::File { path: path.to_owned(), source };
        let mut bytes = [0; KEY_LENGTH];
        SystemRandom::new().fill(&mut bytes).map_err(|_| KeyFault::Chance)?;
        // Written whole under another name first: a power cut leaves a key, or none.
        let half = path.with_extension("new");
        let _ = std::fs::remove_file(&half);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&half).map_err(fault)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(fault)?;
        // Linked, not renamed: of two who begin at once, one makes the key and both read it.
        match std::fs::hard_link(&half, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
            _ => (),
        }
        std::fs::remove_file(&half).map_err(fault)?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)?;
        }
        SecretKey::read(path)
    }

    fn of(bytes: &[u8]) -> Option<SecretKey> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).ok()?;
        let sum = digest(&SHA256, bytes);
        let id = sum.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(SecretKey { id, key: Arc::new(LessSafeKey::new(key)) })
    }

    /// What tells it from other keys; it tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn seal(&self, bound_to: &str, text: &str) -> Result<([u8; NONCE_LEN], Vec<u8>), KeyFault> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyFault::Chance)?;
        let mut sealed = text.as_bytes().to_vec();
        let bound_to = Aad::from(bound_to.as_bytes());
        let done = self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound_to, &mut sealed);
        done.map_err(|_| KeyFault::Chance)?;
        Ok((nonce, sealed))
    }

    pub(crate) fn open(&self, bound_to: &str, nonce: &[u8], mut sealed: Vec<u8>) -> Option<Password> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.key.open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut sealed).ok()?;
        std::str::from_utf8(text).ok().map(Password::new)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

statements! {
    KEEP_SECRET =
        "INSERT INTO secret (owner, name, key_id, nonce, sealed, changed)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (owner, name)
         DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed,
                       changed = excluded.changed";
    FIND_SECRET = "SELECT key_id, nonce, sealed FROM secret WHERE owner = $1 AND name = $2";
    SECRETS_OF = "SELECT name FROM secret WHERE owner = $1 ORDER BY name";
    /// The id of the one key that all secrets here are sealed with.
    KNOW_KEY = "INSERT INTO meta (name, value) VALUES ('key', $1) ON CONFLICT (name) DO NOTHING";
    KNOWN_KEY = "SELECT value FROM meta WHERE name = 'key'";
    DROP_SECRET = "DELETE FROM secret WHERE owner = $1 AND name = $2";
    /// The secret answer of a task, if it is for this asker and has not lain for too long.
    ANSWER_FOR =
        "SELECT secret.owner
           FROM secret JOIN task ON task.id = secret.owner
          WHERE secret.owner = $1 AND secret.name = 'answer' AND secret.changed > $3
            AND task.asker = $2 AND task.asker <> ''";
}

/// What a secret is sealed with. The number has no comma, so that no two of these read the same.
fn binding(owner: NodeId, name: &str) -> String {
    format!("{owner},{name}")
}

impl Read {
    /// A secret of an object, opened.
    pub async fn secret(&mut self, owner: NodeId, name: &str, key: &SecretKey) -> Result<Option<Password>, StoreFault> {
        let Some(row) = self.row(&FIND_SECRET, values![owner, name]).await? else { return Ok(None) };
        let sealed = |why: String| StoreFault::Sealed { owner, name: name.to_owned(), why };
        let key_id: String = row.get("key_id")?;
        if key_id != key.id {
            return Err(sealed(format!("it was sealed with the key `{key_id}`, and this is `{}`", key.id)));
        }
        let nonce: Vec<u8> = row.get("nonce")?;
        let opened = key.open(&binding(owner, name), &nonce, row.get("sealed")?);
        opened.map(Some).ok_or_else(|| sealed("it was changed, or belongs to another".into()))
    }

    /// The id of the key that belongs to this database; `None`: none was ever used with it.
    pub async fn known_key(&mut self) -> Result<Option<String>, StoreFault> {
        self.row(&KNOWN_KEY, Vec::new()).await?.map(|row| row.get("value")).transpose()
    }

    /// Whether an answer of a task waits for `asker`, kept after `since`.
    pub async fn answer_waits(&mut self, task: NodeId, asker: &str, since: i64) -> Result<bool, StoreFault> {
        Ok(self.row(&ANSWER_FOR, values![task, asker, since]).await?.is_some())
    }

    /// The names of an object's secrets.
    pub async fn secret_names(&mut self, owner: NodeId) -> Result<Vec<String>, StoreFault> {
        self.rows(&SECRETS_OF, values![owner]).await?.iter().map(|row| row.get("name")).collect()
    }
}

impl Tx {
    /// Keeps a secret of an object, in place of the one that had this name.
    pub async fn keep_secret(
        &mut self,
        owner: NodeId,
        name: &str,
        secret: &Password,
        key: &SecretKey,
        now: i64,
    ) -> Result<(), StoreFault> {
        let sealed = key.seal(&binding(owner, name), secret.expose());
        let (nonce, sealed) =
            sealed.map_err(|fault| StoreFault::Sealed { owner, name: name.to_owned(), why: fault.to_string() })?;
        let values = values![owner, name, &key.id, nonce.to_vec(), sealed, now];
        self.execute(&KEEP_SECRET, values).await.map(drop)
    }

    /// Says which key belongs to this database. The first one stays: what one control node seals, all can open.
    pub async fn know_key(&mut self, id: &str) -> Result<(), StoreFault> {
        self.execute(&KNOW_KEY, values![id]).await?;
        match self.known_key().await? {
            Some(known) if known != id => Err(StoreFault::OtherKey { known, given: id.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Keeps the part of a task's answer that is told once.
    pub async fn keep_answer(
        &mut self,
        task: NodeId,
        answer: &Password,
        key: &SecretKey,
        now: i64,
    ) -> Result<(), StoreFault> {
        self.keep_secret(task, ANSWER, answer, key, now).await
    }

    /// Takes it out, for `asker` alone, and unless it was kept at `since` or before. Of two who take, one gets it.
    pub async fn take_answer(
        &mut self,
        task: NodeId,
        asker: &str,
        key: &SecretKey,
        since: i64,
    ) -> Result<Option<Password>, StoreFault> {
        if self.row(&ANSWER_FOR, values![task, asker, since]).await?.is_none() {
            return Ok(None);
        }
        let answer = self.secret(task, ANSWER, key).await?;
        let taken = self.execute(&DROP_SECRET, values![task, ANSWER]).await?;
        Ok(answer.filter(|_| taken == 1))
    }

    /// Forgets a secret.
    pub async fn forget_secret(&mut self, owner: NodeId, name: &str) -> Result<(), StoreFault> {
        self.execute(&DROP_SECRET, values![owner, name]).await.map(drop)
    }
}
