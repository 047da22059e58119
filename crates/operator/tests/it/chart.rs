//! The charts and the kustomization, as helm and kustomize understand them.

mod cluster;
mod migration;
mod schemas;

use std::path::PathBuf;
use std::process::Command;

use flux_operator_builder::yaml::{self, Dialect, Limits};
use flux_operator_testkit::tools::{Tool, at_home_in};
use flux_operator_testkit::workspace;
use serde_json::Value;

const OPERATOR: &str = "charts/flux-operator";
const INSTANCE: &str = "charts/flux-instance";

/// A file that has other values than the defaults, by the folder of its chart.
fn full(chart: &str) -> String {
    workspace::path(chart).join("ci/full-values.yaml").display().to_string()
}

/// Helm, with folders of its own in place of the user's.
pub(crate) struct Helm {
    program: PathBuf,
    home: tempfile::TempDir,
    kubeconfig: PathBuf,
}

impl Helm {
    /// None, with a word about it, where helm cannot be built.
    pub(crate) async fn find_or_skip(kubeconfig: impl Into<PathBuf>) -> Option<Self> {
        let program = tool(Tool::Helm).await?.get_program().into();
        Some(Self { program, home: tempfile::tempdir().unwrap(), kubeconfig: kubeconfig.into() })
    }

    /// What it prints, or what it says where it fails.
    fn attempt(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(workspace::path("")).env("KUBECONFIG", &self.kubeconfig);
        finish(at_home_in(&mut command, self.home.path()))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.attempt(arguments).unwrap_or_else(|error| panic!("helm {}: {error}", arguments.join(" ")))
    }

    fn template(&self, release: &str, chart: &str, more: &[&str]) -> Vec<Value> {
        let arguments = [&["template", release, chart, "--namespace", "flux-system"], more].concat();
        documents(&self.run(&arguments))
    }
}

async fn tool(tool: Tool) -> Option<Command> {
    tokio::task::spawn_blocking(move || tool.find_or_skip()).await.unwrap()
}

/// What a program prints, or all that it says where it fails.
fn finish(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    if output.status.success() { Ok(text) } else { Err(text + &String::from_utf8_lossy(&output.stderr)) }
}

fn documents(text: &str) -> Vec<Value> {
    yaml::read_documents(text, Dialect::Manifest, &Limits::DISTRIBUTION).unwrap()
}

/// Kind and name.
fn id(object: &Value) -> String {
    format!("{}/{}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap())
}

/// An object without what helm and the chart add to it, so that it can be compared.
fn plain(mut object: Value) -> Value {
    let is_definition = object["kind"] == "CustomResourceDefinition";
    for pointer in
        ["/metadata/labels", "/spec/selector", "/spec/selector/matchLabels", "/spec/template/metadata/labels"]
    {
        if let Some(labels) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            labels.retain(|key, _| {
                key != "helm.sh/chart" && (!key.starts_with("app.kubernetes.io/") || key == "app.kubernetes.io/name")
            });
        }
    }
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("annotations");
    if is_definition {
        metadata.remove("labels");
    }
    object
}

/// Objects in an order that has nothing to do with who wrote them.
fn sorted(objects: Vec<Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects.into_iter().map(plain).collect();
    objects.sort_by_key(id);
    objects
}

#[tokio::test]
async fn a_chart_without_values_is_the_kustomization() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let Some(mut kustomize) = tool(Tool::Kustomize).await else { return };
    let built = documents(&finish(kustomize.arg("build").arg(workspace::path("deploy"))).unwrap());
    // Helm makes the namespace of a release only on demand, and without labels.
    let expected: Vec<_> = built.into_iter().filter(|object| object["kind"] != "Namespace").collect();
    let rendered = helm.template("flux-operator", OPERATOR, &[]);
    let (expected, rendered) = (sorted(expected), sorted(rendered));
    assert_eq!(rendered.iter().map(id).collect::<Vec<_>>(), expected.iter().map(id).collect::<Vec<_>>());
    for (rendered, expected) in rendered.iter().zip(&expected) {
        assert_eq!(rendered, expected, "{}", id(expected));
    }
}

#[tokio::test]
async fn the_network_policy_of_the_chart_is_that_of_the_component() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let Some(mut kustomize) = tool(Tool::Kustomize).await else { return };
    let built = documents(&finish(kustomize.arg("build").arg(workspace::path("deploy"))).unwrap());
    // A kustomization as users write it, beside a copy of the folder.
    let folder = tempfile::tempdir().unwrap();
    finish(Command::new("cp").arg("-r").arg(workspace::path("deploy")).arg(folder.path())).unwrap();
    let kustomization = "resources: [deploy]\ncomponents: [deploy/components/network-policy]\n";
    std::fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();
    let Some(mut kustomize) = tool(Tool::Kustomize).await else { return };
    let extended = documents(&finish(kustomize.arg("build").arg(folder.path())).unwrap());
    assert_eq!(extended.len(), built.len() + 1);
    let rendered = helm.template("flux-operator", OPERATOR, &["--set", "networkPolicy.create=true"]);
    let [expected, rendered] = [extended, rendered].map(|objects| {
        let [policy] = objects
            .into_iter()
            .filter(|object| object["kind"] == "NetworkPolicy")
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let mut policy = plain(policy);
        let selector = policy.pointer_mut("/spec/podSelector/matchLabels").unwrap().as_object_mut().unwrap();
        selector.remove("app.kubernetes.io/instance");
        policy
    });
    assert_eq!(rendered, expected);
}

#[tokio::test]
async fn an_instance_without_values_is_the_sample() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let rendered = helm.template("flux", INSTANCE, &[]);
    let sample = std::fs::read_to_string(workspace::path("deploy/samples/flux-instance.yaml")).unwrap();
    let [rendered, mut sample] = [rendered, documents(&sample)].map(|mut list| list.remove(0));
    // What a spec says by saying nothing.
    for (key, value) in [("migrateResources", true), ("wait", true)] {
        sample["spec"][key] = value.into();
    }
    assert_eq!(rendered["spec"], sample["spec"]);
    assert_eq!(rendered["metadata"]["name"], "flux");
}

#[tokio::test]
async fn charts_pass_the_linter_with_and_without_values() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    for chart in [OPERATOR, INSTANCE] {
        helm.run(&["lint", "--strict", chart]);
        helm.run(&["lint", "--strict", chart, "--values", &full(chart)]);
    }
}

#[tokio::test]
async fn what_is_no_value_is_refused() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let cases = [
        (OPERATOR, "replica=2", "replica"),
        (OPERATOR, "logLevel=warn", "logLevel"),
        (OPERATOR, "image.tag=1", "tag"),
        (INSTANCE, "instance.cluster.sice=small", "sice"),
        (INSTANCE, "instance.sync.kind=GitRepository", "sync"),
        (INSTANCE, "instance.distribution.artifact=https://example.com", "artifact"),
    ];
    for (chart, value, expected) in cases {
        let error = helm.attempt(&["template", "flux", chart, "--set", value]).unwrap_err();
        assert!(error.contains("values don't meet the specifications") && error.contains(expected), "{value}: {error}");
    }
}

#[tokio::test]
async fn every_value_has_an_effect() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let objects = helm.template("flux-operator", OPERATOR, &["--values", &full(OPERATOR)]);
    let kinds: Vec<_> = objects.iter().map(id).collect();
    for expected in [
        "ClusterRole/operator-of-tests-edit",
        "ConfigMap/operator-of-tests-ca",
        "ConfigMap/operator-of-tests-dashboard-flux-operator-instance",
        "FlowSchema/operator-of-tests",
        "NetworkPolicy/operator-of-tests",
        "PodMonitor/operator-of-tests",
        "PrometheusRule/operator-of-tests",
        "ServiceMonitor/operator-of-tests",
    ] {
        assert!(kinds.iter().any(|kind| kind == expected), "{expected} in {kinds:?}");
    }
    assert!(!kinds.iter().any(|kind| kind.starts_with("CustomResourceDefinition")), "{kinds:?}");
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let container = deployment.pointer("/spec/template/spec/containers/0").unwrap();
    assert_eq!(
        container["args"],
        serde_json::json!([
            "--log-level=debug",
            "--log-encoding=console",
            "--reporting-interval=10m",
            "--default-service-account=tenant",
            "--default-workload-identity-service-account=identity",
            "--registry-ca-file=/ca/ca.crt",
        ])
    );
    assert_eq!(container["image"], "registry.example.com/mirror/flux-operator:v0.1.0");
    for object in &objects {
        if id(object) != "ConfigMap/operator-of-tests-ca" && !id(object).contains("tests-edit") {
            assert_eq!(object["metadata"]["labels"]["example.com/team"], "platform", "{}", id(object));
        }
    }
    // Whatever is a value of the chart is set in that file, or is its default.
    let values = std::fs::read_to_string(workspace::path(OPERATOR).join("values.yaml")).unwrap();
    let set = documents(&std::fs::read_to_string(full(OPERATOR)).unwrap()).remove(0);
    for key in documents(&values).remove(0).as_object().unwrap().keys() {
        let may_be_missing = ["hostNetwork", "nameOverride", "readinessProbe", "securityContext"];
        assert!(set.get(key).is_some() || may_be_missing.contains(&key.as_str()), "ci/full-values.yaml lacks `{key}`");
    }
}
