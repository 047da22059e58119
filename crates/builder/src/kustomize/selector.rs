//! Label selectors in the fields of a patch target.

use crate::name::{is_dns_subdomain, is_label_value};

/// A condition on the labels of an object, or, written alike, on its annotations.
///
/// The grammar is that of `kubectl get --selector`: `k=v`, `k==v`, `k!=v`, `k in (a,b)`,
/// `k notin (a,b)`, `k`, `!k`, `k>1` and `k<1`, joined by commas, all of which have to hold. Blank
/// text selects everything.
///
/// Kept because users' selectors rely on it: `!=` and `notin` hold where the key is absent, `k=`
/// and `k in ()` ask for an empty value, and keys and values are those of *labels* also where the
/// selector is for annotations, so that `a=b/c` is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// A text that is no label selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("selector `{selector}`: expected {expected}, found {}", found_text(found))]
pub(crate) struct SelectorError {
    selector: String,
    expected: &'static str,
    found: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    pub(crate) fn parse(selector: &str) -> Result<Self, SelectorError> {
        read(&mut Tokens { rest: selector }).map(|requirements| Self { requirements }).map_err(
            |Fault(expected, found)| SelectorError { selector: selector.to_owned(), expected, found: found.to_owned() },
        )
    }

    pub(crate) fn matches<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|Requirement { key, condition }| condition.holds(value_of(key)))
    }
}

impl Condition {
    fn holds(&self, value: Option<&str>) -> bool {
        let is_one_of = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
        let number = || value?.parse::<i64>().ok();
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => is_one_of(values),
            Self::NotIn(values) => !is_one_of(values),
            Self::Above(limit) => number().is_some_and(|number| number > *limit),
            Self::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// What was expected, and the token or text that was found.
struct Fault<'t>(&'static str, &'t str);

/// Splits a selector into symbols and words; the end is an empty token.
struct Tokens<'t> {
    rest: &'t str,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
const SYMBOLS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

impl<'t> Tokens<'t> {
    fn next(&mut self) -> &'t str {
        let token = self.peek();
        self.rest = self.rest.trim_start_matches(BLANKS).strip_prefix(token).unwrap_or_default();
        token
    }

    fn peek(&self) -> &'t str {
        let text = self.rest.trim_start_matches(BLANKS);
        let length = if text.starts_with("==") || text.starts_with("!=") {
            2
        } else if text.starts_with(SYMBOLS) {
            1
        } else {
            text.find(|c| BLANKS.contains(&c) || SYMBOLS.contains(&c)).unwrap_or(text.len())
        };
        text.get(..length).unwrap_or_default()
    }
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(SYMBOLS)
}

fn read<'t>(tokens: &mut Tokens<'t>) -> Result<Vec<Requirement>, Fault<'t>> {
    let mut requirements = Vec::new();
    if tokens.peek().is_empty() {
        return Ok(requirements);
    }
    loop {
        requirements.push(requirement(tokens)?);
        match tokens.next() {
            "" => return Ok(requirements),
            "," => {}
            found => return Err(Fault("`,` or the end", found)),
        }
    }
}

fn requirement<'t>(tokens: &mut Tokens<'t>) -> Result<Requirement, Fault<'t>> {
    let is_absent = tokens.peek() == "!";
    if is_absent {
        tokens.next();
    }
    let key = label_key(tokens.next())?;
    let operator = if is_absent || matches!(tokens.peek(), "" | ",") { "" } else { tokens.next() };
    let condition = match operator {
        "" if is_absent => Condition::Absent,
        "" => Condition::Exists,
        "=" | "==" => Condition::In(vec![value(tokens)?]),
        "!=" => Condition::NotIn(vec![value(tokens)?]),
        "in" => Condition::In(values(tokens)?),
        "notin" => Condition::NotIn(values(tokens)?),
        ">" => Condition::Above(integer(tokens)?),
        "<" => Condition::Below(integer(tokens)?),
        found => return Err(Fault("one of `=`, `==`, `!=`, `in`, `notin`, `>`, `<` or `,`", found)),
    };
    Ok(Requirement { key, condition })
}

fn integer<'t>(tokens: &mut Tokens<'t>) -> Result<i64, Fault<'t>> {
    let token = tokens.next();
    // A sign is refused because it cannot start a label value.
    let is_number = token.bytes().all(|c| c.is_ascii_digit());
    token.parse().ok().filter(|_| is_number).ok_or(Fault("an integer", token))
}

fn value<'t>(tokens: &mut Tokens<'t>) -> Result<String, Fault<'t>> {
    match tokens.peek() {
        "" | "," => Ok(String::new()),
        token if is_word(token) => label_value(tokens.next()),
        found => Err(Fault("a value", found)),
    }
}

fn values<'t>(tokens: &mut Tokens<'t>) -> Result<Vec<String>, Fault<'t>> {
    match tokens.next() {
        "(" => {}
        found => return Err(Fault("`(`", found)),
    }
    let mut values = Vec::new();
    loop {
        values.push(if is_word(tokens.peek()) { label_value(tokens.next())? } else { String::new() });
        match tokens.next() {
            ")" => return Ok(values),
            "," => {}
            found => return Err(Fault("`,` or `)`", found)),
        }
    }
}

fn label_key(key: &str) -> Result<String, Fault<'_>> {
    if !is_word(key) {
        return Err(Fault("a label key", key));
    }
    let name = match key.split_once('/') {
        Some((prefix, name)) if is_dns_subdomain(prefix) => name,
        Some((prefix, _)) => return Err(Fault("a DNS subdomain before `/`", prefix)),
        None => key,
    };
    if name.is_empty() || !is_label_value(name) {
        let rule = "a label key, whose name is 1 to 63 letters, digits, `-`, `_` or `.` between letters or digits";
        return Err(Fault(rule, key));
    }
    Ok(key.to_owned())
}

fn label_value(value: &str) -> Result<String, Fault<'_>> {
    if !is_label_value(value) {
        let rule = "a label value, which is 0 to 63 letters, digits, `-`, `_` or `.` between letters or digits";
        return Err(Fault(rule, value));
    }
    Ok(value.to_owned())
}

fn found_text(found: &str) -> String {
    if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(key: &str) -> Option<&'static str> {
        match key {
            "app" => Some("source"),
            "sharding.fluxcd.io/role" => Some("shard"),
            "empty" => Some(""),
            "in" => Some("notin"),
            "five" => Some("5"),
            "minus" => Some("-5"),
            _ => None,
        }
    }

    #[track_caller]
    fn check(selectors: &[&str], expected: bool) {
        for text in selectors {
            assert_eq!(LabelSelector::parse(text).map(|selector| selector.matches(labels)), Ok(expected), "`{text}`");
        }
    }

    #[track_caller]
    fn refused(text: &str, problem: &str) {
        let error = LabelSelector::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("selector `{text}`: {problem}"));
    }

    #[test]
    fn compares_values() {
        check(&["app=source", "app==source", " app = source ", "\tapp\n=\r\nsource", "app!=x", "app != x"], true);
        check(&["app=x", "app==Source", "app!=source", "missing=x", "missing="], false);
        check(&["empty=", "empty==", "empty=,app", "missing!=x", "missing!=", "app!="], true);
        check(&["app in (source)", "app in(x,source)", "app in ( x , source )", "app notin (x)", "in=notin"], true);
        check(&["app in (x)", "app notin (source,x)", "app in ()", "missing in (x,)", "empty notin (,x)"], false);
        check(&["empty in ()", "empty in (x,)", "empty in (,x)", "empty in (x,,y)", "app notin ()"], true);
        check(&["missing notin (x)", "in in (notin)", "notin notin (in)", "in", "!notin"], true);
    }

    #[test]
    fn asks_for_keys() {
        check(&["app", "sharding.fluxcd.io/role", "!missing", "! missing", "", " \t", "app,!missing , empty"], true);
        check(&["missing", "!app", "app,missing", "!sharding.fluxcd.io/role"], false);
    }

    #[test]
    fn compares_integers() {
        check(&["five>4", "five<6", "five > 04", "minus<0", "five>4,five<6"], true);
        check(&["five>5", "five<5", "app>1", "app<1", "missing<1", "minus>0", "empty<1"], false);
        refused("five>x", "expected an integer, found `x`");
        refused("five>-1", "expected an integer, found `-1`");
        refused("five>", "expected an integer, found nothing");
        refused("five>9223372036854775808", "expected an integer, found `9223372036854775808`");
    }

    #[test]
    fn refuses_what_is_no_selector() {
        const OPERATOR: &str = "expected one of `=`, `==`, `!=`, `in`, `notin`, `>`, `<` or `,`, found";
        refused("app=source x", "expected `,` or the end, found `x`");
        refused("!app=source", "expected `,` or the end, found `=`");
        refused("app source", &format!("{OPERATOR} `source`"));
        refused("app)", &format!("{OPERATOR} `)`"));
        refused("app !", &format!("{OPERATOR} `!`"));
        refused("app IN (x)", &format!("{OPERATOR} `IN`"));
        refused("app,", "expected a label key, found nothing");
        refused(",app", "expected a label key, found `,`");
        refused("!!app", "expected a label key, found `!`");
        refused("app===x", "expected a value, found `=`");
        refused("app=!x", "expected a value, found `!`");
        refused("app=(x)", "expected a value, found `(`");
        refused("app in x", "expected `(`, found `x`");
        refused("app in", "expected `(`, found nothing");
        refused("app in (x", "expected `,` or `)`, found nothing");
        refused("app in (x y)", "expected `,` or `)`, found `y`");
        refused("app in (=)", "expected `,` or `)`, found `=`");
    }

    #[test]
    fn keys_and_values_are_those_of_labels() {
        const KEY: &str = "expected a label key, whose name is 1 to 63 letters, digits, `-`, `_` or `.` between letters or digits, found";
        const VALUE: &str = "expected a label value, which is 0 to 63 letters, digits, `-`, `_` or `.` between letters or digits, found";
        for key in ["a-", ".a", "a/b/c", "é", "example.com/", "a\u{a0}b", &"a".repeat(64)] {
            refused(key, &format!("{KEY} `{key}`"));
        }
        for value in ["b/c", "-b", "b.", "é", &"b".repeat(64)] {
            refused(&format!("a={value}"), &format!("{VALUE} `{value}`"));
            refused(&format!("a notin (b,{value})"), &format!("{VALUE} `{value}`"));
        }
        for prefix in ["Example.com", "a..b", "a_b", "-a", "a.", &"a".repeat(254)] {
            refused(&format!("{prefix}/a"), &format!("expected a DNS subdomain before `/`, found `{prefix}`"));
        }
        refused("/a", "expected a DNS subdomain before `/`, found nothing");
        check(&[&format!("!{}/{}", "a".repeat(253), "b".repeat(63)), "a!=B_c.d-e", "A_b.c-d!=1"], true);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(any in ".*", likely in "[ab=!(),<> 1é]{0,12}") {
            for text in [any, likely] {
                let _ = LabelSelector::parse(&text).map(|selector| selector.matches(labels));
            }
        }
    }
}
