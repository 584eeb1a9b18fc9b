//! Who asks, and what they may.

use std::fmt;
use std::str::FromStr;

use aegir_domain::{FaultReport, Remedy};

/// What an operation needs of whoever asks for it. A closed list: a token's scopes are taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// To see objects, tasks and their logs.
    View,
    /// To have done again what has been decided: verify; retry and cancel, of tasks that one could ask for.
    Operate,
    /// To log in to a site as any of its accounts.
    LogIn,
    /// To add, change and delete objects.
    Manage,
    /// To change settings, tokens, the queue, and to read the audit.
    Administer,
}

impl Permission {
    /// All of them.
    pub const ALL: [Permission; 5] =
        [Permission::View, Permission::Operate, Permission::LogIn, Permission::Manage, Permission::Administer];

    /// Its name, as a token's scopes are written: `log-in`.
    pub fn as_str(self) -> &'static str {
        match self {
            Permission::View => "view",
            Permission::Operate => "operate",
            Permission::LogIn => "log-in",
            Permission::Manage => "manage",
            Permission::Administer => "administer",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = NoPermission;

    fn from_str(text: &str) -> Result<Self, NoPermission> {
        let found = Permission::ALL.into_iter().find(|permission| permission.as_str() == text);
        found.ok_or_else(|| NoPermission { given: text.to_owned() })
    }
}

/// A text that names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no scope of a token")]
pub struct NoPermission {
    given: String,
}

impl Remedy for NoPermission {
    fn remedy(&self) -> Option<String> {
        Some(format!("give some of: {}", Permission::ALL.map(Permission::as_str).join(", ")))
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Every permission.
    pub fn all() -> Permissions {
        Permission::ALL.into_iter().collect()
    }

    /// Whether `permission` is among them.
    pub fn hold(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Each of them, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.hold(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Permissions(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

/// Who asks. No use case can be called without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// How they are called in tasks and in the audit: `aegir`, `token build-server`.
    pub name: String,
    /// Who they are, whatever they are called: a token made anew under an old label is another one.
    pub id: String,
    /// The door they came through.
    pub door: Door,
    /// What they may.
    pub may: Permissions,
}

/// The door that somebody came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The socket in the home, or a command that opens the store itself: a user of the machine whom the
    /// home lets in, who could change its files as well.
    Machine,
    /// A token of the API.
    Token,
    /// A session of the panel.
    Panel,
    /// Ægir itself: a child of another task, a schedule.
    Own,
}

impl Door {
    /// All of them.
    pub const ALL: [Door; 4] = [Door::Machine, Door::Token, Door::Panel, Door::Own];

    /// Its word in the audit: `machine`.
    pub fn as_str(self) -> &'static str {
        match self {
            Door::Machine => "machine",
            Door::Token => "token",
            Door::Panel => "panel",
            Door::Own => "own",
        }
    }
}

impl Actor {
    /// Somebody who is let in by the machine itself, and so may everything.
    pub fn of_machine(user: &str) -> Actor {
        Actor { name: user.to_owned(), id: format!("user {user}"), door: Door::Machine, may: Permissions::all() }
    }

    /// The holder of the token with this number.
    pub fn of_token(number: i64, label: &str, scopes: Permissions) -> Actor {
        Actor { name: format!("token {label}"), id: format!("token {number}"), door: Door::Token, may: scopes }
    }

    /// Whoever signed in to the panel with the account of this number.
    pub fn of_account(number: i64, name: &str) -> Actor {
        let (name, id) = (name.to_owned(), format!("account {number}"));
        Actor { name, id, door: Door::Panel, may: Permissions::all() }
    }

    /// Ægir itself.
    pub fn own() -> Actor {
        Actor { name: "Ægir".into(), id: "Ægir".into(), door: Door::Own, may: Permissions::all() }
    }

    /// Refuses what this actor may not.
    pub fn must(&self, needs: Permission) -> Result<(), Forbidden> {
        match self.may.hold(needs) {
            true => Ok(()),
            false => Err(Forbidden { actor: self.name.clone(), needs, door: self.door }),
        }
    }
}

/// Somebody asked for what they may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{actor}` may not do this: it needs the permission `{needs}`")]
pub struct Forbidden {
    /// Who asked.
    pub actor: String,
    /// What they lack.
    pub needs: Permission,
    door: Door,
}

impl Remedy for Forbidden {
    fn remedy(&self) -> Option<String> {
        match self.door {
            Door::Token => Some(format!("make a token with it: `aegir token add NAME --scope {}`", self.needs)),
            Door::Panel => Some(
                "ask somebody whose account may, or give the command on the server, as the owner of the home".into(),
            ),
            Door::Machine | Door::Own => None,
        }
    }
}

impl From<Forbidden> for FaultReport {
    fn from(forbidden: Forbidden) -> FaultReport {
        FaultReport::of(&forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_what_its_scopes_say_and_no_more() {
        let actor = Actor::of_token(1, "build", [Permission::View, Permission::Operate].into_iter().collect());

        for permission in Permission::ALL {
            let allowed = matches!(permission, Permission::View | Permission::Operate);
            assert_eq!(actor.must(permission).is_ok(), allowed, "{permission}");
        }
        assert!(Permission::ALL.into_iter().all(|permission| Actor::of_machine("aegir").must(permission).is_ok()));
    }

    #[test]
    fn an_account_may_all_and_what_it_lacked_it_would_be_told_by_whom_it_is_had() {
        let anna = Actor::of_account(7, "anna");
        assert_eq!((anna.name.as_str(), anna.id.as_str(), anna.door), ("anna", "account 7", Door::Panel));
        assert!(Permission::ALL.into_iter().all(|permission| anna.must(permission).is_ok()));

        let lacking = Actor { may: Permissions::default(), ..anna };
        let remedy = lacking.must(Permission::Manage).unwrap_err().remedy().unwrap();
        assert!(remedy.contains("owner of the home"), "{remedy}");
    }

    #[test]
    fn every_permission_is_read_as_it_is_written() {
        for permission in Permission::ALL {
            assert_eq!(permission.to_string().parse(), Ok(permission));
        }
        assert!("root".parse::<Permission>().is_err());
    }
}
