//! Programs that keep credentials: `docker-credential-<name>`.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::super::{Credentials, Secret};

/// A helper may have to unlock a key ring or to ask a cloud.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Tokens of clouds have up to 10 KiB.
const MAX_OUTPUT_BYTES: u64 = 256 << 10;
/// The user that says: the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// What helpers print when they know nothing. Then they fail, as for anything else.
const NOT_FOUND: &[u8] = b"credentials not found";

/// A credential helper that gives nothing. It never holds what the helper printed.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// The name could be a path, or an option.
    #[error("`{name}` is no name of a helper: expected letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name in the file.
        name: String,
    },
    /// The program is not installed.
    #[error("the program `docker-credential-{name}` is not in `PATH`: install it, or remove `{name}` from the file")]
    Missing {
        /// The name in the file.
        name: String,
    },
    /// The program cannot be started, or its output not be read.
    #[error("cannot run `docker-credential-{name}`")]
    Run {
        /// The name in the file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program takes too long.
    #[error("`docker-credential-{name}` did not answer within {} s: it may wait for somebody to unlock a key ring", .after.as_secs())]
    Timeout {
        /// The name in the file.
        name: String,
        /// How long it could run.
        after: Duration,
    },
    /// The program prints too much.
    #[error("`docker-credential-{name}` printed more than {limit} bytes")]
    TooLarge {
        /// The name in the file.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// The program failed.
    #[error("`docker-credential-{name}` failed with {status}: `echo {key} | docker-credential-{name} get` shows why")]
    Failed {
        /// The name in the file.
        name: String,
        /// What it was asked for.
        key: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The program did not print credentials.
    #[error("`docker-credential-{name}` printed no JSON with `Username` and `Secret`")]
    Answer {
        /// The name in the file.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: Secret,
}

/// Asks a helper for a registry. `None`: it has nothing.
pub(super) fn get(name: &str, key: &str, path: Option<&OsStr>) -> Result<Option<Credentials>, HelperError> {
    get_within(name, key, path, TIMEOUT)
}

fn get_within(
    name: &str,
    key: &str,
    path: Option<&OsStr>,
    timeout: Duration,
) -> Result<Option<Credentials>, HelperError> {
    check(name)?;
    let failed = |source| HelperError::Run { name: name.to_owned(), source };
    let mut child = match spawn(name, path) {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(HelperError::Missing { name: name.to_owned() });
        }
        Err(error) => return Err(failed(error)),
    };
    let ended = ask(&mut child, key, timeout);
    // Whatever happened: no helper stays behind. One that has ended does not mind.
    let _ = child.kill();
    let _ = child.wait();
    let Some((output, status)) = ended.map_err(failed)? else {
        return Err(HelperError::Timeout { name: name.to_owned(), after: timeout });
    };
    if output.len() as u64 > MAX_OUTPUT_BYTES {
        return Err(HelperError::TooLarge { name: name.to_owned(), limit: MAX_OUTPUT_BYTES });
    }
    if status.success() {
        return credentials(&output).map_err(|_| HelperError::Answer { name: name.to_owned() });
    }
    if output.trim_ascii_start().starts_with(NOT_FOUND) {
        return Ok(None);
    }
    Err(HelperError::Failed { name: name.to_owned(), key: key.to_owned(), status })
}

/// A name comes from a file that other programs write, and becomes a part of a program's name.
fn check(name: &str) -> Result<(), HelperError> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(HelperError::Name { name: name.chars().take(64).flat_map(char::escape_debug).collect() })
    }
}

fn spawn(name: &str, path: Option<&OsStr>) -> io::Result<Child> {
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.spawn()
}

/// Writes the question and reads the answer. `None`: the time is over.
fn ask(child: &mut Child, key: &str, timeout: Duration) -> io::Result<Option<(Vec<u8>, ExitStatus)>> {
    let deadline = Instant::now() + timeout;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper may answer without reading. The text is shorter than any pipe: this does not wait.
        let _ = stdin.write_all(key.as_bytes());
    }
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        // The thread ends when nobody can write any more, which a kill brings about, or at the limit.
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut output);
            let _ = sender.send(read.map(|_| output));
        });
    }
    let Ok(output) = receiver.recv_timeout(timeout) else { return Ok(None) };
    let output = output?;
    if output.len() as u64 > MAX_OUTPUT_BYTES {
        // It may still be writing, to nobody.
        child.kill()?;
    }
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some((output, status)));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(None)
}

/// Reads what a helper printed. `None`: it knows the registry, but keeps nothing for it.
fn credentials(output: &[u8]) -> Result<Option<Credentials>, serde_json::Error> {
    let Answer { username, secret } = serde_json::from_slice(output)?;
    Ok(match username.as_str() {
        "" if secret.is_empty() => None,
        TOKEN_USER => Some(Credentials::IdentityToken(secret)),
        _ => Some(Credentials::Basic { username, password: secret }),
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::LazyLock;

    use tempfile::TempDir;

    use super::*;

    const CANARY: &str = "canary-7f3a";

    /// All helpers are written before the first one runs: a program that is still open for writing in
    /// a child that another test has just forked cannot be started.
    static HELPERS: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        for (name, script) in [
            ("ok", r#"read key; echo "{\"ServerURL\":\"$key\",\"Username\":\"$1 $key\",\"Secret\":\"canary-7f3a\"}""#),
            ("token", r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"canary-7f3a"}'"#),
            ("empty", r#"echo '{"ServerURL":"x","Username":"","Secret":""}'"#),
            ("unknown", "echo 'credentials not found in native keychain'; exit 1"),
            ("failing", "echo canary-7f3a; echo canary-7f3a >&2; exit 3"),
            ("wrong", r#"echo '{"Username":{"canary-7f3a":1},"Secret":"canary-7f3a"}'"#),
            ("text", "echo canary-7f3a"),
            ("endless", "yes canary-7f3a"),
            ("slow", "echo '{\"Username\":\"canary-7f3a\"'; exec sleep 60"),
            ("closing", "exec >&-; exec sleep 60"),
        ] {
            let path = folder.path().join(format!("docker-credential-{name}"));
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    });

    fn ask(name: &str, timeout: Duration) -> Result<Option<Credentials>, HelperError> {
        let mut path = OsString::from(HELPERS.path());
        path.push(":/usr/bin:/bin");
        get_within(name, "ghcr.io", Some(&path), timeout)
    }

    #[test]
    fn helpers_give_credentials_or_say_that_they_have_none() {
        let basic = Credentials::Basic { username: "get ghcr.io".to_owned(), password: Secret::new(CANARY) };
        for (name, expected) in [
            ("ok", Some(basic)),
            ("token", Some(Credentials::IdentityToken(Secret::new(CANARY)))),
            ("empty", None),
            ("unknown", None),
        ] {
            assert_eq!(ask(name, TIMEOUT).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn errors_name_the_helper_and_never_what_it_printed() {
        let (patient, hasty) = (Duration::from_secs(60), Duration::from_millis(300));
        for (name, timeout, expected) in [
            (
                "failing",
                patient,
                "`docker-credential-failing` failed with exit status: 3: `echo ghcr.io | docker-credential-failing get` shows why",
            ),
            ("wrong", patient, "`docker-credential-wrong` printed no JSON with `Username` and `Secret`"),
            ("text", patient, "`docker-credential-text` printed no JSON with `Username` and `Secret`"),
            ("endless", patient, "`docker-credential-endless` printed more than 262144 bytes"),
            (
                "slow",
                hasty,
                "`docker-credential-slow` did not answer within 0 s: it may wait for somebody to unlock a key ring",
            ),
            (
                "closing",
                hasty,
                "`docker-credential-closing` did not answer within 0 s: it may wait for somebody to unlock a key ring",
            ),
            (
                "absent",
                patient,
                "the program `docker-credential-absent` is not in `PATH`: install it, or remove `absent` from the file",
            ),
            ("../ok", patient, "`../ok` is no name of a helper: expected letters, digits, `-`, `_` and `.`"),
            ("a\nb", patient, "`a\\nb` is no name of a helper: expected letters, digits, `-`, `_` and `.`"),
            ("", patient, "`` is no name of a helper: expected letters, digits, `-`, `_` and `.`"),
        ] {
            let error = ask(name, timeout).unwrap_err();
            assert_eq!(error.to_string(), expected, "{name}");
            let printed = format!("{error:?} {:?}", error.source());
            assert!(!printed.contains(CANARY), "{printed}");
        }
    }
}
