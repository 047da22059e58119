//! What a change of a CRD means for the objects of its kind.

use flux_operator_api::Object;
use serde_json::Value;

use crate::finding::{Finding, Risk, listed};
use crate::schema::{self, SchemaChange, SchemaChangeKind};
use crate::survey::Survey;

/// How many objects or versions a finding names.
const NAMED: usize = 5;

/// How many changes of a schema are told one by one.
const TOLD: usize = 20;

/// A CRD that changes or goes, and what matters about that to those who have objects of its kind.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// The name of the CRD.
    pub crd: String,
    /// The API group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The plural, as in paths of the API.
    pub plural: String,
    /// The version to read its objects in: one that is served now, and if possible stays.
    pub version: String,
    /// Whether the CRD goes, and every object with it.
    pub is_removed: bool,
    /// Versions that are served, and will not be.
    pub(crate) unserved: Vec<String>,
    /// Versions that will not exist, while objects may be stored in them.
    pub(crate) held: Vec<String>,
    /// What is different in the versions that stay, with the version.
    pub(crate) changes: Vec<(String, SchemaChange)>,
    /// The schema by which objects will be stored, and the one by which they are.
    pub(crate) schemas: Option<(Value, Value)>,
}

impl Upgrade {
    /// What changes from one definition to another, or with its end.
    ///
    /// None where the objects are no definition, or nothing changes for objects of the kind.
    pub fn between(before: &Object, after: Option<&Object>) -> Option<Self> {
        if !before.is_definition() {
            return None;
        }
        let text = |pointer: &str| Some(before.pointer(pointer)?.as_str()?.to_owned());
        let names = |object: &Object, served: bool| -> Vec<String> {
            let versions = versions(object).filter(|version| !served || is(version, "served"));
            versions.filter_map(name).collect()
        };
        let served = names(before, true);
        let staying = after.map(|after| names(after, true)).unwrap_or_default();
        let existing = after.map(|after| names(after, false)).unwrap_or_default();
        let stored = before.pointer("/status/storedVersions").and_then(Value::as_array).into_iter().flatten();
        let stored = stored.filter_map(|version| version.as_str().map(str::to_owned));
        let storage = |object: &Object| versions(object).find(|version| is(version, "storage")).and_then(name);
        let next = after.and_then(storage);
        let version = next.clone().filter(|version| served.contains(version)).or_else(|| storage(before))?;
        let upgrade = Self {
            crd: before.name().to_owned(),
            group: text("/spec/group")?,
            kind: text("/spec/names/kind")?,
            plural: text("/spec/names/plural")?,
            is_removed: after.is_none(),
            unserved: served.iter().filter(|version| !staying.contains(version)).cloned().collect(),
            held: stored.filter(|version| after.is_some() && !existing.contains(version)).collect(),
            changes: after.map(|after| changes(before, after)).unwrap_or_default(),
            schemas: after.zip(next).and_then(|(after, next)| {
                let after = schema(after, &next)?;
                Some((after.clone(), schema(before, &version).unwrap_or(after).clone()))
            }),
            version,
        };
        upgrade.matters().then_some(upgrade)
    }

    fn matters(&self) -> bool {
        self.is_removed || !self.unserved.is_empty() || !self.held.is_empty() || !self.changes.is_empty()
    }

    /// Whether stored objects have to be looked at to say what it means.
    pub fn needs_survey(&self) -> bool {
        let narrows = self.changes.iter().any(|(_, change)| change.kind.is_narrowing());
        self.is_removed || narrows || !self.unserved.is_empty() || !self.held.is_empty()
    }
}

/// What the change of a definition means; `survey` is what is stored of the kind, where that is known.
pub(crate) fn findings(upgrade: &Upgrade, survey: Option<&Survey>, migrates: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    if upgrade.is_removed {
        findings.push(removal(upgrade, survey));
        return findings;
    }
    if !upgrade.unserved.is_empty() {
        let text = format!("{} {} no longer served", listed(&upgrade.unserved, NAMED), verb(&upgrade.unserved));
        let advice = format!("manifests have to say `{}/{}`", upgrade.group, upgrade.version);
        findings.push(Finding::new(Risk::Medium, text).advise(advice));
    }
    findings.extend(held(upgrade, survey, migrates));
    findings.extend(survey.map(Survey::findings).unwrap_or_default());
    findings.extend(schema_changes(upgrade, survey));
    findings
}

fn removal(upgrade: &Upgrade, survey: Option<&Survey>) -> Finding {
    let kind = &upgrade.kind;
    match survey.map(Survey::objects) {
        Some(0) => Finding::new(Risk::Medium, format!("the kind `{kind}` goes; there are no objects of it")),
        Some(objects) => Finding::new(Risk::High, format!("the kind `{kind}` goes, and {objects} objects with it"))
            .advise(format!("export them first: `flux-operator export resource {kind}/<name>`")),
        None => Finding::new(Risk::High, format!("the kind `{kind}` goes, and every object of it")),
    }
}

/// Versions that cannot be dropped while the CRD says that objects are stored in them.
fn held(upgrade: &Upgrade, survey: Option<&Survey>, migrates: bool) -> Option<Finding> {
    if upgrade.held.is_empty() {
        return None;
    }
    let versions = listed(&upgrade.held, NAMED);
    let objects = survey.map_or_else(|| "objects".to_owned(), |survey| counted(survey.objects(), "object"));
    Some(if migrates {
        let text = format!("{objects} may be stored in {versions}: the operator stores them anew first");
        Finding::new(Risk::Medium, text)
    } else {
        let text = format!("{objects} may be stored in {versions}, which goes: the API server refuses the CRD");
        let Upgrade { group, version, kind, .. } = upgrade;
        let advice = if upgrade.held.contains(version) {
            "set `spec.migrateResources` to true, or upgrade to a release that has the old and the new version first"
                .to_owned()
        } else {
            format!(
                "run `flux-operator migrate resources --api-version {group}/{version} --kind {kind} -A` first, \
                 or set `spec.migrateResources` to true"
            )
        };
        Finding::new(Risk::Blocked, text).advise(advice)
    })
}

fn schema_changes(upgrade: &Upgrade, survey: Option<&Survey>) -> Vec<Finding> {
    let several = upgrade.changes.iter().any(|(version, _)| *version != upgrade.version);
    let told = |(version, change): &(String, SchemaChange)| {
        let text = if several { format!("{version}: {change}") } else { change.to_string() };
        Finding::new(risk(&change.kind, survey.is_some()), text)
    };
    let (narrowing, widening): (Vec<_>, Vec<_>) =
        upgrade.changes.iter().partition(|(_, change)| change.kind.is_narrowing());
    let mut findings: Vec<Finding> = narrowing.iter().copied().map(told).collect();
    if widening.len() > TOLD {
        findings.push(Finding::new(Risk::Low, format!("{} fields are new", widening.len())));
    } else {
        findings.extend(widening.into_iter().map(told));
    }
    findings
}

/// Once the stored objects were looked at, what they have to fear is told apart.
fn risk(kind: &SchemaChangeKind, was_surveyed: bool) -> Risk {
    match kind {
        SchemaChangeKind::FieldAdded => Risk::Low,
        // Not every rule can be tried here.
        SchemaChangeKind::Rule(_) => Risk::Medium,
        _ if was_surveyed => Risk::Low,
        _ => Risk::Medium,
    }
}

fn changes(before: &Object, after: &Object) -> Vec<(String, SchemaChange)> {
    let both = versions(after).filter_map(name).filter_map(|version| {
        let changes = schema::compare(schema(before, &version)?, schema(after, &version)?);
        Some(changes.into_iter().map(move |change| (version.clone(), change)))
    });
    both.flatten().collect()
}

fn versions(object: &Object) -> impl Iterator<Item = &Value> {
    object.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten()
}

fn name(version: &Value) -> Option<String> {
    version.get("name")?.as_str().map(str::to_owned)
}

fn is(version: &Value, field: &str) -> bool {
    version.get(field) == Some(&Value::Bool(true))
}

fn schema<'a>(object: &'a Object, wanted: &str) -> Option<&'a Value> {
    let version = versions(object).find(|version| name(version).is_some_and(|name| name == wanted))?;
    version.pointer("/schema/openAPIV3Schema")
}

fn verb(versions: &[String]) -> &'static str {
    if versions.len() == 1 { "is" } else { "are" }
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
