//! What goes wrong between here and a cluster.

use std::io;
use std::time::Duration;

use flux_operator_inventory::RequestError;

use super::kubeconfig::AccessError;
use crate::error::Advise;

/// A cluster that cannot be asked, or does not answer as hoped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error("the command cannot be started")]
    NoRuntime(#[source] io::Error),
    #[error("the credentials of the kubeconfig cannot be used")]
    Credentials(#[source] Box<kube::Error>),
    #[error("cannot {doing}")]
    Request {
        doing: String,
        #[source]
        source: RequestError,
    },
    #[error("the command was not done after {}", super::written(*.0))]
    OutOfTime(Duration),
    #[error("interrupted; what was asked of the cluster before goes on there")]
    Interrupted,
    #[error("{0} not found")]
    NotFound(String),
    #[error("the cluster has no kind `{kind}`")]
    NotInstalled { kind: String, group: String },
}

impl ClusterError {
    pub(super) fn client(error: kube::Error) -> Self {
        Self::Credentials(Box::new(error))
    }

    /// What was tried, and why it failed.
    pub(crate) fn request(doing: impl Into<String>, source: RequestError) -> Self {
        Self::Request { doing: doing.into(), source }
    }

    /// Whether whoever asks must not do that.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Request { source, .. } if source.is_forbidden())
    }
}

/// Who exits because of a signal says so: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

impl Advise for ClusterError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Credentials(_) => {
                "`kubectl auth whoami` tells whether they are good; log in again where they have expired".to_owned()
            }
            Self::Request { source, .. } => return advice(source),
            Self::OutOfTime(_) => "give it more time with `--timeout 5m`".to_owned(),
            Self::NotFound(_) => "`flux-operator get all -A` lists what there is".to_owned(),
            Self::NotInstalled { group, .. } if group.contains("fluxcd.") => {
                "`flux-operator check` tells what is installed; see `--kube-context` if this is the wrong cluster"
                    .to_owned()
            }
            Self::NotInstalled { .. } => "`kubectl api-resources` lists the kinds of the cluster".to_owned(),
            Self::NoRuntime(_) | Self::Interrupted => return None,
        })
    }

    fn exit_code(&self) -> u8 {
        if matches!(self, Self::Interrupted) { INTERRUPTED } else { 1 }
    }
}

fn advice(error: &RequestError) -> Option<String> {
    if error.is_forbidden() {
        return Some("whoever runs the cluster can grant that; `kubectl auth whoami` tells who you are".to_owned());
    }
    if error.status().is_some_and(|status| status.code == 401) {
        return Some("the credentials have expired or belong to another cluster: log in again".to_owned());
    }
    match error {
        RequestError::Unreachable(source) => Some(unreachable(source.as_ref()).to_owned()),
        RequestError::TimedOut(_) => {
            Some("check that the cluster is up, or give it more time with `--timeout`".to_owned())
        }
        RequestError::Refused(_) | RequestError::Unreadable(_) => None,
    }
}

/// A connection fails for reasons that only the texts of its sources tell.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> &'static str {
    let mut texts = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        texts.push_str(&error.to_string());
        source = error.source();
    }
    if texts.contains("certificate") {
        "the certificate is not what the kubeconfig expects: is it for another cluster, or out of date?"
    } else if texts.contains("auth exec") || texts.contains("exec-plugin") || texts.contains("exec auth") {
        "the program that the kubeconfig names for logging in failed: run it by hand, or log in again"
    } else {
        "check that the cluster is up, and that `--kube-context` names the one you mean"
    }
}

impl From<RequestError> for ClusterError {
    fn from(source: RequestError) -> Self {
        Self::request("ask the API server", source)
    }
}

impl From<AccessError> for crate::error::Failure {
    fn from(error: AccessError) -> Self {
        crate::error::Complaint::new(error).into()
    }
}

impl From<ClusterError> for crate::error::Failure {
    fn from(error: ClusterError) -> Self {
        crate::error::Complaint::new(error).into()
    }
}
