//! Definitions of custom resources.

use flux_operator_api::Object;

use super::{Health, conditions};

/// The reason while the API server prepares to serve the resource; others say that it will not.
const INSTALLING: &str = "Installing";

/// Current once the API server serves the resource. Failed where another definition has its names.
pub(super) fn definition(object: &Object) -> Health {
    if let Some(refused) = conditions::find_false(object, "NamesAccepted") {
        return Health::failed(refused.reason_and_words());
    }
    match conditions::find(object, "Established") {
        Some(refused) if refused.is_false() && !refused.has_reason(INSTALLING) => {
            Health::failed(refused.reason_and_words())
        }
        Some(established) if established.is_true() => Health::current("the API server serves the resource"),
        _ => Health::in_progress("the API server does not serve the resource yet"),
    }
}
