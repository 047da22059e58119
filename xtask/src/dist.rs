//! `cargo xtask dist`: what a release is made of.

mod binaries;
#[cfg(test)]
mod engine;
mod image;
mod layout;
mod platform;
mod rehearsal;
mod sbom;
mod tarball;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use flux_operator_distro::credentials::{Credentials, DockerConfig, DockerPaths};
use flux_operator_distro::{Artifacts, Client, ClientOptions, Digest, Distribution, Reference};
use sha2::{Digest as _, Sha256};

use rehearsal::{Rehearsal, Turn};

/// Make what a release consists of.
#[derive(Debug, clap::Args)]
pub(crate) struct Dist {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Binaries(binaries::Binaries),
    Image(image::Image),
    Rehearse(Rehearsal),
    Vendor(Vendor),
}

/// The version of a release, as its files are called.
const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Fill the folder of the operator's image with a distribution from a registry.
///
/// The artifact is pulled as the operator does it: proven by its digest, read within limits, and
/// written as a whole or not at all. Logins are those of Docker. Prints the digest, and nothing else,
/// to stdout.
#[derive(Debug, clap::Args)]
struct Vendor {
    /// The artifact: `oci://registry/repository@sha256:…`
    #[arg(long, value_name = "REFERENCE")]
    artifact: Reference,
    /// The folder to fill. It has to be empty, or not there.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Take what a tag names now: two images made from the same sources may then differ.
    #[arg(long)]
    allow_tag: bool,
}

impl Dist {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Binaries(binaries) => binaries.run(),
            Action::Image(image) => image.run(),
            Action::Rehearse(rehearsal) => rehearsal.run(),
            Action::Vendor(vendor) => vendor.run(),
        }
    }
}

/// Rehearses a release with a program that no release has. Returns the reason where this machine cannot do that.
///
/// # Errors
/// It fails.
pub(crate) fn rehearse(program: PathBuf) -> anyhow::Result<Option<String>> {
    match rehearsal::turn()? {
        Turn::Refused(reason) => Ok(Some(reason)),
        Turn::Granted(lock) => Rehearsal::of(program).perform(&lock).map(|()| None),
    }
}

/// Who we are in the registry of a reference, by the logins of Docker.
fn login(reference: &Reference) -> anyhow::Result<Credentials> {
    let docker = DockerConfig::read(&DockerPaths::from_env())?;
    Ok(docker.credentials(reference.host(), reference.repository())?.unwrap_or_default())
}

/// Waits for what talks to a registry.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

/// The digest of bytes.
fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

impl Vendor {
    fn run(self) -> anyhow::Result<()> {
        let credentials = login(&self.artifact)?;
        let digest = block_on(self.fill(&credentials))?;
        println!("{digest}");
        Ok(())
    }

    /// Pulls and unpacks, and returns the digest.
    async fn fill(&self, credentials: &Credentials) -> anyhow::Result<Digest> {
        let artifacts = Artifacts::new(Arc::new(Client::new(ClientOptions::default())?), None);
        let reference = &self.artifact;
        if reference.digest().is_none() && !self.allow_tag {
            let hint = match artifacts.resolve(reference, credentials).await {
                Ok(digest) => format!("it names `{}` now", reference.at(digest)),
                Err(_) => "add `@sha256:…`".to_owned(),
            };
            bail!("`{reference}` has no digest, so that it may be another one tomorrow: {hint}; or pass `--allow-tag`");
        }
        let artifact = artifacts.pull(reference, credentials).await?;
        let versions = Distribution::Artifact(artifact.clone()).versions()?;
        let newest = versions.last().with_context(|| format!("`{reference}` has no version of Flux"))?;
        artifact.unpack(&self.output)?;
        let (count, folder) = (versions.len(), self.output.display());
        eprintln!("`{folder}` has {count} versions of Flux, the newest is {newest}");
        Ok(artifact.digest())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;
    use flux_operator_distro::Directory;
    use flux_operator_testkit::registry::{FLUX_LAYER, Lie, Scripted, artifact, pack, pack_dir};
    use flux_operator_testkit::workspace;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        dist: Dist,
    }

    /// What `cargo xtask dist vendor` with a reference and flags comes to.
    async fn vendor(reference: &str, output: &Path, flags: &[&str]) -> Result<Digest, String> {
        let output = output.to_str().unwrap();
        let words = ["dist", "vendor", "--artifact", reference, "--output", output];
        let line = Line::try_parse_from(words.iter().chain(flags)).map_err(|error| error.to_string())?;
        let Action::Vendor(vendor) = line.dist.action else { panic!("expected `vendor`") };
        vendor.fill(&Credentials::Anonymous).await.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn the_folder_is_the_distribution_that_the_digest_names() {
        let registry = Scripted::plain().start().await.unwrap();
        let digest = registry.put("flux", "v1", &artifact(&pack_dir(workspace::distribution()).unwrap(), FLUX_LAYER));
        let (folder, name) = (tempfile::tempdir().unwrap(), format!("oci://{}/flux", registry.host()));
        let output = folder.path().join("data");

        let pinned = format!("{name}@{digest}");
        assert_eq!(vendor(&pinned, &output, &[]).await, Ok(digest));
        let versions = |folder: &Path| Directory::open(folder).unwrap().versions().unwrap();
        assert_eq!(versions(&output), versions(&workspace::distribution()));
        let error = vendor(&pinned, &output, &[]).await.unwrap_err();
        assert!(error.ends_with("is not empty"), "{error}");

        let tagged = format!("{name}:v1");
        let other = folder.path().join("other");
        let error = vendor(&tagged, &other, &[]).await.unwrap_err();
        assert!(error.contains(&format!("it names `{pinned}` now; or pass `--allow-tag`")), "{error}");
        assert!(!other.exists());
        assert_eq!(vendor(&tagged, &other, &["--allow-tag"]).await, Ok(digest));
    }

    #[tokio::test]
    async fn what_is_not_the_distribution_leaves_no_folder() {
        let registry = Scripted::plain().start().await.unwrap();
        let (folder, name) = (tempfile::tempdir().unwrap(), format!("oci://{}/flux", registry.host()));
        let output = folder.path().join("data");
        let digest = registry.put("flux", "v1", &artifact(&pack(&[("readme.md", b"")]), FLUX_LAYER));
        let error = vendor(&format!("{name}@{digest}"), &output, &[]).await.unwrap_err();
        assert!(error.contains("is not a Flux distribution"), "{error}");

        let good = artifact(&pack(&[("flux/v2.9.0/policies.yaml", b"")]), FLUX_LAYER);
        let digest = registry.put("flux", "v1", &good);
        registry.lie(Lie::SwappedBlob(pack(&[("flux/v9.9.9/policies.yaml", b"")])));
        let error = vendor(&format!("{name}@{digest}"), &output, &[]).await.unwrap_err();
        assert!(error.contains("cannot pull"), "{error}");
        assert!(!output.exists());
    }
}
