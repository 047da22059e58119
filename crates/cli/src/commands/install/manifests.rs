//! The manifests of the operator, which are part of the program.

use flux_operator_api::{Object, crd};
use flux_operator_builder::yaml::{Dialect, Limits, YamlError, read_documents};
use serde_json::Value;

use crate::error::{Advise, Complaint, Failure};

/// The folder `deploy` of the repository; the CRDs come from the API itself.
const DEPLOY: [&str; 5] = [
    include_str!("../../../../../deploy/namespace.yaml"),
    include_str!("../../../../../deploy/service-account.yaml"),
    include_str!("../../../../../deploy/rbac.yaml"),
    include_str!("../../../../../deploy/deployment.yaml"),
    include_str!("../../../../../deploy/service.yaml"),
];

/// The label that every object of the operator carries, by which the engine knows them.
pub(super) const APPLICATION: &str = "app.kubernetes.io/name";

/// A program that was built from broken files.
#[derive(Debug, thiserror::Error)]
#[error("the manifests of the operator are broken, which is a fault of this program")]
struct Broken(#[source] Option<YamlError>);

impl Advise for Broken {}

/// The objects of the operator, with another image where one is named.
#[expect(clippy::indexing_slicing, reason = "fields of an object of our own")]
pub(super) fn operator(image: Option<&str>) -> Result<Vec<Object>, Failure> {
    let mut values = Vec::from(crd::all());
    for definition in &mut values {
        definition["metadata"]["labels"][APPLICATION] = "flux-operator".into();
    }
    for text in DEPLOY {
        let documents = read_documents(text, Dialect::Manifest, &Limits::DISTRIBUTION);
        values.extend(documents.map_err(|error| Complaint::new(Broken(Some(error))))?);
    }
    if let Some(image) = image {
        let of_deployment =
            values.iter_mut().filter(|value| value.get("kind").is_some_and(|kind| kind == "Deployment"));
        for container in of_deployment.filter_map(|value| value.pointer_mut("/spec/template/spec/containers/0/image")) {
            *container = Value::from(image);
        }
    }
    let objects = values.into_iter().map(|value| Object::try_from(value).map_err(|_| Complaint::new(Broken(None))));
    Ok(objects.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_of_the_operator_is_there() {
        let objects = operator(Some("example.com/operator:v7")).unwrap();
        let kinds: Vec<_> = objects.iter().map(Object::kind).collect();
        assert_eq!(kinds[1..4], ["CustomResourceDefinition", "Namespace", "ServiceAccount"]);
        for kind in ["ClusterRole", "ClusterRoleBinding", "Deployment", "Service"] {
            assert!(kinds.contains(&kind), "{kind} is missing");
        }
        for object in &objects {
            let labelled = object.labels().any(|label| label == (APPLICATION, "flux-operator"));
            assert!(labelled, "{} would not be found", object.id());
        }
        let deployment = objects.iter().find(|object| object.kind() == "Deployment").unwrap();
        let image = deployment.pointer("/spec/template/spec/containers/0/image").unwrap();
        assert_eq!(image, "example.com/operator:v7");
    }
}
