//! What a strategic merge does, row by row: object, patch, result.

mod directives;
mod lists;

use serde_json::{Value, json};

use super::{Kind, Merge, Outcome};
use crate::yaml::{Dialect, Limits, parse, read_documents};

/// Merges YAML into YAML.
fn merge(kind: Kind, object: &str, patch: &str) -> Result<(Value, Outcome), String> {
    let read = |text: &str| read_documents(text, Dialect::Manifest, &Limits::INPUT).unwrap().pop();
    let mut object = read(object).unwrap_or_else(|| json!({}));
    let patch = parse(patch, &Limits::INPUT).unwrap().pop().unwrap();
    let merge = Merge::from_node(patch).map_err(|error| error.to_string())?;
    let outcome = merge.apply(&mut object, kind).map_err(|error| error.to_string())?;
    Ok((object, outcome))
}

#[track_caller]
fn check(kind: Kind, object: &str, patch: &str, expected: &str) {
    let expected = read_documents(expected, Dialect::Manifest, &Limits::INPUT).unwrap().pop().unwrap();
    assert_eq!(merge(kind, object, patch), Ok((expected, Outcome::Merged)), "{object}  +  {patch}");
}

#[track_caller]
fn refused(kind: Kind, object: &str, patch: &str, error: &str) {
    assert_eq!(merge(kind, object, patch).unwrap_err(), error, "{object}  +  {patch}");
}

/// An object whose lists are of no interest.
#[track_caller]
fn plain(object: &str, patch: &str, expected: &str) {
    check(Kind::BuiltIn, object, patch, expected);
}

/// A pod spec inside a Deployment, in flow style without the outer braces.
fn workload(pod: &str) -> String {
    format!("spec: {{template: {{spec: {{{pod}}}}}}}")
}

#[track_caller]
fn pod(object: &str, patch: &str, expected: &str) {
    check(Kind::Workload, &workload(object), &workload(patch), &workload(expected));
}

#[track_caller]
fn pod_refused(object: &str, patch: &str, error: &str) {
    refused(Kind::Workload, &workload(object), &workload(patch), error);
}

#[test]
fn maps_merge_key_by_key_and_scalars_replace() {
    plain("spec: {a: 1}", "spec: {b: 2}", "spec: {a: 1, b: 2}");
    plain("spec: {a: 1}", "spec: {a: 2}", "spec: {a: 2}");
    plain("spec: {a: {b: {c: 1, d: 2}}}", "spec: {a: {b: {c: 3}}}", "spec: {a: {b: {c: 3, d: 2}}}");
    plain("spec: {a: text}", "spec: {a: 1}", "spec: {a: 1}");
    plain("spec: {a: 1}", "spec: {a: text}", "spec: {a: text}");
    plain("{}", "data: {a: b}", "data: {a: b}");
}

#[test]
fn null_removes() {
    for null in ["null", "~", "Null", "NULL", ""] {
        plain("spec: {a: 1, b: 2}", &format!("spec:\n  a: {null}"), "spec: {b: 2}");
    }
    plain("spec: {a: {b: 1}}", "spec: {a: null}", "spec: {}");
    plain("spec: {a: [1]}", "spec: {a: null}", "spec: {}");
    plain("spec: {a: 1}", "spec: {b: null}", "spec: {a: 1}");
    plain("spec: {a: 1}", "spec: null", "{}");
    plain("spec: {a: 1}", "spec: {a: 'null'}", "spec: {a: 'null'}");
}

#[test]
fn what_the_object_lacks_is_taken_over_without_nulls() {
    plain("{}", "spec: {a: {b: null, c: 1}, d: null}", "spec: {a: {c: 1}}");
    plain("{}", "spec: {a: {b: null}}", "spec: {a: {}}");
    pod(
        "a: b",
        "containers: [{name: x, image: null, env: [{name: E, value: null}]}]",
        "a: b, containers: [{name: x, env: [{name: E}]}]",
    );
    // An existing null is like nothing.
    plain("spec: {a: null}", "spec: {a: {b: 1, c: null}}", "spec: {a: {b: 1}}");
    plain("spec: {a: null}", "spec: {a: [1]}", "spec: {a: [1]}");
    plain("spec: {a: null}", "spec: {a: 1}", "spec: {a: 1}");
}

#[test]
fn empty_collections_only_fill_gaps() {
    pod("nodeSelector: {a: b}", "nodeSelector: {}", "nodeSelector: {a: b}");
    pod("a: b", "nodeSelector: {}", "a: b, nodeSelector: {}");
    pod("containers: [{name: x}]", "containers: []", "containers: [{name: x}]");
    pod("a: b", "containers: []", "a: b, containers: []");
    // A list without keys is replaced, also by nothing.
    pod("tolerations: [{key: a}]", "tolerations: []", "tolerations: []");
}

#[test]
fn shapes_that_clash_name_their_place() {
    let refused = |object, patch, error: String| refused(Kind::Workload, object, patch, &error);
    let clash = |path, object, patch| format!("`{path}`: the object has {object} here, the patch has {patch}");
    refused("spec: {a: {b: 1}}", "spec: {a: 1}", clash("spec.a", "a mapping", "a scalar"));
    refused("spec: {a: {b: 1}}", "spec: {a: [1]}", clash("spec.a", "a mapping", "a list"));
    refused("spec: {a: [1]}", "spec: {a: 1}", clash("spec.a", "a list", "a scalar"));
    refused("spec: {a: [1]}", "spec: {a: {b: 1}}", clash("spec.a", "a list", "a mapping"));
    refused("spec: {a: 1}", "spec: {a: [1]}", clash("spec.a", "a scalar", "a list"));
    refused("spec: {a: 1}", "spec: {a: {b: 1}}", clash("spec.a", "a scalar", "a mapping"));
    refused("spec: 1", "spec: {a: 1}", clash("spec", "a scalar", "a mapping"));
    pod_refused(
        "containers: [{name: a}, {name: b, resources: {limits: {cpu: 1}}}]",
        "containers: [{name: b, resources: {limits: [cpu]}}]",
        &clash("spec.template.spec.containers[0].resources.limits", "a mapping", "a list"),
    );
}

#[test]
fn scalars_are_nearly_yaml_1_2() {
    for (text, expected) in [
        ("true", json!(true)),
        ("False", json!(false)),
        ("TRUE", json!(true)),
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("y", json!("y")),
        ("7", json!(7)),
        ("-7", json!(-7)),
        ("'7'", json!("7")),
        ("!!str 7", json!("7")),
        ("0755", json!(493)),
        ("0o17", json!(15)),
        ("0b11", json!(3)),
        ("0x1F", json!(31)),
        ("1_000", json!(1000)),
        ("08", json!(8)),
        ("1e3", json!(1000)),
        (".5", json!(0.5)),
        ("1.50", json!(1.5)),
        ("2020-01-01", json!("2020-01-01T00:00:00Z")),
        ("'2020-01-01'", json!("2020-01-01")),
        ("12:30", json!("12:30")),
        ("v1.0", json!("v1.0")),
    ] {
        let (object, _) = merge(Kind::BuiltIn, "spec: {}", &format!("spec: {{a: {text}}}")).unwrap();
        assert_eq!(object["spec"]["a"], expected, "{text}");
        let (object, _) = merge(Kind::BuiltIn, "spec: {a: text}", &format!("spec: {{a: {text}}}")).unwrap();
        assert_eq!(object["spec"]["a"], expected, "{text} in the place of a text");
    }
}

#[test]
fn labels_and_annotations_are_texts_spelled_as_written() {
    for map in ["labels", "annotations"] {
        for kind in [Kind::BuiltIn, Kind::Custom, Kind::Workload] {
            for (text, expected) in
                [("0755", "0755"), ("1.50", "1.50"), ("True", "True"), ("2020-01-01", "2020-01-01"), ("a", "a")]
            {
                let metadata = |entries: &str| format!("metadata: {{{map}: {{{entries}}}}}");
                let patch = metadata(&format!("x: {text}"));
                let result = metadata(&format!("x: '{expected}'"));
                check(kind, "metadata: {}", &patch, &result);
                check(kind, &metadata("x: old"), &patch, &result);
                check(kind, &metadata("y: old"), &metadata(&format!("x: {text}, $patch: replace")), &result);
            }
        }
    }
    plain("metadata: {labels: {a: b, c: d}}", "metadata: {labels: {a: null}}", "metadata: {labels: {c: d}}");
    plain("metadata: {labels: {a: b}}", "metadata: {labels: null}", "metadata: {}");
    plain("metadata: {labels: {a: b}}", "metadata: {labels: {$patch: replace, c: null}}", "metadata: {labels: {}}");
    plain("metadata: {name: x}", "metadata: {labels: {a: null}}", "metadata: {name: x, labels: {}}");
}

#[test]
fn labels_of_templates_keep_their_types() {
    let template = |labels: &str| format!("spec: {{template: {{metadata: {{labels: {{{labels}}}}}}}}}");
    check(Kind::Workload, &template("a: b"), &template("x: 3, y: 1.50"), &template("a: b, x: 3, y: 1.5"));
}

#[test]
fn a_text_that_needs_its_quotes_stays_a_text() {
    plain("spec: {hard: {pods: '1000'}}", "spec: {hard: {pods: 7}}", "spec: {hard: {pods: '7'}}");
    plain("spec: {a: 'true'}", "spec: {a: false}", "spec: {a: 'false'}");
    plain("spec: {a: '8080'}", "spec: {a: 0755}", "spec: {a: '0755'}");
    plain("spec: {a: 'y'}", "spec: {a: 1.50}", "spec: {a: '1.50'}");
    plain("spec: {a: '8080'}", "spec: {a: text}", "spec: {a: text}");
    plain("spec: {a: text}", "spec: {a: 7}", "spec: {a: 7}");
    plain("spec: {a: 8080}", "spec: {a: '9090'}", "spec: {a: '9090'}");
    let annotations = |text: &str| format!("spec: {{template: {{metadata: {{annotations: {{{text}}}}}}}}}");
    check(
        Kind::Workload,
        &annotations("prometheus.io/port: '8080'"),
        &annotations("prometheus.io/port: 9090, x: 3"),
        &annotations("prometheus.io/port: '9090', x: 3"),
    );
}

#[test]
fn keys_are_texts_and_the_first_of_two_counts() {
    for (key, found) in [("2", "2"), ("1.5", "1.5"), ("true", "true")] {
        let error = format!("line 1, column 9: a key has to be a text, found `{found}`: put it in quotes");
        refused(Kind::BuiltIn, "{}", &format!("spec: {{ {key}: a }}"), &error);
    }
    refused(Kind::BuiltIn, "{}", "spec:\n  ~: a", "line 2, column 3: a key has to be a text, found null");
    check(Kind::BuiltIn, "{}", "spec: {'2': a, yes: b}", "spec: {'2': a, 'yes': b}");
    check(Kind::BuiltIn, "{}", "spec: {a: 1, a: 2}", "spec: {a: 1}");
    refused(Kind::BuiltIn, "{}", "- a", "line 1, column 1: expected a mapping");
}

#[test]
fn anchors_and_merge_keys_work() {
    plain("spec: {b: {x: 1}}", "spec: {a: &a {c: 1}, b: *a}", "spec: {a: {c: 1}, b: {x: 1, c: 1}}");
    plain("{}", "spec: {a: &a {c: 1, d: 2}, b: {<<: *a, c: 3}}", "spec: {a: {c: 1, d: 2}, b: {c: 3, d: 2}}");
}
