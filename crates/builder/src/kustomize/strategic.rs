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

use serde_json::{Map, Value};

use super::schema::{Kind, ListRule, Place};
use crate::yaml::{Dialect, Node, NodeKind, YamlError, reads_as_text};

/// One document of a strategic merge patch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Merge(Map_);

type Map_ = Vec<(String, Part)>;

/// A value of a patch. Scalars keep the spelling of the text beside their meaning.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Scalar { value: Value, text: String },
    List(Vec<Part>),
    Map(Map_),
}

/// What a merge leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Merged,
    /// The patch removes the object.
    Deleted,
}

/// Why a patch and an object do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {reason}")]
pub struct MergeError {
    /// The field, as a path from the object's root.
    path: String,
    reason: String,
}

/// A `$patch` entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Where a merge is, for errors.
#[derive(Clone, Copy)]
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: &'p str,
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

impl Part {
    fn from_node(node: Node) -> Result<Self, YamlError> {
        Ok(match node.kind {
            NodeKind::Scalar(ref scalar) => {
                let text = scalar.text.clone();
                Self::Scalar { value: node.into_value(Dialect::Manifest)?, text }
            }
            NodeKind::Sequence(items) => Self::List(items.into_iter().map(Self::from_node).collect::<Result<_, _>>()?),
            NodeKind::Mapping(entries) => {
                let mut map: Map_ = Vec::with_capacity(entries.len());
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

    fn is_null(&self) -> bool {
        matches!(self, Self::Scalar { value: Value::Null, .. })
    }

    /// The value exactly as written, nulls and directives included.
    fn verbatim(&self) -> Value {
        match self {
            Self::Scalar { value, .. } => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(Self::verbatim).collect()),
            Self::Map(map) => {
                Value::Object(map.iter().map(|(key, value)| (key.clone(), value.verbatim())).collect::<Map<_, _>>())
            }
        }
    }

    fn shape(&self) -> &'static str {
        match self {
            Self::Scalar { .. } => "a scalar",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

fn get<'m>(map: &'m [(String, Part)], key: &str) -> Option<&'m Part> {
    map.iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

fn directive(map: &[(String, Part)], path: Path<'_>) -> Result<Directive, MergeError> {
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
fn fields(map: &[(String, Part)]) -> impl Iterator<Item = (&String, &Part)> {
    map.iter().filter(|(key, _)| key != "$patch").map(|(key, value)| (key, value))
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
            ListRule::Union => union(&[], items),
            ListRule::Keys(keys) => adopt_elements(items, keys, place.field(key), path)?,
        })),
    })
}

const NO_ELEMENT_REPLACE: &str =
    "`$patch: replace` has no effect on one element of a list, delete the element or name its fields";

/// The elements of a merged list that the object lacks. Of elements with the same key the last
/// counts, at the place of the first.
fn adopt_elements(items: &[Part], keys: &[&str], below: Place, path: Path<'_>) -> Result<Vec<Value>, MergeError> {
    let mut adopted: Vec<Value> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let step = format!("[{index}]");
        let path = path.join(&step);
        let element = Element::of(item, keys, path)?;
        match element.directive {
            Directive::Merge => {}
            _ if element.is_whole_list() => {
                return Err(
                    path.fault("a directive for the whole list has nothing to act on, there is no such list yet")
                );
            }
            Directive::Replace => return Err(path.fault(NO_ELEMENT_REPLACE)),
            Directive::Delete => continue,
        }
        let value = adopt_element(element.map, below, path)?;
        match adopted.iter_mut().find(|known| element.matches(known, keys)) {
            Some(known) => *known = value,
            None => adopted.push(value),
        }
    }
    Ok(adopted)
}

fn adopt_element(map: &[(String, Part)], place: Place, path: Path<'_>) -> Result<Value, MergeError> {
    let mut adopted = Map::new();
    for (key, part) in fields(map) {
        if let Some(value) = adopt(part, place, key, path.join(key))? {
            adopted.insert(key.clone(), value);
        }
    }
    Ok(Value::Object(adopted))
}

/// An element of a merged list in a patch.
struct Element<'p> {
    map: &'p [(String, Part)],
    directive: Directive,
    /// The texts of the key fields; a part that is absent is `None`.
    key: Vec<Option<&'p str>>,
}

fn names(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ")
}

impl<'p> Element<'p> {
    fn of(part: &'p Part, keys: &[&str], path: Path<'_>) -> Result<Self, MergeError> {
        let Part::Map(map) = part else {
            return Err(path.fault(format!(
                "elements of this list are mappings with {}, found {}",
                names(keys),
                part.shape()
            )));
        };
        let directive = directive(map, path)?;
        let key: Vec<_> = keys
            .iter()
            .map(|key| match get(map, key) {
                Some(Part::Scalar { value, text }) if !value.is_null() => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let only_directive = map.len() == 1 && directive != Directive::Merge;
        if key.iter().all(Option::is_none) && !only_directive {
            return Err(path.fault(format!("an element of this list needs {} to say which one it is", names(keys))));
        }
        Ok(Self { map, directive, key })
    }

    /// True where every part of the key that the patch gives is the element's.
    fn matches(&self, element: &Value, keys: &[&str]) -> bool {
        keys.iter().zip(&self.key).all(|(key, text)| text.is_none_or(|text| has_text(element.get(key), text)))
    }

    /// True for an element that is only a directive and so speaks of the list.
    fn is_whole_list(&self) -> bool {
        self.directive != Directive::Merge && self.key.iter().all(Option::is_none)
    }

    /// True where every part of the key that this element gives is the other's too.
    fn is_part_of(&self, other: &Self) -> bool {
        other.is_complete() && self.key.iter().zip(&other.key).all(|(part, other)| part.is_none() || part == other)
    }

    fn is_complete(&self) -> bool {
        self.key.iter().all(Option::is_some)
    }
}

/// Keys compare by their text: `"9090"` is 9090.
fn has_text(value: Option<&Value>, text: &str) -> bool {
    match value {
        Some(Value::String(value)) => value == text,
        Some(Value::Bool(value)) => text == if *value { "true" } else { "false" },
        Some(Value::Number(value)) => text == value.to_string(),
        _ => false,
    }
}

/// Merges a list that the object has. `None` removes it.
fn merge_list(
    existing: &mut Vec<Value>,
    items: &[Part],
    place: Place,
    key: &str,
    path: Path<'_>,
) -> Result<Option<Value>, MergeError> {
    let keys = match place.list(key) {
        ListRule::Replace => return Ok(Some(Value::Array(items.iter().map(Part::verbatim).collect()))),
        ListRule::Union => return Ok(Some(Value::Array(union(existing, items)))),
        ListRule::Keys(keys) => keys,
    };
    let below = place.field(key);
    let steps: Vec<_> = (0..items.len()).map(|index| format!("[{index}]")).collect();
    let mut elements = Vec::with_capacity(items.len());
    for (item, step) in items.iter().zip(&steps) {
        let path = path.join(step);
        elements.push((Element::of(item, keys, path)?, path));
    }
    let is_whole =
        |directive| elements.iter().any(|(element, _)| element.is_whole_list() && element.directive == directive);
    if is_whole(Directive::Delete) {
        return Ok(None);
    }
    if is_whole(Directive::Replace) {
        let is_directive =
            |item: &&Part| matches!(item, Part::Map(map) if map.len() == 1 && get(map, "$patch").is_some());
        let others: Vec<Part> = items.iter().filter(|item| !is_directive(item)).cloned().collect();
        return Ok(Some(Value::Array(adopt_elements(&others, keys, below, path)?)));
    }
    let mut left: Vec<Option<Value>> = std::mem::take(existing).into_iter().map(Some).collect();
    let mut first: Vec<Value> = Vec::new();
    let mut seen: Vec<&Vec<Option<&str>>> = Vec::new();
    for (element, path) in &elements {
        if element.directive == Directive::Delete && !element.is_complete() {
            return Err(path.fault(format!("to delete an element of this list, give {} of it", names(keys))));
        }
        if element.directive == Directive::Replace {
            return Err(path.fault(NO_ELEMENT_REPLACE));
        }
        if seen.contains(&&element.key) {
            continue;
        }
        seen.push(&element.key);
        let found = left.iter_mut().find(|left| left.as_ref().is_some_and(|left| element.matches(left, keys)));
        match (found, element.directive) {
            (Some(_), _) if !element.is_complete() => {}
            (Some(found), Directive::Delete) => *found = None,
            (Some(found), _) => {
                if let Some(Value::Object(map)) = found {
                    merge_map(map, element.map, below, *path)?;
                }
                // A single key moves the element to the front, two keys leave it where it is.
                if keys.len() == 1
                    && let Some(element) = found.take()
                {
                    first.push(element);
                }
            }
            (None, Directive::Delete) => {}
            (None, _) if !element.is_complete() && elements.iter().any(|(other, _)| element.is_part_of(other)) => {}
            (None, _) => first.push(adopt_element(element.map, below, *path)?),
        }
    }
    first.extend(left.into_iter().flatten());
    Ok(Some(Value::Array(first)))
}

/// The patch's scalars in their order, then those of the object, none twice.
fn union(existing: &[Value], items: &[Part]) -> Vec<Value> {
    let mut union: Vec<Value> = Vec::new();
    for value in items.iter().map(Part::verbatim).chain(existing.iter().cloned()) {
        if !union.contains(&value) {
            union.push(value);
        }
    }
    union
}

impl Path<'_> {
    fn join<'c>(&'c self, step: &'c str) -> Path<'c> {
        Path { parent: Some(self), step }
    }

    fn fault(self, reason: impl Into<String>) -> MergeError {
        let mut steps = vec![self.step];
        let mut parent = self.parent;
        while let Some(path) = parent {
            steps.push(path.step);
            parent = path.parent;
        }
        let mut path = String::new();
        for step in steps.into_iter().rev().filter(|step| !step.is_empty()) {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        MergeError { path: if path.is_empty() { ".".to_owned() } else { path }, reason: reason.into() }
    }

    fn clash(self, part: &Part, existing: &Value) -> MergeError {
        let existing = match existing {
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
            _ => "a scalar",
        };
        self.fault(format!("the object has {existing} here, the patch has {}", part.shape()))
    }
}

#[cfg(test)]
mod tests;
