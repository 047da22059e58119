//! What an archive may ask of whoever reads it.

/// What an archive may ask of whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of everything it unpacks to, headers included. Default 100 MiB; all of Flux 2.2 to 2.9
    /// together has 13 MiB.
    pub max_bytes: u64,
    /// Bytes of one file. Default 10 MiB.
    pub max_file_bytes: u64,
    /// Files, folders and headers that are neither. Default 10,000.
    pub max_entries: usize,
    /// Folders inside each other, the file included. Default 16.
    pub max_depth: usize,
    /// Unpacked bytes for each compressed one. Default 200; YAML reaches 30. The first MiB is free.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 100 << 20, max_file_bytes: 10 << 20, max_entries: 10_000, max_depth: 16, max_ratio: 200 }
    }
}
