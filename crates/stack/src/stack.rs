//! Starting a stack: each service when those that it needs answer.

use std::marker::PhantomData;
use std::net::SocketAddr;

use aegir_domain::{DbEngine, HttpEngine, Password};

use crate::check::check;
use crate::control::Control;
use crate::daemon::{self, Daemon, Launch};
use crate::database::{self, Wait};
use crate::endpoints::Endpoints;
use crate::fault::StackFault;
use crate::leftovers::{self, Record};
use crate::lock::UpLock;
use crate::places::Places;
use crate::service::Service;
use crate::settings::StackSettings;
use crate::supervise::StopRequest;
use crate::{files, php, ports, web};

/// All that is known when services are started.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) settings: StackSettings,
    pub(crate) places: Places,
    pub(crate) endpoints: Endpoints,
    pub(crate) password: Option<Password>,
}

impl Setup {
    pub(crate) fn launch(&self, service: Service) -> Result<Launch, StackFault> {
        match service {
            Service::Mariadb => database::launch(self),
            Service::PhpFpm => php::launch(self),
            Service::Nginx | Service::Apache => web::launch(self),
        }
    }

    /// Whether `service` answers.
    pub(crate) fn ready(&self, service: Service) -> Result<(), Wait> {
        match service {
            Service::Mariadb => database::ready(self),
            Service::PhpFpm => php::ready(self),
            Service::Nginx | Service::Apache => web::ready(self),
        }
    }
}

/// A service, and its process of the moment.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) service: Service,
    pub(crate) daemon: Daemon,
    pub(crate) deaths: crate::supervise::Deaths,
}

/// A stack whose services answer.
///
/// It stays on the thread that started it: the kernel ends the services with that thread. Dropping
/// it stops them.
#[derive(Debug)]
pub struct Stack {
    pub(crate) setup: Setup,
    pub(crate) control: Control,
    /// In the order of their start.
    pub(crate) kept: Vec<Kept>,
    _lock: UpLock,
    _stays_on_its_thread: PhantomData<*const ()>,
}

impl Stack {
    /// Starts all services and returns when each of them answers.
    ///
    /// `say` is told each step; `stop` is asked while waiting. What was started is stopped again
    /// when it does not come to an end.
    pub fn start(
        settings: StackSettings,
        say: &dyn Fn(&str),
        stop: &dyn Fn() -> StopRequest,
    ) -> Result<Stack, StackFault> {
        let http = ports::engine(&settings.home, settings.http)?;
        let findings = check(&settings);
        if !findings.is_empty() {
            return Err(StackFault::Unfit(findings));
        }
        let places = Places::prepare(&settings.home, settings.users.as_ref())?;
        places.prepare_web(http)?;
        let lock = UpLock::take(&places)?;
        leftovers::end(&places, say)?;
        let endpoints = endpoints(&settings, &places, http)?;
        let control = Control::listen(&places)?;
        let setup = Setup { settings, places, endpoints, password: None };
        let mut stack = Stack { setup, control, kept: Vec::new(), _lock: lock, _stays_on_its_thread: PhantomData };
        for service in Service::ALL {
            if service.engine().is_some_and(|engine| engine != http) {
                continue;
            }
            if service == Service::Mariadb {
                if !stack.setup.settings.mariadb {
                    continue;
                }
                database::prepare(&mut stack.setup, say)?;
            }
            let mut begun = stack.begin(service, say, stop);
            while begun.is_err() && service.engine().is_some() && stack.lost_its_port()? {
                say("the port was taken by another program meanwhile: trying the next one");
                begun = stack.begin(service, say, stop);
            }
            begun?;
        }
        ports::remember(&stack.setup.places, stack.setup.endpoints.listen, http)?;
        stack.save_endpoints()?;
        Ok(stack)
    }

    /// Where the services answer.
    pub fn endpoints(&self) -> &Endpoints {
        &self.setup.endpoints
    }

    /// An address on loopback for the panel: that of the last time if it is free, else another.
    pub fn panel(&self) -> Result<SocketAddr, StackFault> {
        ports::panel(&self.setup.places, self.setup.endpoints.listen)
    }

    fn begin(
        &mut self,
        service: Service,
        say: &dyn Fn(&str),
        stop: &dyn Fn() -> StopRequest,
    ) -> Result<(), StackFault> {
        if stop() != StopRequest::No {
            return Err(StackFault::Interrupted);
        }
        say(&format!("starting {service}"));
        let daemon = self.setup.launch(service)?.stay()?;
        self.kept.push(Kept { service, daemon, deaths: crate::supervise::Deaths::default() });
        self.remember()?;
        let kept = self.kept.last_mut().map(|kept| &mut kept.daemon);
        kept.map_or(Ok(()), |daemon| until_ready(&self.setup, service, daemon, stop))
    }

    /// Whether the web server did not start because another program was quicker on a port that this home has
    /// not used yet; it then has the next one.
    fn lost_its_port(&mut self) -> Result<bool, StackFault> {
        let (places, asked) = (&self.setup.places, self.setup.settings.http_port);
        if !ports::was_lost(places, asked, self.setup.endpoints.listen)? {
            return Ok(false);
        }
        self.setup.endpoints.listen = ports::listen(places, self.setup.settings.address, asked)?;
        if let Some(mut kept) = self.kept.pop() {
            kept.daemon.sweep();
        }
        Ok(true)
    }

    /// Writes down the processes of the moment, for whoever comes after a kill.
    pub(crate) fn remember(&self) -> Result<(), StackFault> {
        let record = |kept: &Kept| Record { service: kept.service, pid: kept.daemon.pid, began: kept.daemon.began };
        leftovers::remember(&self.setup.places, self.kept.iter().map(record).collect())
    }

    fn save_endpoints(&self) -> Result<(), StackFault> {
        let places = &self.setup.places;
        let path = places.endpoints();
        let text = serde_json::to_vec_pretty(&self.setup.endpoints)
            .map_err(|source| StackFault::Unreadable { path: path.clone(), source })?;
        files::write(&path, &text, places.private_owner(), 0o600)
    }
}

fn endpoints(settings: &StackSettings, places: &Places, http: HttpEngine) -> Result<Endpoints, StackFault> {
    Ok(Endpoints {
        listen: ports::listen(places, settings.address, settings.http_port)?,
        http,
        internal: places.internal_socket(http),
        php_sockets: places.php_sockets(),
        db: settings.mariadb.then(|| DbEngine::Socket(places.database_socket())),
        db_account: database::ACCOUNT.into(),
        db_credentials: places.credentials(),
        control: places.control_socket(),
        access_log: places.log(&format!("{}-access.log", http.as_str())),
        http_folder: places.http_folder(http),
        pools: places.pools(),
        http_conf: places.web(http).join(format!("{}.conf", http.as_str())),
        php_fpm_conf: places.php_fpm().join("php-fpm.conf"),
    })
}

/// Waits until `service` answers; a death, a refusal or a stop ends the waiting.
pub(crate) fn until_ready(
    setup: &Setup,
    service: Service,
    daemon: &mut Daemon,
    stop: &dyn Fn() -> StopRequest,
) -> Result<(), StackFault> {
    let limit = match service {
        Service::Mariadb => database::LIMIT,
        Service::PhpFpm => php::LIMIT,
        Service::Nginx | Service::Apache => web::LIMIT,
    };
    let mut last = String::new();
    let mut fault = None;
    let answered = daemon::wait_until(limit, || {
        if let Some(how) = daemon.ended() {
            fault = Some(StackFault::Died { service, how, source: daemon.said() });
        } else if stop() != StopRequest::No {
            fault = Some(StackFault::Interrupted);
        } else {
            match setup.ready(service) {
                Ok(()) => return true,
                Err(Wait::Not(why)) => last = why,
                Err(Wait::Never(why)) => fault = Some(*why),
            }
        }
        fault.is_some()
    });
    match fault {
        Some(fault) => Err(fault),
        None if answered => Ok(()),
        None => Err(StackFault::NotReady { service, seconds: limit.as_secs(), last, source: daemon.said() }),
    }
}
