//! Making a mirror, one copy after the other.

use flux_operator_distro::{Copied, CopyProgress, DistributionError, Existing, Place};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::time::{Duration, interval};

use super::jobs::Job;
use super::{Login, bare};
use crate::error::{Complaint, Failure};
use crate::registry::Registries;
use crate::ui;

/// Copies everything.
///
/// # Errors
/// The first copy that cannot be made. Those before it stay.
pub(super) async fn mirror(
    registries: &Registries,
    jobs: &[Job],
    immutable: bool,
    login: &Login,
) -> Result<(), Failure> {
    let artifacts = registries.artifacts();
    let (mut copied, mut skipped, mut by_digest) = (0, 0, 0);
    for job in jobs {
        let mut source = login.place(registries, &job.source)?;
        if registries.asks_for_signatures() {
            let verified = artifacts.verified(&source.reference, &source.credentials).await;
            let (digest, _) = verified.map_err(|error| Complaint::new(DistributionError::from(error)))?;
            ui::done(format_args!("{}", bare(&source.reference)));
            source.reference = source.reference.at(digest);
        }
        let destination = registries.place(&job.destination)?;
        let existing =
            if immutable { Existing::KeepAndTag { now: Timestamp::now().as_second() } } else { Existing::Overwrite };
        let (from, to) = (bare(&job.source), bare(&job.destination));
        let (count, line) = match copy(registries, &source, &destination, existing).await? {
            Copied::Copied => (&mut copied, format!("→ {from} → {to} (copied)")),
            Copied::Overwritten => (&mut copied, format!("→ {from} → {to} (overwritten)")),
            Copied::Beside(beside) => (&mut by_digest, format!("→ {from} → {} (copied by digest)", bare(&beside))),
            Copied::UpToDate => (&mut skipped, format!("≡ {to} (skipped: up-to-date)")),
            Copied::AlreadyPresent => (&mut skipped, format!("≡ {to} (skipped: digest already present)")),
        };
        *count += 1;
        ui::remark(&line);
    }
    ui::done(format_args!("Mirror complete: {copied} copied, {skipped} skipped, {by_digest} copied by digest"));
    Ok(())
}

/// Copies one thing, with a bar that says how far it is.
async fn copy(
    registries: &Registries,
    source: &Place,
    destination: &Place,
    existing: Existing,
) -> Result<Copied, Failure> {
    let progress = CopyProgress::default();
    let bar = ui::may_show_progress(false).then(|| {
        let style = ProgressStyle::with_template("◎ {msg} [{bar:30}] {bytes}/{total_bytes}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
        ProgressBar::new(0).with_style(style).with_message(bare(&destination.reference))
    });
    let mut ticks = interval(Duration::from_millis(100));
    let copying = registries.client().copy(source, destination, existing, &progress);
    tokio::pin!(copying);
    let copied = loop {
        tokio::select! {
            copied = &mut copying => break copied,
            _ = ticks.tick() => if let Some(bar) = &bar {
                let (done, known) = progress.bytes();
                bar.set_length(known);
                bar.set_position(done);
            },
        }
    };
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(copied.map_err(Complaint::new)?)
}
