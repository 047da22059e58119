//! A whole change, assessed: each object with what is different, what that means, and how bad it is.

use flux_operator_api::{Object, ObjectId};
use flux_operator_inventory::plan::drift;
use flux_operator_inventory::{Effect, Foreseen, Proof, SkipReason};
use serde::Serialize;

use crate::definition::{self, Upgrade};
use crate::difference::{Difference, differences};
use crate::finding::{Finding, Risk};
use crate::survey::Surveys;
use crate::{permission, workload};

/// A change, object by object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assessment {
    /// What changes, is left alone on purpose or is refused, in the order in which a run comes to it.
    pub lines: Vec<Line>,
    /// How many objects are as desired.
    pub unchanged: usize,
}

/// One object of a change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The object, as `Kind/namespace/name`.
    pub object: String,
    /// Its group, kind, namespace and name.
    #[serde(skip)]
    pub id: ObjectId,
    /// What becomes of it.
    pub effect: Word,
    /// The worst of its findings.
    pub risk: Risk,
    /// What it means.
    pub findings: Vec<Finding>,
    /// What is different. Of a CRD without its schemas: see the findings.
    pub differences: Vec<Difference>,
    /// Whether an API server has tried it.
    pub tried: bool,
}

/// What becomes of an object, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It will be there.
    Created,
    /// It will be different.
    Changed,
    /// It will be deleted and created anew.
    Replaced,
    /// It will be deleted.
    Pruned,
    /// It is left alone on purpose.
    Skipped,
    /// The API server refuses it.
    Refused,
}

/// How many objects each word befalls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Counts {
    pub created: usize,
    pub changed: usize,
    pub replaced: usize,
    pub pruned: usize,
    pub skipped: usize,
    pub refused: usize,
    pub unchanged: usize,
}

/// Assesses what is foreseen.
///
/// `surveys` hold what is stored of kinds whose definition changes; without a cluster there is none.
/// `migrates` says whether whoever applies the change first moves stored objects out of versions that
/// go, as the operator does unless `spec.migrateResources` is false.
///
/// ```
/// use flux_operator_api::Object;
/// use flux_operator_impact::{Risk, Surveys, assess};
/// use flux_operator_inventory::preview;
/// use serde_json::json;
///
/// let deployment = |image: &str| {
///     let containers = json!([{"name": "manager", "image": image}]);
///     let spec = json!({"template": {"spec": {"containers": containers}}});
///     let metadata = json!({"name": "a", "namespace": "n"});
///     Object::try_from(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}))
/// };
/// let foreseen = preview::between(&[deployment("c:1")?], &[deployment("c:2")?]);
/// let assessment = assess(&foreseen, &Surveys::new(), true);
/// let texts: Vec<&str> = assessment.lines[0].findings.iter().map(|finding| &*finding.text).collect();
/// assert_eq!(texts, ["image of `manager`: c:1 → c:2", "pods restart"]);
/// assert_eq!(assessment.risk(), Risk::Medium);
/// # Ok::<(), flux_operator_api::NotAnObject>(())
/// ```
pub fn assess(foreseen: &[Foreseen], surveys: &Surveys, migrates: bool) -> Assessment {
    let mut assessment = Assessment::default();
    for Foreseen { id, effect } in foreseen {
        match word(effect) {
            None => assessment.unchanged += 1,
            Some(word) => {
                let findings = findings(effect, surveys, migrates);
                assessment.lines.push(Line {
                    object: id.to_string(),
                    id: id.clone(),
                    effect: word,
                    risk: findings.iter().map(|finding| finding.risk).max().unwrap_or_default(),
                    differences: shown(effect),
                    findings,
                    tried: !matches!(
                        effect,
                        Effect::Create { proof: Proof::Desired, .. } | Effect::Configure { proof: Proof::Desired, .. }
                    ),
                });
            }
        }
    }
    assessment
}

impl Assessment {
    /// Whether everything is as desired.
    pub fn is_empty(&self) -> bool {
        !self.lines.iter().any(|line| line.effect != Word::Skipped)
    }

    /// The worst risk of all.
    pub fn risk(&self) -> Risk {
        self.lines.iter().map(|line| line.risk).max().unwrap_or_default()
    }

    /// How many objects there are of each sort.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { unchanged: self.unchanged, ..Counts::default() };
        for line in &self.lines {
            *match line.effect {
                Word::Created => &mut counts.created,
                Word::Changed => &mut counts.changed,
                Word::Replaced => &mut counts.replaced,
                Word::Pruned => &mut counts.pruned,
                Word::Skipped => &mut counts.skipped,
                Word::Refused => &mut counts.refused,
            } += 1;
        }
        counts
    }
}

fn word(effect: &Effect) -> Option<Word> {
    Some(match effect {
        Effect::Create { .. } => Word::Created,
        Effect::Configure { .. } => Word::Changed,
        Effect::Recreate { .. } => Word::Replaced,
        Effect::Delete { .. } => Word::Pruned,
        Effect::Skip(_) => Word::Skipped,
        Effect::Refuse { .. } => Word::Refused,
        Effect::Leave => return None,
    })
}

fn shown(effect: &Effect) -> Vec<Difference> {
    let (Some(before), Some(after)) = (effect.before(), effect.after()) else {
        return Vec::new();
    };
    let mut found = differences(before, after);
    if after.is_definition() {
        found.retain(|difference| !difference.path.starts_with("spec.versions"));
    }
    found
}

fn findings(effect: &Effect, surveys: &Surveys, migrates: bool) -> Vec<Finding> {
    let upgrade = effect.before().and_then(|before| Upgrade::between(before, effect.after()));
    let of_definition =
        upgrade.as_ref().map(|upgrade| definition::findings(upgrade, surveys.get(&upgrade.crd), migrates));
    let of_definition = of_definition.unwrap_or_default();
    match effect {
        Effect::Create { after, .. } => {
            let mut findings = permission::findings(None, after);
            findings.extend(
                workload::images(after)
                    .into_iter()
                    .filter(|_| workload::is_workload(after))
                    .map(|(name, image)| Finding::new(Risk::Low, format!("image of `{name}`: {image}"))),
            );
            findings
        }
        Effect::Configure { before, after, .. } => {
            let mut findings = workload::findings(before, after);
            findings.extend(permission::findings(Some(before), after));
            findings.extend(of_definition);
            if drift::compare(before, after).is_none() {
                findings.push(Finding::new(Risk::Low, "only who owns its fields changes"));
            }
            findings
        }
        Effect::Recreate { .. } => {
            vec![Finding::new(Risk::High, "it is deleted and created anew, with everything that belongs to it")]
        }
        Effect::Delete { before } => removal(before).into_iter().chain(of_definition).collect(),
        Effect::Skip(reason) => vec![Finding::new(Risk::Low, skipped(*reason))],
        // A CRD that is refused for the versions that it drops will not be, once these are migrated.
        Effect::Refuse { why, .. }
            if why.contains("status.storedVersions")
                && upgrade.as_ref().is_some_and(|upgrade| !upgrade.held.is_empty()) =>
        {
            of_definition
        }
        Effect::Refuse { why, .. } => {
            vec![Finding::new(Risk::Blocked, format!("the API server refuses it: {why}"))]
        }
        Effect::Leave => Vec::new(),
    }
}

fn removal(object: &Object) -> Option<Finding> {
    let text = match (object.group(), object.kind()) {
        ("", "Namespace") => "everything in the namespace goes with it",
        ("", "PersistentVolumeClaim") => "what it stores may go with it",
        _ if workload::is_workload(object) => return Some(Finding::new(Risk::Medium, "its pods stop")),
        _ => return None,
    };
    Some(Finding::new(Risk::High, text))
}

fn skipped(reason: SkipReason) -> String {
    format!("left alone: {reason}")
}
