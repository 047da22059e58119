//! One Kubernetes object as data.

mod field;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use field::Field;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::{ObjectId, object_id};

/// A Kubernetes object: JSON data that is known to carry an API version, a kind and a name.
///
/// The top-level fields are shared between clones and copied on the first change, so that a
/// thousand installations which differ in their labels hold one copy of each CRD schema. Fields
/// keep what they held when they were read: nothing is dropped, converted or defaulted, as a
/// round trip through typed structs would do.
///
/// ```
/// use flux_operator_api::Object;
/// use serde_json::json;
///
/// let object = Object::try_from(json!({
///     "apiVersion": "apps/v1", "kind": "Deployment",
///     "metadata": { "name": "source-controller", "namespace": "flux-system" },
/// }))?;
/// assert_eq!(object.group(), "apps");
/// assert_eq!(object.id().to_string(), "Deployment/flux-system/source-controller");
/// # Ok::<(), flux_operator_api::NotAnObject>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    fields: Fields,
}

/// The top-level fields of an object, by name.
pub type Fields = BTreeMap<String, Arc<Field>>;

/// Why a JSON value is no Kubernetes object: the field that is missing or not a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// The value is a scalar or a list.
    #[error("expected a mapping with `apiVersion`, `kind` and `metadata.name`")]
    NotAMapping,
    /// A field every object has is absent, empty or of another type.
    #[error("`{0}` is missing or not a text")]
    Missing(&'static str),
}

impl Object {
    /// Takes the top-level fields of an object.
    ///
    /// # Errors
    /// [`NotAnObject::Missing`] names the first of `apiVersion`, `kind` and `metadata.name` that
    /// is not a text with at least one character.
    pub fn from_fields(fields: Fields) -> Result<Self, NotAnObject> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        let field = |name: &str| fields.get(name).map(|field| field.value());
        let name = field("metadata").and_then(|metadata| metadata.get("name"));
        for (path, present) in
            [("apiVersion", text(field("apiVersion"))), ("kind", text(field("kind"))), ("metadata.name", text(name))]
        {
            if !present {
                return Err(NotAnObject::Missing(path));
            }
        }
        Ok(Self { fields })
    }

    /// The API version, such as `v1` or `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("apiVersion")
    }

    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// The version inside the API group, such as `v1beta2`.
    pub fn version(&self) -> &str {
        self.api_version().rsplit_once('/').map_or(self.api_version(), |(_, version)| version)
    }

    /// The kind, such as `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// The name, never empty.
    pub fn name(&self) -> &str {
        self.metadata("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The namespace, where the object has one.
    pub fn namespace(&self) -> Option<&str> {
        self.metadata("namespace").and_then(Value::as_str).filter(|namespace| !namespace.is_empty())
    }

    /// Group, kind, namespace and name: what makes two objects the same one.
    pub fn id(&self) -> ObjectId {
        ObjectId::new(self.group(), self.kind(), self.namespace().unwrap_or_default(), self.name())
    }

    /// Whether the object is a CRD.
    pub fn is_definition(&self) -> bool {
        object_id::is_definition(self.group(), self.kind())
    }

    /// The labels and their values; entries that are not texts are left out.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("labels")
    }

    /// The annotations and their values; entries that are not texts are left out.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts("annotations")
    }

    /// A top-level field such as `spec`.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).map(|field| field.value())
    }

    /// The value at a JSON pointer (RFC 6901) such as `/spec/replicas`.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let rest = pointer.strip_prefix('/')?;
        let (field, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        self.get(&field.replace("~1", "/").replace("~0", "~"))?.pointer(below)
    }

    /// The top-level fields, sorted by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.fields.iter().map(|(name, field)| (name.as_str(), field.value()))
    }

    /// The top-level fields, still shared with other clones.
    pub fn into_fields(self) -> Fields {
        self.fields
    }

    /// The top-level fields as they are shared, for what is derived from them.
    pub fn shared_fields(&self) -> &Fields {
        &self.fields
    }

    /// The object as one JSON value. Fields shared with other objects are copied.
    pub fn into_value(self) -> Value {
        let value = |(name, field): (String, Arc<Field>)| (name, Arc::unwrap_or_clone(field).into_value());
        Value::Object(self.fields.into_iter().map(value).collect::<Map<_, _>>())
    }

    fn text(&self, field: &str) -> &str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn metadata(&self, field: &str) -> Option<&Value> {
        self.get("metadata")?.get(field)
    }

    fn texts(&self, field: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.metadata(field).and_then(Value::as_object);
        entries.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }
}

impl TryFrom<Value> for Object {
    type Error = NotAnObject;

    fn try_from(value: Value) -> Result<Self, NotAnObject> {
        let Value::Object(fields) = value else {
            return Err(NotAnObject::NotAMapping);
        };
        Self::from_fields(fields.into_iter().map(|(name, value)| (name, Arc::new(Field::new(value)))).collect())
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in self.fields() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refuses_what_lacks_an_identity() {
        let cases = [
            (json!([]), NotAnObject::NotAMapping),
            (json!({"kind": "A", "metadata": {"name": "a"}}), NotAnObject::Missing("apiVersion")),
            (json!({"apiVersion": "v1", "kind": "", "metadata": {"name": "a"}}), NotAnObject::Missing("kind")),
            (json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": 7}}), NotAnObject::Missing("metadata.name")),
            (json!({"apiVersion": "v1", "kind": "A", "metadata": null}), NotAnObject::Missing("metadata.name")),
        ];
        for (value, expected) in cases {
            assert_eq!(Object::try_from(value), Err(expected));
        }
    }

    #[test]
    fn pointers_reach_into_fields_and_unescape() {
        let value =
            json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "labels": {"x/y": "z"}}, "a/b": 1});
        let object = Object::try_from(value.clone()).unwrap();
        assert_eq!(object.pointer("/metadata/labels/x~1y"), Some(&json!("z")));
        assert_eq!(object.pointer("/a~1b"), Some(&json!(1)));
        assert_eq!(object.pointer("/nope/x"), None);
        assert_eq!(object.into_value(), value);
    }
}
