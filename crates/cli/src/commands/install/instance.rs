//! The FluxInstance to install: from a file, or from flags. Checked before anything is written.

use std::fs;
use std::time::Duration;

use flux_operator_builder::Admission;
use flux_operator_builder::yaml::write;
use serde_json::{Value, json};

use super::{Arguments, Credentials, Instance, NAMESPACE};
use crate::commands::create::secret::{Material, first_line, github_app, login};
use crate::documents;
use crate::error::{Advise, Complaint, Failure};
use crate::files;
use crate::inputs;
use crate::usage::UsageError;

/// What is installed unless flags say otherwise.
pub(super) const COMPONENTS: [&str; 4] =
    ["source-controller", "kustomize-controller", "helm-controller", "notification-controller"];

/// The Secret that credentials go to.
pub(super) const PULL_SECRET: &str = "flux-system";

/// Flags that make no instance.
#[derive(Debug, thiserror::Error)]
#[error("the flags make no FluxInstance")]
struct NoInstance(#[source] flux_operator_builder::Violations);

impl Advise for NoInstance {
    fn hint(&self) -> Option<String> {
        Some("`flux-operator install --help` lists the flags".to_owned())
    }
}

/// The instance, in the namespace of the operator.
#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
pub(super) fn read(arguments: &Arguments, has_credentials: bool, patience: Duration) -> Result<Value, Failure> {
    let mut instance = if let Some(name) = &arguments.instance_file {
        let text = documents::read(name, &arguments.hosts, patience)?;
        let text = text.map_err(|error| Complaint::about(&**name, error))?;
        inputs::parse_one(name, &text)?.1
    } else {
        let instance = from_flags(&arguments.instance);
        check(&instance)?;
        instance
    };
    instance["metadata"]["namespace"] = NAMESPACE.into();
    if has_credentials && let Some(sync) = instance.pointer_mut("/spec/sync").and_then(Value::as_object_mut) {
        sync.entry("pullSecret").or_insert_with(|| PULL_SECRET.into());
        if arguments.credentials.instance_sync_gha_app_id.is_some() {
            sync.entry("provider").or_insert_with(|| "github".into());
        }
    }
    Ok(instance)
}

#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
fn from_flags(flags: &Instance) -> Value {
    let mut instance = json!({
        "apiVersion": "fluxcd.controlplane.io/v1",
        "kind": "FluxInstance",
        "metadata": {"name": "flux"},
        "spec": {
            "distribution": {
                "version": flags.instance_distribution_version,
                "registry": flags.instance_distribution_registry,
            },
            "components": flags.instance_components.iter().chain(&flags.instance_components_extra).collect::<Vec<_>>(),
            "cluster": {
                "type": flags.instance_cluster_type.to_string(),
                "size": flags.instance_cluster_size.to_string(),
                "domain": flags.instance_cluster_domain,
                "multitenant": flags.instance_cluster_multitenant,
                "networkPolicy": flags.instance_cluster_network_policy,
            },
        },
    });
    if let Some(artifact) = &flags.instance_distribution_artifact {
        instance["spec"]["distribution"]["artifact"] = artifact.as_str().into();
    }
    if let Some(url) = &flags.instance_sync_url {
        instance["spec"]["sync"] = json!({
            "kind": if url.starts_with("oci://") { "OCIRepository" } else { "GitRepository" },
            "url": url,
            "ref": flags.instance_sync_ref.as_deref().unwrap_or_default(),
            "path": flags.instance_sync_path,
        });
    }
    instance
}

/// What an API server would say of the instance, without one.
fn check(instance: &Value) -> Result<(), Failure> {
    let mut text = String::new();
    write(instance, &mut text);
    let admission = Admission::new();
    for manifest in admission.read(&text).unwrap_or_default() {
        manifest.plan().map_err(|violations| Complaint::new(NoInstance(violations)))?;
    }
    Ok(())
}

impl Credentials {
    /// What goes into the Secret, where there are credentials.
    ///
    /// # Errors
    /// They are incomplete, unreadable, or not of the form `user:token`.
    pub(super) fn secret(&self, url: Option<&str>) -> Result<Option<Material>, Failure> {
        if let Some(id) = &self.instance_sync_gha_app_id {
            return github_app(
                id,
                self.instance_sync_gha_private_key_file.as_ref(),
                self.instance_sync_gha_installation_id.as_deref(),
                self.instance_sync_gha_installation_owner.as_deref(),
                self.instance_sync_gha_base_url.as_deref(),
            )
            .map(Some);
        }
        let credentials = match (&self.instance_sync_creds, &self.instance_sync_creds_file) {
            (Some(credentials), _) => credentials.reveal().to_owned(),
            (None, Some(path)) => {
                let text = fs::read_to_string(path);
                let error = |error| Complaint::about(path.display().to_string(), files::FileError::Unreadable(error));
                first_line(&text.map_err(error)?)
            }
            (None, None) => return Ok(None),
        };
        let Some((user, token)) =
            credentials.split_once(':').filter(|(user, token)| !user.is_empty() && !token.is_empty())
        else {
            let text = "the credentials of the repository are not of the form `user:token`";
            return Err(Complaint::new(UsageError::found(text, "write both, with a colon between them")).into());
        };
        Ok(Some(login(url.unwrap_or_default(), user, token)))
    }
}
