//! Arithmetic against exact fractions, and that nothing anybody types makes an expression panic.

use proptest::prelude::*;

use super::*;

/// An exact fraction with a positive denominator; small enough to be exact in `i128`.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    above: i128,
    below: i128,
}

/// A tree of numbers as somebody would type it, with its exact value.
#[derive(Clone, Debug)]
struct Sum {
    text: String,
    value: Fraction,
}

impl Fraction {
    fn reduced(above: i128, below: i128) -> Self {
        let (mut a, mut b) = (above.unsigned_abs(), below.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = i128::try_from(a.max(1)).unwrap_or(1);
        Self {
            above: above / divisor,
            below: below / divisor,
        }
    }
}

fn number() -> impl Strategy<Value = Sum> {
    (-9999_i64..=9999, 0_u32..4).prop_map(|(digits, scale)| {
        let decimal = rust_decimal::Decimal::new(digits, scale);
        Sum {
            text: format!("({decimal})"),
            value: Fraction::reduced(digits.into(), 10_i128.pow(scale)),
        }
    })
}

fn sums() -> impl Strategy<Value = Sum> {
    number().prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), 0_u8..3, inner).prop_map(|(left, operator, right)| {
            let (a, b) = (left.value, right.value);
            let (sign, value) = match operator {
                0 => (
                    "+",
                    Fraction::reduced(a.above * b.below + b.above * a.below, a.below * b.below),
                ),
                1 => (
                    "-",
                    Fraction::reduced(a.above * b.below - b.above * a.below, a.below * b.below),
                ),
                _ => ("*", Fraction::reduced(a.above * b.above, a.below * b.below)),
            };
            Sum {
                text: format!("({} {sign} {})", left.text, right.text),
                value,
            }
        })
    })
}

fn decimal_of(value: &Value) -> rust_decimal::Decimal {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Decimal(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}

fn evaluated(template: String) -> Result<Value, ExpressionError> {
    Template(template).evaluate(&Record::new(), "en")
}

/// Whether a decimal is exactly a fraction.
fn is_exactly(decimal: rust_decimal::Decimal, fraction: Fraction) -> bool {
    let scale = 10_i128.pow(decimal.scale().min(28));
    let reduced = Fraction::reduced(decimal.mantissa(), scale);
    reduced.above == fraction.above && reduced.below == fraction.below
}

proptest! {
    #[test]
    fn sums_are_exact_or_refused(sum in sums()) {
        match evaluated(format!("{{{{ {} }}}}", sum.text)) {
            Ok(value) => prop_assert!(
                is_exactly(decimal_of(&value), sum.value),
                "{} gave {:?}, exactly {:?}", sum.text, value, sum.value
            ),
            Err(error) => prop_assert!(error.to_string().contains("digits"), "{error}"),
        }
    }

    #[test]
    fn comparison_is_that_of_fractions(a in number(), b in number()) {
        let exact = (a.value.above * b.value.below).cmp(&(b.value.above * a.value.below));
        for (sign, expected) in [
            ("<", exact.is_lt()), ("<=", exact.is_le()), ("==", exact.is_eq()),
            ("!=", exact.is_ne()), (">=", exact.is_ge()), (">", exact.is_gt()),
        ] {
            let found = evaluated(format!("{{{{ {} {sign} {} }}}}", a.text, b.text));
            prop_assert_eq!(found, Ok(Value::YesNo(expected)));
        }
    }

    #[test]
    fn division_and_rest_give_the_dividend_back(a in number(), b in number()) {
        prop_assume!(b.value.above != 0);
        let back = evaluated(format!("{{{{ ({a} // {b}) * {b} + {a} % {b} == {a} }}}}", a = a.text, b = b.text));
        prop_assert_eq!(back, Ok(Value::YesNo(true)));
    }

    #[test]
    fn rounding_is_half_away_from_zero(digits in -99_999_i64..=99_999) {
        let number = rust_decimal::Decimal::new(digits, 3);
        let found = decimal_of(&evaluated(format!("{{{{ ({number})|round(2) }}}}")).unwrap());
        let expected = (digits.abs() + 5) / 10 * digits.signum();
        prop_assert_eq!(found, rust_decimal::Decimal::new(expected, 2));
    }

    #[test]
    fn a_sum_is_its_parts_in_any_order(mut parts in proptest::collection::vec(-99_999_i64..99_999, 1..8)) {
        let list = |parts: &[i64]| {
            let items: Vec<String> = parts.iter().map(|cents| rust_decimal::Decimal::new(*cents, 2).to_string()).collect();
            decimal_of(&evaluated(format!("{{{{ [{}]|sum }}}}", items.join(", "))).unwrap())
        };
        let total = list(&parts);
        prop_assert_eq!(total, rust_decimal::Decimal::new(parts.iter().sum(), 2));
        parts.reverse();
        prop_assert_eq!(list(&parts), total);
    }

    #[test]
    fn nothing_typed_makes_it_panic(text in "\\PC{0,80}") {
        let template = Template(text);
        let _ = template.evaluate(&Record::new(), "en");
        let _ = template.references();
        let _ = infer(&template, &Kind::Any, false);
    }

    #[test]
    fn nothing_that_looks_like_an_expression_makes_it_panic(
        parts in proptest::collection::vec(prop_oneof![
            Just("{{"), Just("}}"), Just("{%"), Just("%}"), Just("for"), Just("in"), Just("if"), Just("endif"),
            Just("endfor"), Just("set"), Just("="), Just("a"), Just("."), Just("|"), Just("sum"), Just("("), Just(")"),
            Just("["), Just("]"), Just("1.5"), Just("99999999999999999999"), Just("-"), Just("*"), Just("**"), Just("/"),
            Just("'ü'"), Just(","), Just("range"), Just("is"), Just("not"), Just("empty"), Just(":"), Just("{"), Just("}"),
        ], 0..24)
    ) {
        let template = Template(parts.join(" "));
        let mut values = Record::new();
        values.insert("a".into(), Value::List(vec![Value::Integer(1), Value::Empty, Value::Text("x".into())]));
        let _ = template.evaluate(&values, "de");
        let _ = infer(&template, &Kind::Record { fields: Vec::new() }, true);
    }
}
