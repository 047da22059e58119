//! Which objects a patch is for.

use flux_operator_api::Selector;
use serde_json::Value;

use super::pattern::Pattern;
use super::scope;
use super::selector::LabelSelector;
use crate::resource::Resource;
use crate::violation::Checker;

/// The target of a patch: every condition that is given has to hold, none selects every object.
///
/// Names and namespaces match by what the object is called now or was called in the distribution:
/// `source-controller` is the main controller and every shard of it. The namespace of an object is
/// `default` until the operator has set one, which happens after the patches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: Option<LabelSelector>,
    annotations: Option<LabelSelector>,
}

impl Target {
    /// Reads the selector of a patch and notes every field that cannot be read.
    pub(crate) fn parse(selector: &Selector, path: &str, checker: &mut Checker) -> Self {
        let mut pattern = |field: &str, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            checker.check(&format!("{path}.{field}"), Pattern::parse(text))
        };
        let group = pattern("group", &selector.group);
        let version = pattern("version", &selector.version);
        let kind = pattern("kind", &selector.kind);
        let name = pattern("name", &selector.name);
        let namespace = pattern("namespace", &selector.namespace);
        let mut labels = |field: &str, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            checker.check(&format!("{path}.{field}"), LabelSelector::parse(text))
        };
        Self {
            group,
            version,
            kind,
            name,
            namespace,
            labels: labels("labelSelector", &selector.label_selector),
            annotations: labels("annotationSelector", &selector.annotation_selector),
        }
    }

    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        let is = |pattern: &Option<Pattern>, texts: &[&str]| {
            pattern.as_ref().is_none_or(|pattern| texts.iter().any(|text| pattern.matches(text)))
        };
        let (group, version) = resource.group_version();
        let kind = resource.kind();
        let effective = |namespace| scope::effective_namespace(group, kind, namespace);
        is(&self.group, &[group])
            && is(&self.version, &[version])
            && is(&self.kind, &[kind])
            && is(&self.name, &[resource.name(), resource.original_name()])
            && is(&self.namespace, &[effective(resource.namespace()), effective(resource.original_namespace())])
            && selects(self.labels.as_ref(), resource.metadata("labels"))
            && selects(self.annotations.as_ref(), resource.metadata("annotations"))
    }
}

fn selects(selector: Option<&LabelSelector>, values: Option<&Value>) -> bool {
    selector.is_none_or(|selector| selector.matches(|key| values?.get(key)?.as_str()))
}

#[cfg(test)]
pub(super) mod tests;
