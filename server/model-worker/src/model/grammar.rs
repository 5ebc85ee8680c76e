//! Keeps an answer inside a JSON Schema while it is written: before each token the grammar says which tokens may come, and which
//! must come.

use llguidance::{
    Matcher, ParserFactory,
    api::TopLevelGrammar,
    earley::SlicedBiasComputer,
    toktrie::{InferenceCapabilities, SimpleVob},
};
use serde_json::Value as Json;

use super::{file::LoadError, vocabulary::Vocabulary};
use crate::schema;

/// Makes grammars for one vocabulary; building it takes half a second, once.
pub struct Grammars {
    factory: ParserFactory,
}

/// A grammar on its way through one answer.
pub struct Grammar {
    matcher: Matcher,
}

/// The schema asks for something that cannot be kept, or the answer left it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GrammarError(String);

impl Grammars {
    pub fn new(vocabulary: &Vocabulary) -> Result<Self, LoadError> {
        let environment = vocabulary.token_environment();
        let mut factory = ParserFactory::new(
            &environment,
            InferenceCapabilities {
                ff_tokens: true,
                ..InferenceCapabilities::default()
            },
            &SlicedBiasComputer::json_slices(),
        )
        .map_err(|error| {
            LoadError::Unsupported(format!("its tokens cannot follow a schema ({error})"))
        })?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory })
    }

    /// A grammar for compact JSON that satisfies `schema`.
    pub fn grammar(&self, schema: &Json) -> Result<Grammar, GrammarError> {
        let grammar = TopLevelGrammar::from_json_schema(schema::compact(schema.clone()));
        let parser = self.factory.create_parser(grammar);
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(GrammarError(error)),
            None => Ok(Grammar { matcher }),
        }
    }
}

impl Grammar {
    /// Tokens that must come next, already taken.
    pub fn forced(&mut self) -> Vec<u32> {
        self.matcher.consume_ff_tokens()
    }

    /// Tokens that may come next; the end token when the answer may end here.
    pub fn allowed(&mut self) -> Result<SimpleVob, GrammarError> {
        self.matcher.compute_mask_or_eos().map_err(broken)
    }

    pub fn take(&mut self, token: u32) -> Result<(), GrammarError> {
        self.matcher.consume_token(token).map_err(broken)
    }

    /// Nothing can follow.
    pub fn is_over(&self) -> bool {
        self.matcher.is_stopped()
    }

    /// The grammar gave up, for instance because the schema became too complex.
    pub fn error(&self) -> Option<GrammarError> {
        self.matcher.get_error().map(GrammarError)
    }
}

fn broken(error: impl std::fmt::Display) -> GrammarError {
    GrammarError(error.to_string())
}
