//! Files with more, less or something else than one instance.

use super::super::Admission;
use super::{HEAD, instance, plan, text_refused};

#[test]
fn documents_are_found_with_their_lines() {
    let text = format!("# a comment\n---\n{}---\n# empty\n---\nkind: ConfigMap\n---\nnull\n", instance(""));
    let admission = Admission::new();
    let manifests = admission.read(&text).unwrap();
    let found: Vec<_> = manifests.iter().map(|found| (found.line(), found.kind(), found.is_flux_instance())).collect();
    assert_eq!(found, [(3, Some("FluxInstance"), true), (11, Some("ConfigMap"), false)]);
    assert!(manifests[0].plan().is_ok());
    assert!(admission.read("").unwrap().is_empty());
    assert!(admission.read("# nothing\n").unwrap().is_empty());
}

#[test]
fn a_list_is_its_items() {
    let item = instance("").trim_end().replace('\n', "\n    ");
    let text = format!("apiVersion: v1\nkind: List\nitems:\n  -\n    {item}\n  - kind: Secret\n");
    let admission = Admission::new();
    let manifests = admission.read(&text).unwrap();
    assert_eq!(
        manifests.iter().map(|found| (found.line(), found.kind())).collect::<Vec<_>>(),
        [(5, Some("FluxInstance")), (10, Some("Secret"))]
    );
    assert!(manifests[0].plan().is_ok());
}

#[test]
fn lines_are_those_of_the_file() {
    let text = format!("# two\n# more\n---\n{}", instance("cluster:\n  size: tiny"));
    let expected = "line 10: `spec.cluster.size`: expected one of `small`, `medium`, `large`, found `tiny`";
    text_refused(&text, &[expected]);
}

#[test]
fn what_is_no_flux_instance_is_said_first() {
    let change = |from: &str, to: &str| instance("").replace(from, to);
    text_refused(
        &change("kind: FluxInstance", "kind: FluxInstances"),
        &["line 2: `kind`: expected `FluxInstance`, found `FluxInstances`"],
    );
    text_refused(
        &change("apiVersion: fluxcd.controlplane.io/v1", "apiVersion: fluxcd.controlplane.io/v1beta1"),
        &["line 1: `apiVersion`: expected `fluxcd.controlplane.io/v1`, found `fluxcd.controlplane.io/v1beta1`"],
    );
    text_refused(
        &change("apiVersion: fluxcd.controlplane.io/v1\n", ""),
        &["line 1: `apiVersion`: expected `fluxcd.controlplane.io/v1`, found nothing"],
    );
    text_refused("text", &["line 1: expected a FluxInstance, found no mapping"]);
    text_refused("- a\n", &["line 1: expected a FluxInstance, found no mapping"]);
    text_refused("a: b", &["line 1: `kind`: expected `FluxInstance`, found nothing"]);
}

#[test]
fn a_spec_is_required() {
    let head = HEAD.trim_end_matches("spec:\n");
    text_refused(head, &["line 1: `spec`: is required"]);
    text_refused(&format!("{head}spec: null\n"), &["line 4: `spec`: is required"]);
    text_refused(&format!("{head}spec: []\n"), &["line 4: `spec`: expected a mapping, found a list"]);
}

#[test]
fn the_status_says_nothing_about_what_is_wanted() {
    for status in ["status: {conditions: 7, anything: [a]}", "status: null", "status: text"] {
        assert!(plan(&format!("{}{status}\n", instance(""))).is_ok(), "{status}");
    }
}

#[test]
fn what_the_api_server_writes_into_metadata_is_left_alone() {
    let metadata = "metadata:\n  name: flux\n  uid: 1-2\n  resourceVersion: '7'\n  generation: 3\n  \
                    creationTimestamp: 2026-01-01T00:00:00Z\n  managedFields: [{manager: kubectl}]\n  \
                    annotations: {fluxcd.controlplane.io/reconcileEvery: 1h, on: off}\n  labels:\n";
    assert!(plan(&instance("").replace("metadata: {name: flux}\n", metadata)).is_ok());
}

#[test]
fn of_two_keys_only_the_last_counts() {
    for (once, twice) in [
        ("spec:\n", "spec: {unknown: 1, distribution: [a]}\nspec:\n"),
        ("metadata: {name: flux}", "metadata: {nmae: a}\nmetadata: {name: flux}"),
        ("kind: FluxInstance", "kind: Other\nkind: FluxInstance"),
    ] {
        let read = plan(&instance("").replace(once, twice)).map(|_| ());
        assert_eq!(read, Ok(()), "{twice}");
    }
    let twice = instance("cluster: {}\ncluster: {size: tiny}");
    let expected = "line 7: `spec.cluster.size`: expected one of `small`, `medium`, `large`, found `tiny`";
    text_refused(&twice, &[expected]);
}

#[test]
fn a_text_that_is_no_yaml_is_an_error_of_its_own() {
    let admission = Admission::new();
    assert_eq!(admission.read("a: b\n c: d\n").unwrap_err().line, 2);
    assert!(admission.read("a: *unknown\n").is_err());
}
