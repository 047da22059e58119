//! Pulling and copying, on a real registry and on one that lies.

#![cfg(test)]

mod copies;
mod lies;
mod pulls;
mod secrets;
mod trust;
mod world;
