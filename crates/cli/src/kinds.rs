//! The kinds of the operator and of Flux: how they are called, and what can be asked of them.

use std::fmt;
use std::str::FromStr;

use flux_operator_api::{annotations, identity};

use crate::nearest::nearest;

/// A kind that the command line knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FluxKind {
    pub(crate) kind: &'static str,
    pub(crate) short: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) group: &'static str,
    /// The version that clusters have most likely. Only what must be quick relies on it, and asks where it is wrong.
    pub(crate) version: &'static str,
    /// Whether its objects do something again and again, and can be asked to do it now.
    pub(crate) is_reconciled: bool,
    pub(crate) suspension: Suspension,
}

/// How the objects of a kind are suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspension {
    /// By this annotation.
    Annotation(&'static str),
    /// By `spec.suspend`.
    Field,
    /// Not at all.
    Never,
}

const OPERATOR: &str = identity::GROUP;
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
const EXTENSIONS: &str = "source.extensions.fluxcd.io";
const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";

const fn kind(
    kind: &'static str,
    short: &'static str,
    plural: &'static str,
    group: &'static str,
    version: &'static str,
    is_reconciled: bool,
    suspension: Suspension,
) -> FluxKind {
    FluxKind { kind, short, plural, group, version, is_reconciled, suspension }
}

/// All of them, in the order in which they are listed.
pub(crate) const CATALOGUE: [FluxKind; 19] = {
    use Suspension::{Field, Never};
    const DISABLED: Suspension = Suspension::Annotation(annotations::RECONCILE);
    const GENERATOR: Suspension = Suspension::Annotation("source.extensions.fluxcd.io/reconcile");
    [
        kind("FluxInstance", "instance", "fluxinstances", OPERATOR, identity::VERSION, true, DISABLED),
        kind("FluxReport", "report", "fluxreports", OPERATOR, identity::VERSION, true, DISABLED),
        kind("ResourceSet", "rset", "resourcesets", OPERATOR, identity::VERSION, true, DISABLED),
        kind(
            "ResourceSetInputProvider",
            "rsip",
            "resourcesetinputproviders",
            OPERATOR,
            identity::VERSION,
            true,
            DISABLED,
        ),
        kind("Kustomization", "ks", "kustomizations", KUSTOMIZE, "v1", true, Field),
        kind("HelmRelease", "hr", "helmreleases", HELM, "v2", true, Field),
        kind("GitRepository", "gitrepo", "gitrepositories", SOURCE, "v1", true, Field),
        kind("OCIRepository", "ocirepo", "ocirepositories", SOURCE, "v1", true, Field),
        kind("Bucket", "bucket", "buckets", SOURCE, "v1", true, Field),
        kind("HelmRepository", "helmrepo", "helmrepositories", SOURCE, "v1", true, Field),
        kind("HelmChart", "hc", "helmcharts", SOURCE, "v1", true, Field),
        kind("ArtifactGenerator", "ag", "artifactgenerators", EXTENSIONS, "v1beta1", true, GENERATOR),
        kind("ExternalArtifact", "ea", "externalartifacts", SOURCE, "v1", false, Never),
        kind("Alert", "alert", "alerts", NOTIFICATION, "v1beta3", false, Field),
        kind("Provider", "provider", "providers", NOTIFICATION, "v1beta3", false, Field),
        kind("Receiver", "receiver", "receivers", NOTIFICATION, "v1", true, Field),
        kind("ImageRepository", "imgrepo", "imagerepositories", IMAGE, "v1", true, Field),
        kind("ImagePolicy", "imgpol", "imagepolicies", IMAGE, "v1", true, Field),
        kind("ImageUpdateAutomation", "imgauto", "imageupdateautomations", IMAGE, "v1", true, Field),
    ]
};

/// The FluxInstance.
pub(crate) const INSTANCE: &FluxKind = &CATALOGUE[0];

/// The report of the operator.
pub(crate) const REPORT: &FluxKind = &CATALOGUE[1];

// Those that commands are about.
pub(crate) const KUSTOMIZATION: &FluxKind = &CATALOGUE[4];
pub(crate) const HELM_RELEASE: &FluxKind = &CATALOGUE[5];
pub(crate) const GIT_REPOSITORY: &FluxKind = &CATALOGUE[6];
pub(crate) const OCI_REPOSITORY: &FluxKind = &CATALOGUE[7];
pub(crate) const BUCKET: &FluxKind = &CATALOGUE[8];
pub(crate) const HELM_REPOSITORY: &FluxKind = &CATALOGUE[9];
pub(crate) const HELM_CHART: &FluxKind = &CATALOGUE[10];
pub(crate) const ARTIFACT_GENERATOR: &FluxKind = &CATALOGUE[11];
pub(crate) const EXTERNAL_ARTIFACT: &FluxKind = &CATALOGUE[12];
pub(crate) const ALERT: &FluxKind = &CATALOGUE[13];
pub(crate) const PROVIDER: &FluxKind = &CATALOGUE[14];
pub(crate) const RECEIVER: &FluxKind = &CATALOGUE[15];
pub(crate) const IMAGE_REPOSITORY: &FluxKind = &CATALOGUE[16];
pub(crate) const IMAGE_POLICY: &FluxKind = &CATALOGUE[17];
pub(crate) const IMAGE_UPDATE_AUTOMATION: &FluxKind = &CATALOGUE[18];

/// A word that is no kind of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownKind(String);

impl FluxKind {
    /// The kind that users call so: by kind, plural or short name, in any case.
    pub(crate) fn called(word: &str) -> Result<&'static Self, UnknownKind> {
        let is_called = |kind: &&Self| kind.names().any(|name| name.eq_ignore_ascii_case(word));
        CATALOGUE.iter().find(is_called).ok_or_else(|| UnknownKind(word.to_owned()))
    }

    /// The kind of a group.
    pub(crate) fn of(group: &str, kind: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|known| known.group == group && known.kind == kind)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.kind, self.plural, self.short].into_iter()
    }

    /// The CRD.
    pub(crate) fn definition(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// Whether a group, an annotation or anything else belongs to Flux or its operator.
pub(crate) fn belongs_to_flux(text: &str) -> bool {
    text.contains("fluxcd.")
}

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no kind of Flux", self.0)?;
        match nearest(&self.0, CATALOGUE.iter().flat_map(FluxKind::names)) {
            Some(near) => write!(f, ", did you mean `{near}`?"),
            None => write!(f, ": expected one of {}", listed(|_| true)),
        }
    }
}

impl std::error::Error for UnknownKind {}

/// The kinds for which something holds, for messages.
pub(crate) fn listed(holds: impl Fn(&FluxKind) -> bool) -> String {
    let kinds: Vec<_> = CATALOGUE.iter().filter(|kind| holds(kind)).map(|kind| format!("`{}`", kind.kind)).collect();
    kinds.join(", ")
}

impl FromStr for &'static FluxKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        FluxKind::called(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_by_any_name_in_any_case() {
        for (word, kind) in
            [("ks", "Kustomization"), ("KUSTOMIZATIONS", "Kustomization"), ("helmRelease", "HelmRelease")]
        {
            assert_eq!(FluxKind::called(word).unwrap().kind, kind);
        }
        let unknown = |word| FluxKind::called(word).unwrap_err().to_string();
        assert_eq!(unknown("kustomisation"), "`kustomisation` is no kind of Flux, did you mean `Kustomization`?");
        assert!(unknown("deploy").starts_with("`deploy` is no kind of Flux: expected one of `FluxInstance`, "));
    }

    #[test]
    fn kinds_are_where_their_names_say() {
        for (kind, name) in [
            (KUSTOMIZATION, "Kustomization"),
            (HELM_RELEASE, "HelmRelease"),
            (GIT_REPOSITORY, "GitRepository"),
            (OCI_REPOSITORY, "OCIRepository"),
            (BUCKET, "Bucket"),
            (HELM_REPOSITORY, "HelmRepository"),
            (HELM_CHART, "HelmChart"),
            (ARTIFACT_GENERATOR, "ArtifactGenerator"),
            (EXTERNAL_ARTIFACT, "ExternalArtifact"),
            (ALERT, "Alert"),
            (PROVIDER, "Provider"),
            (RECEIVER, "Receiver"),
            (IMAGE_REPOSITORY, "ImageRepository"),
            (IMAGE_POLICY, "ImagePolicy"),
            (IMAGE_UPDATE_AUTOMATION, "ImageUpdateAutomation"),
        ] {
            assert_eq!(kind.kind, name);
        }
    }

    #[test]
    fn no_two_kinds_share_a_name() {
        let mut names: Vec<_> = CATALOGUE.iter().flat_map(FluxKind::names).map(str::to_lowercase).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        // `bucket`, `alert`, `provider` and `receiver` are their own short names.
        assert_eq!(names.len() + 4, count);
    }
}
