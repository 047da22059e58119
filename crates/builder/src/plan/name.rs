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

/// The key of a label, with or without the prefix before `/`.
pub(crate) fn label_key(text: &str) -> Result<(), NameError> {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let ends = |c: char| c.is_ascii_alphanumeric();
    let is_name = (1..=63).contains(&name.len())
        && name.starts_with(ends)
        && name.ends_with(ends)
        && name.chars().all(|c| ends(c) || matches!(c, '-' | '_' | '.'));
    if is_name && prefix.is_none_or(is_dns_subdomain) { Ok(()) } else { Err(NameError::LabelKey(text.to_owned())) }
}

fn is_dns_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.starts_with(ends)
        && text.ends_with(ends)
        && text.chars().all(|c| ends(c) || c == '-')
}

fn is_dns_subdomain(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part =
        |part: &str| part.starts_with(ends) && part.ends_with(ends) && part.chars().all(|c| ends(c) || c == '-');
    (1..=253).contains(&text.len()) && text.split('.').all(is_part)
}
