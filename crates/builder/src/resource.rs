//! An object while it is being built.
//!
//! A [`Resource`] is an object that remembers where it came from: the layer it belongs to and every
//! identity it has had. Patches select by the first and the last of them, references by any.

use std::sync::Arc;

use flux_operator_api::{Field, Fields, NotAnObject, Object, ObjectId};
use serde_json::{Map, Value};

/// The part of an installation an object belongs to.
///
/// References between objects of one layer stay inside it: a shard mounts its own volume claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Namespace, policies, controllers, storage and sync.
    Main,
    /// Cluster roles, bindings and the quota, whose names end in the namespace.
    Roles,
    /// The controllers of one shard that stands for all.
    EveryShard,
    /// The controllers of one shard, by its position in the list of shards.
    Shard(usize),
}

/// What names an object while it moves through the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    /// As written in the object: empty where there is none.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// An object under construction.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    fields: Fields,
    layer: Layer,
    /// Former identities, oldest first; the current one is read from the fields.
    former: Vec<Identity>,
}

impl Resource {
    pub(crate) fn new(object: Object, layer: Layer) -> Self {
        Self { fields: object.into_fields(), layer, former: Vec::new() }
    }

    /// A copy in another layer, with other fields and names.
    pub(crate) fn copy(&self, layer: Layer, fields: Fields, rename: impl Fn(&str) -> String) -> Self {
        let renamed = |identity: &Identity| Identity { name: rename(&identity.name), ..identity.clone() };
        Self { fields, layer, former: self.former.iter().map(renamed).collect() }
    }

    pub(crate) fn layer(&self) -> Layer {
        self.layer
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text("kind")
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata("name").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.metadata("namespace").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn group_version(&self) -> (&str, &str) {
        self.text("apiVersion").rsplit_once('/').unwrap_or(("", self.text("apiVersion")))
    }

    pub(crate) fn identity(&self) -> Identity {
        let (group, version) = self.group_version();
        Identity {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
        }
    }

    /// The name before anything changed it.
    pub(crate) fn original_name(&self) -> &str {
        self.former.first().map_or_else(|| self.name(), |first| &first.name)
    }

    /// The namespace before anything changed it.
    pub(crate) fn original_namespace(&self) -> &str {
        self.former.first().map_or_else(|| self.namespace(), |first| &first.namespace)
    }

    /// Every identity the object has or had.
    pub(crate) fn identities(&self) -> impl Iterator<Item = Identity> + '_ {
        self.former.iter().cloned().chain([self.identity()])
    }

    /// Whether the object is, or was, of a kind.
    pub(crate) fn is_or_was(&self, kind: &str) -> bool {
        self.kind() == kind || self.former.iter().any(|identity| identity.kind == kind)
    }

    /// How messages call the object: `Kind/namespace/name`.
    pub(crate) fn subject(&self) -> String {
        ObjectId::new(self.group_version().0, self.kind(), self.namespace(), self.name()).to_string()
    }

    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).map(|field| field.value())
    }

    pub(crate) fn metadata(&self, field: &str) -> Option<&Value> {
        self.get("metadata")?.get(field)
    }

    /// The value at a path of keys and list positions.
    pub(crate) fn at(&self, path: &[Step<'_>]) -> Option<&Value> {
        let (Step::Key(field), below) = path.split_first()? else { return None };
        below.iter().try_fold(self.get(field)?, |value, step| step.of(value))
    }

    /// The value at a path of keys and list positions, unshared, so that it can be changed.
    pub(crate) fn at_mut(&mut self, path: &[Step<'_>]) -> Option<&mut Value> {
        let (Step::Key(field), below) = path.split_first()? else { return None };
        let field = self.fields.get_mut(*field)?;
        if Arc::get_mut(field).is_none() {
            // Unshared only for a lookup that will not fail: the copy may be large.
            below.iter().try_fold(field.value(), |value, step| step.of(value))?;
        }
        below.iter().try_fold(Arc::make_mut(field).value_mut(), |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        })
    }

    /// A top-level field, unshared.
    pub(crate) fn get_mut(&mut self, field: &str) -> Option<&mut Value> {
        self.fields.get_mut(field).map(|field| Arc::make_mut(field).value_mut())
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The top-level fields, which may be shared with the release and other builds.
    pub(crate) fn fields_mut(&mut self) -> impl Iterator<Item = &mut Arc<Field>> {
        self.fields.values_mut()
    }

    /// Sets one label or annotation (`map` is `labels` or `annotations`), making room for it.
    ///
    /// Anything that is no mapping on the way is replaced: the values set here are the ones the
    /// operator owns.
    pub(crate) fn set_metadata(&mut self, map: &str, key: &str, value: &str) {
        let metadata = self.fields.entry("metadata".to_owned()).or_insert_with(|| Arc::new(Field::new(empty())));
        let metadata = Arc::make_mut(metadata).value_mut();
        if let Some(entries) = metadata.as_object_mut().and_then(|metadata| submap(metadata, map)) {
            entries.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    }

    /// Changes name and namespace and remembers the former ones.
    pub(crate) fn rename(&mut self, namespace: Option<&str>, name: Option<&str>) {
        let changes = namespace.is_some_and(|namespace| namespace != self.namespace())
            || name.is_some_and(|name| name != self.name());
        if !changes {
            return;
        }
        self.former.push(self.identity());
        if let Some(Value::Object(metadata)) = self.get_mut("metadata") {
            for (key, value) in [("namespace", namespace), ("name", name)] {
                if let Some(value) = value {
                    metadata.insert(key.to_owned(), Value::String(value.to_owned()));
                }
            }
        }
    }

    /// Lets a function change the whole object; a changed identity is remembered.
    pub(crate) fn edit<E>(&mut self, edit: impl FnOnce(&mut Value) -> Result<(), E>) -> Result<(), E> {
        let before = self.identity();
        let fields = std::mem::take(&mut self.fields);
        let unshared = |(name, field): (String, Arc<Field>)| (name, Arc::unwrap_or_clone(field).into_value());
        let mut value = Value::Object(fields.into_iter().map(unshared).collect());
        let result = edit(&mut value);
        if let Value::Object(map) = value {
            self.fields = map.into_iter().map(|(name, value)| (name, Arc::new(Field::new(value)))).collect();
        }
        if self.identity() != before {
            self.former.push(before);
        }
        result
    }

    /// The finished object.
    pub(crate) fn into_object(self) -> Result<Object, NotAnObject> {
        Object::from_fields(self.fields)
    }
}

/// One step of a path into an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl Step<'_> {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        }
    }
}

pub(crate) fn empty() -> Value {
    Value::Object(Map::new())
}

/// The mapping under a key, made where it is missing and put in the place of anything else.
pub(crate) fn submap<'m>(map: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Map<String, Value>> {
    let child = map.entry(key.to_owned()).or_insert_with(empty);
    if !child.is_object() {
        *child = empty();
    }
    child.as_object_mut()
}

impl Identity {
    /// How messages call the object: `Kind/namespace/name`.
    pub(crate) fn subject(&self) -> String {
        ObjectId::new(&*self.group, &*self.kind, &*self.namespace, &*self.name).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource() -> Resource {
        let metadata = json!({"name": "a", "labels": {"x": "y"}});
        let value =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"list": [1, 2]}});
        Resource::new(Object::try_from(value).unwrap(), Layer::Main)
    }

    fn names(resource: &Resource) -> Vec<String> {
        resource.identities().map(|identity| identity.subject()).collect()
    }

    #[test]
    fn every_identity_is_remembered() {
        let mut resource = resource();
        resource.rename(Some("n"), None);
        resource.rename(None, Some("b"));
        resource.rename(Some("n"), Some("b"));
        let edited: Result<(), ()> = resource.edit(|object| {
            object["kind"] = "StatefulSet".into();
            object["spec"] = json!({});
            Ok(())
        });
        assert_eq!(edited, Ok(()));
        assert_eq!(names(&resource), ["Deployment/a", "Deployment/n/a", "Deployment/n/b", "StatefulSet/n/b"]);
        assert_eq!((resource.original_name(), resource.original_namespace()), ("a", ""));
        assert_eq!((resource.name(), resource.namespace(), resource.group_version()), ("b", "n", ("apps", "v1")));
    }

    #[test]
    fn an_edit_that_changes_no_identity_leaves_no_trace() {
        let mut resource = resource();
        let edited = resource.edit(|object| {
            object["spec"]["list"] = json!([3]);
            Err("half done")
        });
        assert_eq!(edited, Err("half done"));
        assert_eq!(names(&resource), ["Deployment/a"]);
    }

    #[test]
    fn changes_do_not_reach_other_owners_of_the_object() {
        let original = resource();
        let mut changed = original.clone();
        *changed.at_mut(&[Step::Key("spec"), Step::Key("list"), Step::Index(1)]).unwrap() = json!(7);
        changed.set_metadata("labels", "x", "z");
        changed.set_metadata("annotations", "new", "one");
        changed.rename(None, Some("b"));
        assert_eq!(original.get("spec"), Some(&json!({"list": [1, 2]})));
        assert_eq!(original.get("metadata"), Some(&json!({"name": "a", "labels": {"x": "y"}})));
        assert_eq!(changed.get("spec"), Some(&json!({"list": [1, 7]})));
        let metadata = json!({"name": "b", "labels": {"x": "z"}, "annotations": {"new": "one"}});
        assert_eq!(changed.get("metadata"), Some(&metadata));
    }

    #[test]
    fn paths_that_lead_nowhere_find_nothing() {
        let mut resource = resource();
        for path in [
            &[Step::Key("status")][..],
            &[Step::Key("spec"), Step::Key("list"), Step::Index(2)],
            &[Step::Key("spec"), Step::Index(0)],
            &[Step::Key("kind"), Step::Key("a")],
            &[Step::Index(0)],
            &[],
        ] {
            assert!(resource.at(path).is_none() && resource.at_mut(path).is_none(), "{path:?}");
        }
    }
}
