//! What Drupal needs: how its code, its database and its settings are read and written.
//!
//! Pure but for [`platform`], which reads files beneath a given root. Nothing here starts a program:
//! [`driver`] holds the PHP scripts as data, and whoever runs them gives back what they told.

mod core_version;
pub mod demo;
pub mod driver;
pub mod drush;
pub mod htaccess;
pub mod info_file;
pub mod info_yaml;
pub mod inventory;
pub mod login;
pub mod make_file;
pub mod moved;
pub mod own;
pub mod php_literal;
pub mod php_value;
pub mod plain_settings;
pub mod platform;
pub mod settings;
pub mod sites_php;

pub use core_version::{CoreVersion, Family, NoCoreVersion};
pub use php_value::{NoPhpValue, PhpValue};
pub use settings::{Settings, SettingsFault};
