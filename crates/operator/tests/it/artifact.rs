//! Flux from an artifact in a real registry.

use std::fs;
use std::path::Path;

use flux_operator_api::annotations;
use flux_operator_testkit::registry::{Artifact, FLUX_LAYER, Registry, artifact as artifact_of, pack_dir};
use flux_operator_testkit::workspace;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::process::Operator;
use crate::world::{World, condition, is_ready, kubeconfig, spec, the_only_flux};

/// An artifact with the versions of the repository's distribution, the newest under another name.
fn with_newest_as(version: &str) -> Artifact {
    let folder = tempfile::tempdir().unwrap();
    copy(&workspace::distribution(), folder.path());
    for part in ["flux", "flux-images"] {
        let part = folder.path().join(part);
        fs::rename(part.join("v2.9.90"), part.join(version)).unwrap();
    }
    artifact_of(&pack_dir(folder.path()).unwrap(), FLUX_LAYER)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn from_artifact(range: &str, artifact: &str) -> Value {
    let mut spec = spec(range);
    spec["distribution"]["artifact"] = artifact.into();
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tag_is_installed_within_a_poll() {
    let Some(registry) = Registry::plain().start_or_skip() else { return };
    let _flux = the_only_flux().await;
    let world = World::new("poll").await;
    let _operator = world.operator();
    let first = with_newest_as("v2.9.91");
    registry.push("org/flux", "latest", &first).await.unwrap();
    let spec = from_artifact("2.9.x", &format!("oci://{}/org/flux:latest", registry.host()));
    world.apply_annotated(&spec, json!({annotations::RECONCILE_ARTIFACT_EVERY: "1s"})).await;
    let instance = world.until_ready().await;
    assert_eq!(instance["status"]["lastArtifactRevision"], first.digest().to_string());
    assert!(instance["status"]["lastAppliedRevision"].as_str().unwrap().starts_with("v2.9.91@sha256:"));

    // A newer minor than came with the operator stays where it is.
    let second = with_newest_as("v2.10.0");
    registry.push("org/flux", "latest", &second).await.unwrap();
    let stalled = world.until_stalled().await;
    let (_, reason, message) = condition(&stalled, "Stalled");
    assert_eq!(reason, "BuildFailed");
    assert!(message.contains("no Flux release matches `spec.distribution.version`"), "{message}");
    let applied = stalled["status"]["lastArtifactRevision"].as_str().unwrap();
    assert_eq!(applied, first.digest().to_string(), "what is installed is still the first");

    // Stalled, and polled all the same.
    let third = with_newest_as("v2.9.92");
    registry.push("org/flux", "latest", &third).await.unwrap();
    let is_third = |instance: &Value| {
        is_ready(instance) && instance["status"]["lastArtifactRevision"] == third.digest().to_string().as_str()
    };
    let instance = world.until("the third is installed", is_third).await;
    assert!(instance["status"]["lastAppliedRevision"].as_str().unwrap().starts_with("v2.9.92@sha256:"));
    let asked = instance["metadata"]["annotations"][annotations::REQUESTED_AT].as_str().unwrap();
    assert_eq!(asked.split_once('.').map(|(_, fraction)| fraction.len()), Some("123456789Z".len()), "{asked}");

    world.apply(&crate::world::spec("2.9.x")).await;
    let instance = world.until("it comes from the operator again", |instance| {
        is_ready(instance) && instance["status"]["lastArtifactRevision"] == Value::Null
    });
    instance.await;
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_registry_needs_the_secret_and_its_authority() {
    let options = Registry::plain().with_basic_auth("user", "canary-5b1e").with_tls();
    let Some(registry) = options.start_or_skip() else { return };
    let _flux = the_only_flux().await;
    let world = World::new("private").await;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    fs::write(&authority, registry.ca_pem().unwrap()).unwrap();
    let storage = format!("--storage-path={}", workspace::distribution().display());
    let authority = format!("--registry-ca-file={}", authority.display());
    let args = ["--enable-leader-election=false", "--log-level=trace", &storage, &authority];
    let operator = Operator::start(&kubeconfig(), &world.namespace, &args);
    registry.push("org/flux", "v1", &with_newest_as("v2.9.91")).await.unwrap();

    let artifact = format!("oci://{}/org/flux:v1", registry.host());
    let mut spec = from_artifact("2.9.x", &artifact);
    world.apply(&spec).await;
    let says = |expected: &'static str| {
        move |instance: &Value| {
            let (_, reason, message) = condition(instance, "Ready");
            reason == "ArtifactFailed" && message.contains(expected)
        }
    };
    world.until("credentials are wanted", says("wants credentials for `org/flux`")).await;
    spec["distribution"]["artifactPullSecret"] = "registry".into();
    world.apply(&spec).await;
    world.until("the secret is missed", says("cannot read Secret/private-test/registry")).await;

    let login = |password: &str| {
        let config = json!({"auths": {registry.host(): {"username": "user", "password": password}}}).to_string();
        let secret = json!({
            "metadata": {"name": "registry"},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": config},
        });
        serde_json::from_value::<Secret>(secret).unwrap()
    };
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), &world.namespace);
    secrets.create(&PostParams::default(), &login("wrong")).await.unwrap();
    world.until("the password is wrong", says("does not accept the credentials")).await;
    secrets.delete("registry", &kube::api::DeleteParams::default()).await.unwrap();
    secrets.create(&PostParams::default(), &login("canary-5b1e")).await.unwrap();
    world.request().await;
    let instance = world.until_ready().await;

    let said = [
        operator.log(),
        instance.to_string(),
        world.events().await.join("\n"),
        operator.ask("--metrics-addr", "/metrics").await.1,
    ];
    for text in said {
        assert!(!text.contains("canary-5b1e"), "{text}");
    }
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_signed_is_not_installed_and_flux_is_left_alone() {
    let Some(registry) = Registry::plain().start_or_skip() else { return };
    let _flux = the_only_flux().await;
    let world = World::new("signed").await;
    let operator = world.operator();
    registry.push("org/flux", "v1", &with_newest_as("v2.9.91")).await.unwrap();
    world.apply(&from_artifact("2.9.x", &format!("oci://{}/org/flux:v1", registry.host()))).await;
    world.until_ready().await;
    let versions = world.versions().await;
    drop(operator);

    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("cosign.pub");
    let text = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYI4heOTrNrZO27elFE8ynfrdPMik\n\
        ttRkbe+vJKQ50G6bfwQ3WyhLpRwwwohelDAm8xRzJ56nYsIa3VHivVvpmA==\n\
        -----END PUBLIC KEY-----\n";
    fs::write(&key, text).unwrap();
    let storage = format!("--storage-path={}", workspace::distribution().display());
    let key = format!("--verify-key={}", key.display());
    let _operator =
        Operator::start(&kubeconfig(), &world.namespace, &["--enable-leader-election=false", &storage, &key]);
    let instance =
        world.until("it is not trusted", |instance| condition(instance, "Ready").1 == "ArtifactFailed").await;
    let (_, _, message) = condition(&instance, "Ready");
    assert!(message.contains("is not trusted") && message.contains("has no signature"), "{message}");
    assert_eq!(condition(&instance, "Stalled").0, "");
    assert_eq!(world.versions().await, versions);
    world.delete().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_distribution_is_installed_from_an_artifact() {
    let Some(real) = workspace::shared("flux") else {
        println!("skipped: no real distribution beside the repository");
        return;
    };
    let Some(registry) = Registry::plain().start_or_skip() else { return };
    let _flux = the_only_flux().await;
    let world = World::new("real").await;
    let _operator = Operator::alone(&kubeconfig(), &world.namespace, &real);
    let packed = artifact_of(&pack_dir(&real).unwrap(), FLUX_LAYER);
    registry.push("flux/manifests", "latest", &packed).await.unwrap();
    world.apply(&from_artifact("2.x", &format!("oci://{}/flux/manifests:latest", registry.host()))).await;
    let instance = world.until_ready().await;
    assert_eq!(instance["status"]["lastArtifactRevision"], packed.digest().to_string());
    world.assert_as_recorded("from the artifact").await;
    world.delete().await;
}
