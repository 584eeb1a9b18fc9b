//! Completion as a shell asks for it: commands from the program, names from the front end that runs.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::double::site;
use crate::stage::Stage;
use crate::support::lacks;
use crate::support::said::Said;

fn sites() -> Stage {
    let stage = Stage::new();
    let names = ["www.example.org", "www.example.com", "shop.example.org"];
    let sites = names.iter().map(|name| site(name, &json!({}))).collect();
    let platform = json!({ "id": 3, "kind": "platform", "name": "d10", "title": "d10", "status": "enabled" });
    stage.front.state().lists.insert("sites".into(), sites);
    stage.front.state().lists.insert("platforms".into(), vec![platform]);
    stage
}

/// A shell of this name, if the machine has it.
fn shell(stage: &Stage, name: &str) -> Option<Command> {
    let path = std::env::var("PATH").unwrap_or_default();
    let Some(program) = path.split(':').map(|dir| Path::new(dir).join(name)).find(|program| program.exists()) else {
        lacks(name);
        return None;
    };
    let mut command = stage.lab.as_owner(program);
    let beside = stage.lab.beside().display().to_string();
    command.current_dir("/").env("PATH", format!("{beside}:{path}")).env("AEGIR_HOME", stage.lab.home());
    command.env("HOME", stage.lab.home());
    Some(command)
}

/// What real bash offers behind a line, as its own completion would ask our function.
fn in_bash(stage: &Stage, line: &str) -> Vec<String> {
    let script = r#"
        source <(aegir completion bash)
        complete -p aegir | grep -q _aegir || exit 9
        COMP_LINE=$1 COMP_POINT=${#1}
        # As bash divides a line, each of = : @ being a word of its own.
        COMP_WORDS=()
        while read -r word; do COMP_WORDS+=("$word"); done < <(grep -oE '[=:@]+|[^ =:@]+' <<<"$1")
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _aegir
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = shell(stage, "bash").unwrap();
    let said = Said::of(bash.args(["--norc", "-c", script, "bash", line]), &["bash", line]).done();
    assert_eq!(said.err, "", "{}", said.all());
    said.out.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_commands_options_words_and_live_names() {
    let stage = sites();
    for (line, offered) in [
        ("aegir si", &["site"][..]),
        ("aegir site ver", &["verify"]),
        ("aegir site verify www", &["www.example.org", "www.example.com"]),
        ("aegir site verify @sh", &["shop.example.org"]),
        ("aegir site list --plat", &["--platform"]),
        ("aegir site list --platform ", &["d10"]),
        ("aegir site list --platform=", &["d10"]),
        ("aegir site list --status en", &["enabled"]),
        ("aegir site list --status=fa", &["failed"]),
        ("aegir queue di", &["dispatch"]),
        ("aegir queue dispatch --o", &["--once"]),
        ("aegir provision ver", &["verify"]),
        ("aegir site add x --language ", &[]),
        ("aegir site nonsense ", &[]),
    ] {
        assert_eq!(in_bash(&stage, line), offered, "{line}");
    }
}

#[test]
fn zsh_offers_them_with_what_they_are() {
    let stage = sites();
    let Some(mut zsh) = shell(&stage, "zsh") else { return };
    // `_describe` needs a line editor; what it is handed is what counts.
    let script = r#"
        compdef() { : }
        source <(aegir completion zsh)
        _describe() { print -rl -- "${(@P)2}" }
        words=(aegir site verify www) CURRENT=4
        _aegir
        words=(aegir site ver) CURRENT=3
        _aegir
    "#;
    let said = Said::of(zsh.args(["-f", "-c", script]), &["zsh"]).done();
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[..2], ["www.example.org:site", "www.example.com:site"], "{}", said.all());
    assert!(lines[2].starts_with("verify:Brings a site's files"), "{}", said.all());
}

#[test]
fn fish_offers_them_with_what_they_are() {
    let stage = sites();
    let Some(mut fish) = shell(&stage, "fish") else { return };
    let script = "aegir completion fish | source; complete -C 'aegir site verify www'; complete -C 'aegir site ver'";
    let said = Said::of(fish.args(["--no-config", "-c", script]), &["fish"]).done();
    for line in ["www.example.org\tsite\n", "www.example.com\tsite\n", "verify\tBrings a site's files"] {
        assert!(said.out.contains(line), "{line}\n{}", said.all());
    }
}

#[test]
fn without_a_front_end_completion_is_silent_and_at_once() {
    let mut stage = sites();
    stage.front.state().silent = true;
    let begun = Instant::now();
    let said = stage.aegir(&["complete", "fish", "--", "site", "verify", ""]).done();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
    // The question itself is given up after 40 ms; the rest is for a machine that is busy.
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());

    stage.front.kill();
    let said = stage.aegir(&["complete", "fish", "--", "site", "verify", ""]).done();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
    stage.front.begin();
}

#[test]
fn a_hostile_name_is_no_command_of_the_shell() {
    let stage = Stage::new();
    let evil = site("x", &json!({ "name": "@x\u{1b}]0;$(touch /tmp/owned)\n`id`\tz" }));
    stage.front.state().lists.insert("sites".into(), vec![evil]);

    assert_eq!(in_bash(&stage, "aegir site verify x"), ["x\u{fffd}]0;$(touch /tmp/owned) `id` z"]);
    assert!(!Path::new("/tmp/owned").exists());
}
