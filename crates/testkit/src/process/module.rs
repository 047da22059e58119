//! Go modules that are part of this crate, so that whoever has the crate can build what tests run.

use std::env::consts::{ARCH, OS};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::failure::{During as _, ProgramError};

/// A module with all that has a part in what comes out of it, the version of Go aside.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Of its folder in the cache.
    pub(crate) name: &'static str,
    /// Of what it is made for, with a `v`.
    pub(crate) version: &'static str,
    /// By their path in the module, the manifest first.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// What the linker is told beside leaving out the symbols.
    pub(crate) linker: String,
    /// What is changed in the dependencies.
    pub(crate) patch: Option<Patch>,
}

/// A text to be replaced in a file of the dependencies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch {
    pub(crate) file: &'static str,
    pub(crate) old: &'static str,
    pub(crate) new: &'static str,
}

impl Module {
    /// The name of the folder in the cache. It changes with everything that has a part in the result.
    pub(crate) fn key(&self) -> String {
        let mut how = self.arguments("./", "").concat();
        how.extend(self.patch.iter().flat_map(|patch| [patch.file, patch.old, patch.new]));
        let mut digest = Sha256::new();
        for part in self.files.iter().flat_map(|(name, text)| [*name, *text]).chain([&*how, OS, ARCH]) {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let mut key = format!("{}-", self.version);
        for byte in digest.finalize().iter().take(6) {
            write!(key, "{byte:02x}").ok();
        }
        key
    }

    /// The arguments of `go` for a package of the module, without the name of the result. `modules` is a value of `-mod`.
    pub(crate) fn arguments(&self, package: &str, modules: &str) -> [String; 6] {
        [
            "build".to_owned(),
            "-trimpath".to_owned(),
            "-buildvcs=false".to_owned(),
            format!("-mod={modules}"),
            format!("-ldflags=-s -w{}{}", if self.linker.is_empty() { "" } else { " " }, self.linker),
            package.to_owned(),
        ]
    }

    /// Writes the module into a folder that may have an older one.
    pub(crate) fn unpack(&self, folder: &Path) -> Result<(), ProgramError> {
        if folder.exists() {
            fs::remove_dir_all(folder).during("remove", folder)?;
        }
        for (name, text) in self.files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).during("make the folder", parent)?;
            fs::write(&path, text).during("write", &path)?;
        }
        Ok(())
    }
}

impl Patch {
    /// Changes what the dependencies, once they are copied into the module, need to be built together.
    pub(crate) fn apply(self, module: &Path) -> Result<(), ProgramError> {
        let path = module.join(self.file);
        let text = fs::read_to_string(&path).during("read", &path)?;
        fs::write(&path, text.replace(self.old, self.new)).during("write", &path)
    }
}

/// The version of a dependency, with a `v`. The manifest of the module is the one place that says it.
pub(crate) fn version_of(files: &[(&'static str, &'static str)], dependency: &str) -> Option<&'static str> {
    let (_, manifest) = files.first()?;
    let required = |line: &'static str| {
        let line = line.trim();
        line.strip_prefix("require ").unwrap_or(line).strip_prefix(dependency)?.strip_prefix(' ')
    };
    manifest.lines().find_map(required)?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[(&str, &str)] = &[
        ("go.mod", "module a\n\nrequire example.com/b v1.2.3\nrequire (\n\texample.com/c v2.0.0 // indirect\n)\n"),
        ("tool/main.go", "package main"),
    ];

    fn module() -> Module {
        let patch = Patch { file: "vendor/b/b.go", old: "old", new: "new" };
        Module { name: "a", version: "v1", files: FILES, linker: "-X b=c".to_owned(), patch: Some(patch) }
    }

    #[test]
    fn versions_come_from_the_manifest() {
        assert_eq!(version_of(FILES, "example.com/b"), Some("v1.2.3"));
        assert_eq!(version_of(FILES, "example.com/c"), Some("v2.0.0"));
        assert_eq!(version_of(FILES, "example.com/none"), None);
    }

    #[test]
    fn the_key_changes_with_every_part() {
        let key = module().key();
        assert!(key.starts_with("v1-"), "{key}");
        for other in [
            Module { version: "v2", ..module() },
            Module { files: &[("go.mod", "module b")], ..module() },
            Module { files: &FILES[..1], ..module() },
            Module { linker: String::new(), ..module() },
            Module { patch: None, ..module() },
        ] {
            assert_ne!(key, other.key());
        }
    }

    #[test]
    fn unpacks_over_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("old.go"), "").unwrap();
        module().unpack(&path).unwrap();
        assert!(path.join("tool/main.go").exists());
        assert!(!path.join("old.go").exists());
    }

    #[test]
    fn gives_dependencies_what_they_miss() {
        let folder = tempfile::tempdir().unwrap();
        let patch = module().patch.unwrap();
        let path = folder.path().join(patch.file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "an old one").unwrap();
        patch.apply(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "an new one");
    }
}
