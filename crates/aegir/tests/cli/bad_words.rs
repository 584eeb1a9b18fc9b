//! Bad input that can be told from its text alone: refused before anything is made, with a way out.

use std::fs;

use crate::support::{Lab, way};

fn nothing_was_made(lab: &Lab) {
    let left: Vec<_> = fs::read_dir(lab.home()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_that_no_site_can_have_is_refused_with_one_that_it_can() {
    let lab = Lab::bare(way());
    let long = format!("{}.org", ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join("."));
    let table = [
        ("", "is empty", "www.example.org"),
        ("a b.org", "it holds ` `", "www.example.org"),
        ("a'b.org", "it holds `'`", "www.example.org"),
        ("a\"b.org", "it holds `\"`", "www.example.org"),
        ("../etc", "empty label", "www.example.org"),
        ("a/../b", "it holds `/`", "www.example.org"),
        ("a;b.org", "it holds `;`", "www.example.org"),
        ("-a.org", "begins or ends with `-`", "www.example.org"),
        ("1.2.3.4", "it has no letter", "www.example.org"),
        (long.as_str(), "more than 200 bytes", "choose a shorter name"),
        ("Example.org", "capital letters", "use `example.org`"),
        ("bücher.example", "not ASCII", "use its punycode form `xn--bcher-kva.example`"),
        ("all", "reserved", "www.example.org"),
        ("default", "reserved", "www.example.org"),
        ("sites.php", "reserved", "www.example.org"),
        ("simpletest", "reserved", "www.example.org"),
    ];
    for (name, says, remedy) in table {
        let at = format!("@{name}");
        let said = lab.provision(&["install", &at, "--platform", "ten", "--db-server", "localhost"]);
        said.ends(2).says(says).remedy(remedy);
        for words in [["verify", &at], ["login", &at], ["delete", &at], ["show", &at]] {
            lab.provision(&words).ends(2).says(says);
        }
    }
    nothing_was_made(&lab);
}

#[test]
fn what_drupal_would_refuse_late_is_refused_before_it_starts() {
    let lab = Lab::bare(way());
    let table = [
        ("--mail", "nobody", "it has no `@`", "editor@example.org"),
        ("--mail", "a@localhost", "its domain has no dot", "editor@example.org"),
        ("--timezone", "Mars/Olympus", "Mars/Olympus", ""),
        ("--account", "a<b", "Drupal refuses '<' in it", "admin"),
        ("--account", " a", "a space at an end", "admin"),
        ("--profile", "Standard", "is not a machine name", "standard"),
        ("--profile", "../x", "is not a machine name", "standard"),
        ("--language", "DE", "code of a language", "pt-br"),
        ("--title", "", "is empty", "1 to 128 characters"),
        ("--alias", "not a name", "it holds ` `", "www.example.org"),
        ("--redirect-to", "x_y", "it holds `_`", "www.example.org"),
        ("--client", "A B", "is not a machine name", ""),
        ("--platform", "../x", "the name of a platform", "drupal_10"),
        ("--db-server", "a b", "the name of a server", "localhost"),
    ];
    for (option, value, says, remedy) in table {
        let mut words = vec!["install", "@a.localhost"];
        for (needed, text) in [("--platform", "ten"), ("--db-server", "localhost")] {
            if option != needed {
                words.extend([needed, text]);
            }
        }
        words.extend([option, value]);
        lab.provision(&words).ends(2).says(says).remedy(remedy);
    }
    let words = ["install", "@intranet", "--platform", "ten", "--db-server", "localhost"];
    lab.provision(&words).ends(2).says("is no address that Drupal accepts").remedy("--mail");
    nothing_was_made(&lab);
}

#[test]
fn deleting_takes_the_name_a_second_time() {
    let lab = Lab::bare(way());
    let line = "aegir provision delete @a.localhost --confirm=a.localhost";
    lab.provision(&["delete", "@a.localhost"]).ends(2).remedy(line);
    lab.provision(&["delete", "@a.localhost", "--confirm=b.localhost"]).ends(2).says("b.localhost").remedy(line);
    nothing_was_made(&lab);
}

#[test]
fn what_a_new_object_lacks_is_named() {
    let lab = Lab::bare(way());
    let table: [(&[&str], &str, &str); 9] = [
        (&["save", "@server_a"], "a server needs a service", "--private-stack"),
        (&["save", "@server_a", "--http", "nginx"], "needs an address", "--listen"),
        (&["save", "@server_a", "--listen", "127.0.0.1:80"], "needs a product", "--http nginx"),
        (&["save", "@server_a", "--db", "mariadb"], "needs a place", "--db-socket"),
        (&["save", "@server_a", "--db", "mariadb", "--db-host", "db1"], "needs an account", "--db-account"),
        (&["save", "@server_a", "--db", "sqlite", "--db-host", "db1"], "SQLite has no host", "leave"),
        (&["save", "@platform_a"], "needs `--root`", "--root PATH --server NAME"),
        (&["save", "@platform_a", "--root", "/srv/a;b", "--server", "x"], "it holds ';'", "/var/aegir/platforms"),
        (&["save", "@platform_a", "--db", "sqlite"], "an option of a server", "save --help"),
    ];
    for (words, says, remedy) in table {
        lab.provision(words).ends(2).says(says).remedy(remedy);
    }
    lab.provision(&["save", "@server_a", "--private-stack"]).ends(1).says("no private stack").remedy("aegir up --home");
    lab.provision(&["save", "@a.localhost", "--no-aliases"]).ends(1).says("no site").remedy("install @a.localhost");
    lab.provision(&["show", "@a.localhost"])
        .ends(1)
        .says("nothing is saved as `@a.localhost`")
        .remedy("provision show");
    nothing_was_made(&lab);
}
