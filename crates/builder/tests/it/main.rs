//! The builder from outside: whole instances on whole distributions.

mod reference;
