//! Renderings that the operator everybody uses today made of real distributions.
//!
//! They lie beside the repository and are not part of it; where they are missing, the tests say so
//! and pass.

use std::fs;
use std::path::Path;

use flux_operator_builder::{Admission, Bundle, InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::{golden, workspace};

fn plan(text: &str) -> Result<InstancePlan, String> {
    let admission = Admission::new();
    let manifests = admission.read(text).map_err(|error| error.to_string())?;
    manifests[0].plan().map_err(|violations| violations.to_string())
}

fn render(text: &str, distribution: &Directory) -> Result<Bundle, String> {
    let plan = plan(text)?;
    let versions = distribution.versions().map_err(|error| error.to_string())?;
    let version = plan.select(&versions).map_err(|error| error.to_string())?;
    let release = distribution.release(version).map_err(|error| error.to_string())?;
    build(&plan, &release).map_err(|error| format!("{error:?}"))
}

/// The names of the cases: `NNN-name`.
fn cases(folder: &Path) -> Vec<String> {
    let files = golden::files(folder);
    let names = files.iter().filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".yaml"));
    names.filter(|name| !name.ends_with(".objects")).map(str::to_owned).collect()
}

#[test]
fn renders_what_was_recorded() {
    let (Some(goldens), Some(flux)) = (workspace::shared("golden"), workspace::shared("flux")) else {
        eprintln!("skipped: no recorded renderings beside the repository");
        return;
    };
    let distribution = Directory::open(flux).unwrap();
    let mut failures = Vec::new();
    let (mut rendered, mut refused) = (0, 0);
    for name in cases(&goldens) {
        let read = |suffix: &str| fs::read_to_string(goldens.join(format!("{name}{suffix}")));
        let result = render(&read(".yaml").unwrap(), &distribution);
        if read(".error").is_ok() {
            refused += 1;
            failures.extend(result.is_ok().then(|| format!("{name}: expected an error")));
            continue;
        }
        rendered += 1;
        match result {
            Err(error) => failures.push(format!("{name}: {error}")),
            Ok(bundle) => {
                let expected = read(".expect").unwrap();
                let actual: Vec<String> = bundle.objects().iter().map(golden::fingerprint).collect();
                for (position, (expected, actual)) in expected.lines().zip(&actual).enumerate() {
                    if expected != actual {
                        failures.push(format!("{name}, object {position}: expected {expected}, found {actual}"));
                    }
                }
                if expected.lines().count() != actual.len() {
                    failures.push(format!(
                        "{name}: expected {} objects, found {}",
                        expected.lines().count(),
                        actual.len()
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n"));
    eprintln!("{rendered} renderings equal, {refused} refused");
}

#[test]
fn computes_the_same_revision() {
    let Some(flux) = workspace::shared("flux") else {
        eprintln!("skipped: no distributions beside the repository");
        return;
    };
    let distribution = Directory::open(flux).unwrap();
    for (version, revision) in [
        ("2.9.4", "v2.9.4@sha256:7cf51a8404dd421d539b76b063685007b92056c2c252e76972253f2d849f8c26"),
        ("2.3.0", "v2.3.0@sha256:09d2103977c91fa89de1ad518e94c230b176d5b40a1aa3b7ad697a3bcd54969e"),
    ] {
        let text = format!(
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux, namespace: flux-system}}\n\
             spec:\n  distribution: {{version: {version}, registry: ghcr.io/fluxcd}}\n"
        );
        assert_eq!(render(&text, &distribution).unwrap().revision(), revision);
    }
}
