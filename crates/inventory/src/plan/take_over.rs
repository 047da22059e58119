//! Taking an object over from whoever applied it before.
//!
//! Somebody installed Flux with `flux bootstrap`, Helm or `kubectl`, and now the operator applies
//! the same objects. Fields that the earlier manager owns and the operator does not want would stay
//! forever, and its labels would invite it to come back. So its entries in `managedFields` are
//! folded into the operator's: the next apply then removes what is no longer wanted. This is also
//! what undoes a `kubectl edit`.

use flux_operator_api::{FIELD_MANAGER, Object, annotations, labels};
use serde_json::{Map, Value, json};

/// A field manager whose entries are folded into the operator's.
struct Predecessor {
    name: Name,
    operation: Operation,
}

enum Name {
    Exactly(&'static str),
    StartsWith(&'static str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Apply,
    Update,
    Either,
}

/// Who installs Flux when the operator does not.
const PREDECESSORS: &[Predecessor] = &[
    Predecessor { name: Name::Exactly("kustomize-controller"), operation: Operation::Apply },
    Predecessor { name: Name::Exactly("helm"), operation: Operation::Update },
    Predecessor { name: Name::StartsWith("kubectl"), operation: Operation::Either },
    // What the API server calls the owner of fields that were set before anybody applied.
    Predecessor { name: Name::StartsWith("before-first-apply"), operation: Operation::Update },
    Predecessor { name: Name::Exactly("flux"), operation: Operation::Either },
];

/// What the take-over of one object changes, as a JSON patch (RFC 6902).
#[derive(Clone, Debug, PartialEq)]
pub struct TakeOver {
    operations: Vec<Value>,
}

impl TakeOver {
    /// Works out what has to change on an object of the cluster; nothing, where nobody else had it.
    ///
    /// `more_managers` are folded too, whatever their operation.
    ///
    /// # Guarantees
    /// Entries of subresources such as `status` are never touched, and other managers keep theirs.
    /// After the patch, nothing is left to take over.
    pub fn of(live: &Object, more_managers: &[String]) -> Option<Self> {
        let mut operations = Vec::new();
        for (section, keys) in
            [("annotations", annotations::REMOVED_AT_TAKE_OVER), ("labels", labels::REMOVED_AT_TAKE_OVER)]
        {
            let present = live.get("metadata").and_then(|metadata| metadata.get(section));
            for key in keys.iter().filter(|key| present.is_some_and(|present| present.get(**key).is_some())) {
                let path = format!("/metadata/{section}/{}", key.replace('~', "~0").replace('/', "~1"));
                operations.push(json!({"op": "remove", "path": path}));
            }
        }
        if let Some(Value::Array(entries)) = live.pointer("/metadata/managedFields")
            && let Some(folded) = fold(entries, more_managers)
        {
            operations.push(json!({"op": "replace", "path": "/metadata/managedFields", "value": folded}));
        }
        (!operations.is_empty()).then_some(Self { operations })
    }

    /// The JSON patch, valid for the object in exactly this version: anything else and the API
    /// server refuses it.
    pub fn patch(&self, resource_version: &str) -> Value {
        let guard = json!({"op": "test", "path": "/metadata/resourceVersion", "value": resource_version});
        Value::Array([guard].into_iter().chain(self.operations.iter().cloned()).collect())
    }
}

impl Predecessor {
    fn is(&self, manager: &str, operation: Operation) -> bool {
        let name = match self.name {
            Name::Exactly(name) => manager == name,
            Name::StartsWith(start) => manager.starts_with(start),
        };
        name && (self.operation == Operation::Either || self.operation == operation)
    }
}

/// The entries with those of predecessors folded into the operator's, which goes last; nothing,
/// where there is none to fold.
fn fold(entries: &[Value], more_managers: &[String]) -> Option<Vec<Value>> {
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_main = |entry: &&Value| text(entry, "subresource").is_empty();
    let is_ours = |entry: &Value| text(entry, "manager") == FIELD_MANAGER && text(entry, "operation") == "Apply";
    let is_folded = |entry: &Value| {
        let operation = match text(entry, "operation").as_str() {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return false,
        };
        let manager = text(entry, "manager");
        more_managers.contains(&manager) || PREDECESSORS.iter().any(|known| known.is(&manager, operation))
    };
    let ours = entries.iter().filter(of_main).find(|entry| is_ours(entry));
    let mut folded = entries.iter().filter(of_main).filter(|entry| is_folded(entry) && !is_ours(entry)).peekable();
    folded.peek()?;
    let mut merged: Option<Map<String, Value>> = ours.and_then(Value::as_object).cloned();
    for entry in folded {
        let fields = entry.get("fieldsV1").cloned().unwrap_or_else(|| json!({}));
        if let Some(merged) = &mut merged {
            unite(merged.entry("fieldsV1").or_insert_with(|| json!({})), fields);
        } else {
            let mut renamed = entry.as_object().cloned().unwrap_or_default();
            renamed.insert("manager".to_owned(), FIELD_MANAGER.into());
            renamed.insert("operation".to_owned(), "Apply".into());
            merged = Some(renamed);
        }
    }
    let others = entries.iter().filter(|entry| !of_main(entry) || (!is_ours(entry) && !is_folded(entry)));
    Some(others.cloned().chain(merged.map(Value::Object)).collect())
}

/// The union of two sets of fields, which are trees of maps: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.
fn unite(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, below) in from {
            unite(into.entry(key).or_insert_with(|| json!({})), below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(metadata: &Value) -> Object {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        object["metadata"]["name"] = json!("a");
        Object::try_from(object).unwrap()
    }

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    /// Manager, operation and fields of the entries after the take-over.
    #[track_caller]
    fn check(entries: &[Value], expected: Option<&[(&str, &str, Value)]>) {
        let take_over = TakeOver::of(&live(&json!({"managedFields": entries})), &["tofu".to_owned()]);
        let folded = take_over.as_ref().map(|take_over| {
            assert_eq!(
                take_over.patch("7")[0],
                json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"})
            );
            take_over.patch("7")[1]["value"].as_array().unwrap().clone()
        });
        let found = folded.as_ref().map(|entries| {
            let parts = |entry: &Value| {
                (
                    entry["manager"].as_str().unwrap().to_owned(),
                    entry["operation"].as_str().unwrap().to_owned(),
                    entry["fieldsV1"].clone(),
                )
            };
            entries.iter().map(parts).collect::<Vec<_>>()
        });
        let expected = expected.map(|entries| {
            entries
                .iter()
                .map(|(manager, operation, fields)| ((*manager).to_owned(), (*operation).to_owned(), fields.clone()))
                .collect()
        });
        assert_eq!(found, expected);
        if let Some(folded) = folded {
            assert_eq!(
                TakeOver::of(&live(&json!({"managedFields": folded})), &[]),
                None,
                "nothing is left to take over"
            );
        }
    }

    #[test]
    fn predecessors_are_known_by_name_and_operation() {
        let fields = json!({"f:data": {}});
        for (manager, operation) in [
            ("kustomize-controller", "Apply"),
            ("helm", "Update"),
            ("kubectl", "Apply"),
            ("kubectl-client-side-apply", "Update"),
            ("kubectl-edit", "Update"),
            ("before-first-apply", "Update"),
            ("flux", "Apply"),
            ("flux", "Update"),
            ("tofu", "Update"),
        ] {
            check(&[entry(manager, operation, &fields)], Some(&[(FIELD_MANAGER, "Apply", fields.clone())]));
        }
        for (manager, operation) in [
            ("kustomize-controller", "Update"),
            ("kustomize-controllers", "Apply"),
            ("helm", "Apply"),
            ("helm-controller", "Update"),
            ("flux2", "Apply"),
            ("my-kubectl", "Update"),
            ("kube-controller-manager", "Update"),
            (FIELD_MANAGER, "Apply"),
            (FIELD_MANAGER, "Update"),
        ] {
            check(&[entry(manager, operation, &fields)], None);
        }
    }

    #[test]
    fn fields_are_united_and_other_managers_keep_theirs() {
        let (a, b, c) = (json!({"f:data": {"f:a": {}}}), json!({"f:data": {"f:b": {}}, "f:x": {}}), json!({"f:c": {}}));
        let both = json!({"f:data": {"f:a": {}, "f:b": {}}, "f:x": {}});
        let ours = entry(FIELD_MANAGER, "Apply", &a);
        let kubectl = entry("kubectl-edit", "Update", &b);
        let other = entry("autoscaler", "Update", &c);
        let expected = [("autoscaler", "Update", c.clone()), (FIELD_MANAGER, "Apply", both.clone())];
        check(&[ours.clone(), kubectl.clone(), other.clone()], Some(&expected));
        check(&[kubectl.clone(), other.clone(), ours], Some(&expected));
        // Without an entry of ours, the first of theirs becomes it.
        check(&[entry("helm", "Update", &a), other, kubectl], Some(&expected));
    }

    #[test]
    fn subresources_are_left_alone() {
        let mut status = entry("kubectl", "Update", &json!({"f:status": {}}));
        status["subresource"] = json!("status");
        check(std::slice::from_ref(&status), None);
        let kubectl = entry("kubectl", "Update", &json!({"f:data": {}}));
        let expected =
            [("kubectl", "Update", json!({"f:status": {}})), (FIELD_MANAGER, "Apply", json!({"f:data": {}}))];
        check(&[kubectl, status], Some(&expected));
    }

    #[test]
    fn labels_and_annotations_of_predecessors_go() {
        let metadata = json!({
            "annotations": {annotations::KUBECTL_LAST_APPLIED: "{}", annotations::HELM_RELEASE_NAME: "flux", "mine": "1"},
            "labels": {labels::KUSTOMIZATION_NAME: "flux-system", "mine": "1"},
        });
        let patch = TakeOver::of(&live(&metadata), &[]).unwrap().patch("1");
        let paths: Vec<_> =
            patch.as_array().unwrap()[1..].iter().map(|operation| operation["path"].as_str().unwrap()).collect();
        assert_eq!(
            paths,
            [
                "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
                "/metadata/annotations/meta.helm.sh~1release-name",
                "/metadata/labels/kustomize.toolkit.fluxcd.io~1name",
            ]
        );
        assert_eq!(TakeOver::of(&live(&json!({"labels": {"mine": "1"}})), &[]), None);
    }

    #[test]
    fn nonsense_is_left_alone() {
        for entries in [json!(null), json!("x"), json!([null, 7, {}, {"manager": 1}]), json!([])] {
            assert_eq!(TakeOver::of(&live(&json!({"managedFields": entries})), &[]), None);
        }
    }
}
