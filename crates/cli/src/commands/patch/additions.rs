//! The patches that `patch instance` adds.

use flux_operator_api::Component;
use serde_json::Value;

use super::change::{Definition, Image};
use super::generated;
use super::target::Target;
use super::upstream::Upstream;
use crate::cluster::Story;
use crate::commands::diff::patch::{self, Operation};
use crate::error::{Advise, Complaint, Failure};

/// A CRD that is not there to be patched.
#[derive(Debug, thiserror::Error)]
#[error("the CRD `{name}` is new in {version} of `{component}`, and no patch can add it")]
struct NewDefinition {
    name: String,
    component: Component,
    version: String,
}

/// From what is installed to what is wanted.
pub(super) struct Additions<'a> {
    pub(super) upstream: &'a Upstream,
    /// The minor of Flux that the instance has without patches.
    pub(super) current: u64,
    pub(super) target: &'a Target,
    /// Where images of releases come from.
    pub(super) registry: &'a str,
    /// Whether CRDs that cannot be had are left out.
    pub(super) skips_definitions: bool,
    pub(super) story: Story,
}

impl Additions<'_> {
    /// The new patches of controllers: those of images, then those of CRDs.
    ///
    /// # Errors
    /// An image or a CRD cannot be had; all that is wrong is said.
    pub(super) fn of(&self, components: &[Component]) -> Result<Vec<Value>, Failure> {
        let (mut images, mut definitions, mut complaints) = (Vec::new(), Vec::new(), Vec::new());
        for component in components {
            self.story.waiting(format_args!("Processing {component}..."));
            let change = match self.upstream.change(*component, self.current, self.target) {
                Ok(change) => change,
                Err(failure) => {
                    complaints.extend(failure.into_complaints());
                    continue;
                }
            };
            let image = match change.image {
                Image::Tagged(version) => format!("{}/{component}{version}", self.registry),
                Image::Whole(image) => image,
            };
            images.push(generated::image(*component, &image));
            for definition in change.definitions {
                match self.operations(*component, definition) {
                    Ok((name, operations)) if !operations.is_empty() => {
                        definitions.push(generated::definition(&name, &operations));
                    }
                    Ok(_) => {}
                    Err(failure) if self.skips_definitions => {
                        let why: Vec<_> = failure.blocks().into_iter().map(|block| block.what).collect();
                        self.story.remark(format_args!("skipped: {}", why.join("; ")));
                    }
                    Err(failure) => complaints.extend(failure.into_complaints()),
                }
            }
        }
        Failure::check(complaints)?;
        images.extend(definitions);
        Ok(images)
    }

    /// What makes a CRD the one that is to come; nothing where that is the same, or there is none.
    fn operations(&self, component: Component, definition: Definition) -> Result<(String, Vec<Operation>), Failure> {
        let Definition { kind, now, then } = definition;
        let name = kind.definition();
        let operations = match (now?, then?) {
            (Some(now), Some(then)) => {
                self.story.waiting(format_args!("  Diffing CRD {name}"));
                patch::between(&bare(now), &bare(then))
            }
            (None, Some(_)) => {
                let version = self.target.name();
                return Err(Complaint::new(NewDefinition { name, component, version }).into());
            }
            (_, None) => Vec::new(),
        };
        Ok((name, operations))
    }
}

/// What a patch can change of a CRD.
fn bare(mut definition: Value) -> Value {
    if let Some(fields) = definition.as_object_mut() {
        fields.retain(|field, _| field != "metadata" && field != "status");
    }
    definition
}

impl Advise for NewDefinition {
    fn hint(&self) -> Option<String> {
        let hint = "`--skip-crds` leaves it out; where it is needed, upgrade `spec.distribution.version` instead";
        Some(hint.to_owned())
    }
}
