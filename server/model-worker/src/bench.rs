//! `formwork-model bench`: how fast a model reads and writes on this machine.

use crate::{
    config::BenchArguments,
    folder::Found,
    model::{
        file::LoadError,
        writer::{Options, Writer},
    },
};

/// Measures and gives one line of JSON: name, threads, tokens per second, memory.
pub fn run(arguments: &BenchArguments, threads: usize) -> Result<String, LoadError> {
    let found = Found::at(arguments.model.clone());
    let options = Options {
        name: found.name(),
        sha256: String::new(),
        context_tokens: 4096,
    };
    let writer = Writer::load(&found.path, options)?;
    let (mut reads, mut writes) = (0.0_f64, 0.0_f64);
    for _ in 0..arguments.tries.max(1) {
        let speed = writer.measure(arguments.prompt, arguments.output)?;
        reads = reads.max(speed.prompt_tokens_per_second);
        writes = writes.max(speed.tokens_per_second);
    }
    let line = serde_json::json!({
        "model": found.name(),
        "threads": threads,
        "prompt_tokens_per_second": tenths(reads),
        "tokens_per_second": tenths(writes),
        "memory_bytes": crate::memory::used(),
    });
    Ok(line.to_string())
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
