//! YAML values that remember how and where they were written.

use serde_json::{Map, Value};

use super::read::YamlError;
use super::scalar::{Dialect, NotAScalar};

/// One value of a YAML document and the place where it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What the value is.
    pub kind: NodeKind,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// The three forms a YAML value can have.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the text. Merge keys (`<<`) are already resolved.
    Mapping(Vec<(Node, Node)>),
}

/// A scalar as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text, after escapes and line folding.
    pub text: String,
    /// True where neither quotes nor a tag say that it is a text, so that `7` means a number.
    pub plain: bool,
}

impl Node {
    /// An error at the place of this value.
    pub fn fault(&self, reason: impl Into<String>) -> YamlError {
        YamlError { line: self.line, column: self.column, reason: reason.into() }
    }

    /// The value as JSON, its scalars read by the rules of `dialect`.
    ///
    /// # Errors
    /// A scalar that JSON cannot hold (`.inf`), or a key that the dialect does not accept.
    pub fn into_value(self, dialect: Dialect) -> Result<Value, YamlError> {
        let (line, column) = (self.line, self.column);
        let fault = |NotAScalar(reason)| YamlError { line, column, reason };
        match self.kind {
            NodeKind::Scalar(scalar) => dialect.scalar(scalar).map_err(fault),
            NodeKind::Sequence(items) => {
                items.into_iter().map(|item| item.into_value(dialect)).collect::<Result<_, _>>().map(Value::Array)
            }
            NodeKind::Mapping(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let key = key.into_key(dialect)?;
                    let value = value.into_value(dialect)?;
                    if dialect.last_duplicate_wins() || !map.contains_key(&key) {
                        map.insert(key, value);
                    }
                }
                Ok(Value::Object(map))
            }
        }
    }

    /// The text of a mapping's key.
    ///
    /// # Errors
    /// A list, mapping or null as key, and in [`Dialect::Manifest`] everything but a text.
    pub fn into_key(self, dialect: Dialect) -> Result<String, YamlError> {
        let (line, column) = (self.line, self.column);
        let fault = |reason: &str| YamlError { line, column, reason: reason.to_owned() };
        let NodeKind::Scalar(scalar) = self.kind else {
            return Err(fault("a key has to be a text, found a list or a mapping"));
        };
        match dialect.key(scalar) {
            Ok(key) => Ok(key),
            Err(NotAScalar(reason)) => Err(fault(&reason)),
        }
    }

    /// The entries, where the value is a mapping.
    pub fn entries(&self) -> Option<&[(Node, Node)]> {
        match &self.kind {
            NodeKind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping; of equal keys the first.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|(known, _)| known.as_scalar().is_some_and(|known| known.text == key))
            .map(|(_, value)| value)
    }

    /// The scalar, where the value is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// True for nothing at all, `~` and the spellings of `null`.
    pub fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(Scalar::is_null)
    }

    pub(super) fn size(&self) -> usize {
        match &self.kind {
            NodeKind::Scalar(_) => 1,
            NodeKind::Sequence(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            NodeKind::Mapping(entries) => {
                1 + entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>()
            }
        }
    }

    pub(super) fn depth(&self) -> usize {
        match &self.kind {
            NodeKind::Scalar(_) => 0,
            NodeKind::Sequence(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            NodeKind::Mapping(entries) => {
                1 + entries.iter().map(|(key, value)| key.depth().max(value.depth())).max().unwrap_or(0)
            }
        }
    }
}
