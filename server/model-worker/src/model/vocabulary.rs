//! The model's tokens: text to tokens and back. Special tokens are only ever made by `scaffold`, never by `text`: whatever a visitor
//! writes stays text.

use candle_core::quantized::gguf_file::Value;
use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenizerEnv};
use std::sync::Arc;
use tokenizers::{
    NormalizedString, Normalizer, Tokenizer,
    models::bpe::{BPE, Vocab},
    normalizers::unicode::NFC,
    pre_tokenizers::{
        PreTokenizerWrapper,
        byte_level::ByteLevel,
        digits::Digits,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
    tokenizer::SplitDelimiterBehavior,
};

use super::file::{LoadError, ModelFile};

const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names of tokens that end a turn, in any family.
const ENDS: [&str; 7] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|eom_id|>",
    "</s>",
];

/// The tokens of one model.
pub struct Vocabulary {
    /// Knows no special tokens and normalises nothing, so that it is the inverse of `bytes`.
    tokenizer: Tokenizer,
    /// What each token stands for.
    words: Vec<Vec<u8>>,
    special: Vec<bool>,
    /// Texts of the special tokens with their ids, longest first.
    scaffolding: Vec<(String, u32)>,
    ends: Vec<u32>,
    /// Tokens with a quotation mark, and what stands before the first one in them.
    quotes: Vec<(u32, Option<u8>)>,
    normalize: bool,
}

impl Vocabulary {
    pub fn read(file: &ModelFile) -> Result<Self, LoadError> {
        let kind = file.text("tokenizer.ggml.model").unwrap_or_default();
        if kind != "gpt2" {
            return Err(LoadError::Unsupported(format!(
                "its tokens are of the kind {kind:?}, and only byte-level ones (gpt2) are supported"
            )));
        }
        let missing = |what: &str| LoadError::Unsupported(format!("its file has no {what}"));
        let tokens =
            strings(file.list("tokenizer.ggml.tokens")).ok_or_else(|| missing("tokens"))?;
        let merges =
            strings(file.list("tokenizer.ggml.merges")).ok_or_else(|| missing("merges"))?;
        let types = file.list("tokenizer.ggml.token_type").unwrap_or_default();
        let special: Vec<bool> = (0..tokens.len())
            .map(|id| matches!(types.get(id), Some(Value::I32(3 | 4) | Value::U32(3 | 4))))
            .collect();
        let family = file.text("tokenizer.ggml.pre").unwrap_or_default();
        let tokenizer = tokenizer(&tokens, &merges, &family)?;

        let bytes = byte_of_char();
        let words: Vec<Vec<u8>> = tokens
            .iter()
            .zip(&special)
            .map(|(token, special)| {
                if *special {
                    return token.as_bytes().to_vec();
                }
                token
                    .chars()
                    .map(|c| {
                        bytes
                            .iter()
                            .position(|of| *of == c)
                            .and_then(|b| u8::try_from(b).ok())
                    })
                    .collect::<Option<Vec<u8>>>()
                    .unwrap_or_else(|| token.as_bytes().to_vec())
            })
            .collect();
        let mut scaffolding: Vec<(String, u32)> = tokens
            .iter()
            .zip(0_u32..)
            .zip(&special)
            .filter(|((token, _), special)| **special && !token.is_empty())
            .map(|((token, id), _)| (token.clone(), id))
            .collect();
        scaffolding.sort_by_key(|(token, _)| std::cmp::Reverse(token.len()));
        let mut ends: Vec<u32> = file
            .number("tokenizer.ggml.eos_token_id")
            .and_then(|id| u32::try_from(id).ok())
            .filter(|id| (*id as usize) < tokens.len())
            .into_iter()
            .collect();
        for (token, id) in &scaffolding {
            if ENDS.contains(&token.as_str()) && !ends.contains(id) {
                ends.push(*id);
            }
        }
        let quotes = (0_u32..)
            .zip(&words)
            .filter_map(|(id, word)| {
                let at = word.iter().position(|byte| *byte == b'"')?;
                Some((id, at.checked_sub(1).map(|before| word[before])))
            })
            .collect();
        if ends.is_empty() {
            return Err(missing("token that ends a turn"));
        }
        Ok(Self {
            tokenizer,
            words,
            special,
            scaffolding,
            ends,
            quotes,
            normalize: family == "qwen2",
        })
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Tokens of plain text; `<|im_end|>` in it is ten characters.
    pub fn text(&self, text: &str) -> Result<Vec<u32>, LoadError> {
        if self.normalize {
            let mut normal = NormalizedString::from(text);
            NFC.normalize(&mut normal).map_err(refused)?;
            return self.exact(normal.get());
        }
        self.exact(text)
    }

    /// Tokens of the chat template's own text, where special tokens mean themselves.
    pub fn scaffold(&self, text: &str) -> Result<Vec<u32>, LoadError> {
        let mut tokens = Vec::new();
        let mut plain = 0;
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some((special, id)) = self
                .scaffolding
                .iter()
                .find(|(special, _)| rest.starts_with(special.as_str()))
            {
                tokens.extend(self.exact(&text[plain..at])?);
                tokens.push(*id);
                at += special.len();
                plain = at;
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        tokens.extend(self.exact(&text[plain..])?);
        Ok(tokens)
    }

    fn exact(&self, text: &str) -> Result<Vec<u32>, LoadError> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let encoding = self.tokenizer.encode_fast(text, false).map_err(refused)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// What a token stands for; nothing for special ones.
    pub fn bytes(&self, token: u32) -> &[u8] {
        let index = token as usize;
        match (self.words.get(index), self.special.get(index)) {
            (Some(word), Some(false)) => word,
            _ => &[],
        }
    }

    pub fn is_special(&self, token: u32) -> bool {
        self.special.get(token as usize).copied().unwrap_or(true)
    }

    pub fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// Tokens that end a text inside JSON right behind a blank, in the token itself or in what stands before it.
    pub fn hasty_ends(&self, behind_blank: bool) -> impl Iterator<Item = u32> {
        self.quotes
            .iter()
            .filter(move |(_, before)| before.map_or(behind_blank, |byte| byte == b' '))
            .map(|(token, _)| *token)
    }

    /// The first token that ends a turn.
    pub fn end(&self) -> u32 {
        self.ends[0]
    }

    /// What the template calls `bos_token` and `eos_token`.
    pub fn special_text(&self, token: Option<usize>) -> String {
        token
            .and_then(|id| self.words.get(id))
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .unwrap_or_default()
    }

    /// The same tokens as a trie for constrained decoding.
    pub fn token_environment(&self) -> TokEnv {
        let words: Vec<Vec<u8>> = self
            .words
            .iter()
            .zip(&self.special)
            .map(|(word, special)| {
                if *special {
                    let mut marked = vec![TokTrie::SPECIAL_TOKEN_MARKER];
                    marked.extend_from_slice(word);
                    marked
                } else {
                    word.clone()
                }
            })
            .collect();
        let mut info = TokRxInfo::new(u32::try_from(words.len()).unwrap_or(u32::MAX), self.end());
        info.tok_end_of_turn = Some(self.end());
        Arc::new(Environment {
            trie: TokTrie::from(&info, &words),
            tokenizer: self.tokenizer.clone(),
        })
    }
}

struct Environment {
    trie: TokTrie,
    tokenizer: Tokenizer,
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            match self.tokenizer.encode_fast(text, false) {
                Ok(encoding) => encoding.get_ids().to_vec(),
                Err(_) => self.trie.greedy_tokenize(text.as_bytes()),
            }
        })
    }
}

/// Text that comes token by token: only whole characters leave.
#[derive(Default)]
pub struct Utf8Stream {
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// Takes bytes and gives the characters that are complete.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.pending.clear();
                    return text;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    match error.error_len() {
                        Some(bad) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            self.pending.drain(..valid + bad);
                        }
                        None => {
                            self.pending.drain(..valid);
                            return text;
                        }
                    }
                }
            }
        }
    }

    /// What is left of an unfinished character.
    pub fn finish(&mut self) -> String {
        let rest = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        rest
    }
}

fn tokenizer(tokens: &[String], merges: &[String], family: &str) -> Result<Tokenizer, LoadError> {
    let vocabulary: Vocab = tokens.iter().cloned().zip(0_u32..).collect();
    let merges = merges
        .iter()
        .map(|merge| {
            merge
                .split_once(' ')
                .map(|(left, right)| (left.to_owned(), right.to_owned()))
                .ok_or_else(|| LoadError::Unsupported("one of its merges cannot be read".into()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let model = BPE::builder()
        .vocab_and_merges(vocabulary, merges)
        .ignore_merges(matches!(family, "llama-bpe" | "llama3"))
        .build()
        .map_err(refused)?;
    let bytes = |regex: bool| PreTokenizerWrapper::from(ByteLevel::new(false, true, regex));
    let split = |pattern: &str| -> Result<PreTokenizerWrapper, LoadError> {
        let split = Split::new(
            SplitPattern::Regex(pattern.into()),
            SplitDelimiterBehavior::Isolated,
            false,
        );
        Ok(split.map_err(refused)?.into())
    };
    let parts = match family {
        "qwen2" | "deepseek-r1-qwen" => vec![split(QWEN2)?, bytes(false)],
        "llama-bpe" | "llama3" | "smaug-bpe" => vec![split(LLAMA3)?, bytes(false)],
        "smollm" => vec![Digits::new(true).into(), bytes(true)],
        "gpt-2" | "gpt2" | "default" | "" => vec![bytes(true)],
        other => {
            return Err(LoadError::Unsupported(format!(
                "its text is split in the way {other:?}, which is not supported"
            )));
        }
    };
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(parts)));
    Ok(tokenizer)
}

fn strings(values: Option<&[Value]>) -> Option<Vec<String>> {
    values?
        .iter()
        .map(|value| value.to_string().ok().cloned())
        .collect()
}

fn refused(error: impl std::fmt::Display) -> LoadError {
    LoadError::Unsupported(format!("its tokens cannot be used ({error})"))
}

/// The printable character that stands for each byte in byte-level vocabularies (GPT-2's table).
pub fn byte_of_char() -> Vec<char> {
    let mut next = 256_u32;
    (0..=255_u8)
        .map(|byte| {
            let c = char::from(byte);
            if matches!(c, '!'..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{FF}') {
                c
            } else {
                let stand_in = char::from_u32(next).unwrap_or(c);
                next += 1;
                stand_in
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_characters_leave() {
        let check = |pieces: &[&[u8]], expected: &[&str]| {
            let mut stream = Utf8Stream::default();
            let mut got: Vec<String> = pieces.iter().map(|piece| stream.push(piece)).collect();
            got.push(stream.finish());
            assert_eq!(got, expected);
        };
        check(&[b"ab", b"c"], &["ab", "c", ""]);
        check(&[&[0xE2, 0x82], &[0xAC]], &["", "\u{20AC}", ""]);
        check(
            &[&[b'a', 0xF0, 0x9F], &[0x98, 0x80, b'b']],
            &["a", "\u{1F600}b", ""],
        );
        check(&[&[0xFF, b'a']], &["\u{FFFD}a", ""]);
        check(&[&[b'a', 0xC3]], &["a", "\u{FFFD}"]);
    }

    #[test]
    fn every_byte_has_its_own_character() {
        let table = byte_of_char();
        let mut unique = table.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!((table.len(), unique.len()), (256, 256));
        assert_eq!(
            (table[usize::from(b' ')], table[usize::from(b'\n')]),
            ('\u{120}', '\u{10A}')
        );
    }
}
