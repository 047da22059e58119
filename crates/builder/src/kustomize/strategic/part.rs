//! The values of a patch.

use serde_json::{Map, Value};

use super::path::{MergeError, Path};
use crate::yaml::{Dialect, Node, NodeKind, YamlError};

/// The entries of a mapping, in the order of the text.
pub(super) type Entries = Vec<(String, Part)>;

/// A value of a patch. Scalars keep the spelling of the text beside their meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Scalar { value: Value, text: String },
    List(Vec<Part>),
    Map(Entries),
}

/// A `$patch` entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

impl Part {
    pub(super) fn from_node(node: Node) -> Result<Self, YamlError> {
        Ok(match node.kind {
            NodeKind::Scalar(ref scalar) => {
                let text = scalar.text.clone();
                Self::Scalar { value: node.into_value(Dialect::Manifest)?, text }
            }
            NodeKind::Sequence(items) => Self::List(items.into_iter().map(Self::from_node).collect::<Result<_, _>>()?),
            NodeKind::Mapping(entries) => {
                let mut map: Entries = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = key.into_key(Dialect::Manifest)?;
                    let value = Self::from_node(value)?;
                    if get(&map, &key).is_none() {
                        map.push((key, value));
                    }
                }
                Self::Map(map)
            }
        })
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar { value: Value::Null, .. })
    }

    /// The value exactly as written, nulls and directives included.
    pub(super) fn verbatim(&self) -> Value {
        match self {
            Self::Scalar { value, .. } => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(Self::verbatim).collect()),
            Self::Map(map) => {
                Value::Object(map.iter().map(|(key, value)| (key.clone(), value.verbatim())).collect::<Map<_, _>>())
            }
        }
    }

    pub(super) fn shape(&self) -> &'static str {
        match self {
            Self::Scalar { .. } => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

pub(super) fn get<'m>(map: &'m [(String, Part)], key: &str) -> Option<&'m Part> {
    map.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

pub(super) fn directive(map: &[(String, Part)], path: Path<'_>) -> Result<Directive, MergeError> {
    match get(map, "$patch") {
        None => Ok(Directive::Merge),
        Some(Part::Scalar { text, .. }) if text == "merge" => Ok(Directive::Merge),
        Some(Part::Scalar { text, .. }) if text == "replace" => Ok(Directive::Replace),
        Some(Part::Scalar { text, .. }) if text == "delete" => Ok(Directive::Delete),
        Some(Part::Scalar { text, .. }) => {
            Err(path.fault(format!("`$patch` takes `merge`, `replace` or `delete`, found `{text}`")))
        }
        Some(other) => {
            Err(path.fault(format!("`$patch` takes `merge`, `replace` or `delete`, found {}", other.shape())))
        }
    }
}

/// The entries without the directive.
pub(super) fn fields(map: &[(String, Part)]) -> impl Iterator<Item = (&String, &Part)> {
    map.iter().filter(|(key, _)| key != "$patch").map(|(key, value)| (key, value))
}
