//! Selecting objects by a condition: `--status-selector ready=false`.

use std::str::FromStr;

use flux_operator_api::Object;
use serde_json::Value;

/// What a condition shall be, or not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StatusSelector {
    r#type: String,
    status: String,
    /// Whether it shall be so; otherwise, it shall not.
    is: bool,
}

impl StatusSelector {
    /// Whether an object has it so, in any case of letters. What has no condition `Ready` is not
    /// ready, as the table says, too; any other condition that is missing is nothing at all.
    pub(super) fn selects(&self, object: &Object) -> bool {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let text = |condition: &Value, field: &str| condition.get(field).and_then(Value::as_str).map(str::to_owned);
        let found = conditions.into_iter().flatten().find_map(|condition| {
            let r#type = text(condition, "type")?;
            r#type.eq_ignore_ascii_case(&self.r#type).then(|| text(condition, "status"))?
        });
        let missing = if self.r#type.eq_ignore_ascii_case("Ready") { "False" } else { "" };
        found.as_deref().unwrap_or(missing).eq_ignore_ascii_case(&self.status) == self.is
    }
}

impl FromStr for StatusSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once("!=").map(|parts| (parts, false));
        let parts = parts.or_else(|| text.split_once('=').map(|parts| (parts, true)));
        match parts {
            Some(((r#type, status), is)) if !r#type.is_empty() && !status.is_empty() => {
                Ok(Self { r#type: r#type.to_owned(), status: status.to_owned(), is })
            }
            _ => Err("expected a condition and its status, such as `ready=false` or `ready!=true`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_or_are_not() {
        let object = |conditions: Value| {
            let object = json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "status": {"conditions": conditions}});
            Object::try_from(object).unwrap()
        };
        let failed = object(json!([{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True"}]));
        let young = object(json!([]));
        for (selector, of_failed, of_young) in [
            ("ready=false", true, true),
            ("Ready!=True", true, true),
            ("ready=true", false, false),
            ("stalled=true", true, false),
            ("stalled!=true", false, true),
        ] {
            let selector: StatusSelector = selector.parse().unwrap();
            assert_eq!((selector.selects(&failed), selector.selects(&young)), (of_failed, of_young), "{selector:?}");
        }
        assert!("ready".parse::<StatusSelector>().is_err() && "=true".parse::<StatusSelector>().is_err());
    }
}
