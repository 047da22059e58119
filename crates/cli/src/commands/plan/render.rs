//! What an instance asks for, rendered as the operator renders it.

use std::path::Path;

use flux_operator_api::Object;
use flux_operator_builder::{BuildError, ReleaseVersion, build};
use serde_json::Value;

use crate::distribution::Distribution;
use crate::error::{Complaint, Failure};
use crate::inputs::{self, Instance};

/// An instance and the objects that it stands for.
#[derive(Debug)]
pub(crate) struct Desired {
    /// The FluxInstance as it was read.
    pub(crate) instance: Value,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// `<version>@<digest>`.
    pub(crate) revision: String,
    pub(crate) objects: Vec<Object>,
    /// Whether the operator moves stored objects out of versions that go.
    pub(crate) migrates: bool,
    /// Where the distribution was, to be found again.
    pub(crate) distribution: String,
}

impl Desired {
    /// What the instance in a file asks for, where this revision was `applied` last.
    ///
    /// # Errors
    /// The file, the version or what is made of both is wrong.
    pub(crate) fn read(path: &Path, distribution: &Distribution, applied: Option<&str>) -> Result<Self, Failure> {
        let (instance, value) = inputs::read_one(path)?;
        Self::of(&instance, value, distribution, applied)
    }

    /// What an instance asks for that was read before.
    pub(crate) fn of(
        instance: &Instance,
        value: Value,
        distribution: &Distribution,
        applied: Option<&str>,
    ) -> Result<Self, Failure> {
        let version = distribution.choose(instance, applied)?;
        Self::render(instance, value, &version, distribution)
    }

    /// The instance at a version, whatever range it accepts.
    pub(crate) fn of_version(
        path: &Path,
        version: &ReleaseVersion,
        distribution: &Distribution,
    ) -> Result<Self, Failure> {
        let (instance, value) = inputs::read_one(path)?;
        if !distribution.versions().contains(version) {
            return Err(distribution.lacks(version));
        }
        Self::render(&instance, value, version, distribution)
    }

    fn render(
        instance: &Instance,
        value: Value,
        version: &ReleaseVersion,
        distribution: &Distribution,
    ) -> Result<Self, Failure> {
        let releases = distribution.load(&[version])?;
        let release = releases.get(version).ok_or_else(|| distribution.lacks(version))?;
        let bundle = build(&instance.plan, release).map_err(|error| match error {
            BuildError::Release(_) | BuildError::Shape { .. } => Complaint::about(distribution.name(), error),
            _ => Complaint::about(instance.label.clone(), error),
        })?;
        Ok(Self {
            name: instance.plan.name().to_owned(),
            namespace: instance.plan.namespace().to_owned(),
            revision: bundle.revision(),
            objects: bundle.into_objects(),
            migrates: value.pointer("/spec/migrateResources") != Some(&Value::Bool(false)),
            distribution: distribution.location().to_string(),
            instance: value,
        })
    }
}
