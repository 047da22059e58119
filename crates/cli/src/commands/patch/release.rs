//! Releases and CRDs of Flux as a distribution has them.

use flux_operator_api::{Component, Object, Variant};
use flux_operator_builder::{ImageReference, Release, ReleaseVersion, VersionRange};
use serde_json::Value;

use super::change::{Change, Definition, Image};
use super::generated::kinds;
use super::target::Target;
use crate::distribution::Distribution;
use crate::error::{Advise, Complaint, Failure};

/// The two releases of a distribution that matter.
pub(super) struct Releases {
    distribution: Distribution,
    now: Release,
    then: Option<Release>,
    variant: Option<Variant>,
}

/// What a distribution does not have.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotThere {
    #[error("`{distribution}` has no release that is {what}")]
    Release { distribution: String, what: String },
    #[error("`{distribution}` has releases, and `{branch}` is a branch")]
    Branch { distribution: String, branch: String },
    #[error("`{distribution}` has no image of `{component}` in {release}")]
    Image { distribution: String, component: Component, release: ReleaseVersion },
}

impl Releases {
    /// Reads what a range means now, and what is to come.
    pub(super) fn read(
        distribution: Distribution,
        range: &VersionRange,
        target: &Target,
        variant: Option<Variant>,
    ) -> Result<Self, Failure> {
        let name = distribution.name();
        let missing = |what: String| Complaint::new(NotThere::Release { distribution: name.clone(), what });
        let versions = distribution.versions();
        let now = versions.iter().filter(|version| range.contains(version)).max();
        let now = now.ok_or_else(|| missing(format!("in the range `{range}`")))?;
        let then = match target {
            Target::Branch(branch) => {
                let branch = branch.clone();
                return Err(Complaint::new(NotThere::Branch { distribution: name, branch }).into());
            }
            Target::Minor(minor) => {
                let fits = |version: &&ReleaseVersion| {
                    let (major, its_minor, _) = version.numbers();
                    (major, its_minor) == (2, *minor) && !version.is_pre_release()
                };
                versions.iter().filter(fits).max()
            }
        };
        let mut releases = distribution.load(&[now].into_iter().chain(then).collect::<Vec<_>>())?;
        let then = then.and_then(|then| if then == now { None } else { releases.remove(then) });
        let now = releases.remove(now).ok_or_else(|| missing(format!("in the range `{range}`")))?;
        Ok(Self { distribution, now, then, variant })
    }

    /// The minor of the release that the range means now.
    pub(super) fn current(&self) -> u64 {
        self.now.version().numbers().1
    }

    pub(super) fn change(&self, component: Component, target: &Target) -> Result<Change, Failure> {
        let distribution = self.distribution.name();
        let missing =
            || NotThere::Release { distribution: distribution.clone(), what: format!("of Flux {}", target.name()) };
        let then = self.then.as_ref().ok_or_else(|| Complaint::new(missing()))?;
        let image = self.image(component, then)?;
        let definitions = kinds(component).iter().map(|kind| {
            let name = kind.definition();
            let of = |release: &Release| definition(release, component, &name);
            Definition { kind, now: Ok(of(&self.now)), then: Ok(of(then)) }
        });
        Ok(Change { image, definitions: definitions.collect() })
    }

    /// Tag and digest as a build of the instance would have them.
    fn image(&self, component: Component, release: &Release) -> Result<Image, Failure> {
        let listed = self.variant.and_then(|variant| release.images(variant).ok());
        let listed = listed.into_iter().flatten().find(|image| image.component == component.as_str());
        if let Some(image) = listed {
            let digest = image.digest.map(|digest| format!("@{digest}")).unwrap_or_default();
            return Ok(Image::Tagged(format!(":{}{digest}", image.tag)));
        }
        let objects =
            release.objects(&format!("{component}.yaml")).map_err(|error| Complaint::new(Unreadable(error)))?;
        let is_deployment = |object: &&Object| object.kind() == "Deployment" && object.name() == component.as_str();
        let deployment = objects.iter().find(is_deployment);
        let image = deployment.and_then(|found| found.pointer("/spec/template/spec/containers/0/image")?.as_str());
        let tag = image.and_then(|image| ImageReference::parse(image).ok()?.tag);
        let (distribution, release) = (self.distribution.name(), release.version().clone());
        let missing = NotThere::Image { distribution, component, release };
        Ok(tag.map(|tag| Image::Tagged(format!(":{tag}"))).ok_or_else(|| Complaint::new(missing))?)
    }
}

fn definition(release: &Release, component: Component, name: &str) -> Option<Value> {
    let objects = release.objects(&format!("{component}.yaml")).ok()?;
    let found = objects.iter().find(|object| object.is_definition() && object.name() == name);
    found.map(|found| found.clone().into_value())
}

/// A release whose files cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unreadable(flux_operator_builder::ReleaseError);

impl Advise for Unreadable {
    fn hint(&self) -> Option<String> {
        Some("get the distribution again, the file is not as Flux ships it".to_owned())
    }
}

impl Advise for NotThere {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Release { .. } => {
                "`flux-operator distro list` shows the releases; get a newer distribution".to_owned()
            }
            Self::Branch { .. } => "name a release, such as `--version 2.9`, or leave `--distribution` out".to_owned(),
            Self::Image { .. } => "get the distribution again, the file is not as Flux ships it".to_owned(),
        })
    }
}
