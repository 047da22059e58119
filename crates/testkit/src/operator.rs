//! The operator, as a process beside a cluster in which no containers run.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::usage::Usage;

/// The operator. Dropping it kills it, and prints its log where a test has failed.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    /// Has the kubeconfig and the log.
    folder: tempfile::TempDir,
}

impl Operator {
    /// Starts a program of the operator against the cluster of a kubeconfig, given as text, as a pod in this namespace
    /// would. It sends no notifications.
    ///
    /// # Errors
    /// It cannot be started, or its files cannot be written.
    pub fn start(
        program: &Path,
        kubeconfig: &str,
        namespace: &str,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("kubeconfig");
        fs::write(&config, kubeconfig)?;
        let child = Command::new(program)
            .args(args)
            .env("KUBECONFIG", config)
            .env("RUNTIME_NAMESPACE", namespace)
            .env("NOTIFICATIONS_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()?;
        Ok(Self { child, folder })
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it takes of the machine.
    ///
    /// # Errors
    /// It has ended, or this is no Linux.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.id())
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// How it has ended; none while it runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Drop for Operator {
    #[expect(clippy::print_stderr, reason = "this is how a test tells why it failed")]
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("log of the operator:\n{}", self.log());
        }
    }
}
