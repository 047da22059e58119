//! Which instance goes into which file.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Advise, Complaint, Failure};
use crate::files;
use crate::inputs::Instance;

/// Two things that want the same path.
#[derive(Debug, thiserror::Error)]
enum NameError {
    #[error("`{}` would be written twice, for {first} as well", .path.display())]
    Twice { path: PathBuf, first: String },
    #[error("`{}` would have to be a file and a directory, for {first} as well", .path.display())]
    Both { path: PathBuf, first: String },
    #[error("would be replaced by what is rendered from it")]
    Input,
}

/// The path of every instance, from the output directory: what it is called where it comes from,
/// with the ending of the format. The second instance of a file gets `-2` before the ending.
///
/// # Errors
/// Every path that two instances would be written to, and every input that would be replaced.
pub(crate) fn assign(root: &Path, instances: &[Instance], ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let paths: Vec<PathBuf> = instances.iter().map(|instance| path(instance, ending)).collect();
    let mut complaints = Vec::new();
    let mut taken: HashMap<&Path, &str> = HashMap::new();
    for (path, instance) in paths.iter().zip(instances) {
        if let Some(first) = taken.insert(path, &instance.label) {
            let error = NameError::Twice { path: root.join(path), first: format!("`{first}`") };
            complaints.push(Complaint::about(&instance.label, error));
        }
    }
    for (path, instance) in paths.iter().zip(instances) {
        for folder in path.ancestors().skip(1) {
            if let Some(first) = taken.get(folder) {
                let error = NameError::Both { path: root.join(folder), first: format!("`{first}`") };
                complaints.push(Complaint::about(&instance.label, error));
            }
        }
    }
    let inputs: HashSet<PathBuf> = if root.is_dir() {
        instances.iter().filter_map(|instance| fs::canonicalize(instance.file.as_ref()?).ok()).collect()
    } else {
        HashSet::new()
    };
    for path in paths.iter().map(|path| root.join(path)) {
        if fs::canonicalize(&path).is_ok_and(|path| inputs.contains(&path)) {
            complaints.push(Complaint::about(path.display().to_string(), NameError::Input));
        }
    }
    Failure::check(complaints)?;
    Ok(paths)
}

fn path(instance: &Instance, ending: &str) -> PathBuf {
    let relative = &instance.relative;
    let name = if files::has_known_ending(relative) { relative.file_stem() } else { relative.file_name() };
    let mut name = name.map(OsString::from).unwrap_or_default();
    if instance.number > 1 {
        name.push(format!("-{}", instance.number));
    }
    name.push(".");
    name.push(ending);
    relative.with_file_name(name)
}

impl Advise for NameError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Twice { .. } | Self::Both { .. } => {
                "rename one of the files, name a directory that holds both, or use an `--output-dir` for each"
            }
            Self::Input => "choose an `--output-dir` that holds no inputs",
        };
        Some(hint.to_owned())
    }
}
