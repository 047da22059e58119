//! The file that clients find the cluster with.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::process::{During as _, ProgramError};

/// Writes a kubeconfig for one client.
///
/// It contains the keys, so that it works from anywhere, also from inside of a Secret. Whoever has it is that client;
/// only the user can read it.
pub(super) fn write(path: &Path, keys: &Path, client: &str, url: &str) -> Result<(), ProgramError> {
    let read = |file: String| {
        let path = keys.join(file);
        fs::read(&path).during("read the key", &path)
    };
    let authority = read("ca.crt".to_owned())?;
    let certificate = read(format!("{client}.crt"))?;
    let key = read(format!("{client}.key"))?;
    fs::write(path, text(client, url, &authority, &certificate, &key)).during("write", path)?;
    restrict(path)
}

fn restrict(path: &Path) -> Result<(), ProgramError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).during("restrict access to", path)
}

/// JSON, which is YAML, too.
fn text(client: &str, url: &str, authority: &[u8], certificate: &[u8], key: &[u8]) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "testkit",
            "cluster": {"server": url, "certificate-authority-data": base64(authority)},
        }],
        "users": [{
            "name": client,
            "user": {"client-certificate-data": base64(certificate), "client-key-data": base64(key)},
        }],
        "contexts": [{"name": "testkit", "context": {"cluster": "testkit", "user": client}}],
        "current-context": "testkit",
    });
    format!("{config:#}\n")
}

/// The standard alphabet with padding, RFC 4648. A dozen lines here keep a dependency out of `cargo xtask`.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0, |group, index| group << 8 | usize::from(chunk.get(index).copied().unwrap_or(0)));
        for place in 0..4 {
            let letter = ALPHABET.get(group >> (18 - 6 * place) & 63).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn encodes_like_the_examples_of_the_rfc() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn names_the_cluster_and_holds_the_keys() {
        let config: Value = serde_json::from_str(&text("admin", "https://127.0.0.1:1", b"a", b"b", b"c")).unwrap();
        let context = config["current-context"].as_str().unwrap();
        assert_eq!(config["contexts"][0]["name"], context);
        assert_eq!(config["contexts"][0]["context"]["cluster"], config["clusters"][0]["name"]);
        assert_eq!(config["contexts"][0]["context"]["user"], config["users"][0]["name"]);
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://127.0.0.1:1");
        assert_eq!(config["clusters"][0]["cluster"]["certificate-authority-data"], "YQ==");
        assert_eq!(config["users"][0]["user"]["client-certificate-data"], "Yg==");
        assert_eq!(config["users"][0]["user"]["client-key-data"], "Yw==");
    }
}
