//! The FluxReport of an installation with a thousand objects: right to the object, and cheap.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flux_operator_api::annotations;
use flux_operator_testkit::objects::{custom, resource};
use flux_operator_testkit::proxy::{Counts, Proxy, Verb};
use flux_operator_testkit::workspace;
use futures::stream::{self, StreamExt as _};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::process::Operator;
use crate::world::{World, condition, spec, the_only_flux, until, with};

/// Kinds with objects, how many of each, and which part of them is suspended and fails.
const FLEET: [(&str, &str, usize); 5] = [
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", 400),
    ("helm.toolkit.fluxcd.io/v2", "HelmRelease", 300),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", 150),
    ("source.toolkit.fluxcd.io/v1", "HelmRepository", 100),
    ("notification.toolkit.fluxcd.io/v1beta3", "Alert", 50),
];

/// What becomes of the nth object of a kind: every tenth is suspended, and of the others some fail and some wait.
fn fate(nth: usize) -> (bool, &'static str, &'static str) {
    match nth % 10 {
        0 => (true, "False", "BuildFailed"),
        1 => (false, "False", "BuildFailed"),
        2 => (false, "False", "DependencyNotReady"),
        3 => (false, "Unknown", "Progressing"),
        _ => (false, "True", "Succeeded"),
    }
}

fn object(api_version: &str, kind: &str, namespace: &str, nth: usize) -> (Value, Value) {
    let (suspend, ready, reason) = fate(nth);
    let mut spec = match kind {
        "Kustomization" => json!({
            "interval": "1h", "path": format!("./apps/{nth}"), "prune": true,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        }),
        "HelmRelease" => json!({"interval": "1h", "chartRef": {"kind": "HelmChart", "name": "chart"}}),
        "GitRepository" => json!({"interval": "1h", "url": "https://example.com/fleet", "ref": {"branch": "main"}}),
        "HelmRepository" => json!({"interval": "1h", "url": "https://example.com/charts"}),
        _ => json!({"providerRef": {"name": "p"}, "eventSources": [{"kind": "Kustomization", "name": "*"}]}),
    };
    spec["suspend"] = suspend.into();
    let object = custom(api_version, kind, &format!("{}-{nth}", kind.to_lowercase())).in_namespace(namespace);
    let mut status = json!({
        "observedGeneration": 1,
        "conditions": [{
            "type": "Ready", "status": ready, "reason": reason, "message": "as it is ".repeat(20),
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    });
    if kind == "GitRepository" {
        status["artifact"] = json!({"revision": format!("main@sha1:{nth:040}"), "size": 1024});
    }
    (object.spec(spec).build().into_value(), status)
}

impl World {
    fn of(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(api_version, kind))
    }

    fn reports(&self) -> Api<DynamicObject> {
        self.of("fluxcd.controlplane.io/v1", "FluxReport")
    }

    /// The report; null where there is none.
    async fn report(&self) -> Value {
        let report = self.reports().get_opt("flux").await.unwrap();
        report.map_or(Value::Null, |report| serde_json::to_value(report).unwrap())
    }

    pub(crate) async fn until_reported(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let report = self.report().await;
            if is_so(&report) {
                return report;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "{what}: {report:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes every object of the fleet, with its status.
    async fn populate(&self) {
        let all =
            FLEET.iter().flat_map(|(api_version, kind, count)| (0..*count).map(move |n| (*api_version, *kind, n)));
        stream::iter(all)
            .for_each_concurrent(16, async |(api_version, kind, nth)| {
                let (object, status) = object(api_version, kind, &self.namespace, nth);
                let api = self.of(api_version, kind);
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
                // An Alert has no status.
                if kind != "Alert" {
                    self.set_status(&api, &name, status).await;
                }
            })
            .await;
    }

    async fn set_status(&self, api: &Api<DynamicObject>, name: &str, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    async fn depopulate(&self) {
        for (api_version, kind, _) in FLEET {
            let (delete, list) = (DeleteParams::default(), ListParams::default());
            self.of(api_version, kind).delete_collection(&delete, &list).await.unwrap();
        }
    }
}

/// The figures of each kind of Flux that has objects.
fn figures(report: &Value) -> BTreeMap<String, [i64; 3]> {
    let reconcilers = report["spec"]["reconcilers"].as_array().into_iter().flatten();
    let figures = reconcilers.map(|of| {
        let count = |field: &str| of["stats"][field].as_i64().unwrap();
        (of["kind"].as_str().unwrap().to_owned(), [count("running"), count("failing"), count("suspended")])
    });
    figures.filter(|(kind, counts)| kind != "FluxInstance" && *counts != [0, 0, 0]).collect()
}

/// What they have to be.
fn expected() -> BTreeMap<String, [i64; 3]> {
    let of_kind = |(_, kind, count): &(&str, &str, usize)| {
        let tenth = i64::try_from(*count / 10).unwrap();
        let failing = if *kind == "Alert" { 0 } else { tenth };
        ((*kind).to_owned(), [9 * tenth, failing, tenth])
    };
    FLEET.iter().map(of_kind).collect()
}

/// Lists of whole kinds, and writes of the report.
fn lists(counts: &Counts) -> usize {
    counts.of_verb(Verb::List)
}

fn writes(counts: &Counts) -> usize {
    let verbs = [Verb::Create, Verb::Update, Verb::Patch, Verb::Apply];
    let of = |resource: &str| verbs.iter().map(|verb| counts.of(*verb, resource)).sum::<usize>();
    of("fluxreports") + of("fluxreports/status")
}

async fn series(operator: &Operator, start: &str) -> Vec<String> {
    let (_, metrics) = operator.ask("--metrics-addr", "/metrics").await;
    metrics.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

/// The least time between two reports while objects change. A minute by default; an interval below makes it shorter.
const PAUSE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_objects_are_reported_to_the_object() {
    let _flux = the_only_flux().await;
    let world = World::new("reporting").await;
    let proxy = Proxy::start(world.config.clone()).await.unwrap();
    let storage = format!("--storage-path={}", workspace::distribution().display());
    let interval = format!("--reporting-interval={}s", PAUSE.as_secs());
    let arguments = ["--enable-leader-election=false", &interval, &storage];
    let operator = Operator::start(&proxy.kubeconfig(), &world.namespace, &arguments);
    before_flux(&world).await;
    the_sync_right_after_the_installation(&world).await;
    controllers_and_kinds(&world).await;
    a_fleet(&world, &operator).await;
    statuses_that_change_all_the_time(&world, &proxy).await;
    wishes_of_the_user(&world).await;
    objects_that_are_gone(&world, &operator, &proxy).await;
    after_flux(&world).await;
    assert!(!operator.log().contains("cannot write FluxReport"), "{}", operator.log());
}

async fn before_flux(world: &World) {
    let report = world.until_reported("there is a report", |report| condition(report, "Ready").0 == "True").await;
    assert_eq!(report["spec"]["distribution"], json!({"entitlement": "Unknown", "status": "Not Installed"}));
    assert_eq!(condition(&report, "Ready").1, "Succeeded");
    let operator = &report["spec"]["operator"];
    assert_eq!(operator["apiVersion"], "fluxcd.controlplane.io/v1");
    assert_eq!(operator["version"], concat!("v", env!("CARGO_PKG_VERSION")));
    assert!(report["spec"]["cluster"]["serverVersion"].as_str().unwrap().starts_with("v1."), "{report:#}");
    assert_eq!(report["spec"].get("reconcilers"), None);
}

/// Whatever was written a moment ago.
async fn the_sync_right_after_the_installation(world: &World) {
    let url = "https://example.com/fleet";
    let sync = json!({"kind": "GitRepository", "url": url, "ref": "refs/heads/main", "path": "./"});
    world.apply(&with(spec("2.9.90"), &json!({"wait": false, "sync": sync}))).await;
    world.until_ready().await;
    let began = Instant::now();
    let report = world.until_reported("Flux is reported", |report| report["spec"].get("sync").is_some()).await;
    assert!(began.elapsed() < 3 * PAUSE, "reported after {:?}", began.elapsed());
    let distribution = json!({
        "entitlement": "Unknown", "status": "Installed", "version": "v2.9.90", "managedBy": "flux-operator",
    });
    assert_eq!(report["spec"]["distribution"], distribution);
    let id = format!("kustomization/{}", world.namespace);
    let expected = json!({"id": id, "path": "./", "ready": false, "status": "not initialized", "source": url});
    assert_eq!(report["spec"]["sync"], expected);
}

async fn controllers_and_kinds(world: &World) {
    world.apply(&spec("2.9.90")).await;
    world.until_ready().await;
    let is_complete = |report: &Value| {
        let components = report["spec"]["components"].as_array().into_iter().flatten();
        report["spec"].get("sync").is_none() && components.filter(|of| of["ready"] == true).count() == 4
    };
    let report = world.until_reported("the controllers are reported", is_complete).await;
    let components = report["spec"]["components"].as_array().unwrap();
    let names: Vec<_> = components.iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["helm-controller", "kustomize-controller", "notification-controller", "source-controller"]);
    assert_eq!(components[3]["status"], "Current Deployment is available. Replicas: 1");
    assert!(components[3]["image"].as_str().unwrap().contains("/source-controller:v"), "{components:?}");
    let text = |of: &Value, field: &str| of[field].as_str().unwrap().to_owned();
    let reconcilers = report["spec"]["reconcilers"].as_array().unwrap();
    let kinds: Vec<_> = reconcilers.iter().map(|of| text(of, "apiVersion") + &text(of, "kind")).collect();
    assert!(kinds.is_sorted() && kinds.len() > 11, "{kinds:#?}");
}

async fn a_fleet(world: &World, operator: &Operator) {
    world.populate().await;
    let report = world.until_reported("the fleet is reported", |report| figures(report) == expected()).await;
    let mut reconcilers = report["spec"]["reconcilers"].as_array().unwrap().iter();
    let repositories = reconcilers.find(|of| of["kind"] == "GitRepository").unwrap();
    assert_eq!(repositories["stats"]["totalSize"], "150.0 KiB");
    let all = series(operator, "flux_resource_info{").await;
    assert_eq!(all.len(), 1000);
    let one = all.iter().find(|line| line.contains(r#"name="kustomization-1""#)).unwrap();
    let labels = format!(
        "kind=\"Kustomization\",name=\"kustomization-1\",exported_namespace=\"{}\",ready=\"False\",\
         reason=\"BuildFailed\",suspended=\"False\",revision=\"\",url=\"\",ref=\"\",source_name=\"fleet\",\
         path=\"./apps/1\"}} 1",
        world.namespace
    );
    assert!(one.ends_with(&labels), "{one}\n{labels}");
    let is_ready_alert = |line: &&String| line.contains("kind=\"Alert\"") && line.contains("ready=\"True\"");
    assert_eq!(all.iter().filter(is_ready_alert).count(), 50);
}

/// Nothing is listed, and a report written now and then.
async fn statuses_that_change_all_the_time(world: &World, proxy: &Proxy) {
    sleep(PAUSE).await;
    let (before, began) = (proxy.counts(), Instant::now());
    let (api_version, kind, _) = FLEET[0];
    let api = world.of(api_version, kind);
    let mut changes = 0_usize;
    while began.elapsed() < 4 * PAUSE {
        // All of them fail, one after the other, and then none.
        let fate = if (changes / 40).is_multiple_of(2) { 1 } else { 4 };
        let (_, mut status) = object(api_version, kind, &world.namespace, fate);
        status["lastAttemptedRevision"] = changes.to_string().into();
        world.set_status(&api, &format!("kustomization-{}", 4 + 10 * (changes % 40)), status).await;
        changes += 1;
        sleep(Duration::from_millis(50)).await;
    }
    let (counts, took) = (proxy.counts().since(&before), began.elapsed());
    println!("{changes} changes of a status in {took:?}: {} lists, {} writes", lists(&counts), writes(&counts));
    assert!(changes > 50, "{changes}");
    assert_eq!(lists(&counts), 0, "{counts}");
    let most = usize::try_from(took.as_secs() / PAUSE.as_secs()).unwrap() + 1;
    assert!((1..=most).contains(&writes(&counts)), "at most {most} were to be written: {counts}");
}

async fn wishes_of_the_user(world: &World) {
    let reports = world.reports();
    let patch = async |patch: Value| {
        reports.patch("flux", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    };
    // Who asks is answered, and told.
    patch(json!({"metadata": {"annotations": {annotations::REQUESTED_AT: "now"}}})).await;
    world.until_reported("the request is handled", |report| report["status"]["lastHandledReconcileAt"] == "now").await;
    // What somebody else writes does not stay.
    let sync = json!({"id": "a", "ready": true, "status": ""});
    patch(json!({"spec": {"distribution": {"version": "v1"}, "sync": sync}})).await;
    let is_right =
        |report: &Value| report["spec"]["distribution"]["version"] == "v2.9.90" && report["spec"].get("sync").is_none();
    world.until_reported("the report is right again", is_right).await;
    // A report that is deleted comes back, and one that is switched off is left alone.
    reports.delete("flux", &DeleteParams::default()).await.unwrap();
    world.until_reported("the report is back", is_right).await;
    patch(json!({"metadata": {"annotations": {annotations::RECONCILE: "disabled"}}})).await;
    sleep(PAUSE).await;
}

/// They have no series, reported or not.
async fn objects_that_are_gone(world: &World, operator: &Operator, proxy: &Proxy) {
    let before = proxy.counts();
    world.depopulate().await;
    until("no series are left", async || series(operator, "flux_resource_info{").await.is_empty().then_some(())).await;
    sleep(PAUSE).await;
    assert_eq!(writes(&proxy.counts().since(&before)), 0, "{}", proxy.story());
    let on = Patch::Merge(json!({"metadata": {"annotations": {annotations::RECONCILE: null}}}));
    world.reports().patch("flux", &PatchParams::default(), &on).await.unwrap();
    world.until_reported("an empty Flux is reported", |report| figures(report).is_empty()).await;
}

async fn after_flux(world: &World) {
    world.delete().await;
    let is_gone = |report: &Value| report["spec"]["distribution"]["status"] == "Not Installed";
    let report = world.until_reported("Flux is gone", is_gone).await;
    assert_eq!((report["spec"].get("reconcilers"), report["spec"].get("components")), (None, None), "{report:#}");
    assert_eq!(condition(&report, "Ready").0, "True");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_takes_reports_by_one_name() {
    let world = World::new("naming").await;
    let report = |name: &str, status: &str| {
        let spec = json!({"distribution": {"entitlement": "Unknown", "status": status}});
        serde_json::from_value(custom("fluxcd.controlplane.io/v1", "FluxReport", name).spec(spec).build().into_value())
    };
    let create = async |name: &str, status: &str| {
        world.reports().create(&PostParams::default(), &report(name, status).unwrap()).await.map(drop)
    };
    let refused = create("other", "Installed").await.unwrap_err().to_string();
    assert!(refused.contains("has to be named `flux`, no other name is accepted"), "{refused}");
    let refused = create("flux", "Maybe").await.unwrap_err().to_string();
    assert!(refused.contains(r#"supported values: "Installed", "Not Installed", "Unknown""#), "{refused}");
    create("flux", "Not Installed").await.unwrap();
}
