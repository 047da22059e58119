//! What programs are built for.

use std::path::{Path, PathBuf};

/// A platform in the words of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Platform {
    /// Most servers.
    #[value(name = "linux/amd64")]
    Amd64,
    /// ARM servers.
    #[value(name = "linux/arm64")]
    Arm64,
}

impl Platform {
    pub(super) const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// The platform of this machine; none where nothing is made for it.
    pub(super) fn of_this_machine() -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.target().starts_with(std::env::consts::ARCH))
    }

    /// The processor as images have it.
    pub(super) const fn architecture(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The target of the Rust compiler: static, with musl.
    pub(super) const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// What the C compiler of this platform is called, without the program: Debian has it for every host.
    pub(super) const fn compiler_prefix(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-linux-gnu",
            Self::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// The package of Debian with that compiler and its headers.
    pub(super) const fn packages(self) -> [&'static str; 2] {
        match self {
            Self::Amd64 => ["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"],
            Self::Arm64 => ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
        }
    }

    /// Where its programs lie below the folder of a release.
    pub(super) fn folder(self, output: &Path) -> PathBuf {
        output.join("bin").join(format!("linux_{}", self.architecture()))
    }
}
