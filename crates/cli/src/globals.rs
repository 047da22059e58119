//! The flags that every command has.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use flux_operator_api::GoDuration;

/// Where the cluster is, who asks, and for how long.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global flags")]
pub(crate) struct Globals {
    /// End the command after this time, such as `90s`, `1m30s` or `2h`.
    #[arg(long, global = true, value_name = "DURATION", default_value = "1m0s", value_parser = timeout)]
    pub(crate) timeout: Duration,

    /// Look in this namespace [default: that of the context].
    #[arg(short, long, global = true, value_parser = namespace)]
    pub(crate) namespace: Option<String>,

    /// Tell nothing but failures on stderr.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Read this kubeconfig, instead of what `KUBECONFIG` lists or `~/.kube/config`.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// Use this context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) kube_context: Option<String>,

    /// Act as this user.
    #[arg(long, global = true, value_name = "USER", hide_short_help = true)]
    pub(crate) kube_as: Option<String>,

    /// Act as a member of this group; repeat the flag for more.
    #[arg(long, global = true, value_name = "GROUP", hide_short_help = true)]
    pub(crate) kube_as_group: Vec<String>,

    /// Act as the user with this UID.
    #[arg(long, global = true, value_name = "UID", hide_short_help = true)]
    pub(crate) kube_as_uid: Option<String>,

    /// Log in with this bearer token.
    #[arg(long, global = true, value_name = "TOKEN", hide_short_help = true)]
    pub(crate) kube_token: Option<String>,

    /// Connect to the API server at this address.
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) kube_server: Option<String>,

    /// Expect this name in the certificate of the API server.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    pub(crate) kube_tls_server_name: Option<String>,

    /// Log in with the client certificate of this file.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) kube_client_certificate: Option<PathBuf>,

    /// The key of the client certificate.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) kube_client_key: Option<PathBuf>,

    /// Trust the authorities of this file to certify the API server.
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub(crate) kube_certificate_authority: Option<PathBuf>,

    /// Trust whoever answers at the address. Credentials may be stolen.
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) kube_insecure_skip_tls_verify: bool,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|error| format!("{error}"))?;
    let duration = duration.to_std().filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| "a time that is longer than nothing is needed".to_owned())
}

/// A DNS label, which the name of a namespace has to be.
fn namespace(text: &str) -> Result<String, String> {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = |text: &str| text.starts_with('-') || text.ends_with('-');
    if text.is_empty() || text.len() > 63 || !text.chars().all(is_inside) || ends(text) {
        return Err("a namespace has up to 63 lower case letters, digits and `-` inside".to_owned());
    }
    Ok(text.to_owned())
}
