//! Which cluster, as whom, and in which namespace.
//!
//! The file named by `--kubeconfig`, or all that `KUBECONFIG` lists, merged, or `~/.kube/config`, or
//! the service account of the pod. Flags are known before the namespace is looked up, so that it is
//! that of the context which is really used.

use std::env;
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::error::Advise;
use crate::globals::Globals;
use crate::nearest::nearest;

/// How to get to a cluster.
pub(super) struct Access {
    pub(super) config: Config,
    pub(super) namespace: String,
}

/// Why there is no way to a cluster.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("no kubeconfig found, and this is no pod of a cluster")]
    None,
    #[error("the kubeconfig `{}` cannot be used", path.display())]
    File { path: PathBuf, source: KubeconfigError },
    #[error("the kubeconfig files of `KUBECONFIG` do not fit together")]
    Merge(#[source] KubeconfigError),
    #[error("the kubeconfig has no context `{name}`")]
    NoContext { name: String, others: Vec<String> },
    #[error("the kubeconfig has no current context")]
    NoCurrentContext { others: Vec<String> },
    #[error("the context `{context}` of the kubeconfig cannot be used")]
    Context { context: String, source: KubeconfigError },
    #[error("`--kube-server` is no address")]
    Server(#[source] http::uri::InvalidUri),
    #[error("`--kube-as-uid` is no text for a header")]
    Uid(#[source] http::header::InvalidHeaderValue),
    #[error("the service account of this pod cannot be used")]
    Pod(#[source] kube::config::InClusterError),
}

/// Follows the rules.
pub(super) async fn load(globals: &Globals) -> Result<Access, AccessError> {
    let mut access = match read(globals)? {
        Some(kubeconfig) => from_context(kubeconfig, globals).await?,
        None => match &globals.kube_server {
            Some(server) => {
                let config = Config::new(server.parse().map_err(AccessError::Server)?);
                Access { config, namespace: "default".to_owned() }
            }
            None => from_pod()?,
        },
    };
    apply(globals, &mut access.config)?;
    access.config.default_retry = false;
    if let Some(namespace) = &globals.namespace {
        access.namespace.clone_from(namespace);
    }
    Ok(access)
}

/// The kubeconfig, if there is one.
fn read(globals: &Globals) -> Result<Option<Kubeconfig>, AccessError> {
    let listed = env::var_os("KUBECONFIG").filter(|listed| !listed.is_empty());
    let paths: Vec<PathBuf> = match (&globals.kubeconfig, listed) {
        (Some(path), _) => return file(path).map(Some),
        // Files that are not there yet are as usual here as in a search path.
        (None, Some(listed)) => env::split_paths(&listed).filter(|path| path.is_file()).collect(),
        (None, None) => {
            let home = env::home_dir().map(|home| home.join(".kube").join("config"));
            home.filter(|path| path.is_file()).into_iter().collect()
        }
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths {
        let next = file(&path)?;
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(AccessError::Merge)?,
            None => next,
        });
    }
    Ok(merged)
}

fn file(path: &Path) -> Result<Kubeconfig, AccessError> {
    Kubeconfig::read_from(path).map_err(|source| AccessError::File { path: path.to_owned(), source })
}

async fn from_context(kubeconfig: Kubeconfig, globals: &Globals) -> Result<Access, AccessError> {
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    let Some(name) = globals.kube_context.clone().or(current) else {
        return Err(AccessError::NoCurrentContext { others: contexts });
    };
    if !contexts.contains(&name) {
        return Err(AccessError::NoContext { name, others: contexts });
    }
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let config = config.map_err(|source| AccessError::Context { context: name, source })?;
    let namespace = Some(config.default_namespace.clone()).filter(|namespace| !namespace.is_empty());
    Ok(Access { namespace: namespace.unwrap_or_else(|| "default".to_owned()), config })
}

fn from_pod() -> Result<Access, AccessError> {
    if env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
        return Err(AccessError::None);
    }
    let config = Config::incluster().map_err(AccessError::Pod)?;
    let named = env::var("POD_NAMESPACE").ok().filter(|namespace| !namespace.is_empty());
    Ok(Access { namespace: named.unwrap_or_else(|| config.default_namespace.clone()), config })
}

/// What flags say goes before what files say.
fn apply(globals: &Globals, config: &mut Config) -> Result<(), AccessError> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    if let Some(server) = &globals.kube_server {
        config.cluster_url = server.parse().map_err(AccessError::Server)?;
    }
    if let Some(name) = &globals.kube_tls_server_name {
        config.tls_server_name = Some(name.clone());
    }
    if let Some(path) = &globals.kube_certificate_authority {
        config.root_cert_file = Some(path.clone());
    }
    config.accept_invalid_certs |= globals.kube_insecure_skip_tls_verify;
    let who = &mut config.auth_info;
    if let Some(token) = &globals.kube_token {
        *who = AuthInfo {
            token: Some(token.clone().into()),
            impersonate: who.impersonate.take(),
            impersonate_groups: who.impersonate_groups.take(),
            ..AuthInfo::default()
        };
    }
    if let Some(path) = &globals.kube_client_certificate {
        (who.client_certificate, who.client_certificate_data) = (Some(text(path)), None);
    }
    if let Some(path) = &globals.kube_client_key {
        (who.client_key, who.client_key_data) = (Some(text(path)), None);
    }
    if let Some(user) = &globals.kube_as {
        who.impersonate = Some(user.clone());
    }
    if !globals.kube_as_group.is_empty() {
        who.impersonate_groups = Some(globals.kube_as_group.clone());
    }
    if let Some(uid) = &globals.kube_as_uid {
        let uid = HeaderValue::from_str(uid).map_err(AccessError::Uid)?;
        config.headers.push((HeaderName::from_static("impersonate-uid"), uid));
    }
    Ok(())
}

impl Advise for AccessError {
    fn hint(&self) -> Option<String> {
        let list = |others: &[String]| match others {
            [] => "the kubeconfig has no contexts; get one from whoever runs the cluster".to_owned(),
            others => format!("choose one with `--kube-context`: `{}`", others.join("`, `")),
        };
        Some(match self {
            Self::None => "name one with `--kubeconfig FILE` or `KUBECONFIG`".to_owned(),
            Self::File { .. } | Self::Merge(_) => "`kubectl config view` shows what is wrong with it".to_owned(),
            Self::NoContext { name, others } => match nearest(name, others.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `--kube-context {near}`?"),
                None => list(others),
            },
            Self::NoCurrentContext { others } => list(others),
            Self::Context { .. } => "`kubectl config view --minify` shows the context".to_owned(),
            Self::Server(_) => "write it like `https://10.0.0.1:6443`".to_owned(),
            Self::Uid(_) => return None,
            Self::Pod(_) => "mount the token of a service account, or name a `--kubeconfig`".to_owned(),
        })
    }
}
