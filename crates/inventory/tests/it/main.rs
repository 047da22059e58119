//! The engine on a real API server.

#![cfg(test)]

mod adoption;
mod denial;
mod faults;
mod foresight;
mod kill;
mod lifecycle;
mod protocol;
mod requests;
mod stored;
mod watching;
mod world;
