//! Rules of a schema in CEL: what an API server asks of objects beyond their types.

use std::collections::BTreeMap;
use std::thread;

use cel::{Context, Program};
use serde_json::Value;

use crate::difference::below;
use crate::schema::rules;

/// The longest rule that is tried, in bytes. An expression is parsed by recursion.
const LONGEST: usize = 1024;

/// What the evaluation may need of the stack, in bytes.
const STACK: usize = 8 << 20;

/// The new rules of a schema, ready to be tried.
///
/// A rule that cannot be read here, or looks at the former state of an object, is left out.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// By expression.
    programs: BTreeMap<String, Program>,
}

impl Rules {
    /// The rules that `after` has and `before` has not, wherever they stand.
    pub(crate) fn new(before: &Value, after: &Value) -> Self {
        let mut expressions = Vec::new();
        collect(Some(before), after, &mut expressions);
        expressions.retain(|expression| expression.len() <= LONGEST && !expression.contains("oldSelf"));
        let compile = || {
            let compiled = expressions.into_iter().filter_map(|expression| {
                let program = Program::compile(&expression).ok()?;
                Some((expression, program))
            });
            Self { programs: compiled.collect() }
        };
        apart(compile).unwrap_or_default()
    }

    /// What the rules say against a value: path and message of each that does not hold. A rule that
    /// fails to be evaluated says nothing.
    pub(crate) fn faults(&self, value: &Value, schema: &Value) -> Vec<(String, String)> {
        if self.programs.is_empty() {
            return Vec::new();
        }
        apart(|| {
            let mut faults = Vec::new();
            self.walk(value, schema, "", &mut faults);
            faults
        })
        .unwrap_or_default()
    }

    fn walk(&self, value: &Value, schema: &Value, path: &str, faults: &mut Vec<(String, String)>) {
        for (expression, message) in rules(schema) {
            if self.programs.get(&expression).is_some_and(|program| holds(program, value) == Some(false)) {
                faults.push((path.to_owned(), message));
            }
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let known = schema.get("properties").and_then(|properties| properties.get(name));
                    if let Some(schema) = known.or_else(|| schema.get("additionalProperties")) {
                        self.walk(value, schema, &below(path, name), faults);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.walk(item, schema, &format!("{path}[{index}]"), faults);
                    }
                }
            }
            _ => {}
        }
    }
}

fn holds(program: &Program, value: &Value) -> Option<bool> {
    let mut context = Context::default();
    context.add_variable("self", value).ok()?;
    match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Some(holds),
        _ => None,
    }
}

/// Runs on a stack of its own; none where that cannot be had.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok())
}

fn collect(before: Option<&Value>, after: &Value, found: &mut Vec<String>) {
    let known = before.map(rules).unwrap_or_default();
    let new = rules(after).into_iter().filter(|rule| !known.contains(rule));
    found.extend(new.map(|(expression, _)| expression));
    for (name, schema) in after.get("properties").and_then(Value::as_object).into_iter().flatten() {
        collect(before.and_then(|before| before.get("properties")?.get(name)), schema, found);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = after.get(keyword).filter(|schema| schema.is_object()) {
            collect(before.and_then(|before| before.get(keyword)), schema, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(rule: &str) -> Value {
        let item = json!({"type": "object", "x-kubernetes-validations": [{"rule": rule, "message": "no"}]});
        json!({"properties": {"spec": {"properties": {"a": {"type": "array", "items": item}}}}})
    }

    /// Where the rule does not hold for an item of `spec.a`.
    #[track_caller]
    fn check(rule: &str, item: &Value, expected: bool) {
        let rules = Rules::new(&json!({}), &schema(rule));
        let faults = rules.faults(&json!({"spec": {"a": [item]}}), &schema(rule));
        let fault = ("spec.a[0]".to_owned(), "no".to_owned());
        assert_eq!(faults, if expected { vec![] } else { vec![fault] }, "{rule}");
    }

    #[test]
    fn rules_as_flux_has_them_are_tried() {
        let rule = "!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)";
        check(rule, &json!({}), true);
        check(rule, &json!({"sts": {"provider": "aws"}}), true);
        check(rule, &json!({"sts": {"provider": "aws", "secretRef": {}}}), false);
        let rule = "self.type != 'oidc' || (has(self.providers) && size(self.providers) > 0)";
        check(rule, &json!({"type": "oidc", "providers": []}), false);
        check(rule, &json!({"type": "oidc", "providers": [{}]}), true);
        check("self.all(x, x.startsWith('a'))", &json!(["a", "ab"]), true);
        check("self.all(x, x.startsWith('a'))", &json!(["a", "b"]), false);
    }

    #[test]
    fn what_cannot_be_tried_says_nothing() {
        let endless = format!("{}1 == 1", "1 + ".repeat(2000));
        for rule in ["self.a == oldSelf.a", "self.missing == 1", "isURL(self.a)", "((", endless.as_str()] {
            check(rule, &json!({"a": 1}), true);
        }
    }

    #[test]
    fn a_rule_that_was_there_is_not_tried_again() {
        let both = schema("self.a == 2");
        assert_eq!(Rules::new(&both, &both).faults(&json!({"spec": {"a": [{"a": 1}]}}), &both), []);
    }
}
