//! References of artifacts: what is read prints as something that reads the same.

#![no_main]

use flux_operator_distro::{Location, Reference, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(reference) = Reference::parse_bare(text) else {
        return;
    };
    let printed = reference.to_string();
    assert_eq!(printed.parse(), Ok(reference.clone()), "`{printed}` is what was read");
    assert_eq!(printed.parse(), Ok(Location::Registry(reference.clone())));
    // Both go into the path of a request.
    for part in [reference.host(), reference.repository()] {
        assert!(!part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic()), "`{part}` needs no escape");
        assert!(!part.contains(['?', '#', '%', '@', '\\']), "`{part}` ends nothing");
    }
    assert!(!reference.host().contains('/'));
    assert!(reference.repository().split('/').all(|part| !matches!(part, "." | "..")));
    if let Version::Tag(tag) = reference.version() {
        assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)), "`{tag}` is a tag");
        assert_eq!(reference.tagged(tag.clone()).version(), Version::Tag(tag));
    }
});
