//! Accounts, links, sessions: what the control database keeps of those who come through the panel.

use aegir_domain::Password;
use aegir_store::{
    NewLink, NewSession, Page, Patience, PrunePolicy, SavedView, SecretKey, SessionList, StoreFault, Tx, Waits,
};

use crate::ground::{Ground, on_both};
use crate::schema::raw;

const PATIENCE: Patience = Patience { free: 3, first: 1_000, longest: 3_000, forgotten: 60_000 };

/// Something in every table of people.
pub async fn furnish(tx: &mut Tx, key: &SecretKey, now: i64) -> Result<(), StoreFault> {
    let anna = tx.add_account("anna", now).await?;
    tx.set_password(anna, &Password::new("$argon2id$anna")).await?;
    assert!(tx.offer_factor(anna, &Password::new("the factor of anna"), key).await?);
    assert!(tx.hold_factor(anna, 7, &[Password::new("code one"), Password::new("code two")], now).await?);
    tx.add_link(&link(anna, now), &Password::new("the link of anna"), now).await?;
    tx.open_session(&session(anna, now), &Password::new("the session of anna"), now).await?;
    tx.count_try("account anna", &PATIENCE, now).await?;
    tx.save_view(anna, &view("mine", 1)).await
}

fn link(account: i64, now: i64) -> NewLink {
    NewLink { account, until: now + 1_000, made_by: "berta".into() }
}

fn session(account: i64, now: i64) -> NewSession {
    NewSession { account, until: now + 10_000, browser: "Fire\0fox".into() }
}

fn view(name: &str, position: i64) -> SavedView {
    SavedView { section: "sites".into(), name: name.into(), query: "status=failed".into(), position }
}

fn key(ground: &Ground) -> SecretKey {
    SecretKey::read_or_make(&ground.dir.path().join("key")).unwrap()
}

async fn furnished(ground: &Ground) -> i64 {
    let key = key(ground);
    ground.store.write(async |tx| furnish(tx, &key, 100_000).await).await.unwrap();
    ground.store.read(async |read| read.account_named("anna").await).await.unwrap().unwrap().id
}

#[test]
fn a_name_is_of_one_account_and_a_deleted_ones_number_is_never_given_again() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let twice = ground.store.write(async |tx| tx.add_account("anna", 1).await).await;
        assert!(matches!(twice, Err(StoreFault::Taken { .. })), "{twice:?}");

        ground.store.write(async |tx| tx.delete_account(anna).await).await.unwrap();

        let again = ground.store.write(async |tx| tx.add_account("anna", 1).await).await.unwrap();
        assert!(again > anna);
        let account = ground.store.read(async |read| read.account(again).await).await.unwrap().unwrap();
        assert_eq!((account.password, account.factor_since), (None, None));
        let found = ground
            .store
            .read(async |read| {
                let session = read.session(&Password::new("the session of anna"), 100_500, 0).await?;
                let link = read.link_of(&Password::new("the link of anna"), 100_500).await?;
                Ok::<_, StoreFault>((session, link, read.saved_views(again, "sites").await?))
            })
            .await
            .unwrap();
        assert_eq!(found, (None, None, Vec::new()));
    });
}

#[test]
fn a_factor_is_opened_with_its_key_for_its_account_alone() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let (right, wrong) = (key(&ground), SecretKey::read_or_make(&ground.dir.path().join("other")).unwrap());
        let berta = ground.store.write(async |tx| tx.add_account("berta", 1).await).await.unwrap();
        let read = async |account, key: &SecretKey| ground.store.read(async |r| r.factor(account, key).await).await;

        assert_eq!(read(anna, &right).await.unwrap(), Some(Password::new("the factor of anna")));
        assert_eq!(read(berta, &right).await.unwrap(), None);
        assert!(matches!(read(anna, &wrong).await, Err(StoreFault::SealedFactor { .. })));

        raw(
            &ground,
            "UPDATE account SET factor_key = (SELECT a.factor_key FROM account a WHERE a.name = 'anna'),
                                factor_nonce = (SELECT a.factor_nonce FROM account a WHERE a.name = 'anna'),
                                factor_sealed = (SELECT a.factor_sealed FROM account a WHERE a.name = 'anna')
              WHERE name = 'berta'",
        )
        .await;
        assert!(matches!(read(berta, &right).await, Err(StoreFault::SealedFactor { .. })));
    });
}

#[test]
fn a_step_and_a_recovery_code_are_used_once_and_a_factor_that_holds_is_not_offered_anew() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let key = key(&ground);
        let used = ground.store.write(async |tx| {
            let steps = [tx.use_step(anna, 7).await?, tx.use_step(anna, 8).await?, tx.use_step(anna, 8).await?];
            let code = Password::new("code one");
            let codes = [tx.use_recovery_code(anna, &code, 1).await?, tx.use_recovery_code(anna, &code, 2).await?];
            let offered = tx.offer_factor(anna, &Password::new("another"), &key).await?;
            Ok::<_, StoreFault>((steps, codes, offered, tx.codes_left(anna).await?))
        });

        assert_eq!(used.await.unwrap(), ([false, true, false], [true, false], false, 1));
        ground.store.write(async |tx| tx.drop_factor(anna).await).await.unwrap();
        assert_eq!(ground.store.read(async |read| read.codes_left(anna).await).await.unwrap(), 0);
        assert!(!ground.store.write(async |tx| tx.use_step(anna, 9).await).await.unwrap());
    });
}

#[test]
fn a_link_is_used_once_and_a_new_one_ends_those_before() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let (first, second) = (Password::new("the link of anna"), Password::new("the second link"));
        let find =
            async |text: &Password, now| ground.store.read(async |read| read.link_of(text, now).await).await.unwrap();
        let found = find(&first, 100_999).await.unwrap();
        assert_eq!((found.name.as_str(), found.made_by.as_str(), found.until), ("anna", "berta", 101_000));
        assert_eq!(find(&first, 101_000).await, None, "it is too old");

        ground.store.write(async |tx| tx.add_link(&link(anna, 100_000), &second, 100_000).await).await.unwrap();
        assert_eq!(find(&first, 100_500).await, None);
        let id = find(&second, 100_500).await.unwrap().id;
        let used = ground
            .store
            .write(async |tx| Ok::<_, StoreFault>((tx.use_link(id, 100_500).await?, tx.use_link(id, 100_500).await?)));
        assert_eq!(used.await.unwrap(), (true, false));
        assert_eq!(find(&second, 100_500).await, None);
    });
}

#[test]
fn a_session_is_found_while_it_is_open_used_and_not_of_a_blocked_account() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let secret = Password::new("the session of anna");
        let find =
            async |now, since| ground.store.read(async |read| read.session(&secret, now, since).await).await.unwrap();
        let found = find(105_000, 99_000).await.unwrap();
        assert_eq!((found.account, found.name.as_str(), found.has_factor), (anna, "anna", true));
        assert_eq!(found.browser, "Fire\u{fffd}fox");
        assert!(find(110_000, 99_000).await.is_none(), "it has lasted long enough");
        assert!(find(105_000, 100_000).await.is_none(), "it was not used since");

        let block = async |since| {
            ground.store.write(async |tx| tx.block_account(anna, since).await).await.unwrap();
        };
        block(Some(1)).await;
        assert!(find(105_000, 99_000).await.is_none());
        assert_eq!(ground.store.read(async |r| r.account_of_session(found.id, 105_000).await).await.unwrap(), None);
        block(None).await;
        assert_eq!(
            ground.store.read(async |r| r.account_of_session(found.id, 105_000).await).await.unwrap(),
            Some(anna)
        );

        let other = Password::new("another session");
        let opened = ground.store.write(async |tx| tx.open_session(&session(anna, 100_000), &other, 100_000).await);
        let other = opened.await.unwrap();
        let list = SessionList { account: Some("anna".into()), now: 105_000, used_since: 0, page: Page::first(10) };
        let listed = async || ground.store.read(async |read| read.list(&list).await).await.unwrap().rows;
        assert_eq!(listed().await.iter().map(|session| session.id).collect::<Vec<_>>(), [other, found.id]);
        let ended = ground.store.write(async |tx| tx.end_sessions(anna, Some(other), 105_000).await).await.unwrap();
        assert_eq!(ended, 1);
        assert_eq!(listed().await.len(), 1);
        let end = async || ground.store.write(async |tx| tx.end_session(other, 105_000, 0).await).await.unwrap();
        assert_eq!((end().await, end().await), (true, false));
        assert!(find(105_000, 99_000).await.is_none());
    });
}

#[test]
fn tries_are_counted_before_they_are_known_to_be_wrong_and_forgotten_in_time() {
    on_both(async |ground| {
        let tries = async |now| {
            ground.store.write(async |tx| tx.count_try("account anna", &PATIENCE, now).await).await.unwrap()
        };
        assert_eq!([tries(10).await, tries(10).await, tries(10).await], [Waits::No; 3]);
        assert_eq!(tries(10).await, Waits::For(1_000));
        assert_eq!(tries(1_009).await, Waits::For(1));
        assert_eq!(tries(1_010).await, Waits::No);
        assert_eq!(tries(1_010).await, Waits::For(2_000), "the next wait is twice as long");
        // The clock was set back.
        assert_eq!(tries(-1_000_000).await, Waits::For(3_000));
        ground.store.write(async |tx| tx.take_try_back("account anna").await).await.unwrap();
        assert_eq!(tries(1_020).await, Waits::No);
        assert_eq!(tries(62_000).await, Waits::No, "all is forgotten");
        assert_eq!(tries(62_000).await, Waits::No);

        // Of many at once, no more pass than may.
        ground.store.write(async |tx| tx.forget_tries("account anna").await).await.unwrap();
        let store = ground.store.clone();
        let all = (0..12).map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.write(async |tx| tx.count_try("account anna", &PATIENCE, 90_000).await).await },
            )
        });
        let mut passed = 0;
        for one in all.collect::<Vec<_>>() {
            passed += usize::from(one.await.unwrap().unwrap() == Waits::No);
        }
        assert_eq!(passed, 3);
    });
}

#[test]
fn views_are_their_accounts_own_and_in_its_order() {
    on_both(async |ground| {
        let anna = furnished(&ground).await;
        let berta = ground.store.write(async |tx| tx.add_account("berta", 1).await).await.unwrap();
        ground
            .store
            .write(async |tx| {
                tx.save_view(anna, &view("first", 0)).await?;
                tx.save_view(anna, &SavedView { query: "q".into(), ..view("mine", 2) }).await
            })
            .await
            .unwrap();
        let views = async |account| ground.store.read(async |r| r.saved_views(account, "sites").await).await.unwrap();

        assert_eq!(views(anna).await, [view("first", 0), SavedView { query: "q".into(), ..view("mine", 2) }]);
        assert_eq!(views(berta).await, []);
        let drop = async || ground.store.write(async |tx| tx.drop_view(anna, "sites", "mine").await).await.unwrap();
        assert_eq!((drop().await, drop().await), (true, false));
        assert_eq!(views(anna).await.len(), 1);
    });
}

#[test]
fn what_is_long_over_goes_and_what_may_still_be_used_stays() {
    on_both(async |ground| {
        furnished(&ground).await;
        let policy = PrunePolicy { sessions: 5_000, wrong_tries: 5_000, ..PrunePolicy::default() };
        let rows = async |table: &str| {
            let sums = ground.store.sums().await.unwrap();
            sums.into_iter().find(|sum| sum.name == table).unwrap().rows
        };

        // The link ended at 101 000, the session ends at 110 000.
        ground.store.prune(&policy, 104_000).await.unwrap();
        assert_eq!((rows("one_time_link").await, rows("session").await, rows("wrong_try").await), (1, 1, 1));
        ground.store.prune(&policy, 107_000).await.unwrap();
        assert_eq!((rows("one_time_link").await, rows("session").await, rows("wrong_try").await), (0, 1, 0));
        ground.store.prune(&policy, 115_001).await.unwrap();
        assert_eq!((rows("session").await, rows("account").await), (0, 1));
    });
}
