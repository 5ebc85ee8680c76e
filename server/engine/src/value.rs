//! Typed values and their JSON form: a decimal is a string `"7420.00"`, money `{"amount": "7420.00", "currency": "EUR"}`, a JSON
//! number is only ever an integer below 2^53, and `f64` touches no amount.

use indexmap::IndexMap;
use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::ArtifactId;

/// One value as expressions and documents see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Empty,
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Money(Money),
    Date(Date),
    Time(Time),
    /// UTC.
    Instant(Timestamp),
    YesNo(bool),
    List(Vec<Value>),
    Record(Record),
    File(FileRef),
}

/// Named values in their declared order.
pub type Record = IndexMap<String, Value>;

/// An amount in one currency; arithmetic across currencies is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    pub amount: Decimal,
    /// ISO 4217, upper case.
    pub currency: String,
}

/// A file by reference; the bytes are read through `NodeContext::artifacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub id: ArtifactId,
    pub name: String,
    pub content_type: String,
    pub size_bytes: u64,
}
