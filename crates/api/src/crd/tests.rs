//! What has to come out: the contract of the API, as tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;

/// Every schema of the CRD by its path: `spec.sync.name`, list items as `spec.components[]`, map
/// values as `spec.commonMetadata.labels{}`, the root as the empty path.
fn schemas() -> BTreeMap<String, Value> {
    schemas_of(&flux_instance())
}

fn schemas_of(crd: &Value) -> BTreeMap<String, Value> {
    fn collect(path: &str, schema: &Value, found: &mut BTreeMap<String, Value>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let dot = if path.is_empty() { "" } else { "." };
            collect(&format!("{path}{dot}{name}"), property, found);
        }
        if let Some(items) = schema.get("items") {
            collect(&format!("{path}[]"), items, found);
        }
        if let Some(values) = schema.get("additionalProperties") {
            collect(&format!("{path}{{}}"), values, found);
        }
        found.insert(path.to_owned(), schema.clone());
    }
    let mut found = BTreeMap::new();
    collect("", &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], &mut found);
    found
}

fn version() -> Value {
    flux_instance()["spec"]["versions"][0].clone()
}

/// The values of `keyword` wherever it occurs, by path.
fn keyword(keyword: &str) -> BTreeMap<String, Value> {
    let value = |(path, schema): (String, Value)| Some((path, schema.get(keyword)?.clone()));
    schemas().into_iter().filter_map(value).collect()
}

/// `keyword` occurs exactly where `expected` says, with exactly these values.
#[track_caller]
fn check(name: &str, expected: &[(&str, Value)]) {
    let expected = expected.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
    assert_eq!(keyword(name), expected, "{name}");
}

#[test]
fn identity() {
    let crd = flux_instance();
    assert_eq!(crd["apiVersion"], "apiextensions.k8s.io/v1");
    assert_eq!(crd["kind"], "CustomResourceDefinition");
    assert_eq!(crd["metadata"], json!({ "name": identity::CRD_NAME }));
    assert_eq!(crd["spec"]["group"], identity::GROUP);
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    let names = json!({
        "categories": ["fluxcd", "fluxcd-appliers"],
        "kind": identity::KIND,
        "listKind": "FluxInstanceList",
        "plural": "fluxinstances",
        "singular": "fluxinstance",
    });
    assert_eq!(crd["spec"]["names"], names);
    assert_eq!(crd["spec"]["versions"].as_array().map(Vec::len), Some(1));
    assert_eq!(crd["spec"].get("conversion"), None);
    assert_eq!(crd["spec"].get("preserveUnknownFields"), None);
    let version = version();
    assert_eq!(version["name"], identity::VERSION);
    assert_eq!((&version["served"], &version["storage"]), (&json!(true), &json!(true)));
    assert_eq!(version["subresources"], json!({ "status": {} }));
    let of = <FluxInstance as kube::Resource>::api_version(&());
    assert_eq!(of, identity::API_VERSION);
}

#[test]
fn printer_columns() {
    let column = |name: &str, kind: &str, path: &str| json!({ "name": name, "type": kind, "jsonPath": path });
    let expected = json!([
        column("Age", "date", ".metadata.creationTimestamp"),
        column("Ready", "string", r#".status.conditions[?(@.type=="Ready")].status"#),
        column("Status", "string", r#".status.conditions[?(@.type=="Ready")].message"#),
        column("Revision", "string", ".status.lastAttemptedRevision"),
    ]);
    assert_eq!(version()["additionalPrinterColumns"], expected);
}

#[test]
fn properties() {
    let expected = "
        apiVersion kind metadata spec status
        spec.cluster spec.cluster.domain spec.cluster.multitenant spec.cluster.multitenantWorkloadIdentity
        spec.cluster.networkPolicy spec.cluster.objectLevelWorkloadIdentity spec.cluster.size
        spec.cluster.tenantDefaultDecryptionServiceAccount spec.cluster.tenantDefaultKubeConfigServiceAccount
        spec.cluster.tenantDefaultServiceAccount spec.cluster.type
        spec.commonMetadata spec.commonMetadata.annotations spec.commonMetadata.labels
        spec.components
        spec.distribution spec.distribution.artifact spec.distribution.artifactPullSecret
        spec.distribution.imagePullSecret spec.distribution.registry spec.distribution.variant
        spec.distribution.version
        spec.kustomize spec.kustomize.patches spec.kustomize.patches[].patch spec.kustomize.patches[].target
        spec.kustomize.patches[].target.annotationSelector spec.kustomize.patches[].target.group
        spec.kustomize.patches[].target.kind spec.kustomize.patches[].target.labelSelector
        spec.kustomize.patches[].target.name spec.kustomize.patches[].target.namespace
        spec.kustomize.patches[].target.version
        spec.migrateResources
        spec.sharding spec.sharding.key spec.sharding.shards spec.sharding.storage
        spec.storage spec.storage.class spec.storage.size
        spec.sync spec.sync.interval spec.sync.kind spec.sync.name spec.sync.path spec.sync.provider
        spec.sync.pullSecret spec.sync.ref spec.sync.url
        spec.wait
        status.components status.components[].digest status.components[].name status.components[].repository
        status.components[].tag
        status.conditions status.conditions[].lastTransitionTime status.conditions[].message
        status.conditions[].observedGeneration status.conditions[].reason status.conditions[].status
        status.conditions[].type
        status.history status.history[].digest status.history[].firstReconciled status.history[].lastReconciled
        status.history[].lastReconciledDuration status.history[].lastReconciledStatus status.history[].metadata
        status.history[].totalReconciliations
        status.inventory status.inventory.entries status.inventory.entries[].id status.inventory.entries[].v
        status.lastAppliedRevision status.lastArtifactRevision status.lastAttemptedRevision
        status.lastHandledForceAt status.lastHandledReconcileAt
    ";
    let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
    let is_property = |path: &String| !path.is_empty() && !path.ends_with("[]") && !path.ends_with("{}");
    let found: BTreeSet<_> = schemas().into_keys().filter(is_property).collect();
    assert_eq!(found, expected);
}

#[test]
fn types() {
    let schemas = schemas();
    let of = |kind: &str| -> Vec<&str> {
        schemas.iter().filter(|(_, schema)| schema["type"] == kind).map(|(path, _)| path.as_str()).collect()
    };
    assert_eq!(
        of("boolean"),
        [
            "spec.cluster.multitenant",
            "spec.cluster.multitenantWorkloadIdentity",
            "spec.cluster.networkPolicy",
            "spec.cluster.objectLevelWorkloadIdentity",
            "spec.migrateResources",
            "spec.wait",
        ]
    );
    assert_eq!(of("integer"), ["status.conditions[].observedGeneration", "status.history[].totalReconciliations"]);
    assert_eq!(
        of("array"),
        [
            "spec.components",
            "spec.kustomize.patches",
            "spec.sharding.shards",
            "status.components",
            "status.conditions",
            "status.history",
            "status.inventory.entries",
        ]
    );
    assert_eq!(
        of("object"),
        [
            "",
            "metadata",
            "spec",
            "spec.cluster",
            "spec.commonMetadata",
            "spec.commonMetadata.annotations",
            "spec.commonMetadata.labels",
            "spec.distribution",
            "spec.kustomize",
            "spec.kustomize.patches[]",
            "spec.kustomize.patches[].target",
            "spec.sharding",
            "spec.storage",
            "spec.sync",
            "status",
            "status.components[]",
            "status.conditions[]",
            "status.history[]",
            "status.history[].metadata",
            "status.inventory",
            "status.inventory.entries[]",
        ]
    );
    let typed: usize = ["boolean", "integer", "array", "object", "string"].iter().map(|kind| of(kind).len()).sum();
    assert_eq!(typed, schemas.len(), "every schema has one of these types");
}

#[test]
fn required_lists() {
    check(
        "required",
        &[
            ("spec", json!(["distribution"])),
            ("spec.distribution", json!(["registry", "version"])),
            ("spec.kustomize.patches[]", json!(["patch"])),
            ("spec.sharding", json!(["shards"])),
            ("spec.storage", json!(["class", "size"])),
            ("spec.sync", json!(["kind", "path", "ref", "url"])),
            ("status.components[]", json!(["name", "repository", "tag"])),
            ("status.conditions[]", json!(["lastTransitionTime", "message", "reason", "status", "type"])),
            (
                "status.history[]",
                json!([
                    "digest",
                    "firstReconciled",
                    "lastReconciled",
                    "lastReconciledDuration",
                    "lastReconciledStatus",
                    "totalReconciliations"
                ]),
            ),
            ("status.inventory", json!(["entries"])),
            ("status.inventory.entries[]", json!(["id", "v"])),
        ],
    );
}

#[test]
fn defaults() {
    check(
        "default",
        &[
            ("spec.wait", json!(true)),
            ("spec.migrateResources", json!(true)),
            ("spec.cluster.domain", json!("cluster.local")),
            ("spec.cluster.multitenant", json!(false)),
            ("spec.cluster.multitenantWorkloadIdentity", json!(false)),
            ("spec.cluster.networkPolicy", json!(true)),
            ("spec.cluster.type", json!("kubernetes")),
            ("spec.sharding.key", json!("sharding.fluxcd.io/key")),
            ("spec.sync.interval", json!("1m")),
        ],
    );
}

#[test]
fn enums() {
    check(
        "enum",
        &[
            (
                "spec.distribution.variant",
                json!(["upstream-alpine", "enterprise-alpine", "enterprise-distroless", "enterprise-distroless-fips"]),
            ),
            (
                "spec.components[]",
                json!([
                    "source-controller",
                    "kustomize-controller",
                    "helm-controller",
                    "notification-controller",
                    "image-reflector-controller",
                    "image-automation-controller",
                    "source-watcher"
                ]),
            ),
            ("spec.cluster.type", json!(["kubernetes", "openshift", "aws", "azure", "gcp"])),
            ("spec.cluster.size", json!(["small", "medium", "large"])),
            ("spec.sharding.storage", json!(["ephemeral", "persistent"])),
            ("spec.sync.kind", json!(["OCIRepository", "GitRepository", "Bucket"])),
            ("spec.sync.provider", json!(["generic", "aws", "azure", "gcp", "github"])),
            ("status.conditions[].status", json!(["True", "False", "Unknown"])),
        ],
    );
}

#[test]
fn patterns_and_formats() {
    check(
        "pattern",
        &[
            ("spec.distribution.artifact", json!("^oci://.*$")),
            ("spec.sync.interval", json!(r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")),
            (
                "status.conditions[].type",
                json!(concat!(
                    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?",
                    "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                )),
            ),
            ("status.conditions[].reason", json!("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")),
        ],
    );
    check(
        "format",
        &[
            ("status.conditions[].lastTransitionTime", json!("date-time")),
            ("status.conditions[].observedGeneration", json!("int64")),
            ("status.history[].firstReconciled", json!("date-time")),
            ("status.history[].lastReconciled", json!("date-time")),
            ("status.history[].totalReconciliations", json!("int64")),
        ],
    );
}

#[test]
fn bounds() {
    check("minItems", &[("spec.sharding.shards", json!(1))]);
    check("minLength", &[("status.conditions[].reason", json!(1))]);
    check(
        "maxLength",
        &[
            ("spec.sync.name", json!(63)),
            ("status.conditions[].type", json!(316)),
            ("status.conditions[].reason", json!(1024)),
            ("status.conditions[].message", json!(32768)),
        ],
    );
    check("minimum", &[("status.conditions[].observedGeneration", json!(0))]);
    assert_eq!(crate::conditions::MAX_MESSAGE_CHARS, 32768);
}

#[test]
fn rules() {
    let mut found = Vec::new();
    for (path, rules) in keyword("x-kubernetes-validations") {
        for rule in rules.as_array().unwrap() {
            let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
            assert!(!text("message").is_empty() && !text("message").contains('\n'), "{rule}");
            found.push([path.clone(), text("rule"), text("reason"), text("fieldPath")]);
        }
    }
    let expected = [
        ["", "self.metadata.name == 'flux'", "FieldValueInvalid", ""],
        [
            "spec",
            "!has(self.sharding) || !has(self.sharding.storage) || self.sharding.storage != 'persistent' || \
             has(self.storage)",
            "FieldValueRequired",
            ".storage",
        ],
        [
            "spec.cluster",
            "(has(self.objectLevelWorkloadIdentity) && self.objectLevelWorkloadIdentity) || \
             !has(self.multitenantWorkloadIdentity) || !self.multitenantWorkloadIdentity",
            "FieldValueInvalid",
            ".objectLevelWorkloadIdentity",
        ],
        [
            "spec.sync",
            "!has(self.provider) || self.provider != 'gcp' || self.kind in ['OCIRepository', 'Bucket']",
            "FieldValueInvalid",
            ".provider",
        ],
        [
            "spec.sync",
            "!has(self.provider) || self.provider != 'github' || self.kind == 'GitRepository'",
            "FieldValueInvalid",
            ".provider",
        ],
        ["spec.sync.name", "self == oldSelf", "FieldValueForbidden", ""],
    ];
    assert_eq!(found, expected);
}

#[test]
fn nothing_else_is_said() {
    let known: BTreeSet<_> = [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxLength",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-validations",
    ]
    .into();
    for (path, schema) in all().iter().flat_map(schemas_of) {
        for keyword in schema.as_object().unwrap().keys() {
            assert!(known.contains(keyword.as_str()), "`{keyword}` at `{path}`");
        }
        assert!(!schema.to_string().contains("null"), "null at `{path}`");
    }
}

#[test]
fn every_property_is_described() {
    for (path, schema) in all().iter().flat_map(schemas_of) {
        if path.ends_with("{}") || path == "spec.components[]" || path == "spec.sharding.shards[]" {
            continue; // Values of a map and words of a list: the property says what they are.
        }
        if path == "metadata" {
            // The API server describes it, and accepts nobody else's words.
            assert_eq!(schema, json!({ "type": "object" }));
            continue;
        }
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(description.len() > 15 && description.ends_with('.'), "`{path}`: {description:?}");
        assert!(!description.replace("\n\n", "").contains('\n'), "`{path}` has broken lines: {description:?}");
        assert!(!description.contains("[`") && !description.contains("Self::"), "`{path}` has a Rust link");
    }
}

#[test]
fn the_report_has_these_properties_and_needs_few() {
    let crd = flux_report();
    assert_eq!(crd["metadata"]["name"], identity::REPORT_CRD_NAME);
    assert_eq!(crd["spec"]["names"]["listKind"], "FluxReportList");
    assert_eq!(crd["spec"]["names"]["kind"], identity::REPORT_KIND);
    assert_eq!(crd["spec"]["versions"][0]["subresources"], json!({ "status": {} }));
    let schemas = schemas_of(&crd);
    let expected = "
        spec.cluster spec.cluster.nodes spec.cluster.platform* spec.cluster.serverVersion*
        spec.components spec.components[] spec.components[].image* spec.components[].name*
        spec.components[].ready* spec.components[].status*
        spec.distribution* spec.distribution.entitlement* spec.distribution.managedBy spec.distribution.status*
        spec.distribution.version
        spec.operator spec.operator.apiVersion* spec.operator.platform* spec.operator.version*
        spec.reconcilers spec.reconcilers[] spec.reconcilers[].apiVersion* spec.reconcilers[].kind*
        spec.reconcilers[].stats spec.reconcilers[].stats.failing* spec.reconcilers[].stats.running*
        spec.reconcilers[].stats.suspended* spec.reconcilers[].stats.totalSize
        spec.sync spec.sync.id* spec.sync.path spec.sync.ready* spec.sync.source spec.sync.status*
    ";
    let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
    let is_required = |path: &str| {
        let (parent, name) = path.rsplit_once('.').unwrap_or_default();
        schemas[parent]["required"].as_array().is_some_and(|names| names.contains(&json!(name)))
    };
    let of_spec = schemas.keys().filter(|path| path.starts_with("spec."));
    let found: BTreeSet<_> =
        of_spec.map(|path| if is_required(path) { format!("{path}*") } else { path.clone() }).collect();
    assert_eq!(found, expected);
}

#[test]
fn paragraphs_survive_unwrapping() {
    assert_eq!(unwrap_lines("one\ntwo\n\nthree\n four"), "one two\n\nthree four");
    assert_eq!(unwrap_lines("one"), "one");
}

#[test]
fn bounds_become_integers_where_they_are_whole() {
    for (bound, expected) in [("0.0", "0"), ("63", "63"), ("-1.0", "-1"), ("1.5", "1.5"), ("1e300", "1e300")] {
        let mut value: Value = bound.parse().unwrap();
        make_integer(&mut value);
        assert_eq!(value, expected.parse::<Value>().unwrap(), "{bound}");
    }
}
