//! Lists whose elements have keys.

use serde_json::{Map, Value};

use super::part::{Directive, Part, directive, fields, get};
use super::path::{MergeError, Path};
use super::{adopt, merge_map};
use crate::kustomize::schema::{ListRule, Place};

const NO_ELEMENT_REPLACE: &str =
    "`$patch: replace` has no effect on one element of a list, delete the element or name its fields";

/// Merges a list that the object has. `None` removes it.
pub(super) fn merge_list(
    existing: &mut Vec<Value>,
    items: &[Part],
    place: Place,
    key: &str,
    path: Path<'_>,
) -> Result<Option<Value>, MergeError> {
    let keys = match place.list(key) {
        ListRule::Replace => return Ok(Some(Value::Array(items.iter().map(Part::verbatim).collect()))),
        ListRule::Union => return Ok(Some(Value::Array(union(existing, items, path)?))),
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

/// The elements of a merged list that the object lacks. Of elements with the same key the last
/// counts, at the place of the first.
pub(super) fn adopt_elements(
    items: &[Part],
    keys: &[&str],
    below: Place,
    path: Path<'_>,
) -> Result<Vec<Value>, MergeError> {
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

fn names(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ")
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

/// The patch's scalars in their order, then those of the object, none twice.
///
/// A map can only be meant as a directive, and there is none for a part of such a list.
pub(super) fn union(existing: &[Value], items: &[Part], path: Path<'_>) -> Result<Vec<Value>, MergeError> {
    if let Some(item) = items.iter().find(|item| !matches!(item, Part::Scalar { .. })) {
        return Err(path.fault(format!("expected texts, found {}; null removes the whole list", item.shape())));
    }
    let mut union: Vec<Value> = Vec::new();
    for value in items.iter().map(Part::verbatim).chain(existing.iter().cloned()) {
        if !union.contains(&value) {
            union.push(value);
        }
    }
    Ok(union)
}
