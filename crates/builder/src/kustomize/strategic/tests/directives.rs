//! `$patch` at every place where one can stand.

use super::super::super::schema::Kind;
use super::super::Outcome;
use super::{check, merge, plain, pod, pod_refused, refused};

const ELEMENT: &str = "`$patch: replace` has no effect on one element of a list, delete the element or name its fields";
const NO_LIST: &str = "a directive for the whole list has nothing to act on, there is no such list yet";

#[test]
fn on_the_document() {
    let (_, outcome) = merge(Kind::BuiltIn, "spec: {a: 1}", "{$patch: delete, spec: {a: 2}}").unwrap();
    assert_eq!(outcome, Outcome::Deleted);
    check(Kind::BuiltIn, "spec: {a: 1}", "{$patch: merge, spec: {b: 2}}", "spec: {a: 1, b: 2}");
    refused(
        Kind::BuiltIn,
        "spec: {a: 1}",
        "{$patch: replace, spec: {b: 2}}",
        "`.`: `$patch: replace` has no effect on a whole object, name the fields to replace",
    );
}

#[test]
fn in_a_map_that_the_object_has() {
    plain("spec: {a: {b: 1}, c: 2}", "spec: {a: {$patch: delete}}", "spec: {c: 2}");
    plain("spec: {a: {b: 1}, c: 2}", "spec: {a: {$patch: delete, b: 3}}", "spec: {c: 2}");
    plain("spec: {a: {b: 1, c: 2}}", "spec: {a: {$patch: replace, d: 3}}", "spec: {a: {d: 3}}");
    plain("spec: {a: {b: 1}}", "spec: {a: {$patch: replace}}", "spec: {a: {}}");
    plain("spec: {a: {b: 1}}", "spec: {a: {$patch: merge, c: 2}}", "spec: {a: {b: 1, c: 2}}");
    plain("metadata: {labels: {a: b}}", "metadata: {labels: {$patch: delete}}", "metadata: {}");
}

#[test]
fn in_a_map_that_the_object_lacks() {
    plain("spec: {c: 2}", "spec: {a: {$patch: delete, b: 1}}", "spec: {c: 2}");
    plain("spec: {c: 2}", "spec: {a: {$patch: replace, b: 1}}", "spec: {a: {b: 1}, c: 2}");
    plain("{}", "spec: {a: {b: {$patch: delete}, c: {$patch: replace, d: 1}}}", "spec: {a: {c: {d: 1}}}");
    plain("{}", "spec: {a: {$patch: merge, b: 1}}", "spec: {a: {b: 1}}");
}

#[test]
fn maps_of_custom_resources_know_directives_too() {
    let kind = Kind::of("source.toolkit.fluxcd.io", "GitRepository");
    check(kind, "spec: {ref: {name: a}, url: b}", "spec: {ref: {$patch: delete}}", "spec: {url: b}");
    check(kind, "spec: {ref: {name: a}}", "spec: {ref: {$patch: replace, tag: v1}}", "spec: {ref: {tag: v1}}");
}

#[test]
fn in_an_element_with_its_key() {
    pod("volumes: [{name: a}, {name: b}]", "volumes: [{name: a, $patch: delete}]", "volumes: [{name: b}]");
    pod("volumes: [{name: a}]", "volumes: [{name: b, $patch: delete}]", "volumes: [{name: a}]");
    pod("volumes: [{name: a}]", "volumes: [{name: a, $patch: merge, x: 1}]", "volumes: [{name: a, x: 1}]");
    pod("volumes: [{name: a}]", "volumes: [{name: a, $patch: delete}]", "volumes: []");
    pod("a: b", "volumes: [{name: a, $patch: delete}, {name: b, $patch: merge}]", "a: b, volumes: [{name: b}]");
    let ports = |ports: &str| format!("containers: [{{name: c, ports: [{ports}]}}]");
    pod(
        &ports("{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: UDP}"),
        &ports("{containerPort: 80, protocol: TCP, $patch: delete}"),
        &ports("{containerPort: 80, protocol: UDP}"),
    );
    let refused = |object, name| {
        let error = format!("`spec.template.spec.volumes[0]`: {ELEMENT}");
        pod_refused(object, &format!("volumes: [{{name: {name}, $patch: replace, x: 1}}]"), &error);
    };
    refused("volumes: [{name: a}]", "a");
    refused("volumes: [{name: a}]", "new");
    refused("a: b", "new");
}

#[test]
fn with_half_a_key_nothing_is_deleted() {
    let ports = |ports: &str| format!("containers: [{{name: c, ports: [{ports}]}}]");
    pod_refused(
        &ports("{containerPort: 80, protocol: TCP}"),
        &ports("{containerPort: 80, $patch: delete}"),
        "`spec.template.spec.containers[0].ports[0]`: to delete an element of this list, give `containerPort` and \
         `protocol` of it",
    );
}

#[test]
fn for_a_whole_list_at_any_place_in_it() {
    let existing = "volumes: [{name: a, x: 1}, {name: z}]";
    for (patch, expected) in [
        ("{$patch: replace}, {name: a}, {name: b}", "{name: a}, {name: b}"),
        ("{name: a}, {$patch: replace}, {name: b}", "{name: a}, {name: b}"),
        ("{name: a}, {name: b}, {$patch: replace}", "{name: a}, {name: b}"),
        ("{$patch: replace}", ""),
        ("{$patch: replace}, {name: b, y: null}", "{name: b}"),
    ] {
        pod(existing, &format!("volumes: [{patch}]"), &format!("volumes: [{expected}]"));
    }
    for patch in ["{$patch: delete}", "{name: a}, {$patch: delete}", "{$patch: delete}, {name: b}"] {
        pod(&format!("a: b, {existing}"), &format!("volumes: [{patch}]"), "a: b");
    }
}

#[test]
fn for_a_whole_list_that_the_object_lacks() {
    for directive in ["replace", "delete"] {
        let error = format!("`spec.template.spec.volumes[1]`: {NO_LIST}");
        pod_refused("a: b", &format!("volumes: [{{name: a}}, {{$patch: {directive}}}]"), &error);
    }
}

#[test]
fn in_a_list_without_keys_it_is_a_field() {
    pod("tolerations: [{key: a}]", "tolerations: [{$patch: replace}]", "tolerations: [{$patch: replace}]");
    pod("a: b", "tolerations: [{key: {$patch: delete}}]", "a: b, tolerations: [{key: {$patch: delete}}]");
}

#[test]
fn other_values_are_refused() {
    let expected = |path, found| format!("`{path}`: `$patch` takes `merge`, `replace` or `delete`, found {found}");
    let refused = |object, patch, error: String| refused(Kind::BuiltIn, object, patch, &error);
    refused("spec: {a: 1}", "{$patch: remove}", expected(".", "`remove`"));
    refused("spec: {a: {b: 1}}", "spec: {a: {$patch: Delete}}", expected("spec.a", "`Delete`"));
    refused("spec: {a: {b: 1}}", "spec: {a: {$patch: [delete]}}", expected("spec.a", "a list"));
    refused("{}", "spec: {a: {$patch: remove}}", expected("spec", "").replace("`spec`", "`spec.a`") + "`remove`");
    pod_refused(
        "volumes: [{name: a}]",
        "volumes: [{name: a, $patch: retain}]",
        &expected("spec.template.spec.volumes[0]", "`retain`"),
    );
}

#[test]
fn other_directives_are_fields() {
    pod(
        "volumes: [{name: a, x: 1}]",
        "$setElementOrder/volumes: [{name: a}], volumes: [{name: a, $retainKeys: [name]}]",
        "$setElementOrder/volumes: [{name: a}], volumes: [{name: a, x: 1, $retainKeys: [name]}]",
    );
    check(
        Kind::BuiltIn,
        "metadata: {finalizers: [a]}",
        "metadata: {$deleteFromPrimitiveList/finalizers: [a]}",
        "metadata: {finalizers: [a], $deleteFromPrimitiveList/finalizers: [a]}",
    );
}
