//! What kinds a cluster has, asked for in one request.

use flux_operator_api::ObjectId;
use http::Request;
use http::header::ACCEPT;
use serde::Deserialize;

use super::{Cluster, ClusterError};
use crate::kinds::{FluxKind, INSTANCE};
use crate::nearest::nearest;

/// Aggregated discovery, which every supported cluster has.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The kinds of a cluster, in the versions that it prefers.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    kinds: Vec<ServedKind>,
}

/// A kind, and where its objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedKind {
    /// Empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) is_namespaced: bool,
}

impl ServedKind {
    /// A kind of Flux at the version that it has most likely, which for kinds of the operator is certain.
    pub(crate) fn known(kind: &FluxKind) -> Self {
        Self::built_in(kind.group, kind.version, kind.kind, kind.plural, true)
    }

    /// A kind of Kubernetes itself.
    pub(crate) fn built_in(group: &str, version: &str, kind: &str, plural: &str, is_namespaced: bool) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            is_namespaced,
        }
    }

    /// Namespaces.
    pub(crate) fn namespaces() -> Self {
        Self::built_in("", "v1", "Namespace", "namespaces", false)
    }

    /// CRDs.
    pub(crate) fn definitions() -> Self {
        let (group, plural) = ("apiextensions.k8s.io", "customresourcedefinitions");
        Self::built_in(group, "v1", "CustomResourceDefinition", plural, false)
    }

    /// The same kind at another version.
    pub(crate) fn at(&self, version: &str) -> Self {
        Self { version: version.to_owned(), ..self.clone() }
    }

    /// The path of the API for the objects, in a namespace or in all of them.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let Self { group, version, plural, .. } = self;
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match namespace.filter(|namespace| self.is_namespaced && !namespace.is_empty()) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }

    /// The version as objects have it: `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        let Self { group, version, .. } = self;
        if group.is_empty() { version.clone() } else { format!("{group}/{version}") }
    }

    /// The id of an object of the kind. The namespace is left out where the kind has none.
    pub(crate) fn id(&self, namespace: &str, name: &str) -> ObjectId {
        let namespace = if self.is_namespaced { namespace } else { "" };
        ObjectId::new(&*self.group, &*self.kind, namespace, name)
    }

    /// Whether users call it so: by kind, plural, singular or short name, in any case, and with the
    /// group behind a dot.
    fn is_called(&self, word: &str) -> bool {
        let is = |name: &str| name.eq_ignore_ascii_case(word);
        let with_group = || {
            let (name, group) = word.split_once('.').unwrap_or((word, ""));
            self.group.eq_ignore_ascii_case(group) && self.names().any(|own| own.eq_ignore_ascii_case(name))
        };
        self.names().any(is) || with_group()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [&self.kind, &self.plural, &self.singular].into_iter().chain(&self.short_names).map(String::as_str)
    }
}

impl Discovery {
    /// The kind of a group, where the cluster has it.
    pub(crate) fn find(&self, group: &str, kind: &str) -> Option<&ServedKind> {
        self.kinds.iter().find(|served| served.group == group && served.kind == kind)
    }

    /// The kind of a group that users call so.
    pub(crate) fn of_group(&self, group: &str, word: &str) -> Option<&ServedKind> {
        self.kinds.iter().find(|kind| kind.group == group && kind.is_called(word))
    }

    /// A kind of Flux.
    ///
    /// # Errors
    /// It is not installed.
    pub(crate) fn flux(&self, kind: &FluxKind) -> Result<&ServedKind, ClusterError> {
        let not_installed = || ClusterError::NotInstalled { kind: kind.kind.to_owned(), group: kind.group.to_owned() };
        self.find(kind.group, kind.kind).ok_or_else(not_installed)
    }

    /// The kind that users mean, Kubernetes' own before others.
    pub(crate) fn called(&self, word: &str) -> Option<&ServedKind> {
        self.kinds.iter().find(|kind| kind.is_called(word))
    }

    /// The kind that users may have meant.
    pub(crate) fn nearest(&self, word: &str) -> Option<&str> {
        nearest(word, self.kinds.iter().flat_map(ServedKind::names))
    }
}

impl Cluster {
    /// The kinds of all groups but the core group, asked for once.
    pub(crate) async fn discover(&self) -> Result<&Discovery, ClusterError> {
        self.groups.get_or_try_init(async || Ok(Discovery { kinds: self.served_below("/apis").await? })).await
    }

    /// All kinds, asked for once.
    pub(crate) async fn discover_all(&self) -> Result<&Discovery, ClusterError> {
        let discover = async || {
            let (mut core, others) = futures::try_join!(self.served_below("/api"), self.served_below("/apis"))?;
            core.extend(others);
            Ok(Discovery { kinds: core })
        };
        self.everything.get_or_try_init(discover).await
    }

    /// A kind of Flux. For a FluxInstance, nobody has to be asked.
    ///
    /// # Errors
    /// Also that it is not installed.
    pub(crate) async fn served(&self, kind: &FluxKind) -> Result<ServedKind, ClusterError> {
        if kind == INSTANCE {
            return Ok(ServedKind::known(kind));
        }
        self.discover().await?.flux(kind).cloned()
    }

    async fn served_below(&self, root: &str) -> Result<Vec<ServedKind>, ClusterError> {
        let request = Request::get(root).header(ACCEPT, AGGREGATED).body(Vec::new()).unwrap_or_default();
        let groups: Groups = self.ask("list the kinds of the cluster", request).await?;
        Ok(groups.items.into_iter().flat_map(Group::into_kinds).collect())
    }
}

#[derive(Deserialize)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Named,
    /// The preferred one first.
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    kind: String,
}

impl Group {
    /// Each kind once, at the version that comes first. What has no objects to get is left out.
    fn into_kinds(self) -> Vec<ServedKind> {
        let mut kinds: Vec<ServedKind> = Vec::new();
        for Version { version, resources } in self.versions {
            for resource in resources {
                let kind = resource.response_kind.map(|response| response.kind).unwrap_or_default();
                let has_objects = resource.verbs.iter().any(|verb| verb == "get");
                if kind.is_empty() || !has_objects || kinds.iter().any(|known| known.kind == kind) {
                    continue;
                }
                kinds.push(ServedKind {
                    group: self.metadata.name.clone(),
                    version: version.clone(),
                    kind,
                    plural: resource.resource,
                    singular: resource.singular_resource,
                    short_names: resource.short_names,
                    is_namespaced: resource.scope == "Namespaced",
                });
            }
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn discovery() -> Discovery {
        let resource = |plural: &str, kind: &str| {
            json!({
                "resource": plural, "responseKind": {"group": "", "version": "", "kind": kind}, "scope": "Namespaced",
                "singularResource": kind.to_lowercase(), "shortNames": [&kind[..2].to_lowercase()], "verbs": ["get"],
            })
        };
        let groups = json!({"items": [
            {"metadata": {"name": "source.toolkit.fluxcd.io"}, "versions": [
                {"version": "v1", "resources": [resource("gitrepositories", "GitRepository")]},
                {"version": "v1beta2", "resources": [resource("gitrepositories", "GitRepository"),
                                                    resource("ocirepositories", "OCIRepository")]},
            ]},
            {"metadata": {"name": "example.com"}, "versions": [
                {"version": "v2", "resources": [resource("gitrepositories", "GitRepository"),
                                                {"resource": "reviews", "verbs": ["create"], "scope": "Cluster"}]},
            ]},
        ]});
        let groups: Groups = serde_json::from_value(groups).unwrap();
        Discovery { kinds: groups.items.into_iter().flat_map(Group::into_kinds).collect() }
    }

    #[test]
    fn prefers_what_the_server_prefers_kind_by_kind() {
        let discovery = discovery();
        let version = |kind| discovery.find("source.toolkit.fluxcd.io", kind).map(ServedKind::api_version).unwrap();
        assert_eq!(version("GitRepository"), "source.toolkit.fluxcd.io/v1");
        assert_eq!(version("OCIRepository"), "source.toolkit.fluxcd.io/v1beta2");
        assert_eq!(discovery.kinds.len(), 3);
    }

    #[test]
    fn kinds_are_called_by_any_name() {
        let discovery = discovery();
        let path = |word| discovery.called(word).map(|kind| kind.path(Some("apps")));
        let first = Some("/apis/source.toolkit.fluxcd.io/v1/namespaces/apps/gitrepositories".to_owned());
        for word in ["GitRepository", "gitrepositories", "GITREPOSITORY", "gi"] {
            assert_eq!(path(word), first, "{word}");
        }
        assert_eq!(
            path("gitrepository.example.com"),
            Some("/apis/example.com/v2/namespaces/apps/gitrepositories".to_owned())
        );
        assert_eq!(path("reviews"), None);
        assert_eq!(discovery.nearest("gitrepositry"), Some("GitRepository"));
    }
}
