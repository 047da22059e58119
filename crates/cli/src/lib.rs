//! The command line of the Flux operator, as a library that a thin binary drives.
//!
//! A run is a short story: [`cli::Cli`] parses the arguments, a module of [`commands`] does the
//! work, and what went wrong comes back as one [`error::Failure`], which [`ui::report`] prints.
//! Data goes to stdout and nothing but data; everything else goes to stderr. The exit code is 0,
//! 130 after an interruption, or 1 for every other failure.
//!
//! Commands decide nothing about Flux: they render with the builder, and apply and judge with the
//! engine that the operator uses too. What a command needs of a cluster it asks the module `cluster`
//! for, which connects when it is first asked: rendering is done without a client or a runtime.

pub mod cli;
mod flags;
mod globals;
mod subject;
mod usage;

pub mod commands;

mod kinds;
mod readiness;
mod report;
mod requests;
mod sources;
mod view;

mod cluster;
mod installation;

mod distribution;
mod documents;
mod inputs;
mod output_dir;
mod parallel;
mod registry;
mod render;

mod confirm;
pub mod error;
mod jsonpath;
mod nearest;
mod output;
mod table;
pub mod ui;

mod files;
