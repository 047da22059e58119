//! Changing the patches of an instance in its text, and nothing else.
//!
//! Every change is an insertion or a removal at a place that the [outline](super::outline) knows, so
//! that comments, quotes, order and indentation of the rest stay as they are. What has come out is
//! read again and compared with what was wanted: an edit that would mean something else is refused.

use std::ops::Range;

use flux_operator_builder::yaml::{self, Dialect, Limits, YamlError};
use serde_json::{Map, Value, json};

use super::outline::{self, Node, Shape, line_start};

/// A text that cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditError {
    #[error("is no valid YAML")]
    Yaml(#[from] YamlError),
    #[error("`{0}` is written in a way that cannot be changed without changing more")]
    Unchangeable(&'static str),
}

/// A part of a text, and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    range: Range<usize>,
    text: String,
}

/// The text of a document with these of its patches gone, and others added at the end.
///
/// `document` counts all documents of the text that are not empty, from 0.
///
/// # Errors
/// The text is no YAML, or the patches are where no change can be made.
pub(super) fn patches(text: &str, document: usize, gone: &[usize], added: &[Value]) -> Result<String, EditError> {
    let roots = outline::read(text)?;
    let root = roots.iter().filter(|root| !root.is_null()).nth(document);
    let root = root.ok_or(EditError::Unchangeable("spec"))?;
    let editor = Editor { text, newline: if text.contains("\r\n") { "\r\n" } else { "\n" }, root };
    let mut changes = editor.changes(gone, added)?;
    changes.sort_by_key(|change| change.range.start);
    let mut edited = String::with_capacity(text.len());
    let mut from = 0;
    for Change { range, text: inserted } in &changes {
        edited.push_str(text.get(from..range.start).ok_or(EditError::Unchangeable("spec.kustomize"))?);
        edited.push_str(inserted);
        from = range.end;
    }
    edited.push_str(text.get(from..).unwrap_or_default());
    let kept = edited.trim_end_matches(['\n', '\r']).len();
    edited.truncate(kept);
    edited.push_str(editor.newline);
    let is_as_wanted = values(&edited)?.into_iter().map(without_empty).eq(wanted(text, document, gone, added)?);
    if is_as_wanted { Ok(edited) } else { Err(EditError::Unchangeable("spec.kustomize.patches")) }
}

fn values(text: &str) -> Result<Vec<Value>, YamlError> {
    yaml::read_documents(text, Dialect::Manifest, &Limits::INPUT)
}

/// What the documents are to be.
fn wanted(text: &str, document: usize, gone: &[usize], added: &[Value]) -> Result<Vec<Value>, YamlError> {
    let mut documents = values(text)?;
    let spec = documents.get_mut(document).and_then(|document| document.get_mut("spec")).and_then(Value::as_object_mut);
    let Some(spec) = spec else { return Ok(documents) };
    let kustomize = spec.entry("kustomize").or_insert(Value::Null);
    if kustomize.is_null() {
        *kustomize = json!({});
    }
    if let Some(kustomize) = kustomize.as_object_mut() {
        let patches = kustomize.get("patches").and_then(Value::as_array).cloned().unwrap_or_default();
        let kept = patches.into_iter().enumerate().filter(|(index, _)| !gone.contains(index)).map(|(_, patch)| patch);
        let patches: Vec<_> = kept.chain(added.iter().cloned()).collect();
        kustomize.insert("patches".to_owned(), patches.into());
    }
    // An empty list and none are the same here, whatever the text makes of it.
    Ok(documents.into_iter().map(without_empty).collect())
}

fn without_empty(mut document: Value) -> Value {
    let is_empty = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Null) => true,
        _ => false,
    };
    if let Some(spec) = document.get_mut("spec").and_then(Value::as_object_mut) {
        if let Some(kustomize) = spec.get_mut("kustomize").and_then(Value::as_object_mut)
            && is_empty(kustomize.get("patches"))
        {
            kustomize.remove("patches");
        }
        if is_empty(spec.get("kustomize")) {
            spec.remove("kustomize");
        }
    }
    document
}

struct Editor<'t> {
    text: &'t str,
    newline: &'static str,
    root: &'t Node,
}

impl Editor<'_> {
    fn changes(&self, gone: &[usize], added: &[Value]) -> Result<Vec<Change>, EditError> {
        let (key, spec) = self.root.entry("spec").ok_or(EditError::Unchangeable("spec"))?;
        let step = spec.column.saturating_sub(key.column).max(1);
        let Some((kustomize_key, kustomize)) = spec.entry("kustomize") else {
            return self.add_entry(spec, "kustomize", &json!({"patches": added}), step, !added.is_empty());
        };
        let Some((patches_key, patches)) = kustomize.entry("patches") else {
            let value = json!({"patches": added});
            return match &kustomize.shape {
                _ if added.is_empty() => Ok(Vec::new()),
                Shape::Mapping { entries, .. } if !entries.is_empty() => {
                    self.add_entry(kustomize, "patches", &json!(added), step, true)
                }
                Shape::Mapping { .. } | Shape::Scalar(_) if spec.is_flow() => {
                    Ok(vec![Self::replace(kustomize, &value)])
                }
                Shape::Mapping { .. } | Shape::Scalar(_) => {
                    Ok(self.below(kustomize_key, kustomize, &self.block(&value, kustomize_key.column + step)))
                }
                _ => Err(EditError::Unchangeable("spec.kustomize")),
            };
        };
        match &patches.shape {
            Shape::Sequence { is_flow: false, items } => {
                if added.is_empty() && gone.len() == items.len() {
                    let Shape::Mapping { is_flow: false, entries } = &kustomize.shape else {
                        return Err(EditError::Unchangeable("spec.kustomize"));
                    };
                    let (from, to) =
                        if entries.len() == 1 { (kustomize_key, kustomize) } else { (patches_key, patches) };
                    return Ok(vec![self.remove(line_start(self.text, from.range.start)..to.range.end)]);
                }
                self.block_items(patches, items, gone, added)
            }
            Shape::Sequence { is_flow: true, items } if !items.is_empty() && gone.len() < items.len() => {
                Ok(Self::flow_items(items, gone, added))
            }
            Shape::Scalar(_) if !patches.is_null() => Err(EditError::Unchangeable("spec.kustomize.patches")),
            Shape::Sequence { .. } | Shape::Scalar(_) => match (added.is_empty(), gone.is_empty()) {
                (true, true) => Ok(Vec::new()),
                (true, false) => Ok(vec![Self::replace(patches, &json!([]))]),
                _ if kustomize.is_flow() => Ok(vec![Self::replace(patches, &json!(added))]),
                _ => Ok(self.below(patches_key, patches, &self.block(&json!(added), patches_key.column))),
            },
            _ => Err(EditError::Unchangeable("spec.kustomize.patches")),
        }
    }

    /// Adds an entry behind the last one of a mapping.
    fn add_entry(
        &self,
        mapping: &Node,
        key: &str,
        value: &Value,
        step: usize,
        is_wanted: bool,
    ) -> Result<Vec<Change>, EditError> {
        let Shape::Mapping { is_flow, entries } = &mapping.shape else {
            return Err(EditError::Unchangeable("spec"));
        };
        if !is_wanted {
            return Ok(Vec::new());
        }
        let last = entries.last().map(|(_, value)| value.range.end);
        if *is_flow {
            let entry = format!("\"{key}\": {}", inline(value));
            return Ok(vec![match last {
                Some(last) => Change { range: last..last, text: format!(", {entry}") },
                None => Change { range: mapping.range.start + 1..mapping.range.start + 1, text: entry },
            }]);
        }
        let (column, last) = (mapping.column, last.unwrap_or(mapping.range.end));
        let indent = " ".repeat(column);
        let inside = if value.is_array() { column } else { column + step };
        let text = format!("{indent}{key}:{}{}", self.newline, self.block(value, inside));
        Ok(vec![self.after_line(last, text)])
    }

    /// Removes items of a list, a line each or more, and adds others.
    fn block_items(
        &self,
        patches: &Node,
        items: &[Node],
        gone: &[usize],
        added: &[Value],
    ) -> Result<Vec<Change>, EditError> {
        let mut changes = Vec::new();
        let mut last = None;
        for (index, item) in items.iter().enumerate() {
            let dash = self.dash(item, patches.column).ok_or(EditError::Unchangeable("spec.kustomize.patches"))?;
            if gone.contains(&index) {
                changes.push(self.remove(dash..item.range.end));
            }
            last = Some(item.range.end);
        }
        if let Some(last) = last.filter(|_| !added.is_empty()) {
            changes.push(self.after_line(last, self.block(&json!(added), patches.column)));
        }
        Ok(changes)
    }

    /// The start of the line with the dash of an item.
    fn dash(&self, item: &Node, column: usize) -> Option<usize> {
        let mut start = line_start(self.text, item.range.start);
        loop {
            let line = self.text.get(start..)?;
            let indent = line.len() - line.trim_start_matches(' ').len();
            if indent == column && line.get(indent..)?.starts_with('-') {
                return Some(start);
            }
            // Content may start below its dash.
            start = line_start(self.text, start.checked_sub(1)?);
        }
    }

    /// Removes items between brackets with their commas, and adds others. At least one stays.
    fn flow_items(items: &[Node], gone: &[usize], added: &[Value]) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut is_behind_kept = false;
        for (index, item) in items.iter().enumerate() {
            if !gone.contains(&index) {
                is_behind_kept = true;
                continue;
            }
            let before = index.checked_sub(1).and_then(|before| items.get(before)).map(|before| before.range.end);
            let after = items.get(index + 1).map(|after| after.range.start);
            let range = match (is_behind_kept, before, after) {
                (true, Some(before), _) => before..item.range.end,
                (_, _, Some(after)) => item.range.start..after,
                _ => item.range.clone(),
            };
            changes.push(Change { range, text: String::new() });
        }
        if let Some(last) = items.last().filter(|_| !added.is_empty()) {
            let items: String = added.iter().map(|item| format!(", {}", inline(item))).collect();
            changes.push(Change { range: last.range.end..last.range.end, text: items });
        }
        changes
    }

    /// Puts a block below the line of a key, in the place of a value that is on this line.
    fn below(&self, key: &Node, value: &Node, block: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        if !value.range.is_empty() {
            // The blanks before it go, too.
            let before = self.text.get(key.range.end..value.range.start).unwrap_or_default();
            let start = key.range.end + before.trim_end_matches(' ').len();
            changes.push(Change { range: start..value.range.end, text: String::new() });
        }
        changes.push(self.after_line(value.range.end, block.to_owned()));
        changes
    }

    fn replace(node: &Node, value: &Value) -> Change {
        let blank = if node.range.is_empty() { " " } else { "" };
        Change { range: node.range.clone(), text: format!("{blank}{}", inline(value)) }
    }

    /// Removes whole lines, up to the one where a node ends.
    fn remove(&self, range: Range<usize>) -> Change {
        Change { range: range.start..self.line_end(range.end), text: String::new() }
    }

    /// Inserts lines below the one of a place.
    fn after_line(&self, place: usize, lines: String) -> Change {
        let end = self.line_end(place);
        let is_open = !self.text.get(..end).is_some_and(|before| before.ends_with('\n'));
        let text = if is_open { format!("{}{lines}", self.newline) } else { lines };
        Change { range: end..end, text }
    }

    /// Behind the line break.
    fn line_end(&self, place: usize) -> usize {
        let rest = self.text.get(place..).unwrap_or_default();
        place + rest.find('\n').map_or(rest.len(), |line_break| line_break + 1)
    }

    /// A value as lines with an indentation.
    fn block(&self, value: &Value, indent: usize) -> String {
        let mut text = String::new();
        yaml::write(value, &mut text);
        let indent = " ".repeat(indent);
        let line = |line: &str| match line {
            "" => self.newline.to_owned(),
            line => format!("{indent}{line}{}", self.newline),
        };
        text.lines().map(line).collect()
    }
}

/// A value on one line, which is JSON and therefore YAML.
fn inline(value: &Value) -> String {
    let fields = |fields: &Map<String, Value>| {
        let field = |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), inline(value));
        fields.iter().map(field).collect::<Vec<_>>().join(", ")
    };
    match value {
        Value::Object(entries) => format!("{{{}}}", fields(entries)),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests;
