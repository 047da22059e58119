//! Enums whose members are words of the API: one list gives the type, its text, its parser and its
//! schema.

use std::fmt;

/// A word that is not a member of a closed set, with the words that are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {what} ({}), found `{found}`", Words(.accepted))]
pub struct UnknownName {
    /// What the word should have been, with its article: `a component`.
    pub what: &'static str,
    /// The word as it was written.
    pub found: String,
    /// The words that would have been accepted, in the order of the API.
    pub accepted: &'static [&'static str],
}

/// Prints words in backticks, comma separated.
struct Words<'a>(&'a [&'static str]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}`{word}`")?;
        }
        Ok(())
    }
}

/// Defines a `Copy` enum from its words, with `ALL`, `as_str`, `Display`, `FromStr`, serde and a
/// schema.
///
/// The schema is written here rather than derived: schemars turns documented variants into `oneOf`,
/// which a structural schema may not hold, and the order of the words is what the API server prints
/// in its error.
macro_rules! closed_set {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $what:literal {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every member, in the order of the API.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The words of [`Self::ALL`], in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word the API uses.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownName { what: $what, found: word.to_owned(), accepted: Self::WORDS }),
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": Self::WORDS })
            }
        }
    };
}

pub(crate) use closed_set;

#[cfg(test)]
mod tests {
    use crate::{
        ClusterSize, ClusterType, Component, ConditionStatus, ConditionType, Reason, ShardStorage, SyncKind,
        SyncProvider, Variant,
    };

    /// Every member prints the word it is parsed from, in code and on the wire.
    macro_rules! round_trips {
        ($($set:ident),+) => {$(
            assert_eq!($set::ALL.len(), $set::WORDS.len());
            for (member, word) in $set::ALL.iter().zip($set::WORDS) {
                assert_eq!(member.as_str(), *word);
                assert_eq!(member.to_string(), *word);
                assert_eq!(word.parse(), Ok(*member));
                assert_eq!(serde_json::to_value(member).unwrap(), *word);
                assert_eq!(serde_json::from_value::<$set>((*word).into()).unwrap(), *member);
            }
        )+};
    }

    #[test]
    fn words_round_trip() {
        round_trips!(Component, Variant, ClusterType, ClusterSize, ShardStorage, SyncKind, SyncProvider);
        round_trips!(ConditionType, ConditionStatus, Reason);
    }

    #[test]
    fn unknown_word_lists_what_is_accepted() {
        let error = "tiny".parse::<ClusterSize>().unwrap_err();
        assert_eq!(error.to_string(), "expected a cluster size (`small`, `medium`, `large`), found `tiny`");
        assert!("Small".parse::<ClusterSize>().is_err(), "words are case-sensitive");
        assert!("".parse::<Component>().is_err());
    }
}
