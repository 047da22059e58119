//! Flux versions and the ranges that choose among them.
//!
//! A [`ReleaseVersion`] is the name of a folder in a distribution. A [`VersionRange`] is what
//! `spec.distribution.version` says. The rules are written down in `docs/rendering.md`, under
//! *Choosing a version*.

mod range;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

pub use range::{RangeError, VersionRange};
use semver::{BuildMetadata, Prerelease, Version};

/// The version of one Flux release, spelled as the distribution spells it.
///
/// A leading `v`, missing minor and patch numbers and leading zeros are accepted: `v2.9` is
/// 2.9.0. The order is the precedence of Semantic Versioning 2.0.0; build metadata does not count,
/// and the spelling breaks ties so that the order is total.
///
/// ```
/// use flux_operator_builder::ReleaseVersion;
///
/// let version: ReleaseVersion = "v2.9.4".parse()?;
/// assert_eq!(version.to_string(), "v2.9.4");
/// assert!(version.at_least(2, 9) && !version.at_least(3, 0));
/// # Ok::<(), flux_operator_builder::VersionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseVersion {
    name: String,
    version: Version,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version like `v2.9.4`")]
pub struct VersionError(String);

impl ReleaseVersion {
    /// True for this minor and everything after it.
    ///
    /// A pre-release counts as the minor it leads to: `2.7.0-rc.1` has the components and CRDs of
    /// 2.7, so it is treated like 2.7.
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        (self.version.major, self.version.minor) >= (major, minor)
    }

    /// True for versions that lead to a release, such as `2.10.0-rc.1`.
    pub fn is_pre_release(&self) -> bool {
        !self.version.pre.is_empty()
    }

    /// Major, minor and patch number.
    pub fn numbers(&self) -> (u64, u64, u64) {
        (self.version.major, self.version.minor, self.version.patch)
    }

    /// The folder name, as spelled.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl FromStr for ReleaseVersion {
    type Err = VersionError;

    fn from_str(name: &str) -> Result<Self, VersionError> {
        let version = parse_lenient(name).ok_or_else(|| VersionError(name.to_owned()))?;
        Ok(Self { name: name.to_owned(), version })
    }
}

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Ord for ReleaseVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.version.cmp_precedence(&other.version).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for ReleaseVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads `[v]MAJOR[.MINOR[.PATCH]][-PRE][+BUILD]`.
fn parse_lenient(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, ""), |(text, build)| (text, build));
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    if pre == Some("") {
        return None;
    }
    let mut parts = numbers.split('.');
    let major = number(parts.next()?)?;
    let minor = parts.next().map_or(Some(0), number)?;
    let patch = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() {
        return None;
    }
    let pre = Prerelease::new(pre.unwrap_or_default()).ok()?;
    Some(Version { major, minor, patch, pre, build: BuildMetadata::new(build).ok()? })
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lenient_spellings() {
        for (text, numbers) in [
            ("v2.9.4", (2, 9, 4)),
            ("2.9", (2, 9, 0)),
            ("3", (3, 0, 0)),
            ("v02.09.04", (2, 9, 4)),
            ("2.9.4-rc.1+b", (2, 9, 4)),
        ] {
            assert_eq!(text.parse::<ReleaseVersion>().unwrap().numbers(), numbers, "{text}");
        }
        for text in
            ["", "v", "vv2", "2.", "2.9.4.1", "2.9.x", "main", "2.9.4-", "99999999999999999999", "-1", "2.9.4-rc..1"]
        {
            assert!(text.parse::<ReleaseVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pre_release_counts_as_its_minor() {
        let version: ReleaseVersion = "v2.7.0-rc.1".parse().unwrap();
        assert!(version.at_least(2, 7) && !version.at_least(2, 8));
        assert!("v3.0.0".parse::<ReleaseVersion>().unwrap().at_least(2, 9));
    }
}
