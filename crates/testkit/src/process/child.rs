//! Child processes that never outlive the process that started them.
//!
//! A parent that is killed cannot tidy up, and asking the kernel to do so takes code without the
//! checks of the compiler. So each child runs under a shell that holds the reading end of a pipe. The
//! parent holds the other end and never writes: when it ends, however it ends, the kernel closes the
//! pipe, and the shell kills the child.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::failure::{During as _, ProgramError};
use super::log::Log;

/// Runs the arguments as a command. In the background, its standard input is `/dev/null`.
const SUPERVISOR: &str = r#"
"$@" &
child=$!
exec 3<&0 0</dev/null
( read -r _ <&3; kill -KILL "$child" ) 2>/dev/null &
watch=$!
exec 3<&-
wait "$child"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// Removes everything of a folder but one name, when the pipe closes; unless it was told to go first. Programs that are
/// being killed may still write, hence the repetition.
const JANITOR: &str = r#"
read -r word
[ "$word" = go ] && exit
for _ in 1 2 3 4 5 6; do
    if [ -n "$2" ]; then
        for entry in "$1"/*; do [ "${entry##*/}" = "$2" ] || rm -rf "$entry"; done
    else
        rm -rf "$1"
    fi
    sleep 0.1
done
"#;

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// For messages, and for the name of the log.
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// A running program. Dropping it kills the program and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Supervised {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts a program that writes what it says to a log.
    ///
    /// # Errors
    /// There is no shell or the log cannot be made. A program that cannot be started is one that ends with status
    /// 126 or 127.
    pub(crate) fn start(
        invocation: &Invocation,
        log: Log,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self, ProgramError> {
        let output = log.open()?;
        let errors = output.try_clone().during("open the log", log.path())?;
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, invocation.name]).arg(&invocation.program).args(&invocation.arguments);
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        // A group of its own: Ctrl-C in a terminal is for the parent, and what follows from it is done in order.
        command.process_group(0);
        prepare(&mut command);
        let mut shell = command.spawn().during("start a shell for", &invocation.program)?;
        let pipe = shell.stdin.take();
        Ok(Self { name: invocation.name, log, shell, pipe })
    }

    /// The status that the program ended with; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.shell.try_wait().ok().flatten().map(status)
    }

    /// Waits for the end of the program.
    pub(crate) fn wait(mut self) -> i32 {
        // The pipe stays open meanwhile: it is no longer part of the child.
        self.shell.wait().map_or(-1, status)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.pipe = None;
        self.shell.wait().ok();
    }
}

fn status(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// A folder that goes away with the process that made it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    janitor: Child,
    pipe: Option<ChildStdin>,
}

impl Folder {
    /// Makes a folder with a new name that starts with a prefix. Of what is in it, `kept` outlives the process.
    pub(crate) fn make(parent: &Path, prefix: &str, kept: Option<&str>) -> Result<Self, ProgramError> {
        fs::create_dir_all(parent).during("make the folder", parent)?;
        let path = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(parent)
            .during("make a folder in", parent)?
            // From here on the janitor takes care of it.
            .keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", JANITOR, "janitor"])
            .arg(&path)
            .arg(kept.unwrap_or_default())
            .current_dir("/")
            .process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut janitor = command.spawn().during("start a shell for", &path)?;
        let pipe = janitor.stdin.take();
        Ok(Self { path, janitor, pipe })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves everything below this name, and removes the rest.
    pub(crate) fn keep_only(mut self, name: &str) {
        self.dismiss();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name() != name {
                remove(&entry.path());
            }
        }
    }

    fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            pipe.write_all(b"go\n").ok();
            drop(pipe);
            self.janitor.wait().ok();
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.pipe.is_some() {
            self.dismiss();
            remove(&self.path);
        }
    }
}

/// Removes a file, or a folder that a killed program may be writing its last file to.
fn remove(path: &Path) {
    for _ in 0..20 {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if removed.is_ok() || !path.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
