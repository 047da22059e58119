//! Where in a text the nodes of its YAML are.

use std::ops::Range;

use flux_operator_builder::yaml::YamlError;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StructureStyle};

/// A node, and the bytes that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// From its first byte to behind its last one. What is empty stands where a value would.
    pub(super) range: Range<usize>,
    /// How far its start is from that of its line.
    pub(super) column: usize,
    pub(super) shape: Shape,
}

/// What a node is, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar(String),
    Mapping {
        is_flow: bool,
        entries: Vec<(Node, Node)>,
    },
    Sequence {
        is_flow: bool,
        items: Vec<Node>,
    },
    /// `*name`: what it stands for is written elsewhere.
    Alias,
}

impl Node {
    /// The key and the value of an entry.
    pub(super) fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        let Shape::Mapping { entries, .. } = &self.shape else { return None };
        let is = |node: &Node| matches!(&node.shape, Shape::Scalar(text) if text == key);
        entries.iter().find(|(name, _)| is(name)).map(|(name, value)| (name, value))
    }

    /// Whether the node is written between brackets.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.shape, Shape::Mapping { is_flow: true, .. } | Shape::Sequence { is_flow: true, .. })
    }

    /// Whether there is nothing: no value, or one that says so.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A collection whose end was not seen yet.
struct Open {
    start: Span,
    is_mapping: bool,
    is_flow: bool,
    children: Vec<Node>,
}

/// The documents of a text; those that are empty are scalars without a text.
///
/// # Errors
/// The text is no YAML.
pub(super) fn read(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let (mut documents, mut open): (Vec<Node>, Vec<Open>) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event?;
        let node = match &event {
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                let is_mapping = matches!(event, Event::MappingStart(..));
                let is_flow = *style == StructureStyle::Flow;
                open.push(Open { start: span, is_mapping, is_flow, children: Vec::new() });
                continue;
            }
            Event::Scalar(value, style, ..) => scalar(text, value, *style, span),
            Event::Alias(_) => Node { range: bytes(span), column: span.start.col(), shape: Shape::Alias },
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(open) => open.close(text, span),
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => documents.push(node),
        }
    }
    Ok(documents)
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

fn scalar(text: &str, value: &str, style: ScalarStyle, span: Span) -> Node {
    let mut range = bytes(span);
    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
        range.end = end_of_block(text, &range);
    }
    Node { range, column: span.start.col(), shape: Shape::Scalar(value.to_owned()) }
}

/// Where the content of a block scalar ends. The parser goes on to what comes next, over blank lines
/// and comments, which belong to nobody unless the header says that blank lines are kept.
fn end_of_block(text: &str, range: &Range<usize>) -> usize {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let before = text.get(..range.start).unwrap_or_default();
    let content = before.len() - before.trim_end_matches(' ').len();
    // The header may have a comment behind it.
    let header = before.trim_end().lines().next_back().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default().trim_end();
    let keeps = header.rsplit([' ', '|', '>']).next().unwrap_or_default().contains('+');
    let mut written = text.get(range.clone()).unwrap_or_default();
    // What stands before the next node on its line.
    written = written.trim_end_matches(' ');
    loop {
        let whole = written.strip_suffix('\n').unwrap_or(written);
        let whole = whole.strip_suffix('\r').unwrap_or(whole);
        let line = whole.rsplit('\n').next().unwrap_or_default();
        let is_comment = line.trim_start().starts_with('#') && indent(line) < content;
        let is_blank = line.trim().is_empty() && !keeps;
        if whole.len() == line.len() || !(is_comment || is_blank) {
            return range.start + whole.len();
        }
        written = whole.get(..whole.len() - line.len()).unwrap_or_default();
    }
}

/// The dash of the item of a list that starts here: on its line, or on one above it.
fn dash(text: &str, item: usize) -> Option<usize> {
    let mut end = item;
    loop {
        let start = line_start(text, end);
        let line = text.get(start..end)?;
        let indent = line.len() - line.trim_start_matches(' ').len();
        if line.get(indent..)?.starts_with('-') {
            return Some(start + indent);
        }
        end = start.checked_sub(1)?;
    }
}

/// Where the line of a place starts.
pub(super) fn line_start(text: &str, place: usize) -> usize {
    text.get(..place).and_then(|before| before.rfind('\n')).map_or(0, |line_break| line_break + 1)
}

impl Open {
    fn close(self, text: &str, end: Span) -> Node {
        let Self { start, is_mapping, is_flow, mut children } = self;
        let (mut range, mut column) = (bytes(start), start.start.col());
        let behind = if is_flow { Some(bytes(end).end) } else { children.last().map(|last| last.range.end) };
        let shape = if is_mapping {
            let mut entries = Vec::with_capacity(children.len() / 2);
            let mut nodes = children.drain(..);
            while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                entries.push((key, value));
            }
            drop(nodes);
            for (key, value) in &mut entries {
                // The parser sees what is not there only when it sees what comes next.
                if value.range.is_empty() {
                    let rest = text.get(key.range.end..).unwrap_or_default();
                    let value_at = key.range.end + rest.find(':').map_or(0, |colon| colon + 1);
                    value.range = value_at..value_at;
                }
            }
            let last = entries.last().map(|(_, value)| value.range.end);
            range.end = if is_flow { behind } else { last }.unwrap_or(range.end);
            if let Some((first, _)) = entries.first().filter(|_| !is_flow) {
                (range.start, column) = (first.range.start, first.column);
            }
            Shape::Mapping { is_flow, entries }
        } else {
            range.end = behind.unwrap_or(range.end);
            if let Some(dash) = children.first().filter(|_| !is_flow).and_then(|first| dash(text, first.range.start)) {
                (range.start, column) = (dash, dash - line_start(text, dash));
            }
            Shape::Sequence { is_flow, items: children }
        };
        Node { range, column, shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the text of a node is.
    fn written<'t>(text: &'t str, path: &[&str]) -> &'t str {
        let documents = read(text).unwrap();
        let mut node = &documents[0];
        for key in path {
            node = node.entry(key).unwrap().1;
        }
        &text[node.range.clone()]
    }

    #[test]
    fn nodes_are_where_they_are_written() {
        let text = "a:\n  b: grün # and more\n  c: {d: [1, '2']}\n  e:\n  f: |\n    x\n\n    y\n\n  # of g\n  g:\n  - 1\n  - z: 2\n\n# end\n";
        assert_eq!(written(text, &["a", "b"]), "grün");
        assert_eq!(written(text, &["a", "c"]), "{d: [1, '2']}");
        assert_eq!(written(text, &["a", "c", "d"]), "[1, '2']");
        assert_eq!(written(text, &["a", "e"]), "");
        assert!(text[..read(text).unwrap()[0].entry("a").unwrap().1.entry("e").unwrap().1.range.end].ends_with("e:"));
        assert_eq!(written(text, &["a", "f"]), "x\n\n    y");
        assert_eq!(written(text, &["a", "g"]), "- 1\n  - z: 2");
        assert!(written(text, &["a"]).starts_with("b: grün") && written(text, &["a"]).ends_with("z: 2"));
    }

    #[test]
    fn block_scalars_end_with_their_content() {
        assert_eq!(written("a: |+\n  x\n\nb: 1\n", &["a"]), "x\n");
        assert_eq!(written("a: |\n  x\n\nb: 1\n", &["a"]), "x");
        assert_eq!(
            written("c:\n  a: >-  # why + how\n    x\n    # none\n  # one\n\n  b: 1\n", &["c", "a"]),
            "x\n    # none"
        );
        assert_eq!(written("a: |\n  x", &["a"]), "x");
        assert_eq!(written("a: |\r\n  x\r\n\r\n# end\r\n", &["a"]), "x");
    }

    #[test]
    fn documents_are_told_apart() {
        let documents = read("a: 1\n---\nb: 2\n---\n").unwrap();
        assert!(documents[0].entry("a").is_some() && documents[1].entry("b").is_some());
    }
}
