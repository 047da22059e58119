//! Which Flux version comes next, and whether it may.

use crate::plan::{InstancePlan, NoVersion};
use crate::version::ReleaseVersion;

/// A version that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The version to install.
    pub version: ReleaseVersion,
    /// The newest stable one, where that is another.
    pub newer: Option<ReleaseVersion>,
}

/// Why no version can be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// None lies in the range.
    #[error(transparent)]
    NoVersion(#[from] NoVersion),
    /// An older minor version is asked for. Flux does not promise to read what a newer one wrote.
    #[error("downgrading from {from} to {to} is not supported, reinstall needed")]
    Downgrade {
        /// The version that was applied last.
        from: String,
        /// The version that was chosen.
        to: String,
    },
}

/// Chooses the newest version that the instance accepts.
///
/// Major and minor are compared as one: 3.0 comes after 2.9. Older patch versions of the same minor
/// are fine. An applied revision that nobody can read forbids nothing.
///
/// # Errors
/// See [`ChoiceError`].
pub fn choose(plan: &InstancePlan, available: &[ReleaseVersion], applied: Option<&str>) -> Result<Choice, ChoiceError> {
    let version = plan.select(available)?.clone();
    if let Some(from) = applied.and_then(version_of)
        && minor(&version) < minor(&from)
    {
        return Err(ChoiceError::Downgrade { from: from.to_string(), to: version.to_string() });
    }
    let stable = available.iter().filter(|version| !version.is_pre_release());
    let newer = stable.max().filter(|newest| **newest > version).cloned();
    Ok(Choice { version, newer })
}

/// Whether going from one revision to another changes the minor version, and not the major one.
pub fn is_minor_upgrade(from: Option<&str>, to: &str) -> bool {
    let (Some(from), Some(to)) = (from.and_then(version_of), version_of(to)) else {
        return false;
    };
    from.numbers().0 == to.numbers().0 && minor(&from) < minor(&to)
}

/// The version of a revision `<version>@<digest>`.
fn version_of(revision: &str) -> Option<ReleaseVersion> {
    revision.split('@').next()?.parse().ok()
}

/// Major and minor version, which say whether two versions are of the same line.
pub fn minor(version: &ReleaseVersion) -> (u64, u64) {
    let (major, minor, _) = version.numbers();
    (major, minor)
}

#[cfg(test)]
mod tests {
    use flux_operator_api::{Distribution, FluxInstance, FluxInstanceSpec};

    use super::*;

    /// The choice as `version` or `version < newer`.
    #[track_caller]
    fn check(range: &str, available: &[&str], applied: &str, expected: &str) {
        let spec = FluxInstanceSpec::new(Distribution::new(range, "ghcr.io/fluxcd"));
        let plan = InstancePlan::parse(&FluxInstance::new("flux", spec)).unwrap();
        let available: Vec<_> = available.iter().map(|version| version.parse().unwrap()).collect();
        let applied = Some(applied).filter(|applied| !applied.is_empty());
        let chosen = match choose(&plan, &available, applied) {
            Ok(Choice { version, newer: None }) => version.to_string(),
            Ok(Choice { version, newer: Some(newer) }) => format!("{version} < {newer}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(chosen, expected);
    }

    #[test]
    fn the_newest_in_range_is_chosen_and_what_is_newer_is_told() {
        let available = ["v2.7.5", "v2.8.8", "v2.9.4", "v2.10.0-rc.1"];
        check("2.x", &available, "", "v2.9.4");
        check("2.8.x", &available, "", "v2.8.8 < v2.9.4");
        check(">=2.10.0-rc.0", &available, "", "v2.10.0-rc.1");
        check(
            "2.6.x",
            &available,
            "",
            "no Flux release matches `spec.distribution.version`: `2.6.x` is outside the releases of the distribution, \
             the newest is `v2.10.0-rc.1`",
        );
    }

    #[test]
    fn only_an_older_minor_is_a_downgrade() {
        let available = ["v2.8.8", "v2.9.4", "v3.0.0"];
        check("2.8.8", &available, "v2.8.9@sha256:0", "v2.8.8 < v3.0.0");
        check("2.9.x", &available, "v2.8.8@sha256:0", "v2.9.4 < v3.0.0");
        check("3.x", &available, "v2.9.4@sha256:0", "v3.0.0");
        let refused = "downgrading from v2.9.4 to v2.8.8 is not supported, reinstall needed";
        check("2.8.x", &available, "v2.9.4@sha256:0", refused);
        let refused = "downgrading from v3.0.0 to v2.9.4 is not supported, reinstall needed";
        check("2.x", &available, "v3.0.0@sha256:0", refused);
        check("2.8.x", &available, "latest@sha256:0", "v2.8.8 < v3.0.0");
    }

    #[test]
    fn a_minor_upgrade_stays_within_its_major() {
        for (from, to, expected) in [
            (Some("v2.8.8"), "v2.9.4", true),
            (Some("v2.8.8@sha256:1"), "v2.9.4@sha256:2", true),
            (Some("v2.9.3"), "v2.9.4", false),
            (Some("v2.9.4"), "v2.9.4", false),
            (Some("v2.9.4"), "v2.8.8", false),
            (Some("v2.9.4"), "v3.0.0", false),
            (None, "v2.9.4", false),
            (Some("main"), "v2.9.4", false),
        ] {
            assert_eq!(is_minor_upgrade(from, to), expected, "{from:?} to {to}");
        }
    }
}
