//! How the programs are called. Pure: paths and ports in, arguments out.
//!
//! Everything that is not here is as the programs have it: defaults are what users run.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The node that kwok plays.
pub(super) const NODE: &str = "kwok";

/// Where the files of a cluster lie.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    folder: PathBuf,
}

/// Where the programs listen, on loopback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) api: u16,
}

/// What an API server is asked to do beyond serving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serving {
    /// Write down every request.
    pub(super) audit: bool,
    /// There is somebody who makes service accounts, so pods may ask for one.
    pub(super) controllers: bool,
}

impl Layout {
    pub(super) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keys and certificates.
    pub(super) fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    pub(super) fn key(&self, file: &str) -> PathBuf {
        self.keys().join(file)
    }

    /// What the programs say, and the audit log.
    pub(super) fn logs(&self) -> PathBuf {
        self.folder.join(Self::LOGS)
    }

    pub(super) const LOGS: &str = "logs";

    pub(super) fn audit_log(&self) -> PathBuf {
        self.logs().join("audit.log")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("etcd")
    }

    pub(super) fn audit_policy(&self) -> PathBuf {
        self.folder.join("audit.yaml")
    }

    pub(super) fn stages(&self) -> PathBuf {
        self.folder.join("kwok.yaml")
    }

    /// For the administrator.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// For one of the programs.
    pub(super) fn kubeconfig_of(&self, client: &str) -> PathBuf {
        self.keys().join(format!("{client}.kubeconfig"))
    }
}

impl Ports {
    pub(super) fn url(self) -> String {
        format!("https://127.0.0.1:{}", self.api)
    }

    pub(super) fn etcd_address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.etcd).into()
    }

    fn etcd_url(self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }
}

/// A flag with a path, which need not be text.
fn flag(name: &str, path: impl AsRef<Path>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(path.as_ref());
    flag
}

fn flags(plain: &[&str], paths: impl IntoIterator<Item = (&'static str, PathBuf)>) -> Vec<OsString> {
    let plain = plain.iter().map(OsString::from);
    plain.chain(paths.into_iter().map(|(name, path)| flag(name, path))).collect()
}

pub(super) fn etcd(layout: &Layout, ports: Ports) -> Vec<OsString> {
    let plain = [
        &*format!("--listen-client-urls={}", ports.etcd_url()),
        &*format!("--advertise-client-urls={}", ports.etcd_url()),
        // Peers do not come; any port will do.
        "--listen-peer-urls=http://127.0.0.1:0",
        // In milliseconds: the only member need not wait for others before it elects itself.
        "--heartbeat-interval=10",
        "--election-timeout=50",
        // Whoever pulls the plug loses a cluster that was to be thrown away.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ];
    flags(&plain, [("data-dir", layout.data())])
}

/// `prefix` sets the keys of this cluster apart: should a port change hands at the worst moment, no cluster can write
/// into another one.
pub(super) fn api_server(layout: &Layout, ports: Ports, prefix: &str, serving: Serving) -> Vec<OsString> {
    let plain = [
        &*format!("--etcd-servers={}", ports.etcd_url()),
        &*format!("--etcd-prefix=/registry/{prefix}"),
        &*format!("--secure-port={}", ports.api),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        // Endpoints on loopback are not allowed, and nobody here connects through a Service.
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--profiling=false",
    ];
    let mut flags = flags(
        &plain,
        [
            ("tls-cert-file", layout.key("kube-apiserver.crt")),
            ("tls-private-key-file", layout.key("kube-apiserver.key")),
            ("client-ca-file", layout.key("ca.crt")),
            ("service-account-key-file", layout.key("service-accounts.key")),
            ("service-account-signing-key-file", layout.key("service-accounts.key")),
        ],
    );
    if !serving.controllers {
        flags.push("--disable-admission-plugins=ServiceAccount".into());
    }
    if serving.audit {
        flags.push(flag("audit-policy-file", layout.audit_policy()));
        flags.push(flag("audit-log-path", layout.audit_log()));
        // Whoever reads the log after a request finds it there.
        flags.push("--audit-log-mode=blocking-strict".into());
    }
    flags
}

pub(super) fn controller_manager(layout: &Layout) -> Vec<OsString> {
    let plain = [
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--profiling=false",
    ];
    flags(
        &plain,
        [
            ("kubeconfig", layout.kubeconfig_of("kube-controller-manager")),
            ("service-account-private-key-file", layout.key("service-accounts.key")),
            ("root-ca-file", layout.key("ca.crt")),
        ],
    )
}

pub(super) fn scheduler(layout: &Layout) -> Vec<OsString> {
    let plain = [
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--profiling=false",
    ];
    flags(&plain, [("kubeconfig", layout.kubeconfig_of("kube-scheduler"))])
}

pub(super) fn kwok(layout: &Layout) -> Vec<OsString> {
    let plain = [
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
        "--node-ip=127.0.0.1",
        "--cidr=10.64.0.0/16",
        // No port of the node: it would be the same one for every cluster.
        "--node-port=0",
    ];
    flags(&plain, [("kubeconfig", layout.kubeconfig()), ("config", layout.stages())])
}

/// `limit` is in seconds. With controllers, a node is made and waited for.
pub(super) fn wait(layout: &Layout, ports: Ports, limit: u64, controllers: bool) -> Vec<OsString> {
    let mut arguments = vec!["wait".into(), layout.keys().into(), ports.url().into(), format!("{limit}s").into()];
    if controllers {
        arguments.push(NODE.into());
    }
    arguments
}

pub(super) fn keys(layout: &Layout) -> Vec<OsString> {
    vec!["keys".into(), layout.keys().into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports { etcd: 1, api: 2 };

    fn layout() -> Layout {
        Layout::new("/c")
    }

    fn api(serving: Serving) -> Vec<OsString> {
        api_server(&layout(), PORTS, "x", serving)
    }

    #[track_caller]
    fn check(arguments: &[OsString], expected: &str, there: bool) {
        assert_eq!(arguments.iter().any(|argument| argument == expected), there, "{expected} in {arguments:?}");
    }

    #[test]
    fn the_api_server_finds_etcd() {
        check(&etcd(&layout(), PORTS), "--listen-client-urls=http://127.0.0.1:1", true);
        let api = api(Serving { audit: false, controllers: true });
        check(&api, "--etcd-servers=http://127.0.0.1:1", true);
        check(&api, "--etcd-prefix=/registry/x", true);
        check(&api, "--secure-port=2", true);
        assert_eq!(PORTS.url(), "https://127.0.0.1:2");
    }

    #[test]
    fn authorization_is_real() {
        check(&api(Serving { audit: false, controllers: false }), "--authorization-mode=Node,RBAC", true);
    }

    #[test]
    fn without_controllers_pods_need_no_service_account() {
        let plugin = "--disable-admission-plugins=ServiceAccount";
        check(&api(Serving { audit: false, controllers: false }), plugin, true);
        check(&api(Serving { audit: false, controllers: true }), plugin, false);
    }

    #[test]
    fn audits_on_demand() {
        let log = "--audit-log-path=/c/logs/audit.log";
        check(&api(Serving { audit: true, controllers: false }), log, true);
        check(&api(Serving { audit: false, controllers: false }), log, false);
    }

    #[test]
    fn nothing_listens_on_a_fixed_port() {
        check(&controller_manager(&layout()), "--secure-port=0", true);
        check(&scheduler(&layout()), "--secure-port=0", true);
        check(&kwok(&layout()), "--node-port=0", true);
    }

    #[test]
    fn waits_for_the_node_that_kwok_plays() {
        assert_eq!(wait(&layout(), PORTS, 9, false), ["wait", "/c/keys", "https://127.0.0.1:2", "9s"]);
        assert_eq!(wait(&layout(), PORTS, 9, true), ["wait", "/c/keys", "https://127.0.0.1:2", "9s", "kwok"]);
    }
}
