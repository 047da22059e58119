//! The command line of the Flux operator, as a library that a thin binary drives.
//!
//! A run is a short story: [`cli::Cli`] parses the arguments, a module of [`commands`] does the
//! work, and what went wrong comes back as one [`error::Failure`], which [`ui::report`] prints.
//! Data goes to stdout and nothing but data; everything else goes to stderr. The exit code is 0
//! or, for every failure, 1.
//!
//! Commands decide nothing about Flux: they read files, hand them to the builder that the operator
//! uses too, and write down what it returns.

pub mod cli;
mod usage;

pub mod commands;

mod distribution;
mod inputs;
mod output_dir;
mod parallel;
mod render;

pub mod error;
pub mod ui;

mod files;
