//! The operator as a program.
