//! A folder to run in, so that messages name the same paths everywhere.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use flux_operator_testkit::workspace;
use tempfile::TempDir;

/// A folder with the distribution of the repository in `distribution`.
pub(crate) struct World(TempDir);

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        symlink(workspace::distribution(), world.path("distribution")).unwrap();
        world
    }

    /// A world with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let world = Self::new();
        for (name, text) in files {
            world.write(name, text);
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Copies the distribution, to break the copy.
    pub(crate) fn copy_distribution(&self, name: &str) {
        for (path, text) in files(&workspace::distribution()) {
            self.write(&format!("{name}/{}", path.display()), text);
        }
    }

    /// Every file of a folder, hidden ones included, with its text.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<PathBuf, String> {
        files(&self.path(folder))
    }

    /// The program, with the distribution named by its variable.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flux-operator"));
        command.args(args).current_dir(self.0.path());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.env("FLUX_OPERATOR_DISTRIBUTION", "distribution");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(args), "")
    }

    /// `flux-operator build instance`.
    pub(crate) fn build(&self, args: &[&str]) -> Outcome {
        self.run(&[&["build", "instance"], args].concat())
    }

    pub(crate) fn build_with_stdin(&self, args: &[&str], stdin: &str) -> Outcome {
        finish(self.command(&[&["build", "instance"], args].concat()).stdin(Stdio::piped()), stdin)
    }
}

impl Outcome {
    /// What a run leaves behind when it ends.
    pub(crate) fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The stdout of a run that went well and had nothing to say.
    #[track_caller]
    pub(crate) fn data(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// Asserts that the run failed with this as the first complaint.
    #[track_caller]
    pub(crate) fn refused_as(&self, complaint: &str) {
        assert_eq!(self.stderr.lines().next().unwrap_or_default(), format!("✗ {complaint}"));
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""));
    }

    /// Asserts that the run failed, printed nothing but this, and kept stdout clean.
    #[track_caller]
    pub(crate) fn refused(&self, stderr: &str) {
        assert_eq!(self.stderr, stderr);
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""));
    }
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command, stdin: &str) -> Outcome {
    let mut child = command.spawn().unwrap();
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin.as_bytes()).unwrap();
    }
    Outcome::of(child)
}

/// A FluxInstance for a version, with more lines of its `spec`, which starts on line 4.
pub(crate) fn instance(version: &str, spec: &str) -> String {
    format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{ name: flux }}\nspec:\n  \
         distribution: {{ version: \"{version}\", registry: ghcr.io/fluxcd }}\n{spec}"
    )
}

/// Lines of a `spec` with a patch that does not fit.
pub(crate) const BAD_PATCH: &str = "  kustomize:
    patches:
    - target: { kind: Deployment, name: helm-controller }
      patch: '[{ \"op\": \"remove\", \"path\": \"/spec/nothing\" }]'
";

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}
