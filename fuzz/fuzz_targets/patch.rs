//! Patches of a FluxInstance, on a release with one component.
//!
//! The input is a patch, or the fields of a target, a line each, then a line `---` and a patch.

#![no_main]

use std::sync::LazyLock;

use flux_operator_api::{Component, Distribution, FluxInstance, FluxInstanceSpec, Kustomize, Patch, Selector};
use flux_operator_builder::{InstancePlan, Release, build};
use libfuzzer_sys::fuzz_target;

static RELEASE: LazyLock<Release> = LazyLock::new(|| {
    Release::new("v2.9.90".parse().unwrap())
        .with_manifest("policies.yaml", include_str!("../../testdata/distribution/flux/v2.9.90/policies.yaml"))
        .with_manifest("rbac.yaml", include_str!("../../testdata/distribution/flux/v2.9.90/rbac.yaml"))
        .with_manifest(
            "source-controller.yaml",
            include_str!("../../testdata/distribution/flux/v2.9.90/source-controller.yaml"),
        )
});

fuzz_target!(|text: &str| {
    let patch = match text.split_once("\n---\n") {
        Some((target, patch)) => Patch { patch: patch.to_owned(), target: Some(selector(target)) },
        None => Patch { patch: text.to_owned(), target: None },
    };
    let mut spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
    spec.components = vec![Component::SourceController];
    spec.kustomize = Some(Kustomize { patches: vec![patch] });
    let Ok(plan) = InstancePlan::parse(&FluxInstance::new("flux", spec)) else {
        return;
    };
    let Ok(bundle) = build(&plan, &RELEASE) else {
        return;
    };
    let mut yaml = String::new();
    bundle.write_yaml(&mut yaml);
    let printed = Release::new("v0.0.0".parse().unwrap()).with_manifest("printed.yaml", yaml);
    assert_eq!(printed.objects("printed.yaml").unwrap(), bundle.objects(), "what is printed is what was built");
});

fn selector(text: &str) -> Selector {
    let mut selector = Selector::default();
    for (field, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let value = Some(value.to_owned());
        match field {
            "group" => selector.group = value,
            "version" => selector.version = value,
            "kind" => selector.kind = value,
            "name" => selector.name = value,
            "namespace" => selector.namespace = value,
            "labelSelector" => selector.label_selector = value,
            "annotationSelector" => selector.annotation_selector = value,
            _ => {}
        }
    }
    selector
}
