//! Where requests and credentials may go. Pure: addresses in, a decision out.

use reqwest::Url;

/// Redirects that are followed, one after the other.
pub(super) const MAX_REDIRECTS: usize = 3;

/// The API of Docker Hub, which is at another name than its images.
const DOCKER_HUB: (&str, &str) = ("index.docker.io", "registry-1.docker.io");

/// The host that serves the API of a registry.
pub(super) fn api_host(host: &str) -> &str {
    if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host }
}

/// Whether a host, with or without a port, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = host_name(host);
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        return address.is_loopback();
    }
    name == "localhost" || name.ends_with(".localhost")
}

fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether two addresses are the same server: scheme, host and port.
pub(super) fn is_same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a redirect may be followed: never from https to http, and to nothing but those two.
pub(super) fn may_follow(from: &Url, to: &Url) -> bool {
    matches!((from.scheme(), to.scheme()), ("https" | "http", "https") | ("http", "http")) && to.has_host()
}

/// Whether credentials for a registry may be sent to the token endpoint that it names.
///
/// An endpoint may be the registry itself, or over https a neighbour: `auth.docker.io` of
/// `registry-1.docker.io`, `gitlab.com` of `registry.gitlab.com`. A registry that was taken over must
/// not be able to have passwords sent to a stranger.
pub(super) fn may_know_credentials(registry: &Url, realm: &Url) -> bool {
    if is_same_origin(registry, realm) {
        return true;
    }
    let (Some(registry), Some(host)) = (registry.domain(), realm.domain()) else { return false };
    if realm.scheme() != "https" {
        return false;
    }
    let is_below = |name: &str, parent: &str| {
        name == parent || name.strip_suffix(parent).is_some_and(|prefix| prefix.ends_with('.'))
    };
    let parent = registry.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
    is_below(host, registry) || parent.is_some_and(|parent| is_below(host, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn this_machine_goes_by_many_names() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000", "[::1]", "a.localhost:1"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["ghcr.io", "10.0.0.1:5000", "localhost.example.com", "127.0.0.1.nip.io", "notlocalhost", "[::2]:1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn redirects_never_lose_tls() {
        assert!(may_follow(&url("https://a/"), &url("https://b/")));
        assert!(may_follow(&url("http://a/"), &url("https://b/")));
        assert!(may_follow(&url("http://a/"), &url("http://b/")));
        assert!(!may_follow(&url("https://a/"), &url("http://a/")));
        assert!(!may_follow(&url("https://a/"), &url("ftp://a/")));
        assert!(!may_follow(&url("http://a/"), &url("file:///etc/passwd")));
    }

    #[test]
    fn credentials_go_to_the_registry_and_its_neighbours() {
        for (registry, realm) in [
            ("https://ghcr.io/", "https://ghcr.io/token"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/token"),
            ("https://registry-1.docker.io/", "https://auth.docker.io/token"),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth"),
            ("https://registry.example.com:5050/", "https://gitlab.example.com/jwt/auth"),
            ("https://quay.io/", "https://auth.quay.io/token"),
        ] {
            assert!(may_know_credentials(&url(registry), &url(realm)), "{registry} {realm}");
        }
        for (registry, realm) in [
            ("https://ghcr.io/", "https://evil.io/token"),
            ("https://ghcr.io/", "https://notghcr.io/token"),
            ("https://ghcr.io/", "http://ghcr.io/token"),
            ("https://registry.example.com/", "http://auth.example.com/token"),
            ("https://registry.example.com/", "https://example.com.evil.org/token"),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token"),
            ("http://127.0.0.1:5000/", "https://example.com/token"),
        ] {
            assert!(!may_know_credentials(&url(registry), &url(realm)), "{registry} {realm}");
        }
    }
}
