//! For any invoice within the limits: sums are their parts, order changes nothing, and nothing panics.

use proptest::{collection::vec, option, prelude::*};
use rust_decimal::Decimal;

use super::*;
use crate::value::{Record, Value, currency_decimals};

fn number(digits: std::ops::RangeInclusive<i64>, decimals: u32) -> impl Strategy<Value = Decimal> {
    (digits, 0..=decimals).prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn vat() -> impl Strategy<Value = VatTerms> {
    let rate = proptest::sample::select(vec!["19", "7", "5.5", "8.1", "0"]);
    (rate, 0..VatCategory::ALL.len()).prop_map(|(rate, at)| {
        let rate: Decimal = rate.parse().expect("a rate");
        let category = rate.is_zero().then(|| VatCategory::ALL[at]);
        VatTerms {
            category,
            rate,
            ..VatTerms::default()
        }
    })
}

/// An allowance or a charge, in whole units, so that it fits every currency.
fn adjustment() -> impl Strategy<Value = Adjustment> {
    let worth = prop_oneof![
        (0_i64..=5_000).prop_map(|amount| Worth::Amount(amount.into())),
        (number(0..=400_000, 4), option::of(0_i64..=5_000)).prop_map(|(percent, base)| {
            Worth::Percent {
                percent: percent.min(Decimal::ONE_HUNDRED),
                base: base.map(Decimal::from),
            }
        }),
    ];
    (worth, option::of(vat())).prop_map(|(worth, vat)| Adjustment {
        worth,
        reason: String::new(),
        reason_code: String::new(),
        vat,
    })
}

fn line() -> impl Strategy<Value = Line> {
    let base = proptest::sample::select(vec![1_i64, 3, 10, 100]);
    (
        number(-100_000..=1_000_000, 6),
        number(0..=100_000, 4),
        base,
        vec(adjustment(), 0..3),
        vec(adjustment(), 0..3),
        vat(),
    )
        .prop_map(
            |(quantity, unit_price, base, allowances, charges, vat)| Line {
                name: "A".into(),
                description: String::new(),
                quantity,
                unit: String::new(),
                unit_price,
                price_base: base.into(),
                allowances,
                charges,
                vat,
                period: Period::default(),
            },
        )
}

fn invoice() -> impl Strategy<Value = Invoice> {
    (
        proptest::sample::select(vec!["EUR", "JPY", "KWD"]),
        any::<(bool, bool)>(),
        vec(line(), 1..12),
        vec(adjustment(), 0..4),
        vec(adjustment(), 0..4),
        0_i64..10_000,
        -3_i64..=3,
    )
        .prop_map(
            |(currency, (is_gross, by_line), lines, allowances, charges, prepaid, rounding)| {
                Invoice {
                    currency: currency.into(),
                    prices: if is_gross { Prices::Gross } else { Prices::Net },
                    tax_rounding: if by_line {
                        Rounding::Line
                    } else {
                        Rounding::Rate
                    },
                    lines,
                    allowances,
                    charges,
                    prepaid: prepaid.into(),
                    rounding: rounding.into(),
                    ..Invoice::default()
                }
            },
        )
}

fn sum<T>(list: &[T], amount: impl Fn(&T) -> Decimal) -> Decimal {
    list.iter().map(amount).sum()
}

/// Any value an expression could give, at any place of an invoice.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        "\\PC{0,12}".prop_map(Value::Text),
        any::<i64>().prop_map(Value::Integer),
        (any::<i64>(), any::<u32>(), 0_u32..=28)
            .prop_map(|(low, high, scale)| (i128::from(low) * i128::from(high), scale))
            .prop_map(|(digits, scale)| {
                let digits = digits.clamp(-(1_i128 << 95), 1_i128 << 95);
                Value::Decimal(Decimal::from_i128_with_scale(digits, scale))
            }),
        any::<bool>().prop_map(Value::YesNo),
    ];
    let names = [
        "lines",
        "quantity",
        "unit_price",
        "price_base",
        "vat_rate",
        "vat_category",
        "allowances",
        "charges",
        "amount",
        "percent",
        "base",
        "seller",
        "buyer",
        "street",
        "vat_id",
        "prepaid",
        "rounding",
        "currency",
        "tax_currency",
        "exchange_rate",
        "prices",
        "type",
        "notes",
        "preceding",
        "electronic_address",
    ];
    let name = proptest::sample::select(names.map(str::to_owned).to_vec());
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec((name.clone(), inner), 0..8)
                .prop_map(|members| Value::Record(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn sums_are_their_parts(invoice in invoice()) {
        let decimals = currency_decimals(&invoice.currency);
        let settled = settle(&invoice).expect("within the limits");
        let totals = &settled.totals;
        for line in &settled.lines {
            let parts = sum(&line.charges, |part| part.net) - sum(&line.allowances, |part| part.net);
            let source = &invoice.lines[settled.lines.iter().position(|other| std::ptr::eq(other, line)).unwrap()];
            let of_price = exact::quotient(&[source.quantity, line.net_price], &[line.price_base], decimals).unwrap();
            // A net amount that came of one with tax is rounded up or down, as its rate's sum wants it.
            let units = match invoice.prices {
                Prices::Net => 0,
                Prices::Gross => line.charges.len() + line.allowances.len() + 3,
            };
            let most = Decimal::new(i64::try_from(units).unwrap(), decimals);
            prop_assert!((line.net - of_price - parts).abs() <= most, "{line:?}");
        }
        prop_assert_eq!(totals.lines, sum(&settled.lines, |line| line.net), "BR-CO-10");
        prop_assert_eq!(totals.allowances, sum(&settled.allowances, |part| part.net), "BR-CO-11");
        prop_assert_eq!(totals.charges, sum(&settled.charges, |part| part.net), "BR-CO-12");
        prop_assert_eq!(totals.net, totals.lines - totals.allowances + totals.charges, "BR-CO-13");
        prop_assert_eq!(totals.tax, sum(&settled.taxes, |tax| tax.tax), "BR-CO-14");
        prop_assert_eq!(totals.gross, totals.net + totals.tax, "BR-CO-15");
        prop_assert_eq!(totals.payable, totals.gross - totals.prepaid + totals.rounding, "BR-CO-16");
        prop_assert_eq!(totals.net, sum(&settled.taxes, |tax| tax.net));
        for tax in &settled.taxes {
            let of_rate = |vat: Vat| vat == tax.vat;
            let net: Decimal = settled.lines.iter().filter(|line| of_rate(line.vat)).map(|line| line.net).sum::<Decimal>()
                - settled.allowances.iter().filter(|part| of_rate(part.vat)).map(|part| part.net).sum::<Decimal>()
                + settled.charges.iter().filter(|part| of_rate(part.vat)).map(|part| part.net).sum::<Decimal>();
            prop_assert_eq!(tax.net, net);
            let whole = tax_on(tax.net, tax.vat.rate, decimals).unwrap();
            let parts = settled.lines.len() + settled.allowances.len() + settled.charges.len();
            let most = match invoice.tax_rounding {
                Rounding::Rate => Decimal::ZERO,
                Rounding::Line => Decimal::new(i64::try_from(parts + 1).unwrap(), decimals) / Decimal::TWO,
            };
            prop_assert!((tax.tax - whole).abs() <= most, "BR-CO-17");
            prop_assert_eq!(tax.reason.is_empty(), !tax.vat.category.needs_reason());
        }
        for amount in [totals.lines, totals.net, totals.tax, totals.gross, totals.rounding, totals.payable] {
            prop_assert_eq!(amount.scale(), decimals);
        }
    }

    #[test]
    fn what_was_promised_with_tax_is_what_is_paid(invoice in invoice()) {
        let invoice = Invoice { prices: Prices::Gross, ..invoice };
        let settled = settle(&invoice).expect("within the limits");
        let promised = sum(&settled.lines, |line| line.amount) - sum(&settled.allowances, |part| part.amount)
            + sum(&settled.charges, |part| part.amount);
        prop_assert_eq!(settled.totals.payable, promised - invoice.prepaid + invoice.rounding);
        let units = i64::try_from(settled.taxes.len()).unwrap();
        let difference = (settled.totals.rounding - invoice.rounding).abs();
        prop_assert!(difference <= Decimal::new(units, currency_decimals(&invoice.currency)), "{difference}");
    }

    #[test]
    fn an_amount_that_is_spread_is_still_that_amount(invoice in invoice(), amount in 0_i64..100_000) {
        let allowance = Adjustment {
            worth: Worth::Amount(amount.into()),
            reason: String::new(),
            reason_code: String::new(),
            vat: None,
        };
        let invoice = Invoice { prices: Prices::Net, allowances: vec![allowance], charges: Vec::new(), ..invoice };
        let settled = settle(&invoice).expect("within the limits");
        prop_assert_eq!(settled.totals.allowances, Decimal::from(amount));
        prop_assert!(settled.allowances.iter().all(|part| part.net >= Decimal::ZERO));
    }

    #[test]
    fn order_changes_nothing(invoice in invoice(), turn in 0_usize..12) {
        let mut turned = invoice.clone();
        let at = turn % turned.lines.len();
        turned.lines.rotate_left(at);
        turned.allowances.reverse();
        turned.charges.reverse();
        let (one, other) = (settle(&invoice).unwrap(), settle(&turned).unwrap());
        prop_assert_eq!(one.totals, other.totals);
        prop_assert_eq!(one.taxes, other.taxes);
    }

    #[test]
    fn nothing_makes_it_panic(value in anything()) {
        let record = match value {
            Value::Record(record) => record,
            other => Record::from_iter([("lines".to_owned(), other)]),
        };
        if let Ok(invoice) = read(&record, Defaults { currency: "EUR", locale: "en" })
            && let Ok(settled) = settle(&invoice)
        {
            let problems = check(&invoice, &settled);
            let _ = to_value(&invoice, &settled, &[], &problems);
        }
    }

    #[test]
    fn no_number_makes_it_panic(mut invoice in invoice(), digits in any::<i64>(), scale in 0_u32..=28, place in 0..6) {
        let number = Decimal::new(digits, scale);
        match place {
            0 => invoice.lines[0].quantity = number,
            1 => invoice.lines[0].unit_price = number,
            2 => invoice.lines[0].price_base = number,
            3 => invoice.lines[0].vat.rate = number,
            4 => invoice.prepaid = number,
            _ => invoice.allowances = vec![Adjustment {
                worth: Worth::Percent { percent: number, base: Some(number) },
                reason: String::new(),
                reason_code: String::new(),
                vat: None,
            }],
        }
        let _ = settle(&invoice);
    }
}
