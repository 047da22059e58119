//! Compressed bytes in, a bounded number of plain ones out.

use std::cell::Cell;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::{ArchiveError, Limits};

/// Unpacked bytes before the ratio counts: a small archive of zeros harms nobody.
const FREE_BYTES: u64 = 1 << 20;
/// How far back zstd may refer, which is the memory it needs. `zstd -19` uses 8 MiB.
const ZSTD_WINDOW: u64 = 8 << 20;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// Tells by the first bytes, because registries hold layers under every media type.
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// The plain bytes of an archive, which end where a limit does.
pub(super) struct Opened<'a> {
    decoder: Decoder<'a>,
    limits: &'a Limits,
    compressed: u64,
    plain: u64,
    broken: Cell<Option<ArchiveError>>,
}

enum Decoder<'a> {
    None(&'a [u8]),
    Gzip(Box<GzDecoder<&'a [u8]>>),
    Zstd(Box<StreamingDecoder<&'a [u8], ruzstd::decoding::FrameDecoder>>),
}

impl<'a> Opened<'a> {
    pub(super) fn new(bytes: &'a [u8], compression: Compression, limits: &'a Limits) -> Result<Self, ArchiveError> {
        let decoder = match compression {
            Compression::None => Decoder::None(bytes),
            Compression::Gzip => Decoder::Gzip(Box::new(GzDecoder::new(bytes))),
            Compression::Zstd => {
                let decoder = StreamingDecoder::new_with_max_window_size(bytes, ZSTD_WINDOW);
                Decoder::Zstd(Box::new(
                    decoder.map_err(|error| ArchiveError::Damaged(io::Error::other(error.to_string())))?,
                ))
            }
        };
        Ok(Self { decoder, limits, compressed: bytes.len() as u64, plain: 0, broken: Cell::new(None) })
    }

    /// The limit at which reading ended, if it did.
    pub(super) fn broken(&self) -> Option<ArchiveError> {
        self.broken.take()
    }

    /// Reads what follows the last entry, so that the checksum of the compression is compared.
    pub(super) fn finish(mut self) -> Result<(), ArchiveError> {
        let mut buffer = [0; 8 << 10];
        loop {
            let read = self.read(&mut buffer);
            if let Some(broken) = self.broken() {
                return Err(broken);
            }
            if read.map_err(ArchiveError::Damaged)? == 0 {
                break;
            }
        }
        let rest = match &self.decoder {
            Decoder::None(rest) => rest.len(),
            Decoder::Gzip(decoder) => decoder.get_ref().len(),
            Decoder::Zstd(decoder) => decoder.get_ref().len(),
        };
        if rest > 0 { Err(ArchiveError::Trailing(rest)) } else { Ok(()) }
    }
}

impl Read for Opened<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::None(bytes) => bytes.read(buffer)?,
            Decoder::Gzip(decoder) => decoder.read(buffer)?,
            Decoder::Zstd(decoder) => decoder.read(buffer)?,
        };
        self.plain = self.plain.saturating_add(read as u64);
        let ratio = self.limits.max_ratio;
        let broken = if self.plain > self.limits.max_bytes {
            ArchiveError::TooLarge(self.limits.max_bytes)
        } else if self.plain > FREE_BYTES && self.plain > self.compressed.saturating_mul(ratio) {
            ArchiveError::Bomb(ratio)
        } else {
            return Ok(read);
        };
        self.broken.set(Some(broken));
        Err(io::Error::other("a limit was reached"))
    }
}
