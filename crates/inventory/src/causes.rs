//! Errors as text, for those who print them.

use std::error::Error;

/// An error and its causes in one line, each once.
///
/// Many errors repeat their cause in their own text; what a text has said already is left out.
pub fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.extend([": ", &said]);
        }
        cause = error.source();
    }
    text
}
