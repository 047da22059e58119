//! The patches that this command makes, and how they are told from those of users.

use flux_operator_api::Component;
use flux_operator_builder::yaml::{self, Dialect, Limits, read_documents};
use serde_json::{Value, json};

use crate::commands::diff::patch::Operation;
use crate::kinds::{self, FluxKind};

/// Where a Deployment of Flux has the image of its controller.
const IMAGE: &str = "/spec/template/spec/containers/0/image";

const DEPLOYMENT: &str = "Deployment";
const DEFINITION: &str = "CustomResourceDefinition";

/// The kinds that a controller brings.
pub(super) fn kinds(component: Component) -> &'static [&'static FluxKind] {
    match component {
        Component::SourceController => &[
            kinds::GIT_REPOSITORY,
            kinds::OCI_REPOSITORY,
            kinds::BUCKET,
            kinds::HELM_REPOSITORY,
            kinds::HELM_CHART,
            kinds::EXTERNAL_ARTIFACT,
        ],
        Component::KustomizeController => &[kinds::KUSTOMIZATION],
        Component::HelmController => &[kinds::HELM_RELEASE],
        Component::NotificationController => &[kinds::ALERT, kinds::PROVIDER, kinds::RECEIVER],
        Component::ImageReflectorController => &[kinds::IMAGE_REPOSITORY, kinds::IMAGE_POLICY],
        Component::ImageAutomationController => &[kinds::IMAGE_UPDATE_AUTOMATION],
        Component::SourceWatcher => &[kinds::ARTIFACT_GENERATOR],
    }
}

/// The patch that has a component run an image.
pub(super) fn image(component: Component, image: &str) -> Value {
    patch(DEPLOYMENT, component.as_str(), vec![json!({"op": "replace", "path": IMAGE, "value": image})])
}

/// The patch that makes one CRD another.
pub(super) fn definition(name: &str, operations: &[Operation]) -> Value {
    patch(DEFINITION, name, operations.iter().map(Operation::value).collect())
}

fn patch(kind: &str, name: &str, operations: Vec<Value>) -> Value {
    let mut text = String::new();
    yaml::write(&operations.into(), &mut text);
    json!({"patch": text, "target": {"kind": kind, "name": name}})
}

/// Whether this command made a patch for one of the components. Whatever has more to it, or is written
/// in another way, belongs to the user.
pub(super) fn is_generated(patch: &Value, components: &[Component]) -> bool {
    let fields = |value: &Value, expected: [&str; 2]| {
        value.as_object().is_some_and(|fields| fields.keys().map(String::as_str).eq(expected))
    };
    let Some(target) = patch.get("target").filter(|target| fields(target, ["kind", "name"])) else { return false };
    if !fields(patch, ["patch", "target"]) {
        return false;
    }
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, name) = (text(target, "kind"), text(target, "name"));
    let Some(operations) = operations(&text(patch, "patch")) else { return false };
    match kind.as_str() {
        DEPLOYMENT if components.iter().any(|component| component.as_str() == name) => {
            let [operation] = operations.as_slice() else { return false };
            text(operation, "op") == "replace" && text(operation, "path") == IMAGE
        }
        DEFINITION => components.iter().any(|component| kinds(*component).iter().any(|kind| kind.definition() == name)),
        _ => false,
    }
}

/// The operations of a JSON patch (RFC 6902); none where the text is something else.
fn operations(text: &str) -> Option<Vec<Value>> {
    let documents = read_documents(text, Dialect::Manifest, &Limits::INPUT).ok()?;
    let [Value::Array(operations)]: [Value; 1] = documents.try_into().ok()? else { return None };
    let is_operation = |value: &Value| value.get("op").is_some() && value.get("path").is_some();
    operations.iter().all(is_operation).then_some(operations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_generated_is_taken_for_it() {
        let components = [Component::SourceController];
        let crd = "gitrepositories.source.toolkit.fluxcd.io";
        let with = |target: Value, text: &str| json!({"target": target, "patch": text});
        let target = |kind: &str, name: &str| json!({"kind": kind, "name": name});
        let image_text = "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: a:b\n";
        let deployment = || target("Deployment", "source-controller");
        let mut wider = deployment();
        wider["namespace"] = json!("flux-system");
        for (what, patch, expected) in [
            ("an image", image(Component::SourceController, "a:b"), true),
            ("of another component", image(Component::HelmController, "a:b"), false),
            (
                "as JSON",
                with(deployment(), &format!("[{{\"op\": \"replace\", \"path\": \"{IMAGE}\", \"value\": \"a\"}}]")),
                true,
            ),
            ("an extra selector", with(wider, image_text), false),
            ("an extra operation", with(deployment(), &format!("{image_text}- op: remove\n  path: /x\n")), false),
            (
                "another operation",
                with(deployment(), "- op: add\n  path: /spec/template/spec/containers/0/image\n  value: a\n"),
                false,
            ),
            ("a CRD", definition(crd, &[Operation::removal()]), true),
            (
                "a CRD by strategic merge",
                with(target("CustomResourceDefinition", crd), "metadata:\n  name: x\n"),
                false,
            ),
            (
                "a foreign CRD",
                with(target("CustomResourceDefinition", "widgets.example.com"), "- op: remove\n  path: /x\n"),
                false,
            ),
            ("no target", json!({"patch": image_text}), false),
            ("a null target", with(Value::Null, image_text), false),
            ("options", json!({"patch": image_text, "target": deployment(), "options": {}}), false),
        ] {
            assert_eq!(is_generated(&patch, &components), expected, "{what}: {patch}");
        }
    }
}
