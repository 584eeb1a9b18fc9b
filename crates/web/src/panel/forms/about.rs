//! What operations are called on pages, which part of the navigation they belong to, and where they lead.

use aegir_hosting::{Names, Operation, OperationId, Subject};
use serde_json::Value;

use super::fill::bare;
use crate::panel::address;
use crate::panel::words::capital;

/// Whether objects of this subject have pages of their own.
pub(super) fn has_object_pages(subject: Subject) -> bool {
    matches!(
        subject,
        Subject::Site | Subject::Backup | Subject::Platform | Subject::Server | Subject::Task | Subject::Bulk
    )
}

/// Whether the subject has a page.
pub(super) fn has_page(subject: Subject) -> bool {
    subject != Subject::Node
}

/// The page of an object, or of the list where it stands.
pub(super) fn back_of(operation: &Operation, name: Option<&str>) -> String {
    match name {
        Some(name) if has_object_pages(operation.subject) => address::object(operation.subject, &bare(name)),
        _ => address::list(operation.subject),
    }
}

/// The part of the navigation that a subject belongs to.
pub(in crate::panel) fn section_of(subject: Subject) -> &'static str {
    match subject {
        Subject::Site | Subject::Backup | Subject::FoundSite => "sites",
        Subject::Trash => "servers",
        Subject::Platform => "platforms",
        Subject::Server => "servers",
        Subject::Package => "packages",
        Subject::Task | Subject::Queue | Subject::Bulk => "tasks",
        Subject::Drift | Subject::Node => "overview",
        _ => "settings",
    }
}

/// What an operation is called as a heading and on its button.
pub(in crate::panel) fn title_of(operation: &Operation, name: Option<&str>) -> String {
    let verb = capital(&operation.verb.replace('-', " "));
    let subject = operation.subject.word().replace('-', " ");
    let name = name.map(bare).unwrap_or_default();
    match (operation.id, operation.names) {
        (OperationId::SiteLogin, _) => format!("Log in to {name}"),
        (OperationId::SiteBackup, _) => format!("Back up {name}"),
        (OperationId::SiteCron, _) => format!("Run cron of {name}"),
        (OperationId::SiteRebuildCaches, _) => format!("Rebuild the caches of {name}"),
        (OperationId::ServerRun | OperationId::PlatformRun | OperationId::SiteRun, _) => {
            format!("Run a task of your own on {name}")
        }
        (OperationId::SiteGoBack, _) => format!("Go back with {name}"),
        (OperationId::SiteDropFormer, _) => format!("Let go of what {name} was"),
        (OperationId::SiteRefresh, _) => format!("Refresh the copy {name}"),
        (OperationId::SiteSwitch, _) => format!("Switch to the copy {name}"),
        (OperationId::PlatformMigrate, _) => format!("Move the sites of {name}"),
        (OperationId::BulkGoBack, _) => format!("Go back with what bulk run {name} changed"),
        (OperationId::ServerTrust, _) => format!("Trust the machine of {name}"),
        (OperationId::TrashRestore, _) => format!("Restore {name}"),
        (OperationId::SettingSet, _) => format!("Change {name}"),
        (OperationId::DriftResolve, _) => format!("Resolve the drift of {name}"),
        (_, Names::New(_)) => {
            let article = if subject.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("{verb} {article} {subject}")
        }
        (_, Names::None) => format!("{verb} the {subject}"),
        (OperationId::AccountLink, _) => format!("A new link for {name}"),
        _ if matches!(operation.subject, Subject::Site | Subject::Platform | Subject::Server) => {
            format!("{verb} {name}")
        }
        _ => format!("{verb} {subject} {name}"),
    }
}

/// What a copy is brought up to date from.
fn copied_from(view: Option<&Value>) -> String {
    let source = view.map(|view| &view["copy_of"]);
    let folder = source.and_then(|source| source["folder"].as_str()).unwrap_or_default();
    let sanitised = source.is_some_and(|source| source["sanitised"] == true);
    let more = if sanitised { ", without people's addresses and passwords" } else { "" };
    format!("It is a copy of `{folder}`{more}.")
}

/// What else is to be known before an operation is asked for.
pub(super) fn notes(operation: &Operation, view: Option<&Value>) -> Vec<String> {
    match operation.id {
        OperationId::ServerAdd | OperationId::ServerEdit => {
            let mut notes = vec![
                "Each service can be tested now, with what stands here; nothing is saved by that. Whether databases and \
                 users can be made there is proved by the verify that follows: if it fails, its task says why, and the \
                 machine is left as it was."
                    .to_owned(),
            ];
            if operation.id == OperationId::ServerAdd {
                notes.push(
                    "Of another machine, the key that it shows over SSH is asked for once the server is added, and you \
                     compare it before anything is sent there."
                        .to_owned(),
                );
            }
            notes
        }
        OperationId::SiteImport => vec![
            "It is looked at first, and what was found stands before the form. “What would happen” looks again, with what \
             stands in the fields."
                .to_owned(),
            "Its settings.php goes on whole beside one of Ægir's, its tables move into a database of its own, and nothing \
             is copied but a file of SQLite. For a second or two it answers with an error where it was served until then; if \
             anything goes wrong, it lies as it was."
                .to_owned(),
            "One in sites/default has no name that visitors could type: say which it is to have. Its folder becomes that of the \
             name and its tables are copied, so it answers with an error for about a minute for each gigabyte, and its old \
             database is left as it was."
                .to_owned(),
            "Afterwards take away what ran it: its old vhost, its lines in crontabs, its timers.".to_owned(),
        ],
        OperationId::SiteMigrate => vec![
            "Its files are copied while it is in use. Then its visitors are told to come back, its database is copied, and \
             the updates run on the copy. If anything goes wrong, all is as it was; what it was is kept in any case."
                .to_owned(),
            "A package that the platform lacks stands in the way, unless you say that the site may do without it; the log \
             of the task tells of each."
                .to_owned(),
            "Rehearsed, all of it is tried on a copy first, which sends no mail: the updates run, and the most telling pages \
             and the status report are compared with what they are now. Meanwhile the site goes on."
                .to_owned(),
        ],
        OperationId::SiteUpdate => vec![
            "Its code is asked first which database updates wait, as after a module was changed by hand in place. If there is \
             none, nothing is done."
                .to_owned(),
            "Its files are copied while it is in use. Then its visitors are told to come back, its database is copied, and \
             the updates run on the copy, which takes its place. If anything goes wrong, all is as it was; what it was is kept, \
             and “Go back” returns to it."
                .to_owned(),
        ],
        OperationId::PlatformMigrate => vec![
            "Each site moves by a task of its own: its files are copied while it is in use, its visitors are told to come \
             back, its updates run on a copy of its database. One that fails is as it was."
                .to_owned(),
            "A wave begins when the one before has ended. You can pause the run, go on, or stop it at any time; what has \
             begun goes to its end."
                .to_owned(),
            "Afterwards all of them can go back to what they were, or some, for as long as former selves are kept."
                .to_owned(),
        ],
        OperationId::BulkStop => vec![
            "What runs goes to its end, what waits is taken out of the queue, and what was not asked is left alone. What \
             was done stays done."
                .to_owned(),
        ],
        OperationId::BulkGoBack => vec![
            "Each site is what it was before this run moved or updated it. What was written since is not in that; it is not lost \
             either: what the site is now is kept in the same way."
                .to_owned(),
            "A site that went on since, was moved or updated again, renamed or restored, is left alone.".to_owned(),
        ],
        OperationId::SiteGoBack => vec![
            "What was written since is not in what it was. It is not lost either: what the site is now is kept in the same \
             way, and its task says how much that is."
                .to_owned(),
        ],
        OperationId::SiteDropFormer => vec![
            "Nobody can go back to it any more: its files are removed and its database is dropped, for good. The site \
             itself goes on, and is not touched."
                .to_owned(),
        ],
        OperationId::SiteDisable => vec![
            "Visitors of all its names get a page that says it is out of service, which the web server answers by itself. \
             None of its code runs until it is enabled again: no page, no cron, no login link."
                .to_owned(),
            "Its files, its database and its former selves stay as they are, and a backup is made behind that page. If \
             anything goes wrong, it is in service as before."
                .to_owned(),
        ],
        OperationId::SiteEnable => vec![
            "It is in service again if it boots and its front page answers; if not, it stays as it is, and the task \
             says why."
                .to_owned(),
        ],
        OperationId::SiteEject => vec![
            "It runs on where it lies, with the same code, files and database. Its settings.php holds the password of its \
             database from then on, and is yours; the web server and php-fpm of Ægir go on answering for it, with the vhost \
             that it has, until you take that over."
                .to_owned(),
            "A vhost without Ægir, a crontab line and what to do are written to `ejected/` in the home; the log says where. \
             Cron, backups, updates and login links are yours from then on. It can be taken in again."
                .to_owned(),
        ],
        OperationId::SiteClone => vec![
            "The site goes on, and is only read. The copy has keys of its own, nobody is signed in there, and its other \
             names are those that you give it."
                .to_owned(),
            "It sends no mail and runs no cron, unless you say so here. Later mail is changed in a shell, and cron where \
             the copy is edited."
                .to_owned(),
            "On a platform with a later Drupal its updates run: a way to see how a move would end. If anything goes \
             wrong, there is no copy, and the site is as it was in any case."
                .to_owned(),
        ],
        OperationId::SiteCopy => vec![
            "The site that is copied may lie in any folder of the platform's machine that Ægir's user is let into. It goes \
             on: nothing is written to its folder or its database, and none of its code runs there."
                .to_owned(),
            "Where its data is, its settings.php must say in plain values. A database that is named by hand takes a password, \
             which is carried by no form: such a copy is made in a shell, with `aegir provision import FOLDER --copy`."
                .to_owned(),
            "The copy has keys of its own, sends no mail and runs no cron by itself. If anything goes wrong, there is \
             none. Later it can be refreshed from there, and take the place of the site."
                .to_owned(),
        ],
        OperationId::SiteRefresh => vec![
            copied_from(view),
            "All of it is copied anew, beside what the copy is, and put in its place behind a fence of seconds. What was \
             written to the copy itself is in its former self, and “Go back” returns to that. Its names, its client and its \
             `local.settings.php` stay."
                .to_owned(),
            "If anything goes wrong, the copy is as it was. The original is only read.".to_owned(),
        ],
        OperationId::SiteSwitch => vec![
            copied_from(view),
            "Put the original into maintenance mode first: what is written to it from then on would be lost. Without that \
             it is refused, unless you say here that it may be live."
                .to_owned(),
            "The copy is brought up to date once more, with the keys of the original and with people's addresses and \
             passwords. From then on it may send mail and run cron, and knows no source any more: it cannot be refreshed \
             again."
                .to_owned(),
            "Afterwards give it the names of the original, and have them lead to this machine in the DNS; leave the original \
             in maintenance mode until they do."
                .to_owned(),
        ],
        OperationId::SiteRename => vec![
            "Its folder and its database are copied under the new name; meanwhile its visitors are told to come back. \
             Paths and links that hold the old name are put right in the copy. If anything goes wrong, all is as it was."
                .to_owned(),
            "It stays the same site here: its tasks, its history and its client go along. Backups that were made before \
             bear the old name."
                .to_owned(),
            "What it was is kept under its old name; “Go back” returns to it with that name, unless another site has it \
             by then."
                .to_owned(),
        ],
        OperationId::BackupRestore => {
            let of = view.and_then(|view| view["site"].as_str()).unwrap_or("the site");
            vec![
                format!(
                    "With no new name, `{of}` is what this backup says: it is unpacked and loaded beside the site, which \
                     goes on until the last moment. What the site was until then is kept, and “Go back” returns to it. \
                     If `{of}` is gone, it is there again."
                ),
                format!(
                    "With a new name, another site is made of it, with keys of its own, that sends no mail and runs no \
                     cron by itself; `{of}` is not touched."
                ),
                "If anything goes wrong, all is as it was.".to_owned(),
            ]
        }
        OperationId::TrashRestore => from_trash(view),
        OperationId::TrashEmpty => vec![
            "What a task that has not ended may still put back stays, and so does what no task of Ægir put there."
                .to_owned(),
            "Each day what was kept for long enough goes by itself, as `trash_days` of its machine says.".to_owned(),
        ],
        OperationId::BackupVerify => vec![
            "Its checksums are compared; then a site is made of it in a database of its own, is visited, and is taken away \
             again. The site itself goes on, and is not touched."
                .to_owned(),
        ],
        OperationId::SettingSet => match view.map(|view| &view["changed_by"]) {
            Some(Value::String(by)) => vec![format!("It was last changed by {by}.")],
            _ => vec!["It has never been changed.".into()],
        },
        _ => Vec::new(),
    }
}

/// What becomes of a thing that lies in a trash.
fn from_trash(view: Option<&Value>) -> Vec<String> {
    let nothing = Value::Null;
    let view = view.unwrap_or(&nothing);
    let kept = "What lies in the trash stays there until its date.";
    match (view["kind"].as_str(), view["backup"].as_str()) {
        (Some("platform"), _) => vec![
            format!(
                "Its code is moved back to `{}`, if nothing lies there, and the platform is verified as any other is.",
                view["lay"].as_str().unwrap_or("where it lay")
            ),
            "It is in the lists again at once, as it was: its title, its client, its lock, and what fields of your own held."
                .to_owned(),
            "If anything goes wrong, its code stays in the trash.".to_owned(),
        ],
        (_, Some(backup)) => vec![
            format!(
                "Its database is not in the trash: the site is made again of its last backup, `{backup}`, which has its files \
                 too. {kept}"
            ),
            "It is in the lists again at once, and in service once its task has ended; its keys, its accounts and its other \
             names are those that it had, as far as nobody has taken a name meanwhile."
                .to_owned(),
            "If anything goes wrong, there is no site, and the trash is as it was.".to_owned(),
        ],
        _ => vec!["Of this there is no backup: these are files alone, which nothing brings back by itself.".to_owned()],
    }
}
