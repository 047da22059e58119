//! Who this replica is among the others.

use std::env;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};

/// The name of the host, which in a pod is that of the pod.
pub fn hostname() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let known = kernel.or_else(|| env::var("HOSTNAME").ok()).map(|name| name.trim().to_owned());
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// A name that nobody else has, nor this replica after a restart: `<hostname>_<uuid>`.
pub fn identity() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/random/uuid").ok();
    let uuid = kernel.map(|uuid| uuid.trim().to_owned()).filter(|uuid| !uuid.is_empty()).unwrap_or_else(|| {
        // The keys of every `RandomState` differ.
        let bits = || RandomState::new().hash_one(0_u8);
        format!("{:016x}{:016x}", bits(), bits())
    });
    format!("{}_{uuid}", hostname())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_the_same_twice() {
        let (one, other) = (identity(), identity());
        assert_ne!(one, other);
        let (host, unique) = one.rsplit_once('_').unwrap();
        assert_eq!(host, hostname());
        assert!(unique.len() >= 32, "{unique}");
    }
}
