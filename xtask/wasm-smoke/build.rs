//! Lists the files of the repository's distribution as constants.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const DISTRIBUTION: &str = "../../testdata/distribution";

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join(DISTRIBUTION);
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code =
        "/// Path in the distribution and text of every file.\npub const FILES: &[(&str, &str)] = &[\n".to_owned();
    for path in files(&root)? {
        let name = path.strip_prefix(&root).map_err(io::Error::other)?.to_string_lossy();
        let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", path.to_string_lossy());
    }
    code.push_str("];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("distribution.rs"), code)
}

/// The YAML files below a folder, sorted.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
