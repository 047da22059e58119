//! A controller's Deployment, and the changes the operator makes to it.
//!
//! The manifests of a distribution have a known shape. Where one of them lacks something that has
//! to be changed, the build fails and names it, rather than install half a change.

use flux_operator_api::Component;
use serde_json::Value;

use crate::error::BuildError;
use crate::resource::{Resource, Step, submap};

/// The Deployments of these components, shards included.
pub(crate) fn deployments<'r>(
    resources: &'r mut [Resource],
    components: &'r [Component],
) -> impl Iterator<Item = &'r mut Resource> {
    all_deployments(resources)
        .filter(|resource| components.iter().any(|component| component.as_str() == resource.original_name()))
}

/// Every Deployment, shards included.
pub(crate) fn all_deployments(resources: &mut [Resource]) -> impl Iterator<Item = &mut Resource> {
    resources.iter_mut().filter(|resource| resource.kind() == "Deployment")
}

/// True for the controllers that serve what they fetch to the others.
pub(crate) fn serves_artifacts(component: Component) -> bool {
    matches!(component, Component::SourceController | Component::SourceWatcher)
}

/// The flag with the address at which a controller serves artifacts. The dot at its end keeps the
/// resolver from trying the search domains.
pub(crate) fn storage_address(name: &str, domain: &str) -> String {
    format!("--storage-adv-addr={name}.$(RUNTIME_NAMESPACE).svc.{domain}.")
}

/// Appends an argument to the controller's container.
pub(crate) fn push_arg(resource: &mut Resource, arg: &str) -> Result<(), BuildError> {
    push(resource, "spec.template.spec.containers[0].args", Value::String(arg.to_owned()))
}

/// Replaces the argument at a position, which the distribution defines.
pub(crate) fn replace_arg(resource: &mut Resource, index: usize, arg: &str) -> Result<(), BuildError> {
    let path = format!("spec.template.spec.containers[0].args[{index}]");
    replace(resource, &path, Value::String(arg.to_owned()))
}

/// Sets a label or annotation of the pods, making room for it.
pub(crate) fn set_template_metadata(
    resource: &mut Resource,
    map: &str,
    key: &str,
    value: &str,
) -> Result<(), BuildError> {
    change(resource, "spec.template", |template| {
        let metadata = submap(template.as_object_mut()?, "metadata")?;
        submap(metadata, map)?.insert(key.to_owned(), Value::String(value.to_owned()));
        Some(())
    })
}

/// Replaces the value at a path.
pub(crate) fn replace(resource: &mut Resource, path: &str, value: Value) -> Result<(), BuildError> {
    change(resource, path, |place| {
        *place = value;
        Some(())
    })
}

/// Appends to the list at a path.
pub(crate) fn push(resource: &mut Resource, path: &str, value: Value) -> Result<(), BuildError> {
    change(resource, path, |list| {
        list.as_array_mut()?.push(value);
        Some(())
    })
}

/// Sets a field of the mapping at a path.
pub(crate) fn insert(resource: &mut Resource, path: &str, field: &str, value: Value) -> Result<(), BuildError> {
    change(resource, path, |map| {
        map.as_object_mut()?.insert(field.to_owned(), value);
        Some(())
    })
}

/// Removes a field, which has to be there, of the mapping at a path.
pub(crate) fn remove(resource: &mut Resource, path: &str, field: &str) -> Result<(), BuildError> {
    let removed = change(resource, path, |map| map.as_object_mut()?.remove(field).map(drop));
    removed.map_err(|_| missing(resource, &format!("{path}.{field}")))
}

/// Changes the value at a path such as `spec.template.spec.containers[0].args`.
///
/// # Errors
/// [`BuildError::Shape`] with the path where there is no such value, or the change finds none.
pub(crate) fn change(
    resource: &mut Resource,
    path: &str,
    change: impl FnOnce(&mut Value) -> Option<()>,
) -> Result<(), BuildError> {
    let done = resource.at_mut(&steps(path)).and_then(change);
    done.ok_or_else(|| missing(resource, path))
}

fn missing(resource: &Resource, field: &str) -> BuildError {
    BuildError::Shape { object: resource.subject(), field: field.to_owned() }
}

/// `a.b[0].c` as steps.
fn steps(path: &str) -> Vec<Step<'_>> {
    let parts = path.split(['.', '[']).map(|part| match part.strip_suffix(']').map(str::parse) {
        Some(Ok(index)) => Step::Index(index),
        _ => Step::Key(part),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use flux_operator_api::Object;
    use serde_json::json;

    use super::*;
    use crate::resource::Layer;

    fn deployment(spec: Value) -> Resource {
        let metadata = json!({"name": "helm-controller"});
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata});
        value["spec"] = spec;
        Resource::new(Object::try_from(value).unwrap(), Layer::Main)
    }

    fn with_args(args: &Value) -> Resource {
        deployment(json!({"template": {"spec": {"containers": [{"args": args}]}}}))
    }

    #[track_caller]
    fn lacks(field: &str, result: Result<(), BuildError>) {
        let expected = format!("Deployment/helm-controller of the distribution has no `{field}`");
        assert_eq!(result.unwrap_err().to_string(), expected);
    }

    #[test]
    fn arguments_are_replaced_in_place_and_added_at_the_end() {
        let mut controller = with_args(&json!(["--a", "--b"]));
        replace_arg(&mut controller, 1, "--c").unwrap();
        push_arg(&mut controller, "--d").unwrap();
        let args = &controller.get("spec").unwrap()["template"]["spec"]["containers"][0]["args"];
        assert_eq!(*args, json!(["--a", "--c", "--d"]));
    }

    #[test]
    fn what_the_distribution_lacks_is_named() {
        let container = "spec.template.spec.containers[0]";
        lacks(&format!("{container}.args[2]"), replace_arg(&mut with_args(&json!(["--a", "--b"])), 2, "--c"));
        lacks(&format!("{container}.args"), push_arg(&mut with_args(&json!("--a")), "--c"));
        lacks(&format!("{container}.args"), push_arg(&mut deployment(json!({})), "--c"));
        lacks("spec.selector", insert(&mut deployment(json!({})), "spec.selector", "app", "a".into()));
        lacks("spec.a.b", remove(&mut deployment(json!({"a": {}})), "spec.a", "b"));
        lacks("spec.template", set_template_metadata(&mut deployment(json!({})), "labels", "a", "b"));
    }

    #[test]
    fn metadata_of_pods_is_made_where_it_is_missing() {
        for template in [json!({}), json!({"metadata": null}), json!({"metadata": {"labels": null}})] {
            let mut controller = deployment(json!({"template": template}));
            set_template_metadata(&mut controller, "labels", "a", "b").unwrap();
            let expected = json!({"template": {"metadata": {"labels": {"a": "b"}}}});
            assert_eq!(controller.get("spec"), Some(&expected));
        }
    }

    #[test]
    fn shards_are_deployments_of_their_component() {
        let mut shard = deployment(json!({}));
        shard.rename(Some("n"), Some("helm-controller-s1"));
        let mut resources = [deployment(json!({})), shard];
        let found = |component, resources: &mut [Resource]| {
            deployments(resources, &[component]).map(|found| found.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(Component::HelmController, &mut resources), ["helm-controller", "helm-controller-s1"]);
        assert_eq!(found(Component::SourceController, &mut resources), [""; 0]);
    }
}
