//! Whom to trust, as flags say it.

use std::path::{Path, PathBuf};

use flux_operator_signature::{
    IdentityMatch, Match, MatchError, Policy, PolicyError, PublicKey, PublicKeyError, TrustRoot, TrustRootError,
};

use crate::flag_file::{self, FlagFileError};

/// Whom to trust, as flags say it: keys, or identities that a trust root vouches for. The default trusts
/// everybody, which is to say that no signature is looked at.
///
/// The rules are in `docs/signatures.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Files with public keys as PEM: `--verify-key`.
    pub keys: Vec<PathBuf>,
    /// The file with the trust root: `--verify-trust-root`.
    pub root: Option<PathBuf>,
    /// Who has to say who signed: `--verify-issuer` and `--verify-issuer-regexp`.
    pub issuer: Text,
    /// Who has to have signed: `--verify-subject` and `--verify-subject-regexp`.
    pub subject: Text,
}

/// A value, or a regular expression for the whole of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The value.
    pub exact: Option<String>,
    /// The expression.
    pub regexp: Option<String>,
}

/// Flags that say nothing that could be meant.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FlagFileError),
    /// A file holds no key.
    #[error("`{}`, which `--verify-key` names, has no public key", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PublicKeyError,
    },
    /// A file holds no trust root.
    #[error("`{}`, which `--verify-trust-root` names, is no trust root", .path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: TrustRootError,
    },
    /// A text matches nothing.
    #[error("cannot use `{flag}`")]
    Match {
        /// The flag.
        flag: &'static str,
        /// Why.
        #[source]
        source: MatchError,
    },
    /// One flag is given and another is missing, or both and only one can be.
    #[error("{0}")]
    Flags(&'static str),
    /// Nobody is trusted.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl Trust {
    /// Reads the files. None where no flag was given.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn policy(&self) -> Result<Option<Policy>, TrustError> {
        let names_identity = self.issuer.is_given() || self.subject.is_given();
        if !self.keys.is_empty() {
            if self.root.is_some() || names_identity {
                return Err(TrustError::Flags(
                    "`--verify-key` stands alone: a key is trusted whoever uses it, so leave out the trust root, \
                     issuer and subject",
                ));
            }
            let keys: Result<Vec<_>, _> = self.keys.iter().map(|path| read_key(path)).collect();
            return Ok(Some(Policy::keys(keys?)?));
        }
        let Some(root) = &self.root else {
            if names_identity {
                return Err(TrustError::Flags(
                    "an issuer and subject need `--verify-trust-root`, which vouches for them",
                ));
            }
            return Ok(None);
        };
        let issuer = self.issuer.read("--verify-issuer", "--verify-issuer-regexp")?;
        let subject = self.subject.read("--verify-subject", "--verify-subject-regexp")?;
        let (Some(issuer), Some(subject)) = (issuer, subject) else {
            return Err(TrustError::Flags(
                "`--verify-trust-root` needs an issuer and a subject, or anybody with a mailbox could sign: give \
                 `--verify-issuer` and `--verify-subject`, or their `-regexp`",
            ));
        };
        let text = flag_file::read_text("--verify-trust-root", root)?;
        let trusted = TrustRoot::from_json(&text).map_err(|source| TrustError::Root { path: root.clone(), source })?;
        Ok(Some(Policy::keyless(trusted, [IdentityMatch { issuer, subject }])?))
    }
}

impl Text {
    fn is_given(&self) -> bool {
        self.exact.is_some() || self.regexp.is_some()
    }

    fn read(&self, exact: &'static str, regexp: &'static str) -> Result<Option<Match>, TrustError> {
        match (&self.exact, &self.regexp) {
            (None, None) => Ok(None),
            (Some(value), None) => {
                Match::exact(value).map(Some).map_err(|source| TrustError::Match { flag: exact, source })
            }
            (None, Some(value)) => {
                Match::regex(value).map(Some).map_err(|source| TrustError::Match { flag: regexp, source })
            }
            (Some(_), Some(_)) => Err(TrustError::Flags("give a value or a regular expression, and not both")),
        }
    }
}

fn read_key(path: &Path) -> Result<PublicKey, TrustError> {
    let text = flag_file::read_text("--verify-key", path)?;
    PublicKey::from_pem(&text).map_err(|source| TrustError::Key { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMik\n\
        ttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==\n\
        -----END PUBLIC KEY-----\n";

    fn exact(text: &str) -> Text {
        Text { exact: Some(text.to_owned()), regexp: None }
    }

    #[track_caller]
    fn refused(trust: &Trust, expected: &str) {
        let error = trust.policy().unwrap_err().to_string();
        assert!(error.contains(expected), "expected `{expected}`, got `{error}`");
    }

    #[test]
    fn nothing_said_is_no_policy_and_a_key_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("cosign.pub");
        fs::write(&key, KEY).unwrap();
        assert!(Trust::default().policy().unwrap().is_none());
        assert!(Trust { keys: vec![key], ..Trust::default() }.policy().unwrap().is_some());
    }

    #[test]
    fn what_would_trust_everybody_is_refused() {
        let root = Some(PathBuf::from("root.json"));
        refused(&Trust { root: root.clone(), ..Trust::default() }, "needs an issuer and a subject");
        refused(&Trust { root: root.clone(), issuer: exact("i"), ..Trust::default() }, "needs an issuer and a subject");
        refused(&Trust { issuer: exact("i"), ..Trust::default() }, "need `--verify-trust-root`");
        refused(&Trust { keys: vec!["k".into()], root: root.clone(), ..Trust::default() }, "stands alone");
        let both = Text { regexp: Some(".*".to_owned()), ..exact("s") };
        refused(&Trust { root: root.clone(), issuer: exact("i"), subject: both, ..Trust::default() }, "not both");
        refused(
            &Trust { root, issuer: exact(""), subject: exact("s"), ..Trust::default() },
            "cannot use `--verify-issuer`",
        );
    }

    #[test]
    fn files_that_are_missing_or_something_else_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        refused(&Trust { keys: vec![path.clone()], ..Trust::default() }, "which `--verify-key` names");
        fs::write(&path, "text").unwrap();
        refused(&Trust { keys: vec![path.clone()], ..Trust::default() }, "has no public key");
        let trust = Trust { root: Some(path), issuer: exact("i"), subject: exact("s"), ..Trust::default() };
        refused(&trust, "is no trust root");
    }
}
