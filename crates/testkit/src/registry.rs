//! Registries for tests of a client: a real one, one that lies, and artifacts to put there.
//!
//! [`Registry`] is CNCF Distribution in a child process. What it accepts is a valid artifact, and what it says is what
//! registries say. [`Scripted`] lives in the process of the test and knows as much of the protocol as a client needs.
//! It tells the truth until it is given a [`Lie`], and remembers every request. A client that pulls from the
//! first and gets nothing wrong out of the second can be let loose.
//!
//! ```
//! use flux_operator_testkit::registry::{Lie, Scripted, artifact, pack};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let registry = Scripted::plain().with_token_auth("user", "password").start().await?;
//! let artifact = artifact(&pack(&[("a.yaml", b"a: 1\n")]), "application/vnd.example.content.v1.tar+gzip");
//! registry.put("apps", "v1", &artifact);
//! registry.lie(Lie::TruncatedBlob);
//! // … a client pulls `registry.host()/apps:v1`, and the test sees what it makes of that …
//! assert_eq!(registry.requests().len(), 0);
//! # Ok(())
//! # }
//! ```

mod artifact;
mod authority;
mod client;
mod pack;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod real;
mod scripted;

#[cfg(unix)]
pub use crate::process::ProgramError;
pub use artifact::{
    Artifact, EMPTY_CONFIG, FLUX_LAYER, IMAGE_INDEX, IMAGE_MANIFEST, Layer, artifact, digest, index_of, manifest_of,
};
pub use client::{Client, ClientError};
pub use pack::{pack, pack_dir};
#[cfg(unix)]
pub use real::{Registry, RegistryError, RegistryOptions};
pub use scripted::{Lie, Origin, Part, Received, Scripted, ScriptedOptions};
