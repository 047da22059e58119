//! From RE2 syntax to a subset that `regex-lite` takes alike.

use super::class::Set;

/// Repetitions that RE2 allows, those inside each other multiplied.
const MAX_REPEAT: usize = 1000;

/// Writes a pattern again with groups, alternatives, repetitions, sets, anchors and word boundaries
/// only. Flags are worked into these. Laziness is dropped: it decides how a text matches, not
/// whether it does.
#[derive(Default)]
pub(super) struct Translator<'p> {
    pub(super) rest: &'p str,
    out: String,
    pub(super) flags: Flags,
    /// What holds again behind each open group: its flags and its repetitions.
    groups: Vec<(Flags, usize)>,
    names: Vec<&'p str>,
    /// What a repetition would repeat.
    last: Option<Item>,
    /// The most repetitions of an item of this group, the last left out.
    repetitions: usize,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

#[derive(Clone, Copy)]
struct Item {
    is_repetition: bool,
    repetitions: usize,
}

impl<'p> Translator<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self { rest: pattern, ..Self::default() }
    }

    pub(super) fn run(mut self) -> Result<String, String> {
        while let Some(c) = self.next() {
            match c {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => {
                    self.end_item();
                    self.out.push('|');
                }
                '[' => {
                    let set = self.bracket()?;
                    self.item(&set.to_string());
                }
                '.' => self.item(if self.flags.dot_all { "(?s:.)" } else { "." }),
                '^' => self.item(if self.flags.multi_line { "(?m:^)" } else { "^" }),
                '$' => self.item(if self.flags.multi_line { "(?m:$)" } else { "$" }),
                '*' => self.repeat("*", 1)?,
                '+' => self.repeat("+", 1)?,
                '?' => self.repeat("?", 1)?,
                '{' => self.count()?,
                '\\' => self.escape()?,
                c => self.literal(c),
            }
        }
        if self.groups.is_empty() { Ok(self.out) } else { Err("a `(` has no `)`".to_owned()) }
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let behind = self.rest.strip_prefix(text);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn item(&mut self, text: &str) {
        self.end_item();
        self.last = Some(Item { is_repetition: false, repetitions: 1 });
        self.out.push_str(text);
    }

    fn end_item(&mut self) {
        if let Some(item) = self.last.take() {
            self.repetitions = self.repetitions.max(item.repetitions);
        }
    }

    fn literal(&mut self, c: char) {
        if self.flags.ignore_case && c.is_ascii_alphabetic() {
            self.item(&Set::of(|other| other.eq_ignore_ascii_case(&c)).to_string());
        } else {
            self.item(&format!(r"\x{{{:X}}}", u32::from(c)));
        }
    }

    fn open_group(&mut self) -> Result<(), String> {
        let mut flags = self.flags;
        if self.eat("?") {
            let angle = self.rest.strip_prefix('P').unwrap_or(self.rest).strip_prefix('<');
            if let Some(name) = angle.filter(|name| !name.starts_with(['=', '!'])) {
                self.group_name(name)?;
            } else if self.read_flags(&mut flags)? {
                self.flags = flags;
                return Ok(());
            }
        }
        self.end_item();
        self.groups.push((self.flags, self.repetitions));
        (self.flags, self.repetitions) = (flags, 0);
        self.out.push_str("(?:");
        Ok(())
    }

    fn group_name(&mut self, rest: &'p str) -> Result<(), String> {
        let (name, rest) = rest.split_once('>').unwrap_or_default();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err("expected a group name of letters, digits and `_` between `<` and `>`".to_owned());
        }
        if self.names.contains(&name) {
            return Err(format!("two groups are named `{name}`"));
        }
        self.names.push(name);
        self.rest = rest;
        Ok(())
    }

    /// Reads flags up to `)`, which is true and means the rest of the group around, or up to `:`.
    fn read_flags(&mut self, flags: &mut Flags) -> Result<bool, String> {
        let (mut value, mut is_flag_due) = (true, false);
        loop {
            match self.next() {
                Some('i') => flags.ignore_case = value,
                Some('m') => flags.multi_line = value,
                Some('s') => flags.dot_all = value,
                Some('U') => {}
                Some('-') if value => {
                    (value, is_flag_due) = (false, true);
                    continue;
                }
                Some(end @ (')' | ':')) if !is_flag_due => return Ok(end == ')'),
                Some('=' | '!' | '<') => return Err("look-around is not supported".to_owned()),
                _ => return Err("expected `(?:`, `(?P<name>` or the flags `i`, `m`, `s`, `U` behind `(?`".to_owned()),
            }
            is_flag_due = false;
        }
    }

    fn close_group(&mut self) -> Result<(), String> {
        self.end_item();
        self.last = Some(Item { is_repetition: false, repetitions: self.repetitions.max(1) });
        (self.flags, self.repetitions) = self.groups.pop().ok_or("a `)` has no `(`")?;
        self.out.push(')');
        Ok(())
    }

    /// Reads what follows a `{`. What is no count is text in RE2, `{,2}` and `{02}` among it.
    fn count(&mut self) -> Result<(), String> {
        let number = |text: &str| {
            let is_number = text == "0" || !text.starts_with('0') && text.bytes().all(|c| c.is_ascii_digit());
            (is_number && !text.is_empty()).then(|| text.parse().unwrap_or(usize::MAX))
        };
        let counts = self.rest.split_once('}').and_then(|(counts, rest)| {
            let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
            let least = number(least)?;
            let most = if most.is_empty() { least.max(1) } else { number(most)? };
            Some((counts, least, most, rest))
        });
        let Some((counts, least, most, rest)) = counts else {
            self.literal('{');
            return Ok(());
        };
        self.rest = rest;
        if least > most {
            return Err(format!("the counts of `{{{counts}}}` are in the wrong order"));
        }
        self.repeat(&format!("{{{counts}}}"), most)
    }

    /// A repetition of a repetition needs a group, also where an empty `\Q\E` or flags lie between.
    fn repeat(&mut self, operator: &str, times: usize) -> Result<(), String> {
        self.eat("?");
        let Some(item) = &mut self.last else { return Err(format!("`{operator}` has nothing to repeat")) };
        if item.is_repetition {
            return Err(format!("`{operator}` repeats a repetition, which needs a group, `(?:...)`"));
        }
        item.is_repetition = true;
        item.repetitions = item.repetitions.saturating_mul(times);
        if item.repetitions > MAX_REPEAT {
            return Err(format!("`{operator}` makes more than {MAX_REPEAT} repetitions"));
        }
        self.out.push_str(operator);
        Ok(())
    }

    /// Reads what follows a backslash outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        match self.escaped()? {
            'Q' => {
                let (text, rest) = self.rest.split_once(r"\E").ok_or(r"a `\Q` has no `\E`")?;
                self.rest = rest;
                text.chars().for_each(|c| self.literal(c));
            }
            c @ ('A' | 'z' | 'b' | 'B') => self.item(&format!(r"\{c}")),
            c => match self.escaped_set(c)? {
                Some(set) => self.item(&set.to_string()),
                None => self.escaped_char(c).map(|c| self.literal(c))?,
            },
        }
        Ok(())
    }
}
