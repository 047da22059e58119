//! What the operator asked of the API server, compared with what it may ask.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A group, a resource with its subresource, and a verb.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Access {
    group: String,
    resource: String,
    verb: String,
}

/// What is granted and not seen in the log: group, resource and verb, each for a reason.
const EXCUSED: &[(&str, &str, &str)] = &[
    // Checked by the API server where a role is written, without a request.
    ("rbac.authorization.k8s.io", "clusterroles", "bind"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    // The report counts nodes, and objects of every kind.
    ("", "nodes", "list"),
    ("", "nodes", "watch"),
    ("helm.toolkit.fluxcd.io", "*", "watch"),
    ("image.toolkit.fluxcd.io", "*", "watch"),
    ("notification.toolkit.fluxcd.io", "*", "watch"),
    ("source.extensions.fluxcd.io", "*", "watch"),
    // The test syncs from a Git repository; the others are made and deleted in the same way.
    ("source.toolkit.fluxcd.io", "buckets", "get"),
    ("source.toolkit.fluxcd.io", "buckets", "create"),
    ("source.toolkit.fluxcd.io", "buckets", "delete"),
    ("source.toolkit.fluxcd.io", "ocirepositories", "get"),
    ("source.toolkit.fluxcd.io", "ocirepositories", "create"),
    ("source.toolkit.fluxcd.io", "ocirepositories", "delete"),
    // An event that comes again while the test still runs is counted.
    ("", "events", "patch"),
];

/// Fails where a role grants what a user did not use, or the user was refused something.
pub(crate) fn check(roles: &[Value], audit: &Path, user: &str) {
    let log = fs::read_to_string(audit).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_user: Vec<_> = events.iter().filter(|event| event["user"]["username"] == user).collect();
    let refused: BTreeSet<_> = of_user
        .iter()
        .filter(|event| event["responseStatus"]["code"] == 403)
        .filter_map(|event| access(event))
        .collect();
    assert!(refused.is_empty(), "asked for and not granted: {}", listed(&refused));
    let mut used: BTreeSet<_> = of_user.iter().filter_map(|event| access(event)).collect();
    // Objects are made by applying them, which is a patch for whoever asks, and needs both verbs.
    let applied = used.iter().filter(|used| used.verb == "patch" && !used.resource.contains('/'));
    let created: Vec<_> = applied.map(|used| Access { verb: "create".to_owned(), ..used.clone() }).collect();
    used.extend(created);
    let unused: BTreeSet<_> = granted(roles).into_iter().filter(|granted| !is_used(granted, &used)).collect();
    assert!(unused.is_empty(), "granted and never used: {}\nused: {}", listed(&unused), listed(&used));
}

/// A line each.
fn listed(accesses: &BTreeSet<Access>) -> String {
    accesses.iter().map(|Access { group, resource, verb }| format!("\n  {verb} {resource} of `{group}`")).collect()
}

/// None of a request that is about no resource.
fn access(event: &Value) -> Option<Access> {
    let object = event.get("objectRef")?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let resource = match text("subresource") {
        empty if empty.is_empty() => text("resource"),
        subresource => format!("{}/{subresource}", text("resource")),
    };
    Some(Access { group: text("apiGroup"), resource, verb: event["verb"].as_str()?.to_owned() })
}

/// Every combination that the rules of roles name.
fn granted(roles: &[Value]) -> BTreeSet<Access> {
    let words = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut granted = BTreeSet::new();
    for rule in roles.iter().flat_map(|role| role["rules"].as_array().into_iter().flatten()) {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                for verb in words(rule, "verbs") {
                    granted.insert(Access { group: group.clone(), resource: resource.clone(), verb });
                }
            }
        }
    }
    granted
}

fn is_used(granted: &Access, used: &BTreeSet<Access>) -> bool {
    let fits = |known: &str, asked: &str| known == "*" || known == asked;
    let excused = EXCUSED.iter().any(|(group, resource, verb)| {
        *group == granted.group && *resource == granted.resource && *verb == granted.verb
    });
    excused
        || used.iter().any(|used| {
            used.group == granted.group && fits(&granted.resource, &used.resource) && fits(&granted.verb, &used.verb)
        })
}
