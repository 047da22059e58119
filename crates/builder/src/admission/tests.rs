//! What a file says, and what is wrong with it.

mod decoding;
mod documents;
mod unknown;
mod violations;

use super::Admission;
use crate::InstancePlan;

/// Lines of [`instance`] before those of the spec.
const HEAD: &str = "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux}\nspec:\n";
const DISTRIBUTION: &str = "distribution: {version: 2.x, registry: ghcr.io/fluxcd}\n";

/// An instance whose distribution is fine, on line 5; the rest of its spec starts on line 6.
fn instance(spec: &str) -> String {
    bare_instance(&format!("{DISTRIBUTION}{spec}"))
}

/// An instance whose spec starts on line 5.
fn bare_instance(spec: &str) -> String {
    let lines = spec.lines().map(|line| format!("  {line}\n"));
    format!("{HEAD}{}", lines.collect::<String>())
}

/// The plan of the only document, or the violations, each with its line.
fn plan(text: &str) -> Result<InstancePlan, Vec<String>> {
    let admission = Admission::new();
    let manifests = admission.read(text).unwrap();
    assert_eq!(manifests.len(), 1, "{text}");
    manifests[0].plan().map_err(|violations| violations.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn accepted(spec: &str) -> InstancePlan {
    plan(&instance(spec)).unwrap_or_else(|violations| panic!("{violations:#?}\n{spec}"))
}

/// The violations of an instance whose spec, after the distribution, starts on line 6.
#[track_caller]
fn refused(spec: &str, expected: &[&str]) {
    text_refused(&instance(spec), expected);
}

#[track_caller]
fn text_refused(text: &str, expected: &[&str]) {
    let violations = plan(text).map(|_| "a plan").unwrap_err();
    assert_eq!(violations, expected, "{text}");
}
