//! Label keys the operator writes, reads or removes.

/// Owner: name of the `FluxInstance`. On every applied object; together with [`OWNER_NAMESPACE`]
/// the licence to delete.
pub const OWNER_NAME: &str = "fluxcd.controlplane.io/name";

/// Owner: namespace of the `FluxInstance`. On every applied object.
pub const OWNER_NAMESPACE: &str = "fluxcd.controlplane.io/namespace";

/// Whether the object may be deleted, as label; the usual place is the annotation
/// [`crate::annotations::PRUNE`].
pub const PRUNE: &str = "fluxcd.controlplane.io/prune";

/// Common label: what manages the object, [`MANAGED_BY_OPERATOR`]. On every object of the build.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Value of [`MANAGED_BY`].
pub const MANAGED_BY_OPERATOR: &str = "flux-operator";

/// Common label: the instance the object belongs to, which is the name of its namespace.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// Common label: the Flux version, for example `v2.8.3`.
pub const APP_VERSION: &str = "app.kubernetes.io/version";

/// Common label: the application, [`PART_OF_FLUX`]. Clients select Flux with it.
pub const PART_OF: &str = "app.kubernetes.io/part-of";

/// Value of [`PART_OF`].
pub const PART_OF_FLUX: &str = "flux";

/// Component label the distribution puts on its objects, for example `source-controller`. Read,
/// never written.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// Key of the watch selector when `spec.sharding.key` is not set.
pub const SHARDING_KEY: &str = "sharding.fluxcd.io/key";

/// Owner of an object applied by a Flux Kustomization: its name. Removed when the operator takes
/// the object over.
pub const KUSTOMIZATION_NAME: &str = "kustomize.toolkit.fluxcd.io/name";

/// Owner of an object applied by a Flux Kustomization: its namespace. Removed when the operator
/// takes the object over.
pub const KUSTOMIZATION_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// Labels removed from an object that the operator takes over.
pub const REMOVED_AT_TAKE_OVER: &[&str] = &[KUSTOMIZATION_NAME, KUSTOMIZATION_NAMESPACE];
