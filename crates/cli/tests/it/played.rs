//! Commands against an API server that this machine plays, for what a real one cannot be made to say.

mod reports;

use serde_json::{Value, json};

use crate::loopback::{Answer, Loopback};
use crate::world::{Outcome, World, finish};

/// A world whose cluster is played.
struct Played {
    world: World,
    server: Loopback,
}

impl Played {
    fn new(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        Self { world: World::new(), server: Loopback::start(answer) }
    }

    fn run(&self, args: &[&str]) -> Outcome {
        let url = self.server.url("");
        let mut command = self.world.command(&[args, &["--kube-server", &url]].concat());
        finish(command.env("KUBECONFIG", "missing").env("HOME", "."), "")
    }
}

fn list(items: &[Value]) -> Answer {
    (200, json!({"metadata": {"resourceVersion": "1"}, "items": items}).to_string())
}

fn object(value: &Value) -> Answer {
    (200, value.to_string())
}

fn missing() -> Answer {
    (
        404,
        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not there"})
            .to_string(),
    )
}

fn forbidden() -> Answer {
    let message = "clusterroles.rbac.authorization.k8s.io \"flux-operator\" is forbidden";
    (
        403,
        json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": message})
            .to_string(),
    )
}

fn operator() -> Value {
    let labels = json!({"app.kubernetes.io/name": "flux-operator", "app.kubernetes.io/version": "v0.9.1"});
    json!({"metadata": {"name": "flux-operator", "namespace": "flux-system", "labels": labels}})
}

#[test]
fn logs_of_all_controllers_are_one_story() {
    let deployment = |name: &str| json!({"metadata": {"name": name, "namespace": "flux-system"}, "spec": {"selector": {"matchLabels": {"app": name}}}});
    let pod = |name: &str, app: &str, phase: &str| {
        let containers = json!([{"name": "proxy"}, {"name": "manager"}]);
        json!({"metadata": {"name": name, "labels": {"app": app}}, "spec": {"containers": containers}, "status": {"phase": phase}})
    };
    let line = |time: &str, level: &str, kind: &str, name: &str, namespace: &str| {
        json!({"ts": time, "level": level, "msg": "told", "controllerKind": kind, "name": name, "namespace": namespace})
            .to_string()
            + "\n"
    };
    let helm = line("2026-08-01T09:00:02Z", "error", "HelmRelease", "web", "apps");
    let kustomize = line("2026-08-01T09:00:01Z", "info", "Kustomization", "apps", "flux-system")
        + "no JSON\n"
        + &line("2026-08-01T09:00:03Z", "info", "Kustomization", "infra", "flux-system");
    let played = Played::new(move |_, path| {
        let path = path.trim_start_matches("/api/v1/namespaces/flux-system");
        match path {
            path if path.starts_with("/apis/apps/v1/namespaces/flux-system/deployments?") => {
                let of_flux = path.contains("part-of");
                list(&if of_flux {
                    vec![deployment("helm-controller"), deployment("kustomize-controller")]
                } else {
                    Vec::new()
                })
            }
            path if path.starts_with("/pods?") => list(&[
                pod("helm-old", "helm-controller", "Failed"),
                pod("helm-new", "helm-controller", "Running"),
                pod("kustomize", "kustomize-controller", "Running"),
            ]),
            path if path.starts_with("/pods/helm-new/log?") && path.contains("container=manager") => {
                (200, helm.clone())
            }
            path if path.starts_with("/pods/kustomize/log?") && path.contains("container=manager") => {
                (200, kustomize.clone())
            }
            _ => missing(),
        }
    });
    let logs = |args: &[&str]| played.run(&[&["logs"], args].concat()).data();
    let (first, second, third) = (
        "2026-08-01T09:00:01Z info Kustomization/apps.flux-system - told\n",
        "2026-08-01T09:00:02Z error HelmRelease/web.apps - told\n",
        "2026-08-01T09:00:03Z info Kustomization/infra.flux-system - told\n",
    );
    assert_eq!(logs(&["-A"]), [first, second, third].concat());
    assert_eq!(logs(&["-n", "flux-system"]), [first, third].concat());
    assert_eq!(logs(&["-A", "--level", "error"]), second);
    assert_eq!(logs(&["-A", "--kind", "ks", "--name", "infra"]), third);
    assert_eq!(logs(&["-A", "--kind", "hr", "--follow"]), second);
}

#[test]
fn versions_need_no_report() {
    let instance = json!({
        "metadata": {"name": "flux", "namespace": "flux-system"},
        "status": {"lastAppliedRevision": "v2.9.90@sha256:0123"},
    });
    let played = Played::new(move |_, path| match path.split('?').next().unwrap() {
        "/apis/apps/v1/deployments" => list(&[operator()]),
        "/apis/fluxcd.controlplane.io/v1/fluxinstances" => list(std::slice::from_ref(&instance)),
        _ => missing(),
    });
    assert_eq!(played.run(&["version"]).data(), "client: 0.1.0\nserver: v0.9.1\ndistribution: v2.9.90\n");
}

#[test]
fn an_uninstallation_that_leaves_something_fails() {
    let permission = json!({"metadata": {"name": "flux-operator"}});
    let played = Played::new(move |method, path| match (method, path.split('?').next().unwrap()) {
        ("GET", "/apis/apps/v1/namespaces/flux-system/deployments")
            if path.contains("labelSelector=app.kubernetes.io%2Fname") =>
        {
            list(&[operator()])
        }
        ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles")
            if path.contains("labelSelector=app.kubernetes.io%2Fname") =>
        {
            list(std::slice::from_ref(&permission))
        }
        ("GET", "/api/v1/namespaces/flux-system") => {
            object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}))
        }
        (
            "GET",
            "/api/v1/namespaces"
            | "/apis/apps/v1/namespaces/flux-system/deployments"
            | "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
            | "/apis/rbac.authorization.k8s.io/v1/clusterroles"
            | "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        ) => list(&[]),
        ("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/flux-operator") => forbidden(),
        ("DELETE", _) => object(&json!({"kind": "Status", "status": "Success"})),
        _ => missing(),
    });
    let outcome = played.run(&["uninstall", "-n", "flux-system", "--yes"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("✗ Failed to delete ClusterRole/flux-operator\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("\n✗ cannot delete ClusterRole/flux-operator\n"), "{outcome:?}");
    // What could be deleted is.
    assert!(outcome.stdout.ends_with("Namespace/flux-system deleted\n"), "{outcome:?}");
}

#[test]
fn documents_are_read_from_the_web() {
    let document = |value: &str| {
        format!("kind: A\nspec:\n  text: a text that is long enough to be worth a patch\n  image: {value}\n")
    };
    let server = Loopback::start(move |_, path| match path {
        "/old.yaml" => (200, document("a")),
        "/new.yaml?ref=main" => (200, document("b")),
        _ => missing(),
    });
    let world = World::new();
    let diff = |source: &str, target: &str| world.run(&["diff", "yaml", &server.url(source), &server.url(target)]);
    assert_eq!(diff("/old.yaml", "/new.yaml?ref=main").data(), "- op: replace\n  path: /spec/image\n  value: b\n");
    let refused = diff("/old.yaml", "/missing.yaml");
    let lines: Vec<_> = refused.stderr.lines().collect();
    assert!(lines[0].ends_with("/missing.yaml: the target cannot be read"), "{lines:?}");
    assert_eq!(lines[1..], ["  `127.0.0.1` answers with status 404", "", "hint: check the spelling of the address"]);
}
