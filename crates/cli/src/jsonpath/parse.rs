//! From text to a template.

use serde_json::Value;

use super::{Comparison, Filter, Operand, Path, Piece, Start, Step, TemplateError};

/// A template that is as most are.
pub(super) const EXAMPLE: &str = r#"`{range .items[*]}{.metadata.name}{"\n"}{end}`"#;

/// What ends a name, unless a backslash is before it.
const ENDS_NAME: &str = ".,[](){}$@*\"'=!<>";

/// The operators, those first that others are the start of.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

type Parsed<T> = Result<T, TemplateError>;

/// Reads a template. One without expressions is none: it would print itself.
pub(super) fn template(text: &str) -> Parsed<Vec<Piece>> {
    let mut reader = Reader { text, at: 0 };
    if !text.contains('{') {
        return Err(reader.expected("an expression in braces"));
    }
    reader.pieces(None)
}

/// A text, read up to here.
struct Reader<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
}

impl<'t> Reader<'t> {
    /// The pieces up to the end, or up to the end of the range that starts there.
    fn pieces(&mut self, range: Option<usize>) -> Parsed<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            let text = self.until(|c| c == '{');
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            let start = self.at;
            if !self.take("{") {
                return match range {
                    Some(range) => Err(self.expected_at("`{end}` for this `{range}`", range)),
                    None => Ok(pieces),
                };
            }
            self.blanks();
            if self.keyword("end") {
                self.close("}")?;
                return match range {
                    Some(_) => Ok(pieces),
                    None => Err(self.expected_at("a `{range}` before this `{end}`", start)),
                };
            }
            let piece = if self.keyword("range") {
                let path = self.path()?;
                self.close("}")?;
                pieces.push(Piece::Range(path, self.pieces(Some(start))?));
                continue;
            } else if let Some(text) = self.quoted(true)? {
                Piece::Text(text)
            } else if self.is_at_path() {
                Piece::Values(self.path()?)
            } else {
                return Err(self.expected("a path, a quoted text, `range` or `end`"));
            };
            self.close("}")?;
            pieces.push(piece);
        }
    }

    fn is_at_path(&self) -> bool {
        self.peek().is_some_and(|c| ".[$@".contains(c))
    }

    fn path(&mut self) -> Parsed<Path> {
        self.blanks();
        if !self.is_at_path() {
            return Err(self.expected("a path such as `.items[*]`"));
        }
        let start = if self.take("$") {
            Start::Root
        } else {
            self.take("@");
            Start::Current
        };
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Descend);
                if self.peek() != Some('[') {
                    steps.push(self.field()?);
                }
            } else if self.take(".") {
                // A dot alone is the value itself.
                let is_alone = steps.is_empty() && self.peek().is_none_or(|c| c == '}' || c.is_whitespace());
                if !is_alone && self.peek() != Some('[') {
                    steps.push(self.field()?);
                }
            } else if self.take("[") {
                steps.push(self.brackets()?);
            } else {
                return Ok(Path { start, steps });
            }
        }
    }

    /// What follows a dot.
    fn field(&mut self) -> Parsed<Step> {
        if self.take("*") {
            return Ok(Step::Every);
        }
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && !ENDS_NAME.contains(*c)) {
            self.at += c.len_utf8();
            let escaped = if c == '\\' { self.peek() } else { None };
            self.at += escaped.map_or(0, char::len_utf8);
            name.push(escaped.unwrap_or(c));
        }
        if name.is_empty() { Err(self.expected("the name of a field")) } else { Ok(Step::Field(name)) }
    }

    /// What is between brackets, and the closing one.
    fn brackets(&mut self) -> Parsed<Step> {
        self.blanks();
        if self.take("?") {
            let filter = self.filter()?;
            self.close("]")?;
            return Ok(Step::Filter(filter));
        }
        let first = self.selector()?;
        let mut selectors = vec![first];
        self.blanks();
        while self.take(",") {
            selectors.push(self.selector()?);
            self.blanks();
        }
        self.close("]")?;
        Ok(match <[Step; 1]>::try_from(selectors) {
            Ok([selector]) => selector,
            Err(selectors) => Step::Union(selectors),
        })
    }

    fn selector(&mut self) -> Parsed<Step> {
        self.blanks();
        if self.take("*") {
            return Ok(Step::Every);
        }
        if let Some(key) = self.quoted(false)? {
            return Ok(Step::Quoted(key));
        }
        let from = self.number();
        if !self.take(":") {
            return from.map(Step::Item).ok_or_else(|| self.expected("an index, a quoted key, `*` or `?`"));
        }
        let to = self.number();
        let mut by = 1;
        if self.take(":") {
            let at = self.at;
            let step = self.number().unwrap_or(1);
            let step = usize::try_from(step).ok().filter(|step| *step > 0);
            by = step.ok_or_else(|| self.expected_at("a step of at least 1", at))?;
        }
        Ok(Step::Slice { from, to, by })
    }

    fn number(&mut self) -> Option<i64> {
        let digits = self.rest().strip_prefix('-').unwrap_or(self.rest());
        let sign = self.rest().len() - digits.len();
        let digits = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let number = self.rest().get(..sign + digits)?.parse().ok()?;
        self.at += sign + digits;
        Some(number)
    }

    /// What follows a question mark, in parentheses or not.
    fn filter(&mut self) -> Parsed<Filter> {
        let in_parentheses = self.take("(");
        let left = self.operand()?;
        self.blanks();
        let comparison = COMPARISONS.into_iter().find(|(word, _)| self.take(word));
        let test = match comparison {
            Some((_, comparison)) => Some((comparison, self.operand()?)),
            None => None,
        };
        if in_parentheses {
            self.close(")")?;
        }
        Ok(Filter { left, test })
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.blanks();
        if self.is_at_path() {
            return self.path().map(Operand::Path);
        }
        if let Some(text) = self.quoted(true)? {
            return Ok(Operand::Literal(Value::String(text)));
        }
        let at = self.at;
        let word = self.until(|c| c.is_whitespace() || ")]}".contains(c));
        let literal = serde_json::from_str(word).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
        let expected = "a path, a quoted text, a number, `true` or `false`";
        literal.map(Operand::Literal).ok_or_else(|| self.expected_at(expected, at))
    }

    /// A text between quotes of either kind, if there is one. A key may have a backslash before anything.
    fn quoted(&mut self, is_text: bool) -> Parsed<Option<String>> {
        let start = self.at;
        let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else { return Ok(None) };
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(self.expected_at(&format!("a closing `{quote}`"), start));
            };
            if c == '\\' {
                self.at += 1;
                let escaped = match self.peek() {
                    Some('n') if is_text => Some('\n'),
                    Some('t') if is_text => Some('\t'),
                    Some('r') if is_text => Some('\r'),
                    Some(c) if !is_text || matches!(c, '\\' | '"' | '\'') => Some(c),
                    _ => None,
                };
                let expected = "one of `\\n`, `\\t`, `\\r`, `\\\\` and a quote behind the backslash";
                text.push(escaped.ok_or_else(|| self.expected(expected))?);
            } else if c != quote {
                text.push(c);
            }
            self.at += self.peek().map_or(0, char::len_utf8);
            if c == quote {
                return Ok(Some(text));
            }
        }
    }

    /// Whether a word of the language is next, which is then behind us.
    fn keyword(&mut self, word: &str) -> bool {
        let behind = self.rest().strip_prefix(word).map(|behind| behind.chars().next());
        let is_next = behind.is_some_and(|next| next.is_none_or(|c| c == '}' || c.is_whitespace()));
        is_next && self.take(word)
    }

    fn close(&mut self, sign: &str) -> Parsed<()> {
        self.blanks();
        if self.take(sign) { Ok(()) } else { Err(self.expected(&format!("`{sign}`"))) }
    }

    fn blanks(&mut self) {
        self.until(|c| !c.is_whitespace());
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len() } else { 0 };
        is_next
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.find(ends).map_or(rest, |end| rest.get(..end).unwrap_or_default());
        self.at += taken.len();
        taken
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &str) -> TemplateError {
        self.expected_at(what, self.at)
    }

    fn expected_at(&self, what: &str, at: usize) -> TemplateError {
        let before = self.text.get(..at).unwrap_or_default();
        TemplateError { what: format!("expected {what}"), at: before.chars().count() + 1 }
    }
}
