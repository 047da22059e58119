//! `cargo xtask charts`: what of the Helm charts comes from elsewhere.

mod schema;
mod values;

use std::path::Path;

use anyhow::Context as _;
use flux_operator_api::crd;
use serde_json::Value;

use crate::generated::{self, Generated};
use values::Item;

/// Write the parts of the Helm charts that are made from other files.
///
/// CRDs and roles come from `deploy`, the tables of the READMEs and the schemas from `values.yaml`, the
/// schema of a FluxInstance from its CRD.
#[derive(Debug, clap::Args)]
pub(crate) struct Charts {
    /// Write nothing and fail where a file is not what would be written.
    #[arg(long)]
    pub(crate) check: bool,
}

const OPERATOR: &str = "charts/flux-operator";
const INSTANCE: &str = "charts/flux-instance";

/// Where the table of a README is.
const BEGIN: &str = "<!-- values, by `cargo xtask charts` -->";
const END: &str = "<!-- end of values -->";

impl Charts {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        rendered()?.settle(self.check, "cargo xtask charts")
    }
}

fn rendered() -> anyhow::Result<Generated> {
    let mut files = Generated::default();
    let operator = Path::new(OPERATOR).join("files");
    files.folder(operator.join("crds"));
    for crd in generated::list(Path::new("deploy/crds"))? {
        let name = crd.file_name().context("a file has a name")?;
        files.file(operator.join("crds").join(name), generated::read(&crd)?);
    }
    files.file(operator.join("rbac.yaml"), format!("{COPY}{}", generated::read("deploy/rbac.yaml")?));

    let values = document(&mut files, OPERATOR)?;
    files.file(Path::new(OPERATOR).join("values.schema.json"), text(&schema::of(&values)));
    let values = document(&mut files, INSTANCE)?;
    let schema = schema::with_instance(schema::of(&values), &values, &crd::flux_instance())?;
    files.file(Path::new(INSTANCE).join("values.schema.json"), text(&schema));
    Ok(files)
}

const COPY: &str = "# A copy of deploy/rbac.yaml by `cargo xtask charts`. Do not edit.\n#\n";

/// The table of a chart's README, and the values that it is made of.
fn document(files: &mut Generated, chart: &str) -> anyhow::Result<Vec<Item>> {
    let (values, readme) = (format!("{chart}/values.yaml"), format!("{chart}/README.md"));
    let items = values::read(&generated::read(&values)?).with_context(|| format!("cannot use `{values}`"))?;
    let text = generated::between(&generated::read(&readme)?, BEGIN, END, &values::table(&items));
    files.file(&readme, text.with_context(|| format!("cannot complete `{readme}`"))?);
    Ok(items)
}

fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

#[cfg(test)]
mod tests {
    use flux_operator_builder::yaml::{self, Dialect, Limits};
    use flux_operator_cli::commands::check::SUPPORTED;
    use flux_operator_cli::commands::distro::mirror::PUBLISHED;

    use super::*;

    fn chart(folder: &str) -> Value {
        let text = generated::read(format!("{folder}/Chart.yaml")).unwrap();
        yaml::read_documents(&text, Dialect::Manifest, &Limits::INPUT).unwrap().remove(0)
    }

    #[test]
    fn charts_have_the_versions_of_the_program() {
        for folder in [OPERATOR, INSTANCE] {
            assert_eq!(chart(folder)["kubeVersion"], SUPPORTED, "{folder}");
            assert_eq!(chart(folder)["version"], env!("CARGO_PKG_VERSION"), "{folder}");
            assert_eq!(chart(folder)["appVersion"], concat!("v", env!("CARGO_PKG_VERSION")), "{folder}");
        }
        let kubernetes = SUPPORTED.trim_start_matches(">=").trim_end_matches(".0-0");
        for page in ["docs/compatibility.md", "docs/install.md"] {
            let says = generated::read(page).unwrap().contains(&format!("{kubernetes} or newer"));
            assert!(says, "{page}: expected `{kubernetes} or newer`");
        }
        let deployment = generated::read("deploy/deployment.yaml").unwrap();
        let repository = format!("{PUBLISHED}/flux-operator");
        let image = format!("image: {repository}:v{}\n", env!("CARGO_PKG_VERSION"));
        assert!(
            generated::read("charts/flux-operator/values.yaml")
                .unwrap()
                .contains(&format!("repository: {repository}\n"))
        );
        assert!(deployment.contains(&image), "deploy/deployment.yaml: expected `{}`", image.trim());
    }

    #[test]
    fn everything_is_up_to_date() {
        rendered().unwrap().settle(true, "cargo xtask charts").unwrap();
    }
}
