//! The cluster itself: that it is a Kubernetes, and that nothing is left of it.
//!
//! Where there is neither Go nor a folder with programs, these tests say so and pass.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flux_operator_testkit::cluster::{self, Background, Cluster, ClusterError, Options, Up};
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

/// How long anything may take that controllers do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Set for a process that is to own a cluster until it is killed.
const OWNER: &str = "TESTKIT_OWNER";

/// Set, to its name, for a process that is to own a cluster in the background.
const WORKER: &str = "TESTKIT_WORKER";

fn start(options: &Options) -> Option<Cluster> {
    match Cluster::start(options) {
        Err(error @ ClusterError::NoGo) => {
            eprintln!("skipped: {error}");
            None
        }
        result => Some(result.unwrap()),
    }
}

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn resource(api_version: &str, kind: &str, plural: &str) -> ApiResource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

fn namespaces(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &resource("v1", "Namespace", "namespaces"))
}

fn namespaced(client: &Client, namespace: &str, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, resource)
}

async fn create(api: &Api<DynamicObject>, object: Value) -> DynamicObject {
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

/// Asks until the answer is yes.
async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let began = Instant::now();
    while !ask().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    eprintln!("{what}: {:.1} s", began.elapsed().as_secs_f64());
}

fn deployment(annotations: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": annotations},
                "spec": {"containers": [{"name": "web", "image": "example.com/web:v1"}]},
            },
        },
    })
}

fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a str> {
    let conditions = object.data.get("status")?.get("conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?.get("status")?.as_str()
}

/// One cluster for all of it: a life, from the first question to the last namespace.
#[tokio::test(flavor = "multi_thread")]
async fn is_a_kubernetes() {
    let options = Options { audit: true, ..Options::default() };
    let began = Instant::now();
    let Some(cluster) = tokio::task::spawn_blocking(move || start(&options)).await.unwrap() else { return };
    eprintln!("ready: {:.1} s", began.elapsed().as_secs_f64());
    let client = client(cluster.kubeconfig()).await;

    assert!(client.apiserver_version().await.unwrap().git_version.starts_with("v1."));
    let accounts = namespaced(&client, "default", &resource("v1", "ServiceAccount", "serviceaccounts"));
    accounts.get("default").await.unwrap();
    let nodes = Api::<DynamicObject>::all_with(client.clone(), &resource("v1", "Node", "nodes"));
    let nodes = nodes.list(&ListParams::default()).await.unwrap();
    assert_eq!(nodes.items.iter().map(|node| condition(node, "Ready")).collect::<Vec<_>>(), [Some("True")]);

    create(&namespaces(&client), json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})).await;
    let deployments = namespaced(&client, "apps", &resource("apps/v1", "Deployment", "deployments"));
    let pods = namespaced(&client, "apps", &resource("v1", "Pod", "pods"));
    let pods_left = async || pods.list(&ListParams::default()).await.unwrap().items.len();

    create(&deployments, deployment(&json!({}))).await;
    eventually("Deployment is available", async || {
        condition(&deployments.get("web").await.unwrap(), "Available") == Some("True")
    })
    .await;
    assert_eq!(pods_left().await, 2);
    deployments.delete("web", &DeleteParams::default()).await.unwrap();
    eventually("what the Deployment owns is gone", async || pods_left().await == 0).await;

    create(&deployments, deployment(&json!({"testkit/never-ready": "true"}))).await;
    eventually("Deployment that is never ready is past its deadline", async || {
        condition(&deployments.get("web").await.unwrap(), "Progressing") == Some("False")
    })
    .await;

    let jobs = namespaced(&client, "apps", &resource("batch/v1", "Job", "jobs"));
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "once", "image": "example.com/once:v1"}],
        }}},
    });
    create(&jobs, job).await;
    eventually("Job is complete", async || condition(&jobs.get("once").await.unwrap(), "Complete") == Some("True"))
        .await;

    namespaces(&client).delete("apps", &DeleteParams::default()).await.unwrap();
    eventually("namespace is gone", async || namespaces(&client).get_opt("apps").await.unwrap().is_none()).await;

    let audit = fs::read_to_string(cluster.audit_log().unwrap()).unwrap();
    let deletes = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_apps =
        |event: &Value| event["objectRef"]["resource"] == "namespaces" && event["objectRef"]["name"] == "apps";
    let deletes = deletes.filter(|event| event["verb"] == "delete" && of_apps(event));
    assert_eq!(deletes.count(), 1);
    // Nobody kept waiting: all of it goes in a moment.
    let (folder, began) = (cluster.folder().to_owned(), Instant::now());
    drop(cluster);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    check_gone(&folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_checked() {
    let options = Options { controllers: false, ..Options::default() };
    let Some(cluster) = tokio::task::spawn_blocking(move || start(&options)).await.unwrap() else { return };
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info.impersonate = Some("system:serviceaccount:apps:deployer".to_owned());
    let nobody = Client::try_from(config).unwrap();
    let error = namespaces(&nobody).get("default").await.unwrap_err();
    assert!(matches!(&error, kube::Error::Api(status) if status.code == 403), "{error}");

    // Without controllers, nobody makes service accounts, and pods are stored all the same.
    let pods = namespaced(&client(cluster.kubeconfig()).await, "default", &resource("v1", "Pod", "pods"));
    let containers = json!([{"name": "a", "image": "example.com/a:v1"}]);
    create(
        &pods,
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "a"},
            "spec": {"containers": containers},
        }),
    )
    .await;
}

#[test]
fn clusters_live_side_by_side() {
    let options = Options { controllers: false, ..Options::default() };
    let clusters: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..2).map(|_| scope.spawn(|| start(&options))).collect();
        starts.into_iter().filter_map(|start| start.join().unwrap()).collect()
    });
    if let [one, other] = &clusters[..] {
        assert_ne!(one.url(), other.url());
        assert_ne!(one.folder(), other.folder());
    }
}

/// The processes that have to do with a folder. Empty where there is no `/proc`.
fn processes(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let commands = fs::read_dir("/proc").into_iter().flatten().flatten();
    let commands = commands.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let commands = commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " "));
    commands.filter(|command| command.contains(folder)).collect()
}

#[track_caller]
fn check_gone(folder: &Path) {
    let began = Instant::now();
    loop {
        let left = processes(folder);
        if left.is_empty() && !folder.exists() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "left of {}: {left:#?}", folder.display());
        thread::sleep(Duration::from_millis(50));
    }
}

/// This test program again, with one test that is for a process of its own.
fn again(test: &str, variable: &str, value: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(variable, value).stdin(Stdio::null());
    command
}

#[test]
fn nothing_outlives_an_owner_that_is_killed() {
    let mut owner = again("cluster::owner", OWNER, "yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let folder = lines.find_map(|line| Some(PathBuf::from(line.split_once("folder: ")?.1)));
    // None where the owner skipped.
    if let Some(folder) = folder {
        if cfg!(target_os = "linux") {
            let running = processes(&folder);
            for name in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"] {
                assert!(running.iter().any(|command| command.contains(name)), "{name} is not in {running:#?}");
            }
        }
        owner.kill().unwrap();
        owner.wait().unwrap();
        check_gone(&folder);
    }
    owner.wait().unwrap();
}

#[test]
#[ignore = "what `nothing_outlives_an_owner_that_is_killed` runs and kills"]
fn owner() {
    if env::var_os(OWNER).is_none() {
        return;
    }
    if let Some(cluster) = start(&Options::default()) {
        println!("folder: {}", cluster.folder().display());
        thread::sleep(PATIENCE);
    }
}

#[test]
fn a_cluster_in_the_background_has_a_name() {
    let name = format!("test-{}", std::process::id());
    let options = Options { controllers: false, ..Options::default() };
    let up = || cluster::up(&name, &options, again("cluster::worker", WORKER, &name));
    assert_eq!(Background::find(&name).unwrap(), None);
    let background = match up() {
        Err(ClusterError::NoGo) => return,
        Ok(Up::Started(background)) => background,
        other => panic!("{other:?}"),
    };
    assert_eq!(background.unready().unwrap(), None);
    assert!(matches!(up(), Ok(Up::Running(same)) if same == background));
    assert_eq!(Background::find(&name).unwrap().as_ref(), Some(&background));

    background.stop().unwrap();
    assert_eq!(Background::find(&name).unwrap(), None);
    check_gone(background.folder());
}

#[test]
#[ignore = "what `a_cluster_in_the_background_has_a_name` runs"]
fn worker() {
    let Ok(name) = env::var(WORKER) else { return };
    let options = Options { controllers: false, ..Options::default() };
    cluster::serve(&name, &options, false, |_| ()).unwrap();
}

/// A folder with programs that do nothing but this.
fn programs(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["etcd", "kube-apiserver"] {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn failure(script: &str) -> Option<ClusterError> {
    let programs = programs(script);
    let options = Options {
        bin_dir: Some(programs.path().to_owned()),
        controllers: false,
        within: Duration::from_secs(2),
        ..Options::default()
    };
    match Cluster::start(&options) {
        Err(ClusterError::NoGo) => None,
        Err(error) => Some(error),
        Ok(_) => panic!("a cluster out of nothing"),
    }
}

#[test]
fn a_program_that_gives_up_is_quoted() {
    let Some(error) = failure("echo no luck >&2; exit 3") else { return };
    let text = error.to_string();
    let ClusterError::Ended { status, log, .. } = error else { panic!("{text}") };
    assert_eq!(status, 3);
    assert!(text.ends_with("no luck"), "{text}");
    // The logs are kept, and nothing else.
    let folder = log.ancestors().nth(2).unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_port_that_is_taken_is_tried_again() {
    let counter = tempfile::NamedTempFile::new().unwrap();
    let script = format!("echo x >>{}; echo 'bind: address already in use'; exit 1", counter.path().display());
    let Some(error) = failure(&script) else { return };
    let ClusterError::Ended { log, .. } = error else { panic!("{error}") };
    fs::remove_dir_all(log.ancestors().nth(2).unwrap()).unwrap();
    let tried = fs::read_to_string(counter.path()).unwrap().lines().count();
    assert!(tried >= 5, "{tried}");
}

#[test]
fn a_cluster_that_does_not_come_up_is_given_up() {
    let Some(error) = failure("exec sleep 60") else { return };
    let text = error.to_string();
    let ClusterError::NotReady { logs, .. } = error else { panic!("{text}") };
    assert!(text.contains("the API server is not ready"), "{text}");
    fs::remove_dir_all(logs.parent().unwrap()).unwrap();
}
