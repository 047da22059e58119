//! What somebody probably meant.

/// The name that is closest to what was written, if any is close enough.
pub(crate) fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&written, &name.to_lowercase());
    let (distance, name) = names.into_iter().map(|name| (distance(name), name)).min()?;
    (distance <= (written.len() / 3).max(1)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_close() {
        let names = ["Kustomization", "HelmRelease", "Bucket"];
        assert_eq!(nearest("kustomisation", names), Some("Kustomization"));
        assert_eq!(nearest("helm", names), None);
        assert_eq!(nearest("buckte", names), Some("Bucket"));
        assert_eq!(nearest("x", []), None);
    }
}
