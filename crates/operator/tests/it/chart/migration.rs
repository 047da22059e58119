//! From the chart of the Go operator to this one and back, by the words of the page about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flux_operator_api::{Object, ObjectId, crd as definitions};
use flux_operator_testkit::cluster::Cluster;
use flux_operator_testkit::objects::crd;
use flux_operator_testkit::workspace;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use super::cluster::{WAIT, empty_cluster};
use super::{Helm, OPERATOR, documents};
use crate::adoption;
use crate::deploy::kubeconfig_of;
use crate::process::Operator;
use crate::world::{World, is_ready, until};

/// What `docs/migration/go-operator.md` says.
struct Page {
    /// Names of values, and what becomes of them.
    rules: Vec<(String, Fate)>,
    /// Values of the Go operator's chart.
    before: Value,
    /// The same for ours.
    after: Value,
    /// The commands, in their order.
    commands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Same,
    Remove,
}

impl Page {
    fn read() -> Self {
        let text = fs::read_to_string(workspace::path("docs/migration/go-operator.md")).unwrap();
        let blocks = |language: &str| -> Vec<String> {
            let start = format!("```{language}\n");
            text.split(&start).skip(1).map(|part| part.split("```").next().unwrap().to_owned()).collect()
        };
        let [before, after] = blocks("yaml").try_into().unwrap();
        let rules = text.lines().filter(|line| line.starts_with("| `")).flat_map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let fate = match cells[2] {
                "same" => Fate::Same,
                "remove" => Fate::Remove,
                other => panic!("`{other}` is not said what to do with {}", cells[1]),
            };
            cells[1].split(", ").map(|name| (name.trim_matches('`').to_owned(), fate)).collect::<Vec<_>>()
        });
        Self {
            rules: rules.collect(),
            before: documents(&before).remove(0),
            after: documents(&after).remove(0),
            commands: blocks("sh").concat().replace("\\\n", "").lines().map(str::to_owned).collect(),
        }
    }

    /// The arguments of the only command that starts so, with other files and folders.
    fn command(&self, start: &str, places: &[(&str, &str)]) -> Vec<String> {
        let mut found = self.commands.iter().filter(|line| line.starts_with(start));
        let command = found.next().unwrap_or_else(|| panic!("the page has no command `{start}`"));
        assert_eq!(found.next(), None, "{start}");
        let place =
            |word: &str| places.iter().find(|(known, _)| *known == word).map_or(word, |(_, place)| place).to_owned();
        command.split_whitespace().skip(1).map(place).collect()
    }
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

#[test]
fn the_example_is_translated_by_the_table() {
    let Page { rules, before, after, .. } = Page::read();
    let mut translated = before;
    for (name, fate) in &rules {
        let (section, key) = name.rsplit_once('.').unwrap_or(("", name));
        let section =
            if section.is_empty() { Some(&mut translated) } else { translated.pointer_mut(&pointer(section)) };
        if let (Fate::Remove, Some(section)) = (fate, section) {
            section.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(translated, after);
    // What stays the same is a value here.
    let values = fs::read_to_string(workspace::path(OPERATOR).join("values.yaml")).unwrap();
    let values = documents(&values).remove(0);
    for (name, _) in rules.iter().filter(|(_, fate)| *fate == Fate::Same) {
        assert!(values.pointer(&pointer(name)).is_some(), "the chart has no `{name}`");
    }
}

#[tokio::test]
async fn what_is_not_here_is_refused_and_says_where_to_read() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let template = |value: &str| helm.attempt(&["template", "flux-operator", OPERATOR, "--set", value]);
    for (value, expected) in [
        ("web.enabled=true", "this operator has no web interface: remove `web`"),
        ("web.ingress.enabled=true", "this operator has no web interface: remove `web`"),
        ("marketplace.type=aws", "this operator is in no marketplace: remove `marketplace.type`"),
    ] {
        let error = template(value).unwrap_err();
        assert!(error.contains(expected) && error.contains("docs/migration/go-operator.md"), "{value}: {error}");
    }
    for value in ["web.enabled=false", "web.enabled=false,web.config.a=b", "marketplace.license=", "web=null"] {
        template(value).unwrap_or_else(|error| panic!("{value}: {error}"));
    }
}

/// A chart that leaves a cluster as that of the Go operator does.
fn stand_in(folder: &Path) {
    let labels = "\n    app.kubernetes.io/name: flux-operator\n    app.kubernetes.io/instance: {{ .Release.Name }}\
                  \n    app.kubernetes.io/managed-by: Helm";
    let named = |kind: &str, name: &str| format!("kind: {kind}\nmetadata:\n  name: {name}\n  labels:{labels}\n");
    let selector = "app.kubernetes.io/name: flux-operator, app.kubernetes.io/instance: \"{{ .Release.Name }}\"";
    let objects = [
        format!("apiVersion: v1\n{}", named("ServiceAccount", "flux-operator")),
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\n{}roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, \
             name: cluster-admin}}\nsubjects: [{{kind: ServiceAccount, name: flux-operator, namespace: flux-system}}]",
            named("ClusterRoleBinding", "flux-operator")
        ),
        format!(
            "apiVersion: v1\n{}spec:\n  selector: {{{selector}}}\n  ports:\n  - {{name: http-web, port: 9080}}\n  \
             - {{name: http-metrics, port: 8080}}",
            named("Service", "flux-operator")
        ),
        format!(
            "apiVersion: networking.k8s.io/v1\n{}spec:\n  podSelector: {{matchLabels: {{{selector}}}}}\n  \
             ingress: [{{ports: [{{port: 9080}}]}}]",
            named("NetworkPolicy", "flux-operator-web")
        ),
        format!(
            "apiVersion: apps/v1\n{}spec:\n  selector: {{matchLabels: {{{selector}}}}}\n  template:\n    \
             metadata: {{labels: {{{selector}}}}}\n    spec:\n      serviceAccountName: flux-operator\n      \
             containers:\n      - name: manager\n        image: {{{{ .Values.image.repository }}}}:{{{{ .Values.image.tag }}}}\n        \
             args: [--log-level={{{{ .Values.logLevel }}}}]\n        \
             ports: [{{name: http-web, containerPort: 9080}}, {{name: http, containerPort: 8081}}]\n        \
             securityContext:\n          runAsNonRoot: true\n          allowPrivilegeEscalation: false\n          \
             capabilities: {{drop: [ALL]}}\n          seccompProfile: {{type: RuntimeDefault}}\n        \
             volumeMounts: [{{name: temp, mountPath: /tmp}}]\n      volumes: [{{name: temp, emptyDir: {{}}}}]",
            named("Deployment", "flux-operator")
        ),
    ];
    let keep = |mut definition: Value| {
        definition["metadata"]["annotations"]["helm.sh/resource-policy"] = "keep".into();
        definition.to_string()
    };
    let sets = crd("resourcesets.fluxcd.controlplane.io", "ResourceSet").build().into_value();
    let definitions = definitions::all().into_iter().chain([sets]).map(keep);
    fs::create_dir(folder.join("templates")).unwrap();
    fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: flux-operator\nversion: 0.58.0\n").unwrap();
    let objects: Vec<_> = objects.into_iter().chain(definitions).collect();
    fs::write(folder.join("templates/all.yaml"), objects.join("\n---\n")).unwrap();
}

/// UID of every pod that is not the operator's, by name.
async fn pods(world: &World) -> BTreeMap<String, Option<String>> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), &world.namespace);
    let of_flux = ListParams::default().labels("app.kubernetes.io/name!=flux-operator");
    let metadata = pods.list(&of_flux).await.unwrap().items.into_iter().map(|pod| pod.metadata);
    metadata.map(|metadata| (metadata.name.unwrap_or_default(), metadata.uid)).collect()
}

async fn exists(world: &World, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
    world.live(&ObjectId::new(group, kind, namespace, name), "v1").await.is_some()
}

/// Whether the operator is bound to `cluster-admin`, and whether to a role of its own.
async fn bindings(world: &World) -> (bool, bool) {
    let group = "rbac.authorization.k8s.io";
    let bound = async |name| exists(world, group, "ClusterRoleBinding", "", name).await;
    (bound("flux-operator").await, bound("flux-operator-cluster").await)
}

async fn container(world: &World) -> Value {
    let live = world.deployment("flux-operator").await.unwrap();
    let containers = live.pointer("/spec/template/spec/containers").unwrap().as_array().unwrap();
    assert_eq!(containers.len(), 1, "{containers:?}");
    containers[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_chart_of_the_go_operator_and_back() {
    let Some(helm) = Helm::find_or_skip("/nowhere").await else { return };
    let page = Page::read();
    let (cluster, world): (Cluster, World) = empty_cluster("migration").await;
    let helm = Helm { kubeconfig: cluster.kubeconfig().to_owned(), ..helm };
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path());
    let write = |name: &str, values: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, values.to_string()).unwrap();
        path.display().to_string()
    };
    let (before, after) = (write("before.yaml", &page.before), write("after.yaml", &page.after));
    let chart = folder.path().display().to_string();
    let install = ["install", "flux-operator", &chart, "--namespace", "flux-system", "--values", &before];
    helm.run(&[&install[..], WAIT].concat());
    let (objects, revision) = adoption::left_by_the_go_operator(&world, "2.9.90").await;
    let controllers: Vec<&Object> = objects.iter().filter(|object| object.kind() == "Deployment").collect();
    until("every controller has its pod", async || (pods(&world).await.len() == controllers.len()).then_some(())).await;
    let running = (adoption::deployments(&world, &objects).await, pods(&world).await);
    assert_eq!(bindings(&world).await, (true, false));

    // What its user gets from Helm is what the page begins with.
    let given = page.command("helm get values", &[]);
    let given: Vec<_> = given.iter().map(String::as_str).take_while(|word| *word != ">").collect();
    assert_eq!(documents(&helm.run(&given)).remove(0), page.before);
    let go = |start: &str, places: &[(&str, &str)]| {
        let command = page.command(start, places);
        helm.run(&command.iter().map(String::as_str).collect::<Vec<_>>());
    };
    go("helm upgrade flux-operator charts/", &[("values.yaml", &after)]);
    let now = container(&world).await;
    let ours = concat!("ghcr.io/flux-operator-rs/flux-operator:v", env!("CARGO_PKG_VERSION"));
    assert_eq!((&now["name"], &now["image"]), (&json!("operator"), &json!(ours)));
    let args =
        ["--log-level=debug", "--reporting-interval=10m", "--default-service-account=flux-operator", "--concurrent=20"];
    assert_eq!(now["args"], json!(args));
    assert_eq!(bindings(&world).await, (false, true), "nothing is left of cluster-admin");
    assert!(!exists(&world, "networking.k8s.io", "NetworkPolicy", "flux-system", "flux-operator-web").await);
    assert!(exists(&world, "flowcontrol.apiserver.k8s.io", "FlowSchema", "", "flux-operator").await);
    let sets = "resourcesets.fluxcd.controlplane.io";
    assert!(exists(&world, "apiextensions.k8s.io", "CustomResourceDefinition", "", sets).await);

    let administrator = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let account = kubeconfig_of(&world, &administrator, "flux-operator").await;
    let storage = format!("--storage-path={}", workspace::distribution().display());
    // The arguments of the pod, and where this machine has the distribution.
    let operator = Operator::start(&account, "flux-system", &[&args[..], &[&storage]].concat());
    world
        .until("it is taken over", |instance| {
            is_ready(instance) && instance["status"]["lastAppliedRevision"] != revision.as_str()
        })
        .await;
    world.assert_as_recorded("taken over").await;
    assert_eq!((adoption::deployments(&world, &objects).await, pods(&world).await), running, "nothing restarts");
    let log = operator.log();
    assert!(!log.contains("is forbidden"), "a permission is missing:\n{log}");
    drop(operator);

    let published = "oci://ghcr.io/controlplaneio-fluxcd/charts/flux-operator";
    go("helm upgrade flux-operator oci://", &[("before.yaml", &before), (published, &chart)]);
    let then = container(&world).await;
    assert_eq!(then["image"], "registry.example.com/mirror/flux-operator:v0.58.0");
    assert_eq!(bindings(&world).await, (true, false));
    assert!(is_ready(&world.instance().await));
    assert_eq!((adoption::deployments(&world, &objects).await, pods(&world).await), running, "nothing restarts");
}
