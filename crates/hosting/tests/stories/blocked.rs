//! Accounts that are blocked: nobody is let in by them, and what keeps the last one open.

use aegir_domain::Remedy as _;
use aegir_hosting::{Actor, Call, NotLetIn, OperationId as Id, Permission, Refusal};

use crate::ground::on_both;
use crate::people::GOOD;

#[test]
fn a_blocked_account_lets_nobody_in_until_it_is_unblocked_and_the_last_one_cannot_be() {
    on_both(async |ground| {
        let anna = ground.person("anna").await;
        let block = |name: &str| Call::of(Id::AccountBlock).about(name);
        let unblock = |name: &str| Call::of(Id::AccountUnblock).about(name);
        ground.invited("carla").await;
        let last = ground.refused(block("anna")).await;
        assert_eq!(last.sort(), aegir_hosting::Sort::Conflict, "carla has not come in yet: {last}");
        assert!(last.remedy().unwrap().contains("account add"), "{last}");

        let berta = ground.person("berta").await;
        let dry = ground.shown(Call { dry_run: true, ..block("berta") }).await;
        assert!(dry["changed"] == true && ground.session_of(&berta).await.is_some(), "{dry}");
        let blocked = ground.shown(block("berta")).await;
        assert!(blocked["changed"] == true && blocked["blocked"].is_number(), "{blocked}");
        assert!(ground.session_of(&berta).await.is_none() && ground.session_of(&anna).await.is_some());
        let sign_in = async || ground.try_with("berta", GOOD, "").await;
        assert!(matches!(sign_in().await, Err(NotLetIn::Wrong)), "it is not told that it is blocked");
        let again = ground.shown(block("berta")).await;
        assert_eq!((&again["changed"], &again["blocked"]), (&false.into(), &blocked["blocked"]), "since when it was");
        let last = ground.refused(block("anna")).await;
        assert_eq!(last.sort(), aegir_hosting::Sort::Conflict, "{last}");
        let link = ground.refused(Call::of(Id::AccountLink).about("berta")).await;
        assert_eq!(link.sort(), aegir_hosting::Sort::Conflict, "{link}");

        let clerk = Actor::of_token(7, "clerk", [Permission::Administer].into_iter().collect());
        let refused = ground.hosting.perform(&clerk, unblock("berta")).await.unwrap_err();
        assert!(matches!(refused, Refusal::Forbidden(_)), "nobody hands on what they have not: {refused}");
        assert_eq!(ground.shown(unblock("berta")).await["changed"], true);
        assert_eq!(ground.shown(unblock("berta")).await["changed"], false);
        assert!(ground.session_of(&berta).await.is_none(), "a session that ended stays ended");
        assert!(sign_in().await.is_ok());
        ground.ask(block("anna")).await.unwrap();
        assert!(matches!(ground.refused(block("nobody")).await, Refusal::Unknown { what: "account", .. }));
    });
}
