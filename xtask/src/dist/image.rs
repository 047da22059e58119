//! The image of the operator, made without a container engine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flux_operator_distro::manifest::{Descriptor, OCI_INDEX, OCI_MANIFEST, Platform as ImagePlatform};
use flux_operator_distro::{Client, ClientOptions, Directory, Place, Reference, Upload};
use serde_json::{Value, json};

use super::platform::Platform;
use super::tarball::{self, Entry};
use super::{block_on, digest, login};

/// Make the image of the operator from the programs of `dist binaries`, and push it.
///
/// It has the program, the authorities that registries are trusted by, and a distribution in `/data`; a user
/// without rights runs it. Written as an OCI image layout in a tar archive, an index of all platforms, the
/// same bytes for the same content. Prints the digest, and nothing else, to stdout.
#[derive(Debug, clap::Args)]
pub(super) struct Image {
    /// Where `dist binaries` wrote to
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    binaries: PathBuf,
    /// The distribution, as `dist vendor` wrote it
    #[arg(long, value_name = "DIR")]
    distribution: PathBuf,
    /// For which platform; may be given several times [default: all]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<Platform>,
    /// The file to write [default: flux-operator_VERSION_image.tar where the programs are]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where to push to, `oci://REGISTRY/REPOSITORY:TAG`, with the logins of Docker; may be given several times
    #[arg(long = "push", value_name = "REFERENCE")]
    destinations: Vec<Reference>,
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Metrics and probes.
pub(super) const PORTS: [u16; 2] = [8080, 8081];

/// Where the program lies, and what the container runs.
pub(super) const PROGRAM: &str = "flux-operator-controller";

/// User and group: a number, so that Kubernetes knows that it is not root.
const USER: &str = "65532:65532";

/// A layer as a manifest and a configuration have it.
struct Layer {
    blob: Descriptor,
    /// The digest of what was compressed.
    content: String,
    /// For the history.
    made_of: &'static str,
}

impl Image {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let upload = self.make()?;
        let digest = upload.digest().context("the image is empty")?;
        let output = self.output.unwrap_or_else(|| file(&self.binaries));
        upload.write(&output, super::VERSION)?;
        eprintln!("wrote `{}`", output.display());
        let client = Client::new(ClientOptions::default())?;
        for reference in &self.destinations {
            let place = Place { reference: reference.clone(), credentials: login(reference)? };
            block_on(async { Ok(client.upload(&upload, &place).await?) })?;
            eprintln!("pushed `{reference}`");
        }
        println!("{digest}");
        Ok(())
    }

    /// The image for one platform, in a file.
    pub(super) fn single(binaries: &Path, distribution: &Path, platform: Platform, file: &Path) -> anyhow::Result<()> {
        let [binaries, distribution] = [binaries, distribution].map(Path::to_owned);
        let image = Self { binaries, distribution, platforms: vec![platform], output: None, destinations: Vec::new() };
        Ok(image.make()?.write(file, super::VERSION)?)
    }

    /// Everything that is written: layers, configurations, manifests, and the index.
    fn make(&self) -> anyhow::Result<Upload> {
        let versions = Directory::open(&self.distribution)?.versions()?;
        versions.last().with_context(|| format!("`{}` has no version of Flux", self.distribution.display()))?;
        let mut upload = Upload::default();
        let system = layer(&mut upload, "users and authorities", system())?;
        let data = tarball::collect(&self.distribution, "data")?;
        let data = layer(&mut upload, "the distribution", data)?;
        let mut manifests = Vec::new();
        let platforms = if self.platforms.is_empty() { &Platform::ALL[..] } else { &self.platforms };
        for platform in platforms.iter().copied() {
            let path = platform.folder(&self.binaries).join(PROGRAM);
            let program = fs::read(&path);
            let program = program.with_context(|| format!("cannot read `{}`: run `dist binaries`", path.display()))?;
            let program = Entry::file(format!("usr/local/bin/{PROGRAM}"), 0o755, program);
            let program = layer(&mut upload, "the program", vec![program])?;
            manifests.push(manifest(&mut upload, platform, &[&system, &data, &program])?);
        }
        let index = json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests, "annotations": annotations(),
        });
        upload.add_manifest(OCI_INDEX, serde_json::to_vec(&index)?);
        Ok(upload)
    }
}

/// Where the image lies in the folder of a release.
pub(super) fn file(folder: &Path) -> PathBuf {
    folder.join(format!("flux-operator_{}_image.tar", super::VERSION))
}

/// What every image needs of a system, written into a folder: for the Dockerfile.
pub(super) fn write_system(folder: &Path) -> anyhow::Result<()> {
    for entry in system() {
        entry.write(folder)?;
    }
    Ok(())
}

/// What every image needs of a system.
fn system() -> Vec<Entry> {
    vec![
        Entry::folder("tmp/", 0o1777),
        Entry::file("etc/passwd", 0o644, "root:x:0:0::/:/sbin/nologin\nnonroot:x:65532:65532::/tmp:/sbin/nologin\n"),
        Entry::file("etc/group", 0o644, "root:x:0:\nnonroot:x:65532:\n"),
        Entry::file("etc/ssl/certs/ca-certificates.crt", 0o644, authorities()),
    ]
}

/// The authorities of Mozilla, as PEM.
fn authorities() -> String {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| pem(certificate)).collect()
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    // 48 bytes are 64 letters.
    for line in der.chunks(48) {
        text.push_str(&base64(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

fn base64(bytes: &[u8]) -> String {
    use ::base64::Engine as _;
    ::base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn layer(upload: &mut Upload, made_of: &'static str, entries: Vec<Entry>) -> anyhow::Result<Layer> {
    let archive = tarball::pack(entries)?;
    let content = digest(&archive).to_string();
    Ok(Layer { blob: upload.add_blob(LAYER, tarball::gzip(&archive)?), content, made_of })
}

/// Adds configuration and manifest of a platform, and returns what the index has of it.
fn manifest(upload: &mut Upload, platform: Platform, layers: &[&Layer]) -> anyhow::Result<Descriptor> {
    let config = upload.add_blob(CONFIG, serde_json::to_vec(&configuration(platform, layers))?);
    let blobs: Vec<_> = layers.iter().map(|layer| &layer.blob).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": blobs, "annotations": annotations(),
    });
    let described = upload.add_manifest(OCI_MANIFEST, serde_json::to_vec(&manifest)?);
    let platform = ImagePlatform { os: "linux".to_owned(), architecture: platform.architecture().to_owned() };
    Ok(Descriptor { platform: Some(platform), ..described })
}

fn configuration(platform: Platform, layers: &[&Layer]) -> Value {
    // Equal content is an equal image, so there is no time of its making.
    let created = "1970-01-01T00:00:00Z";
    let contents: Vec<_> = layers.iter().map(|layer| &layer.content).collect();
    let history = layers.iter().map(|layer| json!({"created": created, "created_by": layer.made_of}));
    json!({
        "created": created, "os": "linux", "architecture": platform.architecture(),
        "config": {
            "User": USER,
            "Entrypoint": [format!("/usr/local/bin/{PROGRAM}")],
            "Env": ["PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "ExposedPorts": PORTS.iter().map(|port| (format!("{port}/tcp"), json!({}))).collect::<Value>(),
            "WorkingDir": "/",
            "Labels": annotations(),
        },
        "rootfs": {"type": "layers", "diff_ids": contents},
        "history": history.collect::<Vec<_>>(),
    })
}

fn annotations() -> Value {
    json!({
        "org.opencontainers.image.title": "flux-operator",
        "org.opencontainers.image.description": "Installs Flux, keeps it as a FluxInstance describes it, and upgrades it",
        "org.opencontainers.image.version": super::VERSION,
        "org.opencontainers.image.source": env!("CARGO_PKG_REPOSITORY"),
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use flux_operator_distro::credentials::Credentials;
    use flux_operator_testkit::registry::Registry;
    use flux_operator_testkit::workspace;

    use super::*;

    /// An image of programs that are none.
    fn image(folder: &Path) -> Image {
        for platform in Platform::ALL {
            let bin = platform.folder(folder);
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join(PROGRAM), platform.architecture()).unwrap();
        }
        let distribution = workspace::distribution();
        Image {
            binaries: folder.to_owned(),
            distribution,
            platforms: Vec::new(),
            output: None,
            destinations: Vec::new(),
        }
    }

    #[test]
    fn the_same_content_is_the_same_image() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let files = folders.each_ref().map(|folder| {
            let path = folder.path().join("image.tar");
            image(folder.path()).make().unwrap().write(&path, "v1").unwrap();
            fs::read(path).unwrap()
        });
        assert!(files[0] == files[1], "the images differ");
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let complete = image(folder.path());
        fs::remove_file(Platform::Arm64.folder(folder.path()).join(PROGRAM)).unwrap();
        let error = complete.make().unwrap_err().to_string();
        assert!(error.contains("linux_arm64") && error.ends_with("run `dist binaries`"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        let error = Image { distribution: empty.path().to_owned(), ..complete }.make().unwrap_err().to_string();
        assert!(!error.is_empty());
    }

    #[test]
    fn authorities_are_in_lines_of_64_letters() {
        let text = authorities();
        assert!(text.matches("BEGIN CERTIFICATE").count() > 100);
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[tokio::test]
    async fn a_registry_takes_it_and_gives_it_back() {
        let Some(registry) = Registry::plain().start_or_skip() else { return };
        let folder = tempfile::tempdir().unwrap();
        let upload = image(folder.path()).make().unwrap();
        let reference: Reference = format!("oci://{}/operator:v1", registry.host()).parse().unwrap();
        let place = Place { reference, credentials: Credentials::Anonymous };
        let client = Client::new(ClientOptions::default()).unwrap();
        client.upload(&upload, &place).await.unwrap();

        let reader = registry.client();
        let get = async |path: String| reader.get(&format!("/v2/operator/{path}")).await.unwrap().into_body();
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = get("manifests/v1".to_owned()).await;
        assert_eq!(Some(digest(&index)), upload.digest());
        for (entry, platform) in parse(&index)["manifests"].as_array().unwrap().iter().zip(Platform::ALL) {
            assert_eq!(entry["platform"], json!({"architecture": platform.architecture(), "os": "linux"}));
            let manifest = parse(&get(format!("manifests/{}", entry["digest"].as_str().unwrap())).await);
            let config = parse(&get(format!("blobs/{}", manifest["config"]["digest"].as_str().unwrap())).await);
            assert_eq!(config["config"]["User"], USER);
            let mut files = Vec::new();
            for (layer, expected) in
                manifest["layers"].as_array().unwrap().iter().zip(config["rootfs"]["diff_ids"].as_array().unwrap())
            {
                let blob = get(format!("blobs/{}", layer["digest"].as_str().unwrap())).await;
                let mut content = Vec::new();
                GzDecoder::new(&blob[..]).read_to_end(&mut content).unwrap();
                assert_eq!(digest(&content).to_string(), expected.as_str().unwrap());
                let mut archive = tar::Archive::new(content.as_slice());
                for entry in archive.entries().unwrap() {
                    let mut entry = entry.unwrap();
                    let mut bytes = Vec::new();
                    entry.read_to_end(&mut bytes).unwrap();
                    files.push((entry.path().unwrap().display().to_string(), bytes));
                }
            }
            let program = files.iter().find(|(path, _)| path == "usr/local/bin/flux-operator-controller").unwrap();
            assert_eq!(program.1, platform.architecture().as_bytes());
            assert!(files.iter().any(|(path, _)| path.starts_with("data/flux/v2.9.90/")));
            assert!(files.iter().any(|(path, _)| path == "etc/ssl/certs/ca-certificates.crt"));
        }
    }
}
