//! The binary against a real API server. No controllers run there: tests write every status.

mod access;
mod acting;
mod getting;
mod installing;
mod keeping;
mod kubernetes;
mod listing;
mod looking;
mod planning;
