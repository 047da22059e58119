//! tmp
use flux_operator_builder::*;
use std::time::Instant;
fn main() {
    let shards: usize = std::env::args().nth(1).map_or(0, |s| s.parse().unwrap());
    let mut release = Release::new("v2.9.4".parse().unwrap());
    for e in std::fs::read_dir("../shared/flux/flux/v2.9.4").unwrap() {
        let e = e.unwrap();
        release =
            release.with_manifest(e.file_name().into_string().unwrap(), std::fs::read_to_string(e.path()).unwrap());
    }
    for e in std::fs::read_dir("../shared/flux/flux-images/v2.9.4").unwrap() {
        let e = e.unwrap();
        release = release.with_digests(
            e.file_name().into_string().unwrap().trim_end_matches(".yaml"),
            std::fs::read_to_string(e.path()).unwrap(),
        );
    }
    let mut text = "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux}\nspec:\n  distribution: {version: 2.x, registry: ghcr.io/fluxcd}\n  components: [source-controller, kustomize-controller, helm-controller, notification-controller, image-reflector-controller, image-automation-controller, source-watcher]\n  cluster: {size: medium}\n".to_owned();
    if shards > 0 {
        text += "  sharding: {shards: [";
        for i in 0..shards {
            text += &format!("s{i},");
        }
        text += "]}\n";
    }
    let t = Instant::now();
    let adm = Admission::new();
    println!("admission new {:?}", t.elapsed());
    let t = Instant::now();
    let plan = adm.read(&text).unwrap()[0].plan().unwrap();
    println!("plan {:?}", t.elapsed());
    let t = Instant::now();
    let b = build(&plan, &release).unwrap();
    println!("first build {:?} {}", t.elapsed(), b.objects().len());
    let mut v: Vec<_> = (0..std::env::var("N").map_or(100, |n| n.parse().unwrap()))
        .map(|_| {
            let t = Instant::now();
            std::hint::black_box(build(&plan, &release).unwrap());
            t.elapsed()
        })
        .collect();
    v.sort();
    println!("build min {:?} median {:?}", v[0], v[v.len() / 2]);
    let mut out = String::new();
    let mut v: Vec<_> = (0..std::env::var("N").map_or(50, |n| n.parse().unwrap()))
        .map(|_| {
            let t = Instant::now();
            out.clear();
            b.write_yaml(&mut out);
            t.elapsed()
        })
        .collect();
    v.sort();
    println!("write min {:?} median {:?} {} bytes", v[0], v[v.len() / 2], out.len());
}
