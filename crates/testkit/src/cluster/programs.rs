//! Which programs a cluster is made of, and where they are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::failure::ClusterError;
use super::source::{self, CONTROL_PLANE, TOOL};
use crate::process::cache::Cache;
use crate::process::child::Invocation;
use crate::process::path::is_executable;

/// A folder with programs of another version or another build. What envtest uses, too.
pub(super) const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The parts of a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    Kwok,
}

impl Program {
    /// What every cluster has.
    pub(super) const CORE: [Self; 2] = [Self::Etcd, Self::ApiServer];
    /// What makes Deployments ready and takes away what has no owner.
    pub(super) const CONTROLLERS: [Self; 3] = [Self::ControllerManager, Self::Scheduler, Self::Kwok];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Programs {
    /// What was found in a folder that somebody named.
    given: Vec<(Program, PathBuf)>,
    /// All programs in one, for those that are not in such a folder.
    built: Option<PathBuf>,
    tool: PathBuf,
}

impl Programs {
    /// Finds the programs, and builds those that are neither in the folder nor in the cache.
    ///
    /// # Errors
    /// The folder lacks etcd or the API server; something has to be built and cannot be.
    pub(super) fn find(folder: Option<&Path>, controllers: bool) -> Result<Self, ClusterError> {
        let from_environment = || env::var_os(ASSETS).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = folder.map(Path::to_owned).or_else(from_environment);
        let given = folder.map_or(Ok(Vec::new()), |folder| given(&folder, controllers))?;
        let cache = Cache::open(source::module())?;
        let complete = wanted(controllers).all(|program| given.iter().any(|(known, _)| *known == program));
        let built = if complete { None } else { Some(cache.program(&CONTROL_PLANE)?) };
        Ok(Self { given, built, tool: cache.program(&TOOL)? })
    }

    /// How to run a program.
    pub(super) fn invocation(&self, program: Program, mut arguments: Vec<OsString>) -> Invocation {
        let name = program.name();
        let given = self.given.iter().find(|(known, _)| *known == program);
        let program = match (given, &self.built) {
            (Some((_, path)), _) => path.clone(),
            (None, Some(all)) => {
                arguments.insert(0, name.into());
                all.clone()
            }
            // `find` has seen to it that this is nothing a cluster asks for.
            (None, None) => name.into(),
        };
        Invocation { name, program, arguments }
    }

    /// How to run the tool that makes keys and waits.
    pub(super) fn tool(&self, name: &'static str, arguments: Vec<OsString>) -> Invocation {
        Invocation { name, program: self.tool.clone(), arguments }
    }
}

fn wanted(controllers: bool) -> impl Iterator<Item = Program> {
    let more = if controllers { &Program::CONTROLLERS[..] } else { &[] };
    Program::CORE.into_iter().chain(more.iter().copied())
}

/// The programs of a folder. What makes a cluster must be there, controllers may come from elsewhere.
fn given(folder: &Path, controllers: bool) -> Result<Vec<(Program, PathBuf)>, ClusterError> {
    let mut found = Vec::new();
    for program in wanted(controllers) {
        let path = folder.join(program.name());
        if is_executable(&path) {
            found.push((program, path));
        } else if Program::CORE.contains(&program) {
            return Err(ClusterError::NoProgram { folder: folder.to_owned(), name: program.name() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use tempfile::TempDir;

    use super::*;

    fn folder(names: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    fn names(found: &[(Program, PathBuf)]) -> Vec<&'static str> {
        found.iter().map(|(program, _)| program.name()).collect()
    }

    #[test]
    fn takes_what_is_in_the_folder() {
        let folder = folder(&["etcd", "kube-apiserver", "kwok", "kubectl"]);
        assert_eq!(names(&given(folder.path(), true).unwrap()), ["etcd", "kube-apiserver", "kwok"]);
        assert_eq!(names(&given(folder.path(), false).unwrap()), ["etcd", "kube-apiserver"]);
    }

    #[test]
    fn a_folder_without_an_api_server_is_refused() {
        let folder = folder(&["etcd", "kube-scheduler"]);
        let error = given(folder.path(), true).unwrap_err().to_string();
        assert!(error.contains("has no program `kube-apiserver`: put it there"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_executed_is_not_there() {
        let folder = folder(&["etcd", "kube-apiserver"]);
        fs::set_permissions(folder.path().join("etcd"), fs::Permissions::from_mode(0o644)).unwrap();
        let error = given(folder.path(), false).unwrap_err();
        assert!(matches!(error, ClusterError::NoProgram { name: "etcd", .. }), "{error}");
    }

    #[test]
    fn the_name_comes_first_where_one_program_is_all() {
        let programs = Programs {
            given: vec![(Program::Etcd, "/given/etcd".into())],
            built: Some("/built/all".into()),
            tool: "/built/tool".into(),
        };
        let etcd = programs.invocation(Program::Etcd, vec!["--flag".into()]);
        assert_eq!((etcd.program, etcd.arguments), ("/given/etcd".into(), vec!["--flag".into()]));
        let kwok = programs.invocation(Program::Kwok, vec!["--flag".into()]);
        assert_eq!((kwok.program, kwok.arguments), ("/built/all".into(), vec!["kwok".into(), "--flag".into()]));
    }
}
