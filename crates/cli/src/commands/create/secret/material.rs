//! Where secret values come from, and how they are kept from being shown.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Advise, Complaint, Failure};
use crate::usage::UsageError;

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl Hidden {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What is in a Secret.
pub(crate) struct Material {
    pub(super) r#type: &'static str,
    pub(super) values: BTreeMap<String, Hidden>,
    /// What of it others have to know, such as a public key.
    pub(super) announced: Option<String>,
}

impl Material {
    pub(super) fn opaque() -> Self {
        Self::of("Opaque")
    }

    pub(super) fn of(r#type: &'static str) -> Self {
        Self { r#type, values: BTreeMap::new(), announced: None }
    }

    /// With something to print once the Secret is there.
    pub(super) fn announcing(self, text: String) -> Self {
        Self { announced: Some(text), ..self }
    }

    pub(super) fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(key.into(), Hidden(value.into()));
        self
    }

    /// With the value, where there is one that is not empty.
    pub(super) fn with_some(self, key: &str, value: Option<&str>) -> Self {
        match value.filter(|value| !value.is_empty()) {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// A password, from wherever it is safest to have it.
#[derive(Debug, Args)]
pub(super) struct Password {
    /// The password. Others can see it among the processes of this machine.
    #[arg(long, value_name = "TEXT", group = "password source")]
    password: Option<Hidden>,

    /// Read the password from the first line of stdin.
    #[arg(long, group = "password source")]
    password_stdin: bool,

    /// Read the password from the first line of this file.
    #[arg(long, value_name = "FILE", group = "password source")]
    password_file: Option<PathBuf>,

    /// Take the password from this environment variable.
    #[arg(long, value_name = "VARIABLE", group = "password source")]
    password_from_env: Option<String>,
}

impl Password {
    /// The password, where there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(&self) -> Result<Option<Hidden>, Failure> {
        let Self { password, password_stdin, password_file, password_from_env } = self;
        if *password_stdin {
            return Ok(Some(Hidden(first_line(&stdin("password")?))));
        }
        if let Some(path) = password_file {
            return Ok(Some(Hidden(first_line(&file(path, "password")?))));
        }
        if let Some(name) = password_from_env {
            let value = env::var(name).map_err(|_| {
                let hint = "export it first";
                Complaint::new(UsageError::found(format!("the variable `{name}` is not set"), hint))
            })?;
            return Ok(Some(Hidden(value)));
        }
        Ok(password.clone())
    }
}

/// A file or stdin that cannot be read.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error("the file of the {role} `{}` cannot be read", path.display())]
    File { role: &'static str, path: PathBuf, source: io::Error },
    #[error("the {role} cannot be read from stdin")]
    Stdin { role: &'static str, source: io::Error },
}

impl Advise for SourceError {}

/// The text of a file.
pub(super) fn file(path: &Path, role: &'static str) -> Result<String, Failure> {
    let text = fs::read_to_string(path);
    text.map_err(|source| Complaint::new(SourceError::File { role, path: path.to_owned(), source }).into())
}

/// The text of stdin.
pub(super) fn stdin(role: &'static str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|source| Complaint::new(SourceError::Stdin { role, source }))?;
    Ok(text)
}

/// All of it: a password may have blanks.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The value, which must be there and not empty.
pub(super) fn required<'v>(value: Option<&'v str>, key: &str, flags: &str) -> Result<&'v str, Failure> {
    let value = value.filter(|value| !value.is_empty());
    value.ok_or_else(|| Complaint::new(UsageError::found(format!("{key} is required"), format!("give {flags}"))).into())
}

/// The path, which must be there.
pub(super) fn required_file<'p>(path: Option<&'p PathBuf>, key: &str, flag: &str) -> Result<&'p Path, Failure> {
    let path = path.filter(|path| !path.as_os_str().is_empty());
    path.map(PathBuf::as_path).ok_or_else(|| {
        Complaint::new(UsageError::found(format!("{key} is required"), format!("give `{flag} FILE`"))).into()
    })
}

/// The digest by which keys of SOPS are named. RFC 1950.
pub(super) fn adler32(text: &str) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = text.bytes().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler_is_that_of_the_standard() {
        assert_eq!(adler32("Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(""), 1);
    }

    #[test]
    fn values_are_never_shown() {
        assert_eq!(format!("{:?}", Hidden("canary".to_owned())), "(hidden)");
        assert_eq!(first_line("two words \r\nmore"), "two words ");
    }
}
