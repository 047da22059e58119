//! Whatever a stranger writes: it may be refused, but it never ends the program.

use flux_operator_api::{Distribution as Spec, FluxInstance, FluxInstanceSpec, Kustomize, Patch, Selector};
use flux_operator_builder::{Admission, InstancePlan, ReleaseVersion, VersionRange};
use flux_operator_testkit::{golden, workspace};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::generated::{PATCHES, words};
use crate::rendering::Distribution;

/// What patches are made of.
const PATCH_WORDS: &[&str] = &[
    "- ",
    "op: ",
    "add",
    "remove",
    "replace",
    "move",
    "copy",
    "test",
    "\n",
    "\n  ",
    "\n    ",
    "path: ",
    "from: ",
    "value: ",
    "/",
    "/spec",
    "/metadata",
    "/metadata/labels/a",
    "/metadata/name",
    "/spec/template/spec/containers/0",
    "/-",
    "/-1",
    "~1",
    "kind: ",
    "Deployment",
    "apiVersion: ",
    "apps/v1",
    "metadata: ",
    "{",
    "}",
    "[",
    "]",
    "name: ",
    "a",
    "labels: ",
    "spec: ",
    "template: ",
    "containers: ",
    "$patch: ",
    "delete",
    "merge",
    "null",
    "~",
    "0755",
    "yes",
    "'",
    "\"",
    "|",
    "&x ",
    "*x",
    "<<: ",
    "---",
    "!!str ",
    ".inf",
    "# ",
    ", ",
    ": ",
];

/// What targets are made of.
const TARGET_WORDS: &[&str] = &[
    "source-controller",
    "Deployment",
    ".*",
    ".",
    "|",
    "(",
    ")",
    "(?i)",
    "[",
    "]",
    "^",
    "$",
    "\\d",
    "\\pL",
    "[[:alpha:]]",
    "{2}",
    "{1,9}",
    "?",
    "a",
    "=",
    "==",
    "!=",
    " in ",
    " notin ",
    "!",
    ",",
    " ",
    "app.kubernetes.io/component",
    ">",
    "<",
    "5",
    "_non_namespaceable_",
    "default",
];

const VERSION_WORDS: &[&str] = &[
    "2", "9", "90", "x", "*", ".", "v", ">=", "<", "=", "!=", "~", "^", " ", ",", "||", "-", " - ", "rc.1", "+b", "0",
    "latest",
];

const NAME_WORDS: &[&str] = &["a", "-", ".", "_", "Ä", "A", "0", "flux-system", "/", "\n", " ", "true", "~", ":"];

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Parses, and builds what can be parsed.
fn try_build(spec: FluxInstanceSpec) {
    if let Ok(plan) = InstancePlan::parse(&FluxInstance::new("flux", spec)) {
        let _ = Distribution::carried().build(&plan);
    }
}

fn spec() -> FluxInstanceSpec {
    FluxInstanceSpec::new(Spec::new("2.x", "ghcr.io/fluxcd"))
}

/// An instance file with a few lines left out, doubled, indented or replaced.
fn mangled() -> impl Strategy<Value = String> {
    let files = golden::files(&workspace::path("testdata/instances"));
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let edit = (any::<prop::sample::Index>(), 0..6, words(PATCH_WORDS, 4));
    (select(texts), vec(edit, 1..5)).prop_map(|(text, edits)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (index, kind, noise) in edits {
            let index = index.index(lines.len());
            match kind {
                0 => drop(lines.remove(index)),
                1 => lines.insert(index, lines[index].clone()),
                2 => lines[index].insert_str(0, "  "),
                3 => lines[index] = lines[index].trim_start().to_owned(),
                4 => {
                    let key = lines[index].split_once(": ").map(|(key, _)| key.to_owned());
                    lines[index] = key.map_or(noise.clone(), |key| format!("{key}: {noise}"));
                }
                _ => lines[index].push_str(&noise),
            }
            if lines.is_empty() {
                break;
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn instance_files(text in prop_oneof![4 => mangled(), 1 => "\\PC{0,80}"]) {
        let admission = Admission::new();
        for manifest in admission.read(&text).unwrap_or_default() {
            let _ = (manifest.line(), manifest.kind(), manifest.is_flux_instance());
            match manifest.plan() {
                Ok(plan) => drop(Distribution::carried().build(&plan)),
                Err(violations) => {
                    prop_assert!(violations.iter().next().is_some());
                    let lines: Vec<_> = violations.iter().map(|violation| violation.line).collect();
                    prop_assert!(lines.is_sorted() && !lines.contains(&None), "{}", violations);
                }
            }
        }
    }

    #[test]
    fn versions(text in words(VERSION_WORDS, 8), names in vec(words(VERSION_WORDS, 5), 0..5)) {
        let releases: Vec<ReleaseVersion> = names.iter().filter_map(|name| name.parse().ok()).collect();
        if let Ok(range) = text.parse::<VersionRange>() {
            let newest = range.newest(&releases);
            prop_assert!(newest.is_none_or(|newest| releases.contains(newest)));
        }
        try_build(FluxInstanceSpec::new(Spec::new(text, "ghcr.io/fluxcd")));
    }

    #[test]
    fn names(
        namespace in words(NAME_WORDS, 4),
        registry in words(NAME_WORDS, 4),
        shards in vec(words(NAME_WORDS, 4), 1..3),
        key in words(NAME_WORDS, 4),
        rest in vec(words(NAME_WORDS, 4), 4),
    ) {
        use flux_operator_api::{Cluster, Sharding, Storage, Sync, SyncKind};
        let [name, domain, interval, size] = <[String; 4]>::try_from(rest).unwrap();
        let mut spec = FluxInstanceSpec::new(Spec::new("2.x", registry));
        spec.sharding = Some(Sharding { key, ..Sharding::new(shards) });
        spec.storage = Some(Storage::new(name.clone(), size));
        spec.cluster = Some(Cluster { domain, ..Cluster::default() });
        spec.sync = Some(Sync { interval, name: Some(name), ..Sync::new(SyncKind::Bucket, "a", "b", "c") });
        let instance = FluxInstance::new("flux", spec).in_namespace(namespace);
        if let Ok(plan) = InstancePlan::parse(&instance) {
            prop_assert!(Distribution::carried().build(&plan).is_ok());
        }
    }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn patches(
        text in prop_oneof![words(PATCH_WORDS, 24), select(PATCHES).prop_map(|(_, _, text)| text.to_owned())],
        targets in vec(prop_oneof![2 => Just(String::new()), 1 => words(TARGET_WORDS, 4)], 6),
        has_target in prop::bool::weighted(0.8),
    ) {
        let [kind, name, namespace, group, labels, annotations] = <[String; 6]>::try_from(targets).unwrap().map(Some);
        let target = Selector {
            kind,
            name,
            namespace,
            group,
            version: None,
            label_selector: labels,
            annotation_selector: annotations,
        };
        let patch = Patch { patch: text, target: has_target.then_some(target) };
        try_build(FluxInstanceSpec { kustomize: Some(Kustomize { patches: vec![patch] }), ..spec() });
    }
}
