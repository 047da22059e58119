//! Identities that users trust: who signed, and who says that it was them.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use crate::text::shown;

/// Whom to trust: a subject, as an issuer knows it. Both have to match.
#[derive(Clone, Debug)]
pub struct IdentityMatch {
    /// The issuer of the OIDC token with which the certificate was asked for, such as
    /// `https://token.actions.githubusercontent.com`.
    pub issuer: Match,
    /// The subject of the certificate: an email address, or a URI such as
    /// `https://github.com/fluxcd/flux2/.github/workflows/release.yaml@refs/tags/v2.9.0`.
    pub subject: Match,
}

impl IdentityMatch {
    pub(crate) fn matches(&self, issuer: &str, subject: &str) -> bool {
        self.issuer.matches(issuer) && self.subject.matches(subject)
    }
}

impl fmt::Display for IdentityMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of issuer {}", self.subject, self.issuer)
    }
}

/// One value, or all values of a form.
///
/// ```
/// use flux_operator_signature::Match;
///
/// let workflows = Match::regex("https://github.com/fluxcd/[a-z0-9-]+/.*")?;
/// assert!(workflows.matches("https://github.com/fluxcd/flux2/.github/workflows/release.yaml@refs/tags/v2.9.0"));
/// assert!(!workflows.matches("https://evil.example/?https://github.com/fluxcd/flux2/"));
/// # Ok::<(), flux_operator_signature::MatchError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Match(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Exact(String),
    Regex { pattern: String, whole: Regex },
}

/// A text that matches nothing, or no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// An empty value would match a certificate that says nothing.
    #[error("an empty text matches nobody, give a value or a regular expression")]
    Empty,
    /// The pattern is not a regular expression, or too large.
    #[error("`{pattern}` is not a regular expression: {detail}")]
    Regex {
        /// The pattern, shortened.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
}

impl Match {
    /// A compiled expression larger than this is refused. It is some thousand characters or
    /// repetitions.
    const MAX_REGEX_BYTES: usize = 256 * 1024;

    /// Matches this value only, case and all.
    pub fn exact(value: impl Into<String>) -> Result<Self, MatchError> {
        let value = value.into();
        if value.is_empty() { Err(MatchError::Empty) } else { Ok(Self(Kind::Exact(value))) }
    }

    /// Matches values that the expression describes from beginning to end.
    ///
    /// cosign searches instead: there, `https://github.com/fluxcd/` also matches a value that only
    /// contains it. Expressions that begin with `^` and end with `$` mean the same in both. The
    /// syntax is that of [`regex_lite`]: without back references, and linear in time.
    pub fn regex(pattern: impl Into<String>) -> Result<Self, MatchError> {
        let pattern = pattern.into();
        if pattern.is_empty() {
            return Err(MatchError::Empty);
        }
        let compile = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(Self::MAX_REGEX_BYTES)
                .build()
                .map_err(|error| MatchError::Regex { pattern: shown(&pattern), detail: error.to_string() })
        };
        // Alone first: `a)|(?:b` is no expression, but would become one in between.
        compile(&pattern)?;
        let whole = compile(&format!("^(?:{pattern})$"))?;
        Ok(Self(Kind::Regex { pattern, whole }))
    }

    /// Whether the value is meant.
    pub fn matches(&self, value: &str) -> bool {
        match &self.0 {
            Kind::Exact(expected) => expected == value,
            Kind::Regex { whole, .. } => !value.is_empty() && whole.is_match(value),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Exact(value) => write!(f, "`{}`", shown(value)),
            Kind::Regex { pattern, .. } => write!(f, "matching `{}`", shown(pattern)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = Match::regex(pattern).unwrap();
        for value in yes {
            assert!(pattern.matches(value), "{pattern} {value}");
        }
        for value in no {
            assert!(!pattern.matches(value), "{pattern} {value}");
        }
    }

    #[test]
    fn expressions_match_from_beginning_to_end() {
        check("a|b", &["a", "b"], &["ab", "xa", "bx", ""]);
        check("^a$", &["a"], &["a\n", "\na", "aa"]);
        check("(?m)^a$", &["a"], &["a\nb", "b\na"]);
        check("(?i)a", &["a", "A"], &["aA"]);
        check(".*", &["a", "a b"], &["", "a\nb"]);
        check(r"https://github\.com/fluxcd/.*", &["https://github.com/fluxcd/x"], &["https://githubxcom/fluxcd/x"]);
    }

    #[test]
    fn values_match_as_they_are() {
        let exact = Match::exact("a.c").unwrap();
        assert!(exact.matches("a.c"));
        for value in ["abc", "A.C", "a.c ", ""] {
            assert!(!exact.matches(value), "{value}");
        }
    }

    #[test]
    fn refuses_what_could_mean_anything() {
        assert_eq!(Match::exact("").unwrap_err(), MatchError::Empty);
        assert_eq!(Match::regex("").unwrap_err(), MatchError::Empty);
        for pattern in ["a)|(?:b", "(", "a{9999}{9999}", "(?x)a # no end", r"\q"] {
            let error = Match::regex(pattern).unwrap_err().to_string();
            assert!(error.contains(pattern), "{error}");
        }
    }
}
