//! What is installed in a cluster: the operator, and the FluxInstance.

use flux_operator_api::{Object, identity, labels};
use kube::api::ListParams;

use crate::cluster::{Cluster, ClusterError, Scope, ServedKind};
use crate::kinds::INSTANCE;
use crate::readiness::text;

/// The label by which the Deployment of the operator is found.
pub(crate) const OPERATOR: &str = "app.kubernetes.io/name=flux-operator";

/// The Deployments of a cluster.
pub(crate) fn deployments() -> ServedKind {
    ServedKind::built_in("apps", "v1", "Deployment", "deployments", true)
}

impl Cluster {
    /// The Deployment of the operator.
    pub(crate) async fn operator(&self) -> Result<Option<Object>, ClusterError> {
        let params = ListParams::default().labels(OPERATOR);
        Ok(self.list(&deployments(), &Scope::All, &params).await?.objects.into_iter().next())
    }

    /// The FluxInstance of the cluster.
    pub(crate) async fn instance(&self) -> Result<Option<Object>, ClusterError> {
        let kind = ServedKind::known(INSTANCE);
        let mut instances = self.list(&kind, &Scope::All, &ListParams::default()).await?.objects;
        instances.sort_by_key(|instance| instance.name() != identity::INSTANCE_NAME);
        Ok(instances.into_iter().next())
    }
}

/// The version of the operator that a Deployment runs: its label, or the tag of its image.
pub(crate) fn operator_version(deployment: &Object) -> Option<String> {
    let label = deployment.labels().find(|(key, _)| *key == labels::APP_VERSION).map(|(_, version)| version.to_owned());
    label.or_else(|| tag(text(deployment, "/spec/template/spec/containers/0/image")?))
}

/// The tag of an image.
pub(crate) fn tag(image: &str) -> Option<String> {
    let image = image.split('@').next().unwrap_or_default();
    let (_, tag) = image.rsplit_once(':')?;
    (!tag.contains('/')).then(|| tag.to_owned())
}

/// The version of Flux that an instance has applied.
pub(crate) fn flux_version(instance: &Object) -> Option<String> {
    let revision = text(instance, "/status/lastAppliedRevision")?;
    Some(revision.split('@').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_images() {
        for (image, expected) in [
            ("ghcr.io/fluxcd/a:v1.2", Some("v1.2")),
            ("localhost:5000/a", None),
            ("localhost:5000/a:v1@sha256:0", Some("v1")),
            ("a@sha256:0", None),
        ] {
            assert_eq!(tag(image).as_deref(), expected, "{image}");
        }
    }
}
