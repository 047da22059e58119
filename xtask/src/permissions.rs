//! `cargo xtask permissions`: what the operator may do and why, as a page.

use anyhow::{Context as _, bail};
use flux_operator_builder::yaml::{self, Dialect, Limits, Node, NodeKind};
use serde_json::Value;

use crate::generated::{self, Generated};

/// Write the tables of `docs/permissions.md`, from `deploy/rbac.yaml` and its comments.
///
/// That each rule is needed, and no other, is what a test of the operator sees in the audit log of an API
/// server.
#[derive(Debug, clap::Args)]
pub(crate) struct Permissions {
    /// Write nothing and fail where the page is not what would be written.
    #[arg(long)]
    pub(crate) check: bool,
}

const ROLES: &str = "deploy/rbac.yaml";
const PAGE: &str = "docs/permissions.md";
const BEGIN: &str = "<!-- rules, by `cargo xtask permissions` -->";
const END: &str = "<!-- end of rules -->";

impl Permissions {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        rendered()?.settle(self.check, "cargo xtask permissions")
    }
}

fn rendered() -> anyhow::Result<Generated> {
    let tables = tables(&generated::read(ROLES)?).with_context(|| format!("cannot use `{ROLES}`"))?;
    let page = generated::between(&generated::read(PAGE)?, BEGIN, END, &tables);
    let mut files = Generated::default();
    files.file(PAGE, page.with_context(|| format!("cannot complete `{PAGE}`"))?);
    Ok(files)
}

/// A table for each role.
fn tables(text: &str) -> anyhow::Result<String> {
    let lines: Vec<_> = text.lines().collect();
    let mut tables = String::new();
    for document in yaml::parse(text, &Limits::INPUT)? {
        let heading = match document.get("kind").and_then(Node::as_scalar).map(|kind| kind.text.as_str()) {
            Some("ClusterRole") => "In the whole cluster",
            Some("Role") => "In its own namespace",
            _ => continue,
        };
        tables.extend(["\n## ", heading, "\n\n| API group | resources | verbs | why |\n| --- | --- | --- | --- |\n"]);
        let Some(NodeKind::Sequence(rules)) = document.get("rules").map(|rules| &rules.kind) else {
            bail!("a role has no list of `rules`");
        };
        let mut reason = String::new();
        for rule in rules {
            // A rule without a comment goes with the one before.
            let comment = generated::comment(&lines, rule.line).join(" ");
            if !comment.is_empty() {
                reason = comment;
            }
            tables.push_str(&row(rule, &reason)?);
        }
    }
    tables.push('\n');
    Ok(tables)
}

fn row(rule: &Node, reason: &str) -> anyhow::Result<String> {
    if reason.is_empty() {
        bail!("line {}: a rule has no reason: put a comment before it", rule.line);
    }
    let rule = rule.clone().into_value(Dialect::Manifest)?;
    let words = |key: &str| {
        let words = rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        // The group without a name is that of pods and services.
        words
            .map(|word| if word.is_empty() { "core".to_owned() } else { format!("`{word}`") })
            .collect::<Vec<_>>()
            .join(", ")
    };
    Ok(format!("| {} | {} | {} | {reason} |\n", words("apiGroups"), words("resources"), words("verbs")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_a_row_with_its_reason() {
        let text = "kind: ClusterRole\nrules:\n# To look.\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get, list]\n\
                    - apiGroups: [apps]\n  resources: [deployments]\n  verbs: [get]\n";
        let expected = "\n## In the whole cluster\n\n| API group | resources | verbs | why |\n| --- | --- | --- | --- |\n\
                        | core | `pods` | `get`, `list` | To look. |\n| `apps` | `deployments` | `get` | To look. |\n\n";
        assert_eq!(tables(text).unwrap(), expected);
        let error = tables("kind: Role\nrules:\n- apiGroups: []\n").unwrap_err().to_string();
        assert_eq!(error, "line 3: a rule has no reason: put a comment before it");
    }

    #[test]
    fn the_page_is_up_to_date() {
        rendered().unwrap().settle(true, "cargo xtask permissions").unwrap();
    }
}
