//! What is wrong with an instance, all of it at once.

use std::fmt;

/// One fault of a FluxInstance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, such as `spec.kustomize.patches[2].target.name`.
    pub path: String,
    /// What is expected and what was found.
    pub message: String,
    /// The line of the file, from 1, where the instance comes from one.
    pub line: Option<usize>,
}

/// Every fault of a FluxInstance, in the order of its fields; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

/// Collects violations while an instance is read.
#[derive(Debug, Default)]
pub(crate) struct Checker(Vec<Violation>);

impl Violations {
    /// The same faults with the lines of their fields, in the order of the lines.
    pub(crate) fn with_lines(mut self, line_of: impl Fn(&str) -> usize) -> Self {
        for violation in &mut self.0 {
            violation.line = Some(line_of(&violation.path));
        }
        self.0.sort_by_key(|violation| violation.line);
        self
    }

    /// The same faults without those of a field; there may be none left.
    pub(crate) fn without(mut self, path: Option<&str>) -> Self {
        self.0.retain(|violation| Some(violation.path.as_str()) != path);
        self
    }

    /// The same faults with other paths.
    pub(crate) fn with_paths(mut self, path: impl Fn(&str) -> String) -> Self {
        for violation in &mut self.0 {
            violation.path = path(&violation.path);
        }
        self
    }

    /// The faults.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }
}

impl<'v> IntoIterator for &'v Violations {
    type Item = &'v Violation;
    type IntoIter = std::slice::Iter<'v, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "`{}`: {}", self.path, self.message) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl Checker {
    pub(crate) fn note(&mut self, path: impl Into<String>, message: impl fmt::Display) {
        self.0.push(Violation { path: path.into(), message: message.to_string(), line: None });
    }

    /// The fields that something was noted for.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.iter().map(|violation| violation.path.clone()).collect()
    }

    /// True where something was noted for this field.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|violation| violation.path == path)
    }

    /// Takes over violations of fields that nothing was noted for yet, neither for the field nor
    /// for one that contains it.
    pub(crate) fn adopt(&mut self, violations: Violations) {
        let covers = |known: &Violation, path: &str| {
            path.strip_prefix(known.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']) && !known.path.is_empty())
        };
        let known = self.0.len();
        for violation in violations.0 {
            if !self.0.iter().take(known).any(|known| covers(known, &violation.path)) {
                self.0.push(violation);
            }
        }
    }

    /// Passes a good value on and notes the error of a bad one.
    pub(crate) fn check<T, E: fmt::Display>(&mut self, path: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.note(path, error)).ok()
    }

    /// Notes an empty value; true where there is one.
    pub(crate) fn require(&mut self, path: &str, value: &str) -> bool {
        if value.is_empty() {
            self.note(path, "is required");
        }
        !value.is_empty()
    }

    /// The value that was read, if nothing was noted on the way. A value is missing only where its
    /// violation was noted.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, Violations> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Violations(self.0)),
        }
    }
}
