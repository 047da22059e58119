//! Which images there are, and which places they are put into.

use flux_operator_api::Object;
use serde_json::{Value, json};

use super::{Image, resolve, rewrite};
use crate::resource::{Layer, Resource};
use crate::{Admission, InstancePlan, Release};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn plan(registry: &str, rest: &str) -> InstancePlan {
    let text = format!(
        "{{apiVersion: fluxcd.controlplane.io/v1, kind: FluxInstance, metadata: {{name: flux}}, spec: {{\
         distribution: {{version: 2.x, registry: {registry}{rest}}}, components: [helm-controller, source-controller]}}}}"
    );
    Admission::new().read(&text).unwrap()[0].plan().unwrap()
}

/// A release of two controllers whose manager has some image.
fn release(image: &str) -> Release {
    let deployment = |name: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{template: {{spec: {{containers: [\
             {{name: sidecar, image: 'a/b:c'}}, {{name: manager, image: '{image}'}}]}}}}}}\n"
        )
    };
    Release::new("v2.9.4".parse().unwrap())
        .with_manifest("helm-controller.yaml", deployment("helm-controller", "fluxcd/helm-controller:v1"))
        .with_manifest("source-controller.yaml", deployment("source-controller", image))
}

fn digests(names: &[&str]) -> String {
    let entry = |name: &&str| format!("- {{name: ghcr.io/x/{name}, newTag: v9, digest: '{DIGEST}'}}\n");
    format!("images:\n{}", names.iter().map(entry).collect::<String>())
}

fn resolved(plan: &InstancePlan, release: &Release) -> Result<Vec<String>, String> {
    let images = resolve(plan, release).map_err(|error| error.to_string())?;
    Ok(images.into_iter().map(|image| image.reference).collect())
}

const FROM_MANIFESTS: [&str; 2] = ["ghcr.io/fluxcd/helm-controller:v1", "ghcr.io/fluxcd/source-controller:v2"];

#[test]
fn a_digest_list_says_tag_and_digest() {
    let list = digests(&["source-controller", "helm-controller", "image-reflector-controller"]);
    let release = release("fluxcd/source-controller:v2").with_digests("upstream-alpine", list);
    let expected = ["helm-controller", "source-controller"].map(|name| format!("ghcr.io/fluxcd/{name}:v9@{DIGEST}"));
    assert_eq!(resolved(&plan("ghcr.io/fluxcd/", ""), &release).unwrap(), expected);
    let expected = expected.map(|image| image.replace("ghcr.io/fluxcd", "registry:5000/mirror"));
    let mirror = plan("'registry:5000/mirror'", ", variant: upstream-alpine");
    assert_eq!(resolved(&mirror, &release).unwrap(), expected);
}

#[test]
fn without_a_complete_list_the_manifests_say_the_tags() {
    let release = || release("fluxcd/source-controller:v2");
    assert_eq!(resolved(&plan("ghcr.io/fluxcd", ""), &release()).unwrap(), FROM_MANIFESTS);
    let incomplete = release().with_digests("upstream-alpine", digests(&["helm-controller"]));
    assert_eq!(resolved(&plan("ghcr.io/fluxcd", ""), &incomplete).unwrap(), FROM_MANIFESTS);
    let of_another_variant = release().with_digests("enterprise-alpine", digests(&["helm-controller"]));
    assert_eq!(resolved(&plan("ghcr.io/fluxcd", ""), &of_another_variant).unwrap(), FROM_MANIFESTS);
    let unknown = plan("ghcr.io/other", "");
    let expected = FROM_MANIFESTS.map(|image| image.replace("ghcr.io/fluxcd", "ghcr.io/other"));
    assert_eq!(resolved(&unknown, &incomplete).unwrap(), expected);
}

#[test]
fn manifests_without_a_tag_are_refused() {
    let plan = plan("ghcr.io/fluxcd", "");
    let path = "`flux/v2.9.4/source-controller.yaml` of the distribution has the image";
    for image in
        ["fluxcd/source-controller".to_owned(), format!("fluxcd/source-controller:v2@{DIGEST}"), "A B".to_owned()]
    {
        let expected = format!("{path} `{image}`, expected a repository with a tag");
        assert_eq!(resolved(&plan, &release(&image)).unwrap_err(), expected);
    }
    let without = release("fluxcd/source-controller:v2").with_manifest("source-controller.yaml", "# empty\n");
    let expected = "`flux/v2.9.4/source-controller.yaml` of the distribution has no image for `source-controller` in a \
                    container named `manager`";
    assert_eq!(resolved(&plan, &without).unwrap_err(), expected);
    let missing = Release::new("v2.9.4".parse().unwrap());
    let expected = "the distribution has no file `flux/v2.9.4/helm-controller.yaml`";
    assert_eq!(resolved(&plan, &missing).unwrap_err(), expected);
}

#[test]
fn a_list_that_cannot_be_read_is_not_passed_over() {
    let release = release("fluxcd/source-controller:v2").with_digests("upstream-alpine", "images: {}");
    let expected = "`flux-images/v2.9.4/upstream-alpine.yaml` of the distribution cannot be read";
    assert_eq!(resolved(&plan("ghcr.io/fluxcd", ""), &release).unwrap_err(), expected);
}

/// An object of a kind after its images were rewritten.
fn rewritten(kind: &str, spec: &Value) -> Value {
    let image =
        |component: &str| Image { component: component.parse().unwrap(), reference: format!("NEW {component}") };
    let value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec});
    let mut resources = [Resource::new(Object::try_from(value).unwrap(), Layer::Main)];
    rewrite(&[image("source-controller"), image("helm-controller")], &mut resources);
    resources[0].get("spec").cloned().unwrap()
}

#[test]
fn only_images_of_the_distribution_are_replaced() {
    let digest = format!("@{DIGEST}");
    for image in [
        "fluxcd/source-controller".to_owned(),
        "fluxcd/source-controller:v1.2.3".to_owned(),
        format!("fluxcd/source-controller:v1{digest}"),
        format!("fluxcd/source-controller{digest}"),
    ] {
        let spec = |image: &str| json!({"containers": [{"image": image}]});
        assert_eq!(rewritten("Pod", &spec(&image)), spec("NEW source-controller"), "{image}");
    }
    for image in [
        "docker.io/fluxcd/source-controller:v1",
        "ghcr.io/fluxcd/source-controller:v1",
        "source-controller:v1",
        "fluxcd/source-controller-debug:v1",
        "fluxcd/source-controller/x:v1",
        "fluxcd/source-controller:v1:v2",
        "fluxcd/source-controller:",
        "fluxcd/source-controller@sha256:1",
        "fluxcd/kustomize-controller:v1",
        "FLUXCD/source-controller:v1",
        "",
    ] {
        let spec = json!({"containers": [{"image": image}]});
        assert_eq!(rewritten("Pod", &spec), spec, "{image}");
    }
}

#[test]
fn images_are_replaced_in_containers_wherever_they_are() {
    let old = "fluxcd/helm-controller:v1";
    let spec = |image: &str| {
        json!({
            "image": old,
            "template": {"spec": {"initContainers": [{"image": image}], "containers": [{"name": "a"}, {"image": image}]}},
            "jobs": [{"containers": [{"image": image, "args": [old], "nested": {"containers": [{"image": image}]}}]}],
            "ephemeralContainers": [{"image": old}],
            "containers": {"image": old},
        })
    };
    assert_eq!(rewritten("Deployment", &spec(old)), spec("NEW helm-controller"));
    assert_eq!(rewritten("Anything", &spec(old)), spec("NEW helm-controller"));
}
