//! Objects as users name them: `<kind>/<name>`.

use std::fmt;

use crate::kinds::FluxKind;

/// An object of Flux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) kind: &'static FluxKind,
    /// Where the name is written with a namespace, as `get -o name` does.
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

impl Subject {
    /// Reads `<kind>/<name>` or `<kind>/<namespace>/<name>`.
    ///
    /// # Errors
    /// A text for the parser of arguments.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Parts { kind, namespace, name } = Parts::of(text)?;
        let kind = FluxKind::called(kind).map_err(|unknown| unknown.to_string())?;
        Ok(Self { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }

    /// The namespace that is meant.
    pub(crate) fn namespace<'s>(&'s self, default: &'s str) -> &'s str {
        self.namespace.as_deref().unwrap_or(default)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.kind, self.name)
    }
}

/// The parts of a name with a kind before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'t> {
    pub(crate) kind: &'t str,
    pub(crate) namespace: Option<&'t str>,
    pub(crate) name: &'t str,
}

impl<'t> Parts<'t> {
    pub(crate) fn of(text: &'t str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let parts = match *parts.as_slice() {
            [kind, name] => Self { kind, namespace: None, name },
            [kind, namespace, name] => Self { kind, namespace: Some(namespace), name },
            _ => return Err("expected `<kind>/<name>`, such as `ks/apps`".to_owned()),
        };
        if parts.kind.is_empty() || parts.name.is_empty() || parts.namespace.is_some_and(str::is_empty) {
            return Err("expected `<kind>/<name>`, such as `ks/apps`".to_owned());
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_kind_and_name() {
        let subject = |text| Subject::parse(text).map(|subject| (subject.to_string(), subject.namespace));
        assert_eq!(subject("KS/apps"), Ok(("Kustomization/apps".to_owned(), None)));
        assert_eq!(subject("hr/web/api"), Ok(("HelmRelease/api".to_owned(), Some("web".to_owned()))));
        for text in ["apps", "ks/", "/apps", "ks//apps", "a/b/c/d"] {
            assert_eq!(subject(text), Err("expected `<kind>/<name>`, such as `ks/apps`".to_owned()), "{text}");
        }
        assert!(subject("deploy/web").unwrap_err().starts_with("`deploy` is no kind of Flux"));
    }
}
