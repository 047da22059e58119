//! From the observed FluxInstance to a healthy Flux, its status, and the next look.

pub mod events;
pub mod health;
pub mod metrics;
