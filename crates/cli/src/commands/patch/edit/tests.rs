//! Texts before and after.

use super::*;

fn added() -> Value {
    json!({"patch": "- op: remove\n  path: /x\n", "target": {"kind": "Deployment", "name": "a"}})
}

/// Lines of the patch that is added, with an indentation.
fn block(indent: &str) -> String {
    let lines =
        ["- patch: |", "    - op: remove", "      path: /x", "  target:", "    kind: Deployment", "    name: a"];
    lines.map(|line| format!("{indent}{line}\n")).concat()
}

const INLINE: &str = r#"{"patch": "- op: remove\n  path: /x\n", "target": {"kind": "Deployment", "name": "a"}}"#;

/// Adds a patch, and compares the text with the one where `+` stands for what came along.
#[track_caller]
fn adds(before: &str, after: &str) {
    check(before, &[], &[added()], after);
}

/// Removes patches.
#[track_caller]
fn removes(before: &str, gone: &[usize], after: &str) {
    check(before, gone, &[], after);
}

#[track_caller]
fn check(before: &str, gone: &[usize], added: &[Value], after: &str) {
    let edited = patches(before, 0, gone, added);
    assert_eq!(edited.map_err(|error| error.to_string()).as_deref(), Ok(after));
}

#[test]
fn a_section_is_made_where_there_is_none() {
    let spec = "kind: FluxInstance\nspec:\n  wait: true # for all\n";
    let section = |indent: &str, inner: &str| {
        format!("{indent}kustomize:\n{indent}{inner}patches:\n{}", block(&format!("{indent}{inner}")))
    };
    adds(spec, &format!("{spec}{}", section("  ", "  ")));
    adds(&format!("{spec}\n# the end\n"), &format!("{spec}{}\n# the end\n", section("  ", "  ")));
    adds("spec:\n    wait: true", &format!("spec:\n    wait: true\n{}", section("    ", "    ")));
    let below = format!("spec:\n  kustomize:\n    patches:\n{}", block("    "));
    adds("spec:\n  kustomize:\n", &below);
    adds("spec:\n  kustomize: {}\n", &below);
    adds("spec:\n  kustomize:\n    patches: []\n", &below);
    adds("spec:\n  kustomize:\n    patches:\n", &below);
    adds(
        "spec:\n  kustomize:\n    patches: [] # none\n  wait: true\n",
        &format!("spec:\n  kustomize:\n    patches: # none\n{}  wait: true\n", block("    "))
            .replace("patches: # none", "patches: # none"),
    );
}

#[test]
fn lists_go_on_as_they_are_indented() {
    for indent in ["    ", "      ", "            "] {
        let list = format!(
            "spec:\n  kustomize:\n    patches:\n{indent}- patch: |\n{indent}    x: 1\n\n{indent}# why\n{indent}- {{patch: 'y: 2'}}   # end\n"
        );
        adds(&format!("{list}\n\n  wait: true\n"), &format!("{list}{}\n\n  wait: true\n", block(indent)));
    }
}

#[test]
fn brackets_stay_brackets() {
    adds("spec: {wait: true}\n", &format!("spec: {{wait: true, \"kustomize\": {{\"patches\": [{INLINE}]}}}}\n"));
    adds("spec: {kustomize: {}}\n", &format!("spec: {{kustomize: {{\"patches\": [{INLINE}]}}}}\n"));
    adds(
        "spec:\n  kustomize: {patches: [ {patch: 'x: 1'} ]}\n",
        &format!("spec:\n  kustomize: {{patches: [ {{patch: 'x: 1'}}, {INLINE} ]}}\n"),
    );
    adds(
        "{\"spec\": {\"kustomize\": {\"patches\": []}}}",
        &format!("{{\"spec\": {{\"kustomize\": {{\"patches\": [{INLINE}]}}}}}}\n"),
    );
    let three = "spec:\n  kustomize:\n    patches: [{patch: a}, {patch: b}, {patch: c}]\n";
    removes(three, &[0], "spec:\n  kustomize:\n    patches: [{patch: b}, {patch: c}]\n");
    removes(three, &[0, 1], "spec:\n  kustomize:\n    patches: [{patch: c}]\n");
    removes(three, &[1, 2], "spec:\n  kustomize:\n    patches: [{patch: a}]\n");
    removes(three, &[0, 1, 2], "spec:\n  kustomize:\n    patches: []\n");
    check(
        three,
        &[2],
        &[added()],
        &format!("spec:\n  kustomize:\n    patches: [{{patch: a}}, {{patch: b}}, {INLINE}]\n"),
    );
}

#[test]
fn what_is_removed_goes_with_its_lines() {
    let text = |items: &str| format!("spec:\n  kustomize:\n    # mine\n    patches:\n{items}  wait: true # for all\n");
    let (first, second) =
        ("    - patch: |\n        a: 1\n      target:\n        kind: X\n", "    - patch: 'b: 2' # why\n");
    removes(&text(&format!("{first}{second}")), &[0], &text(second));
    removes(&text(&format!("{first}{second}")), &[1], &text(first));
    removes(
        &text(&format!("{first}\n    # of the second\n{second}")),
        &[0],
        &text(&format!("\n    # of the second\n{second}")),
    );
    removes(&text(first), &[0], "spec:\n  wait: true # for all\n");
    let more = "spec:\n  kustomize:\n    other: 1\n    patches:\n    - patch: a\n  wait: true\n";
    removes(more, &[0], "spec:\n  kustomize:\n    other: 1\n  wait: true\n");
    check(&text(&format!("{first}{second}")), &[0], &[added()], &text(&format!("{second}{}", block("    "))));
    check(&text(first), &[0], &[added()], &text(&block("    ")));
}

#[test]
fn patching_and_removing_leads_back() {
    for text in ["spec:\n  wait: true\n\n# end\n", "a: &x 1\nspec:\n  b: *x\n  c: >\n    folded\n\n    text\n"] {
        let patched = patches(text, 0, &[], &[added()]).unwrap();
        removes(&patched, &[0], text);
    }
}

#[test]
fn other_documents_and_line_breaks_stay() {
    let text = "# first\nkind: A\n---\nspec:\r\n  wait: true\r\n--- # last\nkind: B\n";
    let edited = patches(text, 1, &[], &[added()]).unwrap();
    assert!(
        edited.starts_with("# first\nkind: A\n---\nspec:\r\n  wait: true\r\n  kustomize:\r\n    patches:\r\n"),
        "{edited:?}"
    );
    assert!(
        edited.ends_with("      name: a\r\n--- # last\nkind: B\r\n")
            || edited.ends_with("name: a\r\n--- # last\nkind: B\r\n"),
        "{edited:?}"
    );
}

#[test]
fn what_cannot_be_changed_alone_is_refused() {
    let refused = |text: &str| patches(text, 0, &[], &[added()]).unwrap_err().to_string();
    let alias = "x: &p [{patch: a}]\nspec:\n  kustomize:\n    patches: *p\n";
    assert_eq!(
        refused(alias),
        "`spec.kustomize.patches` is written in a way that cannot be changed without changing more"
    );
    assert_eq!(refused("a: [\n"), "is no valid YAML");
}
