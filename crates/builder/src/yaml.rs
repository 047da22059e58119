//! YAML in, YAML out, the way Kubernetes users know it.
//!
//! Reading has two steps. [`parse`] turns text into [`Node`]s, which still know how each scalar
//! was written and on which line it stands. [`Node::into_value`] then decides what the scalars
//! mean, by one of two [`Dialect`]s: the tools around Kubernetes read manifests by other rules
//! than patches, and the rendered objects depend on the difference.
//!
//! [`write()`] prints one document as `kubectl` and `flux` print it: sorted keys, lists not indented
//! below their key, and every text quoted that some YAML reader would take for something else.

mod node;
mod read;
mod scalar;
mod write;

pub use node::{Node, NodeKind, Scalar};
pub use read::{Limits, YamlError, parse};
pub(crate) use scalar::normalize_numbers;
pub use scalar::{Dialect, NotAScalar, reads_as_text};
pub(crate) use write::{field_text, write_fields};
pub use write::{write, write_object};

/// Reads every document of `text` as JSON values; documents that are empty or null are left out.
///
/// # Errors
/// The first fault, with its line and column.
///
/// ```
/// use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
///
/// let documents = read_documents("a: 1\n---\nb: yes\n", Dialect::Manifest, &Limits::INPUT)?;
/// assert_eq!(documents[1]["b"], "yes");
/// # Ok::<(), flux_operator_builder::yaml::YamlError>(())
/// ```
pub fn read_documents(text: &str, dialect: Dialect, limits: &Limits) -> Result<Vec<serde_json::Value>, YamlError> {
    let mut values = Vec::new();
    for node in parse(text, limits)? {
        match node.into_value(dialect)? {
            serde_json::Value::Null => {}
            value => values.push(value),
        }
    }
    Ok(values)
}

/// The items of a `List`, or the document itself.
pub(crate) fn expand_list(document: Node) -> Vec<Node> {
    let is_list = document.get("kind").and_then(Node::as_scalar).is_some_and(|kind| kind.text.ends_with("List"));
    match document.get("items") {
        Some(Node { kind: NodeKind::Sequence(items), .. }) if is_list => items.clone(),
        _ => vec![document],
    }
}
