//! The binary from outside: what it prints, where, and with which exit code.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "this is how a test fails")]

mod build_instance;
mod cluster;
mod defects;
mod distributions;
mod distro;
mod docs;
mod loopback;
mod mirroring;
mod operator;
mod output_dir;
mod patching;
mod played;
mod refusals;
mod usage;
mod world;
