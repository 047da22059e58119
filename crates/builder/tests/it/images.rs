//! The images that are installed, and what is said about them.

use flux_operator_builder::Bundle;

use crate::rendering::{Distribution, at, instance, instance_in};

#[track_caller]
fn image(bundle: &Bundle, deployment: &str) -> String {
    let image = at(bundle, "Deployment", deployment, "/spec/template/spec/containers/0/image");
    image.as_str().unwrap_or_default().to_owned()
}

/// Renders with a registry; what source-controller runs has to start with the prefix, and to have a
/// digest or not.
#[track_caller]
fn check(registry: &str, variant: &str, prefix: &str, has_digest: bool) {
    let mut text = instance_in("flux-system", "2.9.90", registry, "");
    if !variant.is_empty() {
        text = text.replace("registry:", &format!("variant: {variant}, registry:"));
    }
    let bundle = Distribution::carried().render(&text);
    let image = image(&bundle, "source-controller");
    assert!(image.starts_with(&format!("{prefix}/source-controller:v1.90.0")), "{image}");
    assert_eq!(image.contains("@sha256:"), has_digest, "{image}");
    assert_eq!(bundle.components()[0].digest.is_some(), has_digest);
}

#[test]
fn enterprise_images_have_their_own_digests() {
    let Some(real) = Distribution::real() else { return };
    let registry = "ghcr.io/controlplaneio-fluxcd/distroless";
    let bundle = real.render(&instance_in("flux-system", "2.9.4", registry, ""));
    let digest = "sha256:e0bbbb74f7c7da7743627ebd0a7779917a4cb5d66dfffbe18a700ab8dd37d9df";
    let repository = format!("{registry}/source-controller");
    assert_eq!(image(&bundle, "source-controller"), format!("{repository}:v1.9.4@{digest}"));
    let reported = &bundle.components()[0];
    assert_eq!((reported.repository.as_str(), reported.tag.as_str()), (repository.as_str(), "v1.9.4"));
    assert_eq!(reported.digest.as_deref(), Some(digest));
}

#[test]
fn docker_hub_is_spelled_out_in_the_report_only() {
    let Some(real) = Distribution::real() else { return };
    let bundle = real.render(&instance_in("flux-system", "2.9.4", "docker.io/fluxcd", ""));
    assert_eq!(image(&bundle, "source-controller"), "docker.io/fluxcd/source-controller:v1.9.4");
    let reported = &bundle.components()[0];
    assert_eq!(reported.repository, "index.docker.io/fluxcd/source-controller");
    assert_eq!(reported.digest, None);
}

#[test]
fn a_known_registry_says_which_digests_hold() {
    check("fluxcd", "", "fluxcd", true);
    check("ghcr.io/fluxcd", "", "ghcr.io/fluxcd", true);
    check("ghcr.io/fluxcd/", "", "ghcr.io/fluxcd", true);
    check("ghcr.io/controlplaneio-fluxcd/alpine", "", "ghcr.io/controlplaneio-fluxcd/alpine", true);
    check("ghcr.io/controlplaneio-fluxcd/distroless-fips", "", "ghcr.io/controlplaneio-fluxcd/distroless-fips", true);
    let ecr = "709825985650.dkr.ecr.us-east-1.amazonaws.com/controlplane/fluxcd";
    check(ecr, "", ecr, true);
}

#[test]
fn a_mirror_has_digests_once_it_names_its_variant() {
    check("docker.io/fluxcd", "", "docker.io/fluxcd", false);
    check("localhost:5000/flux", "", "localhost:5000/flux", false);
    check("localhost:5000/flux", "upstream-alpine", "localhost:5000/flux", true);
    check("ghcr.io/fluxcd", "enterprise-distroless", "ghcr.io/fluxcd", true);
}

#[test]
fn a_release_without_the_list_is_installed_by_tags() {
    let registry = "ghcr.io/controlplaneio-fluxcd/distroless-fips";
    let bundle = Distribution::carried().render(&instance_in("flux-system", "2.6.90", registry, ""));
    assert!(!image(&bundle, "source-controller").contains('@'));
    let Some(real) = Distribution::real() else { return };
    for (version, has_digests) in [("2.6.3", false), ("2.6.4", true), ("2.8.0", true)] {
        let bundle = real.render(&instance_in("flux-system", version, registry, ""));
        assert_eq!(image(&bundle, "source-controller").contains('@'), has_digests, "{version}");
    }
}

#[test]
fn the_report_follows_the_order_of_the_components() {
    let spec = "components: [helm-controller, source-controller]";
    let bundle = Distribution::carried().render(&instance("2.9.90", spec));
    let names: Vec<_> = bundle.components().iter().map(|image| image.name.as_str()).collect();
    assert_eq!(names, ["helm-controller", "source-controller"]);
}

#[test]
fn shards_run_the_same_image() {
    let bundle = Distribution::carried().render(&instance("2.9.90", "sharding: {shards: [a]}"));
    assert_eq!(image(&bundle, "source-controller-a"), image(&bundle, "source-controller"));
    assert_eq!(bundle.components().len(), 4);
}
