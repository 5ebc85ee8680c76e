//! Reads a GGUF file's description into what the forward pass needs, and refuses what it cannot run with a sentence that says so.
//! The file is read, not mapped: candle copies every tensor into its own memory anyway, and a mapped file that is replaced
//! underneath would kill the process.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use candle_core::{
    Device,
    quantized::{
        GgmlDType, QTensor,
        gguf_file::{Content, Value},
    },
};
use engine::node::StepError;

/// Why a model cannot be used; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "The model file {path} could not be read ({source}). Check that it exists and may be read."
    )]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not a whole GGUF model file ({reason}). Fetch it again.")]
    Broken { path: PathBuf, reason: String },
    #[error("This model cannot be used: {0}. Choose one of the known models.")]
    Unsupported(String),
    #[error(
        "The model needs about {needed} of memory, but only {free} is free. Choose a smaller model or give this machine more memory."
    )]
    Memory { needed: String, free: String },
    #[error("The model could not be loaded ({0}).")]
    Candle(#[from] candle_core::Error),
    #[error("{0}")]
    Refused(String),
}

impl LoadError {
    /// What people read of it.
    pub fn told(&self) -> StepError {
        let message = self.to_string();
        match self {
            Self::Unreadable { path, source } => StepError::new("model_file_unreadable", message)
                .with("path", path.display().to_string())
                .with("reason", source.to_string()),
            Self::Broken { path, reason } => StepError::new("model_file_broken", message)
                .with("path", path.display().to_string())
                .with("reason", reason.as_str()),
            Self::Unsupported(reason) => {
                StepError::new("model_unsupported", message).with("reason", reason.as_str())
            }
            Self::Memory { needed, free } => StepError::new("model_too_large", message)
                .with("needed", needed.as_str())
                .with("free", free.as_str()),
            Self::Candle(source) => {
                StepError::new("model_not_loaded", message).with("reason", source.to_string())
            }
            Self::Refused(reason) => {
                StepError::new("model_not_loaded", message).with("reason", reason.as_str())
            }
        }
    }
}

/// Architectures the forward pass knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Interleaved rotary pairs, no bias.
    Llama,
    /// Rotary pairs a half apart, bias on query, key and value.
    Qwen2,
}

/// Sizes of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub architecture: Architecture,
    pub layers: usize,
    pub hidden: usize,
    pub feed_forward: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// Tokens the model was trained for.
    pub context: usize,
    pub norm_epsilon: f64,
    pub rope_base: f32,
}

impl Shape {
    /// Bytes of keys and values that one token takes (f32).
    pub fn kv_bytes_per_token(&self) -> u64 {
        (self.layers * self.kv_heads * self.head_dim * 2 * 4) as u64
    }
}

/// An open model file with its description.
pub struct ModelFile {
    pub path: PathBuf,
    pub content: Content,
    reader: BufReader<File>,
}

impl ModelFile {
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(|source| LoadError::Unreadable {
            path: path.into(),
            source,
        })?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let content = Content::read(&mut reader).map_err(|error| LoadError::Broken {
            path: path.into(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            path: path.into(),
            content,
            reader,
        })
    }

    pub fn shape(&self) -> Result<Shape, LoadError> {
        let (architecture, prefix) = match self.text("general.architecture").as_deref() {
            Some("llama") => (Architecture::Llama, "llama"),
            Some("qwen2") => (Architecture::Qwen2, "qwen2"),
            other => {
                return Err(LoadError::Unsupported(format!(
                    "its architecture is {:?}, and only llama and qwen2 are supported",
                    other.unwrap_or("not given")
                )));
            }
        };
        let number = |key: &str| self.number(&format!("{prefix}.{key}"));
        let size = |key: &str| {
            number(key).filter(|n| *n > 0).ok_or_else(|| {
                LoadError::Unsupported(format!("its file does not tell {prefix}.{key}"))
            })
        };
        if let Some(scaling) = self.text(&format!("{prefix}.rope.scaling.type"))
            && scaling != "none"
        {
            return Err(LoadError::Unsupported(format!(
                "it scales positions ({scaling})"
            )));
        }
        if number("expert_count").unwrap_or(0) > 1 {
            return Err(LoadError::Unsupported("it is a mixture of experts".into()));
        }
        let (hidden, heads) = (size("embedding_length")?, size("attention.head_count")?);
        let head_dim = number("attention.key_length").unwrap_or(hidden / heads);
        let kv_heads = number("attention.head_count_kv").unwrap_or(heads);
        if kv_heads == 0 || heads % kv_heads != 0 || head_dim % 2 != 0 || hidden != heads * head_dim
        {
            return Err(LoadError::Unsupported(format!(
                "its attention has an unknown shape ({heads} heads of {head_dim} over {hidden}, {kv_heads} shared)"
            )));
        }
        if number("rope.dimension_count").is_some_and(|n| n != head_dim) {
            return Err(LoadError::Unsupported(
                "it rotates only a part of each head".into(),
            ));
        }
        Ok(Shape {
            architecture,
            layers: size("block_count")?,
            hidden,
            feed_forward: size("feed_forward_length")?,
            heads,
            kv_heads,
            head_dim,
            context: size("context_length")?,
            norm_epsilon: f64::from(
                self.float(&format!("{prefix}.attention.layer_norm_rms_epsilon"))
                    .unwrap_or(1e-5),
            ),
            rope_base: self
                .float(&format!("{prefix}.rope.freq_base"))
                .unwrap_or(10_000.0),
        })
    }

    /// Reads a tensor. Types that candle computes one number at a time (`Q4_1`, `Q5_0`, `Q5_1`: 3 to 20 times slower) become `Q8_0`.
    pub fn tensor(&mut self, name: &str) -> Result<QTensor, LoadError> {
        let tensor = self
            .content
            .tensor(&mut self.reader, name, &Device::Cpu)
            .map_err(|error| LoadError::Broken {
                path: self.path.clone(),
                reason: format!("tensor {name}: {error}"),
            })?;
        if is_slow(tensor.dtype()) {
            let plain = tensor.dequantize(&Device::Cpu)?;
            return Ok(QTensor::quantize(&plain, GgmlDType::Q8_0)?);
        }
        Ok(tensor)
    }

    pub fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// Tensors that will be converted when they are read.
    pub fn slow_tensors(&self) -> usize {
        self.content
            .tensor_infos
            .values()
            .filter(|info| is_slow(info.ggml_dtype))
            .count()
    }

    /// Memory of the weights once loaded: candle keeps packed tiles beside the tensors it can pack.
    pub fn weight_bytes(&self) -> u64 {
        self.content
            .tensor_infos
            .iter()
            .map(|(name, info)| {
                let dtype = if is_slow(info.ggml_dtype) {
                    GgmlDType::Q8_0
                } else {
                    info.ggml_dtype
                };
                let bytes =
                    (info.shape.elem_count() / dtype.block_size() * dtype.type_size()) as u64;
                let packs = info.shape.rank() == 2
                    && name != "token_embd.weight"
                    && matches!(dtype, GgmlDType::Q4K | GgmlDType::Q6K | GgmlDType::Q8_0)
                    && info.shape.dims()[1] % 256 == 0
                    && info.shape.dims()[0] % 16 == 0;
                if packs { bytes * 2 } else { bytes }
            })
            .sum()
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.content.metadata.get(key)?.to_string().ok().cloned()
    }

    pub fn number(&self, key: &str) -> Option<usize> {
        match self.content.metadata.get(key)? {
            Value::U8(n) => Some(usize::from(*n)),
            Value::U16(n) => Some(usize::from(*n)),
            Value::U32(n) => usize::try_from(*n).ok(),
            Value::U64(n) => usize::try_from(*n).ok(),
            Value::I32(n) => usize::try_from(*n).ok(),
            Value::I64(n) => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    fn float(&self, key: &str) -> Option<f32> {
        self.content.metadata.get(key)?.to_f32().ok()
    }

    /// A list in the description, such as the tokens.
    pub fn list(&self, key: &str) -> Option<&[Value]> {
        self.content
            .metadata
            .get(key)?
            .to_vec()
            .ok()
            .map(Vec::as_slice)
    }
}

fn is_slow(dtype: GgmlDType) -> bool {
    matches!(dtype, GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1)
}
