//! The program `formwork`: configuration and wiring. What it wires lives in the other crates; the private Postgres lives here.

pub mod config;
pub mod postgres;
