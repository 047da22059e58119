//! Manifests of artifacts.
//!
//! The first line of the input is what the registry calls it, the rest is the manifest.

#![no_main]

use flux_operator_distro::manifest::{Manifest, choose};
use libfuzzer_sys::fuzz_target;

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

fuzz_target!(|text: &str| {
    let (said, body) = text.split_once('\n').unwrap_or(("", text));
    let said = Some(said).filter(|said| !said.is_empty());
    let Ok(manifest) = Manifest::parse(body.as_bytes(), said) else {
        return;
    };
    for descriptor in manifest.descriptors() {
        let written = serde_json::to_vec(descriptor).expect("a descriptor is JSON");
        let read = serde_json::from_slice(&written).expect("what is written can be read");
        assert_eq!(*descriptor, read, "a descriptor reads as it is written");
    }
    if let Manifest::Index(children) = &manifest
        && let Ok(chosen) = choose(children)
    {
        assert!(children.contains(chosen));
        assert!(!INDEXES.contains(&chosen.media_type.as_str()), "an index is followed once");
        assert!(chosen.platform.as_ref().is_none_or(|platform| platform.architecture == "amd64"));
    }
});
