//! `flux-operator patch instance`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use flux_operator_api::Component;
use flux_operator_builder::build;
use flux_operator_distro::Location;
use tokio::time::Instant;

use super::additions::Additions;
use super::generated::is_generated;
use super::github::GitHub;
use super::manifest::{self, Manifest};
use super::release::Releases;
use super::target::Target;
use super::upstream::Upstream;
use crate::cluster::Story;
use crate::distribution::Distribution;
use crate::error::{Complaint, Failure};
use crate::files;
use crate::globals::Globals;
use crate::inputs;
use crate::output;
use crate::registry::RegistryArgs;
use crate::usage::UsageError;

const EXAMPLES: &str = "\
Examples:
  # Try what will be in the next release
  flux-operator patch instance -f flux.yaml

  # Try the newest controllers of Flux 2.9 where another minor is installed
  flux-operator patch instance -f flux.yaml --version 2.9

  # The same without a network, from a distribution that has both
  flux-operator patch instance -f flux.yaml --version 2.9 --distribution testdata/distribution

  # Only one controller, to look at first
  flux-operator patch instance -f - --version 2.9 --components source-controller < flux.yaml

  # Back to what is released
  flux-operator patch instance -f flux.yaml --rm";

/// Have a FluxInstance in a file run newer controllers, with their CRDs.
///
/// Adds a patch for the image of each controller, and one for each CRD that changed, to
/// `spec.kustomize.patches`. Patches of an earlier run are replaced, others left alone, and so is
/// every other byte of the file. Releases and CRDs come from GitHub, with the token of `GH_TOKEN` or
/// `GITHUB_TOKEN` if there is one, or from a distribution. Where a CRD cannot be had, nothing is
/// changed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Change this file; `-` reads stdin and prints the result.
    #[arg(short, long, alias = "file", value_name = "FILE")]
    filename: Option<PathBuf>,

    /// Get to this minor of Flux, such as `2.9`, or to the head of this branch.
    #[arg(short = 'v', long, value_name = "VERSION", default_value = "main")]
    version: Target,

    /// Take images of releases from this registry [default: that of the instance].
    #[arg(short, long, value_name = "REGISTRY")]
    registry: Option<String>,

    /// Patch these controllers; comma separated or repeated [default: those of the instance].
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    components: Vec<Component>,

    /// Remove the patches of earlier runs, and add none.
    #[arg(long)]
    rm: bool,

    /// Leave out CRDs that cannot be had, instead of failing.
    #[arg(long)]
    skip_crds: bool,

    /// Take releases and CRDs from this directory, `oci://` reference, or file made by `distro bundle`.
    #[arg(long, value_name = "DISTRIBUTION")]
    distribution: Option<Location>,

    /// Ask for tags and branches here, in the place of GitHub.
    #[arg(long, value_name = "URL", default_value = "https://api.github.com", hide_short_help = true)]
    github_api_url: String,

    /// Ask for files here, in the place of GitHub.
    #[arg(long, value_name = "URL", default_value = "https://raw.githubusercontent.com", hide_short_help = true)]
    github_raw_url: String,

    #[command(flatten)]
    registries: RegistryArgs,
}

/// Variables with a token for GitHub, the first that is set counts.
const TOKENS: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];

/// Changes the file.
///
/// # Errors
/// The file holds no legal instance, the releases or CRDs cannot be had, or the result would not
/// build. Then nothing was changed.
pub(super) fn run(arguments: &Arguments, globals: &Globals, stdout: &mut dyn Write) -> Result<(), Failure> {
    let hint = "name a file with a FluxInstance, or `-` for stdin: `-f flux.yaml`";
    let path = arguments.filename.clone();
    let path = path.ok_or_else(|| Complaint::new(UsageError::found("--filename is required", hint)))?;
    let file = (path.as_os_str() != "-").then_some(path);
    let label = file.as_ref().map_or_else(|| "stdin".to_owned(), |file| file.display().to_string());
    let text = file.as_ref().map_or_else(files::read_stdin, |file| files::read(file));
    let text = text.map_err(|error| Complaint::about(&*label, error))?;
    let run = Run { manifest: Manifest::read(&text, &label)?, story: Story::new(globals.quiet), arguments };
    let edited = if arguments.rm { run.without_patches()? } else { run.with_patches(globals)? };
    match file {
        Some(file) => match edited.filter(|edited| *edited != text) {
            Some(edited) => manifest::write(&file, &edited).map_err(|error| Complaint::about(label, error).into()),
            None => Ok(()),
        },
        None => output::write(stdout, &edited.unwrap_or(text)).map(drop),
    }
}

struct Run<'a> {
    manifest: Manifest<'a>,
    arguments: &'a Arguments,
    story: Story,
}

impl Run<'_> {
    fn components(&self) -> Vec<Component> {
        match self.arguments.components.as_slice() {
            [] => self.manifest.components(),
            chosen => chosen.to_vec(),
        }
    }

    /// Which of the patches this command made for the components.
    fn generated(&self, components: &[Component]) -> Vec<usize> {
        let patches = self.manifest.patches().iter().enumerate();
        patches.filter(|(_, patch)| is_generated(patch, components)).map(|(index, _)| index).collect()
    }

    /// The text without the patches of earlier runs; none where it stays as it is.
    fn without_patches(&self) -> Result<Option<String>, Failure> {
        let gone = self.generated(&self.components());
        if gone.is_empty() {
            let any = !self.manifest.patches().is_empty();
            let none = "No generated patches found for the selected components";
            self.story.done(if any { none } else { "No patches to remove" });
            return Ok(None);
        }
        let edited = self.manifest.edited(&gone, &[])?;
        self.story.done(format_args!("Removed {} from {}", patches(gone.len()), self.manifest.label));
        Ok(Some(edited))
    }

    /// The text with new patches in the place of those of earlier runs.
    fn with_patches(&self, globals: &Globals) -> Result<Option<String>, Failure> {
        let (story, target, components) = (self.story, &self.arguments.version, self.components());
        let range = self.manifest.instance.plan.version_range();
        story.waiting(format_args!("Resolving current version from {range}..."));
        let upstream = self.upstream(globals)?;
        let current = upstream.current(range)?;
        target.check(current).map_err(Complaint::new)?;
        story.done(format_args!("Resolved version range: 2.{current} -> {}", target.name()));
        let gone = self.generated(&components);
        if !gone.is_empty() {
            story.done(format_args!("Removed {} previously generated {}", gone.len(), plural(gone.len(), "patch")));
        }
        story.waiting(format_args!("Computing patches for {} components...", components.len()));
        let added = Additions {
            upstream: &upstream,
            current,
            target,
            registry: self.registry(),
            skips_definitions: self.arguments.skip_crds,
            story,
        };
        let added = added.of(&components)?;
        if gone.is_empty() && added.is_empty() {
            story.done("No patches needed");
            return Ok(None);
        }
        let edited = self.manifest.edited(&gone, &added)?;
        story.waiting("Validating patched instance...");
        self.validate(&edited)?;
        story.done("Validation passed");
        let to = if self.manifest.label == "stdin" { "stdout" } else { self.manifest.label };
        story.done(format_args!("Appended {} to {to}", patches(added.len())));
        Ok(Some(edited))
    }

    fn upstream(&self, globals: &Globals) -> Result<Upstream, Failure> {
        let Arguments { distribution, registries, github_api_url, github_raw_url, .. } = self.arguments;
        if let Some(location) = distribution {
            let distribution = Distribution::open(location, registries)?;
            let variant = self.manifest.text_of("/spec/distribution/variant").and_then(|variant| variant.parse().ok());
            let range = self.manifest.instance.plan.version_range();
            let releases = Releases::read(distribution, range, &self.arguments.version, variant)?;
            return Ok(Upstream::Distribution(Box::new(releases)));
        }
        if registries.asks_for_signatures() {
            let hint = "name a `--distribution`, or leave out the `--verify` flags";
            return Err(Complaint::new(UsageError::found("what GitHub has is not signed", hint)).into());
        }
        let set = |name| Some((name, env::var(name).ok().filter(|token| !token.is_empty())?));
        let (variable, token) = TOKENS.into_iter().find_map(set).unzip();
        if let Some(variable) = variable {
            self.story.waiting(format_args!("Asking GitHub with the token of {variable}"));
        }
        Ok(Upstream::GitHub(Box::new(GitHub {
            registries: registries.open()?,
            api: github_api_url.clone(),
            raw: github_raw_url.clone(),
            token,
            deadline: Instant::now() + globals.timeout,
            patience: globals.timeout,
            tags: RefCell::new(BTreeMap::new()),
        })))
    }

    /// Where images of releases come from.
    fn registry(&self) -> &str {
        let registry = self.arguments.registry.as_deref().or(self.manifest.text_of("/spec/distribution/registry"));
        registry.unwrap_or_default().trim_end_matches('/')
    }

    /// Whether the operator would take the result: with a distribution, by building it.
    fn validate(&self, edited: &str) -> Result<(), Failure> {
        let instances = inputs::of_text(edited, self.manifest.label)?;
        let Some(location) = &self.arguments.distribution else { return Ok(()) };
        let distribution = Distribution::open(location, &self.arguments.registries)?;
        let versions = distribution.select(&instances)?;
        let releases = distribution.load(&versions)?;
        for (instance, version) in instances.iter().zip(versions) {
            if let Some(release) = releases.get(version) {
                build(&instance.plan, release).map_err(|error| Complaint::about(&*instance.label, error))?;
            }
        }
        Ok(())
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}es") }
}

/// `1 patch` or `2 patches`.
fn patches(count: usize) -> String {
    format!("{count} {}", plural(count, "patch"))
}
