//! Operations as forms: what is filled in is done, once; what is wrong is told beside it, and nothing typed is lost.

use aegir_hosting::view::{AuditView, SiteView, TaskView, TokenView};
use aegir_hosting::{Answer, Call, Effect, Names, Operation, OperationId, Subject};
use aegir_web::panel::{Needs, routes};
use serde_json::Value;

use crate::gate::{ADMIN, GUEST};
use crate::stage::{Page, Stage, encoded};

fn items<T: serde::de::DeserializeOwned>(stage: &Stage, call: Call) -> Vec<T> {
    match stage.run(stage.front.ask(call)) {
        Ok(Answer::Page { items, .. }) => items.into_iter().map(|item| serde_json::from_value(item).unwrap()).collect(),
        other => panic!("{other:?}"),
    }
}

fn tasks(stage: &Stage) -> Vec<TaskView> {
    items(stage, Call::of(OperationId::TaskList).with("limit", 500))
}

fn site(stage: &Stage, name: &str) -> SiteView {
    match stage.run(stage.front.ask(Call::of(OperationId::SiteShow).about(name))) {
        Ok(Answer::Object(site)) => serde_json::from_value(site).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn with(fields: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let mut fields = fields.to_vec();
    fields.retain(|(own, _)| own != name);
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

/// Where the panel shows or does an operation.
fn addresses_of(operation: &Operation) -> Vec<(&'static str, String)> {
    let subject = operation.subject.path();
    if operation.effect == Effect::Tries {
        // It is tried in the form of what it would be part of.
        return vec![("POST", format!("/do/{}/{{name}}", operation.slug()))];
    }
    if !operation.reads() {
        let named = if matches!(operation.names, Names::One(_)) { "/{name}" } else { "" };
        let form = format!("/do/{}{named}", operation.slug());
        return vec![("GET", form.clone()), ("POST", form)];
    }
    let page = match (operation.id, operation.effect) {
        (OperationId::SiteOptions, _) => "/fragments/site-options".to_owned(),
        (OperationId::TaskLog | OperationId::TaskShow, _) => "/tasks/{id}".to_owned(),
        // Keys are shown where one of them is trusted, settings where they are changed, histories with their objects.
        (OperationId::ServerHostKey, _) => "/do/server-trust/{name}".to_owned(),
        (OperationId::SettingShow, _) => "/do/settings-set/{name}".to_owned(),
        (OperationId::SiteLog, _) => "/sites/{name}/log".to_owned(),
        (OperationId::ServerTrash, _) => "/servers/{name}/trash".to_owned(),
        (OperationId::SiteCompare, _) => "/sites/{name}/compare".to_owned(),
        // What going back would leave out is shown where one goes back.
        (OperationId::SiteWrittenSince, _) => "/do/site-go-back/{name}".to_owned(),
        // What was found is shown where it is taken in.
        (OperationId::FoundSiteShow, _) => "/do/site-import".to_owned(),
        (OperationId::NodeShow | OperationId::NodeHistory, _) => "/nodes/{id}".to_owned(),
        (_, Effect::Shows | Effect::Lists) if matches!(operation.names, Names::One(_)) => {
            format!("/{subject}/{{name}}")
        }
        _ => format!("/{subject}"),
    };
    vec![("GET", page)]
}

/// An address as a router tells it from others: what its parameters are called does not matter.
fn shape(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn every_operation_has_a_page_that_shows_it_or_a_form_that_does_it() {
    let routes = routes();
    let mut missing = Vec::new();
    for operation in OperationId::ALL.map(OperationId::declaration) {
        for (method, address) in addresses_of(&operation) {
            let is_it = |path: &str| shape(path) == shape(&address);
            let route = routes.iter().find(|route| route.method.as_str() == method && is_it(&route.path));
            match route {
                None => missing.push(format!("{}: {method} {address}", operation.name())),
                // Whoever may not ask for it is not shown its form.
                Some(route) if !operation.reads() => assert_eq!(route.needs, Needs::May(operation.needs), "{address}"),
                Some(_) => (),
            }
        }
    }
    assert!(missing.is_empty(), "the panel lacks: {missing:#?}");
}

#[test]
fn every_form_opens_for_whoever_may_and_for_nobody_else() {
    let mut furnished = None;
    let stage = Stage::with(async |front| furnished = Some(front.furnish().await));
    let furnished = furnished.unwrap();
    let with_form = |operation: &&Operation| !operation.reads() && operation.effect != Effect::Tries;
    for operation in OperationId::ALL.map(OperationId::declaration).iter().filter(with_form) {
        let name = match (operation.id, operation.subject) {
            (OperationId::SiteAdd | OperationId::ServerAdd, _) => String::new(),
            (OperationId::TaskCancel, _) => furnished.waiting.to_string(),
            (OperationId::TaskRetry, _) => furnished.ended.to_string(),
            (OperationId::ServerTrust, _) => "web4".into(),
            (OperationId::ServerForget, _) => "web3".into(),
            (OperationId::PlatformForget | OperationId::PlatformDelete, _) => "d12".into(),
            (OperationId::SiteEdit, _) => "edit.test".into(),
            // Where to is chosen first, in a form that does nothing yet.
            (OperationId::SiteMigrate, _) => "verify.test?platform=d10".into(),
            (OperationId::PlatformMigrate, _) => "d10?to=d11&allow_missing=left_out".into(),
            (OperationId::SiteGoBack | OperationId::SiteDropFormer, _) => "moved.test".into(),
            (OperationId::SiteEnable | OperationId::SiteDelete, _) => "delete.test".into(),
            (OperationId::SiteRefresh | OperationId::SiteSwitch, _) => "copied.test".into(),
            (OperationId::SettingSet, _) => "tasks_at_once".into(),
            (OperationId::DriftResolve, _) => "@ours.test".into(),
            (OperationId::TrashRestore, _) => "d9-20261118.110641-0123456789ac?server=web1".into(),
            (OperationId::TrashEmpty, _) => "?server=web1".into(),
            (_, Subject::Site) => "verify.test".into(),
            (_, Subject::Backup) => furnished.backup.clone(),
            (_, Subject::Platform) => "d10".into(),
            (_, Subject::Server) => "web1".into(),
            (_, Subject::Session) => furnished.session.to_string(),
            (_, Subject::Bulk) => furnished.bulk.to_string(),
            _ => "spare".into(),
        };
        let path = match operation.names {
            Names::One(_) => format!("/do/{}/{}", operation.slug(), name.replace('@', "%40")),
            Names::None if operation.id == OperationId::TrashEmpty => format!("/do/{}{name}", operation.slug()),
            Names::New(_) | Names::None => format!("/do/{}", operation.slug()),
        };
        let before = tasks(&stage).len();
        for (method, form) in [("GET", ""), ("POST", "show_again=yes")] {
            let refused = stage.send(method, &path, GUEST, form);
            assert_eq!(refused.status, 403, "{method} {path}");
        }
        let page = stage.get(&path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let fields = page.fields();
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| matches!(parameter.presence, aegir_hosting::Presence::Required))
        {
            // What must be chosen has nothing chosen yet, and is there all the same.
            assert!(page.html.contains(&format!("name=\"{}\"", parameter.name)), "{path}: {}", parameter.name);
        }
        assert!(fields.iter().any(|(name, value)| name == "once" && !value.is_empty()), "{path}");
        assert!(page.text().contains(&operation.name()[..operation.subject.word().len()]), "{path}: as a command");
        assert_eq!(tasks(&stage).len(), before, "to look does nothing: {path}");
    }
}

#[test]
fn a_site_needs_only_its_name_and_is_made_once_though_its_form_is_sent_twice() {
    let stage = Stage::new();
    let before = tasks(&stage).len();
    let form = stage.get("/do/site-add");
    let fields = form.filled(&[("name", "b.test")]);

    let first = stage.post("/do/site-add", &fields);
    let second = stage.post("/do/site-add", &fields);

    assert_eq!(first.status, 303, "{}", first.text());
    assert!(first.location.starts_with("/tasks/"), "{}", first.location);
    assert_eq!((second.status, &second.location), (303, &first.location));
    assert_eq!(tasks(&stage).len(), before + 1);

    // The same form with another name is another thing to ask for; the same name by another form is taken.
    assert_eq!(stage.post("/do/site-add", &with(&fields, "name", "c.test")).status, 303);
    let taken = stage.fill("/do/site-add", &[("name", "b.test"), ("title", "Bread & Butter")]);
    assert_eq!(taken.status, 409);
    assert!(taken.error("name").unwrap().contains("taken"), "{}", taken.text());
    assert_eq!(taken.value("title"), "Bread & Butter");
}

#[test]
fn each_mistake_is_told_beside_its_field_and_all_that_was_typed_is_there_but_secrets() {
    let stage = Stage::new();
    let long = "x".repeat(64 * 1024);
    let nasty =
        ["<script>alert(1)</script>", "\u{202e}gro.elpmaxe", "🦊 \"quoted\" 'too' & so on", "{{ 7 * 7 }}", &long];

    for text in nasty {
        let given = [("name", text), ("title", text), ("alias", text), ("mail", text), ("time_zone", text)];
        let page = stage.fill("/do/site-add", &given);

        assert_eq!(page.status, 422);
        for (name, typed) in given {
            assert_eq!(page.value(name), typed, "{name}");
        }
        for name in ["name", "mail", "time_zone"] {
            assert!(page.error(name).is_some(), "{name}: {text}");
        }
        assert!(!page.html.contains("<script>alert"), "markup is text");
    }

    let given = [("name", "web7"), ("http", "nginx"), ("db_password", "hunter2 is a secret")];
    let page = stage.fill("/do/server-add", &given);
    assert_eq!(page.status, 422);
    assert!(page.error("listen").unwrap().contains("127.0.0.1:8080"), "{}", page.text());
    assert_eq!((page.value("http"), page.value("db_password")), ("nginx".into(), String::new()));
    assert!(!page.html.contains("hunter2"), "a secret is not put back");
    assert_eq!(tasks(&stage).len(), 3);
}

#[test]
fn an_edit_that_comes_late_shows_both_values_and_loses_nothing() {
    let stage = Stage::new();
    let path = "/do/site-edit/a.test";
    let mine = stage.get(path);
    let theirs = stage.fill(path, &[("alias", "theirs.test")]);
    assert_eq!(theirs.status, 303, "{}", theirs.text());
    stage.work();

    let late = stage.post(path, &mine.filled(&[("alias", "mine.test\r\nother.test")]));

    assert_eq!(late.status, 409);
    assert_eq!(late.value("alias"), "mine.test\nother.test");
    assert!(late.error("alias").unwrap().contains("theirs.test"), "{}", late.text());
    let names =
        |stage: &Stage| site(stage, "a.test").domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>();
    assert!(names(&stage).contains(&"theirs.test".to_owned()));

    // Sent again, with both seen, it takes the place of theirs; emptied, there is none.
    assert_eq!(stage.post(path, &late.fields()).status, 303);
    stage.work();
    assert_eq!(stage.get(path).value("alias"), "mine.test\nother.test");
    assert_eq!(stage.fill(path, &[("alias", "")]).status, 303);
    stage.work();
    assert_eq!(names(&stage), ["a.test"]);
}

#[test]
fn what_is_taken_away_wants_its_name_and_says_before_what_goes_and_what_stays() {
    let stage = Stage::new();
    let path = "/do/site-delete/a.test";
    let in_service = stage.get(path);
    assert_eq!(in_service.status, 409);
    assert!(in_service.text().contains("disable it first"), "{}", in_service.text());
    assert_eq!(stage.fill("/do/site-disable/a.test", &[]).status, 303);
    stage.work();
    let form = stage.get(path);
    let said = form.text();
    for what in ["database", "is dropped", "trash", "A last backup is made"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert!(form.html.contains("autofocus>Cancel</a>"), "what does nothing has the focus");

    for wrong in ["", "a.tes", "A.TEST"] {
        let page = stage.post(path, &form.filled(&[("confirm", wrong)]));
        assert_eq!(page.status, 422, "{wrong}");
        assert!(page.error("confirm").is_some());
    }
    let planned = stage.post(path, &form.filled(&[("dry_run", "yes")]));
    assert!(planned.status == 200 && planned.text().contains("delete-site"), "{}", planned.text());
    assert_eq!(tasks(&stage).len(), 4, "nothing was done");

    let in_use = stage.get("/do/platform-forget/d10");
    assert_eq!(in_use.status, 409);
    assert!(
        in_use.text().contains("1 site lives on it") && !in_use.html.contains("<form method=\"post\" action=\"/do/")
    );

    assert_eq!(stage.post(path, &form.filled(&[("confirm", "a.test")])).status, 303);
    stage.work();
    let gone = stage.run(stage.front.ask(Call::of(OperationId::SiteShow).about("a.test")));
    assert!(gone.is_err(), "{gone:?}");
    let again = stage.post(path, &form.filled(&[("confirm", "a.test")]));
    assert_eq!((again.status, again.location.starts_with("/tasks/")), (303, true), "sent twice, it was done once");

    assert_eq!(
        stage.post("/do/token-add", &stage.get("/do/token-add").filled(&[("name", "ci"), ("scope", "view")])).status,
        200
    );
    assert_eq!(stage.fill("/do/token-revoke/ci", &[("confirm", "cd")]).status, 422);
    let revoked = stage.fill("/do/token-revoke/ci", &[("confirm", "ci")]);
    assert!(revoked.location.starts_with("/tokens?did="), "{revoked:?}");
    assert!(stage.get(&revoked.location).text().contains("Done: token revoke."));
    assert!(
        !stage.get("/tokens?did=token-revoke~000000000000").text().contains("Done"),
        "an address alone says nothing"
    );
}

#[test]
fn a_token_is_shown_when_it_is_made_and_never_again() {
    let stage = Stage::new();
    let form = stage.get("/do/token-add");
    let mut fields = form.filled(&[("name", "ci"), ("days", "3")]);
    fields.extend([("scope".into(), "view".into()), ("scope".into(), "operate".into())]);

    let made = stage.post("/do/token-add", &fields);
    let again = stage.post("/do/token-add", &fields);

    assert_eq!(made.status, 200, "{}", made.text());
    let token = made.between("<code>aegir_", "</code>").expect("a token").to_owned();
    assert!(made.text().contains("shown only now"));
    assert_eq!(again.status, 303);
    for page in [again.location.as_str(), "/tokens"] {
        let list = stage.get(page);
        assert!(list.text().contains("ci") && !list.html.contains(&token), "{page}");
    }
    let tokens: Vec<TokenView> = items(&stage, Call::of(OperationId::TokenList));
    assert_eq!(tokens.iter().filter(|token| token.label == "ci").count(), 1);
    assert_eq!(tokens[0].scopes, ["view", "operate"]);
}

#[test]
fn a_login_link_is_shown_to_whoever_asked_at_the_click_and_kept_nowhere() {
    let stage = Stage::new();
    let stop = stage.keeps_working();
    let form = stage.get("/do/site-login/a.test");

    let opened = stage.post("/do/site-login/a.test", &form.filled(&[("account", "1")]));
    let again = stage.post("/do/site-login/a.test", &form.filled(&[("account", "1")]));

    assert_eq!(opened.status, 200, "{}", opened.text());
    let link = "http://a.test/user/reset/1/only-once";
    let shown = opened.between("<a class=\"button primary\" href=\"", "</a>").unwrap();
    assert!(
        shown.starts_with(link) && shown.contains("noreferrer") && shown.ends_with("Open a.test as account 1"),
        "{shown}"
    );
    assert!(opened.head.contains("cache-control: no-store"), "{}", opened.head);
    assert_eq!(again.status, 303);
    assert!(!stage.get(&again.location).html.contains("only-once"), "it is told once");
    assert_eq!(tasks(&stage).iter().filter(|task| task.operation == "site-login").count(), 1);
    let audit: Vec<AuditView> = items(&stage, Call::of(OperationId::AuditList));
    let logins: Vec<_> = audit.iter().filter(|entry| entry.operation == "site-login").collect();
    assert_eq!((logins.len(), logins[0].actor.as_str()), (1, "admin"));
    assert!(!serde_json::to_string(&audit).unwrap().contains("only-once"));

    // One that took longer is fetched by whoever asked, and by nobody else.
    let task = stage.run(
        stage
            .front
            .hosting
            .perform(&aegir_hosting::Actor::of_machine("admin"), Call::of(OperationId::SiteLogin).about("a.test")),
    );
    let Ok(Answer::Queued(task)) = task else { panic!("{task:?}") };
    let fetch = format!("/do/site-login/fetch/{}", task.task);
    let token = form.value("form_token");
    let page = format!("/tasks/{}", task.task);
    let offers = |session: &str| stage.send("GET", &page, session, "").html.contains(&format!("action=\"{fetch}\""));
    // Whoever works is at it: stopped in the middle, it would leave the task to whoever takes over, which is no matter of
    // this page.
    let began = std::time::Instant::now();
    while !offers(ADMIN) && began.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(offers(ADMIN) && !offers(GUEST), "its task's page leads whoever asked to it");
    assert_eq!(stage.send("POST", &fetch, GUEST, &format!("form_token={token}")).status, 403);
    assert_eq!(stage.post(&fetch, &[]).status, 403, "without the session's mark");
    let fetched = stage.post(&fetch, &[("form_token".into(), token.clone())]);
    assert!(fetched.status == 200 && fetched.html.contains(link), "{}", fetched.text());
    assert_eq!(stage.post(&fetch, &[("form_token".into(), token)]).status, 404);
    assert!(!offers(ADMIN), "there is nothing more to fetch");
    stop.send(true).unwrap();
}

#[test]
fn choices_for_a_site_narrow_each_other_with_and_without_scripts() {
    let stage = Stage::new();
    let form = stage.get("/do/site-add");
    assert!(
        form.text().contains("Only `d10` is left.") || form.text().contains("Only d10 is left."),
        "{}",
        form.text()
    );

    let given = [("name", "b.test"), ("db_server", "gone"), ("title", "kept")];
    let without = stage.post("/do/site-add", &with(&form.filled(&given), "narrow", "true"));
    let fragment = stage.get("/fragments/site-options?db_server=gone&language=en");

    assert_eq!(without.status, 200);
    assert!(without.error("db_server").unwrap().contains("holds no databases"));
    assert_eq!((without.value("title"), without.value("db_server")), ("kept".into(), "gone".into()));
    assert!(fragment.status == 200 && fragment.html.contains("holds no databases"), "{}", fragment.html);
    assert!(!fragment.html.contains("<html"), "a part of a page");
    assert_eq!(tasks(&stage).len(), 3, "nothing was done");
    assert_eq!(stage.get("/do/site-add?name=q.test&platform=d10").value("platform"), "d10");
}

#[test]
fn a_form_of_another_session_does_nothing_and_one_that_outlived_its_session_comes_back_whole() {
    let stage = Stage::new();
    let form = stage.get("/do/site-add");
    let fields = form.filled(&[("name", "b.test"), ("title", "Typed for an hour")]);

    let foreign = stage.post("/do/site-add", &with(&fields, "form_token", "0123"));
    let ended = stage.send("POST", "/do/site-add", "ended", &encoded(&fields));

    assert_eq!(foreign.status, 403);
    assert_eq!(ended.status, 401);
    assert!(ended.html.contains("Typed for an hour"));
    let mut back = with(&fields, "show_again", "yes");
    back.retain(|(name, _)| name != "once");
    let shown = stage.post("/do/site-add", &back);
    assert_eq!((shown.status, shown.value("title")), (200, "Typed for an hour".into()));
    assert_eq!(tasks(&stage).len(), 3, "nothing was done");
    assert_eq!(stage.post("/do/site-add", &shown.fields()).status, 303);
}

#[test]
fn settings_are_of_their_kind_and_tell_who_changed_them() {
    let stage = Stage::new();
    let set = |name: &str, field: &str, value: &str| stage.fill(&format!("/do/settings-set/{name}"), &[(field, value)]);

    let wrong = set("tasks_at_once", "value", "80000");
    assert_eq!((wrong.status, wrong.value("value")), (422, "80000".into()));
    assert!(wrong.error("value").unwrap().contains("from 1 to 1024"), "{}", wrong.text());
    assert!(set("tasks_at_once", "value", "8").location.starts_with("/settings?did="));
    assert_eq!(set("news_mail_password", "secret", "hunter2 is a secret").status, 303);

    let page = stage.get("/settings");
    let field = page.between("id=\"value-tasks_at_once\"", ">").unwrap();
    assert!(field.contains("value=\"8\""), "{field}");
    assert!(page.text().contains("Changed by admin") && page.text().contains("One is set"), "{}", page.text());
    assert!(!page.html.contains("hunter2"));
    // What is one of a few words is chosen, and the word that holds stands there.
    assert_eq!(set("import_found", "value", "off").status, 303);
    let page = stage.get("/settings");
    let choice = page.between("<select class=\"input\" id=\"value-import_found\"", "</select>").unwrap();
    assert!(
        choice.contains("<option value=\"off\" selected>") && choice.contains("<option value=\"ask\">"),
        "{choice}"
    );
    assert!(!page.html.contains("type=\"select\""));
    // Left empty, the default holds again.
    assert_eq!(set("tasks_at_once", "value", "").status, 303);
    let shown = stage.run(stage.front.ask(Call::of(OperationId::SettingShow).about("tasks_at_once")));
    let Ok(Answer::Object(shown)) = shown else { panic!("{shown:?}") };
    assert_eq!(shown["value"], Value::from(16));
    // The text of a letter has lines, as a browser ends them; what is no template is refused by its name.
    let wrong = set("welcome_body", "value", "Hello {sight}\r\n{link}");
    assert!(wrong.error("value").unwrap().contains("{sight}"), "{}", wrong.text());
    assert_eq!(set("welcome_body", "value", "Hello {account},\r\n\r\n{link}\r\n").status, 303);
    let shown = stage.run(stage.front.ask(Call::of(OperationId::SettingShow).about("welcome_body")));
    let Ok(Answer::Object(shown)) = shown else { panic!("{shown:?}") };
    assert_eq!(shown["value"], Value::from("Hello {account},\n\n{link}\n"));
    let field = stage.get("/settings").between("id=\"value-welcome_body\"", "</textarea>").unwrap().to_owned();
    assert!(field.ends_with(">\nHello {account},\n\n{link}\n"), "{field}");
    assert_eq!(stage.send("GET", "/settings", GUEST, "").status, 403);
    assert_eq!(stage.send("GET", "/features", GUEST, "").status, 200);
}

#[test]
fn fields_of_the_operators_own_stand_in_forms_of_their_kind() {
    let stage = Stage::new();
    let added = stage.fill("/do/field-add", &[("name", "ticket"), ("kind", "site"), ("type", "number")]);
    assert_eq!(added.status, 303, "{}", added.text());

    let wrong = stage.fill("/do/site-edit/a.test", &[("field.ticket", "soon")]);
    assert!(wrong.error("field.ticket").unwrap().contains("a number"), "{}", wrong.text());
    assert_eq!(stage.post("/do/site-edit/a.test", &with(&wrong.fields(), "field.ticket", "42")).status, 303);

    assert_eq!(site(&stage, "a.test").fields["ticket"], "42");
    assert_eq!(stage.send("GET", "/do/site-edit/a.test", ADMIN, "").value("field.ticket"), "42");
    let gone = |page: &Page| !page.html.contains("field.ticket");
    assert!(gone(&stage.get("/do/platform-edit/d10")));
    assert_eq!(stage.fill("/do/field-delete/ticket?kind=site", &[("confirm", "ticket")]).status, 303);
    assert!(gone(&stage.get("/do/site-edit/a.test")));
}

#[test]
fn accounts_are_made_with_a_link_that_is_shown_once_and_end_with_their_sessions() {
    let stage = Stage::new();
    stage.run(stage.front.signed_in("spare"));

    let made = stage.fill("/do/account-add", &[("name", "anna"), ("hours", "2")]);
    assert_eq!(made.status, 200, "{}", made.text());
    let link = made.between("<pre tabindex=\"0\"><code>", "</code>").unwrap().to_owned();
    let secret = link.rsplit('/').next().unwrap().to_owned();
    assert!(secret.len() > 20 && made.text().contains("shown only now"), "{link}");
    for page in ["/accounts", "/sessions", "/audit"] {
        let list = stage.get(page);
        assert!(list.status == 200 && !list.html.contains(&secret), "{page}");
    }
    assert!(stage.get("/accounts").text().contains("anna"));
    let another = stage.fill("/do/account-link/anna", &[]);
    assert!(another.status == 200 && !another.html.contains(&secret), "{}", another.text());

    let offers = |verb: &str| stage.get("/accounts").html.contains(&format!("/do/account-{verb}/anna"));
    assert!(offers("block") && !offers("unblock"));
    assert_eq!(stage.fill("/do/account-block/anna", &[]).status, 303);
    assert!(offers("unblock") && !offers("block"), "what is so already is not offered");
    let last = stage.fill("/do/account-block/spare", &[]);
    assert!(last.text().contains("could come in through the panel then"), "{} {}", last.status, last.text());
    assert_eq!(stage.fill("/do/account-unblock/anna", &[]).status, 303);

    let sessions = stage.get("/sessions?account=spare");
    let end = sessions.between("href=\"/do/session-end/", "\"").expect("a session that can be ended").to_owned();
    assert!(stage.fill(&format!("/do/session-end/{end}"), &[]).location.starts_with("/sessions?did="));
    assert!(!stage.get("/sessions?account=spare").html.contains("/do/session-end/"));
    assert_eq!(stage.fill("/do/account-delete/anna", &[("confirm", "ann")]).status, 422);
    assert_eq!(stage.fill("/do/account-delete/anna", &[("confirm", "anna")]).status, 303);
    assert!(!stage.get("/accounts").text().contains("anna"));
}

#[test]
fn servers_and_platforms_are_added_by_their_forms_and_tested_before_as_far_as_that_can_be() {
    let stage = Stage::new();
    let given = [
        ("name", "web7"),
        ("http", "nginx"),
        ("listen", "127.0.0.1:8080"),
        ("db", "mariadb"),
        ("db_host", "db7.example.org"),
        ("db_account", "aegir"),
        ("db_password", " with spaces "),
    ];

    let tried = stage.fill("/do/server-add", &[given.as_slice(), &[("dry_run", "yes")]].concat());
    assert_eq!(tried.status, 200, "{}", tried.text());
    assert!(tried.text().contains("verify-server") && !tried.html.contains("with spaces"), "{}", tried.text());
    assert_eq!((tried.value("db_host"), tasks(&stage).len()), ("db7.example.org".into(), 3));
    let sent = stage.post("/do/server-add", &with(&tried.fields(), "db_password", " with spaces "));
    assert_eq!(sent.status, 303, "{}", sent.text());
    stage.work();
    let password = stage.front.back_ends.machine("web7").password_of("@server_web7");
    assert_eq!(password.as_deref(), Some(" with spaces "));

    let without = stage.fill("/do/platform-add", &[("name", "d11")]);
    assert_eq!(without.status, 422, "{}", without.text());
    let added = stage.fill("/do/platform-add", &[("name", "d11"), ("root", "/srv/d11"), ("server", "web7")]);
    assert_eq!(added.status, 303, "{}", added.text());
    stage.work();
    assert_eq!(stage.get("/do/platform-edit/d11").value("title"), "d11");
}

#[test]
fn a_wrong_code_offers_no_other_secret() {
    let stage = Stage::new();
    let offered = stage.get("/account/factor");
    let code = [("form_token".into(), offered.value("form_token")), ("code".into(), "000000".into())];

    let again = stage.post("/account/factor", &code);

    assert!(offered.html.contains("JBSWY3DPEHPK3PXP"));
    assert_eq!(again.status, 401, "{}", again.text());
    // The app has the first one: to show another would make every next code wrong.
    assert!(!again.html.contains("JBSWY3DPEHPK3PXP") && !again.html.contains("class=\"qr\""), "{}", again.text());
    assert!(again.html.contains("name=\"code\"") && again.html.contains("Begin again with a new picture"));
}
