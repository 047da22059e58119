//! Files that should be text.

/// The line of the first byte that is not UTF-8.
pub(crate) fn first_bad_line(error: &std::string::FromUtf8Error) -> usize {
    let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
    1 + good.filter(|byte| **byte == b'\n').count()
}
