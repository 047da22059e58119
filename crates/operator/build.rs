//! Tells the program what it was made from.

use std::env;
use std::process::Command;

fn main() {
    // A release names its commit; nobody asks git, so that equal sources build equal programs.
    println!("cargo::rerun-if-env-changed=FLUX_OPERATOR_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    let commit = env::var("FLUX_OPERATOR_COMMIT").unwrap_or_default();
    let commit = if commit.is_empty() { String::new() } else { format!(", commit {commit}") };
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok().filter(|output| output.status.success());
    let rustc = output.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_else(|| "rustc".to_owned());
    println!("cargo::rustc-env=FLUX_OPERATOR_COMMIT_NOTE={commit}");
    println!("cargo::rustc-env=FLUX_OPERATOR_RUSTC={}", rustc.trim());
}
