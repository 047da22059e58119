//! Templates of `-o jsonpath`, in the dialect of `kubectl`.
//!
//! A template is text with expressions in braces: a path such as `{.items[*].metadata.name}`, a text
//! such as `{"\n"}`, or `{range PATH}` and `{end}` around what is repeated for each value of a path.

mod evaluate;
mod parse;

use std::str::FromStr;

use serde_json::Value;

/// What is printed of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// All values of the path, with blanks between them.
    Values(Path),
    /// The pieces, for each value of the path.
    Range(Path, Vec<Self>),
}

/// Where values are.
#[derive(Clone, Debug, PartialEq)]
struct Path {
    start: Start,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The document.
    Root,
    /// What a range or a filter is at; outside of them, the document.
    Current,
}

/// From values to others.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(String),
    /// `['a.b']`: the field of that name, and where there is none, field `b` of `a`, as `kubectl` reads it.
    Quoted(String),
    /// `*`: every field or item.
    Every,
    /// `..`: the value and everything in it.
    Descend,
    /// An item, counted from the end where it is negative.
    Item(i64),
    Slice {
        from: Option<i64>,
        to: Option<i64>,
        by: usize,
    },
    Union(Vec<Self>),
    Filter(Filter),
}

/// `?(@.type=="Ready")`: the items for which this holds.
#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Operand,
    /// Without it, whether there is something.
    test: Option<(Comparison, Operand)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Path),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at}; it is written like {}", parse::EXAMPLE)]
pub(crate) struct TemplateError {
    what: String,
    /// Counted from 1.
    at: usize,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        parse::template(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list() -> Value {
        let object = |name: &str, ready: &str, items: Value| {
            json!({
                "metadata": {"name": name, "annotations": {"app.kubernetes.io/name": "a <b>", "team": name}},
                "spec": {"suspend": name == "b", "replicas": name.len(), "items": items},
                "status": {"conditions": [
                    {"type": "Stalled", "status": "False"}, {"type": "Ready", "status": ready},
                ]},
            })
        };
        json!({"kind": "List", "items": [
            object("a", "True", json!([1, 2, 3])), object("b", "False", json!([])), object("ccc", "True", json!([4])),
        ]})
    }

    #[track_caller]
    fn check(template: &str, expected: &str) {
        assert_eq!(template.parse::<Template>().unwrap().render(&list()), expected, "{template}");
    }

    #[test]
    fn values_are_printed_with_blanks_between_them() {
        check("{.kind}", "List");
        check("{ $.kind } {@.kind}", "List List");
        check("{.items[*].metadata.name}", "a b ccc");
        check("{..name}", "a b ccc");
        check("{.items[0].spec}", r#"{"items":[1,2,3],"replicas":1,"suspend":false}"#);
        check("{.items[*].spec['replicas', 'suspend']}", "1 false 1 true 3 false");
        check("{.items[*].spec.items[*]}", "1 2 3 4");
    }

    #[test]
    fn what_is_missing_prints_nothing() {
        check("[{.nothing.at.all}]", "[]");
        check("{.items.metadata}{.kind[0]}{.items[7]}{.items[-7]}{.kind.*}", "");
        check("{range .nothing}x{end}", "");
    }

    #[test]
    fn keys_may_have_dots() {
        check(r"{.items[0].metadata.annotations.app\.kubernetes\.io/name}", "a <b>");
        check("{.items[0].metadata.annotations['app.kubernetes.io/name']}", "a <b>");
        check(r#"{.items[0].metadata.annotations["app\.kubernetes\.io/name"]}"#, "a <b>");
        check("{.items[0]['metadata.name', 'spec.replicas']}", "a 1");
    }

    #[test]
    fn items_are_picked() {
        check("{.items[-1].metadata.name}", "ccc");
        check("{.items[0:2].metadata.name}", "a b");
        check("{.items[1:].metadata.name}", "b ccc");
        check("{.items[:-1].metadata.name}", "a b");
        check("{.items[::2].metadata.name}", "a ccc");
        check("{.items[0,2].metadata.name}", "a ccc");
        check("{.items[2:1].metadata.name}", "");
    }

    #[test]
    fn filters_compare() {
        check(r#"{.items[*].status.conditions[?(@.type=="Ready")].status}"#, "True False True");
        check(r"{.items[?(@.metadata.name != 'b')].metadata.name}", "a ccc");
        check("{.items[?(@.spec.replicas>1)].metadata.name}", "ccc");
        check("{.items[?@.spec.replicas <= 1.0].metadata.name}", "a b");
        check("{.items[?(@.spec.suspend==true)].metadata.name}", "b");
        check("{.items[?(@.spec.items[0])].metadata.name}", "a ccc");
        check("{.items[?(@.metadata.name==$.items[1].metadata.name)].metadata.name}", "b");
        check("{.items[?(@.nothing!='a')].metadata.name}", "");
    }

    #[test]
    fn ranges_repeat() {
        check(
            r#"{range .items[*]}{.metadata.name}{"\t"}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}"#,
            "a\tTrue\nb\tFalse\nccc\tTrue\n",
        );
        check(
            "{range .items[*]}{.metadata.name}: {range .spec.items[*]}<{@}>{end}; {end}",
            "a: <1><2><3>; b: ; ccc: <4>; ",
        );
        check("{range .items[0:1]}{$.kind}/{.metadata.name}{end}", "List/a");
    }

    #[test]
    fn errors_say_where() {
        let error = |template: &str| {
            let text = template.parse::<Template>().unwrap_err().to_string();
            text.strip_suffix(&format!("; it is written like {}", parse::EXAMPLE)).map(str::to_owned).unwrap()
        };
        for (template, expected) in [
            ("", "expected an expression in braces at character 1"),
            (".metadata.name", "expected an expression in braces at character 1"),
            ("{.a", "expected `}` at character 4"),
            ("ü{.a}{.b!}", "expected `}` at character 9"),
            ("{}", "expected a path, a quoted text, `range` or `end` at character 2"),
            ("{metadata}", "expected a path, a quoted text, `range` or `end` at character 2"),
            ("{.a.}", "expected the name of a field at character 5"),
            ("{.a[}", "expected an index, a quoted key, `*` or `?` at character 5"),
            ("{.a[0}", "expected `]` at character 6"),
            ("{.a[0:1:0]}", "expected a step of at least 1 at character 9"),
            ("{.a['b]}", "expected a closing `'` at character 5"),
            (
                r#"{"\d"}"#,
                "expected one of `\\n`, `\\t`, `\\r`, `\\\\` and a quote behind the backslash at character 4",
            ),
            ("{.a[?(@.b==c)]}", "expected a path, a quoted text, a number, `true` or `false` at character 12"),
            ("{.a[?(@.b==1]}", "expected `)` at character 13"),
            ("{range .a}{.b}", "expected `{end}` for this `{range}` at character 1"),
            ("{.a}{end}", "expected a `{range}` before this `{end}` at character 5"),
        ] {
            assert_eq!(error(template), expected, "{template}");
        }
    }
}
