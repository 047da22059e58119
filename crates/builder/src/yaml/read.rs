//! From text to nodes that remember how they were written.

use std::collections::HashMap;

use super::node::{Node, NodeKind, Scalar};
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span};

/// What a reader accepts before it gives up.
///
/// The limits bound time and memory on hostile input; each constant is far above what its source
/// needs in practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub max_bytes: usize,
    /// Documents in one text.
    pub max_documents: usize,
    /// Scalars, lists and mappings, those that an alias repeats included.
    pub max_nodes: usize,
    /// Lists and mappings inside each other, at most 250.
    pub max_depth: usize,
    /// Uses of an anchor (`*name`).
    pub max_aliases: usize,
}

impl Limits {
    /// For files that a user writes: instances and patches.
    pub const INPUT: Self =
        Self { max_bytes: 32 << 20, max_documents: 20_000, max_nodes: 2_000_000, max_depth: 64, max_aliases: 1_000 };
    /// For one file of a distribution, whose CRD schemas are deep but never use anchors.
    pub const DISTRIBUTION: Self =
        Self { max_bytes: 10 << 20, max_documents: 1_000, max_nodes: 1_000_000, max_depth: 200, max_aliases: 100 };
}

/// A fault in a YAML text, with the place where it shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct YamlError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// What the parser finds, in our words.
impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self { line: error.marker().line(), column: error.marker().col() + 1, reason: error.info() }
    }
}

/// Reads all documents of a text.
///
/// Aliases are replaced by what they stand for, and merge keys by the entries they bring in, a
/// key that is written out winning over one that is merged.
///
/// # Errors
/// The first syntax error, unknown anchor or exceeded limit.
pub fn parse(text: &str, limits: &Limits) -> Result<Vec<Node>, YamlError> {
    if text.len() > limits.max_bytes {
        let reason = format!("the text has {} bytes, at most {} are read", text.len(), limits.max_bytes);
        return Err(YamlError { line: 1, column: 1, reason });
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut reader = Reader {
        limits,
        unbroken_end: (!text.ends_with(['\n', '\r'])).then(|| text.chars().count()),
        documents: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        aliases: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event?;
        reader.take(event, span)?;
    }
    Ok(reader.documents)
}

/// A list or mapping whose end has not been seen yet.
struct Open {
    node: Node,
    key: Option<Node>,
    anchor: usize,
}

struct Reader<'a> {
    limits: &'a Limits,
    /// Where the text ends, in characters, if it does so without a line break.
    unbroken_end: Option<usize>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliases: usize,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let fault = |reason: String| YamlError { line, column, reason };
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                if self.documents.len() == self.limits.max_documents {
                    return Err(fault(format!("more than {} documents", self.limits.max_documents)));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1).map_err(fault)?;
                // `!!int "7"` is a number and `!!str 7` a text; other tags do not change the kind.
                let plain = match tag.as_deref() {
                    Some(tag) => tag.is_yaml_core_schema() && !tag.is_yaml_core_schema_tag("str"),
                    None => style == ScalarStyle::Plain,
                };
                let mut text = text.into_owned();
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block && self.unbroken_end == Some(span.end.index()) && text.ends_with('\n') {
                    // The parser adds the line break that the text does not have.
                    text.pop();
                }
                let kind = NodeKind::Scalar(Scalar { text, plain });
                self.add(Node { kind, line, column }, anchor)?;
            }
            Event::SequenceStart(_, anchor, _) => self.descend(NodeKind::Sequence(Vec::new()), line, column, anchor)?,
            Event::MappingStart(_, anchor, _) => self.descend(NodeKind::Mapping(Vec::new()), line, column, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { mut node, anchor, .. }) = self.open.pop() {
                    if let NodeKind::Mapping(entries) = &mut node.kind {
                        resolve_merge_keys(entries)?;
                    }
                    self.add(node, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                if self.aliases > self.limits.max_aliases {
                    return Err(fault(format!("more than {} aliases", self.limits.max_aliases)));
                }
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(fault("an alias inside the value that its anchor names".to_owned()));
                };
                if self.open.len() + node.depth() > self.limits.max_depth {
                    return Err(fault(format!("more than {} levels of nesting", self.limits.max_depth)));
                }
                self.count(node.size()).map_err(fault)?;
                self.add(node, 0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes += nodes;
        if self.nodes > self.limits.max_nodes {
            return Err(format!("more than {} values", self.limits.max_nodes));
        }
        Ok(())
    }

    fn descend(&mut self, kind: NodeKind, line: usize, column: usize, anchor: usize) -> Result<(), YamlError> {
        self.count(1).map_err(|reason| YamlError { line, column, reason })?;
        if self.open.len() >= self.limits.max_depth {
            let reason = format!("more than {} levels of nesting", self.limits.max_depth);
            return Err(YamlError { line, column, reason });
        }
        self.open.push(Open { node: Node { kind, line, column }, key: None, anchor });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if anchor > 0 {
            // The copy that is kept counts too, or a chain of anchors would cost more than it says.
            self.count(node.size()).map_err(|reason| node.fault(reason))?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.node.kind {
            NodeKind::Sequence(items) => items.push(node),
            NodeKind::Mapping(entries) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => entries.push((key, node)),
            },
            NodeKind::Scalar(_) => {}
        }
        Ok(())
    }
}

/// Replaces `<<: *base` and `<<: [*a, *b]` by the entries of the mappings they name, the first
/// mapping that has a key winning.
fn resolve_merge_keys(entries: &mut Vec<(Node, Node)>) -> Result<(), YamlError> {
    let is_merge = |key: &Node| matches!(&key.kind, NodeKind::Scalar(Scalar { text, plain: true }) if text == "<<");
    if !entries.iter().any(|(key, _)| is_merge(key)) {
        return Ok(());
    }
    let (merges, mut written): (Vec<_>, Vec<_>) = entries.drain(..).partition(|(key, _)| is_merge(key));
    for (_, source) in merges {
        let sources = match source.kind {
            NodeKind::Sequence(sources) => sources,
            _ => vec![source],
        };
        for source in sources {
            let fault = source.fault("a merge key `<<` takes a mapping or a list of mappings");
            let NodeKind::Mapping(merged) = source.kind else {
                return Err(fault);
            };
            for (key, value) in merged {
                if !written.iter().any(|(known, _)| known.kind == key.kind) {
                    written.push((key, value));
                }
            }
        }
    }
    *entries = written;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Dialect;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(text: &str, expected: &Value) {
        let mut documents = parse(text, &Limits::INPUT).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        assert_eq!(&documents.remove(0).into_value(Dialect::Yaml11).unwrap(), expected, "{text}");
    }

    #[track_caller]
    fn refuse(text: &str, expected: &str) {
        let error = parse(text, &Limits { max_nodes: 1_000, ..Limits::INPUT })
            .and_then(|documents| {
                documents.into_iter().map(|node| node.into_value(Dialect::Yaml11)).collect::<Result<Vec<_>, _>>()
            })
            .unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }

    #[test]
    fn resolves_anchors_and_merge_keys() {
        check("a: &x {b: 1, c: 2}\nd: *x\n", &json!({"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 2}}));
        check("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", &json!({"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}));
        check(
            "a: &x {b: 1}\ne: &y {b: 2, f: 3}\nd: {<<: [*x, *y]}\n",
            &json!({"a": {"b": 1}, "e": {"b": 2, "f": 3}, "d": {"b": 1, "f": 3}}),
        );
        check("a: {'<<': 1}\n", &json!({"a": {"<<": 1}}));
    }

    #[test]
    fn of_duplicate_keys_the_dialect_decides() {
        check("a: 1\na: 2\n", &json!({"a": 2}));
        let node = parse("a: 1\na: 2\n", &Limits::INPUT).unwrap().remove(0);
        assert_eq!(node.into_value(Dialect::Manifest).unwrap(), json!({"a": 1}));
    }

    #[test]
    fn tags_decide_between_text_and_number() {
        check("a: !!str 7\nb: !!int \"7\"\nc: !custom 7\nd: ! 7\n", &json!({"a": "7", "b": 7, "c": "7", "d": "7"}));
    }

    #[test]
    fn faults_name_their_line() {
        refuse("a: 1\nb: [1\n", "line 2, column 4: unclosed bracket '['");
        refuse("a: 1\n? [1]\n: 2\n", "line 2, column 3: a key has to be a text, found a list or a mapping");
        refuse("a: 1\n~: 2\n", "line 2, column 1: a key has to be a text, found null");
        refuse("a:\n  b: .inf\n", "line 2, column 6: `.inf` is a number that JSON cannot hold");
        refuse("a: *b\n", "line 1, column 4: while parsing node, found unknown anchor");
        refuse("<<: 1\n", "line 1, column 5: a merge key `<<` takes a mapping or a list of mappings");
    }

    #[test]
    fn hostile_texts_are_refused_early() {
        let laughs = (1..40)
            .fold("a0: &a0 [x, x]\n".to_owned(), |text, n| text + &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1));
        refuse(&laughs, "line 7, column 9: more than 1000 values");
        refuse(&"[".repeat(400_000), "line 1, column 256: recursion limit exceeded");
        refuse(&"- ".repeat(400_000), "line 1, column 129: more than 64 levels of nesting");
        let nested =
            format!("a: &a {}x{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
        refuse(&nested, "line 2, column 44: more than 64 levels of nesting");
    }
}
