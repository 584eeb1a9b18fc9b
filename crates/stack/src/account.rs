//! The accounts of the machine that the stack's processes run as.

use aegir_host::Accounts;

use crate::fault::StackFault;

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
        let accounts = Accounts::read().map_err(|source| StackFault::File {
            doing: "read",
            path: "/etc/passwd".into(),
            source,
        })?;
        let unknown = || StackFault::NoAccount { name: name.to_owned() };
        let user = accounts.user(name).ok_or_else(unknown)?;
        let group = accounts.group_by_id(user.gid).ok_or_else(unknown)?;
        Ok(Account { name: user.name.clone(), uid: user.uid, group: group.name.clone(), gid: user.gid })
    }
}

/// The two accounts of a stack that is started as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// Owns the home; runs the back end and `mariadbd`.
    pub aegir: Account,
    /// Runs the workers of nginx and php-fpm. Its group is the web group.
    pub web: Account,
}

impl Users {
    /// Looks up both by name; usually `aegir` and `aegir-web`.
    pub fn find(aegir: &str, web: &str) -> Result<Users, StackFault> {
        Ok(Users { aegir: Account::find(aegir)?, web: Account::find(web)? })
    }
}
