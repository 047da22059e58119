//! Who the operator is towards an API server: its group, its kinds, and the names under which it
//! writes.

/// API group of every kind of the operator.
pub const GROUP: &str = "fluxcd.controlplane.io";

/// The only version of the group: served and stored.
pub const VERSION: &str = "v1";

/// `apiVersion` of a `FluxInstance`.
pub const API_VERSION: &str = "fluxcd.controlplane.io/v1";

/// `kind` of a `FluxInstance`.
pub const KIND: &str = "FluxInstance";

/// Name of the CRD.
pub const CRD_NAME: &str = "fluxinstances.fluxcd.controlplane.io";

/// The only name a `FluxInstance` may have. There is one instance per cluster, in the namespace of
/// the operator.
pub const INSTANCE_NAME: &str = "flux";

/// `kind` of a `FluxReport`.
pub const REPORT_KIND: &str = "FluxReport";

/// Name of the CRD of the `FluxReport`.
pub const REPORT_CRD_NAME: &str = "fluxreports.fluxcd.controlplane.io";

/// The only name a `FluxReport` may have. The operator writes the one in its namespace.
pub const REPORT_NAME: &str = "flux";

/// Finalizer of a `FluxInstance`, put there before the first write and removed after the uninstall.
pub const FINALIZER: &str = "fluxcd.controlplane.io/finalizer";

/// Field manager of every write, object or status.
pub const FIELD_MANAGER: &str = "flux-operator";

/// Reporting controller of every event, and the name of the leader election lease.
pub const CONTROLLER: &str = "flux-operator";
