//! Regular expressions in the fields of a patch target.

use std::fmt;

use regex_lite::Regex;

/// Repetitions that RE2 allows, those inside each other multiplied.
const MAX_REPEAT: usize = 1000;

/// A regular expression that has to match a whole text.
///
/// Users write the syntax of RE2, because kustomize takes it; the engine is `regex-lite`. What they
/// do not share is translated or refused here, so that no pattern changes its meaning in silence.
/// Names, kinds and groups are ASCII: a class holds ASCII only, or, when negated, also everything
/// beyond.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Matcher);

#[derive(Clone, Debug)]
enum Matcher {
    /// One of these words. Most patterns are names, and compiling a regular expression for each
    /// would cost more than the rest of the patch.
    Words(Vec<String>),
    Regex(Regex),
}

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no regular expression in RE2 syntax: {problem}")]
pub(crate) struct PatternError {
    pattern: String,
    problem: String,
}

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Result<Self, PatternError> {
        if let Some(words) = words(pattern) {
            return Ok(Self(Matcher::Words(words)));
        }
        let fault = |problem| PatternError { pattern: pattern.to_owned(), problem };
        let translated = Translator { rest: pattern, ..Translator::default() }.run().map_err(fault)?;
        let regex = Regex::new(&format!("^(?:{translated})$")).map_err(|error| fault(error.to_string()))?;
        Ok(Self(Matcher::Regex(regex)))
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match &self.0 {
            Matcher::Words(words) => words.iter().any(|word| word == text),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The alternatives of a pattern such as `name`, `a|b`, `(a|b)` or `a\.b`.
fn words(pattern: &str) -> Option<Vec<String>> {
    let inside = pattern.strip_prefix("(?:").or_else(|| pattern.strip_prefix('('));
    let words = inside.and_then(|inside| inside.strip_suffix(')')).unwrap_or(pattern);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '|');
    let plain = words.replace(r"\.", "").chars().all(is_plain);
    plain.then(|| words.split('|').map(|word| word.replace(r"\.", ".")).collect())
}

/// Writes a pattern again with groups, alternatives, repetitions, sets, anchors and word boundaries
/// only. Flags are worked into these. Laziness is dropped: it decides how a text matches, not
/// whether it does.
#[derive(Default)]
struct Translator<'p> {
    rest: &'p str,
    out: String,
    flags: Flags,
    /// What holds again behind each open group: its flags and its repetitions.
    groups: Vec<(Flags, usize)>,
    names: Vec<&'p str>,
    /// What a repetition would repeat.
    last: Option<Item>,
    /// The most repetitions of an item of this group, the last left out.
    repetitions: usize,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

#[derive(Clone, Copy)]
struct Item {
    is_repetition: bool,
    repetitions: usize,
}

impl<'p> Translator<'p> {
    fn run(mut self) -> Result<String, String> {
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

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn eat(&mut self, text: &str) -> bool {
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

    fn escaped(&mut self) -> Result<char, String> {
        self.next().ok_or_else(|| "it ends in a backslash".to_owned())
    }

    fn escaped_set(&mut self, letter: char) -> Result<Option<Set>, String> {
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

    fn escaped_char(&mut self, c: char) -> Result<char, String> {
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
    fn bracket(&mut self) -> Result<Set, String> {
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

/// The ASCII characters of a set, and whether it holds all others.
#[derive(Clone, Copy)]
struct Set {
    ascii: u128,
    others: bool,
}

impl Set {
    fn of(holds: impl Fn(char) -> bool) -> Self {
        let ascii = (0..128).filter(|c| holds(char::from(*c))).fold(0, |ascii, c| ascii | 1 << c);
        Self { ascii, others: false }
    }

    fn or(self, other: Self) -> Self {
        Self { ascii: self.ascii | other.ascii, others: self.others | other.others }
    }

    fn negated_if(self, is_negated: bool) -> Self {
        if is_negated { Self { ascii: !self.ascii, others: !self.others } } else { self }
    }

    fn with_both_cases(self) -> Self {
        const UPPER: u128 = ((1 << 26) - 1) << b'A';
        const LOWER: u128 = UPPER << 32;
        Self { ascii: self.ascii | (self.ascii & UPPER) << 32 | (self.ascii & LOWER) >> 32, ..self }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ascii == 0 && !self.others {
            return f.write_str(r"[^\x{0}-\x{10FFFF}]");
        }
        f.write_str("[")?;
        for c in (0..128).filter(|c| self.ascii >> c & 1 == 1) {
            write!(f, r"\x{{{c:X}}}")?;
        }
        f.write_str(if self.others { r"\x{80}-\x{10FFFF}]" } else { "]" })
    }
}

fn posix_class(name: &str) -> Option<Set> {
    Some(match name {
        "alnum" => Set::of(|c| c.is_ascii_alphanumeric()),
        "alpha" => Set::of(|c| c.is_ascii_alphabetic()),
        "ascii" => Set::of(|_| true),
        "blank" => Set::of(|c| matches!(c, ' ' | '\t')),
        "cntrl" => Set::of(|c| c.is_ascii_control()),
        "digit" => Set::of(|c| c.is_ascii_digit()),
        "graph" => Set::of(|c| c.is_ascii_graphic()),
        "lower" => Set::of(|c| c.is_ascii_lowercase()),
        "print" => Set::of(|c| c == ' ' || c.is_ascii_graphic()),
        "punct" => Set::of(|c| c.is_ascii_punctuation()),
        "space" => Set::of(|c| matches!(c, '\t'..='\r' | ' ')),
        "upper" => Set::of(|c| c.is_ascii_uppercase()),
        "word" => Set::of(|c| c.is_ascii_alphanumeric() || c == '_'),
        "xdigit" => Set::of(|c| c.is_ascii_hexdigit()),
        _ => return None,
    })
}

/// The ASCII characters of a Unicode category or script.
fn unicode_class(name: &str) -> Option<Set> {
    const SYMBOLS: &str = "$+<=>^`|~";
    Some(match name {
        "Any" => Set::of(|_| true).or(Set { ascii: 0, others: true }),
        "L" | "LC" | "Latin" => Set::of(|c| c.is_ascii_alphabetic()),
        "Common" => Set::of(|c| !c.is_ascii_alphabetic()),
        "Lu" => Set::of(|c| c.is_ascii_uppercase()),
        "Ll" => Set::of(|c| c.is_ascii_lowercase()),
        "N" | "Nd" => Set::of(|c| c.is_ascii_digit()),
        "P" => Set::of(|c| c.is_ascii_punctuation() && !SYMBOLS.contains(c)),
        "Pc" => Set::of(|c| c == '_'),
        "Pd" => Set::of(|c| c == '-'),
        "Ps" => Set::of(|c| "([{".contains(c)),
        "Pe" => Set::of(|c| ")]}".contains(c)),
        "Po" => Set::of(|c| r##"!"#%&'*,./:;?@\"##.contains(c)),
        "S" => Set::of(|c| SYMBOLS.contains(c)),
        "Sc" => Set::of(|c| c == '$'),
        "Sk" => Set::of(|c| "^`".contains(c)),
        "Sm" => Set::of(|c| "+<=>|~".contains(c)),
        "Z" | "Zs" => Set::of(|c| c == ' '),
        "C" | "Cc" => Set::of(|c| c.is_ascii_control()),
        _ => return BEYOND_ASCII.split(' ').any(|known| known == name).then(|| Set::of(|_| false)),
    })
}

/// Categories and scripts without an ASCII character. The names are known so that a slip is an
/// error and not a set that holds nothing.
const BEYOND_ASCII: &str = "\
    Lm Lo Lt M Mc Me Mn Nl No Pf Pi So Zl Zp Cf Cn Co Cs Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan \
    Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal \
    Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic \
    Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian \
    Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran \
    Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi \
    Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A \
    Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin \
    Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar \
    Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki \
    Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic \
    Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang \
    Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese \
    Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai \
    Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let compiled = Pattern::parse(pattern).unwrap();
        for (texts, expected) in [(matching, true), (others, false)] {
            for text in texts {
                assert_eq!(compiled.matches(text), expected, "`{pattern}` on `{text}`");
            }
        }
    }

    #[track_caller]
    fn refused(pattern: &str, problem: &str) {
        let error = Pattern::parse(pattern).unwrap_err().to_string();
        assert_eq!(error, format!("`{pattern}` is no regular expression in RE2 syntax: {problem}"));
    }

    #[test]
    fn matches_the_whole_text() {
        check("source", &["source"], &["source-controller", "a-source", "Source", ""]);
        check("source.*", &["source", "source-controller"], &["a-source"]);
        check("(source|kustomize)-controller", &["kustomize-controller"], &["source", "source-controller-a"]);
        check("a|b.*", &["a", "b", "bc"], &["ac", "cb"]);
        check("^a$|^b$", &["a", "b"], &["ab"]);
        check("", &[""], &["a"]);
        check("(?m)a$\n^b", &["a\nb"], &["a", "b"]);
        check("a.b", &["a.b", "a-b"], &["a\nb"]);
        check("(?s)a.b|(?-s)c.", &["a\nb", "c."], &["c\n"]);
    }

    #[test]
    fn compares_plain_words_without_the_engine() {
        for pattern in ["a", "a-b_C9", "a|b", "(a|b)", "(?:a|b)", r"apps\.v1|b", "", "a|", "()"] {
            let words = Pattern::parse(pattern).unwrap();
            assert!(matches!(words.0, Matcher::Words(_)), "`{pattern}`");
            let regex = Pattern::parse(&format!("(?i-i){pattern}")).unwrap();
            for text in ["a", "b", "a-b_C9", "apps.v1", "appsxv1", "", "a|b", "(a"] {
                assert_eq!(words.matches(text), regex.matches(text), "`{pattern}` on `{text}`");
            }
        }
        for pattern in ["a.b", "(a)|(b)", "(a)(b)", r"a\b", r"a\\.", "(?i)a", "a*"] {
            assert!(matches!(Pattern::parse(pattern).unwrap().0, Matcher::Regex(_)), "`{pattern}`");
        }
    }

    #[test]
    fn ignores_case() {
        check("(?i)source-[a-z]", &["SOURCE-A", "source-z"], &["source-1"]);
        check("(?i:a)b", &["ab", "Ab"], &["AB"]);
        check("((?i)a|b)c", &["Ac", "Bc"], &["AC"]);
        check("(?i)[^a]", &["b", "1"], &["a", "A"]);
        check(r"(?i)\p{Lu}[[:lower:]]\P{Ll}", &["aB1"], &["aBc", "aBC"]);
        check("(?iU)a+?(?-i)b", &["AAb"], &["AAB"]);
    }

    #[test]
    fn knows_classes() {
        check(r"\pL\p{N}", &["a1", "Z0"], &["1a", "__"]);
        check(r"\PL\P{Nd}\p{^Nd}\P{^N}", &["1aa1"], &["a111", "1111"]);
        check(r"[\pN_]+[^\pL]", &["1_-"], &["1_a", "-_"]);
        check(r"\p{Greek}?\P{Greek}\PM", &["ab"], &["a", "abc"]);
        check(r"[\p{Greek}]", &[], &["", "a", "1"]);
        check(r"\p{P}\p{S}\p{Zs}\p{Cc}\p{Pd}\p{Po}\p{Sm}", &["_$ \t-.+"], &["$_ \t-.+"]);
        check("[[:alpha:]][[:^alpha:]][[:digit:]x]", &["a-x", "A11"], &["aax"]);
        check(r"\w\W\d\D\s\S", &["a-1a b", "_.0_\tb"], &["a-1a\u{b}b"]);
        check("[^a]", &["b", "\n", "é"], &["a", ""]);
        check("[]a][^]a]", &["]b", "ab"], &["b]"]);
        check("[[a][a&&b]", &["[&", "ab"], &["a[", "x"]);
        check("[~~][--a][a-]", &["~.-", "~aa"], &["~b-", "-aa"]);
        check("[[:]", &["[", ":"], &["a"]);
    }

    #[test]
    fn reads_escapes() {
        check(r"a\Q.*\E+", &["a.*", "a.**"], &["a.*.*", "abc"]);
        check(r"\x41\x{42}\103\.\-\_\<\[", &["ABC.-_<["], &[]);
        check(r"\a\f\n\r\t\v\0", &["\x07\x0c\n\r\t\x0b\0"], &[]);
        check(r"\Aa\b-\bb\Bc\z", &["a-bc"], &["a-b"]);
        check(r"(?P<n>a)(?<m>b)(?:c)(?)", &["abc"], &["ab"]);
    }

    #[test]
    fn counts_repetitions() {
        check("a{2}b{1,2}?c{1,}", &["aabc", "aabbcc"], &["abc", "aab"]);
        check("a{,2}b{02}{x}", &["a{,2}b{02}{x}"], &["aabb"]);
        check("(a*)*(?:b{2}){2}", &["aabbbb", "bbbb"], &["bbb"]);
        refused("a**", "`*` repeats a repetition, which needs a group, `(?:...)`");
        refused("a*??", "`?` repeats a repetition, which needs a group, `(?:...)`");
        refused("a++", "`+` repeats a repetition, which needs a group, `(?:...)`");
        refused("a+{2}", "`{2}` repeats a repetition, which needs a group, `(?:...)`");
        refused("a{1001}", "`{1001}` makes more than 1000 repetitions");
        refused("(?:a{500}|b){3}", "`{3}` makes more than 1000 repetitions");
        refused("a{99999999999999999999,}", "`{99999999999999999999,}` makes more than 1000 repetitions");
        refused("a{2,1}", "the counts of `{2,1}` are in the wrong order");
        refused("(*a)", "`*` has nothing to repeat");
        refused("a|+", "`+` has nothing to repeat");
        refused("{2}", "`{2}` has nothing to repeat");
    }

    #[test]
    fn refuses_what_re2_lacks() {
        const GROUP: &str = "expected `(?:`, `(?P<name>` or the flags `i`, `m`, `s`, `U` behind `(?`";
        for pattern in ["(?=a)", "(?!a)", "(?<=a)", "(?<!a)"] {
            refused(pattern, "look-around is not supported");
        }
        for pattern in ["(?x)a", "(?>a)", "(?#a)", "(?-)", "(?i--s)", "(?i", "(?P=n)"] {
            refused(pattern, GROUP);
        }
        refused(r"(a)\1", "back-references are not supported");
        refused("(", "a `(` has no `)`");
        refused("a)", "a `)` has no `(`");
        refused("[a", "a `[` has no `]`");
        refused("[]", "a `[` has no `]`");
        refused("[b-a]", "the range `b-a` is in the wrong order");
        refused(r"[\b]", r"`\b` is no escape here");
        refused(r"[a-\d]", r"`\d` is no escape here");
        refused(r"a\Z", r"`\Z` is no escape here");
        refused("a\\", "it ends in a backslash");
        refused(r"\Qa", r"a `\Q` has no `\E`");
        refused("[[:letter:]]", "there is no class `letter`");
        refused(r"\p{Grek}", "there is no class `Grek`");
        refused(r"\p{L", r"a `\p{` has no `}`");
        refused(r"\x{110000}", "`110000` is no code point");
        refused(r"\x+1", "`+1` is no code point");
        refused("(?P<a>b)(?<a>c)", "two groups are named `a`");
        refused("(?P<a-b>c)", "expected a group name of letters, digits and `_` between `<` and `>`");
    }

    #[test]
    fn gives_up_on_what_is_too_large() {
        assert!(Pattern::parse(&"(".repeat(100_000)).is_err());
        assert!(Pattern::parse(&format!("{}{}", "(".repeat(1000), ")*".repeat(1000))).is_err());
        assert!(Pattern::parse(&r"\w{1000}".repeat(1000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(any in ".*", likely in r"([abAé019^$|()?*+{},:<>=&~ -]|\[\^?|\]|\\[QEpPxdDb0-9]){0,12}") {
            for pattern in [any, likely] {
                let _ = Pattern::parse(&pattern).map(|compiled| compiled.matches(&pattern));
            }
        }
    }
}
