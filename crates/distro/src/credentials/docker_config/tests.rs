//! Files and helpers of users.

use std::error::Error;

use serde_json::json;

use super::*;
use crate::credentials::Secret;

const CANARY: &str = "canary-7f3a";

/// A home with every file that is looked at. Each has the user `me`, for a registry of its own and
/// for one that all have.
struct Home(tempfile::TempDir);

impl Home {
    fn new(files: &[(&str, Value)]) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            let path = home.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.to_string()).unwrap();
        }
        home
    }

    fn paths(&self) -> DockerPaths {
        DockerPaths {
            docker_config: None,
            home: Some(self.0.path().to_owned()),
            registry_auth_file: Some(self.0.path().join("podman.json")),
            runtime_dir: Some(self.0.path().join("run")),
            helper_path: Some(self.0.path().into()),
        }
    }
}

fn login(user: &str, registries: &[&str]) -> Value {
    let entry = json!({"username": user, "password": CANARY});
    let auths: serde_json::Map<_, _> = registries.iter().map(|key| ((*key).to_owned(), entry.clone())).collect();
    json!({"auths": auths})
}

fn basic(user: &str) -> Credentials {
    Credentials::Basic { username: user.to_owned(), password: Secret::new(CANARY) }
}

#[test]
fn files_are_asked_in_order() {
    let home = Home::new(&[
        ("own/config.json", login("own", &["own.io", "all.io"])),
        (".docker/config.json", login("docker", &["docker.example", "all.io"])),
        ("podman.json", login("podman", &["podman.io", "all.io", "https://index.docker.io/v1/"])),
        ("run/containers/auth.json", login("run", &["run.io/team", "all.io"])),
    ]);
    let without = DockerConfig::read(&home.paths()).unwrap();
    let with = DockerConfig::read(&DockerPaths { docker_config: Some(home.0.path().join("own")), ..home.paths() });
    let with = with.unwrap();
    let none = DockerConfig::read(&DockerPaths::default()).unwrap();
    for (config, host, repository, expected) in [
        (&without, "all.io", "a", Some("docker")),
        (&without, "docker.example", "a", Some("docker")),
        (&without, "podman.io", "a", Some("podman")),
        (&without, "registry-1.docker.io", "library/a", Some("podman")),
        (&without, "run.io", "team/a", Some("run")),
        (&without, "run.io", "other/a", None),
        (&without, "own.io", "a", None),
        (&with, "all.io", "a", Some("own")),
        (&with, "docker.example", "a", None),
        (&with, "podman.io", "a", Some("podman")),
        (&none, "all.io", "a", None),
    ] {
        assert_eq!(config.credentials(host, repository).unwrap(), expected.map(basic), "{host}/{repository}");
    }
}

#[test]
fn the_helper_of_a_registry_comes_before_the_one_of_all() {
    let home = Home::new(&[(
        ".docker/config.json",
        json!({
            "auths": {"ghcr.io": {}, "quay.io": {"username": "me", "password": CANARY}},
            "credHelpers": {"ghcr.io": "one", "https://index.docker.io/v1/": "hub"},
            "credsStore": "all",
        }),
    )]);
    let config = DockerConfig::read(&home.paths()).unwrap();
    for (host, name) in [("ghcr.io", "one"), ("docker.io", "hub"), ("quay.io", "all"), ("ghcr.io:443", "all")] {
        let error = config.credentials(host, "a").unwrap_err();
        let DockerConfigError::Helper { registry, source: HelperError::Missing { name: missing }, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!((registry.as_str(), missing.as_str()), (host, name));
    }
}

#[test]
fn errors_name_the_file_and_never_a_secret() {
    for (content, expected) in [
        (json!({"auths": {"a": {"auth": CANARY}}}), "as `auth` of registry `a`"),
        (json!({"credsStore": [CANARY]}), "expected a text at `credsStore`"),
        (json!({"credHelpers": CANARY}), "expected an object at `credHelpers`"),
        (json!({"credHelpers": {"a": {"b": CANARY}}}), "expected a text at `credHelpers`"),
        (json!([CANARY]), "expected an object at `the top`"),
    ] {
        let home = Home::new(&[(".docker/config.json", content)]);
        let error = DockerConfig::read(&home.paths()).unwrap_err();
        let source = error.source().unwrap().to_string();
        assert!(error.to_string().contains(".docker/config.json` is not a Docker configuration"), "{error}");
        assert!(source.ends_with(expected), "{source}");
        assert!(!format!("{error} {error:?} {source}").contains(CANARY), "{error:?}");
    }

    let home = Home::new(&[("podman.json/folder", json!({}))]);
    assert!(matches!(DockerConfig::read(&home.paths()), Err(DockerConfigError::Unreadable { .. })));
    let home = Home::new(&[("podman.json", json!("x".repeat(1 << 20)))]);
    assert!(matches!(DockerConfig::read(&home.paths()), Err(DockerConfigError::TooLarge { .. })));
    let home = Home::new(&[("podman.json", login("me", &["a.io"]))]);
    assert!(!format!("{:?}", DockerConfig::read(&home.paths()).unwrap()).contains(CANARY));
}
