//! The axis of a chart: steps that are round numbers, reckoned in decimals. Only a place on the paper is a float.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

/// Most steps between the lowest and the highest value.
const STEPS: i64 = 5;

#[derive(Debug)]
pub(super) struct Axis {
    lower: Decimal,
    upper: Decimal,
    step: Decimal,
}

impl Axis {
    /// From the last round number below `lowest` to the first one above `highest`; a single value gets an axis from zero.
    pub(super) fn over(lowest: Decimal, highest: Decimal) -> Self {
        let (lowest, highest) = if lowest < highest {
            (lowest, highest)
        } else if lowest.is_zero() {
            (Decimal::ZERO, Decimal::ONE)
        } else {
            (lowest.min(Decimal::ZERO), highest.max(Decimal::ZERO))
        };
        let step = round_step(highest - lowest);
        Self {
            lower: (lowest / step).floor() * step,
            upper: (highest / step).ceil() * step,
            step,
        }
    }

    pub(super) fn ticks(&self) -> Vec<Decimal> {
        std::iter::successors(Some(self.lower), |tick| Some(*tick + self.step))
            .take_while(|tick| *tick <= self.upper)
            .collect()
    }

    /// Decimals that tell one tick from the next.
    pub(super) fn decimals(&self) -> u32 {
        self.step.normalize().scale()
    }

    /// Zero, or what is closest to it: where bars begin.
    pub(super) fn base(&self) -> Decimal {
        Decimal::ZERO.clamp(self.lower, self.upper)
    }

    /// How much of the axis lies below a value, from 0 to 1.
    pub(super) fn share(&self, value: Decimal) -> f32 {
        ((value - self.lower) / (self.upper - self.lower))
            .to_f32()
            .unwrap_or(0.0)
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that makes `STEPS` of the span.
fn round_step(span: Decimal) -> Decimal {
    (-9_i32..=16)
        .flat_map(|exponent| [1, 2, 5].map(|digit| scaled(digit, exponent)))
        .find(|step| *step * Decimal::from(STEPS) >= span)
        .unwrap_or(span)
}

fn scaled(digit: i64, exponent: i32) -> Decimal {
    let power = exponent.unsigned_abs();
    if exponent < 0 {
        Decimal::new(digit, power)
    } else {
        Decimal::from(digit * 10_i64.pow(power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lowest: &str, highest: &str, expected: &[&str]) {
        let decimal = |text: &str| -> Decimal { text.parse().expect("a decimal") };
        let axis = Axis::over(decimal(lowest), decimal(highest));
        let ticks: Vec<Decimal> = expected.iter().map(|text| decimal(text)).collect();
        assert_eq!(axis.ticks(), ticks);
    }

    #[test]
    fn ticks_are_round_numbers_around_the_values() {
        check("0", "100", &["0", "20", "40", "60", "80", "100"]);
        check("0", "1377.50", &["0", "500", "1000", "1500"]);
        check("-3", "4.2", &["-4", "-2", "0", "2", "4", "6"]);
        check("1.083", "1.117", &["1.08", "1.09", "1.10", "1.11", "1.12"]);
        check("0", "0", &["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        check("-7", "-7", &["-8", "-6", "-4", "-2", "0"]);
        check(
            "0",
            "8000000000000000",
            &[
                "0",
                "2000000000000000",
                "4000000000000000",
                "6000000000000000",
                "8000000000000000",
            ],
        );
    }

    #[test]
    fn a_place_on_the_axis_is_a_share_of_it() {
        let axis = Axis::over(Decimal::from(-10), Decimal::from(10));
        assert_eq!(axis.ticks().len(), 5);
        for (value, share) in [(-10, 0.0), (0, 0.5), (5, 0.75), (10, 1.0)] {
            assert!((axis.share(Decimal::from(value)) - share).abs() < 1e-6);
        }
        assert_eq!(Axis::over(Decimal::ONE, Decimal::TEN).base(), Decimal::ZERO);
        assert_eq!(axis.decimals(), 0);
    }
}
