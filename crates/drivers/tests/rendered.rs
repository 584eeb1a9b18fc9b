//! Files that we write are compared with files. A new case is a new file under `rendered/`; run with
//! `AEGIR_RENDER=1` to write what is rendered now, and read the difference.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, see common")]

mod common;

use std::path::{Path, PathBuf};

use aegir_drivers::http::{Apache, HttpDriver, HttpDrivers, Nginx};
use aegir_drivers::php::{Asks, Children, FpmMain, Pool, Programs};
use aegir_drivers::{DriverFault, Templates};
use common::*;

const LINE: &str = "----------\n";

/// The cases of a folder: path, input, expected output.
fn cases(folder: &str) -> Vec<(PathBuf, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rendered").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let (input, expected) = text.split_once(LINE).unwrap_or((&text, ""));
        let (input, expected) = (input.to_owned(), expected.to_owned());
        (path, input, expected)
    };
    paths.into_iter().map(read).collect()
}

fn compare(path: &Path, input: &str, expected: &str, rendered: &str) {
    if std::env::var_os("AEGIR_RENDER").is_some() {
        return std::fs::write(path, format!("{}\n{LINE}{rendered}", input.trim_end())).unwrap();
    }
    assert_eq!(rendered, expected, "{}", path.display());
}

fn some_server(folder: &Path) -> aegir_drivers::http::ServerConfig {
    server(folder, "127.0.0.1:8080".parse().unwrap())
}

/// The servers, each with the folder that its examples speak of.
fn servers() -> [(Box<dyn HttpDriver>, PathBuf); 2] {
    let config = Path::new("/srv/config/server_test");
    [(Box::new(Nginx), config.join("nginx")), (Box::new(Apache::default()), config.join("apache"))]
}

fn said(fault: &DriverFault) -> String {
    format!("{}\n", aegir_domain::Report(&aegir_domain::FaultReport::of(fault)))
}

/// Another task may change files while a server reads them. What its number says must be there; more may be.
#[test]
fn a_server_reads_its_number_before_any_file_that_the_number_stands_for() {
    for (driver, folder) in servers() {
        let files = driver.server(&some_server(&folder), &Templates::default()).unwrap();
        let text = files.iter().find(|file| file.path == Path::new("server.conf")).unwrap().text.expose().to_owned();
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        let sites = if driver.service_type() == "nginx" { "/vhost.d/*.conf" } else { "${AEGIR_SITES}/*.conf" };
        for file in [sites, "/platforms/*.conf"] {
            assert!(at("/generation.conf") < at(file), "{}: {file}", driver.service_type());
        }
    }
}

#[test]
fn a_sites_file_is_as_the_examples_say() {
    for (driver, folder) in servers() {
        for (path, input, expected) in cases(driver.service_type()) {
            let vhost = vhost(&pairs(&input));
            let text = match driver.vhost(&some_server(&folder), &vhost, &Templates::default()) {
                Ok(file) => file.text.expose().to_owned(),
                Err(fault) => said(&fault),
            };
            compare(&path, &input, &expected, &text);
        }
    }
}

#[test]
fn a_site_that_knows_nothing_of_aegir_has_a_file_without_secrets_that_servers_accept() {
    for (driver, folder) in servers() {
        let runs = installed(&driver.ask_version().program.to_string_lossy());
        let home = tempfile::tempdir().unwrap();
        let main = lay_out(&*driver, &home.path().join("server"));
        for (path, input, expected) in cases(&format!("{}-standalone", driver.service_type())) {
            let vhost = vhost(&pairs(&input));
            let text = driver.standalone(&some_server(&folder), &vhost, &Templates::default()).unwrap();
            compare(&path, &input, &expected, &text);
            let secrets = vhost.credentials.iter().filter(|(name, _)| name == "db_passwd" || name == "hash_salt");
            for (_, secret) in secrets.filter(|(_, secret)| !secret.expose().is_empty()) {
                assert!(!text.contains(secret.expose()), "{}", path.display());
            }
            if !runs {
                continue;
            }
            let alone = home.path().join("alone.conf");
            let root = format!("{}{}", home.path().display(), vhost.root);
            std::fs::create_dir_all(&root).unwrap();
            write(&home.path().join("new.conf"), &text.replace(vhost.root.as_str(), &root));
            // Every nginx that a distribution packs has it beside its main file.
            write(&home.path().join("fastcgi_params"), "fastcgi_param QUERY_STRING $query_string;\n");
            let main = match driver.service_type() {
                // What nginx reads of a site of ours is no server.
                "nginx" => format!(
                    "pid {0}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {0}/new.conf; }}\n",
                    home.path().display()
                ),
                _ => driver.main_alone(&main, &home.path().join("new.conf"), &Templates::default()).unwrap(),
            };
            write(&alone, &main);
            succeeds(&driver.check(&alone));
        }
    }
}

#[test]
fn a_platforms_file_is_as_the_examples_say() {
    for (driver, folder) in servers() {
        for (path, input, expected) in cases(&format!("{}-platform", driver.service_type())) {
            let platform = platform(&pairs(&input));
            let text = match driver.platform(&some_server(&folder), &platform, &Templates::default()) {
                Ok(files) => files.iter().map(|file| file.text.expose()).collect(),
                Err(fault) => said(&fault),
            };
            compare(&path, &input, &expected, &text);
        }
    }
}

#[test]
fn a_servers_files_are_as_the_examples_say() {
    for (driver, folder) in servers() {
        for (path, input, expected) in cases(&format!("{}-server", driver.service_type())) {
            let name = pairs(&input)["file"].clone();
            let server = some_server(&folder);
            let templates = Templates::default();
            let text = match name.as_str() {
                "main.conf" => driver.main(&main_config(server), &templates).unwrap(),
                "alone.conf" => {
                    driver.main_alone(&main_config(server), Path::new("/srv/new.conf"), &templates).unwrap()
                }
                "generation.conf" => driver.generation(7, &templates).unwrap().text.expose().to_owned(),
                _ => {
                    let files = driver.server(&server, &templates).unwrap();
                    let file = files.iter().find(|file| file.path == Path::new(&name)).unwrap();
                    file.text.expose().to_owned()
                }
            };
            compare(&path, &input, &expected, &text);
        }
    }
}

/// Writes a server's own files below `folder`.
fn lay_out(driver: &dyn HttpDriver, folder: &Path) -> aegir_drivers::http::MainConfig {
    let server = some_server(folder);
    for name in driver.folders() {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let mut files = driver.server(&server, &Templates::default()).unwrap();
    files.push(driver.generation(1, &Templates::default()).unwrap());
    for file in files {
        write(&folder.join(&file.path), file.text.expose());
    }
    let main = main_config(server);
    std::fs::create_dir_all(&main.temp).unwrap();
    main
}

#[test]
fn the_servers_accept_every_example_alone_and_among_the_others() {
    for (driver, speaks_of) in servers() {
        let kind = driver.service_type();
        if !installed(&driver.ask_version().program.to_string_lossy()) {
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(kind);
        let main = lay_out(&*driver, &folder);
        for (of, to) in [(kind.to_owned(), "vhost.d"), (format!("{kind}-platform"), "platforms")] {
            for (path, _, expected) in cases(&of) {
                if !expected.contains("# end of") {
                    continue;
                }
                let name = path.file_stem().unwrap().to_str().unwrap();
                let aside = home.path().join(format!("{name}.new"));
                write(&aside, &expected.replace(speaks_of.to_str().unwrap(), folder.to_str().unwrap()));
                let alone = home.path().join("alone.conf");
                write(&alone, &driver.main_alone(&main, &aside, &Templates::default()).unwrap());
                if to == "vhost.d" || kind == "apache" {
                    succeeds(&driver.check(&alone));
                    std::fs::rename(&aside, folder.join(to).join(format!("{name}.conf"))).unwrap();
                }
            }
        }
        let whole = home.path().join("main.conf");
        write(&whole, &driver.main(&main, &Templates::default()).unwrap());
        succeeds(&driver.check(&whole));
    }
}

#[test]
fn what_nginx_could_not_read_is_refused_before_and_what_is_not_refused_it_reads() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("nginx");
    let main = lay_out(&Nginx, &folder);
    let with = |length: usize| {
        let input = format!("site a.test\npassword {}", "\\".repeat(length));
        Nginx.vhost(&main.server, &vhost(&pairs(&input)), &Templates::default())
    };
    let most = (1..4000).rev().find(|length| with(*length).is_ok()).unwrap();
    assert!(most > 1000, "{most}");

    let fault = with(most + 1).unwrap_err();
    assert!(fault.to_string().contains("a.test") && fault.to_string().contains("3900"), "{fault}");
    assert!(aegir_domain::Remedy::remedy(&fault).is_some());
    if installed("nginx") {
        // Behind others of many lengths, so that it begins anywhere in what nginx reads at once.
        for place in 0..64 {
            let text = format!("# {}\n{}", "x".repeat(place * 64), with(most).unwrap().text.expose());
            write(&folder.join("vhost.d/a.test.conf"), &text);
            let whole = home.path().join("main.conf");
            write(&whole, &Nginx.main(&main, &Templates::default()).unwrap());
            succeeds(&Nginx.check(&whole));
        }
    }
}

#[test]
fn two_thousand_sites_are_tested_quickly_and_hold_no_regular_expression() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("nginx");
    let main = lay_out(&Nginx, &folder);
    for n in 0..2000 {
        let input =
            format!("site s{n}.test\naliases www.s{n}.test alias{n}.test\nredirect s{n}.test\nopen /a/ /b/ /c/");
        let file = Nginx.vhost(&main.server, &vhost(&pairs(&input)), &Templates::default()).unwrap();
        let text = file.text.expose();
        for line in text.lines() {
            let matches = ["~", "rewrite "].iter().any(|mark| line.contains(mark));
            assert!(!matches, "a regular expression: {line}");
        }
        write(&folder.join(&file.path), text);
    }
    let whole = home.path().join("main.conf");
    write(&whole, &Nginx.main(&main, &Templates::default()).unwrap());
    if !installed("nginx") {
        return;
    }
    let begin = std::time::Instant::now();
    succeeds(&Nginx.check(&whole));
    println!("nginx -t with 2,000 sites: {} ms", begin.elapsed().as_millis());
    if Path::new("/usr/bin/time").exists() {
        let timed = aegir_domain::Cmd::new("/usr/bin/time").args(["-f", "%M KB"]);
        let cmd = Nginx.check(&whole);
        let timed = timed.arg(cmd.program.to_string_lossy()).args(cmd.args);
        println!("memory: {}", String::from_utf8_lossy(&output(&timed).stderr).trim());
    }
}

fn pool(text: &str) -> Pool {
    let input = pairs(text);
    Pool {
        name: input["name"].clone(),
        user: input.get("user").map(|user| (user.clone(), user.clone())),
        listen: format!("/srv/run/{}.sock", input["name"]).into(),
        listen_owner: input.get("socket-of").map(|user| (user.clone(), user.clone())),
        children: match input.get("pm").map(String::as_str) {
            Some("dynamic") => Children::Dynamic { max: 20, spare: 2 },
            _ => Children::OnDemand { max: 10, idle_seconds: 30 },
        },
        generation: 7,
        asks: if input.contains_key("asked-by-aegir") { Asks::Aegir } else { Asks::Visitors },
        programs: if input.contains_key("programs") { Programs::Allowed } else { Programs::Refused },
        request_seconds: 300,
        slow_log: input.get("slow").map(PathBuf::from),
        temp: "/srv/cache/php".into(),
        settings: vec![("memory_limit".into(), "256M".into())],
    }
}

#[test]
fn a_pools_file_is_as_the_examples_say_and_php_fpm_accepts_it() {
    let home = tempfile::tempdir().unwrap();
    for (path, input, expected) in cases("fpm") {
        let file = pool(&input).file(&Templates::default()).unwrap();
        compare(&path, &input, &expected, file.text.expose());
        let pools = home.path().join("pools");
        let mut text = file.text.expose().replace("/srv/", &format!("{}/", home.path().display()));
        if am_root() && !text.contains("\nuser = ") {
            text = text.replace("]\nlisten", "]\nuser = nobody\nlisten");
        }
        write(&pools.join(&file.path), &text);
    }
    let main = FpmMain {
        pid: home.path().join("fpm.pid"),
        error_log: home.path().join("fpm.log"),
        pools: home.path().join("pools"),
        reload_seconds: 30,
    };
    let path = home.path().join("fpm.conf");
    write(&path, &main.text(&Templates::default()).unwrap());
    if let Some(fpm) = php_fpm() {
        succeeds(&aegir_drivers::php::check(Path::new(&fpm), &path));
    }
}

#[test]
fn asking_for_a_driver_that_is_not_there_lists_what_exists() {
    let drivers = HttpDrivers::standard();
    assert!(drivers.named("nginx").is_ok());
    let fault: DriverFault = drivers.named("lighttpd").err().unwrap();
    assert_eq!(fault.to_string(), "no http driver named `lighttpd` (this build has: apache, nginx)");
}

#[test]
fn a_vhost_shows_no_credential_when_printed() {
    let vhost = vhost(&pairs("site a.test\npassword hunter2"));
    let file = Nginx.vhost(&some_server(Path::new(FOLDER)), &vhost, &Templates::default()).unwrap();
    assert!(file.text.expose().contains("hunter2"));
    assert!(!format!("{vhost:?}{file:?}").contains("hunter2"));
    assert_eq!(file.mode, 0o600);
}
