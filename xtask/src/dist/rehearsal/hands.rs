//! What users have at hand: kubectl and helm, in front of a cluster.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use flux_operator_testkit::tools::{Tool, at_home_in};
use serde::de::DeserializeOwned;

use crate::cargo;

/// The programs, and the cluster that they are for.
#[derive(Debug)]
pub(super) struct Hands<'a> {
    kubeconfig: &'a Path,
    /// In place of the folders of the user.
    home: tempfile::TempDir,
}

/// Kinds of objects that come and go by themselves.
const PASSING: [&str; 3] = ["endpoints", "events", "events.events.k8s.io"];

/// What Kubernetes makes for itself when it first needs it.
const OF_KUBERNETES: [&str; 2] = ["/kube-system/", "/kube-node-lease/"];

impl<'a> Hands<'a> {
    pub(super) fn new(kubeconfig: &'a Path) -> anyhow::Result<Self> {
        Ok(Self { kubeconfig, home: tempfile::tempdir().context("cannot make a folder")? })
    }

    /// Runs a command as one would type it, from the root of the repository, and returns what it prints.
    ///
    /// # Errors
    /// It is for neither kubectl nor helm, or fails.
    pub(super) fn run(&self, line: &str) -> anyhow::Result<String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let (program, arguments) = words.split_first().context("expected a command")?;
        let tool = match *program {
            "helm" => Tool::Helm,
            "kubectl" => Tool::Kubectl,
            other => bail!("`{other}` is nothing that a rehearsal has at hand"),
        };
        self.call(tool, arguments)
    }

    /// Runs a program with arguments, which may have blanks.
    pub(super) fn call(&self, tool: Tool, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command: Command = cargo::command(tool.find()?);
        command.args(arguments).env("KUBECONFIG", self.kubeconfig);
        cargo::read(at_home_in(&mut command, self.home.path()))
    }

    /// What kubectl gets, as JSON.
    pub(super) fn get<T: DeserializeOwned>(&self, arguments: &str) -> anyhow::Result<T> {
        let text = self.run(&format!("kubectl get {arguments} --output=json"))?;
        serde_json::from_str(&text).with_context(|| format!("cannot read what `kubectl get {arguments}` printed"))
    }

    /// Everything that is stored, as `Kind/namespace/name`.
    pub(super) fn inventory(&self) -> anyhow::Result<BTreeSet<String>> {
        let kinds = self.run("kubectl api-resources --verbs=list,delete --output=name")?;
        let kinds: Vec<_> = kinds.lines().filter(|kind| !PASSING.contains(kind)).collect();
        let template = r#"jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}"#;
        let found = self.call(Tool::Kubectl, &["get", &kinds.join(","), "--all-namespaces", "--output", template])?;
        let own = found.lines().filter(|line| !OF_KUBERNETES.iter().any(|namespace| line.contains(namespace)));
        Ok(own.map(|line| line.replace("//", "/")).collect())
    }
}
