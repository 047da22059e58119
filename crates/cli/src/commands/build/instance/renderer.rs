//! Rendering many instances at once.

use std::io::{self, Write};
use std::ops::ControlFlow;

use flux_operator_builder::{BuildError, Release, ReleaseError, build};

use crate::distribution::Distribution;
use crate::error::{Advise, Complaint, Failure};
use crate::inputs::Instance;
use crate::output_dir::Staging;
use crate::parallel;
use crate::render::Format;
use crate::ui::{self, Progress};

/// An instance with the release it gets.
pub(super) struct Job<'a> {
    pub(super) instance: &'a Instance,
    pub(super) release: &'a Release,
}

/// An instance whose patches leave nothing.
#[derive(Debug, thiserror::Error)]
#[error("renders no objects, its patches delete all of them")]
struct NothingLeft;

/// A text that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
struct StdoutError(#[source] io::Error);

/// Renders on all processors.
pub(super) struct Renderer<'a> {
    pub(super) format: Format,
    pub(super) distribution: &'a Distribution,
}

impl Renderer<'_> {
    /// Prints the instances in their order, up to the first one that fails. Those behind it are
    /// still built, for what is wrong with them.
    pub(super) fn print(&self, jobs: &[Job<'_>], stdout: &mut dyn Write) -> Result<(), Failure> {
        let mut complaints = Vec::new();
        let mut written = Ok(());
        let mut progress = Progress::new(jobs.len(), ui::may_show_progress(true));
        let work = |_, job: &Job<'_>, buffer: &mut Vec<u8>| self.render(job, buffer);
        parallel::in_order(jobs, parallel::threads(jobs.len()), work, |buffer, result| {
            progress.advance();
            complaints.extend(result.err());
            if complaints.is_empty() {
                written = stdout.write_all(buffer);
            }
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        drop(progress);
        match written.and_then(|()| stdout.flush()) {
            // Whoever reads has seen enough, `| head` for example.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => complaints.push(Complaint::new(StdoutError(error))),
            Ok(()) => {}
        }
        Failure::check(complaints)
    }

    /// Writes the instances to the staging folder, numbered in their order.
    pub(super) fn stage(&self, jobs: &[Job<'_>], staging: &Staging) -> Result<(), Failure> {
        let mut complaints = Vec::new();
        let mut progress = Progress::new(jobs.len(), ui::may_show_progress(false));
        let work = |number, job: &Job<'_>, buffer: &mut Vec<u8>| {
            self.render(job, buffer)?;
            staging.write(number, buffer).map_err(Complaint::new)
        };
        parallel::in_order(jobs, parallel::threads(jobs.len()), work, |_, result| {
            progress.advance();
            complaints.extend(result.err());
            ControlFlow::Continue(())
        });
        drop(progress);
        Failure::check(complaints)
    }

    fn render(&self, job: &Job<'_>, buffer: &mut Vec<u8>) -> Result<(), Complaint> {
        let label = || job.instance.label.clone();
        let bundle = build(&job.instance.plan, job.release).map_err(|error| match error {
            // This is not the instance's fault, and the same for all of them.
            BuildError::Release(_) | BuildError::Shape { .. } => Complaint::about(self.distribution.name(), error),
            _ => Complaint::about(label(), error),
        })?;
        if bundle.objects().is_empty() {
            return Err(Complaint::about(label(), NothingLeft));
        }
        self.format.write(&bundle, buffer).map_err(|error| Complaint::about(label(), StdoutError(error)))
    }
}

impl Advise for StdoutError {
    fn hint(&self) -> Option<String> {
        let full = self.0.kind() == io::ErrorKind::StorageFull;
        full.then(|| "free some space, or write to another file system".to_owned())
    }
}

impl Advise for NothingLeft {
    fn hint(&self) -> Option<String> {
        Some("look for `$patch: delete` in `spec.kustomize.patches`".to_owned())
    }
}

impl Advise for BuildError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unsupported { .. } => "accept a newer Flux in `spec.distribution.version`, or remove the fields",
            Self::Release(ReleaseError::Missing { .. }) => {
                "add the file to the distribution, or take the component out of `spec.components`"
            }
            Self::Release(_) | Self::Shape { .. } => "get the distribution again, the file is not as Flux ships it",
            Self::Patch(patch) => {
                return Some(format!("render without `{}`, and compare the patch with the objects", patch.path));
            }
            Self::Duplicate { .. } | Self::NoContainers { .. } | Self::Image { .. } | Self::NotAnObject(_) => {
                "take one patch after the other out of `spec.kustomize.patches` to find the one that does it"
            }
        };
        Some(hint.to_owned())
    }
}
