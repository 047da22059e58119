//! Which Flux to get to, and which controllers that is.

use std::str::FromStr;

use flux_operator_api::Component;
use flux_operator_builder::ReleaseVersion;

use crate::error::Advise;

/// What `--version` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Flux 2 of this minor.
    Minor(u64),
    /// A branch of the repositories of Flux.
    Branch(String),
}

/// A version that nobody can get to.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    #[error("there is no Flux {0} to get to, only Flux 2")]
    Major(u64),
    #[error("Flux 2.{target} is no newer than Flux 2.{current}, which the instance has")]
    NotNewer { current: u64, target: u64 },
    #[error("`{component}` is no part of Flux 2.{minor}")]
    NoComponent { component: Component, minor: u64 },
}

impl FromStr for Target {
    type Err = String;

    /// Reads a minor, with or without the major and a `v` before it. Anything else is a branch.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text.strip_prefix('v').unwrap_or(text).split('.').map(number).collect();
        match numbers.as_deref() {
            Some([minor] | [2, minor]) => Ok(Self::Minor(*minor)),
            Some([major, _]) => Err(TargetError::Major(*major).to_string()),
            _ if text.is_empty() => Err("expected a version such as `2.9`, or a branch".to_owned()),
            _ => Ok(Self::Branch(text.to_owned())),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Target {
    /// How it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Minor(minor) => format!("2.{minor}"),
            Self::Branch(branch) => branch.clone(),
        }
    }

    /// Whether it is newer than a minor; nobody knows that of a branch.
    pub(super) fn check(&self, current: u64) -> Result<(), TargetError> {
        match *self {
            Self::Minor(target) if target <= current => Err(TargetError::NotNewer { current, target }),
            _ => Ok(()),
        }
    }
}

/// The major and minor number of a controller in a minor of Flux 2. They count up together.
pub(super) fn series(component: Component, flux: u64) -> Result<(u64, u64), TargetError> {
    /// The Flux that the numbers below are of.
    const BASE: u64 = 7;
    let (major, minor) = match component {
        Component::SourceController | Component::KustomizeController | Component::NotificationController => (1, 7),
        Component::HelmController => (1, 4),
        Component::ImageReflectorController | Component::ImageAutomationController => (1, 0),
        Component::SourceWatcher => (2, 0),
    };
    let minor = (minor + flux).checked_sub(BASE);
    minor.map(|minor| (major, minor)).ok_or(TargetError::NoComponent { component, minor: flux })
}

/// The newest release of a series among tags; pre-releases and what is no version do not count.
pub(super) fn newest<'t>(tags: impl Iterator<Item = &'t str>, (major, minor): (u64, u64)) -> Option<&'t str> {
    let versions = tags.filter_map(|tag| Some((tag.parse::<ReleaseVersion>().ok()?, tag)));
    let fitting = versions.filter(|(version, tag)| {
        let (its_major, its_minor, _) = version.numbers();
        let is_whole = tag.trim_start_matches('v').split('.').count() == 3;
        is_whole && (its_major, its_minor) == (major, minor) && !version.is_pre_release()
    });
    fitting.max_by(|(left, _), (right, _)| left.cmp(right)).map(|(_, tag)| tag)
}

impl Advise for TargetError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Major(_) => "name a minor of Flux 2, such as `--version 2.9`".to_owned(),
            Self::NotNewer { .. } => {
                "name a newer one with `--version`, or set `spec.distribution.version` for an older one".to_owned()
            }
            Self::NoComponent { component, .. } => {
                format!("leave `{component}` out with `--components`, or name a newer Flux")
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_branches() {
        for (text, expected) in [
            ("8", Ok(Target::Minor(8))),
            ("v8", Ok(Target::Minor(8))),
            ("2.8", Ok(Target::Minor(8))),
            ("v2.8", Ok(Target::Minor(8))),
            ("main", Ok(Target::Branch("main".to_owned()))),
            ("release/v2.8.x", Ok(Target::Branch("release/v2.8.x".to_owned()))),
            ("2.8.1", Ok(Target::Branch("2.8.1".to_owned()))),
            ("3.0", Err("there is no Flux 3 to get to, only Flux 2".to_owned())),
        ] {
            assert_eq!(text.parse::<Target>(), expected, "{text}");
        }
        assert_eq!(Target::Minor(8).check(7).map_err(|error| error.to_string()), Ok(()));
        let older = Target::Minor(7).check(8).unwrap_err().to_string();
        assert_eq!(older, "Flux 2.7 is no newer than Flux 2.8, which the instance has");
    }

    #[test]
    fn controllers_count_along() {
        assert_eq!(series(Component::SourceController, 7).unwrap(), (1, 7));
        assert_eq!(series(Component::HelmController, 9).unwrap(), (1, 6));
        assert_eq!(series(Component::KustomizeController, 6).unwrap(), (1, 6));
        assert!(series(Component::SourceWatcher, 6).is_err());
    }

    #[test]
    fn the_newest_release_of_a_series() {
        let tags = ["v1.8.0", "v1.8.10", "v1.8.2", "v1.8.11-rc.1", "v1.9.0", "api/v1.8.99", "v1.8", "nightly"];
        assert_eq!(newest(tags.into_iter(), (1, 8)), Some("v1.8.10"));
        assert_eq!(newest(tags.into_iter(), (1, 10)), None);
    }
}
