//! What a build returns.

use flux_operator_api::{ComponentImage, Digest, Object, kind_order};
use sha2::{Digest as _, Sha256};

use crate::error::BuildError;
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
    Digest::new(hasher.finalize().into()).to_string()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::Layer;

    fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> Object {
        let metadata = json!({"namespace": namespace, "name": name});
        Object::try_from(json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})).unwrap()
    }

    #[test]
    fn the_digest_is_that_of_the_documents_with_a_line_between_them() {
        let resources: Vec<_> = ["b", "a"].map(|name| Resource::new(object("v1", "A", "n", name), Layer::Main)).into();
        let text = |name| format!("apiVersion: v1\nkind: A\nmetadata:\n  name: {name}\n  namespace: \"n\"\n");
        let expected = Sha256::digest(format!("{}---\n{}", text("b"), text("a")));
        assert_eq!(digest(&resources), Digest::new(expected.into()).to_string());
    }

    #[test]
    fn objects_are_sorted_by_rank_group_kind_namespace_and_name() {
        let expected = [
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "z"),
            object("v1", "Namespace", "", "z"),
            object("apps/v1", "Deployment", "", "z"),
            object("apps/v1", "Deployment", "a", "b"),
            object("apps/v1", "Deployment", "a", "c"),
            object("apps/v1", "Deployment", "b", "a"),
            object("v1", "Zebra", "", "z"),
            object("a.io/v2", "Ant", "", "z"),
            object("a.io/v1", "Bee", "", "a"),
            object("b.io/v1", "Ant", "", "a"),
            object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "a"),
        ];
        for turns in 0..expected.len() {
            let mut objects = expected.to_vec();
            objects.rotate_left(turns);
            objects.reverse();
            assert_eq!(sort(objects), expected);
        }
    }
}
