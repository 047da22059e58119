//! A real Kubernetes that is thrown away: etcd, API server, controller manager, scheduler, and kwok in
//! place of kubelets, as child processes on loopback.
//!
//! Everything but containers is real: admission, RBAC, server-side apply, watches, garbage collection,
//! namespaces that take time to go. Pods are ready because kwok says so. `crates/testkit/control-plane/kwok.yaml`
//! tells what it says, and how a test makes a pod fail.
//!
//! The controllers keep the pace that they have everywhere. The garbage collector looks for new kinds every 30 seconds:
//! objects of a CRD that was just made may outlive their owner for that long. A namespace with pods in it takes five to
//! ten seconds to go, because its controller looks again every five.
//!
//! # Guarantees
//! No process and no file outlives the [`Cluster`], nor the process that started it, even if that one is killed. What
//! is kept on purpose are logs: of a start that failed, of a test that panicked, or where [`Options::keep_logs`] asks
//! for it.
//!
//! ```no_run
//! use flux_operator_testkit::cluster::{Cluster, Options};
//!
//! let cluster = Cluster::start(&Options::default())?;
//! println!("kubectl --kubeconfig {} get nodes", cluster.kubeconfig().display());
//! # Ok::<(), flux_operator_testkit::cluster::ClusterError>(())
//! ```

mod arguments;
mod background;
mod failure;
mod kubeconfig;
mod programs;
mod source;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

pub use background::{Background, Up, serve, up};
pub use failure::ClusterError;

pub use crate::process::ProgramError;

use arguments::{Layout, Ports, Serving};
use programs::{Program, Programs};

use crate::process::During as _;
use crate::process::child::{Folder, Supervised};
use crate::process::log::Log;

/// What a cluster shall be.
#[derive(Clone, Debug)]
pub struct Options {
    /// What its folder is called, in part. Default: `cluster`.
    pub name: String,
    /// Whether the API server writes down every request, see [`Cluster::audit_log`]. Default: no.
    pub audit: bool,
    /// The folder with `etcd`, `kube-apiserver`, and perhaps the others. Default: what `KUBEBUILDER_ASSETS` names, and
    /// without that what was built from source.
    pub bin_dir: Option<PathBuf>,
    /// Whether logs stay after a cluster that worked. Default: no.
    pub keep_logs: bool,
    /// Whether there are controllers and a node. Without, objects are stored and nothing happens to them, and the
    /// cluster is there sooner and smaller. Default: yes.
    pub controllers: bool,
    /// Where the folder of the cluster is made. Default: the folder of the system for temporary files.
    pub parent: Option<PathBuf>,
    /// How long a start may take, building aside. Default: two minutes, for machines that are busy with tests.
    pub within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "cluster".to_owned(),
            audit: false,
            bin_dir: None,
            keep_logs: false,
            controllers: true,
            parent: None,
            within: Duration::from_secs(120),
        }
    }
}

/// A cluster that runs. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    // Dropped before the folder that the programs write to.
    programs: Vec<Supervised>,
    folder: Option<Folder>,
    layout: Layout,
    kubeconfig: PathBuf,
    audit_log: Option<PathBuf>,
    url: String,
    keep_logs: bool,
    tool: PathBuf,
}

/// How many ports to try.
const ATTEMPTS: usize = 5;

/// How long to rest between two looks at the programs.
const PAUSE: Duration = Duration::from_millis(5);

/// How long etcd may take until it listens. Most often a tenth of a second.
const LISTENS: Duration = Duration::from_secs(10);

/// What programs say whose port was taken after it was chosen.
const CLASH: &str = "address already in use";

impl Cluster {
    /// Starts a cluster and returns when it can be used: the API server is ready, the namespace `default` is there,
    /// and with controllers also its service account and a node that is ready.
    ///
    /// Takes about four seconds, and minutes where the programs have to be built first. Blocks; call it from
    /// `spawn_blocking` where that matters.
    pub fn start(options: &Options) -> Result<Self, ClusterError> {
        let programs = Programs::find(options.bin_dir.as_deref(), options.controllers)?;
        let parent = options.parent.clone().unwrap_or_else(env::temp_dir);
        let kept = options.keep_logs.then_some(Layout::LOGS);
        let folder = Folder::make(&parent, &format!("{}-", options.name), kept)?;
        let layout = Layout::new(folder.path());
        let mut cluster = Self {
            programs: Vec::new(),
            kubeconfig: layout.kubeconfig(),
            audit_log: options.audit.then(|| layout.audit_log()),
            folder: Some(folder),
            url: String::new(),
            tool: programs.tool("wait", Vec::new()).program,
            // Until it works.
            keep_logs: true,
            layout,
        };
        cluster.prepare(&programs)?;
        let began = Instant::now();
        for attempt in 1.. {
            match cluster.launch(&programs, options, began) {
                Err(error) if attempt < ATTEMPTS && is_clash(&error) => cluster.stop(),
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        cluster.keep_logs = options.keep_logs;
        Ok(cluster)
    }

    /// A file that makes any client the administrator. It contains the keys.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A line of JSON for each request that was answered. `None` unless [`Options::audit`] asked for it.
    ///
    /// A request is in it before its client has the answer.
    pub fn audit_log(&self) -> Option<&Path> {
        self.audit_log.as_deref()
    }

    /// The folder with everything that belongs to the cluster. Logs are in `logs`.
    pub fn folder(&self) -> &Path {
        self.layout.folder()
    }

    /// Makes what does not depend on ports.
    fn prepare(&self, programs: &Programs) -> Result<(), ClusterError> {
        let layout = &self.layout;
        for folder in [layout.keys(), layout.logs()] {
            fs::create_dir_all(&folder).during("make the folder", &folder)?;
        }
        for (path, text) in [(layout.audit_policy(), source::AUDIT_POLICY), (layout.stages(), source::STAGES)] {
            fs::write(&path, text).during("write", &path)?;
        }
        let keys = programs.tool("keys", arguments::keys(layout));
        let log = self.log("keys");
        if Supervised::start(&keys, log.clone(), |_| ())?.wait() != 0 {
            return Err(ClusterError::Keys { tail: log.tail(), log: log.path().to_owned() });
        }
        Ok(())
    }

    /// Starts the programs in an order in which nobody has to try twice.
    fn launch(&mut self, programs: &Programs, options: &Options, began: Instant) -> Result<(), ClusterError> {
        let layout = self.layout.clone();
        let ports = free_ports()?;
        self.url = ports.url();
        kubeconfig::write(&self.kubeconfig, &layout.keys(), "admin", &self.url)?;
        for program in [Program::ControllerManager, Program::Scheduler] {
            let name = program.name();
            kubeconfig::write(&layout.kubeconfig_of(name), &layout.keys(), name, &self.url)?;
        }

        let serving = Serving { audit: options.audit, controllers: options.controllers };
        let prefix = prefix(&layout);
        self.run(programs, Program::Etcd, arguments::etcd(&layout, ports))?;
        self.listens(ports.etcd_address());
        self.run(programs, Program::ApiServer, arguments::api_server(&layout, ports, &prefix, serving))?;
        self.wait(programs, ports, options.within, began, false)?;
        if options.controllers {
            self.run(programs, Program::ControllerManager, arguments::controller_manager(&layout))?;
            self.run(programs, Program::Scheduler, arguments::scheduler(&layout))?;
            self.run(programs, Program::Kwok, arguments::kwok(&layout))?;
            self.wait(programs, ports, options.within, began, true)?;
        }
        Ok(())
    }

    fn run(&mut self, programs: &Programs, program: Program, arguments: Vec<OsString>) -> Result<(), ClusterError> {
        let invocation = programs.invocation(program, arguments);
        let folder = self.layout.folder().to_owned();
        let program = Supervised::start(&invocation, self.log(invocation.name), |command| {
            // Whatever a program looks for where nothing was said, it finds nothing of the user.
            command.current_dir(&folder).env("HOME", &folder).env("KWOK_WORKDIR", &folder).env_remove("KUBECONFIG");
        })?;
        self.programs.push(program);
        Ok(())
    }

    /// Waits until somebody listens, or it is clear that nobody will. An API server that comes too early rests for a
    /// second before it tries again.
    fn listens(&mut self, address: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(address).is_err()
            && began.elapsed() < LISTENS
            && self.programs.iter_mut().all(|program| program.ended().is_none())
        {
            thread::sleep(PAUSE);
        }
    }

    /// Waits for the tool that waits for the cluster, and keeps an eye on the programs.
    fn wait(
        &mut self,
        programs: &Programs,
        ports: Ports,
        within: Duration,
        began: Instant,
        controllers: bool,
    ) -> Result<(), ClusterError> {
        let left = within.saturating_sub(began.elapsed()).as_secs().max(1);
        let invocation = programs.tool("wait", arguments::wait(&self.layout, ports, left, controllers));
        let mut tool = Supervised::start(&invocation, self.log("wait"), |_| ())?;
        loop {
            for program in &mut self.programs {
                if let Some(status) = program.ended() {
                    let log = &program.log;
                    let (tail, log) = (log.tail(), log.path().to_owned());
                    return Err(ClusterError::Ended { program: program.name, status, log, tail });
                }
            }
            match tool.ended() {
                None => thread::sleep(PAUSE),
                Some(0) => return Ok(()),
                Some(_) => {
                    return Err(ClusterError::NotReady {
                        after: within,
                        logs: self.layout.logs(),
                        tail: tool.log.tail(),
                    });
                }
            }
        }
    }

    /// Kills the programs and forgets what they stored.
    fn stop(&mut self) {
        self.programs.clear();
        fs::remove_dir_all(self.layout.data()).ok();
    }

    fn log(&self, name: &str) -> Log {
        Log::new(self.layout.logs().join(format!("{name}.log")))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.programs.clear();
        let Some(folder) = self.folder.take() else { return };
        if self.keep_logs || thread::panicking() {
            eprintln!("logs of the cluster: {}", self.layout.logs().display());
            folder.keep_only(Layout::LOGS);
        }
    }
}

fn is_clash(error: &ClusterError) -> bool {
    match error {
        ClusterError::Ended { log, .. } => Log::new(log).text().contains(CLASH),
        _ => false,
    }
}

/// The name of the folder is new, so this sets the cluster apart.
fn prefix(layout: &Layout) -> String {
    layout.folder().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Ports that nobody uses now. Somebody may take one before the programs do, which is a clash.
fn free_ports() -> Result<Ports, ProgramError> {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).during("find a free port on", "127.0.0.1");
    // Both are held until both are known.
    let (etcd, api) = (listen()?, listen()?);
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port()).during("look at", "a port");
    Ok(Ports { etcd: port(&etcd)?, api: port(&api)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        let ports = free_ports().unwrap();
        assert_ne!(ports.etcd, ports.api);
    }

    #[test]
    fn only_a_clash_of_ports_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("etcd.log");
        let error = ClusterError::Ended { program: "etcd", status: 1, log: log.clone(), tail: String::new() };
        assert!(!is_clash(&error));
        fs::write(&log, "listen tcp 127.0.0.1:1: bind: address already in use\n").unwrap();
        assert!(is_clash(&error));
        assert!(!is_clash(&ClusterError::NoGo));
    }
}
