//! Lists as pages: what is filtered, sorted, paged and taken away as a file, and what is said of bad addresses.

use aegir_domain::TaskKind;
use aegir_hosting::{Call, OperationId as Id};
use aegir_lab::pretend::{Ends, Plan, PretendFront, add_platform, add_server};

use crate::browser::{Browser, Page, add_site};
use crate::gate::GUEST;

/// Sites `a.test` and `site01.test` to `site60.test`, one that was not made, one that drifted.
async fn fleet(front: &PretendFront) {
    front.first_site().await;
    let web1 = front.back_ends.machine("web1");
    web1.plan_once(TaskKind::InstallSite, "@broken.test", Plan::ends(Ends::RolledBack));
    for n in 1..=60 {
        front.queue(add_site(&format!("site{n:02}.test")).with("title", format!("<b>Title {n}</b>"))).await;
    }
    front.queue(add_site("broken.test").with("title", "=HYPERLINK(\"//evil.test\")")).await;
    front.work().await;
    let Some(aegir_domain::Context::Site(mut site)) = web1.context("@site02.test") else { panic!("no site02") };
    site.mail = "theirs@example.org".parse().unwrap();
    web1.put_context(aegir_domain::Context::Site(site));
    front.look().await;
}

fn names(page: &Page, label: &str) -> Vec<String> {
    page.rows(label).into_iter().map(|row| row[0].clone()).collect()
}

#[test]
fn a_search_of_any_length_is_told_what_a_search_may_be() {
    let browser = Browser::with(async |front| front.first_site().await);
    let lists =
        ["/sites", "/platforms", "/servers", "/packages", "/backups", "/tasks", "/found-sites", "/audit", "/bulk"];
    for list in lists.into_iter().chain(["/sites/a.test/packages"]) {
        for length in [201, 8_000, 8_200, 65_400, 65_536, 200_000] {
            let page = browser.open(&format!("{list}?search={}", "s".repeat(length)));
            let told = page.body.contains("200 characters") || page.body.contains("is no filter of this list");
            assert!(told, "{list}, {length}: {} {}", page.status, page.body.len());
            assert_eq!(matches!(page.status, 414 | 431), length > 8_100, "{list}, {length}: {}", page.status);
        }
    }
}

#[test]
fn a_list_is_walked_forth_and_back_filtered_and_sorted_by_its_links_alone() {
    let browser = Browser::with(fleet);

    let first = browser.open("/sites?limit=25&search=site");
    assert!(first.text().contains("25 of 60 sites"), "{}", first.text());
    assert_eq!(names(&first, "Sites")[..2], ["site01.test", "site02.test"]);
    assert_eq!(first.link("First"), None);
    let second = browser.open(&first.link("Next").unwrap());
    let third = browser.open(&second.link("Next").unwrap());
    let all = [&first, &second, &third].map(|page| names(page, "Sites")).concat();
    assert_eq!(all, (1..=60).map(|n| format!("site{n:02}.test")).collect::<Vec<_>>());
    assert_eq!(third.link("Next"), None);
    let back = browser.open(&third.link("Previous").unwrap());
    assert_eq!(names(&back, "Sites"), names(&second, "Sites"));
    assert_eq!(names(&browser.open(&back.link("Previous").unwrap()), "Sites"), names(&first, "Sites"));

    assert!(first.body.contains("aria-sort=\"ascending\""));
    let turned = browser.open(&first.link("Site").unwrap());
    assert!(turned.body.contains("aria-sort=\"descending\""));
    assert_eq!(names(&turned, "Sites")[0], "site60.test");
    assert_eq!(turned.field("search").as_deref(), Some("site"), "the filter stays");

    let failed = browser.open("/sites?status=failed");
    assert_eq!(names(&failed, "Sites"), ["broken.test"]);
    assert_eq!(failed.rows("Sites")[0][1], "Health: failed In sync: nothing to compare");
    assert_eq!(failed.link("Clear all").as_deref(), Some("/sites"));
    let drifted = browser.open("/sites?search=site02");
    assert_eq!(drifted.rows("Sites")[0][1], "Health: enabled In sync: drifted");
    assert_eq!(browser.open("/sites?search=site03").rows("Sites")[0][1], "Health: enabled In sync: in sync");
    assert!(drifted.body.contains("aegir site list --search site02") && drifted.body.contains("/api/v1/sites?search"));
}

#[test]
fn columns_are_chosen_and_what_a_form_sends_empty_leaves_the_address() {
    let browser = Browser::with(async |front| front.first_site().await);

    let sent = browser.open("/sites?search=&status=enabled&sort=name&limit=50&columns=title&columns=created");
    assert_eq!((sent.status, sent.leads_to()), (303, "/sites?status=enabled&columns=title%2Ccreated"));
    let page = browser.open(sent.leads_to());
    assert_eq!(page.rows("Sites")[0].len(), 3, "the name, and the two that were chosen");
    assert!(page.body.contains("checked"));

    let wrong = browser.open("/sites?columns=nought");
    assert!(wrong.text().contains("nought is no column of this list"), "{}", wrong.text());
    assert_eq!(names(&wrong, "Sites"), ["a.test"], "the list itself stays as it is");
}

#[test]
fn all_that_match_are_a_file_in_which_nothing_is_a_formula() {
    let browser = Browser::with(fleet);

    let file = browser.open("/sites?format=csv&columns=title,marks&limit=25");
    assert_eq!(file.status, 200);
    let headers = file.headers.to_lowercase();
    assert!(headers.contains("content-type: text/csv") && headers.contains("filename=\"sites.csv\""), "{headers}");
    let lines: Vec<&str> = file.body.split("\r\n").collect();
    assert_eq!(lines[0], "Site,State,Title");
    assert_eq!(lines.len(), 1 + 62 + 1, "all of them, whatever a page has");
    assert_eq!(lines[2], "broken.test,\"failed, nothing to compare\",\"'=HYPERLINK(\"\"//evil.test\"\")\"");

    let unsure = browser.open("/sites?format=csv&status=nought");
    assert!(unsure.body.contains("<main") && !unsure.body.contains("a.test"), "no file of what was not asked for");
}

#[test]
fn what_cannot_be_read_is_said_beside_its_filter_and_no_row_is_shown_instead() {
    let browser = Browser::with(async |front| front.first_site().await);
    let long = "x".repeat(7_000);

    for (query, said) in [
        ("status=nought", "give one of: new, enabled, disabled, failed, deleted"),
        (&format!("search={long}"), "give 1 to 200 characters on one line"),
        ("server=web9", "there is no server web9"),
        ("platform=No%20Platform", "No Platform"),
        ("verified=maybe", "it is neither yes nor no"),
        ("search=a&search=b", "it is given more than once"),
        ("client=nobody", "there is no client nobody"),
    ] {
        let page = browser.open(&format!("/sites?{query}"));
        assert_eq!(page.status, 200, "{query:.40}");
        let text = page.text();
        assert!(text.contains(said), "{query:.40}: {said}: {text:.2000}");
        assert!(text.contains("a filter cannot be read") && page.rows("Sites").is_empty(), "{query:.40}");
        assert!(page.body.contains("aria-invalid=\"true\""), "{query:.40}");
        assert!(!page.body.contains("aegir site list"), "{query:.40}: no command says what was not understood");
        assert_eq!(page.link("Clear the filters").as_deref(), Some("/sites"), "{query:.40}");
    }
    for query in ["cursor=zz", "cursor=5b5d", "limit=0", "limit=many", "sort=colour", "stauts=new"] {
        let page = browser.open(&format!("/sites?{query}"));
        let name = query.split('=').next().unwrap();
        let said = match name {
            "cursor" => "it is no place in this list",
            "stauts" => "what is no filter of this list: stauts.",
            "limit" => "give a whole number from 1 to 500",
            _ => "give one of: name",
        };
        assert!(page.text().contains(said), "{query}: {}", page.text());
        assert_eq!(names(&page, "Sites"), ["a.test"], "{query}: what narrows nothing costs no row");
    }
    let refused = browser.open("/audit?operation=nought&object=%23999999");
    assert!(refused.text().contains("there are: server list"), "{}", refused.text());
    assert_eq!(browser.open("/audit?object=%23999999").status, 200);
}

#[test]
fn markup_in_a_name_or_a_filter_is_text() {
    let browser = Browser::with(fleet);

    let page = browser.open("/sites?columns=title&search=%3Cb%3E");
    assert!(page.body.contains("&#60;b&#62;Title 1&#60;/b&#62;") && !page.body.contains("<b>Title"));
    let mark = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE";
    for name in ["search", "status", "platform", "package", "sort", "cursor", "columns", mark] {
        let page = browser.open(&format!("/sites?{name}={mark}"));
        assert_eq!(page.status, 200, "{name}");
        assert!(!page.body.contains("<script>alert"), "{name}");
    }
}

#[test]
fn an_empty_list_says_what_comes_first_and_whoever_may_only_look_is_not_sent_to_a_form() {
    let browser = Browser::with(async |_| ());

    for list in ["/sites", "/platforms", "/servers", "/tasks", "/packages"] {
        let page = browser.open(list);
        assert_eq!(page.link("Add a server").as_deref(), Some("/do/server-add"), "{list}");
        assert!(page.body.contains("aegir server add web1 --http nginx"), "{list}");
        let looking = browser.open_as(GUEST, list);
        assert_eq!((looking.status, looking.link("Add a server")), (200, None), "{list}");
    }
    assert!(browser.open("/drift").text().contains("Every back end has what is remembered here"));
    let none = browser.open("/sites?search=a");
    assert_eq!(none.link("Clear the filters").as_deref(), Some("/sites"));

    let begun = Browser::with(async |front| {
        front.queue(add_server("web1")).await;
        front.work().await;
    });
    assert_eq!(begun.open("/sites").link("Add a platform").as_deref(), Some("/do/platform-add"));
    let further = Browser::with(async |front| {
        front.queue(add_server("web1")).await;
        front.work().await;
        front.queue(add_platform("d10", "web1")).await;
        front.work().await;
    });
    assert_eq!(further.open("/sites").link("Add a site").as_deref(), Some("/do/site-add"));
}

#[test]
fn each_list_needs_what_its_operation_needs() {
    let browser = Browser::with(async |front| front.first_site().await);

    for list in
        ["/sites", "/platforms", "/servers", "/packages", "/backups", "/trash", "/found-sites", "/drift", "/tasks"]
    {
        assert_eq!(browser.open_as(GUEST, list).status, 200, "{list}");
        assert!(browser.open_as("nobody", list).leads_to().starts_with("/sign-in"), "{list}");
    }
    assert_eq!(browser.open_as(GUEST, "/audit").status, 403);
    let audit = browser.open("/audit?operation=site+add");
    assert_eq!(audit.rows("Audit").len(), 1);
    assert_eq!(audit.rows("Audit")[0][1..5], ["anna", "site add", "a.test", "queued"]);
}

#[test]
fn tasks_are_found_by_their_state_and_lead_to_what_they_are_about() {
    let browser = Browser::with(async |front| {
        fleet(front).await;
        front.queue(Call::of(Id::ServerVerify).about("web1")).await;
    });

    let failed = browser.open("/tasks?state=rolled-back&state=stuck");
    let rows = failed.rows("Tasks");
    assert_eq!((rows.len(), rows[0][1].as_str(), rows[0][2].as_str()), (1, "rolled back", "broken.test"));
    let object = browser.open(&failed.link("broken.test").unwrap());
    assert_eq!(object.leads_to(), "/sites/broken.test");
    let waiting = browser.open("/tasks?state=waiting");
    assert_eq!(waiting.rows("Tasks")[0][1..3], ["waiting", "server web1"]);
}
