//! What is sent of an object: that of it which can be desired.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flux_operator_api::{Field, NotAnObject, Object};
use serde_json::Value;

/// Brings an object into the form in which it is applied.
///
/// - `status` is left out: it is not ours to desire. CRDs keep theirs.
/// - `stringData` of a Secret goes into `data`: the API server would do the same, but then own the
///   fields under another name, and every later apply would look like drift.
/// - A CA bundle of a CRD's conversion webhook that is no bundle is left out: charts put a
///   placeholder there, and the API server refuses it.
///
/// Everything else is sent as it was rendered.
pub fn prepare(object: &Object) -> Object {
    let is_definition = object.is_definition();
    let is_secret = object.group().is_empty() && object.kind() == "Secret";
    let has_status = object.get("status").is_some() && !is_definition;
    let has_bundle = is_definition && object.pointer(CA_BUNDLE).is_some_and(|bundle| !is_bundle(bundle));
    let has_texts = is_secret && object.get("stringData").is_some();
    if !(has_status || has_bundle || has_texts) {
        return object.clone();
    }
    change(object, |fields| {
        if has_status {
            fields.remove("status");
        }
        if has_bundle && let Some(spec) = fields.get_mut("spec") {
            let client = Arc::make_mut(spec).value_mut().pointer_mut("/conversion/webhook/clientConfig");
            client.and_then(Value::as_object_mut).map(|client| client.remove("caBundle"));
        }
        if has_texts {
            fold_texts(fields);
        }
    })
    // Neither of the changes takes kind, version or name away.
    .unwrap_or_else(|_| object.clone())
}

const CA_BUNDLE: &str = "/spec/conversion/webhook/clientConfig/caBundle";

fn change(object: &Object, change: impl FnOnce(&mut BTreeMap<String, Arc<Field>>)) -> Result<Object, NotAnObject> {
    let mut fields = object.clone().into_fields();
    change(&mut fields);
    Object::from_fields(fields)
}

/// Whether a value is base64 of PEM certificates. An empty one counts: the API server fills it in.
fn is_bundle(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let Ok(pem) = STANDARD.decode(text) else {
        return false;
    };
    let pem = String::from_utf8_lossy(&pem);
    text.is_empty() || is_pem(&pem)
}

/// Whether a text has at least one certificate, and every certificate it starts is whole.
fn is_pem(text: &str) -> bool {
    let mut certificates = text.split("-----BEGIN CERTIFICATE-----").skip(1).peekable();
    certificates.peek().is_some()
        && certificates.all(|certificate| {
            let body = certificate.split_once("-----END CERTIFICATE-----").map(|(body, _)| body);
            let body = body.map(|body| body.split_whitespace().collect::<String>());
            body.is_some_and(|body| !body.is_empty() && STANDARD.decode(body).is_ok())
        })
}

fn fold_texts(fields: &mut BTreeMap<String, Arc<Field>>) {
    let Some(texts) = fields.remove("stringData") else {
        return;
    };
    let Value::Object(texts) = Arc::unwrap_or_clone(texts).into_value() else {
        return;
    };
    let data = fields.entry("data".to_owned()).or_insert_with(|| Arc::new(Field::new(Value::Object(<_>::default()))));
    let data = Arc::make_mut(data).value_mut();
    if data.is_null() {
        *data = Value::Object(<_>::default());
    }
    if let Some(data) = data.as_object_mut() {
        for (key, text) in texts {
            let text = text.as_str().unwrap_or_default();
            data.insert(key, STANDARD.encode(text).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(api_version: &str, kind: &str, given: &Value, expected: &Value) {
        let object = |fields: &Value| {
            let mut fields = fields.clone();
            fields["apiVersion"] = json!(api_version);
            fields["kind"] = json!(kind);
            fields["metadata"] = json!({"name": "a"});
            Object::try_from(fields).unwrap()
        };
        assert_eq!(prepare(&object(given)), object(expected));
    }

    #[test]
    fn a_status_is_not_desired() {
        let (with, without) = (json!({"spec": {}, "status": {"a": 1}}), json!({"spec": {}}));
        check("apps/v1", "Deployment", &with, &without);
        check("apiextensions.k8s.io/v1", "CustomResourceDefinition", &with, &with);
    }

    #[test]
    fn texts_of_a_secret_become_data() {
        check("v1", "Secret", &json!({"stringData": {"a": "b"}}), &json!({"data": {"a": "Yg=="}}));
        let given = json!({"data": {"a": "eA==", "z": "eg=="}, "stringData": {"a": "b"}, "type": "Opaque"});
        check("v1", "Secret", &given, &json!({"data": {"a": "Yg==", "z": "eg=="}, "type": "Opaque"}));
        check("v1", "Secret", &json!({"data": null, "stringData": {}}), &json!({"data": {}}));
        check("example.com/v1", "Secret", &given, &given);
    }

    #[test]
    fn only_a_real_bundle_stays() {
        let crd = |bundle: Option<&str>| {
            let mut client = json!({"url": "https://example.com"});
            if let Some(bundle) = bundle {
                client["caBundle"] = json!(bundle);
            }
            json!({"spec": {"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client}}}})
        };
        let definition = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let pem = STANDARD.encode("-----BEGIN CERTIFICATE-----\nTUlJ\nQg==\n-----END CERTIFICATE-----\n");
        for good in ["", pem.as_str()] {
            check(definition.0, definition.1, &crd(Some(good)), &crd(Some(good)));
        }
        for bad in ["Cg==", "no base64", "TUlJ"] {
            check(definition.0, definition.1, &crd(Some(bad)), &crd(None));
        }
    }
}
