//! Whether a change gives somebody more power.

use std::collections::BTreeSet;

use flux_operator_api::Object;
use serde_json::Value;

use crate::finding::{Finding, Risk, listed};

/// How many new permissions a finding names.
const NAMED: usize = 5;

/// One thing that a role permits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    verb: String,
    /// `<resource>.<group>`, `*` as it is, or the path of what is no resource.
    target: String,
    /// Empty where every name is meant.
    name: String,
}

/// What a role, or a binding of one, permits that it did not; all of it where it is new.
pub(crate) fn findings(before: Option<&Object>, after: &Object) -> Vec<Finding> {
    match (after.group(), after.kind()) {
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => roles(before, after),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => bindings(before, after),
        _ => Vec::new(),
    }
}

fn roles(before: Option<&Object>, after: &Object) -> Vec<Finding> {
    let old = before.map(grants).unwrap_or_default();
    let new: Vec<Grant> =
        grants(after).into_iter().filter(|grant| !old.iter().any(|known| known.covers(grant))).collect();
    if new.is_empty() {
        return Vec::new();
    }
    let risk = if new.iter().any(Grant::is_powerful) { Risk::High } else { Risk::Medium };
    let texts: Vec<String> = new.iter().map(ToString::to_string).collect();
    let verb = if before.is_some() { "permissions grow" } else { "it permits" };
    vec![Finding::new(
        if before.is_some() { risk } else { risk.min(Risk::Medium) },
        format!("{verb}: {}", listed(&texts, NAMED)),
    )]
}

fn bindings(before: Option<&Object>, after: &Object) -> Vec<Finding> {
    let old = before.map(subjects).unwrap_or_default();
    let new: Vec<String> = subjects(after).into_iter().filter(|subject| !old.contains(subject)).collect();
    let role = after.pointer("/roleRef/name").and_then(Value::as_str).unwrap_or_default();
    if new.is_empty() {
        return Vec::new();
    }
    let is_new_power = before.is_some() && role == "cluster-admin";
    let risk = if is_new_power { Risk::High } else { Risk::Medium };
    vec![Finding::new(risk, format!("the role `{role}` is given to {}", listed(&new, NAMED)))]
}

fn subjects(binding: &Object) -> BTreeSet<String> {
    let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten();
    let text = |of: &Value, field: &str| of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = |subject: &Value| {
        let (kind, namespace, name) = (text(subject, "kind"), text(subject, "namespace"), text(subject, "name"));
        if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{kind}/{namespace}/{name}") }
    };
    subjects.map(shown).collect()
}

/// Every combination of what the rules of a role list.
fn grants(role: &Object) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for rule in role.get("rules").and_then(Value::as_array).into_iter().flatten() {
        let list = |field: &str| -> Vec<String> {
            let values = rule.get(field).and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let (groups, names) = (list("apiGroups"), list("resourceNames"));
        let names = if names.is_empty() { vec![String::new()] } else { names };
        let resources = list("resources");
        let of_groups = resources.iter().flat_map(|resource| groups.iter().map(move |group| target(resource, group)));
        let targets: Vec<String> = of_groups.chain(list("nonResourceURLs")).collect();
        for verb in list("verbs") {
            for target in &targets {
                for name in &names {
                    grants.insert(Grant { verb: verb.clone(), target: target.clone(), name: name.clone() });
                }
            }
        }
    }
    grants
}

fn target(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

impl Grant {
    fn covers(&self, other: &Self) -> bool {
        let verb = self.verb == "*" || self.verb == other.verb;
        let name = self.name.is_empty() || self.name == other.name;
        verb && name && (self.target == other.target || covers_target(&self.target, &other.target))
    }

    /// Whether it is as good as everything, or leads there.
    fn is_powerful(&self) -> bool {
        let leads = matches!(self.verb.as_str(), "*" | "escalate" | "bind" | "impersonate");
        let reads = matches!(self.target.as_str(), "secrets" | "*" | "*.*");
        leads || (reads && self.name.is_empty())
    }
}

/// Whether the wildcards of one target include another.
fn covers_target(target: &str, other: &str) -> bool {
    let split = |text: &str| {
        let (resource, group) = text.split_once('.').unwrap_or((text, ""));
        (resource.to_owned(), group.to_owned())
    };
    let ((resource, group), (other_resource, other_group)) = (split(target), split(other));
    (resource == "*" || resource == other_resource) && (group == "*" || group == other_group)
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.target)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(rules: &Value) -> Object {
        let metadata = json!({"name": "a"});
        let api_version = "rbac.authorization.k8s.io/v1";
        Object::try_from(
            json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        )
        .unwrap()
    }

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
        json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
    }

    #[track_caller]
    fn check(before: &Value, after: &Value, expected: &[(Risk, &str)]) {
        let found = findings(Some(&role(before)), &role(after));
        let found: Vec<_> = found.iter().map(|found| (found.risk, found.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_was_not_permitted_before_is_growth() {
        let pods = rule(&[""], &["pods"], &["get", "list"]);
        check(&json!([pods]), &json!([rule(&[""], &["pods"], &["get"])]), &[]);
        check(&json!([rule(&["*"], &["*"], &["*"])]), &json!([pods]), &[]);
        check(
            &json!([pods]),
            &json!([pods, rule(&["apps"], &["deployments"], &["get"])]),
            &[(Risk::Medium, "permissions grow: `get deployments.apps`")],
        );
        check(
            &json!([pods]),
            &json!([pods, rule(&[""], &["secrets"], &["get"])]),
            &[(Risk::High, "permissions grow: `get secrets`")],
        );
        check(&json!([pods]), &json!([rule(&["*"], &["*"], &["*"])]), &[(Risk::High, "permissions grow: `* *.*`")]);
    }

    #[test]
    fn a_name_less_is_a_permission_more() {
        let named = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["a"]});
        check(
            &json!([named]),
            &json!([rule(&[""], &["configmaps"], &["get"])]),
            &[(Risk::Medium, "permissions grow: `get configmaps`")],
        );
        check(&json!([rule(&[""], &["configmaps"], &["get"])]), &json!([named]), &[]);
    }

    #[test]
    fn a_new_subject_gets_the_role() {
        let binding = |subjects: Value| {
            let value = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "a"},
                "roleRef": {"name": "cluster-admin"}, "subjects": subjects,
            });
            Object::try_from(value).unwrap()
        };
        let one = json!({"kind": "ServiceAccount", "namespace": "n", "name": "one"});
        let found = findings(Some(&binding(json!([]))), &binding(json!([one])));
        assert_eq!(found, [Finding::new(Risk::High, "the role `cluster-admin` is given to `ServiceAccount/n/one`")]);
        assert_eq!(findings(Some(&binding(json!([one]))), &binding(json!([]))), []);
    }
}
