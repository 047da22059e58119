//! The file with the instance that is patched.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flux_operator_api::{Component, identity};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::edit::{self, EditError};
use crate::error::{Advise, Complaint, Failure};
use crate::inputs::{self, Instance};

/// A file that cannot be patched.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManifestError {
    #[error("holds {}, and one can be patched", instances(*.0))]
    NotOne(usize),
    #[error(transparent)]
    Edit(EditError),
    #[error("the result cannot be written")]
    Unwritable(#[source] io::Error),
}

fn instances(count: usize) -> String {
    match count {
        0 => "no FluxInstance".to_owned(),
        count => format!("{count} FluxInstances"),
    }
}

/// The text of a file, and the instance in it.
pub(super) struct Manifest<'t> {
    text: &'t str,
    /// What it is called in messages.
    pub(super) label: &'t str,
    pub(super) instance: Instance,
    /// Which document it is.
    position: usize,
    value: Value,
}

impl<'t> Manifest<'t> {
    /// Finds the one instance of a text that may hold other documents, too.
    ///
    /// # Errors
    /// There is none, or several, or it is not legal.
    pub(super) fn read(text: &'t str, label: &'t str) -> Result<Self, Failure> {
        let mut instances = inputs::of_text(text, label)?;
        let documents = read_documents(text, Dialect::Manifest, &Limits::INPUT).unwrap_or_default();
        let is_instance = |value: &Value| value.get("kind").is_some_and(|kind| kind == identity::KIND);
        let found = documents.into_iter().enumerate().find(|(_, value)| is_instance(value));
        match (instances.pop(), instances.len(), found) {
            (Some(instance), 0, Some((position, value))) => Ok(Self { text, label, instance, position, value }),
            (last, others, _) => {
                let count = others + usize::from(last.is_some());
                Err(Complaint::about(label, ManifestError::NotOne(count)).into())
            }
        }
    }

    pub(super) fn text_of(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }

    /// The components that the instance has, or would have without a word on it.
    pub(super) fn components(&self) -> Vec<Component> {
        let listed = self.value.pointer("/spec/components").and_then(Value::as_array);
        let listed: Vec<_> = listed.into_iter().flatten().filter_map(|name| name.as_str()?.parse().ok()).collect();
        let standard = [
            Component::SourceController,
            Component::KustomizeController,
            Component::HelmController,
            Component::NotificationController,
        ];
        if listed.is_empty() { standard.to_vec() } else { listed }
    }

    pub(super) fn patches(&self) -> &[Value] {
        let patches = self.value.pointer("/spec/kustomize/patches").and_then(Value::as_array);
        patches.map(Vec::as_slice).unwrap_or_default()
    }

    /// The text without some patches, and with others behind those that stay.
    pub(super) fn edited(&self, gone: &[usize], added: &[Value]) -> Result<String, Failure> {
        let edited = edit::patches(self.text, self.position, gone, added);
        Ok(edited.map_err(|error| Complaint::about(self.label, ManifestError::Edit(error)))?)
    }
}

/// Replaces a file: whoever reads it sees the old text or the new one.
pub(super) fn write(path: &Path, text: &str) -> Result<(), ManifestError> {
    let write = || -> io::Result<()> {
        // A link stays one.
        let path = fs::canonicalize(path)?;
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(ManifestError::Unwritable)
}

impl Advise for ManifestError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotOne(0) => "name the file that has `kind: FluxInstance`".to_owned(),
            Self::NotOne(_) => "give each instance a file of its own".to_owned(),
            Self::Edit(EditError::Unchangeable(_)) => {
                "write `spec.kustomize.patches` as a list of its own, without anchors and aliases".to_owned()
            }
            Self::Edit(EditError::Yaml(_)) | Self::Unwritable(_) => return None,
        })
    }
}
