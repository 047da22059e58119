//! `flux-operator distro list`.

use std::io::Write;

use clap::{Args, ValueEnum};
use flux_operator_api::Variant;
use flux_operator_builder::{ReleaseError, ReleaseImage, ReleaseVersion, VersionRange};
use flux_operator_distro::Location;
use serde::Serialize;

use crate::distribution::Distribution;
use crate::error::{Advise, Complaint, Failure};
use crate::output::{self, DocumentFormat};
use crate::registry::RegistryArgs;
use crate::table::Table;

const EXAMPLES: &str = "\
Examples:
  # Which Flux versions could be installed
  flux-operator distro list --distribution testdata/distribution

  # The images of the newest 2.9, with their digests
  flux-operator distro list --distribution testdata/distribution --version 2.9.x

  # For a tool that copies images
  flux-operator distro list --distribution testdata/distribution --version 2.9.x -o json";

/// List the Flux versions of a distribution, or the images of one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Read this directory, `oci://` reference or file made by `distro bundle`.
    #[arg(long, value_name = "DISTRIBUTION", env = "FLUX_OPERATOR_DISTRIBUTION", hide_env_values = true)]
    distribution: Location,

    /// List the images of the newest version in this range, such as `2.9.x`.
    #[arg(long, value_name = "RANGE")]
    version: Option<VersionRange>,

    /// List the images of this variant.
    #[arg(long, value_name = "VARIANT", default_value = "upstream-alpine", requires = "version")]
    variant: Variant,

    /// Print in this format.
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "table")]
    output: Output,

    #[command(flatten)]
    registry: RegistryArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Columns.
    Table,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// A range that no version of the distribution lies in.
#[derive(Debug, thiserror::Error)]
#[error("no version of `{distribution}` lies in `{range}`, the newest is `{newest}`")]
struct NoVersion {
    distribution: String,
    range: VersionRange,
    newest: String,
}

/// What is listed: versions, newest first, or the images of one.
#[derive(Debug, Serialize)]
struct Listing {
    /// The digest of the artifact; a directory has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    versions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Image>,
}

#[derive(Debug, Serialize)]
struct Image {
    component: String,
    tag: String,
    digest: String,
}

/// Lists versions, or the images of the newest one in a range.
///
/// # Errors
/// There is no distribution, no version in the range, or no digest list of the variant.
pub(crate) fn run(arguments: &Arguments, stdout: &mut dyn Write) -> Result<(), Failure> {
    let Arguments { distribution, version, variant, output, registry } = arguments;
    let distribution = Distribution::open(distribution, registry)?;
    let mut listing = Listing {
        digest: distribution.digest().map(|digest| digest.to_string()),
        versions: distribution.versions().iter().rev().map(ToString::to_string).collect(),
        images: Vec::new(),
    };
    if let Some(range) = version {
        let (chosen, images) = images(&distribution, range, *variant)?;
        listing.versions = vec![chosen.to_string()];
        let images = images.into_iter().map(|image| Image {
            component: image.component,
            tag: image.tag,
            digest: image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        });
        listing.images = images.collect();
    }
    let text = match output {
        Output::Table => table(&listing, version.is_some()).text(),
        Output::Yaml | Output::Json => {
            let format = if *output == Output::Json { DocumentFormat::Json } else { DocumentFormat::Yaml };
            output::document(&serde_json::to_value(&listing).unwrap_or_default(), format)
        }
    };
    output::write(stdout, &text).map(drop)
}

/// The newest version in a range, and its images.
pub(super) fn images(
    distribution: &Distribution,
    range: &VersionRange,
    variant: Variant,
) -> Result<(ReleaseVersion, Vec<ReleaseImage>), Failure> {
    let newest = || distribution.versions().last().map(ToString::to_string).unwrap_or_default();
    let chosen = range.newest(distribution.versions()).ok_or_else(|| {
        Complaint::new(NoVersion { distribution: distribution.name(), range: range.clone(), newest: newest() })
    })?;
    let release = distribution.load(&[chosen])?.remove(chosen);
    let images = release.map(|release| release.images(variant)).transpose().map_err(Complaint::new)?;
    Ok((chosen.clone(), images.unwrap_or_default()))
}

fn table(listing: &Listing, has_images: bool) -> Table {
    if !has_images {
        let mut table = Table::new(["version"]);
        for version in &listing.versions {
            table.push([version.clone()]);
        }
        return table;
    }
    let mut table = Table::new(["component", "tag", "digest"]);
    for image in &listing.images {
        table.push([image.component.clone(), image.tag.clone(), image.digest.clone()]);
    }
    table
}

impl Advise for NoVersion {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator distro list` without `--version` lists what there is".to_owned())
    }
}

impl Advise for ReleaseError {}
