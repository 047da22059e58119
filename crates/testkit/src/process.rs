//! Programs that tests run: built once from source, started as child processes, never left behind.

pub(crate) mod cache;
pub(crate) mod child;
mod failure;
pub(crate) mod log;
pub(crate) mod module;
pub(crate) mod path;

pub(crate) use failure::During;
pub use failure::ProgramError;
