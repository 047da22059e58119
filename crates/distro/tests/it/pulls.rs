//! Pulling what is there, as those who may.

use flux_operator_distro::credentials::Credentials;
use flux_operator_distro::{Distribution, Location};
use flux_operator_testkit::registry::{FLUX_LAYER, Lie, Registry, Scripted, artifact, index_of, pack_dir};
use flux_operator_testkit::workspace;
use http::StatusCode;

use crate::world::{Puller, distribution, reference, told, user};

#[tokio::test]
async fn a_real_registry_gives_what_was_pushed() {
    let Some(registry) = Registry::plain().start_or_skip() else { return };
    let pushed = artifact(&pack_dir(workspace::distribution()).unwrap(), FLUX_LAYER);
    registry.push("flux/manifests", "latest", &pushed).await.unwrap();
    let puller = Puller::new();
    let latest = reference(registry.host(), "flux/manifests");

    let location = Location::Registry(latest.clone());
    let found = Distribution::find(&location, &puller.artifacts, &Credentials::Anonymous).await.unwrap();
    assert_eq!(found.digest(), Some(pushed.digest()));
    let versions: Vec<_> = found.versions().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(versions, ["v2.6.90", "v2.9.90"]);
    let release = found.release(&"v2.9.90".parse().unwrap()).unwrap();
    assert!(!release.objects("source-controller.yaml").unwrap().is_empty());
    let artifacts = &puller.artifacts;
    assert_eq!(artifacts.resolve(&latest, &Credentials::Anonymous).await.unwrap(), pushed.digest());
}

#[tokio::test]
async fn what_is_known_is_not_asked_for() {
    let registry = Scripted::plain().with_basic_auth("user", "password").start().await.unwrap();
    let pushed = distribution("v2.9.0");
    registry.put("flux", "latest", &pushed);
    let (puller, latest) = (Puller::new(), reference(registry.host(), "flux"));
    let asked = || registry.requests().iter().map(|request| request.method.to_string()).collect::<Vec<_>>();
    puller.pull_as(&latest, &user("password")).await.unwrap();
    assert_eq!(asked(), ["HEAD", "HEAD", "GET", "GET"], "refused, tag, manifest, layer");
    registry.clear_requests();
    puller.pull_as(&latest, &user("password")).await.unwrap();
    assert_eq!(asked(), ["HEAD"]);
    puller.artifacts.resolve(&latest, &user("password")).await.unwrap();
    assert_eq!(asked(), ["HEAD", "HEAD"]);
    puller.pull_as(&latest.at(pushed.digest()), &user("password")).await.unwrap();
    assert_eq!(asked().len(), 2, "a digest needs no look");
}

#[tokio::test]
async fn a_real_registry_with_passwords_and_an_authority_of_its_own() {
    let options = Registry::plain().with_basic_auth("user", "password").with_tls();
    let Some(registry) = options.start_or_skip() else { return };
    let pushed = distribution("v2.9.0");
    registry.push("flux", "v1", &pushed).await.unwrap();
    let reference = reference(registry.host(), "flux:v1");

    let puller = Puller::trusting(registry.ca_pem().unwrap());
    assert_eq!(puller.pull_as(&reference, &user("password")).await.unwrap(), pushed.digest());
    for (who, expected) in [
        (Credentials::Anonymous, "wants credentials for `flux`, and there are none for it"),
        (user("wrong"), "does not accept the credentials for `flux`"),
    ] {
        let error = puller.pull_as(&reference, &who).await.unwrap_err();
        assert!(told(&error).ends_with(expected), "{}", told(&error));
        assert_eq!(error.wants_credentials(), who == Credentials::Anonymous);
    }
    // An authority that nobody has vouched for is not trusted, and plain HTTP is no way out.
    let error = Puller::new().pull_as(&reference, &user("password")).await.unwrap_err();
    assert!(told(&error).contains("cannot be reached"), "{}", told(&error));
}

#[tokio::test]
async fn tokens_are_fetched_as_somebody_or_as_nobody_and_renewed() {
    let registry = Scripted::plain().with_token_auth("user", "password").with_token_uses(2).start().await.unwrap();
    let pushed = distribution("v2.9.0");
    registry.put("a/flux", "v1", &pushed);
    let reference = reference(registry.host(), "a/flux:v1");
    let puller = Puller::new();
    // Head, manifest, layer: the third comes with another token.
    assert_eq!(puller.pull_as(&reference, &user("password")).await.unwrap(), pushed.digest());
    let error = puller.pull_as(&reference, &user("wrong")).await.unwrap_err();
    assert!(told(&error).ends_with("does not accept the credentials for `a/flux`"), "{}", told(&error));

    let open = Scripted::plain().with_token_auth("user", "password").with_anonymous_tokens().start().await.unwrap();
    open.put("flux", "latest", &pushed);
    let anybody = crate::world::reference(open.host(), "flux");
    assert_eq!(puller.pull(&anybody).await.unwrap(), pushed.digest());
}

#[tokio::test]
async fn the_digest_of_an_index_is_that_of_the_index() {
    let registry = Scripted::plain().start().await.unwrap();
    let (arm, amd) = (distribution("v2.8.0"), distribution("v2.9.0"));
    registry.put("flux", "arm", &arm);
    registry.put("flux", "amd", &amd);
    let index = index_of(&[(&arm, Some("linux/arm64")), (&amd, Some("linux/amd64"))]);
    registry.put("flux", "both", &index);
    let (puller, reference) = (Puller::new(), reference(registry.host(), "flux:both"));
    let pulled = puller.artifacts.pull(&reference, &Credentials::Anonymous).await.unwrap();
    assert_eq!(pulled.digest(), index.digest());
    assert_eq!(Distribution::Artifact(pulled).versions().unwrap(), ["v2.9.0".parse().unwrap()]);
    // A poll says the same, or it would ask for a run each time.
    assert_eq!(puller.artifacts.resolve(&reference, &Credentials::Anonymous).await.unwrap(), index.digest());
}

#[tokio::test]
async fn registries_may_be_odd() {
    let pushed = distribution("v2.9.0");
    for oddity in [
        Lie::Chunked,
        Lie::NoDigestHeader,
        Lie::NoHead(StatusCode::NOT_FOUND),
        Lie::NoHead(StatusCode::METHOD_NOT_ALLOWED),
        Lie::ContentType("application/json".to_owned()),
        Lie::Redirect { times: 1 },
        Lie::Redirect { times: 3 },
        Lie::TooManyRequests { times: 2, retry_after: None },
        Lie::TooManyRequests { times: 1, retry_after: Some(1) },
        Lie::ServerError { status: StatusCode::SERVICE_UNAVAILABLE, times: 2 },
    ] {
        let registry = Scripted::plain().with_token_auth("user", "password").start().await.unwrap();
        registry.put("flux", "latest", &pushed);
        registry.lie(oddity.clone());
        let pulled = Puller::new().pull_as(&reference(registry.host(), "flux"), &user("password")).await;
        assert_eq!(pulled.map_err(|error| told(&error)), Ok(pushed.digest()), "{oddity:?}\n{}", registry.story());
        // Where it sends us is nobody who may know who we are.
        for request in registry.elsewhere().requests() {
            assert_eq!(request.authorization(), None, "{oddity:?}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_moves_is_resolved_once() {
    let registry = Scripted::plain().start().await.unwrap();
    registry.put("flux", "latest", &distribution("v2.9.0"));
    registry.lie(Lie::MovingTag);
    let puller = Puller::new();
    let reference = reference(registry.host(), "flux");
    let first = puller.pull(&reference).await.unwrap();
    let by_tag = registry.requests().iter().filter(|request| request.path.ends_with("/latest")).count();
    assert_eq!(by_tag, 1, "{}", registry.story());
    assert_ne!(puller.pull(&reference).await.unwrap(), first);
}
