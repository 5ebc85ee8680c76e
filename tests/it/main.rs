//! The integration tests, in one binary: each file is named after what it tests.

mod access;
mod account;
mod bad_input;
mod cluster;
mod crash;
mod delivery;
mod document;
mod examples;
mod form;
mod generation;
mod hook;
mod http_request;
mod layering;
mod maintenance;
mod outbound;
mod processes;
mod program;
mod pure;
mod queue;
mod result;
mod run;
mod upgrade;
mod workflow;
