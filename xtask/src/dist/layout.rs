//! Images in files, as `dist image` and container engines write them: an OCI layout in a tar archive.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use flate2::read::GzDecoder;
use flux_operator_distro::manifest::{Descriptor, OCI_INDEX};
use serde::Deserialize;

use super::digest;

/// The files of a layout, by their names.
#[derive(Debug)]
pub(super) struct Layout {
    files: BTreeMap<String, Vec<u8>>,
    root: Descriptor,
}

/// The image for one platform.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) config: Config,
    /// Archives, the lowest first.
    layers: Vec<Vec<u8>>,
}

/// What an image says about running it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Config {
    pub(super) user: String,
    pub(super) entrypoint: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) exposed_ports: BTreeMap<String, serde_json::Value>,
    pub(super) working_dir: String,
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Config,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Layout {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no layout of one image.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read `{}`: run `dist image`", path.display()))?;
        Self::read(&bytes).with_context(|| format!("`{}` is no image", path.display()))
    }

    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes).entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(name, content);
        }
        let index: Index = serde_json::from_slice(files.get("index.json").context("it has no `index.json`")?)?;
        let [root] = <[_; 1]>::try_from(index.manifests)
            .map_err(|found| anyhow::anyhow!("expected one image, found {}", found.len()))?;
        Ok(Self { files, root })
    }

    /// The digest that a registry will have it by.
    pub(super) fn digest(&self) -> flux_operator_distro::Digest {
        self.root.digest
    }

    /// The image for a processor, in the words of images.
    ///
    /// # Errors
    /// There is none, or something in it is not what its digest says.
    pub(super) fn image(&self, architecture: &str) -> anyhow::Result<Contents> {
        let mut manifest = self.blob(&self.root)?;
        if self.root.media_type == OCI_INDEX {
            let index: Index = serde_json::from_slice(manifest)?;
            let is_it = |entry: &&Descriptor| {
                entry.platform.as_ref().is_some_and(|platform| platform.architecture == architecture)
            };
            let entry = index.manifests.iter().find(is_it);
            manifest = self.blob(entry.with_context(|| format!("the image has nothing for {architecture}"))?)?;
        }
        let manifest: Manifest = serde_json::from_slice(manifest)?;
        let Configuration { config, rootfs } = serde_json::from_slice(self.blob(&manifest.config)?)?;
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let mut content = Vec::new();
            GzDecoder::new(self.blob(layer)?).read_to_end(&mut content).context("a layer is not compressed by gzip")?;
            layers.push(content);
        }
        let found: Vec<_> = layers.iter().map(|layer| digest(layer).to_string()).collect();
        ensure!(found == rootfs.diff_ids, "expected the layers {:?}, found {found:?}", rootfs.diff_ids);
        Ok(Contents { config, layers })
    }

    fn blob(&self, descriptor: &Descriptor) -> anyhow::Result<&[u8]> {
        let name = format!("blobs/sha256/{}", descriptor.digest.hex());
        let blob = self.files.get(&name).with_context(|| format!("it has no `{name}`"))?;
        if digest(blob) != descriptor.digest {
            bail!("`{name}` is not what its name says");
        }
        Ok(blob)
    }
}

impl Contents {
    /// Writes the file system of the image into a folder that is empty: modes are kept, and everything belongs to who
    /// runs this.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn unpack(&self, folder: &Path) -> anyhow::Result<()> {
        for layer in &self.layers {
            let mut archive = tar::Archive::new(layer.as_slice());
            archive.set_preserve_permissions(true);
            archive.unpack(folder).with_context(|| format!("cannot unpack into `{}`", folder.display()))?;
        }
        Ok(())
    }

    /// Modes and contents of all files, by their paths; a folder has no content.
    #[cfg(test)]
    pub(super) fn files(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        for layer in &self.layers {
            for entry in tar::Archive::new(layer.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                files.insert(path, (entry.header().mode().unwrap(), content));
            }
        }
        files
    }
}
