//! Keys: for SSH, and for what is encrypted in Git.

use std::path::PathBuf;

use clap::Args;

use super::Kind;
use super::material::{Hidden, Material, Password, adler32, file, required_file, stdin};
use super::metadata::Common;
use super::ssh_key::{self, Algorithm, Curve, NewKey};
use crate::error::{Advise, Complaint, Failure};
use crate::usage::UsageError;

pub(super) const SOPS_EXAMPLES: &str = "\
Examples:
  # For `spec.decryption.secretRef` of a Kustomization
  flux-operator create secret sops sops-age -n flux-system --age-key-file age.agekey

  # From another program
  gpg --export-secret-keys --armor 4A17 | flux-operator create secret sops sops-gpg -n flux-system --gpg-key-stdin";

pub(super) const SSH_EXAMPLES: &str = "\
Examples:
  # For a GitRepository with `ssh://`
  ssh-keyscan github.com > known_hosts
  flux-operator create secret ssh flux-system -n flux-system --private-key-file id --knownhosts-file known_hosts

  # With a new key, whose public half is printed for the Git server
  flux-operator create secret ssh flux-system -n flux-system --ssh-key-algorithm ed25519 --knownhosts-file known_hosts";

/// A key that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("no key can be made, the system gives no random numbers")]
struct NoRandomness;

impl Advise for NoRandomness {}

/// Keys that decrypt.
#[derive(Debug, Args)]
pub struct Sops {
    #[command(flatten)]
    common: Common,

    /// Files with age keys; comma separated or repeated.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    age_key_file: Vec<PathBuf>,

    /// Files with armored GPG keys; comma separated or repeated.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    gpg_key_file: Vec<PathBuf>,

    /// Read an age key from stdin.
    #[arg(long)]
    age_key_stdin: bool,

    /// Read an armored GPG key from stdin.
    #[arg(long, conflicts_with = "age_key_stdin")]
    gpg_key_stdin: bool,
}

impl Kind for Sops {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        let mut keys = Vec::new();
        for (files, from_stdin, ending, role) in [
            (&self.age_key_file, self.age_key_stdin, "agekey", "age key"),
            (&self.gpg_key_file, self.gpg_key_stdin, "asc", "GPG key"),
        ] {
            for path in files {
                keys.push((file(path, role)?, ending, role));
            }
            if from_stdin {
                let text = stdin(role)?;
                keys.push((text.lines().collect::<Vec<_>>().join("\n"), ending, role));
            }
        }
        if keys.is_empty() {
            let hint = "give `--age-key-file` or `--gpg-key-file`";
            return Err(Complaint::new(UsageError::found("a key is required", hint)).into());
        }
        let mut material = Material::opaque();
        for (key, ending, role) in keys {
            if key.trim().is_empty() {
                return Err(
                    Complaint::new(UsageError::found(format!("the {role} is empty"), "look at its file")).into()
                );
            }
            material = material.with(format!("{}.{ending}", adler32(&key)), key);
        }
        Ok(material)
    }
}

/// A key for SSH.
#[derive(Debug, Args)]
pub struct Ssh {
    #[command(flatten)]
    common: Common,

    /// The private key.
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,

    /// The public key.
    #[arg(long, value_name = "FILE")]
    public_key_file: Option<PathBuf>,

    /// Make a new key of this kind, and print its public half.
    #[arg(long, value_enum, value_name = "ALGORITHM", conflicts_with_all = ["private_key_file", "public_key_file", "password source"])]
    ssh_key_algorithm: Option<Algorithm>,

    /// The curve of a new ECDSA key.
    #[arg(long, value_enum, value_name = "CURVE", default_value = "p384", requires = "ssh_key_algorithm")]
    ssh_ecdsa_curve: Curve,

    /// The keys of the Git server, as `ssh-keyscan` prints them. Compare them with those that the
    /// server publishes.
    #[arg(long, value_name = "FILE")]
    knownhosts_file: Option<PathBuf>,

    #[command(flatten)]
    password: Password,
}

impl Kind for Ssh {
    fn common(&self) -> &Common {
        &self.common
    }

    fn material(&self) -> Result<Material, Failure> {
        if let Some(algorithm) = self.ssh_key_algorithm {
            let hosts = required_file(self.knownhosts_file.as_ref(), "known_hosts", "--knownhosts-file")?;
            let NewKey { private, public } =
                ssh_key::generate(algorithm, self.ssh_ecdsa_curve).map_err(|_| Complaint::new(NoRandomness))?;
            return Ok(Material::opaque()
                .with("identity", private)
                .with("identity.pub", &*public)
                .with("known_hosts", file(hosts, "known hosts")?)
                .announcing(public));
        }
        let identity = required_file(self.private_key_file.as_ref(), "identity", "--private-key-file")?;
        let hosts = required_file(self.knownhosts_file.as_ref(), "known_hosts", "--knownhosts-file")?;
        let public = self.public_key_file.as_ref().map(|path| file(path, "public key")).transpose()?;
        let password = self.password.read()?;
        Ok(Material::opaque()
            .with("identity", file(identity, "private key")?)
            .with("known_hosts", file(hosts, "known hosts")?)
            .with_some("identity.pub", public.as_deref())
            .with_some("password", password.as_ref().map(Hidden::reveal)))
    }
}
