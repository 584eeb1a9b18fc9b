//! The accounts of the machine that the stack's processes run as.

use aegir_host::Accounts;

use crate::fault::StackFault;

fn accounts() -> Result<Accounts, StackFault> {
    Accounts::read().map_err(|source| StackFault::File { doing: "read", path: "/etc/passwd".into(), source })
}

/// An account of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The name of its own group.
    pub group: String,
    /// The number of its own group.
    pub gid: u32,
}

impl Account {
    /// Looks up `name` among the accounts of this machine.
    pub fn find(name: &str) -> Result<Account, StackFault> {
        let accounts = accounts()?;
        let unknown = || StackFault::NoAccount { name: name.to_owned() };
        let user = accounts.user(name).ok_or_else(unknown)?;
        let group = accounts.group_by_id(user.gid).ok_or_else(unknown)?;
        Ok(Account { name: user.name.clone(), uid: user.uid, group: group.name.clone(), gid: user.gid })
    }
}

/// The group of the web server's workers, and of nobody else.
///
/// PHP's sockets lie in a folder that this group alone may enter. Workers of PHP run as the same user
/// without it: a site's code could else speak to a pool itself, and leave the folders it is held to.
pub const HTTP_GROUP: &str = "aegir-http";

/// A group of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
}

/// The accounts of a stack that is started as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// Owns the home; runs the back end and `mariadbd`.
    pub aegir: Account,
    /// Runs the workers of nginx and php-fpm. Its group is the web group.
    pub web: Account,
    /// The group by which workers of the web server, and not those of PHP, reach PHP's sockets.
    pub http: Group,
}

impl Users {
    /// Looks up both by name; usually `aegir` and `aegir-web`.
    pub fn find(aegir: &str, web: &str) -> Result<Users, StackFault> {
        let web = Account::find(web)?;
        let accounts = accounts()?;
        let Some(http) = accounts.group(HTTP_GROUP) else {
            return Err(StackFault::Groups {
                why: format!("this machine has no group `{HTTP_GROUP}`"),
                fix: format!("groupadd --system {HTTP_GROUP}"),
            });
        };
        if http.members.contains(&web.name) || web.gid == http.gid {
            return Err(StackFault::Groups {
                why: format!("PHP runs as `{}`, which must not be in the group `{HTTP_GROUP}`", web.name),
                fix: format!("gpasswd --delete {} {HTTP_GROUP}", web.name),
            });
        }
        // A process that takes another group keeps of its user's only those whose list names the user.
        if !accounts.group_by_id(web.gid).is_some_and(|own| own.members.contains(&web.name)) {
            return Err(StackFault::Groups {
                why: format!("the list of the group `{}` does not name the user `{}`", web.group, web.name),
                fix: format!("usermod --append --groups {} {}", web.group, web.name),
            });
        }
        Ok(Users { aegir: Account::find(aegir)?, web, http: Group { name: http.name.clone(), gid: http.gid } })
    }
}
