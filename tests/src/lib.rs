//! What the integration tests and benchmarks share: a database per test, the whole application in process, a receiver for
//! webhooks. Nothing here is part of the product.

pub mod database;
pub mod fixture;
pub mod list;
pub mod model;
pub mod office;
pub mod paper;
pub mod process;
pub mod receiver;
pub mod site;
pub mod smtp;
mod sql;
pub mod steps;
pub mod visitor;

pub use database::TestDb;
pub use office::Office;
pub use sql::Held;
