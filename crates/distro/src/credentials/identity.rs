//! The identity that the cloud gives this process, kept as long as it lasts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Credentials;
use super::ambient::{Ambient, AmbientError, Clouds, Endpoints, Lease, Variables};
use crate::registry::Client;

/// Credentials of the cloud that the process runs in, for its registries. Nothing is made before a
/// registry of a cloud is named.
#[derive(Debug)]
pub(crate) struct CloudIdentity {
    client: Arc<Client>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    clouds: Option<Clouds>,
    leases: BTreeMap<String, Lease>,
}

impl CloudIdentity {
    pub(crate) fn of(client: Arc<Client>) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// Credentials for a registry; anonymous where it is of no cloud, or this process has no identity
    /// there.
    pub(crate) async fn credentials(&self, host: &str) -> Result<Credentials, AmbientError> {
        if !Clouds::know(host) {
            return Ok(Credentials::Anonymous);
        }
        let mut known = self.known.lock().await;
        if let Some(lease) = known.leases.get(host).filter(|lease| !lease.is_due(Timestamp::now())) {
            return Ok(lease.credentials.clone());
        }
        let clouds = if let Some(clouds) = known.clouds.take() {
            clouds
        } else {
            let variables = Variables::from_env();
            let endpoints = Endpoints::from_variables(&variables);
            let http = self.client.http().map_err(|source| AmbientError::Client { source: source.into() })?;
            Clouds::new(http, variables, endpoints)?
        };
        let leased = known.clouds.insert(clouds).lease(host).await?;
        let credentials = leased.as_ref().map(|lease| lease.credentials.clone()).unwrap_or_default();
        match leased {
            Some(lease) => known.leases.insert(host.to_owned(), lease),
            None => known.leases.remove(host),
        };
        Ok(credentials)
    }
}
