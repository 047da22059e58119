//! What the kit promises, tried with the real thing.

#![cfg(test)]

#[cfg(feature = "kubernetes")]
mod apiserver;
#[cfg(all(feature = "kubernetes", unix))]
mod cluster;
#[cfg(feature = "kubernetes")]
mod proxy;
#[cfg(all(feature = "registry", unix))]
mod registry;
#[cfg(feature = "registry")]
mod scripted;
