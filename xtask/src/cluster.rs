//! `cargo xtask cluster`: a Kubernetes to try things with, gone when it is no longer needed.

use std::env;
use std::path::{self, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use flux_operator_testkit::cluster::{self, Background, Options, Up};

/// Run a Kubernetes for tests on this machine.
///
/// etcd, API server, controller manager and scheduler are real; kwok plays the nodes, so Deployments become ready and
/// nothing is pulled or run. The programs are built from their Go modules once, which needs Go and takes some minutes,
/// or come from the folder in `KUBEBUILDER_ASSETS`.
///
///     cargo xtask cluster up
///     eval "$(cargo xtask cluster env)"
///     kubectl get nodes
///     cargo xtask cluster down
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ClusterCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Start a cluster in the background; where it runs, say so
    Up {
        #[command(flatten)]
        name: Name,
        #[command(flatten)]
        setup: Setup,
    },
    /// Run a cluster until Ctrl-C or the end of the input
    Run {
        #[command(flatten)]
        name: Name,
        #[command(flatten)]
        setup: Setup,
        /// Run until `down`, whatever becomes of the input
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// Stop a cluster and remove all that belongs to it
    Down(Name),
    /// Say whether a cluster runs and answers; fails where it does not
    Status(Name),
    /// Print what a shell has to evaluate to use a cluster
    Env(Name),
}

#[derive(Debug, clap::Args)]
struct Name {
    /// Which cluster; several can run at the same time
    #[arg(long, default_value = "default")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct Setup {
    /// Write down every request
    #[arg(long)]
    audit: bool,
    /// Where `etcd`, `kube-apiserver` and perhaps the other programs are
    #[arg(long, value_name = "FOLDER")]
    bin_dir: Option<PathBuf>,
    /// Start only etcd and the API server
    #[arg(long)]
    no_controllers: bool,
    /// Keep the logs when the cluster is stopped
    #[arg(long)]
    keep_logs: bool,
}

impl ClusterCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Up { name, setup } => up(&name.name, &setup),
            Action::Run { name, setup, detached } => serve(&name.name, &setup, detached),
            Action::Down(name) => down(&name.name),
            Action::Status(name) => status(&name.name),
            Action::Env(name) => {
                let kubeconfig = running(&name.name)?.kubeconfig().display().to_string();
                println!("export KUBECONFIG={}", quoted(&kubeconfig));
                Ok(())
            }
        }
    }
}

impl Setup {
    fn options(&self) -> Options {
        Options {
            audit: self.audit,
            bin_dir: self.bin_dir.clone(),
            controllers: !self.no_controllers,
            keep_logs: self.keep_logs,
            ..Options::default()
        }
    }

    /// This program again, as the one that owns the cluster.
    fn worker(&self, name: &str) -> anyhow::Result<Command> {
        let mut worker = Command::new(env::current_exe().context("cannot find this program")?);
        worker.args(["cluster", "run", "--detached", "--name", name]);
        for (flag, given) in
            [("--audit", self.audit), ("--no-controllers", self.no_controllers), ("--keep-logs", self.keep_logs)]
        {
            worker.args(given.then_some(flag));
        }
        if let Some(folder) = &self.bin_dir {
            worker.arg("--bin-dir").arg(path::absolute(folder).context("cannot resolve `--bin-dir`")?);
        }
        Ok(worker)
    }
}

fn up(name: &str, setup: &Setup) -> anyhow::Result<()> {
    let began = Instant::now();
    let background = match cluster::up(name, &setup.options(), setup.worker(name)?)? {
        Up::Running(background) => {
            if setup.audit && background.audit_log().is_none() {
                bail!("cluster `{name}` runs already, without an audit log: stop it first, `cargo xtask cluster down`");
            }
            println!("cluster `{name}` runs already");
            background
        }
        Up::Started(background) => {
            println!("cluster `{name}` is ready after {:.1} s", began.elapsed().as_secs_f64());
            background
        }
    };
    describe(&background);
    println!("use it: eval \"$(cargo xtask cluster env{})\"", flag(name));
    println!("stop it: cargo xtask cluster down{}", flag(name));
    Ok(())
}

fn serve(name: &str, setup: &Setup, detached: bool) -> anyhow::Result<()> {
    if !detached && Background::find(name)?.is_some() {
        bail!("cluster `{name}` runs already: stop it first, or give this one another `--name`");
    }
    cluster::serve(name, &setup.options(), !detached, |background| {
        if !detached {
            describe(background);
        }
    })?;
    Ok(())
}

fn down(name: &str) -> anyhow::Result<()> {
    let Some(background) = Background::find(name)? else {
        println!("cluster `{name}` does not run");
        return Ok(());
    };
    background.stop()?;
    println!("cluster `{name}` is stopped");
    Ok(())
}

fn status(name: &str) -> anyhow::Result<()> {
    let background = running(name)?;
    println!("cluster `{name}` runs as process {}", background.pid());
    describe(&background);
    if let Some(why) = background.unready()? {
        bail!("cluster `{name}` does not answer: {why}");
    }
    println!("it answers");
    Ok(())
}

fn running(name: &str) -> anyhow::Result<Background> {
    Background::find(name)?
        .with_context(|| format!("cluster `{name}` does not run: start it, `cargo xtask cluster up{}`", flag(name)))
}

fn describe(background: &Background) {
    println!("  server      {}", background.url());
    println!("  kubeconfig  {}", background.kubeconfig().display());
    println!("  logs        {}", background.folder().join("logs").display());
    if let Some(log) = background.audit_log() {
        println!("  audit log   {}", log.display());
    }
}

fn flag(name: &str) -> String {
    if name == "default" { String::new() } else { format!(" --name {name}") }
}

/// As one word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_one_word() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("/it's"), r"'/it'\''s'");
    }

    #[test]
    fn the_worker_gets_what_was_asked_for() {
        let setup = Setup { audit: true, bin_dir: Some("/bin".into()), no_controllers: false, keep_logs: true };
        let worker = setup.worker("a").unwrap();
        let words: Vec<_> = worker.get_args().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words,
            ["cluster", "run", "--detached", "--name", "a", "--audit", "--keep-logs", "--bin-dir", "/bin"]
        );
    }
}
