//! Whether the registry of the distribution answers.

use std::time::Duration;

use flux_operator_distro::Reference;
use flux_operator_inventory::describe;
use tokio::time::timeout;

use super::Report;
use crate::error::Failure;
use crate::registry::HostArgs;

/// Asks for the digest of the artifact that an instance names, as whoever asks, and from here.
pub(super) fn check(artifact: &str, hosts: &HostArgs, patience: Duration, report: &mut Report) -> Result<(), Failure> {
    report.about("checking registry");
    let reference: Reference = match artifact.parse() {
        Ok(reference) => reference,
        Err(error) => {
            report.bad(&format!("{artifact}: {}", describe(&error)));
            return Ok(());
        }
    };
    let registries = hosts.open()?;
    let (artifacts, place) = (registries.artifacts(), registries.place(&reference)?);
    let resolve = artifacts.resolve(&place.reference, &place.credentials);
    match registries.wait(async { timeout(patience, resolve).await }) {
        Ok(Ok(digest)) => report.good(&format!("{artifact}: {digest}")),
        // The operator has credentials of its own.
        Ok(Err(error)) if error.wants_credentials() => {
            report.good(&format!("{artifact}: answers, and wants credentials that are not here"));
        }
        Ok(Err(error)) => report.bad(&describe(&error)),
        Err(_) => report.bad(&format!("{artifact}: no answer within {}", crate::cluster::written(patience))),
    }
    Ok(())
}
