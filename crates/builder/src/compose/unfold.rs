//! From the one shard that stands for all to all of them.
//!
//! Shards differ in their name and in nothing else. So one of them, called [`NAME`], goes through
//! the steps of a build, is written as YAML, and is copied in the end, with each name in its place:
//! a hundred shards cost little more than one.

use std::sync::Arc;

use flux_operator_api::{Field, Fields};
use serde_json::Value;

use crate::plan::InstancePlan;
use crate::resource::{Layer, Resource};
use crate::yaml;

/// The name of the shard that stands for all: a character that no name has and that Unicode leaves
/// without a meaning. YAML treats it like a letter, so that the layout is that of any shard.
pub(super) const NAME: &str = "\u{e000}";

/// Whether the instance itself uses that character, in something that is added to all objects later.
pub(crate) fn is_name_taken(plan: &InstancePlan) -> bool {
    plan.common_annotations.values().any(|value| value.contains(NAME))
}

/// Puts the objects of each shard in the place of the one that stands for all, where there is one.
pub(crate) fn unfold(plan: &InstancePlan, resources: &mut Vec<Resource>) {
    let stands_for_all = |resource: &Resource| resource.layer() == Layer::EveryShard;
    let Some(sharding) = &plan.sharding else { return };
    let Some(first) = resources.iter().position(stands_for_all) else { return };
    let behind = resources.split_off(first);
    let (models, behind): (Vec<_>, Vec<_>) = behind.into_iter().partition(stands_for_all);
    let models: Vec<Model<'_>> = models.iter().map(Model::of).collect();
    for (index, shard) in sharding.shards.iter().enumerate() {
        resources.extend(models.iter().map(|model| model.copy(index, shard.as_str())));
    }
    resources.extend(behind);
}

/// An object of the shard that stands for all, taken apart.
struct Model<'m> {
    resource: &'m Resource,
    /// The top-level fields. Between the pieces of its text, a field has the name of the shard.
    fields: Vec<(&'m String, &'m Arc<Field>, Vec<&'m str>)>,
}

impl<'m> Model<'m> {
    fn of(resource: &'m Resource) -> Self {
        let fields = resource.fields().iter();
        let fields = fields.map(|(name, field)| (name, field, yaml::field_text(name, field).split(NAME).collect()));
        Self { resource, fields: fields.collect() }
    }

    fn copy(&self, index: usize, shard: &str) -> Resource {
        let fields: Fields = self
            .fields
            .iter()
            .map(|(name, field, pieces)| match pieces.as_slice() {
                [_] => ((*name).clone(), Arc::clone(field)),
                pieces => ((*name).clone(), Arc::new(named(field, pieces, shard))),
            })
            .collect();
        self.resource.copy(Layer::Shard(index), fields, |name| name.replace(NAME, shard))
    }
}

/// The field of one shard. Its value is made when it is needed: who only prints does without.
fn named(field: &Arc<Field>, pieces: &[&str], shard: &str) -> Field {
    let text = pieces.join(shard);
    let (model, shard) = (Arc::clone(field), shard.to_owned());
    Field::of_text(text, move || {
        let mut value = model.value().clone();
        set_name(&mut value, &shard);
        value
    })
}

fn set_name(value: &mut Value, shard: &str) {
    match value {
        Value::String(text) if text.contains(NAME) => *text = text.replace(NAME, shard),
        Value::Array(items) => items.iter_mut().for_each(|item| set_name(item, shard)),
        Value::Object(map) => map.values_mut().for_each(|value| set_name(value, shard)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use flux_operator_api::Object;
    use serde_json::json;

    use super::*;
    use crate::admission::Admission;

    fn plan(shards: &str) -> InstancePlan {
        let text = format!(
            "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux}}\n\
             spec: {{distribution: {{version: 2.x, registry: a.io/b}}, sharding: {{shards: [{shards}]}}}}"
        );
        Admission::new().read(&text).unwrap()[0].plan().unwrap()
    }

    fn resource(name: &str, layer: Layer) -> Resource {
        let args = json!(["--a", format!("--label=key={name}"), format!("{}{name}", "x".repeat(90))]);
        let value = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"args": args}});
        let mut resource = Resource::new(Object::try_from(value).unwrap(), layer);
        resource.rename(Some("n"), None);
        resource.rename(None, Some(&format!("a-{name}")));
        resource
    }

    #[test]
    fn every_shard_is_as_if_it_had_been_composed_alone() {
        let plan = plan("s1, '2', true-or-not");
        let mut resources = vec![resource("first", Layer::Main), resource("last", Layer::Main)];
        resources.splice(1..1, [resource(NAME, Layer::EveryShard)]);
        unfold(&plan, &mut resources);
        let shards = ["s1", "2", "true-or-not"].iter().enumerate();
        let shards = shards.map(|(index, shard)| resource(shard, Layer::Shard(index)));
        let expected: Vec<_> =
            [resource("first", Layer::Main)].into_iter().chain(shards).chain([resource("last", Layer::Main)]).collect();
        assert_eq!(resources.len(), expected.len());
        for (found, expected) in resources.iter().zip(&expected) {
            assert_eq!(found.layer(), expected.layer());
            assert_eq!(found.fields(), expected.fields());
            assert!(found.identities().eq(expected.identities()));
            let text = |resource: &Resource| {
                let mut text = String::new();
                yaml::write_fields(resource.fields(), &mut text);
                text
            };
            assert_eq!(text(found), text(expected));
        }
    }

    #[test]
    fn what_has_no_name_in_it_is_shared_between_shards() {
        let mut resources = vec![resource(NAME, Layer::EveryShard)];
        unfold(&plan("a, b"), &mut resources);
        let field = |index: usize, field: &str| &resources[index].fields()[field];
        assert!(Arc::ptr_eq(field(0, "kind"), field(1, "kind")));
        assert!(!Arc::ptr_eq(field(0, "spec"), field(1, "spec")));
    }
}
