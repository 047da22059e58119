//! What a change of a workload does to its pods.

use std::collections::BTreeMap;

use flux_operator_api::Object;
use serde_json::Value;

use crate::finding::{Finding, Risk};

/// Kinds whose pods are replaced when their template changes.
const WORKLOADS: [(&str, &str); 3] = [("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet")];

/// Images, arguments and restarts.
pub(crate) fn findings(before: &Object, after: &Object) -> Vec<Finding> {
    if !is_workload(after) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let (old, new) = (containers(before), containers(after));
    for (name, container) in &new {
        let Some(earlier) = old.get(name) else {
            findings.push(Finding::new(Risk::Medium, format!("container `{name}` is new")));
            continue;
        };
        let image = |of: &Value| of.get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (from, to) = (image(earlier), image(container));
        if from != to {
            findings.push(Finding::new(Risk::Low, format!("image of `{name}`: {from} → {to}")));
        }
        for field in ["args", "command"] {
            let (from, to) = (texts(earlier, field), texts(container, field));
            let gone = from.iter().filter(|text| !to.contains(text)).map(|text| ("vanishes", Risk::Medium, text));
            let appears = to.iter().filter(|text| !from.contains(text)).map(|text| ("appears", Risk::Low, text));
            findings.extend(
                gone.chain(appears)
                    .map(|(verb, risk, text)| Finding::new(risk, format!("argument `{text}` of `{name}` {verb}"))),
            );
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    findings.extend(gone.map(|name| Finding::new(Risk::Medium, format!("container `{name}` vanishes"))));
    if template(before) != template(after) {
        findings.push(Finding::new(Risk::Medium, "pods restart"));
    }
    if replicas(before) > 0 && replicas(after) == 0 {
        findings.push(Finding::new(Risk::High, "it is scaled to zero: nothing of it runs any more"));
    }
    findings
}

pub(crate) fn is_workload(object: &Object) -> bool {
    WORKLOADS.contains(&(object.group(), object.kind()))
}

/// The images of a workload, by the name of the container.
pub fn images(object: &Object) -> BTreeMap<String, String> {
    let image = |container: &Value| container.get("image").and_then(Value::as_str).map(str::to_owned);
    containers(object).into_iter().filter_map(|(name, container)| Some((name, image(container)?))).collect()
}

fn template(object: &Object) -> Option<&Value> {
    object.pointer("/spec/template")
}

fn replicas(object: &Object) -> u64 {
    // A DaemonSet has none, and everything else one unless it says otherwise.
    object.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
}

fn containers(object: &Object) -> BTreeMap<String, &Value> {
    let of = |field: &str| object.pointer(&format!("/spec/template/spec/{field}")).and_then(Value::as_array);
    let all = ["initContainers", "containers"].into_iter().filter_map(of).flatten();
    all.filter_map(|container| Some((container.get("name")?.as_str()?.to_owned(), container))).collect()
}

fn texts(container: &Value, field: &str) -> Vec<String> {
    let texts = container.get(field).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(replicas: u8, image: &str, args: &[&str]) -> Object {
        let pod = json!({"containers": [{"name": "manager", "image": image, "args": args}]});
        let spec = json!({"replicas": replicas, "template": {"spec": pod}});
        let metadata = json!({"name": "a", "namespace": "n"});
        Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}))
            .unwrap()
    }

    #[test]
    fn images_and_arguments_are_named_and_pods_restart() {
        let texts = |before: &Object, after: &Object| -> Vec<String> {
            findings(before, after).into_iter().map(|found| format!("{}: {}", found.risk, found.text)).collect()
        };
        let before = deployment(1, "c:1", &["--a", "--b=1"]);
        assert_eq!(texts(&before, &before), Vec::<String>::new());
        assert_eq!(
            texts(&before, &deployment(1, "c:2", &["--a", "--c"])),
            [
                "low: image of `manager`: c:1 → c:2",
                "medium: argument `--b=1` of `manager` vanishes",
                "low: argument `--c` of `manager` appears",
                "medium: pods restart",
            ]
        );
        assert_eq!(
            texts(&before, &deployment(0, "c:1", &["--a", "--b=1"])),
            ["high: it is scaled to zero: nothing of it runs any more",]
        );
    }
}
