//! `spec.sharding`: further sets of controllers, each for the resources with its label.

use flux_operator_api::{Component, FluxInstanceSpec, Sharding, labels};

use crate::name;
use crate::violation::Checker;

/// The longest value of a label.
const MAX_LABEL_VALUE: usize = 63;

#[derive(Clone, Debug)]
pub(crate) struct ShardingPlan {
    /// The label that says which shard a resource belongs to.
    pub(crate) key: String,
    /// At least one, none twice.
    pub(crate) shards: Vec<Shard>,
    /// Whether each shard's source-controller has a volume of its own; `spec.storage` says which.
    pub(crate) is_persistent: bool,
}

/// The name of a shard: a DNS label, short enough to stand behind a controller's name in a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard(String);

impl Shard {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl ShardingPlan {
    pub(super) fn read(sharding: &Sharding, spec: &FluxInstanceSpec, checker: &mut Checker) -> Self {
        // The API server sets the default only where the field is left out.
        let key = if sharding.key.is_empty() { labels::SHARDING_KEY } else { &sharding.key };
        checker.check("spec.sharding.key", name::label_key(key));
        if sharding.shards.is_empty() {
            checker.note("spec.sharding.shards", "expected at least one shard");
        }
        let components = spec.effective_components();
        let longest =
            components.iter().filter(|component| is_ever_sharded(**component)).map(|c| c.as_str().len()).max();
        // `<controller>-<shard>` is the value of the pods' `app` label.
        let room = MAX_LABEL_VALUE - 1 - longest.unwrap_or_default();
        let mut shards: Vec<Shard> = Vec::new();
        for (index, shard) in sharding.shards.iter().enumerate() {
            let path = format!("spec.sharding.shards[{index}]");
            checker.check(&path, name::dns_label(shard));
            if shard.len() > room && shard.len() <= MAX_LABEL_VALUE {
                checker.note(
                    &path,
                    format!("a shard of these components has at most {room} characters, `{shard}` has {}", shard.len()),
                );
            }
            if shards.iter().any(|known| known.0 == *shard) {
                checker.note(&path, format!("`{shard}` is listed twice"));
            } else {
                shards.push(Shard(shard.clone()));
            }
        }
        if sharding.is_persistent() && spec.storage.is_none() {
            checker.note("spec.storage", "has to be set if `spec.sharding.storage` is `persistent`");
        }
        Self { key: key.to_owned(), shards, is_persistent: sharding.is_persistent() }
    }
}

/// True for the controllers that any Flux version can shard.
fn is_ever_sharded(component: Component) -> bool {
    component != Component::NotificationController
}

#[cfg(test)]
mod tests {
    use flux_operator_api::Distribution;

    use super::*;

    #[test]
    fn an_empty_key_is_the_default() {
        let spec = FluxInstanceSpec::new(Distribution::new("2.x", "ghcr.io/fluxcd"));
        for (key, expected) in [("", "sharding.fluxcd.io/key"), ("example.com/team", "example.com/team")] {
            let sharding = Sharding { key: key.to_owned(), ..Sharding::new(["a"]) };
            let mut checker = Checker::default();
            let plan = ShardingPlan::read(&sharding, &spec, &mut checker);
            assert_eq!(checker.finish(Some(plan.key)).as_deref().ok(), Some(expected));
        }
    }
}
