//! Pulling and copying, on a real registry and on one that lies.

mod copies;
mod lies;
mod pulls;
mod secrets;
mod trust;
mod world;
