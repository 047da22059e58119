//! The program, on a real API server.
//!
//! The control plane is etcd and kube-apiserver in child processes, from `KUBEBUILDER_ASSETS` or built
//! once from their Go modules.

#![cfg(test)]

mod fence;
mod lease;
mod program;
mod world;
