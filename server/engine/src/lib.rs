//! The pure heart of Formwork: the workflow document, typed values, expressions, checks, the run's state machine and the
//! contract every node type fulfils. No IO, no clock, no randomness: time and ids come in as arguments.

pub mod approval;
pub mod call;
pub mod catalogue;
pub mod check;
pub mod concurrency;
pub mod document_field;
pub mod expression;
pub mod firm;
pub mod foreign;
pub mod form;
pub mod format;
pub mod graph;
pub mod ids;
pub mod invoice;
pub mod kind;
pub mod mail;
pub mod node;
pub mod private;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod series;
pub mod sheet;
pub mod table;
pub mod value;
pub mod workflow;

#[cfg(test)]
mod testing;
