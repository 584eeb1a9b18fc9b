//! Secrets and tokens: what the database alone does not tell.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aegir_domain::{Password, Remedy as _};
use aegir_store::{Dialect, KeyFault, NewToken, Repeated, SecretKey, Store, StoreAddress, StoreFault};
use sqlx::{Connection, Executor};

use crate::ground::{Ground, on, on_both};
use crate::schema::{postgres, raw, sqlite};

fn key(ground: &Ground, name: &str) -> SecretKey {
    SecretKey::read_or_make(&ground.dir.path().join(name)).unwrap()
}

#[test]
fn a_secret_is_read_with_its_key_and_by_no_other() {
    on_both(async |ground| {
        let server = ground.server("web1").await;
        let (right, wrong) = (key(&ground, "key"), key(&ground, "other"));
        let now = ground.now();
        let secret = Password::new("hunter2");
        ground.store.write(async |tx| tx.keep_secret(server, "db_password", &secret, &right, now).await).await.unwrap();

        let read =
            async |key: &SecretKey| ground.store.read(async |r| r.secret(server, "db_password", key).await).await;
        assert_eq!(read(&right).await.unwrap(), Some(secret));
        let fault = read(&wrong).await.unwrap_err();
        assert!(matches!(&fault, StoreFault::Sealed { .. }), "{fault}");
        assert!(!format!("{fault:?} {right:?}").contains("hunter2"));
        assert_eq!(ground.store.read(async |r| r.secret_names(server).await).await.unwrap(), ["db_password"]);
        if let StoreAddress::Sqlite(path) = &ground.address {
            ground.store.tend().await.unwrap();
            let bytes = fs::read(path).unwrap();
            assert!(!bytes.windows(7).any(|seven| seven == b"hunter2"));
        }
    });
}

#[test]
fn a_secret_that_is_moved_to_another_row_or_changed_opens_nothing() {
    on_both(async |ground| {
        let (one, two) = (ground.server("web1").await, ground.server("web2").await);
        let key = key(&ground, "key");
        let now = ground.now();
        ground
            .store
            .write(async |tx| {
                tx.keep_secret(one, "db_password", &Password::new("hunter1"), &key, now).await?;
                tx.keep_secret(two, "db_password", &Password::new("hunter2"), &key, now).await?;
                tx.keep_secret(two, "other", &Password::new("hunter3"), &key, now).await
            })
            .await
            .unwrap();
        let read = async |owner, name: &str| ground.store.read(async |r| r.secret(owner, name, &key).await).await;

        // Swapped by somebody who can write the database and has no key.
        raw(
            &ground,
            "UPDATE secret SET nonce = (SELECT s.nonce FROM secret s WHERE s.owner < secret.owner),
                               sealed = (SELECT s.sealed FROM secret s WHERE s.owner < secret.owner)
              WHERE name = 'db_password' AND owner = (SELECT MAX(owner) FROM secret)",
        )
        .await;
        assert!(matches!(read(two, "db_password").await, Err(StoreFault::Sealed { .. })));
        raw(&ground, "UPDATE secret SET name = 'renamed' WHERE name = 'other'").await;
        assert!(matches!(read(two, "renamed").await, Err(StoreFault::Sealed { .. })));
        assert_eq!(read(one, "db_password").await.unwrap(), Some(Password::new("hunter1")));
    });
}

#[test]
fn a_key_file_that_others_can_read_is_refused_and_a_new_one_is_its_owners_alone() {
    on(Dialect::Sqlite, async |ground| {
        let path = ground.dir.path().join("key");
        let made = SecretKey::read_or_make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(SecretKey::read(&path).unwrap().id(), made.id());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(matches!(SecretKey::read(&path), Err(KeyFault::Open { mode: 0o440, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(matches!(SecretKey::read_or_make(&path), Err(KeyFault::Length { .. })), "it is not replaced");
        let link = ground.dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(SecretKey::read(&link), Err(KeyFault::File { .. })));
    });
}

#[test]
fn the_file_of_the_database_is_its_owners_alone() {
    on(Dialect::Sqlite, async |ground| {
        ground.server("web1").await;
        let StoreAddress::Sqlite(path) = &ground.address else { panic!("it is a file") };
        for end in ["", "-wal", "-shm"] {
            let file = format!("{}{end}", path.display());
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        }
        // One that was there before with a looser mode is tightened, and a link is not followed.
        let loose = ground.dir.path().join("loose.sqlite");
        fs::write(&loose, "").unwrap();
        fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
        Store::open(&StoreAddress::file(&loose)).await.unwrap().close().await;
        assert_eq!(fs::metadata(&loose).unwrap().permissions().mode() & 0o777, 0o600);
        let link = ground.dir.path().join("link.sqlite");
        std::os::unix::fs::symlink(&loose, &link).unwrap();
        assert!(matches!(Store::open(&StoreAddress::file(&link)).await, Err(StoreFault::Open { .. })));
    });
}

#[test]
fn a_token_is_stored_as_its_hash_and_is_good_until_it_expires_or_is_revoked() {
    on_both(async |ground| {
        let text = Password::new("aegir_0123456789abcdef0123456789abcdef");
        let new = NewToken {
            name: "ci".into(),
            scopes: vec!["site:read".into()],
            actor: "anna".into(),
            expires: Some(2_000_000_000),
        };
        let id = ground.store.write(async |tx| tx.add_token(&new, &text, 1).await).await.unwrap();
        let find = async |text: &Password, now| ground.store.read(async |r| r.token(text, now).await).await.unwrap();

        let found = find(&text, 5).await.unwrap();
        assert_eq!((found.id, found.actor.as_str(), &found.scopes[..]), (id, "anna", &["site:read".to_owned()][..]));
        assert_eq!(find(&Password::new("aegir_x"), 5).await, None);
        assert_eq!(find(&text, 2_000_000_000).await, None, "it has expired");
        let twice = ground.store.write(async |tx| tx.add_token(&new, &Password::new("y"), 1).await).await;
        assert!(matches!(twice, Err(StoreFault::Taken { .. })));
        ground
            .store
            .write(async |tx| {
                tx.use_token(id, 100_000).await?;
                tx.use_token(id, 100_500).await
            })
            .await
            .unwrap();
        assert_eq!(find(&text, 5).await.unwrap().last_used, Some(100_000), "once a minute is enough");
        assert!(ground.store.write(async |tx| tx.revoke_token("ci", 7).await).await.unwrap());
        assert_eq!(find(&text, 5).await, None);
        assert!(!ground.store.write(async |tx| tx.revoke_token("ci", 7).await).await.unwrap());

        let holds_text = match ground.store.dialect() {
            Dialect::Sqlite => {
                let mut connection = sqlite(&ground).await;
                let found = connection.fetch_all("SELECT 1 FROM token WHERE CAST(hash AS TEXT) LIKE '%aegir_%'").await;
                connection.close().await.unwrap();
                found.unwrap().len()
            }
            Dialect::Postgres => {
                let mut connection = postgres(&ground).await;
                let found =
                    connection.fetch_all("SELECT 1 FROM token WHERE encode(hash, 'escape') LIKE '%aegir\\_%'").await;
                connection.close().await.unwrap();
                found.unwrap().len()
            }
        };
        assert_eq!(holds_text, 0);
    });
}

#[test]
fn a_request_with_a_key_is_done_once() {
    on_both(async |ground| {
        let take = async |request: &[u8]| {
            ground.store.write(async |tx| tx.take_key("anna", "k1", request, 1).await).await.unwrap()
        };
        assert_eq!(take(b"add a.test").await, Repeated::New);
        assert_eq!(take(b"add a.test").await, Repeated::Pending);
        ground.store.write(async |tx| tx.answer_request("anna", "k1", 202, "task 7").await).await.unwrap();
        assert_eq!(take(b"add a.test").await, Repeated::Answered { status: 202, answer: "task 7".into() });
        assert_eq!(take(b"add b.test").await, Repeated::Other);
        let other = ground.store.write(async |tx| tx.take_key("berta", "k1", b"add b.test", 1).await).await.unwrap();
        assert_eq!(other, Repeated::New);
        let looked = async |request: &'static [u8]| {
            ground.store.read(async |read| read.repeated("anna", "k1", request).await).await.unwrap()
        };
        assert_eq!(looked(b"add b.test").await, Some(Repeated::Other));
        assert_eq!(ground.store.read(async |read| read.repeated("anna", "k2", b"").await).await.unwrap(), None);
    });
}

#[test]
fn a_database_belongs_to_the_first_key_that_is_used_with_it() {
    on_both(async |ground| {
        let know = async |id: &str| ground.store.write(async |tx| tx.know_key(id).await).await;
        assert_eq!(ground.store.read(async |read| read.known_key().await).await.unwrap(), None);
        know("first").await.unwrap();
        know("first").await.unwrap();
        let refused = know("second").await.unwrap_err();
        assert!(matches!(&refused, StoreFault::OtherKey { known, given } if known == "first" && given == "second"));
        assert!(refused.remedy().unwrap().contains("control.key"));
        assert_eq!(ground.store.read(async |read| read.known_key().await).await.unwrap().as_deref(), Some("first"));
    });
}
