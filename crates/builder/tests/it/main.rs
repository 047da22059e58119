//! The builder from outside: whole instances on whole distributions.

#![cfg(test)]

mod arguments;
mod generated;
mod golden;
mod images;
mod laws;
mod noise;
mod objects;
mod patches;
mod reference;
mod releases;
mod rendering;
