//! The language of version ranges.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use super::{ReleaseVersion, number, parse_lenient};

/// A range of versions, such as `2.x`, `>=2.8.0 <2.10`, `~2.9` or `2.7.x || 2.9.x`.
///
/// - Operators: `=` (also without any), `!=`, `>`, `<`, `>=`, `<=`, `~` (same minor), `^` (same
///   major); `=>`, `=<` and `~>` are other spellings.
/// - A comma or a blank between two terms means *and*, `||` means *or*, `2.2 - 2.8` means
///   `>=2.2 <=2.8`.
/// - Parts that are missing or written as `x`, `X` or `*` stand for any number: `2.9` is every
///   2.9.z, `<=2.9` includes them all, `>2.9` starts at 2.10.
/// - Pre-releases are left out, unless a term of the same *and* group names one (`>=2.9.0-0`).
///
/// ```
/// use flux_operator_builder::{ReleaseVersion, VersionRange};
///
/// let versions: Vec<ReleaseVersion> =
///     ["v2.8.6", "v2.9.4", "v2.10.0-rc.1"].iter().map(|name| name.parse().unwrap()).collect();
/// let range: VersionRange = "2.x".parse()?;
/// assert_eq!(range.newest(&versions).unwrap().as_str(), "v2.9.4");
/// # Ok::<(), flux_operator_builder::RangeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    groups: Vec<Vec<Term>>,
}

/// A text that is no version range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The text is empty or has a gap where a term is due.
    #[error("expected a version or a range such as `2.x`, `2.9.4` or `>=2.8.0 <2.10`, found nothing")]
    Empty,
    /// A term has no operator that is known, or no version behind it.
    #[error("`{0}` is not a version or a range such as `2.x`, `2.9.4` or `>=2.8.0 <2.10`")]
    Term(String),
    /// A range with a hyphen follows another term without a comma, or `||` without a blank.
    #[error("`{0}` needs a comma before it, or a blank if it follows `||`")]
    Hyphen(String),
    /// The text is longer than [`VersionRange::MAX_LEN`] bytes.
    #[error("a version range has at most 512 bytes")]
    TooLong,
    /// The text has more than [`VersionRange::MAX_GROUPS`] alternatives.
    #[error("a version range has at most 32 alternatives joined by `||`")]
    TooManyGroups,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    operator: Operator,
    version: Version,
    given: Given,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How much of a version a term names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Given {
    Nothing,
    Major,
    Minor,
    Patch,
}

impl VersionRange {
    /// Bytes that the text of a range may have.
    pub const MAX_LEN: usize = 512;
    /// Alternatives (`||`) that a range may have.
    pub const MAX_GROUPS: usize = 32;

    /// True where the version lies in the range.
    pub fn contains(&self, version: &ReleaseVersion) -> bool {
        self.groups.iter().any(|terms| {
            let pre_releases = terms.iter().any(|term| !term.version.pre.is_empty());
            (version.version.pre.is_empty() || pre_releases) && terms.iter().all(|term| term.contains(&version.version))
        })
    }

    /// The newest of the versions that lie in the range.
    pub fn newest<'v>(&self, versions: impl IntoIterator<Item = &'v ReleaseVersion>) -> Option<&'v ReleaseVersion> {
        versions.into_iter().filter(|version| self.contains(version)).max()
    }
}

impl Term {
    fn contains(&self, version: &Version) -> bool {
        let at_least = version.cmp_precedence(&self.version).is_ge();
        let below = version.cmp_precedence(&self.version).is_lt();
        match self.operator {
            Operator::Equal if self.given == Given::Patch => at_least && !self.is_passed_by(version),
            Operator::Equal | Operator::Tilde => {
                at_least
                    && (self.given == Given::Nothing
                        || self.is_zero()
                        || self.same_numbers(version, self.given.min(Given::Minor)))
            }
            Operator::NotEqual => match self.given {
                // `!=*` and `>*` are about 0.0.0.
                Given::Nothing | Given::Patch => below || self.is_passed_by(version),
                Given::Major => !self.same_numbers(version, Given::Major),
                Given::Minor => !self.same_numbers(version, Given::Minor) || version.pre != self.version.pre,
            },
            Operator::Greater if matches!(self.given, Given::Nothing | Given::Patch) => self.is_passed_by(version),
            Operator::Greater => at_least && !self.same_numbers(version, self.given),
            Operator::Less => below,
            Operator::GreaterOrEqual => at_least,
            Operator::LessOrEqual if self.given == Given::Patch => !self.is_passed_by(version),
            // `<=*` is every 0.0.z.
            Operator::LessOrEqual if self.given == Given::Nothing => self.same_numbers(version, Given::Minor),
            Operator::LessOrEqual => below || self.same_numbers(version, self.given),
            Operator::Caret => at_least && self.same_up_to_first_non_zero(version),
        }
    }

    fn is_passed_by(&self, version: &Version) -> bool {
        version.cmp_precedence(&self.version).is_gt()
    }

    /// `~0.0.0` accepts everything from there on, as in the library whose ranges users know.
    fn is_zero(&self) -> bool {
        let Version { major, minor, patch, .. } = self.version;
        self.given == Given::Patch && (major, minor, patch) == (0, 0, 0)
    }

    fn same_numbers(&self, version: &Version, parts: Given) -> bool {
        (parts < Given::Major || version.major == self.version.major)
            && (parts < Given::Minor || version.minor == self.version.minor)
            && (parts < Given::Patch || version.patch == self.version.patch)
    }

    fn same_up_to_first_non_zero(&self, version: &Version) -> bool {
        let parts = if self.version.major > 0 || self.given == Given::Major {
            Given::Major
        } else if self.version.minor > 0 || self.given == Given::Minor {
            Given::Minor
        } else {
            Given::Patch
        };
        self.same_numbers(version, parts)
    }
}

impl FromStr for VersionRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        if text.len() > Self::MAX_LEN {
            return Err(RangeError::TooLong);
        }
        let groups: Vec<&str> = text.split("||").collect();
        if groups.len() > Self::MAX_GROUPS {
            return Err(RangeError::TooManyGroups);
        }
        let groups = groups.into_iter().enumerate();
        let groups = groups.map(|(index, group)| parse_group(group, index == 0)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), groups })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Terms joined by commas or blanks, and hyphen ranges among them.
///
/// The library whose ranges users know spells hyphen ranges out before it looks at the rest, blanks
/// included. Behind a term or `||` it takes them for something else, so they are refused there.
fn parse_group(text: &str, is_first: bool) -> Result<Vec<Term>, RangeError> {
    let mut terms = Vec::new();
    let mut may_hyphen = is_first || text.starts_with(char::is_whitespace);
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(RangeError::Empty);
    }
    while !rest.is_empty() {
        let (operator, version, behind) = split_term(rest)?;
        let upper = behind.trim_start().strip_prefix('-').filter(|upper| upper.starts_with(char::is_whitespace));
        let is_hyphen = operator.is_none() && upper.is_some();
        rest = if let (None, Some(upper)) = (operator, upper) {
            let (no_operator, upper, behind) = split_term(upper.trim_start())?;
            if !may_hyphen {
                return Err(RangeError::Hyphen(format!("{version} - {upper}")));
            }
            if no_operator.is_some() {
                return Err(RangeError::Term(text.trim().to_owned()));
            }
            terms.push(Term::new(Operator::GreaterOrEqual, version)?);
            terms.push(Term::new(Operator::LessOrEqual, upper)?);
            behind
        } else {
            terms.push(Term::new(operator.unwrap_or(Operator::Equal), version)?);
            behind
        };
        let behind = rest.trim_start();
        may_hyphen = is_hyphen || behind.starts_with(',');
        rest = match behind.strip_prefix(',') {
            Some(next) if next.trim().is_empty() => return Err(RangeError::Empty),
            Some(next) => next.trim_start(),
            None => behind,
        };
    }
    Ok(terms)
}

/// Splits the first term off: its operator, its version, and what follows.
fn split_term(text: &str) -> Result<(Option<Operator>, &str, &str), RangeError> {
    let symbols = text.find(|c| !matches!(c, '=' | '!' | '>' | '<' | '~' | '^')).unwrap_or(text.len());
    let (symbol, rest) = text.split_at(symbols);
    let operator = match symbol {
        "" => None,
        "=" => Some(Operator::Equal),
        "!=" => Some(Operator::NotEqual),
        ">" => Some(Operator::Greater),
        "<" => Some(Operator::Less),
        ">=" | "=>" => Some(Operator::GreaterOrEqual),
        "<=" | "=<" => Some(Operator::LessOrEqual),
        "~" | "~>" => Some(Operator::Tilde),
        "^" => Some(Operator::Caret),
        _ => return Err(RangeError::Term(text.trim().to_owned())),
    };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(rest.len());
    let (version, behind) = rest.split_at(end);
    if version.is_empty() {
        return Err(RangeError::Term(text.trim().to_owned()));
    }
    Ok((operator, version, behind))
}

impl Term {
    fn new(operator: Operator, text: &str) -> Result<Self, RangeError> {
        let fault = || RangeError::Term(text.to_owned());
        let is_any = |part: &str| matches!(part, "x" | "X" | "*");
        let bare = text.strip_prefix('v').unwrap_or(text);
        let end = bare.find(['-', '+']).unwrap_or(bare.len());
        let (numbers, suffix) = bare.split_at(end);
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() > 3 || !parts.iter().all(|part| is_any(part) || number(part).is_some()) {
            return Err(fault());
        }
        let given = parts.iter().take_while(|part| !is_any(part)).count();
        let known = parts.iter().take(given).copied().chain(["0"; 3]).take(3).collect::<Vec<_>>().join(".");
        let version = parse_lenient(&format!("{known}{suffix}")).ok_or_else(fault)?;
        let given = match given {
            0 => Given::Nothing,
            1 => Given::Major,
            2 => Given::Minor,
            _ => Given::Patch,
        };
        Ok(Self { operator, version, given })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDERS: [&str; 9] =
        ["v2.2.3", "v2.3.0", "2.8.0", "v2.9.0", "v2.9.4-rc.1", "v2.9.4", "v2.9.5+b1", "v2.10.0-rc.1", "v3.0.0"];

    #[track_caller]
    fn check(ranges: &[&str], expected: &str) {
        let versions: Vec<ReleaseVersion> = FOLDERS.iter().map(|name| name.parse().unwrap()).collect();
        for text in ranges {
            let range: VersionRange = text.parse().unwrap();
            assert_eq!(range.newest(&versions).map_or("none", ReleaseVersion::as_str), expected, "`{text}`");
        }
    }

    #[test]
    fn chooses_the_newest_version_in_range() {
        check(
            &["*", "x", ">=2.9.0", "=>2.9.0", "!=2.9.4", ">2.8", ">2.9", ">= 2.9", "~0.0.0", ">2.x", "!=2"],
            "v3.0.0",
        );
        check(&["2.x", "2.X", "2.*", "2", "~2", "^2", "^2.3", " 2.x ", "<3.0.0", "<3", "<=2.x", "2.x.7"], "v2.9.5+b1");
        check(
            &["2.9.x", "v2.9.x", "2.9", "~2.9", "~2.9.0", "~>2.9.0", "<=2.9", "2.9.5", "=2.9.5", "~ 2.9"],
            "v2.9.5+b1",
        );
        check(&["2.9.4", "v2.9.4", "=2.9.4", "<=2.9.4"], "v2.9.4");
        check(&["2.9.4-rc.1", "<2.9.4, >=2.9.4-0"], "v2.9.4-rc.1");
        check(&["2.10.x", "2.4.x", ">3", "<2", ">2.9.5 <3", "^0.1"], "none");
        check(&["2.x-0", "^2.9.0-0", ">=2.9.0-0 <3"], "v2.10.0-rc.1");
        check(&[">=2.3, <2.9.4", ">=2.3 <2.9.4", "<2.9.4", ">=2.3,<2.9.4", ">=2.3 , <2.9.4"], "v2.9.0");
        check(&["2.2.x || 2.3.x", "2.2||2.3", "2.4.x || 2.3.0"], "v2.3.0");
        check(&["2.2 - 2.8", "2.2 - 2.8 || 2.2.3", "v2.2.0 - 2.8.0"], "2.8.0");
        check(&["!=2.9, <3", "!=2.9.x <3"], "2.8.0");
        check(&["2 - 3 2.3 - 2.8", "2 - 3, 2.3 - 2.8", ">=2, 2.3 - 2.8", "2.3 - 2.8 <3", "2.3 - 2.8||2.3"], "2.8.0");
    }

    #[test]
    fn operators_before_any_version_and_before_the_pre_releases_of_a_minor() {
        let contains = |text: &str, version: &str| {
            text.parse::<VersionRange>().unwrap().contains(&version.parse::<ReleaseVersion>().unwrap())
        };
        for (text, inside, outside) in [
            (">*", &["0.0.1", "0.2.0", "2.0.0"][..], &["0.0.0"][..]),
            ("!=*", &["0.0.1", "0.2.0", "2.0.0"], &["0.0.0"]),
            ("<=*", &["0.0.0", "0.0.7"], &["0.1.0", "2.0.0"]),
            ("0.0.1 - *", &["0.0.1", "0.0.7"], &["0.1.0", "2.0.0"]),
            ("^*", &["0.0.0"], &["0.0.1", "0.1.0", "2.0.0"]),
            ("~0.0.0-rc.1", &["0.0.0", "2.9.0-rc.1"], &["0.0.0-a"]),
            ("!=2.9-rc.1", &["2.9.0", "2.9.4-rc.2", "2.8.0-rc.1"], &["2.9.0-rc.1", "2.9.4-rc.1"]),
            ("!=2.9 >=2-0", &["2.9.4-rc.1", "2.10.0"], &["2.9.0", "2.9.4"]),
            ("!=2 >=1-0", &["3.0.0-rc.1"], &["2.9.0", "2.9.4-rc.1"]),
        ] {
            for version in inside {
                assert!(contains(text, version), "{version} in `{text}`");
            }
            for version in outside {
                assert!(!contains(text, version), "{version} not in `{text}`");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_range() {
        for text in [
            "",
            " ",
            "latest",
            "==2.9.4",
            "2.9.4 ||",
            "|| 2",
            ",2",
            "2,",
            ">=",
            "2..9",
            "2.9.4.1",
            "2x",
            "abc",
            "2.9.-",
            ">2 - 3",
            "2.9.4-",
            "!2",
            "2,,3",
            "\u{a0}",
            ">2 2.3 - 2.8",
            "2 2.3 - 2.8",
            "2||2.3 - 2.8",
            "2 ||2.3 - 2.8",
            "2.3 - 2.8||2 - 3",
            "2.*.1x",
        ] {
            assert!(text.parse::<VersionRange>().is_err(), "`{text}`");
        }
        assert_eq!(format!("{}2", " ".repeat(512)).parse::<VersionRange>(), Err(RangeError::TooLong));
        assert_eq!(["2"; 33].join("||").parse::<VersionRange>(), Err(RangeError::TooManyGroups));
        assert_eq!(
            ">2 2.3 - 2.8".parse::<VersionRange>().unwrap_err().to_string(),
            "`2.3 - 2.8` needs a comma before it, or a blank if it follows `||`"
        );
        assert_eq!(
            "latest".parse::<VersionRange>().unwrap_err().to_string(),
            "`latest` is not a version or a range such as `2.x`, `2.9.4` or `>=2.8.0 <2.10`"
        );
    }
}
