//! The integration tests, in one binary: each file is named after what it tests.

#![expect(clippy::unwrap_used, reason = "a test's panic is its message")]
#![expect(
    clippy::too_many_lines,
    reason = "a story is told from its beginning to its end"
)]

mod access;
mod account;
mod answer;
mod approval;
mod bad_input;
mod batch;
mod call;
mod callback;
mod chaos;
mod cluster;
mod concurrency;
mod crash;
mod delay;
mod delivery;
mod document;
mod einvoice;
mod examples;
mod for_each;
mod form;
mod generation;
mod hook;
mod http_request;
mod large_output;
mod layering;
mod limits;
mod mail;
mod maintenance;
mod number;
mod outbound;
mod private;
mod processes;
mod program;
mod pure;
mod queue;
mod result;
mod retention;
mod run;
mod schedule;
mod table;
mod turns;
mod upgrade;
mod workflow;
