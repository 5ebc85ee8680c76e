//! The integration tests, in one binary: each file is named after what it tests.

mod cluster;
mod examples;
mod layering;
