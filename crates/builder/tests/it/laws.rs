//! What holds for every instance: the builder is a function, its result is complete, ordered and
//! readable, and what is not part of the revision does not change it.

use std::collections::BTreeSet;

use flux_operator_api::{CommonMetadata, FluxInstance, FluxInstanceSpec, Kustomize, Patch};
use flux_operator_builder::yaml::{Dialect, Limits, read_documents};
use flux_operator_builder::{Bundle, InstancePlan};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::generated::{PATCHES, instance, patch};
use crate::rendering::{Distribution, ids};

/// Kinds of an installation that have no namespace.
const CLUSTER_KINDS: &[&str] = &["CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterRoleBinding"];

fn render(instance: &FluxInstance) -> Result<Bundle, String> {
    let plan = InstancePlan::parse(instance).unwrap_or_else(|violations| panic!("{violations}"));
    Distribution::carried().build(&plan)
}

fn yaml(bundle: &Bundle) -> String {
    let mut text = String::new();
    bundle.write_yaml(&mut text);
    text
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn rendering_is_a_function(instance in instance()) {
        let first = render(&instance);
        // Files that nobody has parsed yet, in another thread.
        let plan = InstancePlan::parse(&instance).unwrap();
        let second = std::thread::scope(|scope| scope.spawn(|| Distribution::freshly_read().build(&plan)).join().unwrap());
        prop_assert_eq!(&first, &second);
        if let (Ok(first), Ok(second)) = (first, second) {
            prop_assert_eq!(yaml(&first), yaml(&second));
        }
    }

    #[test]
    fn the_order_of_components_only_shows_in_the_revision(instance in instance(), turns in 1usize..7) {
        let mut turned = instance.clone();
        let count = turned.spec.components.len().max(1);
        turned.spec.components.rotate_left(turns % count);
        match (render(&instance), render(&turned)) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.objects(), other.objects());
                let images = |bundle: &Bundle| -> BTreeSet<String> {
                    bundle.components().iter().map(|image| format!("{image:?}")).collect()
                };
                prop_assert_eq!(images(&one), images(&other));
            }
            (one, other) => prop_assert_eq!(one.is_ok(), other.is_ok()),
        }
    }

    #[test]
    fn shards_do_not_depend_on_whether_a_patch_could_tell_them_apart(instance in instance()) {
        let without = FluxInstance { spec: FluxInstanceSpec { kustomize: None, ..instance.spec }, ..instance };
        let mut with = without.clone();
        let patches = vec![patch(("Namespace", "", "- {op: test, path: /kind, value: Namespace}"))];
        with.spec.kustomize = Some(Kustomize { patches });
        let (without, with) = (render(&without), render(&with));
        prop_assert_eq!(&without, &with);
        if let (Ok(without), Ok(with)) = (without, with) {
            prop_assert_eq!(yaml(&without), yaml(&with));
        }
    }

    #[test]
    fn every_reader_of_yaml_gets_the_objects_back(instance in instance()) {
        let Ok(bundle) = render(&instance) else { return Ok(()) };
        let text = yaml(&bundle);
        let objects: Vec<_> = bundle.into_objects().into_iter().map(flux_operator_api::Object::into_value).collect();
        for dialect in [Dialect::Manifest, Dialect::Yaml11] {
            prop_assert_eq!(&read_documents(&text, dialect, &Limits::DISTRIBUTION).unwrap(), &objects);
        }
    }

    #[test]
    fn no_object_is_there_twice_or_outside_of_the_namespace(instance in instance()) {
        let Ok(bundle) = render(&instance) else { return Ok(()) };
        let unique: BTreeSet<_> = bundle.objects().iter().map(flux_operator_api::Object::id).collect();
        prop_assert_eq!(unique.len(), bundle.objects().len());
        for object in bundle.objects() {
            let expected = instance.metadata.namespace.as_deref().filter(|_| !CLUSTER_KINDS.contains(&object.kind()));
            prop_assert_eq!(object.namespace(), expected, "{}", object.id());
        }
    }

    #[test]
    fn objects_are_in_the_order_of_their_kinds(instance in instance()) {
        let Ok(bundle) = render(&instance) else { return Ok(()) };
        let key = |object: &flux_operator_api::Object| {
            let id = object.id();
            (flux_operator_api::kind_order::rank(&id.kind), id.group, id.kind, id.namespace, id.name)
        };
        prop_assert!(bundle.objects().is_sorted_by_key(key), "{:#?}", ids(&bundle));
    }

    #[test]
    fn a_patch_that_matches_nothing_changes_nothing(instance in instance(), index in 0..PATCHES.len()) {
        let (kind, _, text) = PATCHES[index];
        let mut patched = instance.clone();
        patched.spec.kustomize.get_or_insert_default().patches.insert(0, patch((kind, "nothing-has-this-name", text)));
        // Errors differ in the position of the patch that they are about.
        prop_assert_eq!(render(&instance).ok(), render(&patched).ok());
    }

    #[test]
    fn common_metadata_does_not_change_the_revision(instance in instance()) {
        let mut other = instance.clone();
        other.spec.common_metadata = Some(CommonMetadata {
            labels: [("app.kubernetes.io/version".to_owned(), "mine".to_owned())].into(),
            annotations: [("team".to_owned(), "a".to_owned())].into(),
        });
        let revision = |instance| render(instance).map(|bundle| bundle.revision());
        prop_assert_eq!(revision(&instance), revision(&other));
    }

    #[test]
    fn every_other_change_of_an_object_changes_the_revision(instance in instance()) {
        let Ok(bundle) = render(&instance) else { return Ok(()) };
        let mut other = instance.clone();
        let text = "kind: Namespace\nmetadata: {name: any, labels: {changed: by-a-patch}}".to_owned();
        let target = patch(("Namespace", "", "")).target;
        other.spec.kustomize.get_or_insert_default().patches.push(Patch { patch: text, target });
        prop_assert_ne!(bundle.revision(), render(&other).unwrap().revision());
    }
}

/// A release that several builds need at once is parsed by one of them.
#[test]
fn builds_at_the_same_time_do_not_disturb_each_other() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let instances: Vec<_> = (0..6).map(|_| instance().new_tree(&mut runner).unwrap().current()).collect();
    let fresh = &Distribution::freshly_read();
    let build = |instance: &FluxInstance| fresh.build(&InstancePlan::parse(instance).unwrap());
    let built: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = instances.iter().map(|instance| scope.spawn(move || build(instance))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (instance, built) in instances.iter().zip(built) {
        assert_eq!(built, render(instance));
    }
}

/// The generator is worth nothing if what it makes is mostly refused.
#[test]
fn most_generated_instances_can_be_built() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let built = (0..40).filter(|_| render(&instance().new_tree(&mut runner).unwrap().current()).is_ok()).count();
    assert!(built >= 20, "{built} of 40");
}
