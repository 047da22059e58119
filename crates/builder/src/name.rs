//! Names as Kubernetes accepts them.

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("expected a DNS label (lower-case letters, digits and `-`, at most 63 characters), found `{0}`")]
    Label(String),
    #[error("expected a DNS name (lower-case letters, digits, `-` and `.`, at most 253 characters), found `{0}`")]
    Subdomain(String),
    #[error("expected a DNS domain such as `cluster.local`, without a dot at its ends, found `{0}`")]
    Domain(String),
    #[error(
        "expected a label value (at most 63 letters, digits, `-`, `_` and `.` between letters or digits), found `{0}`"
    )]
    LabelValue(String),
    #[error("expected a label key such as `sharding.fluxcd.io/key`, found `{0}`")]
    LabelKey(String),
}

/// A DNS label (RFC 1123): namespaces, and parts of names.
pub(crate) fn dns_label(text: &str) -> Result<(), NameError> {
    if is_dns_label(text) { Ok(()) } else { Err(NameError::Label(text.to_owned())) }
}

/// A DNS subdomain (RFC 1123): most names.
pub(crate) fn dns_subdomain(text: &str) -> Result<(), NameError> {
    if is_dns_subdomain(text) { Ok(()) } else { Err(NameError::Subdomain(text.to_owned())) }
}

/// A domain, whose case does not matter.
pub(crate) fn domain(text: &str) -> Result<(), NameError> {
    if is_dns_subdomain(&text.to_ascii_lowercase()) { Ok(()) } else { Err(NameError::Domain(text.to_owned())) }
}

/// The key of a label or annotation, with or without the prefix before `/`.
pub(crate) fn label_key(text: &str) -> Result<(), NameError> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_key = !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_subdomain);
    if is_key { Ok(()) } else { Err(NameError::LabelKey(text.to_owned())) }
}

/// The value of a label, which may be empty.
pub(crate) fn label_value(text: &str) -> Result<(), NameError> {
    if is_label_value(text) { Ok(()) } else { Err(NameError::LabelValue(text.to_owned())) }
}

pub(crate) fn is_label_value(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let is_inner = |c: char| ends(c) || matches!(c, '-' | '_' | '.');
    text.is_empty() || text.len() <= 63 && text.starts_with(ends) && text.ends_with(ends) && text.chars().all(is_inner)
}

fn is_dns_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.starts_with(ends)
        && text.ends_with(ends)
        && text.chars().all(|c| ends(c) || c == '-')
}

pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part =
        |part: &str| part.starts_with(ends) && part.ends_with(ends) && part.chars().all(|c| ends(c) || c == '-');
    (1..=253).contains(&text.len()) && text.split('.').all(is_part)
}
