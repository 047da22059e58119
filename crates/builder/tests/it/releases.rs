//! What each Flux release has, over all real ones: every release renders, and the operator changes
//! exactly what the release understands.

use flux_operator_builder::{Bundle, Release, ReleaseVersion, build};
use flux_operator_testkit::{golden, workspace};
use serde_json::{Value, json};

use crate::rendering::{ALL_COMPONENTS, Distribution, SIX_COMPONENTS, appended_args, args, at, instance, object, plan};

const GATE: &str = "--feature-gates=ObjectLevelWorkloadIdentity=";
const KINDS: [&str; 3] = ["FluxInstance", "ResourceSet", "ResourceSetInputProvider"];

/// The controllers that the gate is for; helm-controller since 2.7.
const GATED: [&str; 6] = [
    "source-controller",
    "kustomize-controller",
    "notification-controller",
    "image-reflector-controller",
    "image-automation-controller",
    "helm-controller",
];

fn components(version: &ReleaseVersion) -> &'static str {
    if version.at_least(2, 7) { ALL_COMPONENTS } else { SIX_COMPONENTS }
}

/// Every component of every real release, and what else the instance says.
fn each_release(spec: &str, check: impl Fn(&ReleaseVersion, &Bundle)) {
    let Some(real) = Distribution::real() else { return };
    assert_eq!(real.versions().len(), 29);
    for version in real.versions() {
        let bundle = real.render(&instance(version.as_str(), &format!("{}{spec}", components(version))));
        check(version, &bundle);
    }
}

/// The newest release of each minor.
fn each_minor(check: impl Fn(&Distribution, &ReleaseVersion)) {
    let Some(real) = Distribution::real() else { return };
    let minor = |version: &ReleaseVersion| version.numbers().1;
    let groups = real.versions().chunk_by(|a, b| minor(a) == minor(b));
    let newest: Vec<_> = groups.filter_map(<[_]>::last).collect();
    assert_eq!(newest.len(), 8);
    for version in newest {
        check(real, version);
    }
}

/// The values of the gate on the gated controllers, the others having none.
fn gates(bundle: &Bundle) -> [Option<String>; 6] {
    let gate = |controller| {
        let found: Vec<_> =
            args(bundle, controller).iter().filter_map(|arg| arg.strip_prefix(GATE).map(str::to_owned)).collect();
        assert!(found.len() < 2, "{controller} has the gate {} times", found.len());
        found.into_iter().next()
    };
    GATED.map(gate)
}

fn rules(bundle: &Bundle) -> Vec<Value> {
    let rules = at(bundle, "ClusterRole", "crd-controller-flux-system", "/rules");
    rules.as_array().cloned().unwrap_or_default()
}

fn is_token_rule(rule: &Value) -> bool {
    rule["resources"] == json!(["serviceaccounts/token"])
}

/// The lists of kinds of all versions of a CRD.
fn kinds(bundle: &Bundle, crd: &str, list: &str) -> Vec<Vec<String>> {
    let versions =
        at(bundle, "CustomResourceDefinition", &format!("{crd}.notification.toolkit.fluxcd.io"), "/spec/versions");
    let pointer = format!("/schema/openAPIV3Schema/properties/spec/properties/{list}/items/properties/kind/enum");
    let kinds = |version: &Value| version.pointer(&pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let texts = |kinds: Vec<Value>| kinds.iter().map(|kind| kind.as_str().unwrap_or_default().to_owned()).collect();
    versions.as_array().into_iter().flatten().map(kinds).map(texts).collect()
}

/// One rendering of each release, looked at from all sides: parsing 29 distributions is what takes
/// the time.
#[test]
fn every_release_renders_with_all_its_components() {
    each_release("", |version, bundle| {
        let two_seven = version.at_least(2, 7);

        // The six controllers bring 10 CRDs for the core and 3 for images; 2.7 added
        // externalartifacts, and the CRD, account, Service and Deployment of source-watcher.
        assert_eq!(bundle.objects().len(), if two_seven { 43 } else { 38 }, "{version}");
        assert_eq!(bundle.components().len(), if two_seven { 7 } else { 6 }, "{version}");
        assert!(bundle.components().iter().all(|image| image.digest.is_some()), "{version}");
        assert!(bundle.revision().starts_with(&format!("{version}@sha256:")));

        let off = Some("false".to_owned());
        let expected = if two_seven { GATED.map(|_| off.clone()) } else { GATED.map(|_| None) };
        assert_eq!(gates(bundle), expected, "{version}");
        if two_seven {
            assert_eq!(appended_args(bundle, "source-watcher"), [""; 0], "{version}");
        }

        // 2.3 added the health check; 2.6 and 2.7 rules for tokens, which is gone, and artifacts.
        let rules = rules(bundle);
        assert_eq!(rules.last().map(|rule| &rule["apiGroups"]), Some(&json!(["fluxcd.controlplane.io"])), "{version}");
        assert!(!rules.iter().any(is_token_rule), "{version}");
        let count = match version.numbers().1 {
            2 => 10,
            3..=6 => 11,
            _ => 12,
        };
        assert_eq!(rules.len(), count + 1, "{version}");

        let versions = match version.numbers().1 {
            0..=6 => 3,
            7 | 8 => 2,
            _ => 1,
        };
        for (crd, list) in [("alerts", "eventSources"), ("receivers", "resources")] {
            let kinds = kinds(bundle, crd, list);
            assert_eq!(kinds.len(), versions, "{version} {crd}");
            for kinds in kinds {
                assert!(kinds.len() > 3 && kinds.ends_with(&KINDS.map(str::to_owned)), "{version} {crd}: {kinds:?}");
                let twice = kinds.iter().enumerate().any(|(index, kind)| kinds[..index].contains(kind));
                assert!(!twice, "{version} {crd}: {kinds:?}");
            }
        }
    });
}

#[test]
fn identity_of_objects_turns_the_gate_on_and_keeps_the_rule() {
    let spec = "cluster: {objectLevelWorkloadIdentity: true}";
    each_minor(|real, version| {
        let text = instance(version.as_str(), &format!("{}{spec}", components(version)));
        if !version.at_least(2, 6) {
            let error = real.try_render(&text).unwrap_err();
            assert!(error.contains("`spec.cluster.objectLevelWorkloadIdentity`"), "{version}: {error}");
            assert!(error.contains("needs Flux 2.6 or later"), "{version}: {error}");
            return;
        }
        let bundle = real.render(&text);
        let on = Some("true".to_owned());
        let mut expected = GATED.map(|_| on.clone());
        if !version.at_least(2, 7) {
            expected[5] = None;
        }
        assert_eq!(gates(&bundle), expected, "{version}");
        assert_eq!(rules(&bundle).iter().filter(|rule| is_token_rule(rule)).count(), 1, "{version}");
    });
}

#[test]
fn identity_of_tenants_needs_2_7() {
    let spec = "cluster: {objectLevelWorkloadIdentity: true, multitenantWorkloadIdentity: true}";
    each_minor(|real, version| {
        let result = real.try_render(&instance(version.as_str(), spec));
        if version.at_least(2, 7) {
            let account = "--default-service-account=default".to_owned();
            assert_eq!(appended_args(&result.unwrap(), "source-controller").last(), Some(&account), "{version}");
        } else {
            let error = result.unwrap_err();
            assert!(error.contains("`spec.cluster.multitenantWorkloadIdentity`"), "{version}: {error}");
        }
    });
}

#[test]
fn source_watcher_needs_2_7_and_can_be_sharded_since_2_9() {
    let spec = "components: [source-controller, source-watcher]\nsharding: {shards: [a]}";
    each_minor(|real, version| {
        let result = real.try_render(&instance(version.as_str(), spec));
        if !version.at_least(2, 7) {
            let error = result.unwrap_err();
            assert!(error.contains("`spec.components[1]`: `source-watcher` needs Flux 2.7"), "{version}: {error}");
            return;
        }
        let bundle = result.unwrap();
        let has = |kind, name| bundle.objects().iter().any(|object| object.kind() == kind && object.name() == name);
        let sharded = version.at_least(2, 9);
        assert_eq!(has("Deployment", "source-watcher-a"), sharded, "{version}");
        assert_eq!(has("Service", "source-watcher-a"), sharded, "{version}");
        let selector = "--watch-label-selector=!sharding.fluxcd.io/key".to_owned();
        assert_eq!(appended_args(&bundle, "source-watcher").contains(&selector), sharded, "{version}");
        assert!(appended_args(&bundle, "source-controller").contains(&selector), "{version}");
    });
}

#[test]
fn sources_have_the_api_version_of_their_release() {
    for (kind, since) in [("GitRepository", 0), ("OCIRepository", 6), ("Bucket", 6)] {
        let spec = format!("sync: {{kind: {kind}, url: 'oci://r/fleet', ref: main, path: .}}");
        each_minor(|real, version| {
            let bundle = real.render(&instance(version.as_str(), &spec));
            let expected = if version.at_least(2, since) { "v1" } else { "v1beta2" };
            assert_eq!(object(&bundle, kind, "flux-system").version(), expected, "{version} {kind}");
        });
    }
}

#[test]
fn git_at_aws_needs_2_9() {
    let spec = "sync: {kind: GitRepository, url: 'https://g/fleet', ref: main, path: ., provider: aws}";
    each_minor(|real, version| {
        let result = real.try_render(&instance(version.as_str(), spec));
        assert_eq!(result.is_ok(), version.at_least(2, 9), "{version}");
        if let Err(error) = result {
            assert!(error.contains("`spec.sync.provider`: `aws` for a GitRepository needs Flux 2.9"), "{error}");
        }
    });
}

/// The files of a carried release under the name of another version, with one text replaced.
fn renamed(version: &str, name: &str, from: &str, to: &str) -> Release {
    let folder = workspace::distribution().join("flux").join(version);
    golden::files(&folder).iter().fold(Release::new(name.parse().unwrap()), |release, path| {
        let text = std::fs::read_to_string(path).unwrap().replace(from, to);
        release.with_manifest(path.file_name().unwrap().to_str().unwrap(), text)
    })
}

#[track_caller]
fn refused(release: &Release, spec: &str, expected: &str) {
    let plan = plan(&instance("*", &format!("{SIX_COMPONENTS}{spec}"))).unwrap();
    assert_eq!(build(&plan, release).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_done_follows_the_version_and_not_the_files() {
    let plan = plan(&instance("*", &format!("{ALL_COMPONENTS}sharding: {{shards: [a]}}"))).unwrap();
    let watchers = |name: &str| {
        let bundle = build(&plan, &renamed("v2.9.90", name, "", "")).unwrap();
        bundle.objects().iter().filter(|object| object.name().starts_with("source-watcher-a")).count()
    };
    assert_eq!(watchers("v2.9.0"), 2);

    // Extra versions of the CRDs are left alone, and versions that are not there are an error.
    let plan = crate::rendering::plan(&instance("*", SIX_COMPONENTS)).unwrap();
    let bundle = build(&plan, &renamed("v2.6.90", "v2.9.0", "", "")).unwrap();
    let patched: Vec<_> = kinds(&bundle, "alerts", "eventSources").iter().map(Vec::len).collect();
    assert!(patched.len() == 3 && patched[0] > patched[1], "{patched:?}");
    refused(
        &renamed("v2.9.90", "v2.8.0", "", ""),
        "",
        "CustomResourceDefinition/alerts.notification.toolkit.fluxcd.io of the distribution has no \
         `spec.versions[1].schema.openAPIV3Schema.properties.spec.properties.eventSources.items.properties.kind.enum`",
    );
}

#[test]
fn files_of_another_shape_are_an_error_that_names_the_object_and_the_field() {
    let without = |text: &str| renamed("v2.9.90", "v2.9.90", text, "");
    refused(
        &without("      securityContext:\n        fsGroup: 1337\n"),
        "cluster: {type: openshift}",
        "Deployment/source-controller of the distribution has no `spec.template.spec.securityContext`",
    );
    refused(
        &without("        - --enable-leader-election\n"),
        "",
        "Deployment/source-controller of the distribution has no `spec.template.spec.containers[0].args[6]`",
    );
    refused(
        &Release::new("v2.9.90".parse().unwrap()),
        "",
        "the distribution has no file `flux/v2.9.90/source-controller.yaml`",
    );
}
