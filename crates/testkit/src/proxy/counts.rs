//! Requests, counted and remembered.

use std::collections::BTreeMap;
use std::fmt;

use http::StatusCode;

use super::rule::Fault;
use crate::apiserver::{ApiRequest, Verb};

/// How many requests came in, by verb and resource.
///
/// A resource is written as in access rules, with its subresource: `deployments/status`. What is no resource counts
/// under its path, such as `/apis`. Displays as a small table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    requests: BTreeMap<(Verb, String), usize>,
}

impl Counts {
    /// How many requests there were with this verb for this resource.
    pub fn of(&self, verb: Verb, resource: &str) -> usize {
        self.requests.get(&(verb, resource.to_owned())).copied().unwrap_or_default()
    }

    /// How many requests there were with this verb.
    pub fn of_verb(&self, verb: Verb) -> usize {
        self.requests.iter().filter(|((of, _), _)| *of == verb).map(|(_, count)| count).sum()
    }

    /// How many requests there were that change something: all but reads and dry runs.
    pub fn writes(&self) -> usize {
        self.requests.iter().filter(|((verb, _), _)| verb.is_write()).map(|(_, count)| count).sum()
    }

    /// How many requests there were.
    pub fn total(&self) -> usize {
        self.requests.values().sum()
    }

    /// What came in since an earlier count. What did not change is left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let grown = self.requests.iter().filter_map(|(key, count)| {
            let more = count.saturating_sub(earlier.requests.get(key).copied().unwrap_or_default());
            (more > 0).then(|| (key.clone(), more))
        });
        Self { requests: grown.collect() }
    }

    /// Every verb and resource with its count, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (Verb, &str, usize)> {
        self.requests.iter().map(|((verb, resource), count)| (*verb, resource.as_str(), *count))
    }

    pub(super) fn add(&mut self, request: &ApiRequest) {
        *self.requests.entry((request.verb(), request.resource_path())).or_default() += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.iter().map(|(_, resource, _)| resource.len()).max().unwrap_or_default();
        for (verb, resource, count) in self.iter() {
            writeln!(f, "{verb:<7}  {resource:<width$}  {count:>6}")?;
        }
        write!(f, "{:<7}  {:<width$}  {:>6}", "total", "", self.total())
    }
}

/// One request and what became of it.
///
/// Displays as a line such as `apply configmaps/apps/a: 200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was asked for. The body is not kept.
    pub request: ApiRequest,
    /// The fault that hit it.
    pub fault: Option<Fault>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet: the server is at it, or it hangs, or the client left.
    Open,
    /// An answer with this code, from the server or by a fault.
    Answered(StatusCode),
    /// The server answered with this code, and the client did not get to see all of it.
    Lost(StatusCode),
    /// The connection was cut before the server heard of it.
    Cut,
    /// The server could not be asked.
    Failed(String),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.request)?;
        match &self.outcome {
            Outcome::Open => f.write_str("no answer"),
            Outcome::Answered(code) => write!(f, "{}", code.as_u16()),
            Outcome::Lost(code) => write!(f, "{}, lost", code.as_u16()),
            Outcome::Cut => f.write_str("cut"),
            Outcome::Failed(error) => write!(f, "no server: {error}"),
        }?;
        self.fault.as_ref().map_or(Ok(()), |fault| write!(f, " [{fault}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(Verb, &str, usize)]) -> Counts {
        Counts { requests: of.iter().map(|(verb, resource, n)| ((*verb, (*resource).to_owned()), *n)).collect() }
    }

    #[test]
    fn sums_differences_and_table() {
        let before = counts(&[(Verb::Get, "/apis", 1), (Verb::Apply, "configmaps", 2)]);
        let after = counts(&[(Verb::Get, "/apis", 1), (Verb::DryRun, "configmaps", 4), (Verb::Apply, "configmaps", 5)]);
        assert_eq!((after.total(), after.writes(), after.of_verb(Verb::Apply)), (10, 5, 5));
        assert_eq!(after.since(&before), counts(&[(Verb::DryRun, "configmaps", 4), (Verb::Apply, "configmaps", 3)]));
        let table = "get      /apis            1\n\
                     dry-run  configmaps       4\n\
                     apply    configmaps       5\n\
                     total                    10";
        assert_eq!(after.to_string(), table);
    }
}
