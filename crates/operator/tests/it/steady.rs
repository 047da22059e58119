//! Random changes of the spec, valid and not, one after the other.
//!
//! 20 in a row; `FLUX_OPERATOR_TEST_EVERY=1` makes it 200.

use flux_operator_api::{Component, FluxInstance, Object};
use flux_operator_builder::{InstancePlan, build};
use flux_operator_distro::Directory;
use flux_operator_testkit::cases::every;
use flux_operator_testkit::workspace;
use serde_json::{Value, json};

use crate::world::{World, condition, is_ready, spec, the_only_flux};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64: enough to jump around in a list of choices.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'c>(&mut self, choices: &'c [Value]) -> &'c Value {
        &choices[self.roll(choices.len())]
    }
}

/// Every field of the spec with values to choose from; null leaves it out. Some are wrong, alone or with others.
fn fields() -> Vec<(&'static str, Vec<Value>)> {
    let patch = |target: &str, text: &str| json!({"patches": [{"target": {"kind": target}, "patch": text}]});
    let replicas = "- op: replace\n  path: /spec/replicas\n  value: 1\n";
    let all = json!(Component::ALL);
    vec![
        (
            "components",
            vec![
                Value::Null,
                all,
                json!(["source-controller"]),
                json!(["source-controller", "kustomize-controller"]),
                json!(["source-controller", "source-controller"]),
            ],
        ),
        (
            "commonMetadata",
            vec![
                Value::Null,
                json!({"labels": {"team": "a"}}),
                json!({"annotations": {"team": "b"}, "labels": {"x": "y"}}),
            ],
        ),
        (
            "cluster",
            vec![
                Value::Null,
                json!({"size": "small"}),
                json!({"size": "large", "networkPolicy": false}),
                json!({"type": "openshift"}),
                json!({"multitenant": true, "tenantDefaultServiceAccount": "flux"}),
                json!({"domain": "cluster.internal"}),
                json!({"domain": "no domain"}),
            ],
        ),
        (
            "sharding",
            vec![
                Value::Null,
                json!({"shards": ["a"]}),
                json!({"shards": ["a", "b"], "key": "k"}),
                json!({"shards": ["a"], "storage": "persistent"}),
            ],
        ),
        (
            "storage",
            vec![
                Value::Null,
                json!({"class": "standard", "size": "1Gi"}),
                json!({"class": "standard", "size": "much"}),
            ],
        ),
        (
            "kustomize",
            vec![
                Value::Null,
                patch("Deployment", replicas),
                patch("Deployment", "- op: test\n  path: /kind\n  value: No\n"),
                patch("Deployment", "nonsense"),
            ],
        ),
        ("migrateResources", vec![Value::Null, json!(false)]),
        ("wait", vec![Value::Null, Value::Null, json!(false)]),
    ]
}

fn random(dice: &mut Dice) -> Value {
    let mut spec = spec(["2.x", "2.9.x", "2.9.90", "2.6.x", "9.x"][dice.roll(12).min(4)]);
    if dice.roll(3) > 0 {
        spec = crate::world::spec("2.9.x");
    }
    for (field, choices) in fields() {
        // Most fields keep their defaults most of the time, or hardly any spec would be valid.
        if dice.roll(3) == 0 {
            let choice = dice.pick(&choices).clone();
            if !choice.is_null() {
                spec[field] = choice;
            }
        }
    }
    // Nobody makes volumes in a cluster without nodes.
    if spec.get("storage").is_some() {
        spec["wait"] = json!(false);
    }
    spec
}

/// The objects that a spec stands for; none where it is wrong.
fn rendered(world: &World, spec: &Value) -> Option<Vec<Object>> {
    let spec = serde_json::from_value(spec.clone()).ok()?;
    let plan = InstancePlan::parse(&FluxInstance::new("flux", spec).in_namespace(world.namespace.as_str())).ok()?;
    let directory = Directory::open(workspace::distribution()).unwrap();
    let versions = directory.versions().unwrap();
    let version = plan.select(&versions).ok()?;
    // Only the newest is ever installed here, so anything older is a downgrade.
    (version == versions.last().unwrap()).then_some(())?;
    Some(build(&plan, &directory.release(version).unwrap()).ok()?.into_objects())
}

#[tokio::test(flavor = "multi_thread")]
async fn random_changes_end_ready_or_stalled() {
    let _flux = the_only_flux().await;
    let world = World::new("steady").await;
    let operator = world.operator();
    let first = spec("2.9.90");
    world.apply(&first).await;
    world.until_ready().await;
    let (objects, mut dice) = (world.owned().await, Dice(0x5eed));
    let rounds = if every() { 200 } else { 20 };
    let (mut ready, mut warm) = (0, 0);
    for round in 1..=rounds {
        let spec = random(&mut dice);
        let context = format!("round {round}: {spec}");
        let before = (world.owned().await, world.versions().await);
        if let Err(refused) = try_apply(&world, &spec).await {
            assert!(matches!(&refused, kube::Error::Api(status) if status.code == 422), "{context}: {refused}");
            continue;
        }
        if let Some(objects) = rendered(&world, &spec) {
            world.until(&context, is_ready).await;
            world.assert_as_recorded(&context).await;
            let expected: std::collections::BTreeSet<_> =
                objects.iter().map(Object::id).filter(|id| id.kind != "Namespace").collect();
            assert_eq!(world.owned().await, expected, "{context}");
            ready += 1;
        } else {
            let instance = world.until_stalled().await;
            let (_, _, message) = condition(&instance, "Stalled");
            assert!(message.contains("spec.") || message.contains("downgrading"), "{context}: {message}");
            assert_eq!((world.owned().await, world.versions().await), before, "{context}: Flux was touched");
        }
        if round == 10 {
            warm = operator.usage().unwrap().resident;
        }
    }
    assert!(ready > rounds / 5, "only {ready} of {rounds} were valid");
    let grown = operator.usage().unwrap().resident.saturating_sub(warm);
    println!("{rounds} changes, {ready} valid; memory grew from {} KiB by {} KiB", warm / 1024, grown / 1024);

    world.apply(&first).await;
    world.until_ready().await;
    assert_eq!(world.owned().await, objects, "back where it began");
    world.delete().await;
    assert_eq!(world.owned().await.len(), 0);
}

async fn try_apply(world: &World, spec: &Value) -> Result<(), kube::Error> {
    let instance = json!({
        "apiVersion": "fluxcd.controlplane.io/v1", "kind": "FluxInstance", "metadata": {"name": "flux"}, "spec": spec,
    });
    let params = kube::api::PatchParams::apply("kubectl").force();
    world.instances().patch("flux", &params, &kube::api::Patch::Apply(instance)).await.map(drop)
}
