//! JSON patches (RFC 6902), as kustomize applies them.

mod pointer;
mod value;

use serde_json::Value;

use pointer::Pointer;
use value::{equal, kind, shown, size};

/// Bytes that the `copy` operations of one patch may add. Copies of copies grow exponentially; no
/// object that the API server accepts is larger than 3 MiB.
const MAX_COPIED: usize = 8 << 20;

/// The operations of one patch, in order.
///
/// kustomize departs from the RFC where users' patches rely on it: `replace` of a missing key adds
/// it, `test` and `copy` read a missing key as null, list indices may be negative (from the end),
/// have leading zeros or a `+`, a missing `value` is null and unknown keys are ignored.
///
/// Refused, although kustomize takes it: a path without a leading `/`, whose first part it would
/// ignore, and anything but a map in place of the whole object, which it would drop or fail on
/// later.
#[derive(Clone, Debug)]
pub(crate) struct JsonPatch {
    operations: Vec<Result<Operation, OperationError>>,
}

/// A JSON patch operation that is malformed or does not fit the object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {index}{}{}: {problem}", quoted(", ", op.as_ref()), quoted(" at ", path.as_ref()))]
pub struct OperationError {
    index: usize,
    op: Option<String>,
    path: Option<String>,
    problem: String,
}

#[derive(Clone, Debug)]
struct Operation {
    index: usize,
    op: String,
    path: Pointer,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Add(Value),
    Remove,
    Replace(Value),
    Move { from: Pointer },
    Copy { from: Pointer },
    Test(Value),
}

impl JsonPatch {
    /// Reads the operations. One that is malformed is an error of [`apply`](Self::apply) only: the
    /// operations of a patch that selects no object are never looked at.
    pub(crate) fn from_value(list: Vec<Value>) -> Self {
        Self { operations: list.into_iter().enumerate().map(|(index, item)| Operation::read(index, item)).collect() }
    }

    /// Applies the operations in order and stops at the first that fails; the document is then of
    /// no use any more.
    pub(crate) fn apply(&self, document: &mut Value) -> Result<(), OperationError> {
        let mut copied = 0;
        for operation in &self.operations {
            let operation = operation.as_ref().map_err(Clone::clone)?;
            operation.apply(document, &mut copied).map_err(|problem| OperationError {
                index: operation.index,
                op: Some(operation.op.clone()),
                path: Some(operation.path.text.clone()),
                problem,
            })?;
        }
        Ok(())
    }
}

impl Operation {
    fn read(index: usize, item: Value) -> Result<Self, OperationError> {
        let fault = |op, path, problem| OperationError { index, op, path, problem };
        let Value::Object(mut fields) = item else {
            return Err(fault(None, None, format!("expected a map with `op` and `path`, found {}", kind(&item))));
        };
        let value = fields.remove("value").unwrap_or_default();
        let text = |field: &str| match fields.get(field) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(format!("expected `{field}` to be a string, found {}", kind(other))),
            None => Err(format!("expected `{field}`, found nothing")),
        };
        let pointer = |field| Pointer::read(field, text(field)?);
        let read = || {
            let op = text("op")?;
            let action = match op.as_str() {
                "add" => Action::Add(value),
                "remove" => Action::Remove,
                "replace" => Action::Replace(value),
                "move" => Action::Move { from: pointer("from")? },
                "copy" => Action::Copy { from: pointer("from")? },
                "test" => Action::Test(value),
                _ => {
                    let known = "`add`, `remove`, `replace`, `move`, `copy` or `test`";
                    return Err(format!("expected `op` to be {known}, found `{op}`"));
                }
            };
            Ok(Self { index, op, path: pointer("path")?, action })
        };
        read().map_err(|problem| fault(text("op").ok(), text("path").ok(), problem))
    }

    fn apply(&self, document: &mut Value, copied: &mut usize) -> Result<(), String> {
        let path = &self.path;
        match &self.action {
            Action::Add(value) => path.add(document, value.clone()),
            Action::Remove => path.take(document).map(drop),
            Action::Replace(value) => path.replace(document, value.clone()),
            Action::Move { from } => {
                let value = from.take(document)?;
                if path != from && path.keys.starts_with(&from.keys) {
                    return Err(format!("expected a path outside of `{}`, which cannot move into itself", from.text));
                }
                path.add(document, value)
            }
            Action::Copy { from } => {
                let value = from.find(document)?.map_or(Value::Null, |value| value.clone());
                *copied += size(&value);
                if *copied > MAX_COPIED {
                    return Err(format!("the copies of this patch have more than {} MiB", MAX_COPIED >> 20));
                }
                path.add(document, value)
            }
            Action::Test(expected) => {
                let found = if path.keys.is_empty() { Some(document) } else { path.find(document)? };
                match found {
                    Some(found) if equal(found, expected) => Ok(()),
                    None if expected.is_null() => Ok(()),
                    Some(found) => Err(format!("expected {}, found {}", shown(expected), shown(found))),
                    None => Err(format!("expected {}, found nothing", shown(expected))),
                }
            }
        }
    }
}

fn quoted(before: &str, text: Option<&String>) -> String {
    text.map(|text| format!("{before}`{text}`")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(mut document: Value, operations: Value) -> Result<Value, String> {
        let Value::Array(operations) = operations else { panic!("not a list: {operations}") };
        JsonPatch::from_value(operations).apply(&mut document).map(|()| document).map_err(|error| error.to_string())
    }

    fn operation(line: &str) -> Value {
        let mut operation = json!({});
        for (field, word) in ["op", "path", "last"].into_iter().zip(line.splitn(3, ' ')) {
            let word = if word == "''" { "" } else { word };
            let (field, word) = match (field, operation["op"].as_str()) {
                ("last", Some("move" | "copy")) => ("from", json!(word)),
                ("last", _) => ("value", word.parse().unwrap()),
                _ => (field, json!(word)),
            };
            operation[field] = word;
        }
        operation
    }

    /// `line` is `op path value`, or `op path from` for `move` and `copy`.
    #[track_caller]
    fn check(document: Value, line: &str, expected: Value) {
        assert_eq!(run(document, json!([operation(line)])), Ok(expected), "{line}");
    }

    #[track_caller]
    fn refused(document: Value, line: &str, problem: &str) {
        let mut words = line.split(' ').map(|word| word.trim_matches('\''));
        let (op, path) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!(run(document, json!([operation(line)])), Err(format!("operation 0, `{op}` at `{path}`: {problem}")));
    }

    #[test]
    fn adds_and_replaces() {
        check(json!({"a": 1}), "add /b [2]", json!({"a": 1, "b": [2]}));
        check(json!({"a": 1}), "add /a", json!({"a": null}));
        check(json!({"a": 1}), "add / 2", json!({"a": 1, "": 2}));
        check(json!({"a": {}}), "add /a/x~1y~0z~01~2 2", json!({"a": {"x/y~z~1~2": 2}}));
        check(json!({"a": 1}), "replace /a 2", json!({"a": 2}));
        check(json!({"a": {}}), "replace /a/missing 2", json!({"a": {"missing": 2}}));
        check(json!({"a": 1}), "replace '' {}", json!({}));
        check(json!([{"a": 1}]), "replace /-1/a 2", json!([{"a": 2}]));
        let missing = "`/a` does not exist";
        refused(json!({}), "add /a/b 1", missing);
        refused(json!({}), "replace /a/b/c 1", missing);
        refused(json!({"a": {}}), "replace /a/b/c 1", "`/a/b` does not exist");
        refused(json!({"a": "x"}), "add /a/b 1", "expected a map or a list at `/a`, found a string");
        refused(json!({"a": null}), "add /a/b/c 1", "expected a map or a list at `/a`, found null");
        refused(json!({}), "replace '' 1", "expected a map in place of the whole object, found a number");
        refused(json!({}), "add '' {}", "expected the path of a field, found an empty one, the whole object");
    }

    #[test]
    fn finds_places_in_lists() {
        for (line, expected) in [
            ("add /- 3", json!([1, 2, 3])),
            ("add /2 3", json!([1, 2, 3])),
            ("add /-1 3", json!([1, 2, 3])),
            ("add /-2 3", json!([1, 3, 2])),
            ("add /-3 3", json!([3, 1, 2])),
            ("add /0 3", json!([3, 1, 2])),
            ("add /01 3", json!([1, 3, 2])),
            ("add /+1 3", json!([1, 3, 2])),
            ("replace /-1 3", json!([1, 3])),
            ("replace /0 3", json!([3, 2])),
            ("remove /-1", json!([1])),
            ("remove /-2", json!([2])),
            ("remove /-0", json!([2])),
            ("move /- /0", json!([2, 1])),
            ("move /-1 /-1", json!([1, 2])),
            ("copy /- /-2", json!([1, 2, 1])),
        ] {
            check(json!([1, 2]), line, expected);
        }
        let list = || json!({"l": [1, 2]});
        for (line, key) in [
            ("replace /l/2 3", "2"),
            ("replace /l/- 3", "-"),
            ("remove /l/2", "2"),
            ("remove /l/-3", "-3"),
            ("remove /l/-", "-"),
            ("test /l/- 2", "-"),
            ("test /l/2 null", "2"),
            ("test /l/ 2", ""),
            ("copy /a /l/-", "-"),
            ("move /a /l/2", "2"),
            ("add /l/1.0/x 2", "1.0"),
            ("copy /l /l/+", "+"),
            ("remove /l/99999999999999999999", "99999999999999999999"),
        ] {
            refused(list(), line, &format!("expected an index from -2 to 1 in the list `/l`, found `{key}`"));
        }
        for (line, key) in [("add /l/3 3", "3"), ("add /l/-4 3", "-4"), ("add /l/x 3", "x")] {
            refused(list(), line, &format!("expected an index from -3 to 2 in the list `/l`, found `{key}`"));
        }
        refused(json!([]), "remove /0", "expected an index, but the list `` is empty");
    }

    #[test]
    fn removes_moves_and_copies() {
        check(json!({"a": 1, "b": 2}), "remove /a", json!({"b": 2}));
        check(json!({"a": 1}), "remove /a 7", json!({}));
        check(json!({"a": {"b": 1}}), "move /c /a/b", json!({"a": {}, "c": 1}));
        check(json!({"a": {"b": 1}}), "move /a /a/b", json!({"a": 1}));
        check(json!({"a": {"b": 1}}), "move /a/b /a/b", json!({"a": {"b": 1}}));
        check(json!({"a": {"b": 1}}), "copy /a/c /a", json!({"a": {"b": 1, "c": {"b": 1}}}));
        check(json!({"a": {}}), "copy /b /a/missing", json!({"a": {}, "b": null}));
        refused(json!({}), "remove /a", "`/a` does not exist");
        refused(json!({}), "move /b /a", "`/a` does not exist");
        refused(json!({}), "copy /b /a/missing", "`/a` does not exist");
        refused(json!({"a": {}}), "move /a/b /a", "expected a path outside of `/a`, which cannot move into itself");
        refused(json!({}), "copy /b ''", "expected the path of a field, found an empty one, the whole object");
        refused(json!({}), "move /b ''", "expected the path of a field, found an empty one, the whole object");
        refused(json!({}), "move /b a", "expected `from` to start with `/`, found `a`");
    }

    #[test]
    fn tests_by_value() {
        for (document, line) in [
            (json!({"a": 1}), "test /a 1.0"),
            (json!({"a": {"x": [1.0], "y": 2}}), r#"test /a {"y": 2, "x": [1]}"#),
            (json!({"a": {}}), "test /a/missing null"),
            (json!({"a": {}}), "test /a/missing"),
            (json!({"a": null}), "test /a"),
            (json!({"a": 1}), r#"test '' {"a": 1}"#),
        ] {
            check(document.clone(), line, document);
        }
        refused(json!({"a": "1"}), "test /a 1", r#"expected `1`, found `"1"`"#);
        refused(json!({"a": [1]}), "test /a [1,2]", "expected a list, found a list");
        refused(json!({"a": {"x": null}}), "test /a {}", "expected a map, found a map");
        refused(json!({}), "test /a false", "expected `false`, found nothing");
        refused(json!({}), "test /a/b null", "`/a` does not exist");
        refused(json!({"a": u64::MAX}), "test /a 18446744073709551614", &{
            format!("expected `18446744073709551614`, found `{}`", u64::MAX)
        });
    }

    #[test]
    fn malformed_operations_fail_when_applied() {
        for (item, expected) in [
            (json!({"path": "/a"}), " at `/a`: expected `op`, found nothing"),
            (json!({"op": 1, "path": "/a"}), " at `/a`: expected `op` to be a string, found a number"),
            (json!({"op": "add"}), ", `add`: expected `path`, found nothing"),
            (json!({"op": "add", "path": null}), ", `add`: expected `path` to be a string, found null"),
            (json!({"op": "move", "path": "/a"}), ", `move` at `/a`: expected `from`, found nothing"),
            (json!({"op": "add", "path": "a/b"}), ", `add` at `a/b`: expected `path` to start with `/`, found `a/b`"),
            (
                json!({"op": "Add", "path": "/a"}),
                ", `Add` at `/a`: expected `op` to be `add`, `remove`, `replace`, `move`, `copy` or `test`, found `Add`",
            ),
            (json!("add"), ": expected a map with `op` and `path`, found a string"),
        ] {
            let first = json!({"op": "add", "path": "/x", "from": 1, "comment": []});
            assert_eq!(run(json!({}), json!([first, item])), Err(format!("operation 1{expected}")));
        }
    }

    #[test]
    fn copies_cannot_grow_without_bound() {
        let wide = vec![json!({"op": "copy", "from": "/a", "path": "/a/-"}); 40];
        let error = run(json!({"a": ["x"]}), Value::Array(wide)).unwrap_err();
        assert!(error.ends_with("the copies of this patch have more than 8 MiB"), "{error}");
        let deep = (0..9).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a{}", "/a".repeat(1 << n))}));
        let error = run(json!({"a": {}}), deep.collect()).unwrap_err();
        assert_eq!(error.split(": ").last(), Some("the object would have more than 250 levels of nesting"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(lines in proptest::collection::vec(
            "(add|remove|replace|move|copy|test) (/(a|b|-|-?[0-3])){0,3}( (/(a|b|-|-?[0-3])){1,2})?", 1..6,
        )) {
            let operations = lines.iter().map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                json!({"op": words[0], "path": words[1], "from": words.get(2), "value": {"a": [words.get(2)]}})
            });
            let _ = run(json!({"a": [{"a": 1}, [2]], "b": {"a": []}}), operations.collect());
        }
    }
}
