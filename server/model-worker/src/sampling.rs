//! Chooses the next token from logits. The same seed and the same logits give the same choice.

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Tokens less likely than this share of the mass are never drawn.
const TOP_P: f32 = 0.95;
/// How much a token that came lately is held back, and how far back "lately" reaches.
const REPEAT_PENALTY: f32 = 1.1;
const REPEAT_WINDOW: usize = 64;

/// The choice of one answer's tokens.
pub struct Sampler {
    temperature: f32,
    random: StdRng,
}

impl Sampler {
    /// `temperature` 0 always takes the likeliest.
    pub fn new(temperature: f32, seed: u64) -> Self {
        Self {
            temperature: if temperature.is_finite() {
                temperature.clamp(0.0, 5.0)
            } else {
                0.0
            },
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The chosen token; `None` when no logit is above minus infinity.
    pub fn choose(&mut self, logits: &[f32]) -> Option<u32> {
        let best = (0_u32..)
            .zip(logits)
            .filter(|(_, logit)| logit.is_finite())
            .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        if self.temperature < 1e-4 {
            return Some(best.0);
        }
        let top = *best.1;
        let mut weights: Vec<(u32, f32)> = (0_u32..)
            .zip(logits)
            .map(|(token, logit)| (token, ((logit - top) / self.temperature).exp()))
            .filter(|(_, weight)| *weight > 1e-7)
            .collect();
        weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let total: f32 = weights.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.0;
        let mut count = 0;
        for (_, weight) in &weights {
            kept += weight;
            count += 1;
            if kept >= total * TOP_P {
                break;
            }
        }
        let mut point = self.random.random::<f32>() * kept;
        for (token, weight) in &weights[..count] {
            point -= weight;
            if point <= 0.0 {
                return Some(*token);
            }
        }
        Some(best.0)
    }
}

/// Holds back tokens that came lately, so that a small model does not write one sentence for ever. `exempt` tokens are left alone.
pub fn hold_back_repeats(logits: &mut [f32], written: &[u32], exempt: impl Fn(u32) -> bool) {
    let mut seen: Vec<u32> = written[written.len().saturating_sub(REPEAT_WINDOW)..].to_vec();
    seen.sort_unstable();
    seen.dedup();
    for token in seen {
        if exempt(token) {
            continue;
        }
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 {
                *logit / REPEAT_PENALTY
            } else {
                *logit * REPEAT_PENALTY
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f32 = f32::NEG_INFINITY;

    #[test]
    fn greedy_takes_the_likeliest_that_is_allowed() {
        let check = |logits: &[f32], expected| {
            assert_eq!(Sampler::new(0.0, 1).choose(logits), expected);
        };
        check(&[0.1, 3.0, 2.0], Some(1));
        check(&[NONE, NONE, -5.0], Some(2));
        check(&[NONE, f32::NAN], None);
        check(&[], None);
    }

    #[test]
    fn a_seed_decides_and_masked_tokens_never_come() {
        let logits = [1.0, NONE, 1.2, 0.9, NONE];
        let draw = |seed| -> Vec<_> {
            let mut sampler = Sampler::new(1.5, seed);
            (0..50).map(|_| sampler.choose(&logits)).collect()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|token| matches!(token, Some(0 | 2 | 3))));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the same operations give the same bits")]
    fn repeats_are_held_back() {
        let mut logits = [2.0, 2.0, -2.0, 2.0];
        hold_back_repeats(&mut logits, &[0, 2, 3, 3], |token| token == 3);
        assert_eq!(logits, [2.0 / 1.1, 2.0, -2.2, 2.0]);
    }
}
