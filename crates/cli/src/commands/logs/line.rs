//! One line of a log.

use serde_json::Value;

use crate::ui::printable;

/// What a controller wrote, as far as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) time: String,
    pub(super) level: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    message: String,
    error: String,
}

impl Line {
    /// Reads a line of JSON; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(text).ok().filter(Value::is_object)?;
        let told = |names: &[&str]| {
            let found = names.iter().find_map(|name| fields.get(*name)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        Some(Self {
            time: told(&["ts"]),
            level: told(&["level"]),
            kind: told(&["controllerKind", "reconciler kind", "controller"]),
            name: told(&["name"]),
            namespace: told(&["namespace"]),
            message: told(&["msg"]),
            error: told(&["error"]),
        })
    }

    /// `<ts> <level> <Kind>/<name>.<namespace> - <msg> <error>`.
    pub(super) fn text(&self) -> String {
        let Self { time, level, kind, name, namespace, message, error } = self;
        let about = if name.is_empty() { String::new() } else { format!("{kind}/{name}.{namespace} ") };
        let error = if error.is_empty() { String::new() } else { format!(" {error}") };
        format!("{}\n", printable(&format!("{time} {level} {about}- {message}{error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_from_json_and_written_for_people() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Line::parse(text).map(|line| line.text()).as_deref(), expected);
        };
        check(
            r#"{"level":"error","ts":"2026-08-01T09:00:00.1Z","msg":"failed","controllerKind":"Kustomization",
                "name":"apps","namespace":"flux-system","error":"no\npath"}"#,
            Some("2026-08-01T09:00:00.1Z error Kustomization/apps.flux-system - failed no\\npath\n"),
        );
        check(r#"{"level":"info","ts":"t","msg":"starting"}"#, Some("t info - starting\n"));
        check("plain text", None);
        check("[]", None);
    }
}
