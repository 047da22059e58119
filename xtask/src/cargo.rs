//! Programs run at the root of the workspace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use flux_operator_testkit::workspace;

/// A file or folder of the workspace, by its path from the root.
pub(crate) fn path(relative: impl AsRef<Path>) -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).join(relative)
}

/// A program that will run at the root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(path(""));
    command
}

/// The cargo that runs this program, with arguments.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = workspace::cargo();
    command.args(arguments);
    command
}

/// A tool of another toolchain, which `rustup` knows: free of what the cargo that runs this program
/// told its children about itself.
pub(crate) fn rustup<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = command("rustup");
    command.args(arguments);
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a program to its end.
///
/// # Errors
/// It cannot be started or fails; the text names the command.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed", shown(command));
    }
    Ok(())
}

/// Runs a program and returns what it printed.
///
/// # Errors
/// It cannot be started or fails, or printed something that is no text.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    command.stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed", shown(command));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something that is no text", shown(command)))
}

/// True where a program can be started and succeeds, quietly.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
