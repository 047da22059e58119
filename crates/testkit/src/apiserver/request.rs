//! What a request asks of an API server: read from method, path, query and body, nothing else.

use std::fmt;

use bytes::Bytes;
use http::{Method, header, request};
use serde_json::Value;

/// What a request wants to do, in the words of Kubernetes' access rules where they have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One object, or a page that is no object, such as `/apis`.
    Get,
    /// All objects of a resource, in a namespace or everywhere.
    List,
    /// Changes, as they happen.
    Watch,
    /// Any change that is only tried out.
    DryRun,
    /// A server-side apply.
    Apply,
    /// A patch of any other type.
    Patch,
    /// A `POST`.
    Create,
    /// A `PUT`.
    Update,
    /// A `DELETE`, of one object or of many.
    Delete,
}

impl Verb {
    /// The verb as it is written in messages, such as `dry-run`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::DryRun => "dry-run",
            Self::Apply => "apply",
            Self::Patch => "patch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Whether the verb changes what is stored.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Apply | Self::Patch | Self::Create | Self::Update | Self::Delete)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A request, understood.
///
/// Displays as verb and target, such as `apply configmaps/apps/a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// What is asked for, dry run or not; never [`Verb::DryRun`].
    pub operation: Verb,
    /// Whether it is only to be tried out. Deletions say so in their body, everything else in the query.
    pub dry_run: bool,
    /// The API group; empty for the core group.
    pub group: String,
    /// The version inside the group; empty for what is no resource.
    pub version: String,
    /// The plural of the resource, such as `configmaps`. The whole path for what is no resource, such as `/apis`.
    pub resource: String,
    /// The namespace. A Namespace itself lies in none.
    pub namespace: Option<String>,
    /// The name. For a `POST` it comes from the body.
    pub name: Option<String>,
    /// What lies below the object, such as `status`.
    pub subresource: Option<String>,
    /// The query, without its `?`.
    pub query: String,
    /// The body as it was sent.
    pub body: Bytes,
}

impl ApiRequest {
    /// Understands a request.
    pub fn read(parts: &request::Parts, body: Bytes) -> Self {
        let mut this = Self::at(parts.uri.path());
        parts.uri.query().unwrap_or_default().clone_into(&mut this.query);
        this.operation = this.operation_of(parts);
        this.dry_run = this.parameter("dryRun").is_some_and(|value| !value.is_empty());
        match this.operation {
            Verb::Create if this.name.is_none() => this.name = name_in(&body),
            Verb::Delete => this.dry_run |= asks_for_dry_run(&body),
            _ => {}
        }
        this.body = body;
        this
    }

    /// Takes a path apart, as `k8s.io/apiserver` does for its access rules.
    fn at(path: &str) -> Self {
        let mut this = Self {
            operation: Verb::Get,
            dry_run: false,
            group: String::new(),
            version: String::new(),
            resource: path.to_owned(),
            namespace: None,
            name: None,
            subresource: None,
            query: String::new(),
            body: Bytes::new(),
        };
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return this,
        };
        let (namespace, rest) = match rest {
            [] => return this,
            // The object itself and the two subresources it has; everything else is inside of it.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            _ => (None, rest),
        };
        let segment = |index: usize| rest.get(index).map(|segment| (*segment).to_owned());
        group.clone_into(&mut this.group);
        version.clone_into(&mut this.version);
        this.namespace = namespace;
        this.resource = segment(0).unwrap_or_default();
        this.name = segment(1);
        this.subresource = segment(2);
        this
    }

    fn operation_of(&self, parts: &request::Parts) -> Verb {
        let is_apply = || {
            let value = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            value.is_some_and(|value| value.starts_with("application/apply-patch"))
        };
        match parts.method {
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH if is_apply() => Verb::Apply,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            _ if !self.is_resource() => Verb::Get,
            _ if matches!(self.parameter("watch"), Some("" | "1" | "true")) => Verb::Watch,
            _ if self.name.is_none() => Verb::List,
            _ => Verb::Get,
        }
    }

    /// The verb to count it under: [`Verb::DryRun`], or the operation.
    pub fn verb(&self) -> Verb {
        if self.dry_run { Verb::DryRun } else { self.operation }
    }

    /// Whether it changes what is stored: no dry run, and no review, which is a question that is asked by `POST`.
    pub fn is_write(&self) -> bool {
        let is_review = matches!(self.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
            && self.resource.ends_with("reviews");
        self.verb().is_write() && !is_review
    }

    /// Whether the path is the one of a resource, and not of a page such as `/apis` or `/version`.
    pub fn is_resource(&self) -> bool {
        !self.version.is_empty()
    }

    /// Resource and subresource, as access rules name them: `deployments/status`.
    pub fn resource_path(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.clone(),
        }
    }

    /// What it is about, such as `configmaps/apps/a` or, without a name, `configmaps/apps`.
    pub fn target(&self) -> String {
        let parts = [Some(&self.resource), self.namespace.as_ref(), self.name.as_ref()];
        let target = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/");
        match &self.subresource {
            Some(subresource) => format!("{target} ({subresource})"),
            None => target,
        }
    }

    /// The first value of a parameter of the query, not decoded.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The body as JSON; null where there is none or it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb(), self.target())
    }
}

fn name_in(body: &[u8]) -> Option<String> {
    let object: Value = serde_json::from_slice(body).ok()?;
    object.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned)
}

fn asks_for_dry_run(body: &[u8]) -> bool {
    let options: Value = serde_json::from_slice(body).unwrap_or_default();
    options.get("dryRun").and_then(Value::as_array).is_some_and(|stages| !stages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, uri: &str, content_type: &str, body: &str) -> ApiRequest {
        let request = http::Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, content_type);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        ApiRequest::read(&parts, Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn takes_paths_apart() {
        let cases = [
            ("/api/v1/configmaps", ["", "v1", "configmaps", "", "", ""]),
            ("/api/v1/namespaces/apps/configmaps", ["", "v1", "configmaps", "apps", "", ""]),
            ("/api/v1/namespaces/apps/configmaps/a", ["", "v1", "configmaps", "apps", "a", ""]),
            ("/api/v1/namespaces", ["", "v1", "namespaces", "", "", ""]),
            ("/api/v1/namespaces/apps", ["", "v1", "namespaces", "", "apps", ""]),
            ("/api/v1/namespaces/apps/status", ["", "v1", "namespaces", "", "apps", "status"]),
            ("/api/v1/namespaces/apps/finalize", ["", "v1", "namespaces", "", "apps", "finalize"]),
            ("/api/v1/namespaces/apps/pods/p/log", ["", "v1", "pods", "apps", "p", "log"]),
            ("/apis/apps/v1/deployments", ["apps", "v1", "deployments", "", "", ""]),
            ("/apis/apps/v1/namespaces/n/deployments/d/scale", ["apps", "v1", "deployments", "n", "d", "scale"]),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
                ["rbac.authorization.k8s.io", "v1", "clusterroles", "", "system:node", ""],
            ),
            ("/apis/example.com/v1beta1/namespaces/n/widgets/w", ["example.com", "v1beta1", "widgets", "n", "w", ""]),
            ("/apis", ["", "", "/apis", "", "", ""]),
            ("/apis/apps/v1", ["", "", "/apis/apps/v1", "", "", ""]),
            ("/api/v1", ["", "", "/api/v1", "", "", ""]),
            ("/openapi/v3/apis/apps/v1", ["", "", "/openapi/v3/apis/apps/v1", "", "", ""]),
            ("/version", ["", "", "/version", "", "", ""]),
        ];
        for (path, expected) in cases {
            let read = ApiRequest::at(path);
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let found = [
                read.group,
                read.version,
                read.resource,
                text(&read.namespace),
                text(&read.name),
                text(&read.subresource),
            ];
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn tells_verbs_apart() {
        const ONE: &str = "/api/v1/namespaces/apps/configmaps/a";
        const ALL: &str = "/api/v1/namespaces/apps/configmaps";
        const JSON: &str = "application/json";
        const APPLY: &str = "application/apply-patch+yaml";
        let cases = [
            ("GET", ONE.to_owned(), "", "", "get configmaps/apps/a"),
            ("GET", ALL.to_owned(), "", "", "list configmaps/apps"),
            ("GET", "/apis/apps/v1/deployments?limit=500".to_owned(), "", "", "list deployments"),
            ("GET", format!("{ALL}?watch=true&resourceVersion=7"), "", "", "watch configmaps/apps"),
            ("GET", format!("{ALL}?&watch=1"), "", "", "watch configmaps/apps"),
            ("GET", format!("{ALL}?watch=false"), "", "", "list configmaps/apps"),
            ("GET", "/apis".to_owned(), "", "", "get /apis"),
            ("GET", "/version?watch=1".to_owned(), "", "", "get /version"),
            ("PATCH", format!("{ONE}?&fieldManager=m&force=true"), APPLY, "{}", "apply configmaps/apps/a"),
            ("PATCH", format!("{ONE}?&dryRun=All&fieldManager=m"), APPLY, "{}", "dry-run configmaps/apps/a"),
            ("PATCH", ONE.to_owned(), "application/merge-patch+json", "{}", "patch configmaps/apps/a"),
            (
                "PATCH",
                format!("{ONE}/status"),
                "application/merge-patch+json",
                "{}",
                "patch configmaps/apps/a (status)",
            ),
            ("POST", ALL.to_owned(), JSON, r#"{"metadata":{"name":"a"}}"#, "create configmaps/apps/a"),
            ("POST", ALL.to_owned(), JSON, r#"{"metadata":{"generateName":"a-"}}"#, "create configmaps/apps"),
            ("POST", format!("{ALL}?dryRun=All"), JSON, r#"{"metadata":{"name":"a"}}"#, "dry-run configmaps/apps/a"),
            ("PUT", ONE.to_owned(), JSON, "{}", "update configmaps/apps/a"),
            ("DELETE", ONE.to_owned(), JSON, r#"{"propagationPolicy":"Background"}"#, "delete configmaps/apps/a"),
            ("DELETE", ONE.to_owned(), JSON, r#"{"dryRun":["All"]}"#, "dry-run configmaps/apps/a"),
            ("DELETE", ALL.to_owned(), JSON, "", "delete configmaps/apps"),
        ];
        for (method, uri, content_type, body, expected) in cases {
            let read = read(method, &uri, content_type, body);
            assert_eq!(read.to_string(), expected, "{method} {uri}");
            assert_ne!(read.operation, Verb::DryRun, "{method} {uri}");
        }
    }

    #[test]
    fn a_write_changes_what_is_stored() {
        const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        for (method, uri, is_write) in [
            ("GET", "/api/v1/configmaps", false),
            ("POST", "/api/v1/namespaces", true),
            ("POST", "/api/v1/namespaces?dryRun=All", false),
            ("POST", REVIEWS, false),
            ("PUT", "/api/v1/namespaces/a/finalize", true),
            ("PATCH", "/api/v1/namespaces/a", true),
            ("DELETE", "/api/v1/namespaces/a", true),
        ] {
            assert_eq!(read(method, uri, "application/json", "").is_write(), is_write, "{method} {uri}");
        }
    }
}
