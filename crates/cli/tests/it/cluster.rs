//! The binary against a real API server. But for the one of `lifecycle`, no controllers run
//! there: tests write every status.

mod access;
mod acting;
mod getting;
mod installing;
mod keeping;
mod kubernetes;
mod lifecycle;
mod listing;
mod looking;
mod planning;
