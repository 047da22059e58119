//! What is worth knowing about a change, and how bad it is.

use std::fmt;

use serde::Serialize;

/// How much a change can break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Nothing that runs or is stored notices.
    #[default]
    Low,
    /// Something is interrupted or gets more power, as intended.
    Medium,
    /// Data, or what somebody else relies on, may be lost.
    High,
    /// It cannot be carried out as it is.
    Blocked,
}

/// One thing worth knowing about the change of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub risk: Risk,
    /// What it is: one line, lower case, no final period, names in backticks.
    pub text: String,
    /// What to do about it, in the same form; empty where nothing has to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl Finding {
    /// A finding that asks for nothing.
    pub fn new(risk: Risk, text: impl Into<String>) -> Self {
        Self { risk, text: text.into(), advice: String::new() }
    }

    /// The same, with what to do.
    #[must_use]
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: advice.into(), ..self }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Blocked => "blocked",
        })
    }
}

/// `one, two and 3 more`: names, at most `most` of them.
pub(crate) fn listed<T: fmt::Display>(names: &[T], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a", "b"], 2), "`a`, `b`");
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
    }
}
