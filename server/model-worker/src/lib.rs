//! Answers requests to a local model: claims them from the store, writes them with candle inside their schema, stores the result.
//! The only crate with candle, tokenizers and llguidance; it knows nothing of workflows, nodes or documents.

pub mod backend;
pub mod bench;
pub mod config;
pub mod fake;
pub mod fetch;
pub mod folder;
pub mod known;
pub mod memory;
pub mod model;
pub mod sampling;
pub mod schema;
pub mod serve;
pub mod supply;
pub mod work;
