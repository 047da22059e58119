//! The operator dies at a write, or is refused one, and the next run goes on.
//!
//! `FLUX_OPERATOR_TEST_EVERY=1` tries every write of an install, an upgrade and an uninstall; without
//! it, a sample.

use flux_operator_testkit::cases::spread;
use flux_operator_testkit::proxy::{Fault, KillAt, Match, Proxy, Rule};
use kube::api::DeleteParams;
use serde_json::Value;

use crate::world::{World, condition, is_ready, spec, the_only_flux, until};

#[derive(Clone, Copy, Debug)]
enum Task {
    Install,
    Upgrade,
    Uninstall,
}

impl Task {
    /// What the user does.
    async fn ask(self, world: &World) {
        match self {
            Self::Install => world.apply(&spec("2.6.90")).await,
            Self::Upgrade => world.apply(&spec("2.9.90")).await,
            Self::Uninstall => {
                world.instances().delete("flux", &DeleteParams::default()).await.unwrap();
            }
        }
    }

    /// Whether the user has what he asked for.
    fn is_done(self, instance: &Value) -> bool {
        match self {
            Self::Install | Self::Upgrade => is_ready(instance),
            Self::Uninstall => instance.is_null(),
        }
    }

    /// Brings the cluster into the state that the task starts from.
    async fn prepare(self, world: &World) {
        let operator = world.operator();
        if !world.instance().await.is_null() {
            world.instances().delete("flux", &DeleteParams::default()).await.unwrap();
            world.until("the instance is gone", Value::is_null).await;
        }
        match self {
            Self::Install => {}
            Self::Upgrade | Self::Uninstall => {
                world.apply(&spec("2.6.90")).await;
                world.until_ready().await;
            }
        }
        drop(operator);
    }

    /// Fails unless the cluster is as if nothing had happened.
    async fn assert_done(self, world: &World, context: &str) {
        match self {
            Self::Install | Self::Upgrade => {
                world.assert_as_recorded(context).await;
                let version = if matches!(self, Self::Install) { "v2.6.90" } else { "v2.9.90" };
                let controller = world.deployment("helm-controller").await.unwrap();
                assert_eq!(controller["metadata"]["labels"]["app.kubernetes.io/version"], version, "{context}");
            }
            Self::Uninstall => assert_eq!(world.owned().await.len(), 0, "{context}"),
        }
    }
}

/// How many writes a task has when nobody disturbs it. Events are not counted: nothing depends on them.
async fn writes(world: &World, task: Task) -> usize {
    task.prepare(world).await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    task.ask(world).await;
    let _operator = world.operator_behind(&proxy);
    world.until("undisturbed", |instance| task.is_done(instance)).await;
    proxy.counts().writes()
}

/// Nothing that is there is unknown, and `Ready` is not claimed for what is not.
async fn assert_honest(world: &World, task: Task, context: &str) {
    let instance = world.instance().await;
    let inventory = world.inventory().await;
    for id in world.owned().await {
        assert!(inventory.contains(&id), "{context}: {id} is in no inventory");
    }
    if !instance.is_null() && is_ready(&instance) && !matches!(task, Task::Uninstall) {
        task.assert_done(world, context).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_writes() {
    let _flux = the_only_flux().await;
    let world = World::new("death").await;
    let mut tried = 0;
    for (task, sample) in [(Task::Install, 4), (Task::Upgrade, 3), (Task::Uninstall, 3)] {
        let writes = writes(&world, task).await;
        for nth in spread(writes, sample) {
            for at in [KillAt::Before, KillAt::After] {
                let context = format!("{task:?}, killed {at:?} write {nth} of {writes}");
                task.prepare(&world).await;
                let proxy = Proxy::start(world.config.clone()).await.unwrap();
                proxy.kill_at(nth, at);
                task.ask(&world).await;
                let operator = world.operator_behind(&proxy);
                // Fewer writes than last time are no fault: some depend on how fast the cluster is.
                tokio::select! {
                    () = proxy.killed() => {}
                    _ = world.until(&context, |instance| task.is_done(instance)) => {}
                }
                drop(operator);
                proxy.settled().await;
                assert_honest(&world, task, &context).await;

                let _next = world.operator();
                world.until(&context, |instance| task.is_done(instance)).await;
                task.assert_done(&world, &context).await;
                tried += 1;
            }
        }
        println!("{task:?}: {writes} writes");
    }
    println!("killed {tried} times, always recovered");
    Task::Install.prepare(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_a_write() {
    let _flux = the_only_flux().await;
    let world = World::new("refused").await;
    let mut tried = 0;
    for (task, sample) in [(Task::Install, 3), (Task::Upgrade, 3), (Task::Uninstall, 3)] {
        let writes = writes(&world, task).await;
        for nth in spread(writes, sample) {
            let context = format!("{task:?}, refused write {nth} of {writes}");
            task.prepare(&world).await;
            let proxy = Proxy::start(world.config.clone()).await.unwrap();
            proxy.rule(Rule::new(Match::write(), Fault::Answer(http::StatusCode::FORBIDDEN)).nth(nth));
            task.ask(&world).await;
            let _operator = world.operator_behind(&proxy);
            world.until(&context, |instance| task.is_done(instance)).await;
            task.assert_done(&world, &context).await;
            tried += 1;
        }
    }
    println!("refused {tried} writes, always recovered");
    Task::Install.prepare(&world).await;
}

/// A permission that is missing is said, and its coming noticed.
#[tokio::test(flavor = "multi_thread")]
async fn refused_for_long() {
    let _flux = the_only_flux().await;
    let world = World::new("denied").await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    proxy.rule(Rule::new(Match::write().resource("networkpolicies"), Fault::Answer(http::StatusCode::FORBIDDEN)));
    let _operator = world.operator_behind(&proxy);
    world.apply(&spec("2.9.90")).await;
    let instance = world.until("it fails", |instance| condition(instance, "Ready").1 == "ReconciliationFailed").await;
    let (_, _, message) = condition(&instance, "Ready");
    assert!(message.contains("NetworkPolicy/denied-test/allow-egress apply failed (Forbidden)"), "{message}");
    proxy.clear_rules();
    world.until_ready().await;

    // While it is uninstalled, too: the finalizer stays until everything is gone.
    proxy.rule(Rule::new(
        Match::verb(flux_operator_testkit::proxy::Verb::Delete).resource("services"),
        Fault::Answer(http::StatusCode::FORBIDDEN),
    ));
    world.instances().delete("flux", &DeleteParams::default()).await.unwrap();
    let instance =
        world.until("it fails", |instance| condition(instance, "Ready").2.starts_with("uninstall failed: ")).await;
    assert!(condition(&instance, "Ready").2.contains("Service/denied-test/"), "{instance:#}");
    proxy.clear_rules();
    until("it is gone", async || world.instance().await.is_null().then_some(())).await;
    assert_eq!(world.owned().await.len(), 0);
}
