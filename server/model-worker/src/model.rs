//! A GGUF model on candle: reading the file, tokens, chat template, forward pass, constrained decoding.

pub mod cache;
pub mod chat;
pub mod file;
pub mod forward;
pub mod grammar;
pub mod vocabulary;
pub mod writer;

#[cfg(test)]
mod tiny;
