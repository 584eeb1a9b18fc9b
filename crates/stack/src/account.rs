//! The accounts of the machine that the stack's processes run as.

use std::fs;

use crate::fault::StackFault;

/// An account of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its own group.
    pub gid: u32,
}

impl Account {
    /// Looks up `name` among the accounts of this machine.
    pub fn find(name: &str) -> Result<Account, StackFault> {
        let unknown = || StackFault::NoAccount { name: name.to_owned() };
        let list = fs::read_to_string("/etc/passwd").map_err(|_| unknown())?;
        Account::in_list(&list, name).ok_or_else(unknown)
    }

    fn in_list(list: &str, name: &str) -> Option<Account> {
        list.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == name).then_some(())?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Account { name: name.to_owned(), uid, gid })
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let list = "aegir-web:x:999:995::/nonexistent:/usr/sbin/nologin\naegir:x:995:994:Ægir:/var/aegir:/bin/sh\n";

        assert_eq!(Account::in_list(list, "aegir"), Some(Account { name: "aegir".into(), uid: 995, gid: 994 }));
        assert_eq!(Account::in_list(list, "aeg"), None);
    }
}
