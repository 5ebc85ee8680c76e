//! Answers requests with a loaded model: prompt in parts, then token by token, inside a grammar when there is a schema.

use std::{path::Path, time::Instant};

use engine::node::{GenerationResult, StepError, Usage};
use serde_json::Value as Json;

use super::{
    cache::PrefixCache,
    chat::Chat,
    file::{LoadError, ModelFile},
    forward::{Model, Sequence},
    grammar::{Grammar, GrammarError, Grammars},
    vocabulary::{Utf8Stream, Vocabulary},
};
use crate::{
    backend::{About, Backend, Control, Failure, Request},
    memory,
    sampling::{Sampler, hold_back_repeats},
    schema,
};

/// Tokens of a prompt that are read between two looks at `Control`: about two seconds of a 1.5B model on one core.
const PART: usize = 128;
/// Keys and values kept for later prompts.
const CACHE_BYTES: u64 = 256 * 1024 * 1024;

/// How to load a model.
#[derive(Clone, Debug)]
pub struct Options {
    pub name: String,
    pub sha256: String,
    /// Longest prompt and answer together; bounded by what the model was trained for.
    pub context_tokens: usize,
}

/// A model with its tokens, template and grammars.
pub struct Writer {
    options: Options,
    model: Model,
    vocabulary: Vocabulary,
    chat: Chat,
    grammars: Grammars,
    cache: PrefixCache,
    memory_bytes: u64,
    tokens_per_second: f64,
}

impl Writer {
    /// Loads a GGUF file after looking whether it fits into memory, and reads a few tokens so that the first request is not slow.
    pub fn load(path: &Path, options: Options) -> Result<Self, LoadError> {
        let mut file = ModelFile::open(path)?;
        let shape = file.shape()?;
        let context = options.context_tokens.min(shape.context);
        let memory_bytes = memory::estimate(
            file.weight_bytes(),
            shape.kv_bytes_per_token() * context as u64 + CACHE_BYTES,
        );
        memory::check(memory_bytes, memory::available())?;
        let slow = file.slow_tensors();
        if slow > 0 {
            tracing::info!(tensors = slow, "converting slow tensor types to Q8_0");
        }
        let vocabulary = Vocabulary::read(&file)?;
        let chat = Chat::read(&file, &vocabulary)?;
        let grammars = Grammars::new(&vocabulary)?;
        let model = Model::load(&mut file, context)?;
        let mut writer = Self {
            options,
            model,
            vocabulary,
            chat,
            grammars,
            cache: PrefixCache::new(CACHE_BYTES),
            memory_bytes,
            tokens_per_second: 0.0,
        };
        let speed = writer.measure(32, 8)?;
        writer.tokens_per_second = speed.tokens_per_second;
        writer.memory_bytes = memory::used().unwrap_or(memory_bytes);
        Ok(writer)
    }

    /// Reads `prompt` tokens and writes `output` tokens of nonsense.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a benchmark are small"
    )]
    pub fn measure(&self, prompt: u32, output: u32) -> Result<Speed, LoadError> {
        let size = u32::try_from(self.vocabulary.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let tokens: Vec<u32> = (0..prompt.max(1)).map(|i| (100 + i * 37) % size).collect();
        let mut sequence = self.model.sequence((prompt + output) as usize + 1)?;
        let start = Instant::now();
        let mut logits = Vec::new();
        for part in tokens.chunks(PART) {
            logits = self.model.forward(&mut sequence, part)?;
        }
        let read = start.elapsed().as_secs_f64();
        let mut sampler = Sampler::new(0.0, 0);
        let start = Instant::now();
        for _ in 0..output {
            let next = sampler.choose(&logits).unwrap_or(0);
            logits = self.model.forward(&mut sequence, &[next])?;
        }
        let wrote = start.elapsed().as_secs_f64();
        Ok(Speed {
            prompt_tokens_per_second: tokens.len() as f64 / read.max(1e-9),
            tokens_per_second: f64::from(output) / wrote.max(1e-9),
        })
    }

    #[expect(clippy::too_many_lines, reason = "one answer from prompt to usage")]
    fn answer(
        &mut self,
        request: &Request,
        control: &Control,
    ) -> Result<GenerationResult, Failure> {
        let asked = &request.generation;
        let context = self.model.context();
        let prompt = self
            .chat
            .prompt(&self.vocabulary, &asked.messages)
            .map_err(|error| {
                let message = format!("The model does not take this instruction: {error}");
                let told = StepError::new("prompt_unusable", message);
                Failure::Failed(told.with("reason", error.to_string()))
            })?;
        if prompt.is_empty() {
            return Err(Failure::new(
                "prompt_empty",
                "There is nothing to ask the model.",
            ));
        }
        let (mut grammar, max_tokens) = match &asked.schema {
            None => (None, asked.max_tokens.max(1) as usize),
            Some(wanted) => {
                let bounded = schema::bound(wanted, asked.max_tokens as usize);
                let grammar = self
                    .grammars
                    .grammar(&bounded.schema)
                    .map_err(|error| refused_schema(&error))?;
                (
                    Some(grammar),
                    bounded.max_tokens.max(asked.max_tokens as usize),
                )
            }
        };
        let room = context.saturating_sub(prompt.len());
        // A structured answer is rarely as long as its longest; free text was asked for with a number.
        let needed = if grammar.is_some() {
            (asked.max_tokens as usize).min(max_tokens)
        } else {
            max_tokens
        };
        if room < needed {
            let tokens = prompt.len();
            let error = StepError::new(
                "prompt_too_long",
                format!(
                    "The instruction is too long for this model: {tokens} tokens, and the answer may take {needed}, but only {context} \
                     fit together. Shorten the instruction or ask for a shorter answer."
                ),
            );
            return Err(Failure::Failed(
                error
                    .with("tokens", tokens)
                    .with("needed", needed)
                    .with("context", context),
            ));
        }
        let max_tokens = max_tokens.min(room);

        let started = Instant::now();
        let mut sequence = self
            .cache
            .begin(
                &self.model,
                request.workspace,
                &prompt,
                prompt.len() + max_tokens.min(needed.max(256)),
            )
            .map_err(failed)?;
        let cached = sequence.len();
        let (last, parts) = split_last(&prompt[cached..]);
        for part in parts {
            control.check()?;
            self.model.read(&mut sequence, part).map_err(failed)?;
        }
        control.check()?;
        let mut output = Output::new(asked.temperature, asked.seed, max_tokens);
        let read = started.elapsed();
        let mut written = Instant::now();
        let mut prompt_ms = millis(read);
        let mut pending = last.to_vec();
        let finish_reason = loop {
            // What the grammar leaves no choice about is not asked, only read together with what comes before the next choice.
            if let Some(grammar) = &mut grammar {
                let forced = grammar.forced();
                if let Some(error) = grammar.error() {
                    return Err(left_grammar(&error));
                }
                output.forced += forced.len();
                for token in forced {
                    output.push(&self.vocabulary, control, token);
                    pending.push(token);
                }
                if grammar.is_over() {
                    break "stop";
                }
            }
            if output.tokens.len() >= max_tokens {
                break "length";
            }
            control.check()?;
            let mut logits = self.next(&mut sequence, &pending)?;
            pending.clear();
            if output.tokens.len() == output.forced {
                prompt_ms = millis(started.elapsed());
                written = Instant::now();
            }
            match self.choose(&mut output, grammar.as_mut(), &mut logits)? {
                Some(token) => {
                    output.push(&self.vocabulary, control, token);
                    pending.push(token);
                }
                None => break "stop",
            }
        };
        output.finish(control);
        let usage = Usage {
            prompt_tokens: count(prompt.len()),
            output_tokens: count(output.tokens.len()),
            forced_tokens: count(output.forced),
            cached_tokens: count(cached),
            prompt_ms,
            output_ms: millis(written.elapsed()),
        };
        self.cache.keep(&self.model, request.workspace, sequence);
        let values = match &asked.schema {
            None => None,
            Some(_) if finish_reason == "length" => return Err(too_long(output.tokens.len())),
            Some(_) => Some(without_nul(parse(&output.text)?)),
        };
        Ok(GenerationResult {
            text: if values.is_some() {
                output.text
            } else {
                output.text.trim().to_owned()
            },
            values,
            usage,
            model: self.options.name.clone(),
            model_sha256: self.options.sha256.clone(),
            seed: asked.seed,
            finish_reason: finish_reason.into(),
        })
    }

    /// Reads `tokens` and gives the logits of what follows; makes room first when the answer grows past what was set aside.
    fn next(&self, sequence: &mut Sequence, tokens: &[u32]) -> Result<Vec<f32>, Failure> {
        let needed = sequence.len() + tokens.len();
        if needed > sequence.capacity() {
            let len = sequence.len();
            *sequence = self
                .model
                .fork(sequence, len, needed + 256)
                .map_err(failed)?;
        }
        self.model.forward(sequence, tokens).map_err(failed)
    }

    /// The next token, or `None` when the answer ends.
    fn choose(
        &self,
        output: &mut Output,
        grammar: Option<&mut Grammar>,
        logits: &mut [f32],
    ) -> Result<Option<u32>, Failure> {
        let vocabulary = &self.vocabulary;
        let structured = grammar.is_some();
        // The quotation mark ends a text inside JSON: holding it back would make texts longer.
        hold_back_repeats(logits, &output.tokens, |token| {
            structured && vocabulary.bytes(token).contains(&b'"')
        });
        let Some(grammar) = grammar else {
            for (token, logit) in (0_u32..).zip(logits.iter_mut()) {
                if vocabulary.is_special(token) && !vocabulary.is_end(token) {
                    *logit = f32::NEG_INFINITY;
                }
            }
            let token = output.sampler.choose(logits).ok_or_else(no_token)?;
            return Ok((!vocabulary.is_end(token)).then_some(token));
        };
        let allowed = grammar.allowed().map_err(|error| left_grammar(&error))?;
        // `SimpleVob::apply_to` is for bias buffers and would set allowed logits to zero.
        allowed.iter_unset_entries(|token| {
            if let Some(logit) = logits.get_mut(token) {
                *logit = f32::NEG_INFINITY;
            }
        });
        forbid_hasty_ends(vocabulary, &output.text, logits);
        let token = output.sampler.choose(logits).ok_or_else(no_token)?;
        if vocabulary.is_end(token) {
            return Ok(None);
        }
        grammar.take(token).map_err(|error| left_grammar(&error))?;
        Ok(Some(token))
    }
}

impl Backend for Writer {
    fn about(&self) -> About {
        About {
            name: self.options.name.clone(),
            sha256: self.options.sha256.clone(),
            context_tokens: count(self.model.context()),
            tokens_per_second: self.tokens_per_second,
            memory_bytes: self.memory_bytes,
        }
    }

    fn generate(
        &mut self,
        request: &Request,
        control: &Control,
    ) -> Result<GenerationResult, Failure> {
        self.answer(request, control)
    }
}

/// What `measure` found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    pub prompt_tokens_per_second: f64,
    pub tokens_per_second: f64,
}

/// An answer as it grows.
struct Output {
    sampler: Sampler,
    tokens: Vec<u32>,
    forced: usize,
    text: String,
    stream: Utf8Stream,
}

impl Output {
    fn new(temperature: f32, seed: u64, room: usize) -> Self {
        Self {
            sampler: Sampler::new(temperature, seed),
            tokens: Vec::with_capacity(room.min(1024)),
            forced: 0,
            text: String::new(),
            stream: Utf8Stream::default(),
        }
    }

    fn push(&mut self, vocabulary: &Vocabulary, control: &Control, token: u32) {
        self.tokens.push(token);
        let mut piece = self.stream.push(vocabulary.bytes(token));
        // Postgres stores no NUL characters.
        piece.retain(|c| c != '\0');
        self.text.push_str(&piece);
        control.text(piece);
    }

    fn finish(&mut self, control: &Control) {
        let rest = self.stream.finish();
        self.text.push_str(&rest);
        control.text(rest);
    }
}

/// The prompt's last part, which gives the first logits, and the parts before it.
fn split_last(tokens: &[u32]) -> (&[u32], impl Iterator<Item = &[u32]>) {
    let last = match tokens.len() % PART {
        0 => PART.min(tokens.len()),
        rest => rest,
    };
    let (before, last) = tokens.split_at(tokens.len() - last);
    (last, before.chunks(PART))
}

/// Takes away tokens that end a text inside JSON right behind a blank, where something else may follow. A model that begins to quote
/// there (`Mozart's "The…`) means no end; so it writes the mark escaped, or goes on without. Compact JSON has blanks only inside texts.
fn forbid_hasty_ends(vocabulary: &Vocabulary, written: &str, logits: &mut [f32]) {
    let hasty: Vec<u32> = vocabulary
        .hasty_ends(written.ends_with(' '))
        .filter(|token| {
            logits
                .get(*token as usize)
                .is_some_and(|logit| logit.is_finite())
        })
        .collect();
    if hasty.len() < logits.iter().filter(|logit| logit.is_finite()).count() {
        for token in hasty {
            logits[token as usize] = f32::NEG_INFINITY;
        }
    }
}

fn parse(text: &str) -> Result<Json, Failure> {
    serde_json::from_str(text).map_err(|error| {
        let told = StepError::new(
            "output_not_json",
            format!("The model's answer could not be read ({error}). Run the step again."),
        );
        Failure::Failed(told.with("reason", error.to_string()))
    })
}

/// JSON can say NUL where Postgres cannot store it.
fn without_nul(value: Json) -> Json {
    match value {
        Json::String(mut text) => {
            text.retain(|c| c != '\0');
            Json::String(text)
        }
        Json::Array(list) => list.into_iter().map(without_nul).collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(name, value)| (name, without_nul(value)))
            .collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => value,
    }
}

fn too_long(tokens: usize) -> Failure {
    let error = StepError::new(
        "output_too_long",
        format!(
            "The model did not finish its answer within {tokens} tokens. Set shorter length limits on the fields, or allow a longer \
             answer."
        ),
    );
    Failure::Failed(error.with("tokens", tokens))
}

fn refused_schema(error: &GrammarError) -> Failure {
    let told = StepError::new(
        "schema_unsupported",
        format!(
            "The fields the model should fill cannot be enforced: {error}. Simplify the fields."
        ),
    );
    Failure::Failed(told.with("reason", error.to_string()))
}

fn left_grammar(error: &GrammarError) -> Failure {
    let told = StepError::new(
        "schema_too_complex",
        format!(
            "The fields the model should fill became too complex while it wrote: {error}. Simplify the fields."
        ),
    );
    Failure::Failed(told.with("reason", error.to_string()))
}

fn no_token() -> Failure {
    Failure::new(
        "model_silent",
        "The model found nothing it could write. Run the step again, or choose another model.",
    )
}

#[expect(clippy::needless_pass_by_value, reason = "used as an error mapping")]
fn failed(error: candle_core::Error) -> Failure {
    tracing::error!(%error, "the model failed");
    Failure::new(
        "model_failed",
        "The model failed while it worked. See the server's log; run the step again.",
    )
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
