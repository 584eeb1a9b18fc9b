//! What people keep for themselves: views of lists, and their own sessions.

use aegir_hosting::{Call, OperationId, Permission};

use crate::gate::{ADMIN, GUEST};
use crate::stage::{Page, Stage};

/// The front end with two accounts; the sessions of each.
fn two_accounts() -> (Stage, String, String) {
    let stage = Stage::with_accounts(async |front| front.first_site().await);
    let anna = stage.run(stage.front.signed_in("anna")).secret.expose().to_owned();
    let berta = stage.run(stage.front.signed_in("berta")).secret.expose().to_owned();
    (stage, anna, berta)
}

fn token(page: &Page) -> String {
    page.between("name=\"form_token\" value=\"", "\"").unwrap().to_owned()
}

/// The views that stand above the list: names, addresses, whether it is shown so.
fn views(page: &Page) -> Vec<(String, String, bool)> {
    let Some(nav) = page.between("<nav class=\"views\"", "</nav>") else { return Vec::new() };
    let links = nav.split("<a ").skip(1).map(|link| {
        let part = |from: &str, to: &str| link.split_once(from).unwrap().1.split(to).next().unwrap().to_owned();
        (part(">", "<"), part("href=\"", "\"").replace("&#38;", "&"), link.contains("aria-current=\"page\""))
    });
    links.collect()
}

/// Saves the list as it is shown at `path`, under this name.
fn save(stage: &Stage, session: &str, path: &str, name: &str) -> Page {
    let shown = stage.send("GET", path, session, "");
    let form = shown.between("action=\"/views/save\"", "</form>").unwrap().to_owned();
    let value = |field: &str| {
        let from = format!("name=\"{field}\" value=\"");
        form.split_once(from.as_str()).unwrap().1.split('"').next().unwrap().replace("&#38;", "&")
    };
    let pairs = ["list", "query", "back", "form_token"].map(|field| (field.to_owned(), value(field)));
    let mut pairs = pairs.to_vec();
    pairs.push(("name".to_owned(), name.to_owned()));
    stage.send("POST", "/views/save", session, &crate::stage::encoded(&pairs))
}

#[test]
fn a_list_is_kept_as_it_is_shown_and_stands_above_its_rows_for_that_account_alone() {
    let (stage, anna, berta) = two_accounts();
    let path = "/sites?status=failed&search=a%26b&sort=-changed&columns=core&limit=25";

    let saved = save(&stage, &anna, path, "My <failed> ones");
    assert_eq!(saved.status, 303, "{saved:?}");
    let shown = stage.send("GET", &saved.location, &anna, "");
    let expected = "/sites?limit=25&search=a%26b&sort=-changed&status=failed&columns=name%2Ccore";
    assert_eq!(views(&shown), [("My &#60;failed&#62; ones".to_owned(), expected.to_owned(), true)]);
    assert_eq!(saved.location, expected);
    assert_eq!(save(&stage, &anna, "/sites", "all").status, 303);
    let whole = stage.send("GET", "/sites", &anna, "");
    let told: Vec<_> = views(&whole).into_iter().map(|(name, _, current)| (name, current)).collect();
    assert_eq!(told, [("My &#60;failed&#62; ones".to_owned(), false), ("all".to_owned(), true)]);

    // It belongs to this list, and to nobody else.
    assert!(views(&stage.send("GET", "/platforms", &anna, "")).is_empty());
    assert!(views(&stage.send("GET", "/sites", &berta, "")).is_empty());
    let theirs = token(&stage.send("GET", "/account", &berta, ""));
    let form = format!("form_token={theirs}&list=site-list&back=%2Fsites&name=all");
    assert_eq!(stage.send("POST", "/views/drop", &berta, &form).status, 303);
    assert_eq!(views(&stage.send("GET", "/sites", &anna, "")).len(), 2, "another's view stays");

    // The same name replaces, in its place; what is deleted is gone.
    save(&stage, &anna, "/sites?status=new", "My <failed> ones");
    let again = views(&stage.send("GET", "/sites", &anna, ""));
    assert_eq!(again[0].1, "/sites?status=new");
    let own = token(&stage.send("GET", "/account", &anna, ""));
    let form = format!("form_token={own}&list=site-list&back=%2Fsites%3Fstatus%3Dnew&name=all");
    let dropped = stage.send("POST", "/views/drop", &anna, &form);
    assert_eq!((dropped.status, dropped.location.as_str()), (303, "/sites?status=new"));
    assert_eq!(views(&stage.send("GET", "/sites", &anna, "")).len(), 1);
}

#[test]
fn a_view_of_what_one_site_has_is_one_of_what_each_has() {
    let (stage, anna, _) = two_accounts();

    let saved = save(&stage, &anna, "/sites/a.test/packages?enabled=true", "enabled");
    assert_eq!(saved.location, "/sites/a.test/packages?enabled=true");
    let page = stage.send("GET", "/sites/a.test/packages", &anna, "");
    assert_eq!(views(&page), [("enabled".to_owned(), "/sites/a.test/packages?enabled=true".to_owned(), false)]);
}

#[test]
fn what_is_no_view_is_refused_with_its_reason_and_nothing_leads_out_of_the_panel() {
    let (stage, anna, _) = two_accounts();
    let own = token(&stage.send("GET", "/account", &anna, ""));
    let send = |rest: &str| stage.send("POST", "/views/save", &anna, &format!("form_token={own}&{rest}"));

    for (form, why) in [
        ("list=site-list&back=%2Fsites&query=&name=", "1 to 60 characters"),
        (&format!("list=site-list&back=%2Fsites&query=&name={}", "n".repeat(70_000)), "1 to 60 characters"),
        ("list=nought&back=%2Fsites&query=&name=a", "names no list"),
        (&format!("list=site-list&back=%2Fsites&query=search%3D{}&name=a", "s".repeat(5_000)), "filter by less"),
    ] {
        let page = send(form);
        assert_eq!(page.status, 400, "{}", page.text());
        assert!(page.text().contains(why), "{}", page.text());
    }
    assert_eq!(send("list=site-list&back=%2F%2Fevil.test%2F&query=&name=a").location, "/");
    for n in 1..40 {
        assert_eq!(send(&format!("list=site-list&back=%2Fsites&query=&name=v{n}")).status, 303, "{n}");
    }
    let full = send("list=site-list&back=%2Fsites&query=&name=more");
    assert_eq!(full.status, 409, "{}", full.text());
    assert_eq!(send("list=site-list&back=%2Fsites&query=&name=v7").status, 303, "one that is there is replaced");
}

#[test]
fn everybody_sees_and_ends_their_own_sessions_and_nobody_elses() {
    let (stage, anna, berta) = two_accounts();
    let secret = stage.run(stage.front.signs_in_again("anna"));
    let second = secret.expose();

    let page = stage.send("GET", "/account/sessions", &anna, "");
    assert_eq!(page.html.matches("data-row").count(), 2, "{}", page.text());
    assert_eq!(page.text().matches("this one").count(), 1);
    let id = page.between("name=\"id\" value=\"", "\"").unwrap().to_owned();
    let own = token(&page);
    // Another account's is as good as none.
    let theirs = token(&stage.send("GET", "/account", &berta, ""));
    let refused = stage.send("POST", "/account/sessions/end", &berta, &format!("form_token={theirs}&id={id}"));
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert_eq!(stage.send("GET", "/account", second, "").status, 200);

    let ended = stage.send("POST", "/account/sessions/end", &anna, &format!("form_token={own}&id={id}"));
    assert_eq!((ended.status, ended.location.as_str()), (303, "/account/sessions"));
    assert!(stage.send("GET", "/account", second, "").location.starts_with("/sign-in"));
    assert_eq!(stage.send("GET", "/account", &anna, "").status, 200);
    let call = Call::of(OperationId::AuditList).with("operation", "panel end-session");
    let aegir_hosting::Answer::Page { items, .. } = stage.run(stage.front.ask(call)).unwrap() else { panic!() };
    assert_eq!((items.len(), &items[0]["actor"]), (1, &"anna".into()));
}

#[test]
fn sessions_of_all_accounts_are_for_administrators_and_lead_others_to_their_own() {
    let stage = Stage::new();
    assert_eq!(stage.send("GET", "/sessions", ADMIN, "").status, 200);
    for session in [GUEST.to_owned(), format!("{}{}", crate::gate::LACKS, Permission::Administer)] {
        let page = stage.send("GET", "/sessions", &session, "");
        assert_eq!((page.status, page.location.as_str()), (303, "/account/sessions"), "{session}");
        assert_eq!(stage.send("GET", "/account/sessions", &session, "").status, 200);
    }
}
