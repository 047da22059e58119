//! What a kubelet asks of a container runtime, decided from a pod and an image alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use k8s_openapi::api::core::v1::{Container, EnvVar, Pod, Probe, Volume};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::dist::layout::Config;

/// A container, as it has to be run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) args: Vec<String>,
    /// `NAME=VALUE`.
    pub(super) env: Vec<String>,
    pub(super) folder: String,
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) read_only_root: bool,
    /// In bytes.
    pub(super) memory: Option<i64>,
    /// In thousandths of a processor.
    pub(super) cpu: Option<i64>,
    pub(super) mounts: Vec<Mount>,
}

/// A volume, where it is mounted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) volume: String,
    pub(super) path: String,
    pub(super) read_only: bool,
}

/// Where the API server is: what a kubelet says by the address of a Service.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: String,
}

/// What a container answers when it is well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) path: String,
    pub(super) port: u16,
}

impl Request {
    /// Decides how the only container of a pod is run.
    ///
    /// # Errors
    /// The pod asks for something that a rehearsal cannot give, or for more rights than the operator needs.
    pub(super) fn new(pod: &Pod, image: &Config, server: &Server) -> anyhow::Result<Self> {
        let container = only_container(pod)?;
        let security = container.security_context.clone().unwrap_or_default();
        let drops = security.capabilities.clone().unwrap_or_default();
        let keeps_some = drops.add.is_some_and(|added| !added.is_empty());
        ensure!(drops.drop.is_some_and(|all| all == ["ALL"]) && !keeps_some, "expected no capability");
        ensure!(security.privileged != Some(true), "expected a container without privileges");
        ensure!(security.allow_privilege_escalation == Some(false), "expected `allowPrivilegeEscalation: false`");
        let (user, group) = user(pod, container, image)?;
        let command = container.command.clone().filter(|command| !command.is_empty());
        let mut args = command.unwrap_or_else(|| image.entrypoint.clone());
        args.extend(container.args.clone().unwrap_or_default());
        let limits = container.resources.clone().unwrap_or_default().limits.unwrap_or_default();
        let mounts = container.volume_mounts.iter().flatten();
        Ok(Self {
            args,
            env: env(pod, container, image, server)?,
            folder: container.working_dir.clone().unwrap_or_else(|| image.working_dir.clone()),
            user,
            group,
            read_only_root: security.read_only_root_filesystem == Some(true),
            memory: limits.get("memory").map(bytes).transpose()?,
            cpu: limits.get("cpu").map(thousandths).transpose()?,
            mounts: mounts
                .map(|mount| Mount {
                    volume: mount.name.clone(),
                    path: mount.mount_path.clone(),
                    read_only: mount.read_only == Some(true),
                })
                .collect(),
        })
    }
}

/// The container of a pod that has one.
pub(super) fn only_container(pod: &Pod) -> anyhow::Result<&Container> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let [container] = containers else { bail!("expected a pod of one container, found {}", containers.len()) };
    Ok(container)
}

/// The volumes of a pod.
pub(super) fn volumes(pod: &Pod) -> impl Iterator<Item = &Volume> {
    pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten())
}

/// What a field of a pod is, as it is named in `fieldRef`.
pub(super) fn field<'a>(pod: &'a Pod, path: &str) -> anyhow::Result<&'a str> {
    let metadata = &pod.metadata;
    let value = match path {
        "metadata.name" => metadata.name.as_deref(),
        "metadata.namespace" => metadata.namespace.as_deref(),
        "metadata.uid" => metadata.uid.as_deref(),
        _ => bail!("the field `{path}` of a pod is none that a rehearsal knows"),
    };
    value.with_context(|| format!("the pod has no `{path}`"))
}

/// A number, as a kubelet asks for it where nobody may be root.
fn user(pod: &Pod, container: &Container, image: &Config) -> anyhow::Result<(u32, u32)> {
    let of_pod = pod.spec.clone().unwrap_or_default().security_context.unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let (name, group) = image.user.split_once(':').unwrap_or((image.user.as_str(), "0"));
    let given = own.run_as_user.or(of_pod.run_as_user).map(u32::try_from).transpose()?;
    let user = given.map_or_else(|| name.parse(), Ok);
    let user =
        user.with_context(|| format!("the user of the image is `{name}`: only a number is known not to be root"))?;
    let given = own.run_as_group.or(of_pod.run_as_group).map(u32::try_from).transpose()?;
    let group = given.map_or_else(|| group.parse(), Ok);
    let may_be_root = own.run_as_non_root.or(of_pod.run_as_non_root) != Some(true);
    ensure!(may_be_root || user != 0, "the pod says `runAsNonRoot`, and the user of the image is root");
    Ok((user, group.context("the group of the image is no number")?))
}

/// The image first, then what every container in a cluster has, then the pod.
fn env(pod: &Pod, container: &Container, image: &Config, server: &Server) -> anyhow::Result<Vec<String>> {
    let split = |variable: &String| variable.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut env: BTreeMap<String, String> = image.env.iter().filter_map(split).collect();
    env.insert("KUBERNETES_SERVICE_HOST".to_owned(), server.host.clone());
    env.insert("KUBERNETES_SERVICE_PORT".to_owned(), server.port.clone());
    for EnvVar { name, value, value_from } in container.env.iter().flatten() {
        let value = match value_from.as_ref().map(|source| source.field_ref.as_ref()) {
            None => value.as_deref().unwrap_or_default(),
            Some(Some(reference)) => field(pod, &reference.field_path)?,
            Some(None) => bail!("the variable `{name}` comes from somewhere that a rehearsal does not know"),
        };
        env.insert(name.clone(), value.to_owned());
    }
    Ok(env.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// Where a probe asks.
pub(super) fn question(container: &Container, probe: Option<&Probe>) -> anyhow::Result<Question> {
    let get = probe.and_then(|probe| probe.http_get.as_ref()).context("expected a probe over HTTP")?;
    let named = |name: &str| {
        let mut ports = container.ports.iter().flatten();
        let port = ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port);
        port.with_context(|| format!("the container has no port `{name}`"))
    };
    let port = match &get.port {
        IntOrString::Int(port) => *port,
        IntOrString::String(name) => named(name)?,
    };
    Ok(Question { path: get.path.clone().unwrap_or_default(), port: port.try_into()? })
}

fn bytes(quantity: &Quantity) -> anyhow::Result<i64> {
    scaled(&quantity.0, &[("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("", 1)])
}

fn thousandths(quantity: &Quantity) -> anyhow::Result<i64> {
    scaled(&quantity.0, &[("m", 1), ("", 1000)])
}

/// A whole number with one of some units.
fn scaled(text: &str, units: &[(&str, i64)]) -> anyhow::Result<i64> {
    let number = |(unit, factor): &(&str, i64)| Some(text.strip_suffix(unit)?.parse::<i64>().ok()? * factor);
    units.iter().find_map(number).with_context(|| format!("`{text}` is no quantity that a rehearsal knows"))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in super::super) fn server() -> Server {
        Server { host: "127.0.0.1".to_owned(), port: "6443".to_owned() }
    }

    pub(in super::super) fn config() -> Config {
        Config {
            user: "65532:65532".to_owned(),
            entrypoint: vec!["/operator".to_owned()],
            env: vec!["PATH=/usr/local/bin".to_owned()],
            working_dir: "/".to_owned(),
            ..Config::default()
        }
    }

    /// What the API server makes of the Deployment in `deploy`, in short, with a change.
    pub(in super::super) fn pod(pointer: &str, value: Value) -> Pod {
        let [deployment] = crate::generated::documents("deploy/deployment.yaml").unwrap().try_into().unwrap();
        let mut pod = json!({"metadata": {"name": "operator-1", "namespace": "flux-system", "uid": "1"}});
        pod["spec"] = deployment.pointer("/spec/template/spec").unwrap().clone();
        if !pointer.is_empty() {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            pod.pointer_mut(parent).unwrap()[key] = value;
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn it_is_run_as_the_pod_says() {
        let request = Request::new(&pod("/spec/containers/0/args", json!(["--a"])), &config(), &server()).unwrap();
        let mount = Mount { volume: "tmp".to_owned(), path: "/tmp".to_owned(), read_only: false };
        let env = [
            "KUBERNETES_SERVICE_HOST=127.0.0.1",
            "KUBERNETES_SERVICE_PORT=6443",
            "PATH=/usr/local/bin",
            "RUNTIME_NAMESPACE=flux-system",
        ];
        let expected = Request {
            args: ["/operator", "--a"].map(str::to_owned).into(),
            env: env.map(str::to_owned).into(),
            folder: "/".to_owned(),
            user: 65532,
            group: 65532,
            read_only_root: true,
            memory: Some(64 << 20),
            cpu: Some(500),
            mounts: vec![mount],
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn what_cannot_be_given_is_refused() {
        let context = "/spec/containers/0/securityContext";
        let cases = [
            (format!("{context}/capabilities"), json!({}), "no capability"),
            (format!("{context}/capabilities"), json!({"drop": ["ALL"], "add": ["NET_ADMIN"]}), "no capability"),
            (format!("{context}/privileged"), json!(true), "without privileges"),
            (format!("{context}/allowPrivilegeEscalation"), json!(true), "allowPrivilegeEscalation: false"),
            (format!("{context}/runAsUser"), json!(0), "is root"),
            (
                "/spec/containers/0/env".to_owned(),
                json!([{"name": "A", "valueFrom": {"secretKeyRef": {"key": "a"}}}]),
                "`A`",
            ),
            ("/spec/containers/0/resources/limits".to_owned(), json!({"memory": "1.5Gi"}), "`1.5Gi`"),
            ("/spec/containers".to_owned(), json!([]), "found 0"),
        ];
        for (pointer, value, expected) in cases {
            let error = Request::new(&pod(&pointer, value), &config(), &server()).unwrap_err();
            assert!(error.to_string().contains(expected), "{pointer}: {error}");
        }
        let image = Config { user: "nonroot".to_owned(), ..config() };
        let error = Request::new(&pod("", Value::Null), &image, &server()).unwrap_err();
        assert!(error.to_string().contains("only a number"), "{error}");
    }

    #[test]
    fn probes_ask_at_ports_by_name() {
        let pod = pod("", Value::Null);
        let container = only_container(&pod).unwrap();
        let asked = question(container, container.readiness_probe.as_ref()).unwrap();
        assert_eq!(asked, Question { path: "/readyz".to_owned(), port: 8081 });
    }
}
