//! Layers of artifacts: what is opened keeps its limits, and is the same whenever it is read.

#![no_main]

use flux_operator_distro::archive::{Archive, Limits};
use libfuzzer_sys::fuzz_target;

/// So low that inputs of some kilobytes reach them.
const LIMITS: Limits =
    Limits { max_bytes: 1 << 20, max_file_bytes: 16 << 10, max_entries: 64, max_depth: 4, max_ratio: 200 };

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::open_with(bytes, LIMITS) else {
        return;
    };
    let names: Vec<(&str, u64)> = archive.names().collect();
    assert!(names.len() <= LIMITS.max_entries);
    assert!(names.iter().map(|(_, size)| size).sum::<u64>() <= LIMITS.max_bytes);
    for (name, size) in &names {
        let parts: Vec<&str> = name.split('/').collect();
        assert!(*size <= LIMITS.max_file_bytes && parts.len() <= LIMITS.max_depth, "`{name}` keeps the limits");
        assert!(!parts.iter().any(|part| matches!(*part, "" | "." | "..")), "`{name}` stays inside");
    }

    let files = archive.files(|_| true).expect("what was opened can be read");
    let read: Vec<(&str, u64)> = files.iter().map(|(name, content)| (name.as_str(), content.len() as u64)).collect();
    assert_eq!(read, names);
    let none = archive.files(|_| false).expect("what was opened can be read");
    assert!(none.is_empty());
});
