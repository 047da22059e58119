//! Regular expressions in the fields of a patch target.

mod class;
mod escape;
mod translate;

use regex_lite::Regex;

use translate::Translator;

/// A regular expression that has to match a whole text.
///
/// Users write the syntax of RE2, because kustomize takes it; the engine is `regex-lite`. What they
/// do not share is translated or refused here, so that no pattern changes its meaning in silence.
/// Names, kinds and groups are ASCII: a class holds ASCII only, or, when negated, also everything
/// beyond.
///
/// Refused, although kustomize takes it: brackets that only fit because it puts the pattern into
/// `^(?:...)$`, as in `a)(b`.
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
        let translated = Translator::new(pattern).run().map_err(fault)?;
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
