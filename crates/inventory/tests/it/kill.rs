//! The process dies at a write, and the next one takes over.
//!
//! The victim is this test program itself, started again and killed by signal, so that nothing of it
//! survives. `FLUX_OPERATOR_TEST_EVERY=1` tries every write of an install, an upgrade and an
//! uninstall; without it, a sample.

use std::process::Stdio;

use flux_operator_api::Object;
use flux_operator_inventory::{ApplyPlan, Engine, Entry, Inventory, InventoryStore as _, Owner, Policy, Verification};
use flux_operator_testkit::cases::spread;
use flux_operator_testkit::proxy::{KillAt, Proxy};
use flux_operator_testkit::workspace;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use crate::world::{MapStore, World, flux, the_only_flux};

/// What the victim is told: the namespace of the test, what to do, the kubeconfig.
const ROLE: &str = "FLUX_OPERATOR_TEST_VICTIM";

#[derive(Clone, Copy, Debug)]
enum Task {
    Install,
    Upgrade,
    Uninstall,
}

const OLD: &str = "2.6.90";
const NEW: &str = "2.9.90";

impl Task {
    fn named(name: &str) -> Self {
        match name {
            "Install" => Self::Install,
            "Upgrade" => Self::Upgrade,
            _ => Self::Uninstall,
        }
    }

    /// What is installed before.
    fn before(self) -> Option<&'static str> {
        match self {
            Self::Install => None,
            Self::Upgrade | Self::Uninstall => Some(OLD),
        }
    }

    fn objects(self, namespace: &str) -> Vec<Object> {
        match self {
            Self::Install => flux(&workspace::distribution(), OLD, namespace),
            Self::Upgrade => flux(&workspace::distribution(), NEW, namespace),
            Self::Uninstall => Vec::new(),
        }
    }

    /// Does it, as an operator would: from the stored inventory, whatever was done before.
    async fn run(self, client: kube::Client, namespace: &str) {
        let engine = Engine::new(client.clone(), Owner::new("flux", namespace));
        let store = MapStore { client, namespace: namespace.to_owned() };
        let plan = ApplyPlan::new(self.objects(namespace), &store.load().await);
        let outcome = engine.apply(&plan, &Policy::default(), Verification::Full, &store).await;
        assert!(outcome.result.is_ok(), "{self:?}: {}", outcome.result.unwrap_err());
    }
}

/// Not a test: what the victim does.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let [namespace, task, kubeconfig] = role.splitn(3, '|').collect::<Vec<_>>().try_into().unwrap();
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    config.root_cert = Some(Vec::new());
    Task::named(task).run(kube::Client::try_from(config).unwrap(), namespace).await;
}

/// Runs a task in a process of its own, which is killed as soon as the proxy has died. False where
/// it was done before that: how many writes there are depends a little on how fast the cluster is.
async fn die(world: &World, proxy: &Proxy, task: Task) -> bool {
    let mut victim = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::victim", "--nocapture"])
        .env(ROLE, format!("{}|{task:?}|{}", world.namespace, proxy.kubeconfig()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    tokio::select! {
        () = proxy.killed() => victim.kill().await.unwrap(),
        status = victim.wait() => {
            assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{task:?}: {status:?}\n{}", proxy.story());
            return false;
        }
    }
    proxy.settled().await;
    true
}

/// Brings the cluster into the state that a task starts from.
async fn prepare(world: &World, task: Task) {
    // Whatever an earlier case left.
    let everything = [Task::Install, Task::Upgrade].map(|task| task.objects(&world.namespace)).concat();
    let store = MapStore { client: world.direct.clone(), namespace: world.namespace.clone() };
    store.save(&everything.iter().map(Entry::from).collect::<Inventory>()).await.unwrap();
    world.clean_up().await;
    if task.before().is_some() {
        Task::Install.run(world.direct.clone(), &world.namespace).await;
    }
}

/// How many writes a task has when nobody disturbs it.
async fn writes(world: &World, task: Task) -> usize {
    prepare(world, task).await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    task.run(proxy.client(), &world.namespace).await;
    proxy.counts().writes()
}

async fn survives(world: &World, task: Task, sample: usize) -> usize {
    let everything = [Task::Install, Task::Upgrade].map(|task| task.objects(&world.namespace)).concat();
    let mut tried = 0;
    let writes = writes(world, task).await;
    for nth in spread(writes, sample) {
        for at in [KillAt::Before, KillAt::After] {
            let context = format!("{task:?}, killed {at:?} write {nth} of {writes}");
            prepare(world, task).await;
            let proxy = Proxy::start(world.config.clone()).await.unwrap();
            proxy.kill_at(nth, at);
            tried += usize::from(die(world, &proxy, task).await);
            world.assert_nothing_is_unrecorded(&everything, &context).await;

            task.run(world.direct.clone(), &world.namespace).await;
            world.assert_nothing_is_unrecorded(&everything, &context).await;
            let desired = task.objects(&world.namespace);
            let there = world.versions(&desired).await;
            assert_eq!(there.len(), desired.len(), "{context}: something is missing");
            let ids: std::collections::BTreeSet<_> = desired.iter().map(Object::id).collect();
            let mut owned = world.all_owned(&everything).await;
            // The namespace is never deleted.
            owned.retain(|id| id.kind != "Namespace");
            assert!(owned.is_subset(&ids), "{context}: something is left: {owned:?}");
        }
    }
    println!("{task:?}: {writes} writes, killed {tried} times");
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_completes_what_a_killed_one_began() {
    let _flux = the_only_flux().await;
    let world = World::new("kill").await;
    let mut tried = 0;
    for task in [Task::Install, Task::Upgrade, Task::Uninstall] {
        tried += survives(&world, task, 4).await;
    }
    println!("killed {tried} times, always recovered");
    prepare(&world, Task::Install).await;
}
