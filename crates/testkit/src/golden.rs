//! Recorded results.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flux_operator_api::Object;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The variable that makes [`Goldens`] write what it would compare: `BLESS=1 cargo test`.
pub const BLESS: &str = "BLESS";

/// A folder of recorded results, one file a case.
///
/// A case whose file differs fails, and so does a file that no case belongs to. With [`BLESS`] set,
/// files are written and orphans removed instead.
#[derive(Debug)]
pub struct Goldens {
    folder: PathBuf,
    bless: bool,
    seen: BTreeSet<PathBuf>,
    failures: Vec<String>,
}

impl Goldens {
    /// Opens a folder.
    pub fn open(folder: impl Into<PathBuf>) -> Self {
        let bless = env::var_os(BLESS).is_some();
        Self { folder: folder.into(), bless, seen: BTreeSet::new(), failures: Vec::new() }
    }

    /// Compares a result with the file of that name.
    pub fn check(&mut self, name: &str, actual: &str) {
        let path = self.folder.join(name);
        self.seen.insert(path.clone());
        let recorded = fs::read_to_string(&path).unwrap_or_default();
        if recorded == actual {
            return;
        }
        if self.bless {
            let written = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&path, actual));
            self.failures.extend(written.err().map(|error| format!("{}: {error}", path.display())));
        } else {
            self.failures.push(format!("{}: {}", path.display(), first_difference(&recorded, actual)));
        }
    }

    /// Reports every difference and every orphan.
    ///
    /// # Panics
    /// If there is one.
    #[expect(clippy::panic, reason = "this is how a test fails")]
    pub fn finish(mut self) {
        for path in files(&self.folder) {
            if self.seen.contains(&path) {
                continue;
            }
            if self.bless {
                self.failures.extend(fs::remove_file(&path).err().map(|error| format!("{}: {error}", path.display())));
            } else {
                self.failures.push(format!("{}: no case belongs to this file", path.display()));
            }
        }
        if !self.failures.is_empty() {
            let list = self.failures.join("\n");
            panic!("{} recorded results differ; `cargo xtask golden` rewrites them\n{list}", self.failures.len());
        }
    }
}

/// The files of a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn first_difference(recorded: &str, actual: &str) -> String {
    let pairs = recorded.lines().map(Some).chain(std::iter::repeat(None)).zip(actual.lines());
    for (number, (recorded, actual)) in pairs.enumerate() {
        if recorded != Some(actual) {
            return format!("line {}: expected `{}`, found `{actual}`", number + 1, recorded.unwrap_or("nothing"));
        }
    }
    "expected more lines".to_owned()
}

/// One line for an object: `Kind/namespace/name` and the first 16 digits of its hash.
///
/// The hash is SHA-256 over the object's JSON without null fields and blanks, with sorted keys and
/// the characters `<`, `>`, `&`, U+2028 and U+2029 escaped, as Go writes it.
pub fn fingerprint(object: &Object) -> String {
    let mut json = String::new();
    write_json(&object.clone().into_value(), &mut json);
    let digest = Sha256::digest(json.as_bytes());
    let hash = digest.iter().take(8).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    });
    format!("{}/{}/{} {hash}", object.kind(), object.namespace().unwrap_or_default(), object.name())
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push('{');
            let fields = map.iter().filter(|(_, value)| !value.is_null());
            for (index, (key, value)) in fields.enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(&Value::String(key.clone()), out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::String(_) => {
            for c in value.to_string().chars() {
                match c {
                    '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                        let _ = write!(out, "\\u{:04x}", u32::from(c));
                    }
                    c => out.push(c),
                }
            }
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fingerprints_leave_out_nulls_and_escape_as_go_does() {
        let mut text = String::new();
        write_json(&json!({"b": null, "a": ["<&>", 1.5, {"c": null}]}), &mut text);
        assert_eq!(text, r#"{"a":["\u003c\u0026\u003e",1.5,{}]}"#);
    }
}
