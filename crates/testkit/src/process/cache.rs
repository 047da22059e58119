//! The programs that were built from source, and the building of them: once for each version, however
//! many processes ask at the same time.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::child::{Invocation, Supervised};
use super::failure::{During as _, ProgramError};
use super::log::Log;
use super::module::Module;
use super::path::on_path;

/// What can be built from a module.
pub(crate) struct Target {
    /// Of the file.
    pub(crate) name: &'static str,
    /// As Go names it: `./` and a folder of the module, or a path of a dependency.
    pub(crate) package: &'static str,
    /// Whether it has dependencies, which are copied into the module first.
    pub(crate) vendor: bool,
    /// For the user.
    pub(crate) promise: &'static str,
}

/// The folder with the programs of one version of a module.
#[derive(Debug)]
pub(crate) struct Cache {
    module: Module,
    folder: PathBuf,
}

impl Cache {
    /// The folder of the version that this crate is for. It need not exist.
    ///
    /// # Errors
    /// The user has no folder for caches.
    pub(crate) fn open(module: Module) -> Result<Self, ProgramError> {
        Ok(Self { folder: user_cache()?.join(module.name).join(module.key()), module })
    }

    /// A program, which is built where it is missing.
    ///
    /// # Errors
    /// There is no Go, or Go cannot build it.
    pub(crate) fn program(&self, target: &Target) -> Result<PathBuf, ProgramError> {
        let path = self.folder.join(target.name);
        if path.exists() {
            return Ok(path);
        }
        let go = on_path("go").ok_or(ProgramError::NoGo { what: target.name })?;
        fs::create_dir_all(&self.folder).during("make the folder", &self.folder)?;
        let _lock = self.lock(target)?;
        // Whoever had the lock before has most likely done the work.
        if !path.exists() {
            self.build(target, &go, &path)?;
        }
        Ok(path)
    }

    /// Waits for its turn. The lock goes away with the process, however that ends.
    fn lock(&self, target: &Target) -> Result<File, ProgramError> {
        let path = self.folder.join("lock");
        let file = File::create(&path).during("make the lock", &path)?;
        if file.try_lock().is_err() {
            eprintln!("waiting for another process that builds `{}` for tests", target.name);
            file.lock().during("lock", &path)?;
        }
        Ok(file)
    }

    fn build(&self, target: &Target, go: &Path, path: &Path) -> Result<(), ProgramError> {
        let began = Instant::now();
        let module = self.folder.join("module");
        self.module.unpack(&module)?;
        let log = Log::new(self.folder.join(format!("{}.log", target.name)));
        eprintln!(
            "building `{}` {} for tests ({}), see `{}`",
            target.name,
            self.module.version,
            target.promise,
            log.path().display()
        );
        let run = |arguments: Vec<OsString>| run(target, &gently(go, arguments), &module, &log);
        if target.vendor {
            run(vec!["mod".into(), "vendor".into()])?;
            self.module.patch.map_or(Ok(()), |patch| patch.apply(&module))?;
        }
        // A build that is interrupted leaves nothing under the final name.
        let partial = path.with_extension("partial");
        let modules = if target.vendor { "vendor" } else { "readonly" };
        let mut arguments: Vec<OsString> = self.module.arguments(target.package, modules).map(OsString::from).into();
        arguments.splice(1..1, ["-o".into(), partial.clone().into()]);
        run(arguments)?;
        fs::rename(&partial, path).during("move into the cache", path)?;
        fs::remove_dir_all(&module).during("remove", &module)?;
        eprintln!("built `{}` in {} s", path.display(), began.elapsed().as_secs());
        Ok(())
    }
}

/// Runs Go in the module, free of what the user has set for modules of their own.
fn run(target: &Target, go: &Invocation, module: &Path, log: &Log) -> Result<(), ProgramError> {
    let go = Supervised::start(go, log.clone(), |command| {
        command.current_dir(module);
        command.env("CGO_ENABLED", "0").env("GOWORK", "off").env_remove("GOFLAGS");
    })?;
    match go.wait() {
        0 => Ok(()),
        _ => Err(ProgramError::Build { what: target.name, tail: log.tail(), log: log.path().to_owned() }),
    }
}

/// Go takes every processor for minutes; let others go first where that can be said.
fn gently(go: &Path, mut arguments: Vec<OsString>) -> Invocation {
    match on_path("nice") {
        None => Invocation { name: "go", program: go.to_owned(), arguments },
        Some(nice) => {
            arguments.splice(0..0, ["-n".into(), "10".into(), go.into()]);
            Invocation { name: "go", program: nice, arguments }
        }
    }
}

/// The folder of this project among the caches of the user.
///
/// # Errors
/// The user has no folder for caches.
pub(crate) fn user_cache() -> Result<PathBuf, ProgramError> {
    cache_in(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")).ok_or(ProgramError::NoCache)
}

/// As the XDG base directory specification has it: a relative path counts as none.
fn cache_in(cache: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute(cache).or_else(|| Some(absolute(home)?.join(".cache")))?;
    Some(caches.join("flux-operator"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_xdg_specification() {
        #[track_caller]
        fn check(cache: Option<&str>, home: Option<&str>, expected: Option<&str>) {
            let found = cache_in(cache.map(Into::into), home.map(Into::into));
            assert_eq!(found.as_deref(), expected.map(Path::new));
        }
        check(Some("/c"), Some("/h"), Some("/c/flux-operator"));
        check(None, Some("/h"), Some("/h/.cache/flux-operator"));
        check(Some(""), Some("/h"), Some("/h/.cache/flux-operator"));
        check(Some("c"), Some("/h"), Some("/h/.cache/flux-operator"));
        check(None, None, None);
    }

    #[test]
    fn builds_gently() {
        let invocation = gently(Path::new("/go"), vec!["build".into()]);
        let mut words = vec![invocation.program.into_os_string()];
        words.extend(invocation.arguments);
        assert_eq!(words[words.len() - 2..], ["/go", "build"]);
    }

    #[test]
    fn what_is_in_the_cache_is_not_built() {
        let folder = tempfile::tempdir().unwrap();
        let module = Module { name: "a", version: "v1", files: &[], linker: String::new(), patch: None };
        let cache = Cache { module, folder: folder.path().to_owned() };
        let tool = Target { name: "tool", package: "", vendor: false, promise: "" };
        fs::write(folder.path().join("tool"), "").unwrap();
        assert_eq!(cache.program(&tool).unwrap(), folder.path().join("tool"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
