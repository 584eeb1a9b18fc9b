//! What a destroyed home leaves on the machine: users that were made for it go, packages stay.

use std::path::Path;

use aegir_domain::Cmd;
use aegir_host::{Accounts, own_uid};

use crate::run_now::run_now;
use crate::setup_notes::{self, SetupNotes};
use crate::speak::out;

/// Removes the users that setup made, if this was the last home that used them, and says how packages go.
pub(super) fn leave(folder: &Path, home: &Path) {
    let notes = SetupNotes::read(folder);
    let mut users_stay = !notes.users.is_empty() || !notes.groups.is_empty();
    if own_uid() == 0 {
        let others = notes.others(home);
        match others.first() {
            Some(other) if users_stay => {
                out(&format!("The users stay: the home `{}` uses them too", other.display()));
            }
            _ if users_stay => users_stay = !users(&notes),
            _ => (),
        }
        if let Err(error) = setup_notes::forget(folder, home, users_stay) {
            out(&format!("Left: what setup wrote down, in `{}`: {error}", folder.display()));
        }
    }
    let installed = notes.installed();
    if !installed.is_empty() {
        let sudo = if own_uid() == 0 { "" } else { "sudo " };
        out(&format!(
            "\nPackages stay. Those that setup installed, and nothing else, go with:\n\n  {sudo}apt-get purge {}\n  \
             {sudo}rm -r {}",
            installed.join(" "),
            folder.display()
        ));
    }
}

/// Whether all of them are gone.
fn users(notes: &SetupNotes) -> bool {
    let mut all_gone = true;
    let is_system = |id: u32| (1..1000).contains(&id);
    for name in &notes.users {
        let accounts = Accounts::read().unwrap_or_default();
        // A note is no reason to remove a person.
        let Some(_) = accounts.user(name).filter(|user| is_system(user.uid)) else { continue };
        all_gone &= removed("user", name, Cmd::new("userdel").args([name]));
    }
    for name in &notes.groups {
        let accounts = Accounts::read().unwrap_or_default();
        // Most go with their user.
        let Some(_) = accounts.group(name).filter(|group| is_system(group.gid)) else { continue };
        all_gone &= removed("group", name, Cmd::new("groupdel").args([name]));
    }
    all_gone
}

fn removed(kind: &str, name: &str, cmd: Cmd) -> bool {
    match run_now(cmd.clone()).and_then(|ran| ran.success(&cmd)) {
        Ok(_) => {
            out(&format!("Removed the {kind} `{name}`"));
            true
        }
        Err(fault) => {
            out(&format!("Left: the {kind} `{name}`: {fault}. When nothing runs as it any more, run `{cmd}`"));
            false
        }
    }
}
