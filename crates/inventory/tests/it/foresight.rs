//! What was foreseen is what is done.

use std::collections::BTreeMap;

use flux_operator_api::{FluxInstance, Object, ObjectId};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_inventory::{
    Action, ApplyError, ApplyPlan, Effect, Engine, Foreseen, Policy, Proof, SkipReason, Verification,
};
use flux_operator_testkit::cases;
use flux_operator_testkit::objects::{config_map, crd, custom, namespace};
use flux_operator_testkit::workspace;
use serde_json::{Value, json};

use crate::world::{World, the_only_flux};

/// Every golden instance that can be rendered, as the objects of one in `namespace`.
fn golden(namespace: &str) -> Vec<(String, Vec<Object>)> {
    let directory = Directory::open(workspace::distribution()).unwrap();
    let versions = directory.versions().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(workspace::path("testdata/instances")).unwrap().flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut golden = Vec::new();
    for file in files {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("refused-") {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).unwrap();
        let mut document = read_documents(&text, Dialect::Manifest, &Limits::INPUT).unwrap().remove(0);
        document["metadata"]["namespace"] = namespace.into();
        let instance: FluxInstance = serde_json::from_value(document).unwrap();
        let plan = InstancePlan::parse(&instance).unwrap();
        let Ok(version) = plan.select(&versions) else { continue };
        let Ok(bundle) = build(&plan, &directory.release(version).unwrap()) else { continue };
        golden.push((name, bundle.into_objects()));
    }
    golden
}

/// Foresees with an engine that knows nothing, as a command line would.
async fn preview(world: &World, plan: &ApplyPlan) -> Vec<Foreseen> {
    let engine: Engine = world.engine();
    let counts = world.proxy.counts();
    let foreseen = engine.preview(plan, &Policy::default()).await.unwrap();
    assert_eq!(world.proxy.counts().since(&counts).writes(), 0, "{}", world.proxy.story());
    foreseen
}

fn actions(foreseen: &[Foreseen]) -> BTreeMap<ObjectId, Action> {
    foreseen.iter().map(|foreseen| (foreseen.id.clone(), foreseen.effect.action())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_golden_instance_after_the_other_changes_as_foreseen() {
    let _flux = the_only_flux().await;
    let world = World::new("foresight").await;
    let engine = world.engine();
    let golden = golden(&world.namespace);
    assert!(golden.len() > 10);
    for index in cases::spread(golden.len(), 12) {
        let (name, objects) = &golden[index - 1];
        let mut attempt = 0;
        loop {
            let plan = ApplyPlan::new(objects.clone(), &world.stored().await);
            let foreseen = preview(&world, &plan).await;
            let outcome = engine.apply(&plan, &Policy::default(), Verification::Full, &world.store()).await;
            let refused: Vec<_> =
                foreseen.iter().filter(|foreseen| matches!(foreseen.effect, Effect::Refuse { .. })).collect();
            match outcome.result {
                Ok(()) => {
                    assert_eq!(refused, Vec::<&Foreseen>::new(), "{name}");
                    let done: BTreeMap<ObjectId, Action> =
                        outcome.changes.iter().map(|change| (change.id.clone(), change.action)).collect();
                    assert_eq!(actions(&foreseen), done, "{name}");
                    for Foreseen { id, effect } in &foreseen {
                        assert_is_so(&world, id, effect, name).await;
                    }
                    break;
                }
                // Versions that go while objects may be stored in them.
                Err(ApplyError::Objects(failures)) if attempt == 0 => {
                    let failed: Vec<_> = failures.iter().map(|failure| &failure.id).collect();
                    assert_eq!(refused.iter().map(|foreseen| &foreseen.id).collect::<Vec<_>>(), failed, "{name}");
                    for object in objects.iter().filter(|object| failed.contains(&&object.id())) {
                        engine.make_way(object).await.unwrap();
                    }
                    attempt += 1;
                }
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
    world.clean_up().await;
}

/// The object is as it was foreseen, what controllers add to its metadata aside.
async fn assert_is_so(world: &World, id: &ObjectId, effect: &Effect, name: &str) {
    // What is created gets addresses and the like, which no dry run can know.
    let Effect::Configure { after, proof: Proof::DryRun, .. } = effect else {
        return;
    };
    let live = world.live(after).await.unwrap();
    let fields = |object: &Object| {
        let mut value = object.clone().into_value();
        value.as_object_mut().unwrap().retain(|field, _| !matches!(field.as_str(), "metadata" | "status"));
        // Picked at random by the API server.
        let ports = value.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten();
        ports.for_each(|port| drop(port.as_object_mut().unwrap().remove("nodePort")));
        value
    };
    assert_eq!(fields(after), fields(&live), "{name}: {id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_comes_with_the_run_is_desired_and_what_is_refused_says_why() {
    let world = World::new("foreseen").await;
    let engine = world.engine();
    let map = |name: &str| config_map(name).in_namespace(&world.namespace);
    let before = world.owned([
        map("same").data("k", "1").build(),
        map("changed").data("k", "1").build(),
        map("gone").data("k", "1").build(),
        map("kept").annotation("fluxcd.controlplane.io/prune", "disabled").build(),
        map("fixed").immutable().build(),
    ]);
    world.apply(&engine, &before).await.result.unwrap();
    let other = format!("{}-other", world.namespace);
    let after = world.owned([
        map("same").data("k", "1").build(),
        map("changed").data("k", "2").build(),
        map("new").build(),
        map("fixed").immutable().data("k", "2").build(),
        crd("seers.foreseen.example.com", "Seer").build(),
        custom("foreseen.example.com/v1", "Seer", "a").in_namespace(&world.namespace).spec(json!({"size": 1})).build(),
        custom("nowhere.example.com/v1", "Nothing", "a").in_namespace(&world.namespace).build(),
        namespace(&other).build(),
        config_map("there").in_namespace(&other).build(),
    ]);
    let plan = ApplyPlan::new(after, &world.stored().await);
    let foreseen = preview(&world, &plan).await;
    let told: BTreeMap<String, String> = foreseen
        .iter()
        .map(|Foreseen { id, effect }| {
            let told = match effect {
                Effect::Create { proof, .. } => format!("create {proof:?}"),
                Effect::Configure { proof, .. } => format!("configure {proof:?}"),
                Effect::Recreate { .. } => "recreate".to_owned(),
                Effect::Leave => "leave".to_owned(),
                Effect::Delete { .. } => "delete".to_owned(),
                Effect::Skip(SkipReason::PruneDisabled) => "keep".to_owned(),
                Effect::Skip(reason) => format!("skip {reason:?}"),
                Effect::Refuse { why, .. } => {
                    assert!(why.contains("immutable") || why.contains("has no kind `Nothing`"), "{why}");
                    "refuse".to_owned()
                }
            };
            (id.name.clone() + if id.group.is_empty() { "" } else { " of " } + &id.group, told)
        })
        .collect();
    let expected = [
        ("a of foreseen.example.com", "create Desired"),
        ("a of nowhere.example.com", "refuse"),
        ("changed", "configure DryRun"),
        ("fixed", "refuse"),
        (other.as_str(), "create DryRun"),
        ("gone", "delete"),
        ("kept", "keep"),
        ("new", "create DryRun"),
        ("same", "leave"),
        ("seers.foreseen.example.com of apiextensions.k8s.io", "create DryRun"),
        ("there", "create Desired"),
    ];
    let expected = expected.map(|(name, told)| (name.to_owned(), told.to_owned()));
    assert_eq!(told, BTreeMap::from(expected));
    world.clean_up().await;
}
