//! The program and what it does to a real cluster.
//!
//! The control plane is etcd and kube-apiserver in child processes, from `KUBEBUILDER_ASSETS` or built
//! once from their Go modules.

#![cfg(test)]

mod adoption;
mod artifact;
mod chart;
mod death;
mod deploy;
mod drift;
mod fence;
mod leader;
mod lease;
mod lifecycle;
mod monitoring;
mod permissions;
mod process;
mod program;
mod refusals;
mod reporting;
mod requests;
mod steady;
mod waiting;
mod world;
