//! The distribution: which Flux versions there are, and the files of those that are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use clap::Args;
use flux_operator_builder::upgrade::{self, ChoiceError};
use flux_operator_builder::{InstancePlan, Release, ReleaseVersion, VersionRange};
use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{Digest, Directory, DirectoryError, Location, ReferenceError};

use crate::error::{Advise, Complaint, Failure};
use crate::inputs::{Instance, counted};
use crate::registry::{Registries, RegistryArgs};
use crate::usage::UsageError;

/// How many versions a hint lists.
const LISTED: usize = 5;

/// Which distribution, and how to get it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DistributionArgs {
    /// Take the Flux versions from this directory, `oci://` reference, or file made by `distro bundle`.
    ///
    /// A directory holds the manifests in `flux/<version>/` and the image digests in
    /// `flux-images/<version>/`. Artifacts are kept in the cache of the user and only asked for again
    /// when they change.
    #[arg(long, value_name = "DISTRIBUTION", env = "FLUX_OPERATOR_DISTRIBUTION", hide_env_values = true)]
    distribution: Option<OsString>,

    #[command(flatten)]
    registry: RegistryArgs,
}

impl DistributionArgs {
    /// The same, with this distribution where none is named.
    pub(crate) fn or(self, otherwise: &str) -> Self {
        Self { distribution: self.distribution.or_else(|| Some(otherwise.into())), ..self }
    }

    /// Where the distribution is.
    ///
    /// # Errors
    /// It is not said, or what is said is no reference.
    pub(crate) fn location(&self) -> Result<Location, Complaint> {
        // A variable that is set to nothing is as good as none.
        let Some(distribution) = self.distribution.as_ref().filter(|distribution| !distribution.is_empty()) else {
            return Err(Complaint::new(UsageError::found(
                "--distribution is required",
                "give `--distribution DIR` or set `FLUX_OPERATOR_DISTRIBUTION`; \
                 the directory holds `flux/<version>/` and `flux-images/<version>/`",
            )));
        };
        // Paths need not be text; references are.
        match distribution.to_str() {
            Some(text) => text.parse().map_err(|error: ReferenceError| Complaint::new(error)),
            None => Ok(Location::Path(distribution.into())),
        }
    }

    /// Opens the distribution.
    ///
    /// # Errors
    /// As [`location`](Self::location), and those of [`Distribution::open`].
    pub(crate) fn open(&self) -> Result<Distribution, Failure> {
        Distribution::open(&self.location()?, &self.registry)
    }
}

/// A distribution whose versions are known.
#[derive(Debug)]
pub(crate) struct Distribution {
    location: Location,
    files: flux_operator_distro::Distribution,
    /// Oldest first, never empty.
    versions: Vec<ReleaseVersion>,
}

/// A distribution that has nothing to offer.
#[derive(Debug, thiserror::Error)]
#[error("`{root}` has no Flux version: no folder in its folder `flux` is named like `v2.9.4`")]
struct NoVersions {
    root: String,
}

/// A folder that somebody wants to be signed.
#[derive(Debug, thiserror::Error)]
#[error("`{root}` is a folder, which has no signature")]
struct Unsigned {
    root: String,
}

/// A version that was named and is not there.
#[derive(Debug, thiserror::Error)]
#[error("has no Flux {version}")]
struct Lacks {
    version: ReleaseVersion,
    /// The newest versions, newest first.
    newest: Vec<ReleaseVersion>,
    /// How many there are besides.
    older: usize,
}

/// A version that no operator upgrades to.
#[derive(Debug, thiserror::Error)]
#[error("the operator would refuse the version")]
struct Refused(#[source] ChoiceError);

/// An instance that asks for a version which is not there.
#[derive(Debug, thiserror::Error)]
#[error("no Flux release matches `spec.distribution.version`")]
struct NoRelease {
    #[source]
    source: Outside,
    /// A pre-release in the range, which it only accepts if it says so.
    pre_release: Option<ReleaseVersion>,
    /// The newest versions, newest first.
    newest: Vec<ReleaseVersion>,
    /// How many there are besides.
    older: usize,
}

/// Why no version matches.
#[derive(Debug, thiserror::Error)]
#[error("`{range}` is outside the releases of the distribution{}", newest.as_ref().map(|newest| format!(", the newest is `{newest}`")).unwrap_or_default())]
struct Outside {
    range: VersionRange,
    newest: Option<ReleaseVersion>,
}

impl Distribution {
    /// Opens a distribution wherever it is, and lists its versions. A folder needs no registries.
    pub(crate) fn open(location: &Location, registry: &RegistryArgs) -> Result<Self, Failure> {
        let files = match location {
            Location::Path(path) if !path.is_file() => {
                if registry.asks_for_signatures() {
                    return Err(Complaint::new(Unsigned { root: path.display().to_string() }).into());
                }
                folder(path)?
            }
            _ => registry.open()?.distribution(location)?,
        };
        Self::of(location, files)
    }

    /// The same with registries that are open already, and as somebody. Signatures are left to the caller.
    pub(crate) fn open_unverified(
        location: &Location,
        registries: &Registries,
        credentials: &Credentials,
    ) -> Result<Self, Failure> {
        let files = match location {
            Location::Path(path) if !path.is_file() => folder(path)?,
            _ => registries.unverified_distribution(location, credentials)?,
        };
        Self::of(location, files)
    }

    fn of(location: &Location, files: flux_operator_distro::Distribution) -> Result<Self, Failure> {
        let versions = files.versions().map_err(Complaint::new)?;
        if versions.is_empty() {
            return Err(Complaint::new(NoVersions { root: location.to_string() }).into());
        }
        Ok(Self { location: location.clone(), files, versions })
    }

    /// Where it is.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// That a version is not there.
    pub(crate) fn lacks(&self, version: &ReleaseVersion) -> Failure {
        let newest = self.versions.iter().rev().take(LISTED).cloned().collect();
        let older = self.versions.len().saturating_sub(LISTED);
        Complaint::about(self.name(), Lacks { version: version.clone(), newest, older }).into()
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        self.files.name()
    }

    /// The digest of the artifact; a folder has none.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.files.digest()
    }

    /// Oldest first, never empty.
    pub(crate) fn versions(&self) -> &[ReleaseVersion] {
        &self.versions
    }

    /// The version of each instance, in their order.
    ///
    /// # Errors
    /// Every instance whose version is not there.
    pub(crate) fn select(&self, instances: &[Instance]) -> Result<Vec<&ReleaseVersion>, Failure> {
        let mut complaints = Vec::new();
        let mut selected = Vec::with_capacity(instances.len());
        for instance in instances {
            match instance.plan.select(&self.versions) {
                Ok(version) => selected.push(version),
                Err(_) => complaints.push(Complaint::about(instance.label.clone(), self.no_release(&instance.plan))),
            }
        }
        Failure::check(complaints)?;
        Ok(selected)
    }

    /// The version that the operator would install, where this revision was `applied` last.
    ///
    /// # Errors
    /// There is none in range, or it would be a downgrade.
    pub(crate) fn choose(&self, instance: &Instance, applied: Option<&str>) -> Result<ReleaseVersion, Failure> {
        let choice = upgrade::choose(&instance.plan, &self.versions, applied);
        let label = || instance.label.clone();
        Ok(choice.map(|choice| choice.version).map_err(|error| match error {
            ChoiceError::NoVersion(_) => Complaint::about(label(), self.no_release(&instance.plan)),
            error @ ChoiceError::Downgrade { .. } => Complaint::about(label(), Refused(error)),
        })?)
    }

    /// Reads the files of versions, each version once.
    ///
    /// # Errors
    /// Every version that cannot be read.
    pub(crate) fn load(&self, versions: &[&ReleaseVersion]) -> Result<BTreeMap<ReleaseVersion, Release>, Failure> {
        let mut complaints = Vec::new();
        let mut releases = BTreeMap::new();
        for version in BTreeSet::from_iter(versions) {
            match self.files.release(version) {
                Ok(release) => drop(releases.insert((*version).clone(), release)),
                Err(error) => complaints.push(Complaint::new(error)),
            }
        }
        Failure::check(complaints)?;
        Ok(releases)
    }

    fn no_release(&self, plan: &InstancePlan) -> NoRelease {
        let range = plan.version_range();
        let leads_into_range = |version: &&ReleaseVersion| {
            let (major, minor, patch) = version.numbers();
            format!("{major}.{minor}.{patch}").parse().is_ok_and(|release| range.contains(&release))
        };
        let newest = self.versions.iter().rev();
        NoRelease {
            source: Outside { range: range.clone(), newest: self.versions.last().cloned() },
            pre_release: newest.clone().find(leads_into_range).cloned(),
            newest: newest.take(LISTED).cloned().collect(),
            older: self.versions.len().saturating_sub(LISTED),
        }
    }
}

fn folder(path: &Path) -> Result<flux_operator_distro::Distribution, Failure> {
    let directory = Directory::open(path).map_err(Complaint::new)?;
    Ok(flux_operator_distro::Distribution::Directory(directory))
}

impl Advise for NoRelease {
    fn hint(&self) -> Option<String> {
        if let Some(version) = &self.pre_release {
            let bound = version.as_str().trim_start_matches('v');
            return Some(format!("pre-releases need an explicit bound, for example `>={bound}`"));
        }
        Some(choose_among(&self.newest, self.older))
    }
}

impl Advise for Refused {
    fn hint(&self) -> Option<String> {
        Some("choose a newer version in `spec.distribution.version`".to_owned())
    }
}

impl Advise for Lacks {
    fn hint(&self) -> Option<String> {
        Some(choose_among(&self.newest, self.older))
    }
}

fn choose_among(newest: &[ReleaseVersion], older: usize) -> String {
    let listed = newest.iter().map(|version| format!("`{version}`")).collect::<Vec<_>>().join(", ");
    let older = if older > 0 { format!(" and {}", counted(older, "older version")) } else { String::new() };
    format!("the distribution has {listed}{older}; choose among them, or get a newer distribution")
}

impl Advise for Unsigned {
    fn hint(&self) -> Option<String> {
        Some(
            "name the artifact or a file made by `flux-operator distro bundle`, or leave out the `--verify` flags"
                .to_owned(),
        )
    }
}

impl Advise for NoVersions {
    fn hint(&self) -> Option<String> {
        Some(LAYOUT.to_owned())
    }
}

const LAYOUT: &str = "`--distribution` names a folder with `flux/<version>/` and `flux-images/<version>/`, \
    an `oci://` reference, or a file made by `flux-operator distro bundle`";

impl Advise for DirectoryError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotADistribution { path } => match path.parent().filter(|above| Directory::open(*above).is_ok()) {
                Some(above) => return Some(format!("name the folder above it: `--distribution {}`", above.display())),
                None => LAYOUT,
            },
            Self::Unreadable { .. } => LAYOUT,
            Self::Escapes { .. } => "put a copy of the file in the place of the link",
            Self::TooLarge { .. } | Self::TooMany { .. } => "remove from the distribution what is not part of Flux",
            Self::NotText { .. } => "get the distribution again, the file is damaged",
        };
        Some(hint.to_owned())
    }
}
