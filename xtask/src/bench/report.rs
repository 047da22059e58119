//! What a thousand objects of Flux cost the operator, which counts them for its report, as the example
//! `report` of `crates/operator` finds out.

use std::path::Path;

use super::table::Table;
use super::{OPERATOR, example};

pub(super) fn measure(profile: &str, program: &Path, distribution: &Path, table: &mut Table) -> anyhow::Result<()> {
    if !cfg!(target_os = "linux") {
        println!("not measured, because that needs the `/proc` of Linux: the report of a thousand objects");
        return Ok(());
    }
    let mut run = example::of(OPERATOR, "report", profile);
    example::add(run.arg(program).arg(distribution), table)
}
