//! The baselines as they are on the reference machine when nothing else runs (README): they tell how busy a machine is.

/// From the call to the first answer of the private Postgres.
pub(crate) const POSTGRES_START_MS: f64 = 65.0;
/// A bare axum page of 12 kB over a kept connection.
pub(crate) const HELLO_P95_MS: f64 = 0.25;
/// One durable commit through one connection.
pub(crate) const COMMIT_MS: f64 = 0.2;
/// One durable commit, ten milliseconds after the one before.
pub(crate) const LATER_COMMIT_MS: f64 = 0.35;
/// Durable commits through 32 connections.
pub(crate) const COMMITS_PER_SECOND: f64 = 24_000.0;
/// Bytes per second that two threads read.
pub(crate) const BANDWIDTH: f64 = 30e9;
