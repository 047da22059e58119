//! tmp
use std::io::{BufRead, Write};
fn main() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let v: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let mut s = String::new();
        flux_operator_builder::yaml::write(&v, &mut s);
        out.write_all(s.as_bytes()).unwrap();
        out.write_all(&[0]).unwrap();
    }
}
