//! What a registry holds, and the truth about it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::answer::{Answer, CONTENT_DIGEST};
use super::received::Received;
use super::route::Route;
use crate::registry::artifact::{IMAGE_INDEX, IMAGE_MANIFEST, digest};

#[derive(Debug, Default)]
pub(super) struct Store {
    repositories: BTreeMap<String, Repository>,
    uploads: BTreeMap<String, Vec<u8>>,
    begun: usize,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, String>,
    manifests: BTreeMap<String, Manifest>,
    blobs: BTreeMap<String, Bytes>,
}

#[derive(Clone, Debug)]
struct Manifest {
    media_type: String,
    bytes: Bytes,
}

/// How the truth is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manners {
    /// Whether there is no API for referrers.
    pub(super) without_referrers: bool,
    /// The most tags of one page.
    pub(super) page: Option<usize>,
}

impl Store {
    pub(super) fn put_blob(&mut self, repository: &str, bytes: Bytes) -> String {
        let digest = digest(&bytes).to_string();
        self.repository(repository).blobs.insert(digest.clone(), bytes);
        digest
    }

    /// Stores a manifest under its digest, and under the reference if that is a tag.
    pub(super) fn put_manifest(&mut self, repository: &str, reference: &str, media_type: &str, bytes: Bytes) {
        let digest = self.keep_manifest(repository, media_type, bytes);
        if !reference.contains(':') {
            self.repository(repository).tags.insert(reference.to_owned(), digest);
        }
    }

    /// Stores a manifest under its digest only, and returns that.
    pub(super) fn keep_manifest(&mut self, repository: &str, media_type: &str, bytes: Bytes) -> String {
        let digest = digest(&bytes).to_string();
        let manifest = Manifest { media_type: media_type.to_owned(), bytes };
        self.repository(repository).manifests.insert(digest.clone(), manifest);
        digest
    }

    /// A manifest or a blob, for a look from outside.
    pub(super) fn find(&self, repository: &str, reference: &str) -> Option<Bytes> {
        let repository = self.repositories.get(repository)?;
        let manifest = repository.manifest(reference).map(|(_, manifest)| manifest.bytes.clone());
        manifest.or_else(|| repository.blobs.get(reference).cloned())
    }

    fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }

    pub(super) fn answer(&mut self, route: Route<'_>, request: &Received, manners: Manners) -> Answer {
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        match route {
            Route::Ping if reads => Answer::json(&json!({})),
            Route::Manifest { repository, reference } if reads => {
                let found = self.repositories.get(repository).and_then(|repository| repository.manifest(reference));
                found.map_or_else(
                    || missing("MANIFEST_UNKNOWN"),
                    |(_, manifest)| Answer::content(&manifest.media_type, manifest.bytes.clone()),
                )
            }
            Route::Manifest { repository, reference } if request.method == Method::PUT => {
                self.accept(repository, reference, request)
            }
            Route::Blob { repository, digest } if reads => {
                let found = self.repositories.get(repository).and_then(|repository| repository.blobs.get(digest));
                let content = |bytes: &Bytes| Answer::content("application/octet-stream", bytes.clone());
                found.map_or_else(|| missing("BLOB_UNKNOWN"), content)
            }
            Route::Upload { repository, id } => self.upload(repository, id, request),
            Route::Tags { repository } if reads => match self.repositories.get(repository) {
                Some(found) => tags(repository, found, request, manners.page),
                None => missing("NAME_UNKNOWN"),
            },
            Route::Referrers { repository, digest } if reads && !manners.without_referrers => {
                referrers(self.repositories.get(repository), digest, request.parameter("artifactType"))
            }
            Route::Referrers { .. } | Route::Unknown => missing("NOT_FOUND"),
            _ => Answer::error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "not in this registry"),
        }
    }

    /// A manifest is stored only after what it names.
    fn accept(&mut self, name: &str, reference: &str, request: &Received) -> Answer {
        let invalid = |code: &str| Answer::error(StatusCode::BAD_REQUEST, code, "cannot be stored");
        let Ok(manifest) = serde_json::from_slice::<Value>(&request.body) else { return invalid("MANIFEST_INVALID") };
        let found = digest(&request.body).to_string();
        if reference.contains(':') && reference != found {
            return invalid("DIGEST_INVALID");
        }
        let repository = self.repository(name);
        let mut blobs = manifest.get("config").into_iter().chain(members(&manifest, "layers"));
        let blobs = blobs.all(|blob| repository.blobs.contains_key(text(blob, "digest")));
        let mut manifests = members(&manifest, "manifests");
        if !blobs || !manifests.all(|entry| repository.manifests.contains_key(text(entry, "digest"))) {
            return invalid("MANIFEST_BLOB_UNKNOWN");
        }
        let media_type = request.header("content-type").unwrap_or(IMAGE_MANIFEST);
        self.put_manifest(name, reference, media_type, request.body.clone());
        let created = Answer::new(StatusCode::CREATED)
            .with(header::LOCATION, &format!("/v2/{name}/manifests/{found}"))
            .with(CONTENT_DIGEST, &found);
        match manifest.get("subject") {
            Some(subject) => created.with(header::HeaderName::from_static("oci-subject"), text(subject, "digest")),
            None => created,
        }
    }

    /// One request of an upload: in one piece, or begun, continued and finished.
    fn upload(&mut self, name: &str, id: &str, request: &Received) -> Answer {
        let mut id = id.to_owned();
        match request.method {
            Method::POST if id.is_empty() => {
                let mounted = request
                    .parameter("mount")
                    .zip(request.parameter("from"))
                    .and_then(|(digest, from)| self.repositories.get(from)?.blobs.get(digest).cloned());
                if let Some(bytes) = mounted {
                    return stored(name, &self.put_blob(name, bytes));
                }
                self.begun += 1;
                id = self.begun.to_string();
                self.uploads.insert(id.clone(), Vec::new());
            }
            Method::PATCH | Method::PUT => {}
            _ => return Answer::error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "not for uploads"),
        }
        let Some(mut bytes) = self.uploads.remove(&id) else { return missing("BLOB_UPLOAD_UNKNOWN") };
        bytes.extend_from_slice(&request.body);
        match request.parameter("digest") {
            Some(expected) if expected == digest(&bytes).to_string() => {
                stored(name, &self.put_blob(name, bytes.into()))
            }
            Some(_) => Answer::error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "the content has another digest"),
            None if request.method == Method::PUT => {
                Answer::error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "the digest is missing")
            }
            None => {
                let range = format!("0-{}", bytes.len().saturating_sub(1));
                self.uploads.insert(id.clone(), bytes);
                Answer::new(StatusCode::ACCEPTED)
                    .with(header::LOCATION, &format!("/v2/{name}/blobs/uploads/{id}"))
                    .with(header::RANGE, &range)
            }
        }
    }
}

impl Repository {
    fn manifest(&self, reference: &str) -> Option<(&str, &Manifest)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        self.manifests.get_key_value(digest).map(|(digest, manifest)| (digest.as_str(), manifest))
    }
}

fn missing(code: &str) -> Answer {
    Answer::error(StatusCode::NOT_FOUND, code, "not in this registry")
}

fn stored(name: &str, digest: &str) -> Answer {
    Answer::new(StatusCode::CREATED)
        .with(header::LOCATION, &format!("/v2/{name}/blobs/{digest}"))
        .with(CONTENT_DIGEST, digest)
}

fn members<'a>(manifest: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    manifest.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// One page of the tags, in their order.
fn tags(name: &str, repository: &Repository, request: &Received, page: Option<usize>) -> Answer {
    let asked = request.parameter("n").and_then(|n| n.parse().ok());
    let most = asked.into_iter().chain(page).min().unwrap_or(usize::MAX);
    let last = request.parameter("last").unwrap_or_default();
    let mut left = repository.tags.keys().filter(|tag| tag.as_str() > last);
    let tags: Vec<&String> = left.by_ref().take(most).collect();
    let answer = Answer::json(&json!({"name": name, "tags": tags}));
    match (left.next(), tags.last()) {
        (Some(_), Some(last)) => {
            answer.with(header::LINK, &format!("</v2/{name}/tags/list?n={most}&last={last}>; rel=\"next\""))
        }
        _ => answer,
    }
}

/// The index of the manifests with this subject.
fn referrers(repository: Option<&Repository>, digest: &str, artifact_type: Option<&str>) -> Answer {
    let entry = |(found, manifest): (&String, &Manifest)| {
        let content: Value = serde_json::from_slice(&manifest.bytes).ok()?;
        (text(content.get("subject")?, "digest") == digest).then_some(())?;
        let config = content.get("config").and_then(|config| config.get("mediaType"));
        let kind = content.get("artifactType").or(config).and_then(Value::as_str);
        (artifact_type.is_none() || artifact_type == kind).then(|| {
            json!({
                "mediaType": manifest.media_type,
                "digest": found,
                "size": manifest.bytes.len(),
                "artifactType": kind,
                "annotations": content.get("annotations"),
            })
        })
    };
    let manifests = repository.into_iter().flat_map(|repository| &repository.manifests);
    let manifests: Vec<Value> = manifests.filter_map(entry).collect();
    let index = json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests});
    let answer = Answer::json(&index).with(header::CONTENT_TYPE, IMAGE_INDEX);
    match artifact_type {
        Some(_) => answer.with(header::HeaderName::from_static("oci-filters-applied"), "artifactType"),
        None => answer,
    }
}
