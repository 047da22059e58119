//! Which registries and paths an entry of a keychain is for.

/// What Docker Hub is called here. It is the name in the entries that `docker login` writes.
const DOCKER_HUB: &str = "index.docker.io";
/// Its names. The last one is where images are, the others are what people write.
const DOCKER_HUB_ALIASES: [&str; 3] = [DOCKER_HUB, "docker.io", "registry-1.docker.io"];

/// The key of an entry: host with optional port and path, as Kubernetes and Docker read it.
///
/// The order is the one in which entries are tried, reversed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern(String);

/// A host without the port, and the port.
#[derive(PartialEq, Eq)]
struct Authority<'a> {
    host: &'a str,
    port: &'a str,
}

impl Pattern {
    /// Reads a key of `auths`.
    ///
    /// Scheme, user and query are dropped, and so is the leading `/v1` or `/v2` of the path that
    /// old versions of Docker wrote.
    pub(super) fn parse(key: &str) -> Self {
        let key = key.trim();
        let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let path = ["/v1", "/v2"]
            .into_iter()
            .find_map(|version| path.strip_prefix(version).filter(|rest| rest.is_empty() || rest.starts_with('/')))
            .unwrap_or(path);
        Self(canonical_host(host) + if path == "/" { "" } else { path })
    }

    /// The text without what was dropped. It holds no user and no password.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern is for a repository.
    ///
    /// Ports are equal, labels of the host match one by one, and the path of the pattern starts
    /// the path of the repository. That is a comparison of texts, as in Kubernetes: `/flux` is for
    /// `/fluxcd`, too.
    pub(super) fn matches(&self, host: &str, repository: &str) -> bool {
        let (pattern_host, path) = self.0.find('/').map_or((self.as_str(), ""), |slash| self.0.split_at(slash));
        let host = canonical_host(host);
        let (pattern, wanted) = (Authority::split(pattern_host), Authority::split(&host));
        pattern.port == wanted.port
            && pattern.host.split('.').count() == wanted.host.split('.').count()
            && pattern.host.split('.').zip(wanted.host.split('.')).all(|(glob, label)| label_matches(glob, label))
            && path.strip_prefix('/').is_none_or(|path| repository.starts_with(path))
    }
}

impl<'a> Authority<'a> {
    fn split(text: &'a str) -> Self {
        match text.rsplit_once(':') {
            // Colons inside of brackets belong to an IPv6 address.
            Some((host, port)) if !port.contains(']') => Self { host, port },
            _ => Self { host: text, port: "" },
        }
    }
}

/// The one name under which a registry is compared.
fn canonical_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if DOCKER_HUB_ALIASES.contains(&host.as_str()) { DOCKER_HUB.to_owned() } else { host }
}

/// The registry that a key of `credHelpers` is for, by the name under which it is compared.
pub(super) fn registry(key: &str) -> String {
    let Pattern(mut key) = Pattern::parse(key);
    key.truncate(key.find('/').unwrap_or(key.len()));
    key
}

/// What a credential helper is asked for. Docker Hub goes by the address that it had at first.
pub(super) fn helper_key(host: &str) -> &str {
    if canonical_host(host) == DOCKER_HUB { "https://index.docker.io/v1/" } else { host }
}

/// Whether a label is what the glob says: `*` stands for any text.
fn label_matches(glob: &str, label: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == label };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = label.strip_prefix(start).and_then(|label| label.strip_suffix(end)) else { return false };
    // The first place is as good as any: what is left for the next part only gets shorter.
    middle.split('*').all(|part| match left.split_once(part) {
        Some((_, after)) => {
            left = after;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lose_what_does_not_count() {
        for (key, expected) in [
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("http://GHCR.io/", "ghcr.io"),
            ("https://ghcr.io/v1/", "ghcr.io"),
            ("https://ghcr.io/v2", "ghcr.io"),
            ("https://ghcr.io/v2/fluxcd", "ghcr.io/fluxcd"),
            ("ghcr.io/v2fluxcd", "ghcr.io/v2fluxcd"),
            ("ghcr.io/fluxcd/", "ghcr.io/fluxcd/"),
            ("localhost:5000/a/b", "localhost:5000/a/b"),
            ("https://index.docker.io/v1/", "index.docker.io"),
            ("docker.io", "index.docker.io"),
            ("registry-1.docker.io/library", "index.docker.io/library"),
            ("https://me:secret@ghcr.io/a?token=secret#secret", "ghcr.io/a"),
            ("", ""),
        ] {
            assert_eq!(Pattern::parse(key).as_str(), expected, "{key}");
        }
    }

    #[test]
    fn matches_as_docker_and_kubernetes_do() {
        for (key, host, repository, expected) in [
            ("ghcr.io", "ghcr.io", "fluxcd/flux", true),
            ("ghcr.io", "GHCR.IO", "fluxcd/flux", true),
            ("ghcr.io", "quay.io", "fluxcd/flux", false),
            ("ghcr.io/fluxcd", "ghcr.io", "fluxcd/flux", true),
            ("ghcr.io/fluxcd/flux", "ghcr.io", "fluxcd/flux", true),
            ("ghcr.io/fluxcd/", "ghcr.io", "fluxcd/flux", true),
            ("ghcr.io/flux", "ghcr.io", "fluxcd/flux", true),
            ("ghcr.io/fluxcd/flux/more", "ghcr.io", "fluxcd/flux", false),
            ("ghcr.io/other", "ghcr.io", "fluxcd/flux", false),
            ("*.io", "ghcr.io", "a", true),
            ("*.io", "eu.gcr.io", "a", false),
            ("*.gcr.io", "eu.gcr.io", "a", true),
            ("*.*.io", "eu.gcr.io", "a", true),
            ("e*.gcr.io", "eu.gcr.io", "a", true),
            ("*-docker.pkg.dev", "europe-docker.pkg.dev", "a", true),
            ("e*u.gcr.io", "eu.gcr.io", "a", true),
            ("eu*u.gcr.io", "eu.gcr.io", "a", false),
            ("**.gcr.io", "eu.gcr.io", "a", true),
            ("*a*b*.io", "xaxxbx.io", "a", true),
            ("*a*b*.io", "xbxxax.io", "a", false),
            ("*", "ghcr.io", "a", false),
            ("*", "localhost", "a", true),
            ("localhost:5000", "localhost:5000", "a", true),
            ("localhost", "localhost:5000", "a", false),
            ("localhost:5000", "localhost", "a", false),
            ("localhost:*", "localhost:5000", "a", false),
            ("[::1]:5000", "[::1]:5000", "a", true),
            ("[::1]", "[::1]", "a", true),
            ("[::1]", "[::1]:5000", "a", false),
            ("https://index.docker.io/v1/", "docker.io", "library/a", true),
            ("https://index.docker.io/v1/", "registry-1.docker.io", "library/a", true),
            ("docker.io", "index.docker.io", "library/a", true),
            ("docker.io/fluxcd", "registry-1.docker.io", "library/a", false),
            ("docker.io", "auth.docker.io", "a", false),
            ("", "ghcr.io", "a", false),
        ] {
            assert_eq!(Pattern::parse(key).matches(host, repository), expected, "{key} for {host}/{repository}");
        }
    }
}
