//! A container by runc, the runtime below Docker, containerd and others.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use flux_operator_testkit::usage::Usage;
use serde_json::Value;

use crate::cargo::{self, succeeds};
use crate::debian;

const RUNC: &str = "runc";

/// How often to look.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a container away when the pipe closes, so that none is left whatever becomes of this program.
const WATCH: &str = r#"read -r _; exec runc --root "$1" delete --force "$2""#;

/// A container that runs. Dropping it takes it away.
#[derive(Debug)]
pub(super) struct Container {
    name: String,
    state: PathBuf,
    log: PathBuf,
    pid: u32,
    /// Runs as long as the container, and ends as it does.
    runc: Child,
    watch: Child,
    pipe: Option<ChildStdin>,
}

/// Sees to it that there is a runtime and somebody who may use it.
///
/// # Errors
/// Root does not run this, or runc is missing and cannot be installed.
pub(super) fn prepare() -> anyhow::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("containers are run by root: run this as root, or by sudo");
    }
    // A root that is in a container itself may have no rights to make one.
    if !succeeds(Command::new("unshare").args(["--mount", "true"])) {
        bail!("root may make no namespaces here, so that no container can be run: try another machine");
    }
    debian::require(RUNC, &[RUNC])
}

impl Container {
    /// Starts a container in a folder of its own, which has to be empty.
    ///
    /// # Errors
    /// The runtime does not take it, or it ends at once.
    pub(super) fn start(name: &str, folder: &Path, specification: &Value) -> anyhow::Result<Self> {
        fs::write(folder.join("config.json"), specification.to_string()).context("cannot write `config.json`")?;
        let (state, log, pid) = (folder.join("state"), folder.join("log"), folder.join("pid"));
        let output = File::create(&log).context("cannot make the log of the container")?;
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch"]).arg(&state).arg(name);
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watch = watch.spawn().context("cannot start a shell")?;
        let pipe = watch.stdin.take();
        let mut runc = Command::new(RUNC);
        runc.arg("--root").arg(&state).args(["run", "--bundle"]).arg(folder).arg("--pid-file").arg(&pid).arg(name);
        runc.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let runc = runc.spawn().context("cannot start `runc`")?;
        let mut container = Self { name: name.to_owned(), state, log, pid: 0, runc, watch, pipe };
        while container.pid == 0 {
            // It is written before the program runs.
            container.pid = fs::read_to_string(&pid).ok().and_then(|pid| pid.parse().ok()).unwrap_or_default();
            container.runs()?;
            thread::sleep(PAUSE);
        }
        Ok(container)
    }

    /// Fails where it has ended.
    pub(super) fn runs(&mut self) -> anyhow::Result<()> {
        match self.runc.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the container has ended, {status}:\n{}", self.log()),
        }
    }

    /// All that the program has written.
    pub(super) fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// What it takes of the machine.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid).context("cannot look at the container")
    }

    /// Asks it to stop as a kubelet does, and returns how long that took.
    ///
    /// # Errors
    /// It does not stop in time, or not well.
    pub(super) fn stop(mut self, grace: Duration) -> anyhow::Result<(Duration, String)> {
        let began = Instant::now();
        cargo::run(Command::new(RUNC).arg("--root").arg(&self.state).args(["kill", &self.name, "TERM"]))?;
        loop {
            match self.runc.try_wait()? {
                Some(status) if status.success() => return Ok((began.elapsed(), self.log())),
                Some(status) => bail!("the program was asked to stop, and ended with {status}:\n{}", self.log()),
                None if began.elapsed() > grace => bail!("the program does not stop within {grace:?}:\n{}", self.log()),
                None => thread::sleep(PAUSE),
            }
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.pipe = None;
        self.watch.wait().ok();
        self.runc.wait().ok();
    }
}
