//! Clusters with a name that run on their own, until somebody stops them.
//!
//! A worker process owns such a cluster. It listens on a socket in the folder of the cluster, so that
//! whether it runs is a question to the kernel, not to a file: a worker that was killed answers nobody, and its number
//! may belong to somebody else by now.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::ClusterError;
use super::programs::Programs;
use super::{Cluster, Options};
use crate::process::During as _;
use crate::process::cache::user_cache;
use crate::process::child::{Invocation, Supervised};
use crate::process::log::Log;

/// The word that stops a worker.
const STOP: &str = "stop";

/// What a worker prints when its cluster can be used.
const READY: &str = "ready";

/// How long a worker listens to somebody who says nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A cluster that another process owns, and that ran a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Background {
    name: String,
    pid: u32,
    folder: PathBuf,
    kubeconfig: PathBuf,
    url: String,
    audit_log: Option<PathBuf>,
    /// The tool that waits, with the arguments for not waiting.
    probe: Vec<PathBuf>,
}

/// What it took to have a cluster in the background.
#[derive(Debug)]
pub enum Up {
    /// It was started.
    Started(Background),
    /// It ran already, perhaps with other options.
    Running(Background),
}

impl Background {
    /// The cluster of this name, where it runs.
    pub fn find(name: &str) -> Result<Option<Self>, ClusterError> {
        let places = Places::of(name)?;
        let Ok(text) = fs::read_to_string(&places.record) else { return Ok(None) };
        let found = serde_json::from_str(&text).ok().and_then(|record| Self::from_record(name, &record));
        Ok(found.filter(|background| UnixStream::connect(socket(&background.folder)).is_ok()))
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process that owns it.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The folder with everything that belongs to it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file that makes any client the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The address of the API server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What [`Cluster::audit_log`] is for a cluster of one's own.
    pub fn audit_log(&self) -> Option<&Path> {
        self.audit_log.as_deref()
    }

    /// Asks the API server whether it is ready. Takes some seconds where nobody answers.
    ///
    /// # Errors
    /// It cannot be asked. That it is not ready is `Some`, with what it said.
    pub fn unready(&self) -> Result<Option<String>, ClusterError> {
        let Some((program, arguments)) = self.probe.split_first() else { return Ok(None) };
        let arguments = arguments.iter().map(Into::into).collect();
        let invocation = Invocation { name: "probe", program: program.clone(), arguments };
        let probe = Supervised::start(&invocation, Log::new(self.folder.join("logs/probe.log")), |_| ())?;
        let log = probe.log.clone();
        Ok(if probe.wait() == 0 { None } else { Some(log.tail()) })
    }

    /// Stops it, and returns when its processes and files are gone.
    pub fn stop(&self) -> Result<(), ClusterError> {
        let path = socket(&self.folder);
        let mut stream = UnixStream::connect(&path).during("connect to", &path)?;
        writeln!(stream, "{STOP}").during("write to", &path)?;
        // Nobody answers; the worker hangs up at its end.
        stream.read_to_end(&mut Vec::new()).during("wait for", &path)?;
        Ok(())
    }

    fn of(name: &str, cluster: &Cluster) -> Self {
        let mut probe = vec![cluster.tool.clone()];
        let keys = cluster.layout.keys();
        probe.extend(["wait".into(), keys, cluster.url.clone().into(), "0s".into()]);
        Self {
            name: name.to_owned(),
            pid: process::id(),
            folder: cluster.folder().to_owned(),
            kubeconfig: cluster.kubeconfig.clone(),
            url: cluster.url.clone(),
            audit_log: cluster.audit_log.clone(),
            probe,
        }
    }

    fn record(&self) -> Value {
        json!({
            "pid": self.pid,
            "folder": self.folder,
            "kubeconfig": self.kubeconfig,
            "url": self.url,
            "auditLog": self.audit_log,
            "probe": self.probe,
        })
    }

    fn from_record(name: &str, record: &Value) -> Option<Self> {
        let path = |field: &str| record.get(field).and_then(Value::as_str).map(PathBuf::from);
        let probe = record.get("probe")?.as_array()?;
        Some(Self {
            name: name.to_owned(),
            pid: record.get("pid")?.as_u64()?.try_into().ok()?,
            folder: path("folder")?,
            kubeconfig: path("kubeconfig")?,
            url: record.get("url")?.as_str()?.to_owned(),
            audit_log: path("auditLog"),
            probe: probe.iter().filter_map(Value::as_str).map(PathBuf::from).collect(),
        })
    }
}

/// Starts a cluster in the background, unless it runs, and returns when it can be used.
///
/// `worker` is a program that calls [`serve`] with the same name and the same options. What it prints to its standard
/// error is in the error where it fails.
pub fn up(name: &str, options: &Options, mut worker: Command) -> Result<Up, ClusterError> {
    let places = Places::of(name)?;
    fs::create_dir_all(&places.folder).during("make the folder", &places.folder)?;
    let lock = File::create(&places.lock).during("make the lock", &places.lock)?;
    lock.lock().during("lock", &places.lock)?;
    if let Some(background) = Background::find(name)? {
        return Ok(Up::Running(background));
    }
    // Here and not in the worker, so that the user sees how it goes.
    Programs::find(options.bin_dir.as_deref(), options.controllers)?;

    let log = Log::new(&places.log);
    worker.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.open()?);
    // Ctrl-C is for those in the foreground.
    worker.process_group(0);
    let mut child = worker.spawn().during("start", worker.get_program())?;
    let said = child.stdout.take().map(BufReader::new);
    // What else a worker prints does not matter, not even on the same line.
    let ready = said.is_some_and(|said| said.lines().map_while(Result::ok).any(|line| line.ends_with(READY)));
    match Background::find(name)? {
        Some(background) if ready => Ok(Up::Started(background)),
        _ => {
            child.kill().ok();
            child.wait().ok();
            Err(ClusterError::Worker { tail: log.tail(), log: places.log })
        }
    }
}

/// Starts a cluster and owns it until somebody stops it. What a worker does.
///
/// With `attached`, the end of the standard input stops it, too. `ready` is called when the cluster can be used.
pub fn serve(
    name: &str,
    options: &Options,
    attached: bool,
    ready: impl FnOnce(&Background),
) -> Result<(), ClusterError> {
    let places = Places::of(name)?;
    let options = Options { name: name.to_owned(), parent: Some(places.folder.clone()), ..options.clone() };
    let cluster = Cluster::start(&options)?;
    let background = Background::of(name, &cluster);
    let socket = socket(&background.folder);
    let listener = UnixListener::bind(&socket).during("listen on", &socket)?;
    // In one step: nobody reads half a record.
    let partial = places.record.with_extension(process::id().to_string());
    fs::write(&partial, background.record().to_string()).during("write", &partial)?;
    fs::rename(&partial, &places.record).during("move to", &places.record)?;
    if !attached {
        // The one who started this worker may have gone.
        writeln!(io::stdout(), "{READY}").ok();
    }
    ready(&background);
    if attached {
        let background = background.clone();
        thread::spawn(move || {
            io::copy(&mut io::stdin(), &mut io::sink()).ok();
            background.stop().ok();
        });
    }
    let asked = listener.incoming().flatten().find_map(|stream| wants_stop(&stream).then_some(stream));
    drop(cluster);
    for file in [&places.record, &places.log] {
        fs::remove_file(file).ok();
    }
    // Now whoever asked for it may go on.
    drop(asked);
    Ok(())
}

/// Whoever only looks whether somebody listens says nothing and hangs up.
fn wants_stop(stream: &UnixStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).ok();
    let mut line = String::new();
    BufReader::new(stream).take(64).read_line(&mut line).is_ok() && line.trim_end() == STOP
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("control")
}

/// Where things lie that outlive one cluster.
#[derive(Debug)]
struct Places {
    folder: PathBuf,
    record: PathBuf,
    log: PathBuf,
    /// One for all names, so that it need not be removed: they start one after the other.
    lock: PathBuf,
}

impl Places {
    fn of(name: &str) -> Result<Self, ClusterError> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
            return Err(ClusterError::Name { name: name.to_owned() });
        }
        let folder = user_cache()?.join("clusters");
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        Ok(Self { record: file("json"), log: file("log"), lock: folder.join("lock"), folder })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_everything() {
        let background = Background {
            name: "a".to_owned(),
            pid: 7,
            folder: "/c/a-1".into(),
            kubeconfig: "/c/a-1/kubeconfig".into(),
            url: "https://127.0.0.1:1".to_owned(),
            audit_log: Some("/c/a-1/logs/audit.log".into()),
            probe: vec!["/tool".into(), "wait".into()],
        };
        assert_eq!(Background::from_record("a", &background.record()).as_ref(), Some(&background));
        let plain = Background { audit_log: None, ..background };
        assert_eq!(Background::from_record("a", &plain.record()), Some(plain));
        assert_eq!(Background::from_record("a", &json!({"pid": 7})), None);
    }

    #[test]
    fn a_name_is_a_plain_word() {
        for name in ["", "a/b", "..", "a b", "a\n"] {
            assert!(matches!(Places::of(name), Err(ClusterError::Name { .. })), "{name:?}");
        }
        let places = Places::of("a-1").unwrap();
        assert!(places.record.ends_with("clusters/a-1.json"));
    }

    #[test]
    fn only_one_word_stops_a_worker() {
        #[track_caller]
        fn check(said: &str, expected: bool) {
            let (mut there, here) = UnixStream::pair().unwrap();
            there.write_all(said.as_bytes()).unwrap();
            drop(there);
            assert_eq!(wants_stop(&here), expected, "{said:?}");
        }
        check("stop\n", true);
        check("", false);
        check("stopping\n", false);
    }
}
