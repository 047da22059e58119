//! Files of a distribution, and every YAML text: what is read is written so that it reads the same.

#![no_main]

use flux_operator_builder::Release;
use flux_operator_builder::yaml::{self, Dialect, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let release = Release::new("v2.9.90".parse().unwrap()).with_manifest("file.yaml", text);
    let _ = release.objects("file.yaml");

    for dialect in [Dialect::Manifest, Dialect::Yaml11] {
        let Ok(values) = yaml::read_documents(text, dialect, &Limits::DISTRIBUTION) else {
            continue;
        };
        for value in values {
            let mut written = String::new();
            yaml::write(&value, &mut written);
            // What is written means the same to every reader.
            for reader in [Dialect::Manifest, Dialect::Yaml11] {
                let read = yaml::read_documents(&written, reader, &Limits::DISTRIBUTION);
                assert_eq!(read.as_deref(), Ok([value.clone()].as_slice()), "{dialect:?} to {reader:?}:\n{written}");
            }
        }
    }
});
