//! What the files of a release may hold.

use super::{DigestEntry, Release, ReleaseError, parse_digests};

fn release(text: &str) -> Release {
    Release::new("v2.9.4".parse().unwrap()).with_manifest("a.yaml", text)
}

fn refused(text: &str) -> String {
    match release(text).objects("a.yaml").unwrap_err() {
        ReleaseError::Unreadable { path, source } => format!("{path}: {source}"),
        other => panic!("{other}"),
    }
}

fn digests_refused(text: &str) -> String {
    parse_digests(text).unwrap_err().to_string()
}

#[test]
fn objects_are_in_the_order_of_their_documents() {
    let text = "# a comment\n---\napiVersion: v1\nkind: B\nmetadata: {name: b, labels: {on: yes}}\n---\n---\nnull\n---\n\
                {apiVersion: v1, kind: A, metadata: {name: a}}\n";
    let release = release(text);
    let names: Vec<_> = release.objects("a.yaml").unwrap().iter().map(|object| object.id().to_string()).collect();
    assert_eq!(names, ["B/b", "A/a"]);
    // Manifests are nearly YAML 1.2.
    let labels: Vec<_> =
        release.objects("a.yaml").unwrap()[0].labels().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(labels, ["on=yes"]);
}

#[test]
fn documents_that_are_no_objects_are_named_with_their_line() {
    let path = "flux/v2.9.4/a.yaml";
    let not = "not a Kubernetes object";
    assert_eq!(
        refused("a: b\n---\nkind: A\nmetadata: {name: a}\n"),
        format!("{path}: line 1, column 1: {not}: `apiVersion` is missing or not a text")
    );
    assert_eq!(
        refused(
            "{apiVersion: v1, kind: A, metadata: {name: a}}\n---\n{apiVersion: v1, kind: A, metadata: {name: 7}}\n"
        ),
        format!("{path}: line 3, column 1: {not}: `metadata.name` is missing or not a text")
    );
    assert_eq!(
        refused("- a"),
        format!("{path}: line 1, column 1: {not}: expected a mapping with `apiVersion`, `kind` and `metadata.name`")
    );
    assert!(refused("a: [").starts_with(&format!("{path}: line ")));
}

#[test]
fn a_file_is_looked_at_when_it_is_needed() {
    let release = release("a: [").with_manifest("b.yaml", "").with_digests("upstream-alpine", "]");
    assert_eq!(release.objects("b.yaml").unwrap(), []);
    let missing = release.objects("c.yaml").unwrap_err().to_string();
    assert_eq!(missing, "the distribution has no file `flux/v2.9.4/c.yaml`");
    let missing = release.digests("other").unwrap_err().to_string();
    assert_eq!(missing, "the distribution has no file `flux-images/v2.9.4/other.yaml`");
}

#[test]
fn a_file_is_read_once_for_all_copies_of_a_release() {
    let release = release("{apiVersion: v1, kind: A, metadata: {name: a}}");
    let copy = release.clone();
    let (one, other) = (release.objects("a.yaml").unwrap(), copy.objects("a.yaml").unwrap());
    assert!(std::ptr::eq(one, other));
}

#[test]
fn digest_lists_name_components_by_the_end_of_their_path() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let text = format!("images:\n- {{name: ghcr.io/x/a, newTag: v1, digest: {digest}}}\n- {{name: b, newTag: 1.10}}\n");
    let entry = |component: &str, tag: &str, digest: &str| DigestEntry {
        component: component.to_owned(),
        tag: tag.to_owned(),
        digest: digest.to_owned(),
    };
    assert_eq!(parse_digests(&text).unwrap(), [entry("a", "v1", &digest), entry("b", "1.10", "")]);
    assert_eq!(parse_digests("images: []").unwrap(), []);
}

#[test]
fn digest_lists_with_a_slip_of_the_pen_are_refused() {
    for text in ["image: []", "images: {}", "images: text", "- a", "text"] {
        assert_eq!(digests_refused(text), "line 1, column 1: expected a mapping with the list `images`", "{text}");
    }
    for image in ["newTag: v1", "name: a", "name: a, newTag: 'v 1'", "name: a, newTag: v1, digest: sha256:abc"] {
        let expected = "line 2, column 3: expected an image with `name`, `newTag` and a `digest` like `sha256:…`";
        assert_eq!(digests_refused(&format!("images:\n- {{{image}}}\n")), expected, "{image}");
    }
}
