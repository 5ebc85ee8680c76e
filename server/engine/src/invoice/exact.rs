//! The one division of an invoice: exact until it is rounded, and rounded once.

use rust_decimal::Decimal;

/// The product of `above` divided by that of `below`, with exactly `decimals`, half away from zero. `None` when there is nothing to divide
/// by, or when the way there takes more than 38 digits.
pub(crate) fn quotient(above: &[Decimal], below: &[Decimal], decimals: u32) -> Option<Decimal> {
    let (above, below) = (Product::of(above)?, Product::of(below)?);
    let up = decimals + below.scale;
    let power = |more: u32, less: u32| 10_u128.checked_pow(more.saturating_sub(less));
    let numerator = above.digits.checked_mul(power(up, above.scale)?)?;
    let denominator = below.digits.checked_mul(power(above.scale, up)?)?;
    let whole = numerator.checked_div(denominator)?;
    let rest = numerator % denominator;
    let rounded = if rest >= denominator - rest {
        whole + 1
    } else {
        whole
    };
    let rounded = i128::try_from(rounded).ok()?;
    let signed = if above.is_negative == below.is_negative {
        rounded
    } else {
        -rounded
    };
    Decimal::try_from_i128_with_scale(signed, decimals).ok()
}

/// The tax on a net amount at a rate in percent (EN 16931, BR-CO-17).
pub(crate) fn tax_on(net: Decimal, rate: Decimal, decimals: u32) -> Option<Decimal> {
    quotient(&[net, rate], &[Decimal::ONE_HUNDRED], decimals)
}

/// `digits` × 10^-`scale`.
struct Product {
    digits: u128,
    scale: u32,
    is_negative: bool,
}

impl Product {
    fn of(factors: &[Decimal]) -> Option<Self> {
        let mut product = Self {
            digits: 1,
            scale: 0,
            is_negative: false,
        };
        for factor in factors {
            let factor = factor.normalize();
            product.digits = product
                .digits
                .checked_mul(factor.mantissa().unsigned_abs())?;
            product.scale += factor.scale();
            product.is_negative ^= factor.is_sign_negative();
        }
        Some(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(above: &[&str], below: &[&str], decimals: u32, expected: Option<&str>) {
        let read = |texts: &[&str]| -> Vec<Decimal> {
            texts
                .iter()
                .map(|text| text.parse().expect("a number"))
                .collect()
        };
        let found = quotient(&read(above), &read(below), decimals);
        assert_eq!(
            found.map(|found| found.to_string()).as_deref(),
            expected,
            "{above:?} / {below:?}"
        );
    }

    #[test]
    fn quotients_are_rounded_once() {
        check(&["2.5", "3"], &["1"], 2, Some("7.50"));
        check(&["1"], &["3"], 4, Some("0.3333"));
        check(&["2"], &["3"], 0, Some("1"));
        check(&["0.125"], &["1"], 2, Some("0.13"));
        check(&["-0.125"], &["1"], 2, Some("-0.13"));
        check(&["-1"], &["-8"], 2, Some("0.13"));
        // 1.4949… must not become 1.5 on the way to 2.
        check(&["1.495"], &["1.0001"], 0, Some("1"));
        check(&["0"], &["-7"], 2, Some("0.00"));
        check(&["119"], &["1.19"], 2, Some("100.00"));
    }

    #[test]
    fn what_cannot_be_divided_gives_nothing() {
        check(&["1"], &["0"], 2, None);
        check(&["79228162514264337593543950335"; 2], &["1"], 0, None);
        check(&["79228162514264337593543950335"], &["1"], 2, None);
        check(&["1"], &["79228162514264337593543950335"; 2], 2, None);
    }
}
