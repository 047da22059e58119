//! What kind of patch a text is, and why it is none.

use super::super::Body;

/// The form of a text, or the error.
fn form(text: &str, has_target: bool) -> Result<String, String> {
    let body = Body::parse(text, has_target).map_err(|error| error.to_string())?;
    Ok(match body {
        Body::Nothing => "nothing".to_owned(),
        Body::Strategic(merges) => format!("merges: {}", merges.len()),
        Body::Json(_) => "operations".to_owned(),
    })
}

/// The same with and without a target.
#[track_caller]
fn both(text: &str, expected: &str) {
    for has_target in [true, false] {
        assert_eq!(form(text, has_target).as_deref(), Ok(expected), "{text}");
    }
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    for has_target in [true, false] {
        assert_eq!(form(text, has_target).unwrap_err(), expected, "{text}");
    }
}

const MERGE: &str = "{apiVersion: v1, kind: A, metadata: {name: a}}";
const NEITHER: &str = "expected a mapping with `kind` and `metadata.name`, or a list of JSON patch operations";

#[test]
fn empty_text_is_a_mistake_but_nothing_is_not() {
    let required = "is required: a strategic merge patch, or a list of JSON patch operations";
    refused("", required);
    refused(" \n\t\n", required);
    for text in ["# only a comment", "null", "~", "{}", "[]", "---", "---\n---\n{}\n---\nnull\n", "--- # a\n[]"] {
        both(text, "nothing");
    }
}

#[test]
fn a_mapping_with_kind_and_name_is_a_merge() {
    both(MERGE, "merges: 1");
    both("\n\n  \napiVersion: v1\nkind: A\nmetadata:\n  name: a\n", "merges: 1");
    both(r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}"#, "merges: 1");
    both(&format!("---\n{MERGE}\n---\n# nothing\n---\nnull\n---\n{{}}\n"), "merges: 1");
    // With a target, kind and name have to be there, and that is all.
    assert_eq!(form("{kind: 7, metadata: {name: true}}", true).as_deref(), Ok("merges: 1"));
}

#[test]
fn without_a_target_a_merge_needs_its_api_version() {
    let expected = "line 3: without a `target`, a patch needs `apiVersion` to find its object";
    assert_eq!(form(&format!("{MERGE}\n---\nkind: A\nmetadata: {{name: a}}"), false).unwrap_err(), expected);
    assert_eq!(form("kind: A\nmetadata: {name: a}", true).as_deref(), Ok("merges: 1"));
}

#[test]
fn several_merges_are_for_several_objects_and_not_for_a_target() {
    let list = format!("apiVersion: v1\nkind: List\nitems: [{MERGE}, {MERGE}]");
    for text in [&format!("{MERGE}\n---\n{MERGE}"), &list] {
        assert_eq!(form(text, false).as_deref(), Ok("merges: 2"));
        let expected = "has 2 strategic merge documents and a target; give each its own entry";
        assert_eq!(form(text, true).unwrap_err(), expected);
    }
}

#[test]
fn a_list_is_a_json_patch_and_needs_a_target() {
    for text in [
        "- {op: remove, path: /a}",
        "---\n- op: remove\n  path: /a\n---\n# nothing\n",
        r#"[{"op": "remove", "path": "/a"}]"#,
        "\n [ {\"op\": \"remove\", \"path\": \"/a\"} ] \n",
        "---\n[{op: remove, path: /a}]",
    ] {
        assert_eq!(form(text, true).as_deref(), Ok("operations"), "{text}");
        let expected = "is a JSON patch, which does not say what it is for; add a `target`";
        assert_eq!(form(text, false).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn a_text_that_starts_with_a_bracket_is_json() {
    refused(
        "[{op: remove, path: /a}]",
        "a text that starts with `[` is read as JSON: line 1, column 3: key must be a string",
    );
    refused(
        "[\n  {\"op\": \"remove\"},\n]",
        "a text that starts with `[` is read as JSON: line 3, column 1: trailing comma",
    );
}

#[test]
fn one_document_of_operations_is_all_there_may_be() {
    refused(
        "- {op: remove, path: /a}\n---\n- {op: remove, path: /b}",
        "line 3: a JSON patch is one YAML document, this is another one; join the lists",
    );
    refused(
        &format!("- {{op: remove, path: /a}}\n---\n{MERGE}"),
        "line 3: a JSON patch is one YAML document, this is another one; join the lists",
    );
    refused(&format!("{MERGE}\n---\n- {{op: remove, path: /a}}"), &format!("line 3: {NEITHER}"));
}

#[test]
fn an_operation_outside_of_a_list_is_explained() {
    let expected = "a JSON patch operation has to be an element of a list, put `- ` before it";
    refused("op: remove\npath: /a", &format!("line 1: {expected}"));
    refused("---\n\nop: remove\npath: /a", &format!("line 3: {expected}"));
    refused(r#"{"op": "remove", "path": "/a"}"#, &format!("line 1: {expected}"));
}

#[test]
fn what_is_neither_form_is_refused() {
    for text in ["text", "7", "metadata: {name: a}", "kind: A", "{kind: A, metadata: {labels: {a: b}}}"] {
        refused(text, &format!("line 1: {NEITHER}"));
    }
    for text in ["kind: A\nmetadata: {name: null}", "kind: A\nmetadata: {name: ''}", "kind: ''\nmetadata: {name: a}"] {
        refused(text, &format!("line 1: {NEITHER}"));
    }
    refused(&format!("{MERGE}\n---\n# here\ntext"), &format!("line 4: {NEITHER}"));
}

/// A mistake in the form shows whether or not the target matches anything.
#[test]
fn a_list_of_anything_but_operations_is_refused() {
    for text in ["- a\n- b", "- 7", "- [a]", r#"["a"]"#, "- null"] {
        refused(text, "operation 0 is no mapping with `op` and `path`");
    }
    refused("- {op: remove, path: /a}\n- /b", "operation 1 is no mapping with `op` and `path`");
}

#[test]
fn faults_of_the_text_have_their_line() {
    refused("kind: A\nmetadata: {name: a", "line 2, column 11: unclosed bracket '{'");
    refused(
        "kind: A\nmetadata: {name: a}\nspec:\n  2: b",
        "line 4, column 3: a key has to be a text, found `2`: put it in quotes",
    );
    assert!(form("- {op: add, path: /a, value: .inf}", true).unwrap_err().starts_with("line 1, column 30: "));
}

/// Blanks before the patch are no part of it, but count as lines: people count in what they wrote.
#[test]
fn lines_are_counted_from_the_start_of_the_text() {
    refused("\n\ntext", &format!("line 3: {NEITHER}"));
    refused("\n\n[{op: a}]", "a text that starts with `[` is read as JSON: line 3, column 3: key must be a string");
}
