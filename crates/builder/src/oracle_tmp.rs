//! tmp
use crate::resource::Resource;
use crate::*;
use std::io::Write;

fn dump(resources: &[Resource]) -> serde_json::Value {
    serde_json::Value::Array(
        resources
            .iter()
            .map(|r| {
                serde_json::Value::Object(r.fields().iter().map(|(k, v)| (k.to_owned(), v.value().clone())).collect())
            })
            .collect(),
    )
}

#[test]
fn oracle() {
    let Ok(dir) = std::env::var("ORACLE_DIR") else { return };
    let text = std::fs::read_to_string(format!("{dir}/instance.yaml")).unwrap();
    let adm = Admission::new();
    let plan = adm.read(&text).unwrap()[0].plan().unwrap();
    let root = std::env::var("ORACLE_FLUX").unwrap();
    let mut release = Release::new("v2.9.4".parse().unwrap());
    for e in std::fs::read_dir(format!("{root}/flux/v2.9.4")).unwrap() {
        let e = e.unwrap();
        release =
            release.with_manifest(e.file_name().into_string().unwrap(), std::fs::read_to_string(e.path()).unwrap());
    }
    let mut resources = crate::compose::compose(&plan, &release).unwrap();
    crate::profiles::apply(&plan, release.version(), &mut resources).unwrap();
    resources.retain(|r| r.kind() != "CustomResourceDefinition" || r.name().starts_with("buckets"));
    let mut y = String::new();
    for r in &resources {
        y.push_str("---\n");
        crate::yaml::write_fields(r.fields(), &mut y);
    }
    std::fs::write(format!("{dir}/all.yaml"), y).unwrap();
    let Ok(cases) = std::fs::read_to_string(format!("{dir}/cases.jsonl")) else { return };
    let mut out = std::io::BufWriter::new(std::fs::File::create(format!("{dir}/rust.jsonl")).unwrap());
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let patches: Vec<flux_operator_api::Patch> = serde_json::from_value(case["patches"].clone()).unwrap();
        let mut rs: Vec<Resource> =
            resources.iter().map(|r| Resource::new(r.clone().into_object().unwrap(), r.layer())).collect();
        let mut err = None;
        let mut checker = crate::violation::Checker::default();
        for (i, p) in patches.iter().enumerate() {
            match crate::kustomize::patch::Patch::parse(p, format!("p{i}"), &mut checker) {
                None => {
                    err = Some("parse".to_owned());
                    break;
                }
                Some(p) => {
                    if let Err(e) = p.apply(&mut rs) {
                        err = Some(format!("{e}: {}", e.source));
                        break;
                    }
                }
            }
        }
        if err.as_deref() == Some("parse") {
            err = Some(checker.finish(None::<()>).unwrap_err().to_string());
        }
        let v = match err {
            Some(e) => serde_json::json!({"error": e}),
            None => serde_json::json!({"objects": dump(&rs)}),
        };
        writeln!(out, "{v}").unwrap();
    }
}
