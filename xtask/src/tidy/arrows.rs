//! Which crate of the workspace may use which.

use std::path::Path;

use super::Fault;
use crate::cargo;
use crate::metadata::Metadata;

/// The arrows of `ARCHITECTURE.md`: a crate, and those it may have as normal dependencies. Crates
/// that do not exist yet have their place already. `xtask` stands on no right side, and `testkit` only
/// on that of `xtask`, so nothing that ships may use them except in tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("builder", &["api"]),
    ("signature", &["api"]),
    ("distro", &["api", "builder", "signature"]),
    ("inventory", &["api"]),
    ("impact", &["api", "inventory"]),
    ("reconciler", &["api", "builder", "distro", "inventory"]),
    ("controller", &["api", "distro", "reconciler"]),
    ("cli", &["api", "builder", "distro", "impact", "inventory"]),
    ("testkit", &["api"]),
    ("wasm-smoke", &["api", "builder"]),
    (
        XTASK,
        &[
            "api",
            "builder",
            "signature",
            "distro",
            "impact",
            "inventory",
            "reconciler",
            "controller",
            "cli",
            "testkit",
            "wasm-smoke",
        ],
    ),
];

const XTASK: &str = "xtask";

/// What the name of every crate starts with, `xtask` aside.
const PREFIX: &str = "flux-operator-";

pub(super) fn check(metadata: &Metadata) -> Vec<Fault> {
    let members = metadata.members();
    let mut faults = Vec::new();
    for (name, package) in &members {
        let crate_name = short(name);
        let file = package.manifest_path.strip_prefix(cargo::path("")).unwrap_or(&package.manifest_path);
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == crate_name) else {
            faults.push(unknown(file, crate_name));
            continue;
        };
        let used = package.dependencies.iter().filter(|dependency| dependency.is_normal());
        for dependency in used.filter(|dependency| members.contains_key(dependency.name.as_str())) {
            let used = short(&dependency.name);
            if !allowed.contains(&used) {
                faults.push(forbidden(file, crate_name, used, allowed));
            }
        }
    }
    faults
}

fn short(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn unknown(file: &Path, name: &str) -> Fault {
    Fault::new(file, format!("`{name}` is not in the table of allowed arrows, xtask/src/tidy/arrows.rs"))
}

fn forbidden(file: &Path, name: &str, used: &str, allowed: &[&str]) -> Fault {
    let allowed = match allowed {
        [] => "no crate of the workspace".to_owned(),
        some => some.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    Fault::new(file, format!("`{name}` depends on `{used}`, allowed: {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata;

    #[test]
    fn every_crate_on_the_right_is_on_the_left() {
        for (name, allowed) in ALLOWED {
            for used in *allowed {
                assert!(ALLOWED.iter().any(|(known, _)| known == used), "{name} may use {used}, which may use what?");
            }
        }
    }

    #[test]
    fn arrows_point_down() {
        // Each crate uses only those above it in the table, so there is no way round.
        for (index, (name, allowed)) in ALLOWED.iter().enumerate() {
            for used in *allowed {
                let position = ALLOWED.iter().position(|(known, _)| known == used).unwrap();
                assert!(position < index, "{name} may use {used}");
            }
        }
    }

    #[test]
    fn reports_crates_that_are_not_in_the_table() {
        let faults = check(&metadata::tests::sample());
        assert_eq!(faults.len(), 2);
        assert_eq!(
            faults[0].to_string(),
            "/w/a/Cargo.toml: `a` is not in the table of allowed arrows, xtask/src/tidy/arrows.rs"
        );
    }

    #[test]
    fn names_what_is_allowed() {
        let fault = forbidden(Path::new("crates/distro/Cargo.toml"), "distro", "cli", &["api", "builder"]);
        assert_eq!(fault.to_string(), "crates/distro/Cargo.toml: `distro` depends on `cli`, allowed: `api`, `builder`");
    }
}
