//! Annotation keys the operator writes, reads or removes, and their values.
//!
//! On the `FluxInstance`: [`RECONCILE`] to [`FORCE_AT`]. On managed objects: [`PRUNE`] to
//! [`SHARDING_ROLE`]. On objects of another owner: [`REMOVED_AT_TAKE_OVER`].

/// Pauses reconciliation of the instance with the value [`DISABLED`]; anything else, or absence, is
/// enabled.
///
/// An instance deleted while disabled is released without uninstalling anything.
pub const RECONCILE: &str = "fluxcd.controlplane.io/reconcile";

/// Interval between reconciliations, a Go duration such as `30m`. Default `60m`; zero or less means
/// no periodic run.
pub const RECONCILE_EVERY: &str = "fluxcd.controlplane.io/reconcileEvery";

/// Interval between checks of the distribution artifact's digest, a Go duration. Default `10m`.
pub const RECONCILE_ARTIFACT_EVERY: &str = "fluxcd.controlplane.io/reconcileArtifactEvery";

/// Limit of the readiness wait after an apply, a Go duration. Default `5m`.
pub const RECONCILE_TIMEOUT: &str = "fluxcd.controlplane.io/reconcileTimeout";

/// Opaque token, usually a timestamp: a new value asks for a run now. Copied to
/// `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// Opaque token: equal to a new [`REQUESTED_AT`], it forces the migration of Flux resources once.
pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";

/// Value, compared case-insensitively, that switches off what the key names: [`RECONCILE`],
/// [`PRUNE`].
pub const DISABLED: &str = "disabled";

/// Whether a value of [`RECONCILE`] or [`PRUNE`] says [`DISABLED`], in whatever case.
pub fn is_disabled(value: &str) -> bool {
    value.eq_ignore_ascii_case(DISABLED)
}

/// With [`DISABLED`], the object is never deleted, neither when it leaves the build nor at
/// uninstall.
///
/// The namespace of the instance always has it. Also honoured as a label.
pub const PRUNE: &str = "fluxcd.controlplane.io/prune";

/// With [`DISABLED`] on the instance, its objects are not watched: what somebody else changes is set
/// right by the next run, and not at once.
pub const DRIFT_DETECTION: &str = "fluxcd.controlplane.io/driftDetection";

/// Size profile of a Deployment: `small`, `medium` or `large`. Informative.
pub const PROFILE: &str = "fluxcd.controlplane.io/profile";

/// With [`SSA_IGNORE`], a Flux Kustomization does not apply the object. On every object of the
/// build, so that Flux does not fight the operator over itself.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";

/// Value of [`SSA`].
pub const SSA_IGNORE: &str = "Ignore";

/// With [`KUSTOMIZE_PRUNE_DISABLED`], a Flux Kustomization does not delete the object. On every
/// object of the build.
pub const KUSTOMIZE_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";

/// Value of [`KUSTOMIZE_PRUNE`].
pub const KUSTOMIZE_PRUNE_DISABLED: &str = "Disabled";

/// Marks the objects and pod templates of a shard, with the value [`SHARDING_ROLE_SHARD`].
pub const SHARDING_ROLE: &str = "sharding.fluxcd.io/role";

/// Value of [`SHARDING_ROLE`].
pub const SHARDING_ROLE_SHARD: &str = "shard";

/// Who suspended an object, written by user interfaces beside [`RECONCILE`]. Informative.
pub const SUSPENDED_BY: &str = "fluxcd.controlplane.io/suspendedBy";

/// On events: the revision the event is about.
pub const REVISION: &str = "fluxcd.controlplane.io/revision";

/// What `kubectl apply` remembers on the client side. Removed when the operator takes an object
/// over.
pub const KUBECTL_LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Helm release that owns the object: its name. Removed when the operator takes the object over.
pub const HELM_RELEASE_NAME: &str = "meta.helm.sh/release-name";

/// Helm release that owns the object: its namespace. Removed when the operator takes the object
/// over.
pub const HELM_RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// Annotations removed from an object that the operator takes over.
pub const REMOVED_AT_TAKE_OVER: &[&str] = &[KUBECTL_LAST_APPLIED, HELM_RELEASE_NAME, HELM_RELEASE_NAMESPACE];
