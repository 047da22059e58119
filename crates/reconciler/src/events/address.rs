//! Where notification-controller is.

use std::fmt;

use flux_operator_api::Component;

/// Whom to notify, as the environment of the operator says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Notifications {
    /// An address that is used whatever is installed. It may hold credentials.
    pub address: Option<String>,
    /// Whether the notification-controller of the instance is left alone.
    pub is_disabled: bool,
}

impl Notifications {
    /// Names an address that is used whatever is installed.
    pub const ADDRESS: &'static str = "NOTIFICATION_CONTROLLER_ADDRESS";

    /// With any value but an empty one, leaves the notification-controller of the instance alone.
    pub const DISABLED: &'static str = "NOTIFICATIONS_DISABLED";

    /// Reads [`ADDRESS`](Self::ADDRESS) and [`DISABLED`](Self::DISABLED) with a function such as `std::env::var`. An
    /// empty variable is none.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        Self { address: variable(Self::ADDRESS), is_disabled: variable(Self::DISABLED).is_some() }
    }
}

/// Leaves the address out: it may hold credentials.
impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_ref().map(|_| "***");
        f.debug_struct("Notifications").field("address", &address).field("is_disabled", &self.is_disabled).finish()
    }
}

/// Where notification-controller is, if anywhere: at the address of the environment, or in the namespace of an instance
/// that has it among its components.
///
/// `components` are the effective ones, `domain` that of the cluster, such as `cluster.local`.
pub fn address(
    notifications: &Notifications,
    namespace: &str,
    components: &[Component],
    domain: &str,
) -> Option<String> {
    if let Some(address) = &notifications.address {
        return Some(address.clone());
    }
    let is_there = !notifications.is_disabled && components.contains(&Component::NotificationController);
    // The dot at the end keeps the resolver from trying its search domains first.
    is_there.then(|| format!("http://notification-controller.{namespace}.svc.{domain}./"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], components: &[Component], expected: Option<&str>) {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let found = address(&Notifications::read(value), "flux-system", components, "cluster.local");
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn address_depends_on_environment_and_components() {
        let service = Some("http://notification-controller.flux-system.svc.cluster.local./");
        let (address, disabled) = (Notifications::ADDRESS, Notifications::DISABLED);
        let others = &[Component::SourceController, Component::KustomizeController];

        check(&[], &Component::CORE, service);
        check(&[], others, None);
        check(&[(disabled, "")], &Component::CORE, service);
        check(&[(disabled, "false")], &Component::CORE, None);
        check(&[(address, "")], &Component::CORE, service);
        check(&[(address, "http://localhost:9090/")], others, Some("http://localhost:9090/"));
        check(&[(address, "http://nc/"), (disabled, "1")], &Component::CORE, Some("http://nc/"));
    }

    #[test]
    fn credentials_are_not_printed() {
        let notifications = Notifications { address: Some("http://u:canary@nc/".to_owned()), is_disabled: false };
        assert_eq!(format!("{notifications:?}"), "Notifications { address: Some(\"***\"), is_disabled: false }");
    }
}
