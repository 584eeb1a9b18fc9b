//! What a driver script does once its answer is known cannot take the answer back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "PHP itself is what is tested")]

use std::fs;
use std::process::{Command, Stdio};

use aegir_drupal::driver::SCRIPTS;

#[test]
fn an_answer_stands_however_what_comes_after_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("web");
    fs::create_dir_all(root.join("sites/a.test")).unwrap();
    let prelude = SCRIPTS.iter().find(|(path, _)| *path == "prelude.php").unwrap().1;
    fs::write(folder.path().join("prelude.php"), prelude).unwrap();
    let question =
        format!(r#"{{"root": "{}", "site": "a.test", "uri": "http://a.test", "credentials": {{}}}}"#, root.display());
    for end in [
        "touch('reached');",
        "touch('reached'); throw new Exception('no');",
        "touch('reached'); exit(3);",
        "touch('reached'); undefined_function();",
        "touch('reached'); ini_set('memory_limit', '32M'); str_repeat('x', 64 << 20);",
        "touch('reached'); set_time_limit(1); while (TRUE);",
    ] {
        let script = format!(
            "<?php require 'prelude.php'; Aegir\\Driver::run(static function (array $question) {{\n\
             Aegir\\Driver::afterwards(static function () {{ {end} }});\nreturn ['is' => 'known'];\n}});\n"
        );
        fs::write(folder.path().join("script.php"), script).unwrap();

        let mut shell = Command::new("sh");
        shell.args(["-c", "printf %s \"$QUESTION\" | php script.php 3>told"]).env("QUESTION", &question);
        let status = shell.current_dir(&folder).stderr(Stdio::null()).status().unwrap();

        assert!(status.success(), "{end}: {status}");
        assert_eq!(
            fs::read_to_string(folder.path().join("told")).unwrap(),
            "{\"answer\":{\"is\":\"known\"}}\n",
            "{end}"
        );
        fs::remove_file(root.join("reached")).unwrap();
    }
}
