//! Copies: mirrors, files and folders.

use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{Copied, CopyProgress, Distribution, Existing, Location, Place, Reference};
use flux_operator_testkit::registry::{Lie, Registry, Scripted, index_of};
use serde_json::json;

use crate::world::{Puller, distribution, reference, told};

fn place(reference: Reference) -> Place {
    Place { reference, credentials: Credentials::Anonymous }
}

#[tokio::test]
async fn a_mirror_has_everything_and_is_made_once() {
    let (Some(from), Some(to)) = (Registry::plain().start_or_skip(), Registry::plain().start_or_skip()) else {
        return;
    };
    let (arm, amd) = (distribution("v2.8.0"), distribution("v2.9.0"));
    let index = index_of(&[(&arm, Some("linux/arm64")), (&amd, Some("linux/amd64"))]);
    for (tag, artifact) in [("arm", &arm), ("amd", &amd), ("v1", &index)] {
        from.push("flux", tag, artifact).await.unwrap();
    }
    let signature = format!("sha256-{}.sig", index.digest().hex());
    from.push("flux", &signature, &arm).await.unwrap();

    let puller = Puller::new();
    let (source, destination) =
        (place(reference(from.host(), "flux:v1")), place(reference(to.host(), "mirror/flux:v1")));
    let copy = async |existing| puller.client.copy(&source, &destination, existing, &CopyProgress::default()).await;
    assert_eq!(copy(Existing::Overwrite).await.unwrap(), Copied::Copied);
    assert_eq!(puller.pull(&destination.reference).await.unwrap(), index.digest());
    puller.pull(&destination.reference.at(arm.digest())).await.unwrap();
    assert_eq!(puller.pull(&destination.reference.tagged(signature)).await.unwrap(), arm.digest());
    assert_eq!(copy(Existing::Overwrite).await.unwrap(), Copied::UpToDate);

    // Somebody moves the tag of the source.
    from.push("flux", "v1", &amd).await.unwrap();
    let existing = Existing::KeepAndTag { now: 1_700_000_000 };
    assert_eq!(copy(existing).await.unwrap(), Copied::AlreadyPresent);
    let newer = distribution("v2.9.1");
    from.push("flux", "v1", &newer).await.unwrap();
    let beside = destination.reference.tagged("v1-1700000000");
    assert_eq!(copy(existing).await.unwrap(), Copied::Beside(beside.clone()));
    assert_eq!(puller.pull(&beside).await.unwrap(), newer.digest());
    assert_eq!(puller.pull(&destination.reference).await.unwrap(), index.digest());
    assert_eq!(copy(Existing::Overwrite).await.unwrap(), Copied::Overwritten);
    assert_eq!(puller.pull(&destination.reference).await.unwrap(), newer.digest());
}

#[tokio::test]
async fn a_copy_that_broke_off_goes_on_where_it_was_and_never_shows_half() {
    let from = Scripted::plain().start().await.unwrap();
    let to = Scripted::plain().start().await.unwrap();
    let pushed = distribution("v2.9.0");
    from.put("flux", "v1", &pushed);
    from.lie(Lie::TruncatedBlob);
    let puller = Puller::new();
    let (source, destination) = (place(reference(from.host(), "flux:v1")), place(reference(to.host(), "flux:v1")));
    let progress = CopyProgress::default();
    let copy = async || puller.client.copy(&source, &destination, Existing::Overwrite, &progress).await;
    let error = told(&copy().await.unwrap_err());
    assert!(error.starts_with("cannot read `oci://"), "{error}");
    assert_eq!(to.stored("flux", "v1"), None);

    from.tell_the_truth();
    to.clear_requests();
    assert_eq!(copy().await.unwrap(), Copied::Copied);
    assert_eq!(to.stored("flux", "v1"), Some(pushed.manifest.clone()));
    to.clear_requests();
    assert_eq!(copy().await.unwrap(), Copied::UpToDate);
    assert!(to.requests().iter().all(|request| request.method == "HEAD"), "{}", to.story());
}

#[tokio::test]
async fn one_file_is_a_distribution_with_its_signatures() {
    let registry = Scripted::plain().start().await.unwrap();
    let pushed = distribution("v2.9.0");
    registry.put("flux", "v1", &pushed);
    let bundle = distribution("v2.0.0")
        .with("artifactType", json!("application/vnd.dev.sigstore.bundle.v0.3+json"))
        .with("subject", pushed.descriptor());
    registry.put("flux", "bundle", &bundle);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flux.tar");
    let puller = Puller::new();
    let source = place(reference(registry.host(), "flux:v1"));
    assert_eq!(puller.client.bundle(&source, &path).await.unwrap(), pushed.digest());
    let text = std::fs::read(&path).unwrap();
    let is_in = |digest: String| text.windows(digest.len()).any(|part| part == digest.as_bytes());
    assert!(is_in(bundle.digest().hex()) && is_in(bundle.layer_digest().hex()));
    drop(registry);

    let location = Location::Path(path);
    let found = Distribution::find(&location, &puller.artifacts, &Credentials::Anonymous).await.unwrap();
    assert_eq!(found.digest(), Some(pushed.digest()));
    assert_eq!(found.versions().unwrap(), ["v2.9.0".parse().unwrap()]);
}

#[tokio::test]
async fn a_file_is_written_whole_or_not_at_all() {
    let registry = Scripted::plain().start().await.unwrap();
    registry.put("flux", "v1", &distribution("v2.9.0"));
    registry.lie(Lie::SwappedBlob(b"x".to_vec()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flux.tar");
    let source = place(reference(registry.host(), "flux:v1"));
    Puller::new().client.bundle(&source, &path).await.unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn unpacked_it_is_a_folder_and_nothing_is_overwritten() {
    let registry = Scripted::plain().start().await.unwrap();
    registry.put("flux", "v1", &distribution("v2.9.0"));
    let pulled = Puller::new();
    let pulled = pulled.artifacts.pull(&reference(registry.host(), "flux:v1"), &Credentials::Anonymous).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/distribution");
    pulled.unpack(&path).unwrap();
    let directory = flux_operator_distro::Directory::open(&path).unwrap();
    assert_eq!(directory.versions().unwrap(), ["v2.9.0".parse().unwrap()]);
    let error = pulled.unpack(&path).unwrap_err();
    assert!(error.to_string().ends_with("is not empty"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
}
