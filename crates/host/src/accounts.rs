//! The users and groups of this machine, read from `/etc/passwd` and `/etc/group`.
//!
//! Those of a directory service are not seen: Ægir's own users are local ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its own group.
    pub gid: u32,
    /// Its home.
    pub home: PathBuf,
}

/// A group of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The names of users who are in it beside those whose own group it is.
    pub members: Vec<String>,
}

/// The users and groups of this machine, as they were when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

impl Accounts {
    /// Reads them.
    pub fn read() -> io::Result<Accounts> {
        Accounts::read_below(Path::new("/etc"))
    }

    /// Reads the files `passwd` and `group` in `etc`.
    pub fn read_below(etc: &Path) -> io::Result<Accounts> {
        let text = |name| fs::read(etc.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Accounts {
            users: text("passwd")?.lines().filter_map(user).collect(),
            groups: text("group")?.lines().filter_map(group).collect(),
        })
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The user of this number.
    pub fn user_by_id(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The group of this number.
    pub fn group_by_id(&self, gid: u32) -> Option<&Group> {
        self.groups.iter().find(|group| group.gid == gid)
    }

    /// Whether `user` is in `group`, as the files say; a session that was begun before may not know.
    pub fn is_in(&self, user: &User, group: &Group) -> bool {
        user.gid == group.gid || group.members.contains(&user.name)
    }

    /// The name of user `uid`, or its number if it has none.
    pub fn name_of(&self, uid: u32) -> String {
        self.user_by_id(uid).map_or_else(|| uid.to_string(), |user| user.name.clone())
    }
}

fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, _] = fields[..] else { return None };
    Some(User { name: name.into(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.into() })
}

fn group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields[..] else { return None };
    let members = members.split(',').filter(|member| !member.is_empty()).map(Into::into).collect();
    Some(Group { name: name.into(), gid: gid.parse().ok()?, members })
}

/// The user that this process acts as.
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The group that this process acts as.
pub fn own_gid() -> u32 {
    rustix::process::getegid().as_raw()
}

/// All groups that this process is in.
pub fn own_groups() -> Vec<u32> {
    let others = rustix::process::getgroups().unwrap_or_default();
    std::iter::once(own_gid()).chain(others.iter().map(|group| group.as_raw())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_and_number() {
        let etc = tempfile::tempdir().unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken line\naegir:x:990:991::/var/aegir:/bin/sh\n+::::::\n";
        fs::write(etc.path().join("passwd"), passwd).unwrap();
        fs::write(etc.path().join("group"), "root:x:0:\naegir:x:991:\naegir-web:x:992:aegir,other\n").unwrap();

        let accounts = Accounts::read_below(etc.path()).unwrap();

        let aegir = accounts.user("aegir").unwrap();
        assert_eq!((aegir.uid, aegir.home.as_path()), (990, Path::new("/var/aegir")));
        assert!(accounts.is_in(aegir, accounts.group("aegir-web").unwrap()));
        assert!(accounts.is_in(aegir, accounts.group_by_id(991).unwrap()));
        assert!(!accounts.is_in(aegir, accounts.group("root").unwrap()));
        assert_eq!((accounts.name_of(990), accounts.name_of(77)), ("aegir".into(), "77".into()));
    }
}
