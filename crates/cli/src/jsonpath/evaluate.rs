//! From a template and a document to text.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Comparison, Filter, Operand, Path, Piece, Start, Step, Template};

impl Template {
    /// The text for a document. What is not there is nothing.
    pub(crate) fn render(&self, document: &Value) -> String {
        let mut text = String::new();
        write(&self.0, Place { root: document, current: document }, &mut text);
        text
    }
}

/// Where paths start.
#[derive(Clone, Copy)]
struct Place<'v> {
    root: &'v Value,
    current: &'v Value,
}

fn write(pieces: &[Piece], place: Place<'_>, text: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Values(path) => {
                let values: Vec<String> = path.values(place).into_iter().map(plain).collect();
                text.push_str(&values.join(" "));
            }
            Piece::Range(path, pieces) => {
                for current in path.values(place) {
                    write(pieces, Place { current, ..place }, text);
                }
            }
        }
    }
}

/// A text as it is, and anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

impl Path {
    fn values<'v>(&self, place: Place<'v>) -> Vec<&'v Value> {
        let start = match self.start {
            Start::Root => place.root,
            Start::Current => place.current,
        };
        self.steps.iter().fold(vec![start], |values, step| {
            values.into_iter().flat_map(|value| step.values(value, place.root)).collect()
        })
    }
}

impl Step {
    fn values<'v>(&self, value: &'v Value, root: &'v Value) -> Vec<&'v Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Quoted(key) => {
                let as_path = || key.split('.').try_fold(value, |value, name| value.get(name));
                value.get(key).or_else(as_path).into_iter().collect()
            }
            Self::Every => children(value),
            Self::Descend => {
                let inside = children(value).into_iter().flat_map(|child| self.values(child, root));
                [value].into_iter().chain(inside).collect()
            }
            Self::Item(index) => {
                let items = items(value);
                let index = usize::try_from(*index).ok().or_else(|| from_end(*index, items.len()));
                index.and_then(|index| items.get(index)).into_iter().collect()
            }
            Self::Slice { from, to, by } => {
                let items = items(value);
                let bound = |index: i64| match usize::try_from(index) {
                    Ok(index) => index.min(items.len()),
                    Err(_) => from_end(index, items.len()).unwrap_or(0),
                };
                let (from, to) = (from.map_or(0, bound), to.map_or(items.len(), bound));
                items.get(from..to).unwrap_or_default().iter().step_by(*by).collect()
            }
            Self::Union(steps) => steps.iter().flat_map(|step| step.values(value, root)).collect(),
            Self::Filter(filter) => {
                children(value).into_iter().filter(|current| filter.holds(Place { root, current })).collect()
            }
        }
    }
}

/// The place of an item that is counted from the end.
fn from_end(index: i64, len: usize) -> Option<usize> {
    len.checked_sub(usize::try_from(index.checked_neg()?).ok()?)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

impl Filter {
    /// Whether it holds for any of the values on its sides.
    fn holds(&self, place: Place<'_>) -> bool {
        let left = self.left.values(place);
        let Some((comparison, right)) = &self.test else { return !left.is_empty() };
        let right = right.values(place);
        left.iter().any(|left| right.iter().any(|right| comparison.holds(left, right)))
    }
}

impl Operand {
    fn values<'v>(&'v self, place: Place<'v>) -> Vec<&'v Value> {
        match self {
            Self::Path(path) => path.values(place),
            Self::Literal(value) => vec![value],
        }
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let order = order(left, right);
        match self {
            Self::Equal => left == right || order == Some(Ordering::Equal),
            Self::NotEqual => left != right && order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// The order of two numbers or texts; there is none of anything else.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (left, right) => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
