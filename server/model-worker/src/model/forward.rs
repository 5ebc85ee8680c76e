//! The forward pass of the llama and qwen2 families over quantised weights: one sequence, keys and values that can be cut back and
//! copied, several tokens at a time. candle's stock models dequantise the embedding, copy the cache at every token and cannot cut
//! it; this follows the same mathematics (tested against them, token for token).

use std::sync::Arc;

use candle_core::{
    DType, Device, Module, Result, Tensor,
    quantized::{QMatMul, QTensor},
};
use candle_nn::{
    attention::{AttnMask, flash_attn},
    ops::silu,
    rotary_emb::{rope_i, rope_thd},
};
use candle_transformers::quantized_nn::RmsNorm;

use super::file::{Architecture, LoadError, ModelFile, Shape};

/// Weights and tables of a loaded model.
pub struct Model {
    shape: Shape,
    /// Longest sequence the tables were made for.
    context: usize,
    embedding: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: RmsNorm,
    output: QMatMul,
    cos: Tensor,
    sin: Tensor,
}

struct Layer {
    attention_norm: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: QMatMul,
    feed_forward_norm: RmsNorm,
    gate: QMatMul,
    up: QMatMul,
    down: QMatMul,
}

struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

impl Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.weight.forward(x)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

/// Keys and values of one text, with the tokens they belong to.
pub struct Sequence {
    layers: Vec<(Tensor, Tensor)>,
    tokens: Vec<u32>,
    capacity: usize,
}

impl Sequence {
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Forgets everything after the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

impl Model {
    /// Reads all weights. `context` bounds the longest sequence.
    pub fn load(file: &mut ModelFile, context: usize) -> std::result::Result<Self, LoadError> {
        let shape = file.shape()?;
        let context = context.min(shape.context);
        let embedding = Arc::new(file.tensor("token_embd.weight")?);
        let output = if file.has("output.weight") {
            QMatMul::from_qtensor(file.tensor("output.weight")?)?
        } else {
            QMatMul::from_arc(embedding.clone())?
        };
        let norm = RmsNorm::from_qtensor(file.tensor("output_norm.weight")?, shape.norm_epsilon)?;
        let mut layers = Vec::with_capacity(shape.layers);
        for index in 0..shape.layers {
            layers.push(Layer::load(file, &shape, index)?);
        }
        let (cos, sin) = rotations(file, &shape, context)?;
        Ok(Self {
            shape,
            context,
            embedding,
            layers,
            norm,
            output,
            cos,
            sin,
        })
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn context(&self) -> usize {
        self.context
    }

    /// An empty sequence with room for `capacity` tokens.
    pub fn sequence(&self, capacity: usize) -> Result<Sequence> {
        let capacity = capacity.min(self.context);
        let shape = (capacity, self.shape.kv_heads, self.shape.head_dim);
        let layers = (0..self.layers.len())
            .map(|_| {
                Ok((
                    Tensor::zeros(shape, DType::F32, &Device::Cpu)?,
                    Tensor::zeros(shape, DType::F32, &Device::Cpu)?,
                ))
            })
            .collect::<Result<_>>()?;
        Ok(Sequence {
            layers,
            tokens: Vec::new(),
            capacity,
        })
    }

    /// A copy of the first `len` tokens with room for `capacity`.
    pub fn fork(&self, from: &Sequence, len: usize, capacity: usize) -> Result<Sequence> {
        let len = len.min(from.len());
        let mut copy = self.sequence(capacity.max(len))?;
        if len > 0 {
            for ((key, value), (from_key, from_value)) in copy.layers.iter().zip(&from.layers) {
                key.slice_set(&from_key.narrow(0, 0, len)?.contiguous()?, 0, 0)?;
                value.slice_set(&from_value.narrow(0, 0, len)?.contiguous()?, 0, 0)?;
            }
        }
        copy.tokens.extend_from_slice(&from.tokens[..len]);
        Ok(copy)
    }

    /// Reads `tokens` behind what the sequence holds and gives the logits after the last one.
    pub fn forward(&self, sequence: &mut Sequence, tokens: &[u32]) -> Result<Vec<f32>> {
        let x = self.hidden(sequence, tokens)?;
        let last = x.narrow(0, tokens.len() - 1, 1)?.contiguous()?;
        self.output
            .forward(&self.norm.forward(&last)?)?
            .flatten_all()?
            .to_vec1()
    }

    /// Reads `tokens` without asking what comes next: a part of a long prompt.
    pub fn read(&self, sequence: &mut Sequence, tokens: &[u32]) -> Result<()> {
        self.hidden(sequence, tokens).map(|_| ())
    }

    fn hidden(&self, sequence: &mut Sequence, tokens: &[u32]) -> Result<Tensor> {
        let (start, count) = (sequence.len(), tokens.len());
        if count == 0 || start + count > sequence.capacity {
            candle_core::bail!(
                "{count} tokens after {start} do not fit into {}",
                sequence.capacity
            );
        }
        let cos = self.cos.narrow(0, start, count)?;
        let sin = self.sin.narrow(0, start, count)?;
        let mut x = self
            .embedding
            .embedding(&Tensor::new(tokens, &Device::Cpu)?)?;
        for (layer, cache) in self.layers.iter().zip(&sequence.layers) {
            let normed = layer.attention_norm.forward(&x)?;
            let attended = self.attend(layer, &normed, cache, start, (&cos, &sin))?;
            x = (x + layer.attention_output.forward(&attended)?)?;
            let normed = layer.feed_forward_norm.forward(&x)?;
            let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
            x = (x + layer.down.forward(&gated)?)?;
        }
        sequence.tokens.extend_from_slice(tokens);
        Ok(x)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a head has at most a few hundred dimensions"
    )]
    fn attend(
        &self,
        layer: &Layer,
        x: &Tensor,
        (keys, values): &(Tensor, Tensor),
        start: usize,
        rotation: (&Tensor, &Tensor),
    ) -> Result<Tensor> {
        let Shape {
            heads,
            kv_heads,
            head_dim,
            ..
        } = self.shape;
        let count = x.dim(0)?;
        let query = layer
            .query
            .forward(x)?
            .reshape((1, count, heads, head_dim))?;
        let key = layer
            .key
            .forward(x)?
            .reshape((1, count, kv_heads, head_dim))?;
        let value = layer
            .value
            .forward(x)?
            .reshape((count, kv_heads, head_dim))?;
        let query = self.rotate(&query, rotation)?;
        let key = self.rotate(&key, rotation)?.squeeze(0)?;
        keys.slice_set(&key.contiguous()?, 0, start)?;
        values.slice_set(&value.contiguous()?, 0, start)?;
        let end = start + count;
        let attended = flash_attn::<f32>(
            &query,
            &keys.narrow(0, 0, end)?.unsqueeze(0)?,
            &values.narrow(0, 0, end)?.unsqueeze(0)?,
            1.0 / (head_dim as f32).sqrt(),
            AttnMask::causal_with_offset(start),
            None,
            None,
        )?;
        attended.transpose(1, 2)?.reshape((count, heads * head_dim))
    }

    /// `x` is (1, tokens, heads, dimensions).
    fn rotate(&self, x: &Tensor, (cos, sin): (&Tensor, &Tensor)) -> Result<Tensor> {
        match self.shape.architecture {
            Architecture::Qwen2 => rope_thd(&x.contiguous()?, cos, sin),
            Architecture::Llama => rope_i(&x.transpose(1, 2)?.contiguous()?, cos, sin)?
                .transpose(1, 2)?
                .contiguous(),
        }
    }
}

impl Layer {
    fn load(
        file: &mut ModelFile,
        shape: &Shape,
        index: usize,
    ) -> std::result::Result<Self, LoadError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let mut linear = |part: &str| -> std::result::Result<Linear, LoadError> {
            let weight = QMatMul::from_qtensor(file.tensor(&name(&format!("{part}.weight")))?)?;
            let bias = name(&format!("{part}.bias"));
            let bias = if file.has(&bias) {
                Some(file.tensor(&bias)?.dequantize(&Device::Cpu)?)
            } else {
                None
            };
            Ok(Linear { weight, bias })
        };
        let (query, key, value) = (linear("attn_q")?, linear("attn_k")?, linear("attn_v")?);
        let mut weight = |part: &str| -> std::result::Result<QMatMul, LoadError> {
            Ok(QMatMul::from_qtensor(
                file.tensor(&name(&format!("{part}.weight")))?,
            )?)
        };
        let attention_output = weight("attn_output")?;
        let (gate, up, down) = (weight("ffn_gate")?, weight("ffn_up")?, weight("ffn_down")?);
        let mut norm = |part: &str| -> std::result::Result<RmsNorm, LoadError> {
            Ok(RmsNorm::from_qtensor(
                file.tensor(&name(&format!("{part}.weight")))?,
                shape.norm_epsilon,
            )?)
        };
        Ok(Self {
            attention_norm: norm("attn_norm")?,
            query,
            key,
            value,
            attention_output,
            feed_forward_norm: norm("ffn_norm")?,
            gate,
            up,
            down,
        })
    }
}

/// Cosines and sines of every position, (positions, half a head).
#[expect(
    clippy::cast_precision_loss,
    reason = "positions and dimensions are small"
)]
fn rotations(
    file: &mut ModelFile,
    shape: &Shape,
    context: usize,
) -> std::result::Result<(Tensor, Tensor), LoadError> {
    let half = shape.head_dim / 2;
    // Llama 3 files stretch long wave lengths by a factor for each pair.
    let factors: Vec<f32> = if file.has("rope_freqs.weight") {
        file.tensor("rope_freqs.weight")?
            .dequantize(&Device::Cpu)?
            .flatten_all()?
            .to_vec1()?
    } else {
        vec![1.0; half]
    };
    if factors.len() != half {
        return Err(LoadError::Unsupported(
            "its rotation factors do not fit its heads".into(),
        ));
    }
    let frequencies: Vec<f32> = factors
        .iter()
        .enumerate()
        .map(|(pair, factor)| {
            1.0 / (shape
                .rope_base
                .powf(2.0 * pair as f32 / shape.head_dim as f32)
                * factor)
        })
        .collect();
    let frequencies = Tensor::new(frequencies.as_slice(), &Device::Cpu)?.reshape((1, half))?;
    let positions: Vec<f32> = (0..context).map(|position| position as f32).collect();
    let positions = Tensor::new(positions.as_slice(), &Device::Cpu)?.reshape((context, 1))?;
    let angles = positions.matmul(&frequencies)?;
    Ok((angles.cos()?, angles.sin()?))
}
