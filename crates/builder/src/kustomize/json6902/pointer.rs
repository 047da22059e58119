//! Places in a document, and what can be done there.

use serde_json::{Map, Value};

use super::value::{depth, kind};

/// Lists and maps inside each other that a patched object may have. The API server takes more, but
/// a few `copy` operations would reach any depth, and values are walked by recursion.
const MAX_DEPTH: usize = 250;

/// A place in a document (RFC 6901). No keys mean the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    pub(super) text: String,
    pub(super) keys: Vec<String>,
}

/// A value that holds others.
enum Holder<'d> {
    Map(&'d mut Map<String, Value>),
    List(&'d mut Vec<Value>),
}

impl Pointer {
    pub(super) fn read(field: &str, text: String) -> Result<Self, String> {
        let keys = match text.strip_prefix('/') {
            Some(keys) => keys.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect(),
            None if text.is_empty() => Vec::new(),
            None => return Err(format!("expected `{field}` to start with `/`, found `{text}`")),
        };
        Ok(Self { text, keys })
    }

    /// The text of the first keys.
    fn head(&self, keys: usize) -> &str {
        let end = self.text.match_indices('/').nth(keys).map_or(self.text.len(), |(at, _)| at);
        self.text.get(..end).unwrap_or_default()
    }

    /// What holds the value, and the last key.
    fn holder<'d>(&self, document: &'d mut Value) -> Result<(Holder<'d>, &str), String> {
        let Some((last, parents)) = self.keys.split_last() else {
            return Err("expected the path of a field, found an empty one, the whole object".to_owned());
        };
        let mut holder = Holder::new(document, "")?;
        for (depth, key) in parents.iter().enumerate() {
            let path = self.head(depth + 1);
            let value = holder.get(key, self.head(depth))?.ok_or_else(|| format!("`{path}` does not exist"))?;
            holder = Holder::new(value, path)?;
        }
        Ok((holder, last))
    }

    fn parent(&self) -> &str {
        self.head(self.keys.len().saturating_sub(1))
    }

    /// The value, or nothing where only the last key is missing in a map.
    pub(super) fn find<'d>(&self, document: &'d mut Value) -> Result<Option<&'d mut Value>, String> {
        let (holder, key) = self.holder(document)?;
        holder.get(key, self.parent())
    }

    pub(super) fn take(&self, document: &mut Value) -> Result<Value, String> {
        match self.holder(document)? {
            (Holder::Map(map), key) => map.remove(key).ok_or_else(|| format!("`{}` does not exist", self.text)),
            (Holder::List(list), key) => Ok(list.remove(position(key, list.len(), self.parent())?)),
        }
    }

    pub(super) fn add(&self, document: &mut Value, value: Value) -> Result<(), String> {
        self.check_depth(&value)?;
        match self.holder(document)? {
            (Holder::Map(map), key) => drop(map.insert(key.to_owned(), value)),
            (Holder::List(list), "-") => list.push(value),
            (Holder::List(list), key) => {
                let at = position(key, list.len() + 1, self.parent())?;
                list.insert(at, value);
            }
        }
        Ok(())
    }

    pub(super) fn replace(&self, document: &mut Value, value: Value) -> Result<(), String> {
        self.check_depth(&value)?;
        if self.keys.is_empty() {
            if !value.is_object() {
                return Err(format!("expected a map in place of the whole object, found {}", kind(&value)));
            }
            *document = value;
        } else {
            match self.holder(document)? {
                (Holder::Map(map), key) => drop(map.insert(key.to_owned(), value)),
                (list, key) => {
                    if let Some(item) = list.get(key, self.parent())? {
                        *item = value;
                    }
                }
            }
        }
        Ok(())
    }

    fn check_depth(&self, value: &Value) -> Result<(), String> {
        if self.keys.len() + depth(value) > MAX_DEPTH {
            return Err(format!("the object would have more than {MAX_DEPTH} levels of nesting"));
        }
        Ok(())
    }
}

impl<'d> Holder<'d> {
    fn new(value: &'d mut Value, path: &str) -> Result<Self, String> {
        match value {
            Value::Object(map) => Ok(Self::Map(map)),
            Value::Array(list) => Ok(Self::List(list)),
            other => Err(format!("expected a map or a list at `{path}`, found {}", kind(other))),
        }
    }

    fn get(self, key: &str, path: &str) -> Result<Option<&'d mut Value>, String> {
        match self {
            Self::Map(map) => Ok(map.get_mut(key)),
            Self::List(list) => {
                let at = position(key, list.len(), path)?;
                Ok(list.get_mut(at))
            }
        }
    }
}

/// The index that a key names among so many places of a list, negative ones counted from the end.
/// The spelling is free: `01` and `+1` are 1.
fn position(key: &str, places: usize, path: &str) -> Result<usize, String> {
    let fault = || match places {
        0 => format!("expected an index, but the list `{path}` is empty"),
        _ => format!("expected an index from -{places} to {} in the list `{path}`, found `{key}`", places - 1),
    };
    let index: isize = key.parse().map_err(|_| fault())?;
    let index = if index < 0 { places.checked_add_signed(index) } else { usize::try_from(index).ok() };
    index.filter(|index| *index < places).ok_or_else(fault)
}
