//! Escapes and brackets of RE2 syntax.

use super::class::{Set, posix_class, unicode_class};
use super::translate::Translator;

impl Translator<'_> {
    pub(super) fn escaped(&mut self) -> Result<char, String> {
        self.next().ok_or_else(|| "it ends in a backslash".to_owned())
    }

    pub(super) fn escaped_set(&mut self, letter: char) -> Result<Option<Set>, String> {
        let set = match letter.to_ascii_lowercase() {
            'd' => Set::of(|c| c.is_ascii_digit()),
            's' => Set::of(|c| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')),
            'w' => Set::of(|c| c.is_ascii_alphanumeric() || c == '_'),
            'p' => {
                let one_letter = self.rest.chars().next().map_or(0, char::len_utf8);
                let (name, rest) = match self.rest.strip_prefix('{') {
                    Some(rest) => rest.split_once('}').ok_or(r"a `\p{` has no `}`")?,
                    None => self.rest.split_at(one_letter),
                };
                self.rest = rest;
                self.named(name, unicode_class)?
            }
            _ => return Ok(None),
        };
        Ok(Some(set.negated_if(letter.is_ascii_uppercase())))
    }

    pub(super) fn escaped_char(&mut self, c: char) -> Result<char, String> {
        let is_octal = |c: char| c.is_digit(8);
        match c {
            'a' => Ok('\x07'),
            'f' => Ok('\x0c'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\x0b'),
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(braced) => braced.split_once('}'),
                    None => self.rest.split_at_checked(2),
                };
                let (digits, rest) = digits.ok_or(r"expected two digits or `{...}` behind `\x`")?;
                self.rest = rest;
                code_point(digits, 16)
            }
            '0'..='7' if c == '0' || self.rest.starts_with(is_octal) => {
                let mut digits = c.to_string();
                while digits.len() < 3 && self.rest.starts_with(is_octal) {
                    digits.extend(self.next());
                }
                code_point(&digits, 8)
            }
            '1'..='9' => Err("back-references are not supported".to_owned()),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(format!(r"`\{c}` is no escape here")),
        }
    }

    /// Reads what follows a `[`. Only `^`, `-`, `]`, `\` and `[:` mean something in brackets.
    pub(super) fn bracket(&mut self) -> Result<Set, String> {
        let is_negated = self.eat("^");
        let mut set = self.bracket_item()?;
        while !self.eat("]") {
            set = set.or(self.bracket_item()?);
        }
        Ok(set.negated_if(is_negated))
    }

    fn bracket_item(&mut self) -> Result<Set, String> {
        if let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            self.rest = rest;
            return self.named(name, posix_class);
        }
        let low = if self.eat(r"\") {
            let c = self.escaped()?;
            match self.escaped_set(c)? {
                Some(set) => return Ok(set),
                None => self.escaped_char(c)?,
            }
        } else {
            self.bracket_char()?
        };
        let mut high = low;
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.next();
            high = self.bracket_char()?;
        }
        if low > high {
            return Err(format!("the range `{low}-{high}` is in the wrong order"));
        }
        Ok(self.cased(Set::of(|c| (low..=high).contains(&c))))
    }

    fn bracket_char(&mut self) -> Result<char, String> {
        match self.next().ok_or("a `[` has no `]`")? {
            '\\' => {
                let c = self.escaped()?;
                self.escaped_char(c)
            }
            c => Ok(c),
        }
    }

    /// A class by its name, or what it leaves out where `^` stands before the name.
    fn named(&self, name: &str, class: fn(&str) -> Option<Set>) -> Result<Set, String> {
        let bare = name.strip_prefix('^').unwrap_or(name);
        let set = class(bare).ok_or_else(|| format!("there is no class `{bare}`"))?;
        Ok(self.cased(set).negated_if(bare.len() < name.len()))
    }

    fn cased(&self, set: Set) -> Set {
        if self.flags.ignore_case { set.with_both_cases() } else { set }
    }
}

fn code_point(digits: &str, radix: u32) -> Result<char, String> {
    // The number parser of the standard library would take a sign.
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| digits.chars().all(|c| c.is_digit(radix)));
    code.and_then(char::from_u32).ok_or_else(|| format!("`{digits}` is no code point"))
}
