//! Version ranges: the first line of the input, against the versions on the others.

#![no_main]

use flux_operator_builder::{ReleaseVersion, VersionRange};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Ok(range) = lines.next().unwrap_or_default().parse::<VersionRange>() else {
        return;
    };
    assert_eq!(range.to_string().parse(), Ok(range.clone()), "a range prints as it was written");

    let versions: Vec<ReleaseVersion> = lines.filter_map(|line| line.parse().ok()).collect();
    let inside: Vec<&ReleaseVersion> = versions.iter().filter(|version| range.contains(version)).collect();
    assert_eq!(range.newest(&versions), inside.into_iter().max(), "the newest is one that the range contains");
});
