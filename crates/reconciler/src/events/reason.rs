//! Why there is an event.

use std::fmt;

use flux_operator_api::Reason;

/// What kind of thing happened. A closed set, so that it may be the label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventReason {
    /// What is the reason of a condition, too, or could be.
    Run(Reason),
    /// Objects that somebody had changed or deleted are as desired again.
    DriftCorrected,
    /// The instance is gone, and objects of it are left.
    UninstallIncomplete,
}

impl EventReason {
    /// The word that events have.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run(reason) => reason.as_str(),
            Self::DriftCorrected => "DriftCorrected",
            Self::UninstallIncomplete => "UninstallIncomplete",
        }
    }
}

impl From<Reason> for EventReason {
    fn from(reason: Reason) -> Self {
        Self::Run(reason)
    }
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The API server wants a word in camel case, and metrics want words that differ.
    #[test]
    fn words_are_words_and_differ() {
        let runs = Reason::ALL.iter().copied().map(EventReason::from);
        let all = runs.chain([EventReason::DriftCorrected, EventReason::UninstallIncomplete]);
        let words: Vec<_> = all.map(EventReason::as_str).collect();
        for (index, word) in words.iter().enumerate() {
            assert!(word.starts_with(|c: char| c.is_ascii_uppercase()), "{word}");
            assert!(word.chars().all(|c| c.is_ascii_alphanumeric()), "{word}");
            assert!(!words[..index].contains(word), "{word}");
        }
    }
}
