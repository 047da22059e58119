//! Bytes that were compared with a digest, all of them, before anybody reads them.

use std::sync::Arc;

use flux_operator_api::Digest;
use sha2::{Digest as _, Sha256};

/// Bytes whose SHA-256 sum is known. There is no way to make one without computing the sum.
#[derive(Clone)]
pub(crate) struct Content {
    digest: Digest,
    bytes: Arc<[u8]>,
}

impl Content {
    /// Computes the digest of bytes.
    pub(crate) fn of(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::new(Sha256::digest(&bytes).into()), bytes }
    }

    /// The bytes if their digest is the one that is expected, otherwise the one that they have.
    pub(crate) fn expect(bytes: impl Into<Arc<[u8]>>, expected: &Digest) -> Result<Self, Digest> {
        let content = Self::of(bytes);
        if content.digest == *expected { Ok(content) } else { Err(content.digest) }
    }

    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.digest, self.bytes.len())
    }
}
