//! Lists: replaced, merged by a key, or a set.

use super::super::super::schema::Kind;
use super::{check, pod, pod_refused, refused};

const NO_KEY: &str = "an element of this list needs `name` to say which one it is";

#[test]
fn lists_without_keys_are_replaced_as_written() {
    pod("tolerations: [{key: a}]", "tolerations: [{key: b, value: null}]", "tolerations: [{key: b, value: null}]");
    pod("schedulingGates: [{name: a}]", "schedulingGates: [{name: b}]", "schedulingGates: [{name: b}]");
    pod("resourceClaims: [{name: a}]", "resourceClaims: [{name: b}]", "resourceClaims: [{name: b}]");
    for list in ["args", "command"] {
        pod(
            &format!("containers: [{{name: x, {list}: [a, b]}}]"),
            &format!("containers: [{{name: x, {list}: [c, null]}}]"),
            &format!("containers: [{{name: x, {list}: [c, null]}}]"),
        );
    }
    for (object, patch) in [
        ("envFrom: [{prefix: a}]", "envFrom: [{prefix: b}]"),
        ("securityContext: {capabilities: {drop: [ALL]}}", "securityContext: {capabilities: {drop: [KILL]}}"),
    ] {
        let container = |text| format!("containers: [{{name: x, {text}}}]");
        pod(&container(object), &container(patch), &container(patch));
    }
    let projected = |text| format!("volumes: [{{name: v, projected: {{sources: [{{secret: {{name: {text}}}}}]}}}}]");
    pod(&projected("a"), &projected("b"), &projected("b"));

    let check = |kind, object, patch| check(kind, object, patch, patch);
    check(Kind::BuiltIn, "spec: {policyTypes: [Ingress]}", "spec: {policyTypes: [Egress]}");
    check(Kind::BuiltIn, "spec: {ingress: [{from: []}]}", "spec: {ingress: [{ports: [{port: 1}]}]}");
    check(Kind::BuiltIn, "rules: [{verbs: [get]}]", "rules: [{verbs: [list, null]}]");
    check(Kind::BuiltIn, "subjects: [{name: a}]", "subjects: [{name: b}]");
    check(Kind::BuiltIn, "spec: {accessModes: [a]}", "spec: {accessModes: [b]}");
    check(Kind::ServiceAccount, "imagePullSecrets: [{name: a}]", "imagePullSecrets: [{name: b}]");
}

#[test]
fn no_list_in_the_spec_of_a_definition_merges() {
    let definition = Kind::of("apiextensions.k8s.io", "CustomResourceDefinition");
    let spec = "spec: {versions: [{name: b, additionalPrinterColumns: [{name: c}]}]}";
    check(definition, "spec: {versions: [{name: a}, {name: b, served: true}]}", spec, spec);
    let versions = "spec: {versions: [{name: v, schema: {x: {$patch: replace, y: null}}}]}";
    check(definition, "spec: {a: b}", versions, &versions.replace("spec: {", "spec: {a: b, "));
}

#[test]
fn no_list_of_a_custom_resource_merges() {
    for patch in [
        "spec: {containers: [{name: b}], volumes: [{name: b}], ports: [{port: 2}]}",
        "spec: {template: {spec: {containers: [{name: b}]}}}",
        "metadata: {finalizers: [b]}",
        "metadata: {ownerReferences: [{uid: b}]}",
        "status: {conditions: [{type: b}]}",
    ] {
        let object = patch.replace(": b", ": a").replace("[b]", "[a]").replace("port: 2", "port: 1");
        check(Kind::of("kustomize.toolkit.fluxcd.io", "Kustomization"), &object, patch, patch);
    }
}

#[test]
fn finalizers_are_a_set() {
    let metadata = |text: &str| format!("metadata: {{finalizers: [{text}]}}");
    for kind in [Kind::Workload, Kind::Service, Kind::of("apiextensions.k8s.io", "CustomResourceDefinition")] {
        check(kind, &metadata("a, b"), &metadata("c, b"), &metadata("c, b, a"));
        check(kind, &metadata("a"), &metadata("c, c"), &metadata("c, a"));
        check(kind, &metadata("a"), &metadata(""), &metadata("a"));
        check(kind, "metadata: {}", &metadata("c, a, c"), &metadata("c, a"));
        check(kind, &metadata("a"), "metadata: {finalizers: null}", "metadata: {}");
        for object in [metadata("a"), "metadata: {}".to_owned()] {
            let message = "`metadata.finalizers`: expected texts, found a mapping; null removes the whole list";
            refused(kind, &object, &metadata("{$patch: delete}"), message);
        }
    }
}

/// Every list with a key: the element with the same key merges, the others stay.
#[test]
fn merged_lists_and_their_keys() {
    for (list, key) in [
        ("containers", "name"),
        ("initContainers", "name"),
        ("ephemeralContainers", "name"),
        ("volumes", "name"),
        ("imagePullSecrets", "name"),
        ("hostAliases", "ip"),
    ] {
        let text = |elements: &str| format!("{list}: [{}]", elements.replace("KEY", key));
        pod(&text("{KEY: a, x: 1}, {KEY: b}"), &text("{KEY: a, y: 2}"), &text("{KEY: a, x: 1, y: 2}, {KEY: b}"));
    }
    for (list, key) in [("env", "name"), ("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")] {
        for containers in ["containers", "initContainers", "ephemeralContainers"] {
            let text =
                |elements: &str| format!("{containers}: [{{name: c, {list}: [{}]}}]", elements.replace("KEY", key));
            pod(&text("{KEY: a, x: 1}, {KEY: b}"), &text("{KEY: a, y: 2}"), &text("{KEY: a, x: 1, y: 2}, {KEY: b}"));
        }
    }
    for (kind, before, after) in
        [(Kind::ServiceAccount, "secrets: [", "]"), (Kind::Workload, "metadata: {ownerReferences: [", "]}")]
    {
        let key = if kind == Kind::Workload { "uid" } else { "name" };
        let text = |elements: &str| format!("{before}{}{after}", elements.replace("KEY", key));
        check(
            kind,
            &text("{KEY: a, x: 1}, {KEY: b}"),
            &text("{KEY: a, y: 2}"),
            &text("{KEY: a, x: 1, y: 2}, {KEY: b}"),
        );
    }
}

#[test]
fn merged_lists_and_their_two_keys() {
    let service = |ports: &str| format!("spec: {{ports: [{ports}]}}");
    check(
        Kind::Service,
        &service("{port: 80, protocol: TCP, x: 1}, {port: 80, protocol: UDP}"),
        &service("{port: 80, protocol: UDP, y: 2}"),
        &service("{port: 80, protocol: TCP, x: 1}, {port: 80, protocol: UDP, y: 2}"),
    );
    let container = |ports: &str| format!("containers: [{{name: c, ports: [{ports}]}}]");
    pod(
        &container("{containerPort: 80, protocol: TCP, x: 1}, {containerPort: 80, protocol: UDP}"),
        &container("{containerPort: 80, protocol: UDP, y: 2}"),
        &container("{containerPort: 80, protocol: TCP, x: 1}, {containerPort: 80, protocol: UDP, y: 2}"),
    );
    let spread = |elements: &str| format!("topologySpreadConstraints: [{elements}]");
    pod(
        &spread("{topologyKey: a, whenUnsatisfiable: x, maxSkew: 1}"),
        &spread("{topologyKey: a, whenUnsatisfiable: y, maxSkew: 2}"),
        &spread(
            "{topologyKey: a, whenUnsatisfiable: y, maxSkew: 2}, {topologyKey: a, whenUnsatisfiable: x, maxSkew: 1}",
        ),
    );
}

#[test]
fn lists_merge_in_jobs_and_pods_too() {
    let containers = |path: &[&str], element: &str| {
        format!("{}: {{containers: [{element}]{}", path.join(": {"), "}".repeat(path.len()))
    };
    for (kind, path) in [
        (Kind::of("", "Pod"), &["spec"][..]),
        (Kind::of("batch", "Job"), &["spec", "template", "spec"]),
        (Kind::of("batch", "CronJob"), &["spec", "jobTemplate", "spec", "template", "spec"]),
        (Kind::of("apps", "StatefulSet"), &["spec", "template", "spec"]),
    ] {
        check(
            kind,
            &containers(path, "{name: a, x: 1}"),
            &containers(path, "{name: a, y: 2}"),
            &containers(path, "{name: a, x: 1, y: 2}"),
        );
    }
}

#[test]
fn with_one_key_the_elements_of_the_patch_come_first() {
    pod("containers: [{name: manager}]", "containers: [{name: proxy}]", "containers: [{name: proxy}, {name: manager}]");
    pod("volumes: [{name: data}, {name: tmp}]", "volumes: [{name: tmp}]", "volumes: [{name: tmp}, {name: data}]");
    pod(
        "volumes: [{name: a}, {name: b}, {name: c}]",
        "volumes: [{name: c, x: 1}, {name: new}, {name: a}]",
        "volumes: [{name: c, x: 1}, {name: new}, {name: a}, {name: b}]",
    );
}

#[test]
fn with_two_keys_only_new_elements_come_first() {
    let port = |port: &str| format!("{{containerPort: {port}, protocol: TCP}}");
    let container = |ports: &[&str]| {
        let ports: Vec<_> = ports.iter().map(|text| port(text)).collect();
        format!("containers: [{{name: c, ports: [{}]}}]", ports.join(", "))
    };
    pod(&container(&["1", "2", "3"]), &container(&["3", "9", "1", "8"]), &container(&["9", "8", "1", "2", "3"]));
}

#[test]
fn an_element_with_half_a_key_only_adds_what_is_new() {
    let container = |ports: &str| format!("containers: [{{name: c, ports: [{ports}]}}]");
    let existing = "{containerPort: 80, protocol: TCP}";
    pod(&container(existing), &container("{containerPort: 80, name: dropped}"), &container(existing));
    pod(&container(existing), &container("{protocol: TCP, name: dropped}"), &container(existing));
    pod(
        &container(existing),
        &container("{containerPort: 81, name: added}"),
        &container(&format!("{{containerPort: 81, name: added}}, {existing}")),
    );
    let added = "containers: [{name: c, ports: [{containerPort: 80, name: added}]}]";
    pod("containers: [{name: c}]", added, added);
}

#[test]
fn of_elements_with_one_key_the_first_counts() {
    pod(
        "volumes: [{name: a}]",
        "volumes: [{name: a, x: 1}, {name: a, x: 2, y: 3}, {name: b, x: 1}, {name: b, x: 2}]",
        "volumes: [{name: a, x: 1}, {name: b, x: 1}]",
    );
    // Nothing to merge with: the last, at the place of the first.
    pod(
        "a: b",
        "volumes: [{name: a, x: 1}, {name: b}, {name: a, y: 2}]",
        "a: b, volumes: [{name: a, y: 2}, {name: b}]",
    );
}

#[test]
fn keys_compare_by_their_text() {
    let container =
        |port: &str| format!("containers: [{{name: c, ports: [{{containerPort: {port}, protocol: TCP}}]}}]");
    pod(&container("9090"), &container("'9090'"), &container("'9090'"));
    pod(&container("'9090'"), &container("9090"), &container("'9090'"));
    pod("hostAliases: [{ip: '1', x: 1}]", "hostAliases: [{ip: 1, y: 2}]", "hostAliases: [{ip: '1', x: 1, y: 2}]");
}

#[test]
fn an_element_without_its_key_is_refused() {
    let path = |path| format!("`spec.template.spec.{path}`: {NO_KEY}");
    pod_refused("containers: [{name: a}]", "containers: [{name: a}, {image: b}]", &path("containers[1]"));
    pod_refused("containers: [{name: a}]", "containers: [{name: null}]", &path("containers[0]"));
    pod_refused("a: b", "containers: [{image: b}]", &path("containers[0]"));
    pod_refused("containers: [{name: a}]", "containers: [{}]", &path("containers[0]"));
    pod_refused("containers: [{name: a}]", "containers: [{name: a, env: [{value: b}]}]", &path("containers[0].env[0]"));
    refused(
        Kind::Service,
        "spec: {ports: [{port: 1}]}",
        "spec: {ports: [{name: http}]}",
        "`spec.ports[0]`: an element of this list needs `port` and `protocol` to say which one it is",
    );
    for (element, found) in [("b", "a scalar"), ("null", "a scalar"), ("[b]", "a list")] {
        let error = format!(
            "`spec.template.spec.containers[0]`: elements of this list are mappings with `name`, found {found}"
        );
        pod_refused("containers: [{name: a}]", &format!("containers: [{element}]"), &error);
    }
}

#[test]
fn a_second_source_of_a_volume_stays_beside_the_first_unless_that_is_null() {
    pod(
        "volumes: [{name: data, emptyDir: {}}]",
        "volumes: [{name: data, hostPath: {path: /a}}]",
        "volumes: [{name: data, emptyDir: {}, hostPath: {path: /a}}]",
    );
    pod(
        "volumes: [{name: data, emptyDir: {}}]",
        "volumes: [{name: data, emptyDir: null, hostPath: {path: /a}}]",
        "volumes: [{name: data, hostPath: {path: /a}}]",
    );
}
