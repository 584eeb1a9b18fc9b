//! Where the services of a running stack answer; what the back end is told.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aegir_domain::{DbEngine, HttpEngine};
use serde::{Deserialize, Serialize};

use crate::fault::StackFault;

/// Where the services of a stack answer. Saved as `stack/endpoints.json`; holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Where sites answer.
    pub listen: SocketAddr,
    /// The product of the web server.
    #[serde(default = "nginx")]
    pub http: HttpEngine,
    /// The socket on which the web server answers Ægir alone, if it can listen on one.
    pub internal: PathBuf,
    /// The directory where each pool of php-fpm has its socket.
    pub php_sockets: PathBuf,
    /// Where the database server answers, if the stack has one.
    pub db: Option<DbEngine>,
    /// Its account that may create databases and users.
    pub db_account: String,
    /// The file with that account's password (`{"account": …, "password": …}`, mode 0600).
    pub db_credentials: PathBuf,
    /// Where the stack itself takes requests: `status`, `reload nginx` or `apache`, `reload php-fpm`.
    pub control: PathBuf,
    /// The access log of the web server.
    pub access_log: PathBuf,
    /// The folder of what the web server is told of the server and its sites.
    #[serde(alias = "nginx_folder")]
    pub http_folder: PathBuf,
    /// The folder of php-fpm's pools.
    pub pools: PathBuf,
    /// The main file of the web server.
    #[serde(alias = "nginx_conf")]
    pub http_conf: PathBuf,
    /// The main file of php-fpm.
    pub php_fpm_conf: PathBuf,
}

fn nginx() -> HttpEngine {
    HttpEngine::Nginx
}

impl Endpoints {
    /// Reads those of the stack that runs, or ran last, in `home`.
    pub fn load(home: &Path) -> Result<Endpoints, StackFault> {
        let path = home.join("stack/endpoints.json");
        let text = fs::read(&path).map_err(|source| StackFault::File { doing: "read", path: path.clone(), source })?;
        serde_json::from_slice(&text).map_err(|source| StackFault::Unreadable { path, source })
    }
}
