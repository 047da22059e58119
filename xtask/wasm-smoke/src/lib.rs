//! The builder where there is no operating system: a WebAssembly module that renders the sample
//! instance of the repository with the distribution of the repository, both compiled in.
//!
//! The module imports nothing: no clock, no randomness, no files. `smoke.mjs` reads the result from
//! its memory, and `cargo xtask wasm` compares it with what the same code gives natively.

mod exports;

use std::collections::BTreeMap;

use flux_operator_builder::{Admission, Release, ReleaseVersion, build};

include!(concat!(env!("OUT_DIR"), "/distribution.rs"));

const INSTANCE: &str = include_str!("../../../testdata/instances/sample.yaml");

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The revision.
    pub revision: String,
    /// All objects, as the command line prints them.
    pub yaml: String,
}

/// Renders the sample.
///
/// # Errors
/// What the builder says, as text.
pub fn render() -> Result<Rendered, String> {
    let admission = Admission::new();
    let manifests = admission.read(INSTANCE).map_err(|error| error.to_string())?;
    let manifest = manifests.first().ok_or("the sample has no document")?;
    let plan = manifest.plan().map_err(|violations| violations.to_string())?;
    let releases = releases()?;
    let versions: Vec<ReleaseVersion> = releases.keys().cloned().collect();
    let version = plan.select(&versions).map_err(|error| error.to_string())?;
    let release = releases.get(version).ok_or("the chosen version is not there")?;
    let bundle = build(&plan, release).map_err(|error| error.to_string())?;
    let mut yaml = String::new();
    bundle.write_yaml(&mut yaml);
    Ok(Rendered { revision: bundle.revision(), yaml })
}

/// The versions of the distribution, from paths like `flux/v2.9.4/policies.yaml` and
/// `flux-images/v2.9.4/upstream-alpine.yaml`.
fn releases() -> Result<BTreeMap<ReleaseVersion, Release>, String> {
    let mut releases = BTreeMap::new();
    for (path, text) in FILES {
        let mut parts = path.split(['/', '\\']);
        let (Some(folder), Some(version), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let version: ReleaseVersion = version.parse().map_err(|error| format!("`{path}`: {error}"))?;
        let release = releases.remove(&version).unwrap_or_else(|| Release::new(version.clone()));
        let release = match folder {
            "flux" => release.with_manifest(file, *text),
            _ => release.with_digests(file.trim_end_matches(".yaml"), *text),
        };
        releases.insert(version, release);
    }
    Ok(releases)
}
