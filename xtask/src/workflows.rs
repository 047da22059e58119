//! What is in `.github/workflows`: that it can be read, and takes nobody's word for what it runs.

use std::path::Path;

use flux_operator_testkit::tools::Tool;

use crate::cargo;
use crate::generated;

fn workflows() -> Vec<(String, serde_json::Value)> {
    let files = generated::list(Path::new(".github/workflows")).unwrap();
    assert!(files.len() >= 2, "{files:?}");
    let read = |file: &std::path::PathBuf| (file.display().to_string(), generated::documents(file).unwrap().remove(0));
    files.iter().map(read).collect()
}

#[test]
fn a_linter_finds_no_fault() {
    let Some(mut linter) = Tool::Actionlint.find_or_skip() else { return };
    // Without the programs that it would look for on this machine.
    let output =
        linter.args(["-no-color", "-shellcheck=", "-pyflakes="]).current_dir(cargo::path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn actions_are_named_by_their_commit() {
    for (file, workflow) in workflows() {
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().unwrap() {
                let Some(action) = step["uses"].as_str() else { continue };
                let commit = action.split_once('@').map_or("", |(_, commit)| commit);
                let is_commit = commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
                assert!(is_commit, "{file}, job `{name}`: `{action}` may be something else tomorrow");
            }
        }
    }
}

#[test]
fn jobs_end_and_may_only_read_unless_they_say_so() {
    for (file, workflow) in workflows() {
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "{file}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["timeout-minutes"].is_u64(), "{file}: job `{name}` has no `timeout-minutes`");
        }
    }
}

/// A crate that is added is checked by itself, too.
#[test]
fn every_crate_is_in_the_matrix() {
    let (_, workflow) = workflows().remove(0);
    let listed = workflow.pointer("/jobs/crates/strategy/matrix/crate").unwrap().as_array().unwrap();
    let metadata = crate::metadata::Metadata::read().unwrap();
    for name in metadata.members().keys().filter_map(|name| name.strip_prefix("flux-operator-")) {
        let is_for_tests = ["testkit", "wasm-smoke"].contains(&name);
        assert!(is_for_tests || listed.iter().any(|crate_| crate_ == name), "`{name}` is not in the matrix of ci.yaml");
    }
}
