//! The namespace of everything.

use super::scope::is_namespaced;
use crate::resource::Resource;

/// Puts every namespaced object into the namespace, whatever it says itself, and gives the
/// Namespace its name.
pub(crate) fn set(namespace: &str, resources: &mut [Resource]) {
    for resource in resources {
        let (group, _) = resource.group_version();
        if is_namespaced(group, resource.kind()) {
            resource.rename(Some(namespace), None);
        } else if (group, resource.kind()) == ("", "Namespace") {
            resource.rename(None, Some(namespace));
        }
    }
}
