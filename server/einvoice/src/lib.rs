//! E-invoices: a settled `engine::invoice` becomes the XML that the law knows, checked by the business rules before anybody gets it, and a
//! received XML becomes values with what is wrong about it. Pure; PDFs are `document`'s.
//!
//! Model, rules and both syntaxes come from the crates `en16931` and `en16931-formats`: implementation of the EN 16931-1 semantic data
//! model; © CEN, used under the 2018 CEN–EC licence agreement. Every amount is `engine::invoice`'s own, so that these rules are a second
//! pair of eyes on it. What they add to EN 16931 is the German usage (XRechnung 3.0); the restrictions of Factur-X's BASIC are ours
//! (`basic`).
//!
//! Limits: 10,000 lines and 100 allowances and charges (`engine::invoice`). Of a received XML: 10 MiB, 400,000 elements, 64 levels, no
//! document type, so that nothing expands; see `guard`.

mod basic;
mod format;
mod guard;
mod make;
mod model;
mod received;
mod rules;
mod value;

pub use format::{Format, Hybrid, hybrid};
pub use make::{Made, make};
pub use received::{Received, Unreadable, read};
pub use value::kind;

/// Largest XML that is read.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Most problems that are told of one e-invoice.
const MAX_PROBLEMS: usize = 100;

#[cfg(test)]
mod tests;
