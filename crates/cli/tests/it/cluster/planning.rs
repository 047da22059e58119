//! `plan`, `diff instance` and `apply --plan`: with a cluster of their own, where the CRDs of Flux are
//! the real thing.

use flux_operator_api::{Object, ResourceInventory};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_inventory::{ApplyPlan, Engine, Inventory, InventoryStore, Owner, Policy, StoreError, Verification};
use flux_operator_testkit::cluster::{Cluster, Options};
use flux_operator_testkit::workspace;
use serde_json::{Value, json};

use super::kubernetes::{Kubernetes, ready};
use crate::world::{Outcome, instance};

/// The inventory is written into the status of the instance by the test.
struct Unkept;

impl InventoryStore for Unkept {
    async fn save(&self, _: &Inventory) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Kubernetes {
    /// Does what the operator would do with an instance. Returns the revision.
    fn reconcile(&self, file: &str, distribution: &str) -> String {
        let built = self.world.run(&["build", "instance", "-f", file, "--distribution", distribution, "-o", "json"]);
        let list: Value = serde_json::from_str(&built.data()).unwrap();
        let objects: Vec<Object> =
            list["items"].as_array().unwrap().iter().map(|item| Object::try_from(item.clone()).unwrap()).collect();
        let stored = self.live("fluxcd.controlplane.io/v1", "FluxInstance", "flux");
        let stored = stored.pointer("/status/inventory").cloned().unwrap_or_else(|| json!({"entries": []}));
        let stored = Inventory::from(&serde_json::from_value::<ResourceInventory>(stored).unwrap());
        let engine = Engine::new(self.client(), Owner::new("flux", "flux-system"));
        let plan = ApplyPlan::new(objects, &stored);
        let outcome = self.block_on(engine.apply(&plan, &Policy::default(), Verification::Full, &Unkept));
        outcome.result.unwrap();
        // The revision is what a plan from anything to the same says.
        let plan =
            self.world.run(&["plan", "--from", file, "--to", file, "--distribution", distribution, "-o", "json"]);
        let plan: Value = serde_json::from_str(&plan.data()).unwrap();
        let revision = plan["to"].as_str().unwrap().to_owned();
        let text = std::fs::read_to_string(self.world.path(file)).unwrap();
        let mut instance = read_documents(&text, Dialect::Manifest, &Limits::INPUT).unwrap().remove(0);
        instance["status"] = json!({
            "conditions": [ready("True", "ReconciliationSucceeded", "it")],
            "inventory": ResourceInventory::from(&outcome.inventory),
            "lastAppliedRevision": revision,
        });
        self.apply(instance);
        revision
    }

    fn plan(&self, file: &str, distribution: &str, format: &str) -> Outcome {
        self.run_anywhere(&["plan", "-f", file, "--distribution", distribution, "-o", format])
    }
}

/// The lines of a plan of changes.
#[track_caller]
fn told(outcome: Outcome) -> String {
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(2), ""), "{}", outcome.stdout);
    outcome.stdout
}

fn cluster(name: &str) -> Cluster {
    Cluster::start(&Options { name: name.into(), controllers: false, ..Options::default() }).unwrap()
}

#[test]
fn a_plan_is_made_looked_at_and_carried_out_or_refused() {
    let cluster = cluster("cli-plan");
    let kubernetes = Kubernetes::of(&cluster);
    let world = &kubernetes.world;
    world.write("old.yaml", instance("2.9.x", ""));
    world.write("new.yaml", instance("2.9.x", "  cluster: { size: large }\n  components: [source-controller]\n"));

    // Nothing is there.
    let text = told(kubernetes.plan("old.yaml", "distribution", "text"));
    assert!(text.starts_with("FluxInstance/flux-system/flux\n  nothing → v2.9.90@sha256:"), "{text}");
    assert!(text.contains("+ Deployment/flux-system/source-controller"), "{text}");
    assert!(text.contains(" created, 1 changed\nRisk: medium\n"), "the namespace was there: {text}");

    // Nothing changes.
    let revision = kubernetes.reconcile("old.yaml", "distribution");
    let same = kubernetes.plan("old.yaml", "distribution", "text").data();
    assert!(same.starts_with(&format!("FluxInstance/flux-system/flux\n  {revision}, which is applied\n")), "{same}");
    assert!(same.ends_with(" unchanged\n"), "{same}");
    assert_eq!(kubernetes.run_anywhere(&["diff", "instance", "-f", "old.yaml"]).data(), "");

    // Something changes, and something goes.
    let text = told(kubernetes.plan("new.yaml", "distribution", "text"));
    let block = |object: &str| {
        let from = text.find(&format!(" {object}")).unwrap_or_else(|| panic!("{object} is not in\n{text}"));
        text[from..].lines().skip(1).take_while(|line| line.starts_with(' ')).collect::<Vec<_>>().join("\n")
    };
    let source = block("Deployment/flux-system/source-controller");
    assert!(source.contains("! pods restart") && source.contains("argument `--concurrent="), "{source}");
    assert!(source.contains("± spec.template.spec.containers[manager].resources.limits."), "{source}");
    assert_eq!(block("Deployment/flux-system/kustomize-controller"), "    ! its pods stop");
    assert!(
        block("CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io").contains("there are no objects")
    );
    assert!(text.contains("Risk: "), "{text}");

    let diff = told(kubernetes.run_anywhere(&["diff", "instance", "-f", "new.yaml"]));
    assert!(diff.contains("► Deployment/flux-system/kustomize-controller deleted\n"), "{diff}");
    assert!(diff.contains("► Deployment/flux-system/source-controller drifted\n  + metadata.annotations"), "{diff}");

    let markdown = told(kubernetes.plan("new.yaml", "distribution", "markdown"));
    assert!(markdown.starts_with("### Plan for FluxInstance `flux-system/flux`\n"), "{markdown}");
    assert!(markdown.contains("| `Deployment/flux-system/kustomize-controller` | pruned | medium | its pods stop |\n"));

    // The plan is refused where anything moved, and carried out where nothing did.
    let json = told(kubernetes.plan("new.yaml", "distribution", "json"));
    world.write("plan.json", &json);
    let apply = |args: &[&str]| kubernetes.run_anywhere(&[&["apply", "--plan", "plan.json"], args].concat());
    kubernetes.apply_as("somebody", json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "source-controller", "namespace": "flux-system"},
        "spec": {"selector": {"app": "other"}},
    }));
    apply(&[])
        .refused_as("plan.json: the cluster has moved since the plan was made: Service/flux-system/source-controller");
    world.write("plan.json", told(kubernetes.plan("new.yaml", "distribution", "json")));
    apply(&["--distribution", "nowhere"]).refused_as("cannot read `nowhere`");
    let answer = || {
        let ready = ready("True", "ReconciliationSucceeded", "Reconciliation finished");
        kubernetes.answer("fluxcd.controlplane.io/v1", "FluxInstance", "flux", ready)
    };
    let outcome = apply(&["--wait=false"]);
    answer().join().unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{}", outcome.stderr);
    let live = kubernetes.live("fluxcd.controlplane.io/v1", "FluxInstance", "flux");
    assert_eq!(live["spec"]["cluster"]["size"], "large");
    apply(&[]).refused_as("plan.json: the FluxInstance of the cluster has changed since the plan was made");

    // What is waited for is the revision of the plan.
    let planned = kubernetes.reconcile("new.yaml", "distribution");
    world.write("plan.json", kubernetes.plan("new.yaml", "distribution", "json").data());
    let answer = answer();
    let outcome = apply(&[]);
    answer.join().unwrap();
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(&format!("◎ Waiting for {planned}...\n✔ Reconciliation finished\n")));

    for (text, complaint) in
        [("{", "plan.json: is no plan"), (r#"{"apiVersion":"v1","kind":"Pod"}"#, "plan.json: is no plan")]
    {
        world.write("plan.json", text);
        apply(&[]).refused_as(complaint);
    }
    kubernetes.run_anywhere(&["apply"]).refused_as("--plan is required");
}

#[test]
fn an_upgrade_over_versions_that_go_is_blocked_until_objects_are_migrated() {
    let Some(real) = workspace::shared("flux") else {
        eprintln!("skipped: no real distribution beside the repository");
        return;
    };
    let cluster = cluster("cli-upgrade");
    let kubernetes = Kubernetes::of(&cluster);
    let (world, real) = (&kubernetes.world, real.to_str().unwrap());
    for version in ["2.2.x", "2.7.x", "2.9.x"] {
        let text = instance(version, "  migrateResources: false\n")
            .replace("name: flux", "name: flux, namespace: flux-system");
        world.write(&format!("{version}.yaml"), text);
    }
    kubernetes.reconcile("2.2.x.yaml", real);
    let repository = |api_version: &str, name: &str, spec: Value| json!({"apiVersion": api_version, "kind": "HelmRepository", "metadata": {"name": name}, "spec": spec});
    let old = "source.toolkit.fluxcd.io/v1beta2";
    kubernetes.apply_as(
        "kustomize-controller",
        repository(old, "charts", json!({"interval": "1h", "url": "https://example.com"})),
    );
    kubernetes.reconcile("2.7.x.yaml", real);

    let json: Value = serde_json::from_str(&told(kubernetes.plan("2.9.x.yaml", real, "json"))).unwrap();
    assert_eq!(json["risk"], "blocked");
    let findings = |object: &str| -> Vec<(String, String, String)> {
        let change = json["changes"].as_array().unwrap().iter().find(|change| change["object"] == object).unwrap();
        let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
        let findings = change["findings"].as_array().unwrap().iter();
        findings.map(|found| (text(found, "risk"), text(found, "text"), text(found, "advice"))).collect()
    };
    let of = findings("CustomResourceDefinition/helmrepositories.source.toolkit.fluxcd.io");
    let has = |risk: &str, text: &str| of.iter().any(|found| found.0 == risk && found.1.contains(text));
    assert!(has("medium", "`v1beta2` is no longer served"), "{of:#?}");
    assert!(has("blocked", "1 object may be stored in `v1beta2`, which goes"), "{of:#?}");
    assert!(has("high", "`kustomize-controller` applies 1 object in `v1beta2`: `HelmRepository/flux-system/charts`"));

    world.write("plan.json", json.to_string());
    kubernetes.run_anywhere(&["apply", "--plan", "plan.json"]).refused_as("plan.json: the plan is blocked");

    // What the plan advises, done.
    let all: Vec<String> = json["changes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|change| change["findings"].as_array().unwrap())
        .filter_map(|finding| finding["advice"].as_str()?.split('`').find(|part| part.contains("migrate resources")))
        .map(str::to_owned)
        .collect();
    assert!(all.len() > 1, "{all:?}");
    for command in &all {
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let outcome = kubernetes.run_anywhere(&words);
        assert_eq!(outcome.code, Some(0), "{command}: {}", outcome.stderr);
    }
    let json: Value = serde_json::from_str(&told(kubernetes.plan("2.9.x.yaml", real, "json"))).unwrap();
    assert_eq!(json["risk"], "medium", "{json:#}");
    assert_eq!(json["summary"]["refused"], 0);
    kubernetes.reconcile("2.9.x.yaml", real);
    let same = kubernetes.plan("2.9.x.yaml", real, "text").data();
    assert!(same.ends_with(" unchanged\n"), "{same}");
}

#[test]
fn versions_and_instances_are_compared_without_a_cluster() {
    let world = crate::world::World::with(&[
        ("old.yaml", &instance("2.6.x", "")),
        ("new.yaml", &instance("2.9.x", "")),
        ("two.yaml", &format!("{}---\n{}", instance("2.x", ""), instance("2.x", ""))),
    ]);
    let between = |args: &[&str]| world.run(&[&["plan"], args].concat());
    let by_file = told(between(&["--from", "old.yaml", "--to", "new.yaml"]));
    let by_version = told(between(&["-f", "old.yaml", "--from", "2.6.90", "--to", "v2.9.90"]));
    assert_eq!(by_file, by_version);
    assert!(by_file.contains("~ Deployment/flux-system/source-controller [medium]\n"), "{by_file}");
    assert!(!by_file.contains("could not be tried"), "{by_file}");
    let same = between(&["--from", "old.yaml", "--to", "old.yaml"]);
    assert_eq!(same.code, Some(0));

    between(&[]).refused_as("--filename is required");
    between(&["--from", "2.6.90", "--to", "2.9.90"]).refused_as("--filename is required");
    between(&["-f", "old.yaml", "--from", "2.6.91", "--to", "2.9.90"]).refused_as("distribution: has no Flux v2.6.91");
    between(&["-f", "old.yaml", "--from", "2.6.90"]).refused_as("--to is required with the flags that are given");
    between(&["--from", "two.yaml", "--to", "new.yaml"])
        .refused_as("two.yaml: holds 2 FluxInstances, a cluster has one");
    world.write("plan.json", told(between(&["--from", "old.yaml", "--to", "new.yaml", "-o", "json"])));
    world.run(&["apply", "--plan", "plan.json"]).refused_as("plan.json: was made without a cluster");
}
