//! `WWW-Authenticate`: how a registry wants to be told who we are.

/// How a registry wants to be told who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token, which another endpoint hands out.
    Bearer {
        /// The endpoint's address, as the registry names it.
        realm: String,
        /// What the endpoint knows the registry as.
        service: Option<String>,
    },
}

/// The challenge to answer, among all those of the headers; tokens before passwords.
///
/// Understands the syntax of RFC 9110, section 11.2, as far as registries use it.
pub(super) fn choose<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut basic = None;
    for header in headers {
        for (scheme, parameters) in parse(header) {
            let parameter = |name: &str| {
                let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.clone())
            };
            if scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                return Some(Challenge::Bearer { realm, service: parameter("service") });
            }
            if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            }
        }
    }
    basic
}

type Parameters = Vec<(String, String)>;

/// Schemes with their parameters, in order.
fn parse(header: &str) -> Vec<(String, Parameters)> {
    let mut challenges: Vec<(String, Parameters)> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return challenges;
        }
        let after = after.trim_start_matches([' ', '\t']);
        rest = match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = quoted_or_token(value.trim_start_matches([' ', '\t']));
                parameters.push((word.to_owned(), value));
                after
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push((word.to_owned(), Vec::new()));
                after
            }
        };
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:?@".contains(c)));
    text.split_at(end.unwrap_or(text.len()))
}

fn quoted_or_token(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut is_escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn understands_what_registries_say() {
        for (headers, expected) in [
            (&[r#"Basic realm="Registry""#][..], Some(Challenge::Basic)),
            (&["basic"], Some(Challenge::Basic)),
            (
                &[r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull""#],
                Some(bearer("https://ghcr.io/token", Some("ghcr.io"))),
            ),
            (&[r#"Bearer service=x , realm = "https://a/?b=\"c\"" "#], Some(bearer("https://a/?b=\"c\"", Some("x")))),
            (&[r#"Basic realm="a, b", Bearer realm="https://a""#], Some(bearer("https://a", None))),
            (&[r#"Basic realm="a""#, "Bearer realm=https://a/token"], Some(bearer("https://a/token", None))),
            (&[r#"Bearer service="no realm""#], None),
            (&["Negotiate", ""], None),
            (&[], None),
        ] {
            assert_eq!(choose(headers.iter().copied()), expected, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_a_stranger_writes_panics(header in ".{0,80}") {
            let _ = choose([header.as_str()]);
        }
    }
}
