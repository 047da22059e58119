//! The programs of a release, and what belongs to them.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::platform::Platform;
use super::{digest, image, sbom, tarball};
use crate::cargo::{self, run};
use crate::debian;
use crate::metadata::Metadata;

/// Build the programs of a release: static, for each platform, the same bytes from the same sources.
///
/// Writes the programs to `bin/linux_ARCH`, an archive of them for each platform, a bill of materials
/// (`CycloneDX`), `SHA256SUMS`, and to `system` what else the Dockerfile copies. A missing target of Rust is added by rustup; a missing C compiler, which
/// one of the dependencies needs, is installed from Debian where root runs this, and named elsewhere.
#[derive(Debug, clap::Args)]
pub(super) struct Binaries {
    /// For which platform; may be given several times [default: all]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<Platform>,
    /// Where to
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    output: PathBuf,
    /// Build the commit a second time, from another folder into another folder, and compare
    #[arg(long)]
    verify: bool,
}

/// The packages and their programs.
const PROGRAMS: [(&str, &str); 2] =
    [("flux-operator-controller", "flux-operator-controller"), ("flux-operator-cli", "flux-operator")];

/// What the linker and compiler are told beside the paths: nothing of this machine is linked.
const FLAGS: [&str; 2] = ["-Clinker=rust-lld", "-Clink-self-contained=yes"];

/// What the C compiler is told, which builds the allocator and cryptography.
const C_FLAGS: [&str; 5] = [
    // The headers are those of glibc: with fortification, they would ask for functions that musl does not have.
    "-U_FORTIFY_SOURCE",
    "-g0",
    // The allocator can tell when it was built, which is never the same twice.
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"\"",
    "-D__TIME__=\"\"",
];

/// Between flags, in the variable that takes several.
const SEPARATOR: &str = "\u{1f}";

impl Binaries {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let platforms = if self.platforms.is_empty() { Platform::ALL.to_vec() } else { self.platforms };
        let commit = commit()?;
        if self.verify && commit.is_none() {
            bail!("`--verify` builds the commit again, and there are changes that are not committed: commit them");
        }
        let target = Metadata::read()?.target_directory;
        for platform in &platforms {
            prepare(*platform)?;
            let built = build(*platform, &cargo::path(""), &target, commit.as_deref())?;
            collect(*platform, &built, &self.output)?;
        }
        image::write_system(&self.output.join("system"))?;
        let bill = self.output.join(format!("flux-operator_{}_sbom.cdx.json", super::VERSION));
        fs::write(&bill, sbom::bill(&platforms)?).with_context(|| format!("cannot write `{}`", bill.display()))?;
        let sums = sums(&self.output)?;
        print!("{sums}");
        if self.verify {
            for platform in &platforms {
                verify(*platform, &self.output, commit.as_deref())?;
            }
        }
        Ok(())
    }
}

/// The commit that is checked out; none where files differ from it.
fn commit() -> anyhow::Result<Option<String>> {
    let changes = cargo::read(cargo::command("git").args(["status", "--porcelain", "--untracked-files=no"]))?;
    let commit = cargo::read(cargo::command("git").args(["rev-parse", "HEAD"]))?;
    Ok(changes.trim().is_empty().then(|| commit.trim().to_owned()))
}

/// Sees to it that there is a standard library and a C compiler for the platform.
fn prepare(platform: Platform) -> anyhow::Result<()> {
    // Of the toolchain of this workspace: run by rustup, so that it is the one that `cargo` uses below.
    run(&mut cargo::rustup(["target", "add", platform.target()]))?;
    debian::require(&format!("{}-gcc", platform.compiler_prefix()), &platform.packages())
}

/// Builds both programs and returns the folder that they are in.
fn build(platform: Platform, source: &Path, target: &Path, commit: Option<&str>) -> anyhow::Result<PathBuf> {
    let triple = platform.target();
    let mut command = cargo::cargo(["build", "--profile", "dist", "--locked", "--bins", "--target", triple]);
    command.args(PROGRAMS.iter().flat_map(|(package, _)| ["--package", *package]));
    command.current_dir(source).env("CARGO_TARGET_DIR", target);
    command.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(source)?).env_remove("RUSTFLAGS");
    command.env("FLUX_OPERATOR_COMMIT", commit.unwrap_or_default());
    let variable = |name: &str| format!("{name}_{}", triple.replace('-', "_"));
    let tool = |name: &str| format!("{}-{name}", platform.compiler_prefix());
    command.env(variable("CC"), tool("gcc")).env(variable("AR"), tool("ar"));
    command.env(variable("CFLAGS"), C_FLAGS.join(" "));
    run(&mut command)?;
    Ok(target.join(triple).join("dist"))
}

/// Names of folders of this machine, which must not be in a program, are replaced.
fn rust_flags(source: &Path) -> anyhow::Result<OsString> {
    let home = |variable: &str, folder: &str| {
        env::var_os(variable).map(PathBuf::from).or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(folder)))
    };
    let cargo_home = home("CARGO_HOME", ".cargo").context("there is neither CARGO_HOME nor HOME")?;
    let rustup_home = home("RUSTUP_HOME", ".rustup").context("there is neither RUSTUP_HOME nor HOME")?;
    let mut flags = OsString::new();
    for (folder, name) in [(source, "/source"), (&cargo_home, "/cargo"), (&rustup_home, "/rustup")] {
        flags.push("--remap-path-prefix=");
        flags.push(folder.as_os_str().to_string_lossy().trim_end_matches('/'));
        flags.push(format!("={name}{SEPARATOR}"));
    }
    flags.push(FLAGS.join(SEPARATOR));
    Ok(flags)
}

/// Copies the programs of a platform, and packs them.
fn collect(platform: Platform, built: &Path, output: &Path) -> anyhow::Result<()> {
    let folder = platform.folder(output);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let mut files = vec![tarball::Entry::file("LICENSE", 0o644, read(&cargo::path("LICENSE"))?)];
    for (_, program) in PROGRAMS {
        let bytes = read(&built.join(program))?;
        let to = folder.join(program);
        // By a copy, so that it can be run; the bytes are the same.
        fs::copy(built.join(program), &to).with_context(|| format!("cannot write `{}`", to.display()))?;
        files.push(tarball::Entry::file(program, 0o755, bytes));
    }
    let name = format!("flux-operator_{}_linux_{}.tar.gz", super::VERSION, platform.architecture());
    let path = output.join(name);
    let packed = tarball::gzip(&tarball::pack(files)?)?;
    fs::write(&path, packed).with_context(|| format!("cannot write `{}`", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes SHA256SUMS, as `sha256sum --check` reads it, and returns it.
fn sums(output: &Path) -> anyhow::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(output).with_context(|| format!("cannot read the folder `{}`", output.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("flux-operator_") {
            names.push(name);
        }
    }
    names.sort();
    let mut text = String::new();
    for name in names {
        writeln!(text, "{}  {name}", digest(&read(&output.join(&name))?).hex())?;
    }
    fs::write(output.join("SHA256SUMS"), &text).context("cannot write `SHA256SUMS`")?;
    Ok(text)
}

/// Builds the commit from another folder, into another one, and compares.
fn verify(platform: Platform, output: &Path, commit: Option<&str>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder")?;
    let (source, target) = (folder.path().join("elsewhere"), folder.path().join("built"));
    run(cargo::command("git").args(["clone", "--quiet", "--no-hardlinks", "."]).arg(&source))?;
    let built = build(platform, &source, &target, commit)?;
    for (_, program) in PROGRAMS {
        let digests = [platform.folder(output), built.clone()].map(|folder| read(&folder.join(program)));
        let [first, second] = digests.map(|bytes| bytes.map(|bytes| digest(&bytes)));
        let (first, second) = (first?, second?);
        if first != second {
            bail!("`{program}` for {} is {first} here and {second} from another folder", platform.target());
        }
        println!("`{program}` for {} is the same from another folder: {first}", platform.target());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_folder_of_this_machine_gets_into_a_program() {
        let flags = rust_flags(Path::new("/home/a/src/")).unwrap().into_string().unwrap();
        let flags: Vec<_> = flags.split(SEPARATOR).collect();
        assert!(flags.contains(&"--remap-path-prefix=/home/a/src=/source"), "{flags:?}");
        assert_eq!(flags.len(), 5);
    }

    #[test]
    fn sums_are_those_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flux-operator_a"), "abc").unwrap();
        fs::write(folder.path().join("other"), "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  flux-operator_a\n";
        assert_eq!(sums(folder.path()).unwrap(), expected);
        assert_eq!(fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap(), expected);
    }
}
