//! What a path of the distribution protocol asks for.

use http::Method;

use super::lie::Part;

/// A request, as far as its path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Ping,
    Manifest {
        repository: &'a str,
        reference: &'a str,
    },
    Blob {
        repository: &'a str,
        digest: &'a str,
    },
    /// `id` is empty where an upload begins.
    Upload {
        repository: &'a str,
        id: &'a str,
    },
    Tags {
        repository: &'a str,
    },
    Referrers {
        repository: &'a str,
        digest: &'a str,
    },
    Token,
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        match path {
            "/v2/" | "/v2" => return Self::Ping,
            "/token" => return Self::Token,
            _ => {}
        }
        let Some(path) = path.strip_prefix("/v2/") else { return Self::Unknown };
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return Self::Tags { repository };
        }
        if let Some((repository, id)) = path.rsplit_once("/blobs/uploads/") {
            return Self::Upload { repository, id };
        }
        // The last one counts: repositories may be called like this, references cannot.
        let Some((rest, name)) = path.rsplit_once('/') else { return Self::Unknown };
        match rest.rsplit_once('/') {
            Some((repository, "manifests")) => Self::Manifest { repository, reference: name },
            Some((repository, "blobs")) => Self::Blob { repository, digest: name },
            Some((repository, "referrers")) => Self::Referrers { repository, digest: name },
            _ => Self::Unknown,
        }
    }

    pub(super) const fn part(self) -> Part {
        match self {
            Self::Manifest { .. } => Part::Manifests,
            Self::Blob { .. } => Part::Blobs,
            Self::Upload { .. } => Part::Uploads,
            Self::Tags { .. } => Part::Tags,
            Self::Referrers { .. } => Part::Referrers,
            Self::Token => Part::Tokens,
            Self::Ping | Self::Unknown => Part::Everything,
        }
    }

    /// What a token has to allow.
    pub(super) fn scope(self, method: &Method) -> Option<(&'a str, &'static str)> {
        let action = if matches!(*method, Method::GET | Method::HEAD) { "pull" } else { "push" };
        match self {
            Self::Upload { repository, .. } => Some((repository, "push")),
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Tags { repository }
            | Self::Referrers { repository, .. } => Some((repository, action)),
            Self::Ping | Self::Token | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_meaning() {
        let cases = [
            ("/v2/", Route::Ping),
            ("/v2/a/manifests/v1", Route::Manifest { repository: "a", reference: "v1" }),
            ("/v2/a/manifests/b/blobs/sha256:0", Route::Blob { repository: "a/manifests/b", digest: "sha256:0" }),
            ("/v2/a/b/blobs/uploads/", Route::Upload { repository: "a/b", id: "" }),
            ("/v2/a/b/blobs/uploads/7", Route::Upload { repository: "a/b", id: "7" }),
            ("/v2/a/tags/list", Route::Tags { repository: "a" }),
            ("/v2/a/referrers/sha256:0", Route::Referrers { repository: "a", digest: "sha256:0" }),
            ("/token", Route::Token),
            ("/v2/a", Route::Unknown),
            ("/", Route::Unknown),
        ];
        for (path, expected) in cases {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }
}
