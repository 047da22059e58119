//! What it costs to take a distribution from a registry, as the example `pull` of `crates/distro`
//! finds out.

use std::path::Path;

use super::example;
use super::table::Table;

pub(super) fn measure(profile: &str, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("not measured, because that needs the `/proc` of Linux: registries");
        return Ok(());
    }
    example::add(example::of("flux-operator-distro", "pull", profile).arg(distribution), table)
}
