//! Secret values do not leave the engine.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flux_operator_api::{Field, Object};
use serde_json::Value;

/// What stands in the place of a secret value.
pub const MASK: &str = "*****";

/// Fields of a Secret that hold secret values.
const SECRET_FIELDS: [&str; 2] = ["data", "stringData"];

/// Texts that are too short to be told from ordinary words are not looked for in messages.
const MIN_SECRET_LENGTH: usize = 4;

/// Two versions of an object, fit to be compared by people: of a Secret, a value that is the same
/// in both is [`MASK`], one that is not is [`MASK`] with `(before)` and `(after)`.
///
/// Objects of other kinds are returned as they are.
pub fn pair(before: &Object, after: &Object) -> (Object, Object) {
    (against(before, after, " (before)"), against(after, before, " (after)"))
}

/// A Secret without its values; other objects as they are.
pub fn alone(object: &Object) -> Object {
    against(object, object, "")
}

/// A message about an object, without the object's secret values: an API server repeats in an error
/// what it did not like.
pub fn message(text: &str, object: &Object) -> String {
    if !is_secret(object) {
        return text.to_owned();
    }
    let fields = SECRET_FIELDS.iter().filter_map(|field| object.get(field)?.as_object());
    let mut secrets: Vec<String> = Vec::new();
    for value in fields.flat_map(serde_json::Map::values).filter_map(Value::as_str) {
        secrets.push(value.to_owned());
        let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        secrets.extend(decoded);
        secrets.push(STANDARD.encode(value));
    }
    secrets.retain(|secret| secret.len() >= MIN_SECRET_LENGTH);
    // The longest first: one may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut masked = text.to_owned();
    for secret in secrets {
        masked = masked.replace(&secret, MASK);
        // Quoted, as errors show texts with line breaks and the like.
        let quoted = format!("{secret:?}");
        masked = masked.replace(quoted.trim_matches('"'), MASK);
    }
    masked
}

fn is_secret(object: &Object) -> bool {
    object.group().is_empty() && object.kind() == "Secret"
}

fn against(object: &Object, other: &Object, mark: &str) -> Object {
    if !is_secret(object) {
        return object.clone();
    }
    let mut fields = object.clone().into_fields();
    for field in SECRET_FIELDS {
        let Some(values) = fields.get_mut(field) else {
            continue;
        };
        let others = other.get(field);
        let masked = match values.value() {
            Value::Object(values) => {
                let mask = |(key, value): (&String, &Value)| {
                    let is_same = others.and_then(|others| others.get(key)) == Some(value);
                    (key.clone(), Value::String(format!("{MASK}{}", if is_same { "" } else { mark })))
                };
                Value::Object(values.iter().map(mask).collect())
            }
            _ => MASK.into(),
        };
        *values = Arc::new(Field::new(masked));
    }
    Object::from_fields(fields).unwrap_or_else(|_| object.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(kind: &str, data: &Value) -> Object {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, "data": data});
        Object::try_from(object).unwrap()
    }

    #[test]
    fn only_the_fact_of_a_difference_is_shown() {
        let before = secret("Secret", &json!({"same": "eA==", "changed": "YQ==", "gone": "YQ=="}));
        let after = secret("Secret", &json!({"same": "eA==", "changed": "Yg==", "new": "YQ=="}));
        let (before, after) = pair(&before, &after);
        let expected = json!({"same": "*****", "changed": "***** (before)", "gone": "***** (before)"});
        assert_eq!(before.get("data"), Some(&expected));
        let expected = json!({"same": "*****", "changed": "***** (after)", "new": "***** (after)"});
        assert_eq!(after.get("data"), Some(&expected));
        assert_eq!(alone(&before).pointer("/data/gone"), Some(&json!("*****")));
        assert_eq!(alone(&secret("Secret", &json!("oops"))).get("data"), Some(&json!("*****")));
    }

    #[test]
    fn other_kinds_are_no_secret() {
        let map = secret("ConfigMap", &json!({"a": "b"}));
        assert_eq!(alone(&map), map);
        assert_eq!(message("b", &map), "b");
    }

    #[test]
    fn a_message_has_no_value_in_any_spelling() {
        let object = secret(
            "Secret",
            &json!({"password": STANDARD.encode("canary-4711"), "lines": STANDARD.encode("one\ntwo")}),
        );
        for text in [
            "data.password: Invalid value: \"canary-4711\": too easy".to_owned(),
            format!("Invalid value: {}", STANDARD.encode("canary-4711")),
            "Invalid value: one\ntwo".to_owned(),
            "Invalid value: \"one\\ntwo\"".to_owned(),
        ] {
            let masked = message(&text, &object);
            assert!(masked.contains(MASK) && !masked.contains("canary") && !masked.contains("two"), "{masked}");
        }
    }
}
