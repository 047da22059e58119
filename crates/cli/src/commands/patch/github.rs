//! Releases, branches and CRDs of Flux as GitHub has them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use flux_operator_api::Component;
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_builder::{ReleaseVersion, VersionRange};
use flux_operator_distro::{WebError, WebRequest};
use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::change::{Change, Definition, Image};
use super::generated::kinds;
use super::target::{Target, newest, series};
use crate::cluster::WINDOW;
use crate::error::{Advise, Complaint, Failure};
use crate::kinds::FluxKind;
use crate::registry::Registries;

/// Tags on a page, and how many pages are read.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// An answer may have at most so many bytes.
const MAX_BYTES: u64 = 8 << 20;

/// The repository with the releases of Flux.
const FLUX: &str = "flux2";

/// Where builds of branches are.
const BRANCH_IMAGES: &str = "ghcr.io/fluxcd";

/// GitHub, or what stands in for it.
pub(super) struct GitHub {
    pub(super) registries: Registries,
    pub(super) api: String,
    pub(super) raw: String,
    pub(super) token: Option<String>,
    pub(super) deadline: Instant,
    pub(super) patience: Duration,
    pub(super) tags: RefCell<BTreeMap<String, Vec<String>>>,
}

/// What GitHub does not have, or not in time.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitHubError {
    #[error("cannot read `{what}` from GitHub")]
    Web { what: String, source: WebError },
    #[error("GitHub did not answer within {}", crate::cluster::written(*.0))]
    OutOfTime(Duration),
    #[error("the answer of GitHub for `{0}` cannot be read")]
    Unreadable(String),
    #[error("no release of `fluxcd/{repository}` is {what}")]
    NoRelease { repository: String, what: String },
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

#[derive(Deserialize)]
struct Branch {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

impl GitHub {
    pub(super) fn current(&self, range: &VersionRange) -> Result<u64, Failure> {
        let tags = self.tags(FLUX)?;
        let versions = tags.iter().filter_map(|tag| tag.parse::<ReleaseVersion>().ok());
        let found = versions.filter(|version| range.contains(version)).max();
        let what = || format!("in the range `{range}`");
        let version = found.ok_or_else(|| GitHubError::NoRelease { repository: FLUX.to_owned(), what: what() })?;
        Ok(version.numbers().1)
    }

    pub(super) fn change(&self, component: Component, current: u64, target: &Target) -> Result<Change, Failure> {
        let now = self.release(component, current)?;
        let (then, image) = match target {
            Target::Minor(minor) => {
                let tag = self.release(component, *minor)?;
                (tag.clone(), Image::Tagged(format!(":{tag}")))
            }
            Target::Branch(branch) => {
                let path = format!("/repos/fluxcd/{component}/branches/{}", escaped(branch));
                let Branch { commit } = self.wait(self.ask(&path))?;
                let sha = commit.sha.get(..8).ok_or_else(|| GitHubError::Unreadable(path))?;
                (branch.clone(), Image::Whole(format!("{BRANCH_IMAGES}/{component}:rc-{sha}")))
            }
        };
        let (now, then) = (now.as_str(), then.as_str());
        let definitions = kinds(component).iter().copied().map(|kind| async move {
            let (now, then) =
                tokio::join!(self.definition(component, now, kind), self.definition(component, then, kind));
            Definition { kind, now: now.map_err(Failure::from), then: then.map_err(Failure::from) }
        });
        let definitions = async { Ok(futures::stream::iter(definitions).buffered(WINDOW).collect().await) };
        Ok(Change { image, definitions: self.wait(definitions)? })
    }

    /// The tag of a controller in a minor of Flux.
    fn release(&self, component: Component, flux: u64) -> Result<String, Failure> {
        let (major, minor) = series(component, flux).map_err(Complaint::new)?;
        let tags = self.tags(component.as_str())?;
        let found = newest(tags.iter().map(String::as_str), (major, minor)).map(str::to_owned);
        let what = format!("of Flux 2.{flux}: there is no `v{major}.{minor}.x`");
        Ok(found.ok_or(GitHubError::NoRelease { repository: component.to_string(), what })?)
    }

    fn tags(&self, repository: &str) -> Result<Vec<String>, Failure> {
        if let Some(known) = self.tags.borrow().get(repository) {
            return Ok(known.clone());
        }
        let mut tags = Vec::new();
        for page in 1..=PAGES {
            let path = format!("/repos/fluxcd/{repository}/tags?per_page={PAGE}&page={page}");
            let found: Vec<Tag> = self.wait(self.ask(&path))?;
            let is_last = found.len() < PAGE;
            tags.extend(found.into_iter().map(|tag| tag.name));
            if is_last {
                break;
            }
        }
        self.tags.borrow_mut().insert(repository.to_owned(), tags.clone());
        Ok(tags)
    }

    fn wait<T>(&self, task: impl Future<Output = Result<T, GitHubError>>) -> Result<T, Failure> {
        let in_time = self.registries.wait(async { timeout_at(self.deadline, task).await });
        Ok(in_time.unwrap_or(Err(GitHubError::OutOfTime(self.patience)))?)
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, GitHubError> {
        let url = format!("{}{path}", self.api.trim_end_matches('/'));
        let accept = Some("application/vnd.github+json");
        let request = WebRequest { url: &url, accept, token: self.token.as_deref(), max_bytes: MAX_BYTES };
        let failed = |source| GitHubError::Web { what: path.to_owned(), source };
        let body = self.registries.client().read_web(request).await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|_| GitHubError::Unreadable(path.to_owned()))
    }

    /// A CRD at a tag or on a branch; none where the kind does not exist there.
    async fn definition(
        &self,
        component: Component,
        reference: &str,
        kind: &FluxKind,
    ) -> Result<Option<Value>, GitHubError> {
        let FluxKind { group, plural, .. } = kind;
        let path = format!("/fluxcd/{component}/{reference}/config/crd/bases/{group}_{plural}.yaml");
        let url = format!("{}{path}", self.raw.trim_end_matches('/'));
        let request = WebRequest { url: &url, accept: None, token: None, max_bytes: MAX_BYTES };
        let body = match self.registries.client().read_web(request).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(source) => return Err(GitHubError::Web { what: path, source }),
        };
        let text = String::from_utf8(body).ok();
        let documents = text.and_then(|text| read_documents(&text, Dialect::Manifest, &Limits::DISTRIBUTION).ok());
        documents.and_then(|documents| documents.into_iter().next()).map(Some).ok_or(GitHubError::Unreadable(path))
    }
}

/// The name of a branch as a part of a path.
fn escaped(branch: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'/');
    let byte = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    branch.bytes().map(byte).collect()
}

impl Advise for GitHubError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Web { source: WebError::Status { status: 403 | 429, .. }, .. } => {
                "GitHub limits how often strangers may ask: set `GH_TOKEN`, or use `--distribution`".to_owned()
            }
            Self::Web { source: WebError::Status { status: 401, .. }, .. } => {
                "the token of `GH_TOKEN` or `GITHUB_TOKEN` is not accepted: renew it, or unset it".to_owned()
            }
            Self::Web { source: WebError::Status { status: 404, .. }, .. } => {
                "check the spelling of `--version`".to_owned()
            }
            Self::Web { .. } => {
                "without a network, `--distribution` names a distribution with both versions".to_owned()
            }
            Self::OutOfTime(_) => "give it more time with `--timeout 5m`, or use `--distribution`".to_owned(),
            Self::NoRelease { .. } => "name another version with `--version`".to_owned(),
            Self::Unreadable(_) => return None,
        })
    }
}

impl From<GitHubError> for Failure {
    fn from(error: GitHubError) -> Self {
        Complaint::new(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_parts_of_paths() {
        assert_eq!(escaped("feat/new #1"), "feat/new%20%231");
    }
}
