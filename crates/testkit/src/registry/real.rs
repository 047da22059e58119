//! CNCF Distribution in a child process.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::artifact::Artifact;
use super::authority::Authority;
use super::client::{Client, ClientError};
use super::program;
use crate::process::child::{Folder, Invocation, Supervised};
use crate::process::log::Log;
use crate::process::{During as _, ProgramError};

/// How long a start may take. Most often a third of a second.
const WITHIN: Duration = Duration::from_secs(30);

/// How long to rest between two looks at the log.
const PAUSE: Duration = Duration::from_millis(5);

/// What the program says before the address, once it can be talked to.
const LISTENING: &str = "listening on ";

/// What a registry shall be.
#[derive(Clone, Debug, Default)]
pub struct RegistryOptions {
    basic: Option<(String, String)>,
    tls: bool,
}

/// A registry that runs. Dropping it stops it and removes what it stored; both also happen when the process that
/// started it is killed. The log of a test that panicked is kept.
#[derive(Debug)]
pub struct Registry {
    /// Until the end.
    program: Option<Supervised>,
    folder: Option<Folder>,
    log: Log,
    host: String,
    ca: Option<String>,
    options: RegistryOptions,
}

/// Why there is no registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The program has to be built, and Go is not there. Goes away when Go is installed.
    #[error(
        "the registry has to be built, and there is no `go` on the path: install Go 1.26 or newer, or set {} to a \
         program of CNCF Distribution",
        program::VARIABLE
    )]
    NoGo,
    /// The program cannot be built or run, or a file cannot be used.
    #[error(transparent)]
    Program(ProgramError),
    /// There are no keys.
    #[error("cannot make keys for the registry, which takes randomness of the system")]
    Keys(#[source] rcgen::Error),
    /// No password can be stored. One has at most 72 bytes.
    #[error("cannot store the password for the registry: take one of 1 to 72 bytes")]
    Password(#[source] bcrypt::BcryptError),
    /// The program ended or does not listen.
    #[error("the registry does not come up: {ended}\n{tail}")]
    NotReady {
        /// What became of it.
        ended: String,
        /// The last lines that it said.
        tail: String,
    },
}

impl From<ProgramError> for RegistryError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::NoGo { .. } => Self::NoGo,
            error => Self::Program(error),
        }
    }
}

impl RegistryOptions {
    /// Lets in nobody but one user.
    #[must_use]
    pub fn with_basic_auth(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.basic = Some((user.into(), password.into()));
        self
    }

    /// Speaks HTTPS, with a certificate of an authority of its own: [`Registry::ca_pem`].
    #[must_use]
    pub const fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// The same for a test, which is skipped, with a word about it, where there is no Go to build the program with.
    ///
    /// # Panics
    /// If there is no registry for another reason.
    #[expect(clippy::panic, clippy::print_stderr, reason = "this is how a test fails, or is skipped")]
    pub fn start_or_skip(self) -> Option<Registry> {
        match self.start() {
            Ok(registry) => Some(registry),
            Err(error @ RegistryError::NoGo) => {
                eprintln!("skipped: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a registry and returns when it can be used.
    ///
    /// Blocks for about a third of a second, and for minutes where the program has to be built first. That happens
    /// once for each user and version. `TESTKIT_REGISTRY` names a program to use instead.
    pub fn start(self) -> Result<Registry, RegistryError> {
        let program = program::find()?;
        let folder = Folder::make(&env::temp_dir(), "registry-", None)?;
        let files = Files { folder: folder.path() };
        let mut ca = None;
        if self.tls {
            let authority = Authority::make().map_err(RegistryError::Keys)?;
            files.write(CERTIFICATE, &authority.certificate)?;
            files.write(KEY, &authority.key)?;
            ca = Some(authority.ca);
        }
        if let Some((user, password)) = &self.basic {
            // The least that there is: what is kept here is not worth more.
            let hash = bcrypt::non_truncating_hash(password, 4).map_err(RegistryError::Password)?;
            files.write(PASSWORDS, &format!("{user}:{hash}\n"))?;
        }
        let config = files.write(CONFIG, &config(&files, &self))?;

        let arguments = vec!["serve".into(), config.into()];
        let log = Log::new(files.path(LOG));
        let invocation = Invocation { name: "registry", program, arguments };
        let mut program = Supervised::start(&invocation, log, |command| {
            command.current_dir(folder.path()).env("HOME", folder.path());
            // Settings of the environment come before those of the file.
            for (name, _) in env::vars_os() {
                if name.to_string_lossy().starts_with("REGISTRY_") {
                    command.env_remove(name);
                }
            }
            // It would look for a collector.
            command.env("OTEL_TRACES_EXPORTER", "none");
        })?;
        let host = listens(&mut program)?;
        let log = program.log.clone();
        Ok(Registry { program: Some(program), folder: Some(folder), log, host, ca, options: self })
    }
}

impl Registry {
    /// A registry for everybody, over HTTP.
    pub fn plain() -> RegistryOptions {
        RegistryOptions::default()
    }

    /// `127.0.0.1` and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What a client has to trust; `None` for a registry without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// All that it says, in a file of its folder.
    pub fn log(&self) -> &Path {
        self.log.path()
    }

    /// How many requests it answered. One is counted a moment after its client has the answer.
    pub fn requests(&self) -> usize {
        self.log.text().lines().filter(|line| is_access(line)).count()
    }

    /// A client that trusts it and has its password.
    pub fn client(&self) -> Client {
        let client = Client::new(&self.host);
        let client = self.ca.iter().fold(client, |client, ca| client.trusting(ca));
        self.options.basic.iter().fold(client, |client, (user, password)| client.with_basic_auth(user, password))
    }

    /// Puts an artifact there, under a tag or a digest.
    pub async fn push(&self, repository: &str, reference: &str, artifact: &Artifact) -> Result<(), ClientError> {
        self.client().push(repository, reference, artifact).await
    }
}

/// Reads the address from what the program says, so that it can choose a free port by itself.
fn listens(program: &mut Supervised) -> Result<String, RegistryError> {
    let began = Instant::now();
    loop {
        let ended = program.ended();
        if let Some(host) = address(&program.log.text()) {
            return Ok(host);
        }
        let ended = match ended {
            Some(status) => format!("`{}` ended with status {status}", program.name),
            None if began.elapsed() > WITHIN => {
                format!("`{}` does not listen after {} s", program.name, WITHIN.as_secs())
            }
            None => {
                thread::sleep(PAUSE);
                continue;
            }
        };
        return Err(RegistryError::NotReady { ended, tail: program.log.tail() });
    }
}

/// The address, once the line is complete.
fn address(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(LISTENING)?;
    let length = rest.find(|letter: char| !(letter.is_ascii_digit() || ".:".contains(letter)))?;
    Some(rest.get(..length)?.to_owned())
}

fn is_access(line: &str) -> bool {
    // The log of events is in the same file.
    !line.contains(" level=") && line.contains(" HTTP/")
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.program = None;
        if let Some(folder) = self.folder.take().filter(|_| thread::panicking()) {
            eprintln!("log of the registry: {}", self.log.path().display());
            folder.keep_only(LOG);
        }
    }
}

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const PASSWORDS: &str = "passwords";
const CONFIG: &str = "config.yaml";
const LOG: &str = "log";

struct Files<'a> {
    folder: &'a Path,
}

impl Files<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, ProgramError> {
        let path = self.path(name);
        fs::write(&path, text).during("write", &path)?;
        Ok(path)
    }
}

/// The configuration of the program. Strings are in quotes of JSON, which YAML has, too.
fn config(files: &Files<'_>, options: &RegistryOptions) -> String {
    let path = |name: &str| format!("{:?}", files.path(name).display().to_string());
    let mut config = format!(
        "version: 0.1\n\
         log: {{level: info, formatter: text}}\n\
         storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n",
        path("data")
    );
    config.push_str("http: {addr: \"127.0.0.1:0\", secret: testkit");
    if options.tls {
        write!(config, ", tls: {{certificate: {}, key: {}}}", path(CERTIFICATE), path(KEY)).ok();
    }
    config.push_str("}\n");
    if options.basic.is_some() {
        writeln!(config, "auth: {{htpasswd: {{realm: testkit, path: {}}}}}", path(PASSWORDS)).ok();
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_address_once_it_is_complete() {
        let line = "time=\"…\" level=info msg=\"listening on 127.0.0.1:40123";
        assert_eq!(address(line), None);
        assert_eq!(address(&format!("{line}, tls\" go.version=go1.26\n")).as_deref(), Some("127.0.0.1:40123"));
        assert_eq!(address(&format!("{line}\" go.version=go1.26\n")).as_deref(), Some("127.0.0.1:40123"));
        assert_eq!(address("nothing"), None);
    }

    #[test]
    fn counts_answers_and_not_events() {
        assert!(is_access(r#"127.0.0.1 - - [25/Nov/2026:20:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "test""#));
        assert!(!is_access(r#"time="2026-11-25" level=info msg="response completed" http.request.uri=/v2/"#));
    }

    #[test]
    fn configures_what_was_asked_for() {
        let files = Files { folder: Path::new("/f") };
        let plain = config(&files, &Registry::plain());
        assert!(plain.ends_with("http: {addr: \"127.0.0.1:0\", secret: testkit}\n"), "{plain}");
        let safe = config(&files, &Registry::plain().with_tls().with_basic_auth("a", "b"));
        assert!(safe.contains(r#"tls: {certificate: "/f/certificate.pem", key: "/f/key.pem"}"#), "{safe}");
        assert!(safe.contains(r#"auth: {htpasswd: {realm: testkit, path: "/f/passwords"}}"#), "{safe}");
    }
}
