//! What a PHP is: asked once, and remembered for as long as nothing that the answer depends on has changed.
//!
//! The answer names what that is: the program, its ini files and their folders, its extensions, the list of
//! time zones. Each is known by where it really lies, its number there, its size and when it last changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aegir_domain::{Cmd, Fault, PlatformContext};
use aegir_host::{Launch, Limits};
use serde::{Deserialize, Serialize};

use super::{PhpFault, program};
use crate::World;

/// What the PHP of a platform is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The program.
    #[serde(skip)]
    pub(crate) program: PathBuf,
    /// Its version: `8.2.35`.
    pub(crate) version: String,
    /// Its extensions, in lower case.
    pub(crate) extensions: Vec<String>,
    /// The time zones that it lists.
    pub(crate) time_zones: Vec<String>,
    /// The files and folders that the answer depends on, besides the program.
    #[serde(default)]
    depends: Vec<PathBuf>,
}

/// What was answered, and what it depended on then.
#[derive(Serialize, Deserialize)]
struct Remembered {
    facts: Facts,
    seen: Vec<Option<String>>,
}

const QUESTION: &str = "echo json_encode(['version' => PHP_VERSION, 'extensions' => array_map('strtolower', \
     get_loaded_extensions()), 'time_zones' => timezone_identifiers_list(), 'depends' => array_values(array_filter(\
     array_map('trim', array_merge([(string) php_ini_loaded_file(), PHP_CONFIG_FILE_PATH, PHP_CONFIG_FILE_SCAN_DIR, \
     PHP_EXTENSION_DIR, '/usr/share/zoneinfo'], explode(',', (string) php_ini_scanned_files())))))]);";

/// Asks the PHP of `platform` what it is. Costs one short process where it is another than the last time.
pub(crate) fn facts(world: &World, platform: &PlatformContext) -> Result<Facts, Fault> {
    let program = program(world, platform);
    let key = crc32fast::hash(format!("{}\n{QUESTION}", program.display()).as_bytes());
    let path = world.home().cache().join(format!("php-{key:08x}.json"));
    if let Some(facts) = remembered(world, &program, &path) {
        return Ok(Facts { program, ..facts });
    }
    let facts = ask(world, &program)?;
    // One that names nothing could never be known to have changed.
    if !facts.depends.is_empty() {
        let seen = seen(world, &program, &facts.depends);
        if let Ok(text) = serde_json::to_vec(&Remembered { facts: facts.clone(), seen }) {
            world.files().write(&path, &text, 0o600)?;
        }
    }
    Ok(Facts { program, ..facts })
}

fn remembered(world: &World, program: &Path, path: &Path) -> Option<Facts> {
    let text = world.files().read(path).ok()??;
    let Remembered { facts, seen: then } = serde_json::from_slice(&text).ok()?;
    (seen(world, program, &facts.depends) == then).then_some(facts)
}

/// How the program and what it depends on look now.
fn seen(world: &World, program: &Path, depends: &[PathBuf]) -> Vec<Option<String>> {
    let program = aegir_host::find_program(program);
    program.iter().chain(depends).map(|path| look(world, path)).collect()
}

fn look(world: &World, path: &Path) -> Option<String> {
    let real = world.files().real(path).ok()??;
    let stat = world.files().stat(&real).ok()??;
    Some(format!("{} {}:{} {} {}", real.display(), stat.device, stat.inode, stat.size, stat.modified))
}

fn ask(world: &World, program: &Path) -> Result<Facts, Fault> {
    let cmd = Cmd::new(program).args(["-d", "display_errors=stderr", "-r", QUESTION]);
    let launch = Launch::new(cmd.clone()).limits(Limits { time: Duration::from_secs(20), ..Limits::default() });
    let ran = world.programs.run(&launch, &mut |_| ())?.success(&cmd)?;
    let start = ran.stdout.find('{').unwrap_or(0);
    Ok(serde_json::from_str(&ran.stdout[start..])
        .map_err(|source| PhpFault::Odd { program: program.to_owned(), source })?)
}
