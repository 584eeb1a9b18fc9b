//! What a home's contexts say, against what lies on the disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aegir_domain::{Context, ContextName, Finding, Home, PlatformContext, ServerContext, SiteContext};
use aegir_drivers::http::HttpDrivers;
use aegir_host::{FileFault, Files, Kind};

use crate::Contexts;

/// Every context of a home that can be read, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Known {
    /// Servers, by name.
    pub servers: Vec<ServerContext>,
    /// Platforms, by name.
    pub platforms: Vec<PlatformContext>,
    /// Sites, by name.
    pub sites: Vec<SiteContext>,
    /// Those that cannot be read.
    pub faults: Vec<Finding>,
}

/// Reads what can be read.
pub fn read_known(home: &Home, files: &Files) -> Result<Known, FileFault> {
    let contexts = Contexts::new(home, files);
    let mut known = Known::default();
    for file in files.list(&home.contexts())? {
        let Some(stem) = file.strip_suffix(".json") else { continue };
        match stem.parse::<ContextName>().map(|name| contexts.find(&name)) {
            Ok(Ok(Some(Context::Server(server)))) => known.servers.push(server),
            Ok(Ok(Some(Context::Platform(platform)))) => known.platforms.push(platform),
            Ok(Ok(Some(Context::Site(site)))) => known.sites.push(*site),
            Ok(Ok(None)) => (),
            Ok(Err(fault)) => known.faults.push(Finding::of_fault(&fault)),
            Err(_) => known.faults.push(Finding::warning(
                format!("`{}` is the name of no server, platform or site", home.contexts().join(&file).display()),
                "move the file away, or give it the name of what it tells of",
            )),
        }
    }
    Ok(known)
}

impl Known {
    /// Whether the database `name` is that of a site, or of what one was.
    pub fn has_database(&self, name: &str) -> bool {
        let formers = |site: &SiteContext| site.formers.iter().any(|former| former.database.name.as_str() == name);
        self.sites.iter().any(|site| site.database.name.as_str() == name || formers(site))
    }

    /// The platform of a site.
    pub fn platform_of(&self, site: &SiteContext) -> Option<&PlatformContext> {
        self.platforms.iter().find(|platform| platform.name == site.platform)
    }

    fn has_site(&self, name: &str) -> bool {
        self.sites.iter().any(|site| site.name.as_str() == name)
    }

    /// Whether a site that cannot be read could own a thing of this name.
    fn may_be_unread(&self, name: &str, home: &Home, files: &Files) -> bool {
        matches!(files.kind(&home.contexts().join(format!("{name}.json"))), Ok(Some(_)))
    }
}

/// What is missing of that which the contexts say: platforms without code, sites without files.
pub fn whole(home: &Home, files: &Files, known: &Known) -> Vec<Finding> {
    let drivers = HttpDrivers::standard();
    let mut findings = Vec::new();
    for platform in &known.platforms {
        let root = platform.root.path();
        if !root.is_dir() {
            findings.push(Finding::problem(
                format!("the code of @platform_{} is gone: there is no folder `{}`", platform.name, root.display()),
                format!(
                    "put it back there, or move its sites away and run `aegir provision forget @platform_{}`",
                    platform.name
                ),
            ));
        }
        if let Some(php) = platform.php.as_ref().filter(|php| aegir_host::find_program(php).is_none()) {
            findings.push(Finding::problem(
                format!("the PHP of @platform_{} is gone: `{}`", platform.name, php.display()),
                format!(
                    "install it, or name another: `aegir provision save @platform_{} --php PROGRAM`",
                    platform.name
                ),
            ));
        }
        if !known.servers.iter().any(|server| server.name == platform.server) {
            findings.push(Finding::problem(
                format!("@platform_{} is on @server_{}, of which nothing is saved", platform.name, platform.server),
                format!("save it with `aegir provision save @server_{}`", platform.server),
            ));
        }
    }
    for site in &known.sites {
        let name = &site.name;
        let Some(platform) = known.platform_of(site) else {
            findings.push(Finding::problem(
                format!("@{name} is on @platform_{}, of which nothing is saved", site.platform),
                format!("save it with `aegir provision save @platform_{} --root DIR --server NAME`", site.platform),
            ));
            continue;
        };
        if !platform.root.path().is_dir() {
            continue;
        }
        let folder = platform.root.site_dir(name);
        if !folder.is_dir() {
            findings.push(Finding::problem(
                format!("the folder of @{name} is gone: `{}`", folder.display()),
                format!(
                    "put it back from a backup or from the trash, then run `aegir provision verify @{name}`; \
                     or delete what is left of it with `aegir provision delete @{name} --confirm={name}`"
                ),
            ));
        }
        let credentials = home.credentials_of(&ContextName::Site(name.clone()));
        if matches!(files.kind(&credentials), Ok(None)) {
            findings.push(Finding::problem(
                format!("the credentials of @{name} are gone: `{}`", credentials.display()),
                "put that file back from a backup: without it nothing but visitors' pages works",
            ));
        }
        let web = known.servers.iter().find(|server| server.name == platform.server);
        let Some((server, http)) = web.and_then(|server| Some((server, server.http.as_ref()?))) else { continue };
        let Ok(driver) = drivers.named(http.engine.as_str()) else { continue };
        let vhost = home.http_config(&server.name, http.engine).join(driver.vhost_path(name));
        if matches!(files.kind(&vhost), Ok(None)) {
            findings.push(Finding::problem(
                format!("the web server knows nothing of @{name}: `{}` is gone", vhost.display()),
                format!("run `aegir provision verify @{name}`"),
            ));
        }
    }
    findings
}

/// What lies there and belongs to nothing that is known: told, and never touched.
pub fn strays(home: &Home, files: &Files, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unknown = |name: &str| !known.has_site(name) && !known.may_be_unread(name, home, files);
    let look = "if nobody misses it, move it away by hand";

    let drivers = HttpDrivers::standard();
    for (server, http) in known.servers.iter().filter_map(|server| Some((server, server.http.as_ref()?))) {
        let Ok(driver) = drivers.named(http.engine.as_str()) else { continue };
        let Some(of_any) = "a.invalid".parse().ok().map(|name| driver.vhost_path(&name)) else { continue };
        let Some(folder) = of_any.parent().map(|folder| home.http_config(&server.name, http.engine).join(folder))
        else {
            continue;
        };
        for file in files.list(&folder).unwrap_or_default() {
            // Operators' and our own other files have names that no site has.
            let name = file.strip_suffix(".conf").filter(|name| name.parse::<aegir_domain::SiteName>().is_ok());
            if let Some(name) = name.filter(|name| unknown(name)) {
                findings.push(Finding::warning(
                    format!(
                        "`{}` tells the web server of `{name}`, which is no known site",
                        folder.join(&file).display()
                    ),
                    format!("{look}, then run `aegir provision verify @server_{}`", server.name),
                ));
            }
        }
    }

    let mut roots = BTreeSet::new();
    for platform in known.platforms.iter().filter(|platform| roots.insert(platform.root.path().to_owned())) {
        let sites = platform.root.path().join("sites");
        for name in files.list(&sites).unwrap_or_default() {
            let folder = sites.join(&name);
            let is_site = name != "default"
                && name.parse::<aegir_domain::SiteName>().is_ok()
                && matches!(files.kind(&folder), Ok(Some(Kind::Dir)))
                && matches!(files.kind(&folder.join("settings.php")), Ok(Some(_)));
            if is_site && unknown(&name) {
                findings.push(Finding::warning(
                    format!("`{}` holds a site that is not known here", folder.display()),
                    look,
                ));
            }
        }
    }

    for file in files.list(&home.credentials()).unwrap_or_default() {
        let Some(name) = file.strip_suffix(".json").filter(|name| name.parse::<aegir_domain::SiteName>().is_ok())
        else {
            continue;
        };
        if unknown(name) {
            findings.push(Finding::warning(
                format!(
                    "`{}` holds credentials of `{name}`, which is no known site",
                    home.credentials().join(&file).display()
                ),
                look,
            ));
        }
    }

    for name in files.list(&home.databases()).unwrap_or_default() {
        let folder: PathBuf = home.databases().join(&name);
        let owned = known.has_database(&name);
        if !owned && known.faults.is_empty() && matches!(files.kind(&folder), Ok(Some(Kind::Dir))) {
            findings.push(Finding::warning(
                format!("`{}` holds a database that no known site has", folder.display()),
                look,
            ));
        }
    }
    findings
}
