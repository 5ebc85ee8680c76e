//! A model file of a few hundred kilobytes with random weights, for tests: two layers, byte tokens, either architecture.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use candle_core::{
    Device, Tensor,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{self, Value},
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{file::Architecture, vocabulary::byte_of_char};

pub(crate) const HIDDEN: usize = 256;
const FEED_FORWARD: usize = 512;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;

/// A folder with one model file; removed when dropped.
pub(crate) struct Tiny {
    folder: PathBuf,
    pub(crate) path: PathBuf,
}

impl Drop for Tiny {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Writes a model whose weights depend only on the architecture; `dtype` is the type of its matrices.
pub(crate) fn tiny(architecture: Architecture, dtype: GgmlDType) -> Tiny {
    let folder = std::env::temp_dir().join(format!("formwork-tiny-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("tiny.gguf");
    write(&path, architecture, dtype);
    Tiny { folder, path }
}

#[expect(
    clippy::too_many_lines,
    reason = "one file, written from top to bottom"
)]
fn write(path: &Path, architecture: Architecture, dtype: GgmlDType) {
    let prefix = match architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    };
    let mut tokens: Vec<String> = byte_of_char().into_iter().map(String::from).collect();
    tokens.extend(["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(String::from));
    let types = (0..tokens.len())
        .map(|id| Value::I32(if id < 256 { 1 } else { 3 }))
        .collect();
    let vocabulary = tokens.len();
    let number = |n: usize| Value::U32(u32::try_from(n).expect("small"));
    let metadata: Vec<(String, Value)> = vec![
        ("general.architecture".into(), Value::String(prefix.into())),
        (format!("{prefix}.block_count"), number(2)),
        (format!("{prefix}.context_length"), number(2048)),
        (format!("{prefix}.embedding_length"), number(HIDDEN)),
        (
            format!("{prefix}.feed_forward_length"),
            number(FEED_FORWARD),
        ),
        (format!("{prefix}.attention.head_count"), number(HEADS)),
        (
            format!("{prefix}.attention.head_count_kv"),
            number(KV_HEADS),
        ),
        (
            format!("{prefix}.attention.layer_norm_rms_epsilon"),
            Value::F32(1e-5),
        ),
        (format!("{prefix}.rope.freq_base"), Value::F32(10_000.0)),
        (
            format!("{prefix}.rope.dimension_count"),
            number(HIDDEN / HEADS),
        ),
        ("tokenizer.ggml.model".into(), Value::String("gpt2".into())),
        ("tokenizer.ggml.pre".into(), Value::String("qwen2".into())),
        (
            "tokenizer.ggml.tokens".into(),
            Value::Array(tokens.into_iter().map(Value::String).collect()),
        ),
        ("tokenizer.ggml.token_type".into(), Value::Array(types)),
        ("tokenizer.ggml.merges".into(), Value::Array(Vec::new())),
        ("tokenizer.ggml.eos_token_id".into(), number(258)),
    ];

    let mut random = StdRng::seed_from_u64(11);
    let mut tensors: Vec<(String, QTensor)> = Vec::new();
    let mut matrix = |name: &str, rows: usize, columns: usize, dtype: GgmlDType| {
        let scale = 1.0 / f32::from(u16::try_from(columns).expect("small")).sqrt();
        let values: Vec<f32> = (0..rows * columns)
            .map(|_| (random.random::<f32>() - 0.5) * 4.0 * scale)
            .collect();
        let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu).expect("a tensor");
        tensors.push((
            name.into(),
            QTensor::quantize(&tensor, dtype).expect("quantised"),
        ));
    };
    matrix("token_embd.weight", vocabulary, HIDDEN, GgmlDType::Q8_0);
    for layer in 0..2 {
        let kv = HIDDEN / HEADS * KV_HEADS;
        for (part, rows, columns) in [
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", kv, HIDDEN),
            ("attn_v", kv, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", FEED_FORWARD, HIDDEN),
            ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ] {
            matrix(&format!("blk.{layer}.{part}.weight"), rows, columns, dtype);
        }
    }
    let mut vector = |name: &str, size: usize, around: f32| {
        let values: Vec<f32> = (0..size)
            .map(|_| around + (random.random::<f32>() - 0.5) * 0.2)
            .collect();
        let tensor = Tensor::from_vec(values, size, &Device::Cpu).expect("a tensor");
        tensors.push((
            name.into(),
            QTensor::quantize(&tensor, GgmlDType::F32).expect("stored"),
        ));
    };
    vector("output_norm.weight", HIDDEN, 1.0);
    for layer in 0..2 {
        vector(&format!("blk.{layer}.attn_norm.weight"), HIDDEN, 1.0);
        vector(&format!("blk.{layer}.ffn_norm.weight"), HIDDEN, 1.0);
        if architecture == Architecture::Qwen2 {
            let kv = HIDDEN / HEADS * KV_HEADS;
            for (part, size) in [("attn_q", HIDDEN), ("attn_k", kv), ("attn_v", kv)] {
                vector(&format!("blk.{layer}.{part}.bias"), size, 0.0);
            }
        }
    }
    let metadata: Vec<(&str, &Value)> = metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let tensors: Vec<(&str, &QTensor)> = tensors
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor))
        .collect();
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    gguf_file::write(&mut file, &metadata, &tensors).expect("written");
}
