//! Small objects for tests, and where a cluster has them.
//!
//! ```
//! use flux_operator_testkit::objects::{config_map, deployment};
//!
//! let object = config_map("a").in_namespace("apps").data("k", "v").label("team", "x").build();
//! assert_eq!(object.id().to_string(), "ConfigMap/apps/a");
//! let object = deployment("web").in_namespace("apps").replicas(2).image("example.com/web:v2").build();
//! assert_eq!(object.pointer("/spec/template/spec/containers/0/image").unwrap(), "example.com/web:v2");
//! ```

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flux_operator_api::{Object, labels};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::{Map, Value, json};

/// An object that is put together. Methods that only make sense for some kinds say so.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a builder makes nothing until `build`"]
pub struct Builder {
    object: Value,
}

/// A `ConfigMap` without data.
pub fn config_map(name: &str) -> Builder {
    custom("v1", "ConfigMap", name)
}

/// An opaque Secret without data.
pub fn secret(name: &str) -> Builder {
    custom("v1", "Secret", name).set("/type", "Opaque")
}

/// A Namespace.
pub fn namespace(name: &str) -> Builder {
    custom("v1", "Namespace", name)
}

/// A `ServiceAccount`.
pub fn service_account(name: &str) -> Builder {
    custom("v1", "ServiceAccount", name)
}

/// A Deployment of one replica with one container. Everything in it has the label `app` with its name.
pub fn deployment(name: &str) -> Builder {
    let labels = json!({ "app": name });
    let container = json!({ "name": name, "image": format!("example.com/{name}:v1") });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container] } });
    let spec = json!({ "replicas": 1, "selector": { "matchLabels": labels }, "template": template });
    custom("apps/v1", "Deployment", name).set("/spec", spec)
}

/// A CRD for namespaced objects, named `plural.group`, with the version `v1` and a status subresource.
///
/// Its `spec` has an integer `size` and a text `mode`; its `status` takes anything.
pub fn crd(name: &str, kind: &str) -> Builder {
    let (plural, group) = name.split_once('.').unwrap_or((name, ""));
    let spec =
        json!({ "type": "object", "properties": { "size": { "type": "integer" }, "mode": { "type": "string" } } });
    let status = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let schema = json!({ "type": "object", "properties": { "spec": spec, "status": status } });
    let version = json!({
        "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
        "schema": { "openAPIV3Schema": schema },
    });
    let names = json!({
        "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List"),
    });
    let spec = json!({ "group": group, "names": names, "scope": "Namespaced", "versions": [version] });
    custom("apiextensions.k8s.io/v1", "CustomResourceDefinition", name).set("/spec", spec)
}

/// An object of any kind, with nothing but its name.
pub fn custom(api_version: &str, kind: &str, name: &str) -> Builder {
    Builder { object: json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } }) }
}

impl Builder {
    /// Puts it into a namespace.
    pub fn in_namespace(self, namespace: &str) -> Self {
        self.set("/metadata/namespace", namespace)
    }

    /// Sets a label.
    pub fn label(self, key: &str, value: &str) -> Self {
        self.entry("/metadata/labels", key, value)
    }

    /// Sets an annotation.
    pub fn annotation(self, key: &str, value: &str) -> Self {
        self.entry("/metadata/annotations", key, value)
    }

    /// Sets the labels that say which FluxInstance it belongs to.
    pub fn owned_by(self, name: &str, namespace: &str) -> Self {
        self.label(labels::OWNER_NAME, name).label(labels::OWNER_NAMESPACE, namespace)
    }

    /// Sets a value of a `ConfigMap`, or of a Secret, where it is encoded.
    pub fn data(self, key: &str, value: &str) -> Self {
        if self.object.get("kind").is_some_and(|kind| kind == "Secret") {
            let value = BASE64_STANDARD.encode(value);
            return self.entry("/data", key, &value);
        }
        self.entry("/data", key, value)
    }

    /// Makes a `ConfigMap` or Secret immutable.
    pub fn immutable(self) -> Self {
        self.set("/immutable", true)
    }

    /// Sets the replicas of a Deployment.
    pub fn replicas(self, replicas: u32) -> Self {
        self.set("/spec/replicas", replicas)
    }

    /// Sets the image of the container of a Deployment.
    pub fn image(self, image: &str) -> Self {
        self.set("/spec/template/spec/containers/0/image", image)
    }

    /// Makes the objects of a CRD live outside of namespaces.
    pub fn cluster_scoped(self) -> Self {
        self.set("/spec/scope", "Cluster")
    }

    /// Sets `spec`.
    pub fn spec(self, spec: Value) -> Self {
        self.set("/spec", spec)
    }

    /// Sets a field by its JSON pointer (RFC 6901). Objects on the way are made where there are none.
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let mut field = &mut self.object;
        for segment in pointer.split('/').skip(1) {
            let key = segment.replace("~1", "/").replace("~0", "~");
            field = step(field, &key);
        }
        *field = value.into();
        self
    }

    /// The object.
    ///
    /// # Panics
    /// If API version, kind or name were emptied or removed.
    #[expect(clippy::panic, reason = "a test that makes such an object has to learn of it")]
    pub fn build(self) -> Object {
        Object::try_from(self.object).unwrap_or_else(|error| panic!("an object for a test: {error}"))
    }

    fn entry(self, pointer: &str, key: &str, value: &str) -> Self {
        self.set(&format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), value)
    }
}

/// The item or the field of that name, made where there is none.
fn step<'a>(field: &'a mut Value, key: &str) -> &'a mut Value {
    let is_item = field.as_array().is_some_and(|items| key.parse().is_ok_and(|index: usize| index < items.len()));
    if is_item {
        return &mut field[key.parse::<usize>().unwrap_or_default()];
    }
    if !field.is_object() {
        *field = Value::Object(Map::new());
    }
    &mut field[key]
}

impl From<Builder> for Object {
    fn from(builder: Builder) -> Self {
        builder.build()
    }
}

/// A kind, for clients that take any.
pub fn resource(api_version: &str, kind: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Where an object and its like are.
pub fn api(client: &kube::Client, object: &Object) -> Api<DynamicObject> {
    let resource = resource(object.api_version(), object.kind());
    match object.namespace() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_where_they_belong() {
        let secret = secret("s").data("k", "v").annotation("a/b", "c").owned_by("flux", "flux-system").build();
        assert_eq!(secret.pointer("/data/k"), Some(&json!("dg==")));
        assert_eq!(secret.annotations().collect::<Vec<_>>(), [("a/b", "c")]);
        let owner = [(labels::OWNER_NAME, "flux"), (labels::OWNER_NAMESPACE, "flux-system")];
        assert_eq!(secret.labels().collect::<Vec<_>>(), owner);
        let deployment = deployment("d").replicas(3).image("i").build();
        assert_eq!(deployment.pointer("/spec/replicas"), Some(&json!(3)));
        assert_eq!(deployment.pointer("/spec/template/spec/containers"), Some(&json!([{ "name": "d", "image": "i" }])));
        let crd = crd("widgets.example.com", "Widget").cluster_scoped().build();
        assert_eq!(crd.pointer("/spec/group"), Some(&json!("example.com")));
        assert_eq!(crd.pointer("/spec/names/plural"), Some(&json!("widgets")));
        let widget = custom("example.com/v1", "Widget", "w").spec(json!({ "size": 1 })).build();
        assert_eq!(widget.id().to_string(), "Widget/w");
    }
}
