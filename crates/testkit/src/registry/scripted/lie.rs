//! What a registry can do to its clients.

use std::time::Duration;

use http::StatusCode;

/// One kind of misbehaviour. What happens to a body happens to its headers first: length and digest fit what is sent,
/// unless the lie is about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Other bytes under the digest.
    SwappedBlob(Vec<u8>),
    /// The first half only, as if that were all.
    TruncatedBlob,
    /// Some more bytes at the end.
    AppendedBlob,
    /// No bytes at all.
    EmptyBody,
    /// The content, and after it zeros without end.
    EndlessBlob,
    /// The announced length is off by this: larger, and the connection is closed early; smaller, and the client sees
    /// no more than announced.
    WrongContentLength(i64),
    /// No length, the content in chunks. Not even a lie: registries may do so.
    Chunked,
    /// 206 with the first half, which nobody asked for.
    PartialContent,
    /// The connection is closed after so many bytes of a body whose length was announced.
    CutAfter {
        /// How many bytes the client sees.
        bytes: usize,
    },
    /// The content arrives in small pieces, each after a pause.
    SlowBody {
        /// The size of a piece, in bytes.
        chunk: usize,
        /// The pause before it.
        delay: Duration,
    },

    /// `Docker-Content-Digest` with an algorithm that nobody knows.
    UnknownDigestAlgorithm,
    /// No `Docker-Content-Digest`. Registries may do so.
    NoDigestHeader,
    /// `Docker-Content-Digest` of something else.
    WrongDigestHeader,
    /// Blanks after a manifest, so that it has at least this many bytes. It stays valid, and by tag the digest fits.
    HugeManifest {
        /// The least size.
        bytes: usize,
    },
    /// A tag leads to an index, which leads to an index, which leads to the manifest. All digests fit.
    IndexInIndex,
    /// A tag leads to another manifest at each call, one that differs in an annotation.
    MovingTag,
    /// Another `Content-Type` than what was stored.
    ContentType(String),

    /// 307 to another origin, and from there to itself until it was so many times. At least one.
    Redirect {
        /// How many redirects it takes to get the content.
        times: u32,
    },
    /// 307 to wherever this says.
    RedirectTo(String),
    /// 307 to the same place.
    RedirectLoop,
    /// 307 from HTTPS to another origin with HTTP, which has the content.
    DowngradeRedirect,

    /// A challenge that names another origin as the place for tokens, which takes every password and gives valid tokens.
    ForeignRealm,
    /// 401 whatever the credentials.
    AlwaysUnauthorized,

    /// 429, so many times.
    TooManyRequests {
        /// How many requests fail.
        times: u32,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// A status, so many times. Nothing of the body is JSON.
    ServerError {
        /// Any status.
        status: StatusCode,
        /// How many requests fail.
        times: u32,
    },
    /// `HEAD` is answered with this status; 404 and 405 are seen.
    NoHead(StatusCode),
}

/// The requests that a lie is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them, but not those for tokens.
    Everything,
    /// Manifests, by tag or by digest.
    Manifests,
    /// Blobs that are read.
    Blobs,
    /// Blobs that are written.
    Uploads,
    /// The list of tags.
    Tags,
    /// The list of what refers to a manifest.
    Referrers,
    /// The place for tokens.
    Tokens,
}

impl Lie {
    /// What it is about where nothing else is said.
    pub const fn part(&self) -> Part {
        match self {
            Self::SwappedBlob(_)
            | Self::TruncatedBlob
            | Self::AppendedBlob
            | Self::EmptyBody
            | Self::EndlessBlob
            | Self::WrongContentLength(_)
            | Self::Chunked
            | Self::PartialContent
            | Self::CutAfter { .. }
            | Self::SlowBody { .. }
            | Self::Redirect { .. }
            | Self::RedirectTo(_)
            | Self::RedirectLoop
            | Self::DowngradeRedirect => Part::Blobs,
            Self::UnknownDigestAlgorithm
            | Self::NoDigestHeader
            | Self::WrongDigestHeader
            | Self::HugeManifest { .. }
            | Self::IndexInIndex
            | Self::MovingTag
            | Self::ContentType(_) => Part::Manifests,
            Self::ForeignRealm
            | Self::AlwaysUnauthorized
            | Self::TooManyRequests { .. }
            | Self::ServerError { .. }
            | Self::NoHead(_) => Part::Everything,
        }
    }

    /// How often it is told; `None` for always.
    pub(super) const fn times(&self) -> Option<u32> {
        match self {
            Self::TooManyRequests { times, .. } | Self::ServerError { times, .. } => Some(*times),
            _ => None,
        }
    }
}

impl Part {
    pub(super) fn covers(self, part: Self) -> bool {
        self == part || self == Self::Everything && part != Self::Tokens
    }
}
