//! Strategic merge, as kustomize does it.
//!
//! Maps merge key by key, `null` removes a key, a scalar replaces a scalar, and lists follow the
//! [`schema`](super::schema): most are replaced, those with keys merge element by element, the
//! patch's elements first. The whole of it is written down in `docs/rendering.md`, under *Strategic
//! merge patches*.
//!
//! Kept because users' patches rely on it: the order after merging; a port without `protocol` that
//! matches an existing port changes nothing; `$retainKeys`, `$setElementOrder/…` and
//! `$deleteFromPrimitiveList/…` are ordinary fields. Refused instead of doing something nobody
//! asked for: list elements without their key, and directives at places where they have no effect.

mod list;
mod part;
mod path;

use serde_json::{Map, Value};

use super::schema::{Kind, ListRule, Place};
use crate::yaml::{Node, YamlError, reads_as_text};
use list::{adopt_elements, merge_list, union};
use part::{Directive, Entries, Part, directive, fields, get};
pub use path::MergeError;
use path::Path;

/// One document of a strategic merge patch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Merge(Entries);

/// What a merge leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Merged,
    /// The patch removes the object.
    Deleted,
}

impl Merge {
    /// Reads a mapping; of duplicate keys the first counts.
    ///
    /// # Errors
    /// A key that is no text, or a number that JSON cannot hold.
    pub(crate) fn from_node(node: Node) -> Result<Self, YamlError> {
        let fault = node.fault("expected a mapping");
        match Part::from_node(node)? {
            Part::Map(entries) => Ok(Self(entries)),
            Part::Scalar { .. } | Part::List(_) => Err(fault),
        }
    }

    /// The text at a path of keys.
    pub(crate) fn text(&self, path: &[&str]) -> Option<&str> {
        let (last, parents) = path.split_last()?;
        let mut map = &self.0;
        for key in parents {
            match get(map, key)? {
                Part::Map(child) => map = child,
                _ => return None,
            }
        }
        match get(map, last)? {
            Part::Scalar { text, value } if !value.is_null() => Some(text),
            _ => None,
        }
    }

    /// Merges the patch into an object.
    ///
    /// # Errors
    /// The first place where the two do not go together. The object is then half merged.
    pub(crate) fn apply(&self, object: &mut Value, kind: Kind) -> Result<Outcome, MergeError> {
        let root = Path { parent: None, step: "" };
        match directive(&self.0, root)? {
            Directive::Delete => return Ok(Outcome::Deleted),
            Directive::Replace => {
                return Err(root.fault("`$patch: replace` has no effect on a whole object, name the fields to replace"));
            }
            Directive::Merge => {}
        }
        if let Value::Object(map) = object {
            merge_map(map, &self.0, Place::Root(kind), root)?;
        }
        Ok(Outcome::Merged)
    }
}

fn merge_map(
    target: &mut Map<String, Value>,
    patch: &[(String, Part)],
    place: Place,
    path: Path<'_>,
) -> Result<(), MergeError> {
    for (key, part) in fields(patch) {
        let path = path.join(key);
        if part.is_null() {
            target.remove(key);
            continue;
        }
        let existing = target.get_mut(key).filter(|existing| !existing.is_null());
        let merged = match (existing, part) {
            (None, part) => adopt(part, place, key, path)?,
            (Some(existing), Part::Scalar { value, text }) => {
                if existing.is_array() || existing.is_object() {
                    return Err(path.clash(part, existing));
                }
                Some(scalar(value, text, place, existing))
            }
            (Some(existing), Part::Map(map)) => match directive(map, path)? {
                Directive::Delete => None,
                Directive::Replace => Some(replacement(map, place.field(key))),
                Directive::Merge => match existing {
                    Value::Object(existing) => {
                        merge_map(existing, map, place.field(key), path)?;
                        continue;
                    }
                    other => return Err(path.clash(part, other)),
                },
            },
            (Some(existing), Part::List(items)) => match existing {
                Value::Array(existing) => merge_list(existing, items, place, key, path)?,
                other => return Err(path.clash(part, other)),
            },
        };
        match merged {
            Some(value) => target.insert(key.clone(), value),
            None => target.remove(key),
        };
    }
    Ok(())
}

/// A scalar in the place of another one.
fn scalar(value: &Value, text: &str, place: Place, existing: &Value) -> Value {
    // A text that has to be quoted, such as `"8080"`, keeps its quotes when its value changes.
    let stays_text = existing.as_str().is_some_and(|existing| !reads_as_text(existing));
    if place == Place::Texts || stays_text { Value::String(text.to_owned()) } else { value.clone() }
}

/// The map that `$patch: replace` puts in the place of another, as written.
fn replacement(map: &[(String, Part)], place: Place) -> Value {
    let value = |part: &Part| match part {
        Part::Scalar { text, .. } if place == Place::Texts => Value::String(text.clone()),
        part => part.verbatim(),
    };
    let kept = fields(map).filter(|(_, part)| place != Place::Texts || !part.is_null());
    Value::Object(kept.map(|(key, part)| (key.clone(), value(part))).collect::<Map<_, _>>())
}

/// A value whose key the object lacks: taken over without the nulls in its maps and merged lists.
fn adopt(part: &Part, place: Place, key: &str, path: Path<'_>) -> Result<Option<Value>, MergeError> {
    Ok(match part {
        Part::Scalar { value: Value::Null, .. } => None,
        Part::Scalar { text, .. } if place == Place::Texts => Some(Value::String(text.clone())),
        Part::Scalar { value, .. } => Some(value.clone()),
        Part::Map(map) => {
            let below = place.field(key);
            match directive(map, path)? {
                Directive::Delete => None,
                Directive::Replace => Some(replacement(map, below)),
                Directive::Merge => {
                    let mut adopted = Map::new();
                    for (key, part) in fields(map) {
                        if let Some(value) = adopt(part, below, key, path.join(key))? {
                            adopted.insert(key.clone(), value);
                        }
                    }
                    Some(Value::Object(adopted))
                }
            }
        }
        Part::List(items) => Some(Value::Array(match place.list(key) {
            ListRule::Replace => items.iter().map(Part::verbatim).collect(),
            ListRule::Union => union(&[], items, path)?,
            ListRule::Keys(keys) => adopt_elements(items, keys, place.field(key), path)?,
        })),
    })
}

#[cfg(test)]
mod tests;
