//! `spec.storage`: the volume of source-controller.

use flux_operator_api::Storage;

use crate::violation::Checker;

#[derive(Clone, Debug)]
pub(crate) struct StoragePlan {
    pub(crate) class: String,
    /// A Kubernetes quantity such as `10Gi`.
    pub(crate) size: String,
}

impl StoragePlan {
    pub(super) fn read(storage: &Storage, checker: &mut Checker) -> Self {
        checker.require("spec.storage.class", &storage.class);
        let path = "spec.storage.size";
        if checker.require(path, &storage.size) && !is_quantity(&storage.size) {
            checker.note(path, format!("expected a quantity such as `10Gi`, found `{}`", storage.size));
        }
        Self { class: storage.class.clone(), size: storage.size.clone() }
    }
}

/// The grammar of quantities: a decimal number and a binary, decimal or exponent suffix.
fn is_quantity(text: &str) -> bool {
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let is_number = number.bytes().any(|c| c.is_ascii_digit()) && number.matches('.').count() <= 1;
    let is_suffix = match suffix {
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => true,
        _ => suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<i32>().is_ok()),
    };
    is_number && is_suffix
}

#[cfg(test)]
mod tests {
    use super::is_quantity;

    #[test]
    fn quantities() {
        for text in ["10Gi", "1", "1.5T", "500m", "1e3", "1E-2", ".5Gi", "5.", "+1Gi"] {
            assert!(is_quantity(text), "`{text}`");
        }
        for text in ["", "Gi", "10GB", "10 Gi", "-1Gi", "1.2.3", "1e", "ten", "."] {
            assert!(!is_quantity(text), "`{text}`");
        }
    }
}
