//! What a build returns.

use std::fmt::Write as _;

use flux_operator_api::{ComponentImage, Object, kind_order};
use sha2::{Digest as _, Sha256};

use crate::build::BuildError;
use crate::images;
use crate::metadata;
use crate::plan::InstancePlan;
use crate::resource::Resource;
use crate::version::ReleaseVersion;
use crate::yaml;

/// The objects of an installation, ready to be applied or printed as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    version: ReleaseVersion,
    objects: Vec<Object>,
    digest: String,
    components: Vec<ComponentImage>,
}

impl Bundle {
    /// Seals what was built: computes the digest, adds what is not part of it, and sorts.
    pub(crate) fn new(
        plan: &InstancePlan,
        version: &ReleaseVersion,
        mut resources: Vec<Resource>,
    ) -> Result<Self, BuildError> {
        let components = images::report(plan, &resources)?;
        let digest = digest(&resources);
        metadata::set_owner(plan, &mut resources);
        let objects = resources.into_iter().map(Resource::into_object).collect::<Result<Vec<_>, _>>()?;
        let objects = sort(objects);
        for (object, next) in objects.iter().zip(objects.iter().skip(1)) {
            if object.id() == next.id() {
                return Err(BuildError::Duplicate { object: object.id().to_string() });
            }
        }
        Ok(Self { version: version.clone(), objects, digest, components })
    }

    /// The Flux version.
    pub fn version(&self) -> &ReleaseVersion {
        &self.version
    }

    /// The objects in the order in which they are applied: kinds that others need first, then by
    /// group, kind, namespace and name.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects, by value.
    pub fn into_objects(self) -> Vec<Object> {
        self.objects
    }

    /// `sha256:` and 64 hexadecimal digits over what was built. `commonMetadata` and the owner's
    /// labels do not count; images, patches and everything else that shows in an object do.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// `<version>@<digest>`: what the status of a FluxInstance calls a revision.
    pub fn revision(&self) -> String {
        format!("{}@{}", self.version, self.digest)
    }

    /// The images that the components run, in the order of the instance's components.
    pub fn components(&self) -> &[ComponentImage] {
        &self.components
    }

    /// Appends all objects as a stream of YAML documents, each after a line `---`.
    pub fn write_yaml(&self, out: &mut String) {
        for object in &self.objects {
            out.push_str("---\n");
            yaml::write_object(object, out);
        }
    }
}

/// The digest of the objects' YAML, joined by lines `---`, in the order in which they were composed.
fn digest(resources: &[Resource]) -> String {
    let mut hasher = Sha256::new();
    let mut text = String::new();
    for (index, resource) in resources.iter().enumerate() {
        text.clear();
        if index > 0 {
            text.push_str("---\n");
        }
        yaml::write_fields(resource.fields(), &mut text);
        hasher.update(text.as_bytes());
    }
    let mut digest = "sha256:".to_owned();
    for byte in hasher.finalize() {
        // Writing to a text cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

fn sort(objects: Vec<Object>) -> Vec<Object> {
    let mut ranked: Vec<_> = objects.into_iter().map(|object| (kind_order::rank(object.kind()), object)).collect();
    ranked.sort_by(|(rank, object), (other_rank, other)| {
        rank.cmp(other_rank)
            .then_with(|| object.group().cmp(other.group()))
            .then_with(|| object.kind().cmp(other.kind()))
            .then_with(|| object.namespace().cmp(&other.namespace()))
            .then_with(|| object.name().cmp(other.name()))
    });
    ranked.into_iter().map(|(_, object)| object).collect()
}
