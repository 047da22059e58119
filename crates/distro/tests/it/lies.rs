//! A registry that lies gets nothing believed, and nothing stays on the disk.

use std::time::Duration;

use flux_operator_distro::Digest;
use flux_operator_testkit::registry::{FLUX_LAYER, Lie, Part, Scripted, artifact, index_of, pack};
use http::StatusCode;

use crate::world::{Puller, distribution, reference, told, user};

/// What became of a pull from a registry that tells one lie.
async fn pull(part: Option<Part>, lie: &Lie) -> (Result<Digest, String>, Scripted, Vec<String>) {
    let options = Scripted::plain().with_token_auth("user", "password");
    let options = if *lie == Lie::DowngradeRedirect { options.with_tls() } else { options };
    let registry = options.start().await.unwrap();
    registry.put("flux", "latest", &distribution("v2.9.0"));
    match part {
        Some(part) => registry.lie_about(part, lie.clone()),
        None => registry.lie(lie.clone()),
    };
    let puller = Puller::trusting(registry.ca_pem().unwrap_or_default());
    let pulled = puller.pull_as(&reference(registry.host(), "flux"), &user("password")).await;
    (pulled.map_err(|error| told(&error)), registry, puller.kept())
}

#[tokio::test]
async fn each_lie_is_refused_and_leaves_nothing_behind() {
    let other = pack(&[("flux/v9.9.9/policies.yaml", b"")]);
    for (lie, expected) in [
        (Lie::SwappedBlob(other), "bytes for `flux@sha256:"),
        (Lie::TruncatedBlob, "bytes for `flux@sha256:"),
        (Lie::AppendedBlob, "sent more bytes for `flux@sha256:"),
        (Lie::EmptyBody, "sent 0 bytes for `flux@sha256:"),
        (Lie::EndlessBlob, "sent more bytes for `flux@sha256:"),
        (Lie::WrongContentLength(7), "cannot be reached"),
        (Lie::WrongContentLength(-7), "bytes for `flux@sha256:"),
        (Lie::PartialContent, "answered 206"),
        (Lie::WrongDigestHeader, "has no `flux@sha256:"),
        (Lie::HugeManifest { bytes: 5 << 20 }, "has more than 4194304 bytes"),
        (Lie::ContentType("text/html".to_owned()), ""),
        (Lie::Redirect { times: 4 }, "redirects more than 3 times"),
        (Lie::RedirectLoop, "redirects more than 3 times"),
        (Lie::DowngradeRedirect, "redirects from https to something else"),
        (Lie::RedirectTo("ftp://127.0.0.1/x".to_owned()), "redirects from https to something else"),
        (Lie::RedirectTo("http://".to_owned()), "redirects"),
        (Lie::AlwaysUnauthorized, "does not accept the credentials"),
        (Lie::TooManyRequests { times: 99, retry_after: Some(3_600) }, "answered 429"),
        (Lie::ServerError { status: StatusCode::NOT_FOUND, times: 99 }, "has no `flux:latest`"),
        (Lie::ServerError { status: StatusCode::FORBIDDEN, times: 99 }, "does not allow to pull from `flux`"),
        (Lie::ServerError { status: StatusCode::IM_A_TEAPOT, times: 99 }, "answered 418"),
    ] {
        let (pulled, registry, kept) = pull(None, &lie).await;
        let Err(error) = pulled else {
            // The media type of a manifest counts where it says nothing itself.
            assert!(matches!(lie, Lie::ContentType(_)), "{lie:?}");
            continue;
        };
        assert!(error.contains(expected), "{lie:?}: expected `{expected}`, got `{error}`\n{}", registry.story());
        // A manifest that was proven may stay; a layer that was refused may not.
        assert!(kept.iter().all(|name| *name != distribution("v2.9.0").layer_digest().hex()), "{lie:?}: {kept:?}");
        assert!(!kept.iter().any(|name| name.starts_with('.')), "{lie:?}: {kept:?}");
    }
}

#[tokio::test]
async fn an_index_within_an_index_is_refused() {
    let registry = Scripted::plain().start().await.unwrap();
    let pushed = distribution("v2.9.0");
    let inner = index_of(&[(&pushed, Some("linux/amd64"))]);
    let outer = index_of(&[(&inner, Some("linux/amd64"))]);
    for (tag, artifact) in [("a", &pushed), ("b", &inner), ("latest", &outer)] {
        registry.put("flux", tag, artifact);
    }
    let error = told(&Puller::new().pull(&reference(registry.host(), "flux")).await.unwrap_err());
    assert!(error.ends_with("the index lists another index for linux/amd64, expected an image manifest"), "{error}");
}

#[tokio::test]
async fn a_digest_that_cannot_be_checked_is_no_digest() {
    // Each look at the tag gets a header that nobody understands, and then a manifest that has it, too.
    let (pulled, registry, kept) = pull(None, &Lie::UnknownDigestAlgorithm).await;
    assert!(pulled.unwrap_err().contains("names a digest that is not that of what it sent"), "{}", registry.story());
    assert!(kept.is_empty());
}

#[tokio::test]
async fn a_connection_that_breaks_anywhere_is_tried_again_and_then_given_up() {
    let length = distribution("v2.9.0").blobs[1].len();
    for bytes in [0, 1, length / 2, length - 1] {
        let (pulled, registry, kept) = pull(None, &Lie::CutAfter { bytes }).await;
        let error = pulled.unwrap_err();
        assert!(error.contains("cannot be reached"), "after {bytes}: {error}");
        let tries = registry.requests().iter().filter(|request| request.path.contains("/blobs/")).count();
        assert_eq!(tries, 4, "{}", registry.story());
        assert_eq!(kept.len(), 1, "the manifest, which was whole");
    }
}

#[tokio::test]
async fn passwords_stay_with_the_registry() {
    let registry = Scripted::plain().with_token_auth("user", "password").start().await.unwrap();
    registry.put("flux", "latest", &distribution("v2.9.0"));
    registry.lie(Lie::ForeignRealm);
    let puller = Puller::new();
    let error = puller.pull_as(&reference(registry.host(), "flux"), &user("password")).await.unwrap_err();
    assert!(told(&error).contains("they were not sent"), "{}", told(&error));
    assert!(registry.elsewhere().requests().is_empty());
    // Who has none may ask anybody.
    puller.pull(&reference(registry.host(), "flux")).await.unwrap();
    assert!(registry.elsewhere().requests().iter().all(|request| request.authorization().is_none()));
}

#[tokio::test]
async fn a_registry_that_is_slow_is_fine_and_one_that_stops_is_not() {
    let slow = Lie::SlowBody { chunk: 64, delay: Duration::from_millis(5) };
    assert!(pull(None, &slow).await.0.is_ok());
    tokio::time::pause();
    let stuck = Lie::SlowBody { chunk: 1, delay: Duration::from_secs(60) };
    let error = pull(None, &stuck).await.0.unwrap_err();
    assert!(error.contains("cannot be reached") || error.contains("did not finish within 30 s"), "{error}");
}

#[tokio::test]
async fn what_is_proven_may_still_be_no_distribution() {
    for (layer, expected) in [
        (pack(&[("../a", b"")]), "which leads out of the archive"),
        (pack(&[("a", b""), ("a", b"")]), "the archive has `a` twice"),
        (b"<html>".to_vec(), "the archive is damaged"),
    ] {
        let registry = Scripted::plain().start().await.unwrap();
        registry.put("flux", "latest", &artifact(&layer, FLUX_LAYER));
        let puller = Puller::new();
        let pulled = puller.pull(&reference(registry.host(), "flux")).await;
        let error = told(&pulled.unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert_eq!(puller.kept().len(), 1, "the manifest");
    }
}
