//! The program `formwork`: configuration and wiring. What it wires lives in the other crates; the private Postgres lives here.

pub mod backup;
pub mod config;
pub mod doctor;
mod files;
pub mod fonts;
mod model_worker;
pub mod postgres;
mod presence;
pub mod program;
