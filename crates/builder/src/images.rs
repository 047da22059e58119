//! The images of the controllers: which there are, and where they are used.

use std::sync::Arc;

use flux_operator_api::{Component, ComponentImage, Digest};
use serde_json::Value;

use crate::error::BuildError;
use crate::image_reference::{ImageReference, is_tag};
use crate::plan::InstancePlan;
use crate::release::{Release, ReleaseError};
use crate::resource::{Resource, Step};

/// The container of every controller that runs the controller itself.
const MANAGER: &str = "manager";
/// The repository prefix of the images in a distribution.
const DISTRIBUTION_PREFIX: &str = "fluxcd/";

/// What the image of one component is replaced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    component: Component,
    /// `repository:tag` or `repository:tag@digest`.
    reference: String,
}

/// The images of the plan's components, in their order.
///
/// Tags and digests come from the digest list of the variant. Where there is no such list, or it
/// lacks a component, all of them get the tags of the release's manifests, without digests: a
/// mirror that names no variant still works. A list that is there but cannot be read is an error, or
/// a slip of the pen would quietly take the digests away.
pub(crate) fn resolve(plan: &InstancePlan, release: &Release) -> Result<Vec<Image>, BuildError> {
    let listed = match plan.distribution.variant.map(|variant| release.digests(variant.as_str())) {
        Some(Ok(list)) => Some(list),
        None | Some(Err(ReleaseError::Missing { .. })) => None,
        Some(Err(error)) => return Err(error.into()),
    };
    let from_list: Option<Vec<Image>> = listed.and_then(|list| {
        let image = |component: &Component| {
            let entry = list.iter().find(|entry| entry.component == component.as_str())?;
            let digest = if entry.digest.is_empty() { String::new() } else { format!("@{}", entry.digest) };
            let reference = format!("{}/{component}:{}{digest}", plan.distribution.registry, entry.tag);
            Some(Image { component: *component, reference })
        };
        plan.components.iter().map(image).collect()
    });
    match from_list {
        Some(images) => Ok(images),
        None => plan.components.iter().map(|component| from_manifest(*component, plan, release)).collect(),
    }
}

fn from_manifest(component: Component, plan: &InstancePlan, release: &Release) -> Result<Image, BuildError> {
    let file = format!("{component}.yaml");
    let deployment = release
        .objects(&file)?
        .iter()
        .find(|object| object.kind() == "Deployment" && object.name() == component.as_str());
    let image = deployment
        .and_then(|deployment| deployment.pointer("/spec/template/spec/containers")?.as_array())
        .and_then(|containers| containers.iter().find(|container| container.get("name") == Some(&MANAGER.into())))
        .and_then(|manager| manager.get("image")?.as_str());
    let Some(image) = image else {
        return Err(ReleaseError::NoImage { path: release.path(&file), component }.into());
    };
    let Ok(ImageReference { tag: Some(tag), digest: None, .. }) = ImageReference::parse(image) else {
        return Err(ReleaseError::BadImage { path: release.path(&file), image: image.to_owned() }.into());
    };
    Ok(Image { component, reference: format!("{}/{component}:{tag}", plan.distribution.registry) })
}

/// Replaces the distribution's images wherever containers use them, those that patches added
/// included. Other images are left alone.
pub(crate) fn rewrite(images: &[Image], resources: &mut [Resource]) {
    for resource in resources {
        if resource.kind() == "CustomResourceDefinition" {
            continue;
        }
        for field in resource.fields_mut() {
            // A field that other builds share is copied only if it changes.
            if uses_images(images, field.value()) {
                rewrite_in(images, Arc::make_mut(field).value_mut());
            }
        }
    }
}

/// The replacement of `fluxcd/<component>`, with whatever tag and digest.
fn replacement<'i>(images: &'i [Image], image: &str) -> Option<&'i str> {
    let rest = image.strip_prefix(DISTRIBUTION_PREFIX)?;
    let found = images.iter().find(|image| rest.strip_prefix(image.component.as_str()).is_some_and(is_tag_or_digest));
    found.map(|image| image.reference.as_str())
}

fn is_tag_or_digest(rest: &str) -> bool {
    let (tag, digest) = rest.split_once('@').map_or((rest, None), |(tag, digest)| (tag, Some(digest)));
    (tag.is_empty() || tag.strip_prefix(':').is_some_and(is_tag))
        && digest.is_none_or(|digest| digest.parse::<Digest>().is_ok())
}

fn is_container_list(key: &str) -> bool {
    matches!(key, "containers" | "initContainers")
}

fn uses_images(images: &[Image], value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let containers = value.as_array().filter(|_| is_container_list(key));
            let used = containers.into_iter().flatten().filter_map(|container| container.get("image")?.as_str());
            used.into_iter().any(|image| replacement(images, image).is_some()) || uses_images(images, value)
        }),
        Value::Array(items) => items.iter().any(|item| uses_images(images, item)),
        _ => false,
    }
}

fn rewrite_in(images: &[Image], value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if is_container_list(key)
                    && let Value::Array(containers) = value
                {
                    for image in containers.iter_mut().filter_map(|container| container.get_mut("image")) {
                        if let Some(found) = image.as_str().and_then(|image| replacement(images, image)) {
                            *image = Value::String(found.to_owned());
                        }
                    }
                }
                rewrite_in(images, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite_in(images, item)),
        _ => {}
    }
}

/// What the built objects run: one entry per component, in the order of the plan.
///
/// A component whose Deployment or `manager` container was patched away has an entry with empty
/// texts.
pub(crate) fn report(plan: &InstancePlan, resources: &[Resource]) -> Result<Vec<ComponentImage>, BuildError> {
    let entry = |component: &Component| {
        let is_it = |resource: &&Resource| resource.kind() == "Deployment" && resource.name() == component.as_str();
        let Some(deployment) = resources.iter().find(is_it) else {
            return Ok(ComponentImage::default());
        };
        let path = ["spec", "template", "spec", "containers"].map(Step::Key);
        let Some(containers) = deployment.at(&path).and_then(Value::as_array) else {
            return Err(BuildError::NoContainers { object: deployment.subject() });
        };
        let Some(manager) = containers.iter().find(|container| container.get("name") == Some(&MANAGER.into())) else {
            return Ok(ComponentImage::default());
        };
        let image = manager.get("image").and_then(Value::as_str).unwrap_or_default();
        let reference = ImageReference::parse(image)
            .map_err(|source| BuildError::Image { object: deployment.subject(), source })?;
        Ok(ComponentImage {
            name: component.to_string(),
            repository: reference.repository(),
            tag: reference.tag.unwrap_or_else(|| "latest".to_owned()),
            digest: reference.digest.map(|digest| digest.to_string()),
        })
    };
    plan.components.iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
