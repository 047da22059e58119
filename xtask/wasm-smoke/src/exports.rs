//! What JavaScript sees: addresses and lengths in the module's memory.

#![expect(unsafe_code, reason = "a function that is found by its name can meet another of that name")]

use std::sync::OnceLock;

use crate::Rendered;

static RESULT: OnceLock<Result<Rendered, String>> = OnceLock::new();

/// Renders once and returns the revision; in case of an error, nothing.
fn revision() -> &'static str {
    result().as_ref().map_or("", |rendered| &rendered.revision)
}

/// As above, the objects; in case of an error, its text.
fn yaml() -> &'static str {
    result().as_ref().map_or_else(String::as_str, |rendered| &rendered.yaml)
}

fn result() -> &'static Result<Rendered, String> {
    RESULT.get_or_init(crate::render)
}

#[unsafe(no_mangle)]
extern "C" fn revision_pointer() -> *const u8 {
    revision().as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn revision_length() -> usize {
    revision().len()
}

#[unsafe(no_mangle)]
extern "C" fn yaml_pointer() -> *const u8 {
    yaml().as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn yaml_length() -> usize {
    yaml().len()
}
