//! Fields that name another object of the installation.
//!
//! A reference may use any name that the object has or had; it gets the one the object has now.
//! Only references between kinds of Kubernetes are followed, not those inside custom resources or
//! arguments.

use std::collections::HashMap;

use serde_json::Value;

use super::scope::is_namespaced;
use crate::resource::{Layer, Resource, Step};

/// Objects that can be referred to, by kind and every name they have or had.
struct Index(HashMap<(&'static str, String), Vec<(Layer, String)>>);

const SERVICE_ACCOUNT: &str = "ServiceAccount";
const VOLUME_CLAIM: &str = "PersistentVolumeClaim";
const ROLES: [&str; 2] = ["ClusterRole", "Role"];

/// Gives references the final names of what they refer to.
pub(crate) fn fix(namespace: &str, resources: &mut [Resource]) {
    let index = Index::of(resources);
    for resource in resources {
        match resource.kind() {
            "ClusterRoleBinding" | "RoleBinding" => fix_binding(namespace, &index, resource),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
                fix_pod(&index, resource, &["spec", "template", "spec"]);
            }
            "CronJob" => fix_pod(&index, resource, &["spec", "jobTemplate", "spec", "template", "spec"]),
            "Pod" => fix_pod(&index, resource, &["spec"]),
            _ => {}
        }
    }
}

impl Index {
    fn of(resources: &[Resource]) -> Self {
        let mut names: HashMap<_, Vec<_>> = HashMap::new();
        for kind in [SERVICE_ACCOUNT, VOLUME_CLAIM].into_iter().chain(ROLES) {
            for resource in resources.iter().filter(|resource| resource.is_or_was(kind)) {
                let of_kind = resource.identities().filter(|identity| identity.kind == kind);
                let mut known: Vec<String> = of_kind.map(|identity| identity.name).collect();
                known.dedup();
                for name in known {
                    names.entry((kind, name)).or_default().push((resource.layer(), resource.name().to_owned()));
                }
            }
        }
        Self(names)
    }

    /// The final name of what a reference from this layer means: the object of the same layer, else
    /// any. `None` where it means nothing in the installation.
    fn resolve(&self, kind: &'static str, name: &str, layer: Layer) -> Option<&str> {
        let found = self.0.get(&(kind, name.to_owned()))?;
        let same_layer = found.iter().find(|(other, _)| *other == layer);
        same_layer.or_else(|| found.first()).map(|(_, name)| name.as_str())
    }
}

fn fix_binding(namespace: &str, index: &Index, binding: &mut Resource) {
    let layer = binding.layer();
    let role = binding.at(&[Step::Key("roleRef")]).and_then(|role| {
        let kind = ROLES.into_iter().find(|kind| role.get("kind").and_then(Value::as_str) == Some(kind))?;
        index.resolve(kind, role.get("name")?.as_str()?, layer)
    });
    set(binding, &[Step::Key("roleRef"), Step::Key("name")], role);

    let count = binding.at(&[Step::Key("subjects")]).and_then(Value::as_array).map_or(0, Vec::len);
    for position in 0..count {
        let subject = [Step::Key("subjects"), Step::Index(position)];
        let text = |binding: &Resource, field| {
            binding
                .at(&[subject[0], subject[1], Step::Key(field)])
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (kind, name, of) = (text(binding, "kind"), text(binding, "name"), text(binding, "namespace"));
        // An account of the same name elsewhere is somebody else's.
        if kind != SERVICE_ACCOUNT || !(of.is_empty() || of == "default" || of == namespace) {
            continue;
        }
        if let Some(name) = index.resolve(SERVICE_ACCOUNT, &name, layer)
            && let Some(Value::Object(subject)) = binding.at_mut(&subject)
        {
            subject.insert("name".to_owned(), name.into());
            subject.insert("namespace".to_owned(), namespace.into());
        }
    }
}

fn fix_pod(index: &Index, workload: &mut Resource, pod: &[&'static str]) {
    let (group, _) = workload.group_version();
    if !is_namespaced(group, workload.kind()) {
        return;
    }
    let layer = workload.layer();
    let pod: Vec<Step<'_>> = pod.iter().copied().map(Step::Key).collect();
    let path = |below: &[Step<'static>]| [pod.as_slice(), below].concat();

    let account = path(&[Step::Key("serviceAccountName")]);
    let name = workload.at(&account).and_then(Value::as_str);
    let found = name.and_then(|name| index.resolve(SERVICE_ACCOUNT, name, layer));
    set(workload, &account, found);

    let volumes = workload.at(&path(&[Step::Key("volumes")])).and_then(Value::as_array).map_or(0, Vec::len);
    for position in 0..volumes {
        let claim = path(&[
            Step::Key("volumes"),
            Step::Index(position),
            Step::Key("persistentVolumeClaim"),
            Step::Key("claimName"),
        ]);
        let name = workload.at(&claim).and_then(Value::as_str);
        let found = name.and_then(|name| index.resolve(VOLUME_CLAIM, name, layer));
        set(workload, &claim, found);
    }
}

/// Sets a text that is there already, unless it is the same.
fn set(resource: &mut Resource, path: &[Step<'_>], text: Option<&str>) {
    let Some(text) = text else { return };
    if resource.at(path).and_then(Value::as_str) == Some(text) {
        return;
    }
    if let Some(value) = resource.at_mut(path) {
        *value = text.into();
    }
}

#[cfg(test)]
mod tests;
