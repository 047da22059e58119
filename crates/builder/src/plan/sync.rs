//! `spec.sync`: the source and the Kustomization that Flux starts from.

use flux_operator_api::{GoDuration, Sync, SyncKind, SyncProvider};

use crate::name;
use crate::violation::Checker;

/// The longest name of the sync objects.
const MAX_NAME: usize = 63;

#[derive(Clone, Debug)]
pub(crate) struct SyncPlan {
    /// The name of both objects.
    pub(crate) name: String,
    pub(crate) kind: SyncKind,
    pub(crate) url: String,
    pub(crate) reference: String,
    pub(crate) path: String,
    pub(crate) interval: GoDuration,
    pub(crate) pull_secret: Option<String>,
    pub(crate) provider: Option<SyncProvider>,
}

impl SyncPlan {
    pub(super) fn read(sync: &Sync, namespace: &str, checker: &mut Checker) -> Option<Self> {
        for (path, value) in
            [("spec.sync.url", &sync.url), ("spec.sync.ref", &sync.r#ref), ("spec.sync.path", &sync.path)]
        {
            checker.require(path, value);
        }
        let name = sync.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(namespace);
        if let Some(name) = sync.name.as_deref().filter(|name| !name.is_empty()) {
            if name.len() > MAX_NAME {
                checker
                    .note("spec.sync.name", format!("has {} characters, at most {MAX_NAME} are accepted", name.len()));
            } else {
                checker.check("spec.sync.name", name::dns_subdomain(name));
            }
        }
        let interval = read_interval(&sync.interval, checker);
        match (sync.provider, sync.kind) {
            (Some(SyncProvider::Gcp), SyncKind::GitRepository) => {
                checker.note("spec.sync.provider", "`gcp` works only with the kinds `OCIRepository` and `Bucket`");
            }
            (Some(SyncProvider::GitHub), SyncKind::OciRepository | SyncKind::Bucket) => {
                checker.note("spec.sync.provider", "`github` works only with the kind `GitRepository`");
            }
            _ => {}
        }
        Some(Self {
            name: name.to_owned(),
            kind: sync.kind,
            url: sync.url.clone(),
            reference: sync.r#ref.clone(),
            path: sync.path.clone(),
            interval: interval?,
            pull_secret: sync.pull_secret.clone().filter(|secret| !secret.is_empty()),
            provider: sync.provider,
        })
    }
}

/// A duration of hours, minutes, seconds and milliseconds without a sign, as the CRD's pattern has
/// it.
fn read_interval(text: &str, checker: &mut Checker) -> Option<GoDuration> {
    let path = "spec.sync.interval";
    let parts = text.split_inclusive(|c: char| c.is_ascii_alphabetic()).map(str::as_bytes);
    let starts_with_digits = text.starts_with(|c: char| c.is_ascii_digit());
    let digits_around_dots = text.split('.').skip(1).all(|after| after.starts_with(|c: char| c.is_ascii_digit()));
    let units_only = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'h' | 'm' | 's'));
    let no_bare_dot = parts.clone().all(|part| part.first() != Some(&b'.'));
    if !(starts_with_digits && digits_around_dots && units_only && no_bare_dot && text.ends_with(['h', 'm', 's'])) {
        checker.note(path, format!("expected a duration such as `1m` or `1h30m`, found `{text}`"));
        return None;
    }
    checker.check(path, text.parse::<GoDuration>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_follow_the_pattern_of_the_crd() {
        for text in ["1m", "90s", "1h30m", "1.5h", "500ms", "0s", "24h"] {
            assert!(read_interval(text, &mut Checker::default()).is_some(), "`{text}`");
        }
        for text in [
            "",
            "1",
            "1d",
            "-1m",
            "+1m",
            "1h-30m",
            ".5h",
            "1.h",
            "1m.5s",
            "5us",
            "5ns",
            "1h 30m",
            "9999999999999h",
            "m",
            "ms",
        ] {
            assert!(read_interval(text, &mut Checker::default()).is_none(), "`{text}`");
        }
    }
}
