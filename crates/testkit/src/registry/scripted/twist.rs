//! What a lie makes of the truth.

use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::answer::{Answer, CONTENT_DIGEST, Delivery};
use super::lie::Lie;
use super::route::Route;
use super::store::Store;
use crate::registry::artifact::{IMAGE_INDEX, descriptor, digest};

/// Where a client can be sent.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Of the registry, with scheme.
    pub(super) here: String,
    /// Of the other origin, with the scheme of the registry.
    pub(super) elsewhere: String,
    /// Of the other origin, with HTTP.
    pub(super) downgraded: String,
}

/// The answer in place of the truth, before credentials are looked at.
pub(super) fn outage(lie: &Lie) -> Option<Answer> {
    match lie {
        Lie::TooManyRequests { retry_after, .. } => {
            let answer = Answer::error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "slow down");
            Some(
                retry_after
                    .iter()
                    .fold(answer, |answer, seconds| answer.with(header::RETRY_AFTER, &seconds.to_string())),
            )
        }
        Lie::ServerError { status, .. } => {
            let body = Bytes::from_static(b"<html>something is wrong</html>");
            Some(Answer { body, ..Answer::new(*status) }.with(header::CONTENT_TYPE, "text/html"))
        }
        _ => None,
    }
}

/// The redirect in place of content.
pub(super) fn redirect(lie: &Lie, places: &Places, path: &str) -> Option<Answer> {
    let location = match lie {
        Lie::Redirect { times } => format!("{}/{}{path}", places.elsewhere, times.saturating_sub(1)),
        Lie::DowngradeRedirect => format!("{}/0{path}", places.downgraded),
        Lie::RedirectTo(location) => location.clone(),
        Lie::RedirectLoop => format!("{}{path}", places.here),
        _ => return None,
    };
    Some(Answer::redirect(&location))
}

/// Changes content, or how it is sent. `moved` counts the calls of a tag.
pub(super) fn twist(lie: &Lie, answer: Answer, route: Route<'_>, store: &mut Store, moved: &mut u32) -> Answer {
    let body = answer.body.clone();
    let half = body.len() / 2;
    let is_tag = matches!(route, Route::Manifest { reference, .. } if !reference.contains(':'));
    match lie {
        // The digest stays the one that was asked for.
        Lie::SwappedBlob(other) => Answer { body: other.clone().into(), ..answer },
        Lie::TruncatedBlob => Answer { body: body.slice(..half), ..answer },
        Lie::AppendedBlob => Answer { body: [&*body, b"and more"].concat().into(), ..answer },
        Lie::EmptyBody => Answer { body: Bytes::new(), ..answer },
        Lie::PartialContent => {
            let range = format!("bytes 0-{}/{}", half.saturating_sub(1), body.len());
            let answer = Answer { status: StatusCode::PARTIAL_CONTENT, body: body.slice(..half), ..answer };
            answer.with(header::CONTENT_RANGE, &range)
        }
        Lie::EndlessBlob => Answer { delivery: Delivery::Endless, ..answer },
        Lie::Chunked => Answer { delivery: Delivery::Chunked, ..answer },
        Lie::CutAfter { bytes } => Answer { delivery: Delivery::Cut(*bytes), ..answer },
        Lie::SlowBody { chunk, delay } => Answer { delivery: Delivery::Slow(*chunk, *delay), ..answer },
        Lie::WrongContentLength(by) => {
            let length = (body.len() as u64).saturating_add_signed(*by);
            Answer { delivery: Delivery::Announced(length), ..answer }
        }
        Lie::UnknownDigestAlgorithm => answer.with(CONTENT_DIGEST, "md5:d41d8cd98f00b204e9800998ecf8427e"),
        Lie::WrongDigestHeader => answer.with(CONTENT_DIGEST, &digest(b"something else").to_string()),
        Lie::NoDigestHeader => {
            let mut answer = answer;
            answer.headers.remove(CONTENT_DIGEST);
            answer
        }
        Lie::ContentType(media_type) => answer.with(header::CONTENT_TYPE, media_type),
        Lie::HugeManifest { bytes } => {
            let mut padded = body.to_vec();
            padded.resize(padded.len().max(*bytes), b' ');
            replaced(answer, padded)
        }
        Lie::IndexInIndex if is_tag => {
            let media_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let inner = index(media_type.unwrap_or_default(), &body);
            keep(store, route, IMAGE_INDEX, &inner);
            replaced(answer, index(IMAGE_INDEX, &inner)).with(header::CONTENT_TYPE, IMAGE_INDEX)
        }
        Lie::MovingTag if is_tag => {
            *moved += 1;
            let mut manifest: Value = serde_json::from_slice(&body).unwrap_or_default();
            if let Some(manifest) = manifest.as_object_mut() {
                manifest.insert("annotations".to_owned(), json!({"moved": moved.to_string()}));
            }
            let manifest = manifest.to_string().into_bytes();
            let media_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            keep(store, route, media_type.unwrap_or_default(), &manifest);
            replaced(answer, manifest)
        }
        _ => answer,
    }
}

/// Other content with its own digest.
fn replaced(answer: Answer, body: Vec<u8>) -> Answer {
    let digest = digest(&body).to_string();
    Answer { body: body.into(), ..answer }.with(CONTENT_DIGEST, &digest)
}

fn index(media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let index = json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [descriptor(media_type, bytes)]});
    index.to_string().into_bytes()
}

/// What a tag led to can be had by its digest afterwards.
fn keep(store: &mut Store, route: Route<'_>, media_type: &str, bytes: &[u8]) {
    if let Route::Manifest { repository, .. } = route {
        store.keep_manifest(repository, media_type, bytes.to_vec().into());
    }
}
