//! A settled invoice as a value, which expressions, steps and documents read.

use rust_decimal::Decimal;

use super::{
    Invoice, Line, PRICE_DECIMALS, Settled, SettledAdjustment, SettledLine, Tax, Totals, unit,
};
use crate::{
    check::{Problem, Severity},
    kind::{Field, Kind},
    value::{Money, Record, Value},
};

/// `{lines: [{…, amount, net}], allowances, charges, taxes: [{category, rate, net, tax, reason, reason_code}], totals: {lines, allowances, charges,
/// net, tax, tax_in_tax_currency, gross, prepaid, rounding, payable}, problems: [{severity, code, message, pointer}]}`. The lines keep members of their own from `given`;
/// texts that do not apply are empty.
pub fn to_value(
    invoice: &Invoice,
    settled: &Settled,
    given: &[Value],
    problems: &[Problem],
) -> Value {
    let writer = Writer { invoice };
    let given = given.iter().map(Some).chain(std::iter::repeat(None));
    let lines = invoice.lines.iter().zip(&settled.lines).zip(given);
    let lines = (1..)
        .zip(lines)
        .map(|(number, ((line, settled), given))| writer.line(number, line, settled, given));
    record([
        ("lines", Value::List(lines.collect())),
        ("allowances", writer.adjustments(&settled.allowances)),
        ("charges", writer.adjustments(&settled.charges)),
        (
            "taxes",
            Value::List(settled.taxes.iter().map(|tax| writer.tax(tax)).collect()),
        ),
        ("totals", writer.totals(&settled.totals)),
        (
            "problems",
            Value::List(problems.iter().map(problem).collect()),
        ),
    ])
}

/// The kind of `to_value`, of lines that were of a kind.
pub fn kind(line: &Kind) -> Kind {
    let adjustments = || {
        Kind::list(Kind::record([
            ("reason", "Reason", Kind::text()),
            ("reason_code", "Reason code", Kind::text()),
            ("percent", "Percent", Kind::text()),
            ("amount", "Amount", Kind::money()),
            ("net", "Net", Kind::money()),
            ("vat_category", "VAT category", Kind::text()),
            ("vat_rate", "VAT rate", Kind::Decimal),
        ]))
    };
    let price = || Kind::Money {
        decimals: Some(PRICE_DECIMALS),
    };
    let computed = Kind::record([
        ("number", "Number", Kind::Integer),
        ("name", "Name", Kind::text()),
        ("description", "Description", Kind::text()),
        ("quantity", "Quantity", Kind::Decimal),
        ("unit", "Unit", Kind::text()),
        ("unit_code", "Unit code", Kind::text()),
        ("unit_price", "Price each", price()),
        ("price_base", "Price base", Kind::Decimal),
        ("net_price", "Net price", price()),
        ("net_price_base", "Net price base", Kind::Decimal),
        ("allowances", "Allowances", adjustments()),
        ("charges", "Charges", adjustments()),
        ("amount", "Amount", Kind::money()),
        ("net", "Net", Kind::money()),
        ("vat_category", "VAT category", Kind::text()),
        ("vat_rate", "VAT rate", Kind::Decimal),
    ]);
    Kind::record([
        ("lines", "Lines", Kind::list(joined(line, computed))),
        ("allowances", "Allowances", adjustments()),
        ("charges", "Charges", adjustments()),
        (
            "taxes",
            "VAT",
            Kind::list(Kind::record([
                ("category", "Category", Kind::text()),
                ("rate", "Rate", Kind::Decimal),
                ("net", "Net", Kind::money()),
                ("tax", "Tax", Kind::money()),
                ("reason", "Reason", Kind::text()),
                ("reason_code", "Reason code", Kind::text()),
            ])),
        ),
        (
            "totals",
            "Totals",
            Kind::record([
                ("lines", "Lines", Kind::money()),
                ("allowances", "Allowances", Kind::money()),
                ("charges", "Charges", Kind::money()),
                ("net", "Net", Kind::money()),
                ("tax", "Tax", Kind::money()),
                (
                    "tax_in_tax_currency",
                    "Tax in the tax currency",
                    Kind::money(),
                ),
                ("gross", "Gross", Kind::money()),
                ("prepaid", "Prepaid", Kind::money()),
                ("rounding", "Rounding", Kind::money()),
                ("payable", "To pay", Kind::money()),
            ]),
        ),
        (
            "problems",
            "Problems",
            Kind::list(Kind::record([
                ("severity", "Severity", Kind::text()),
                ("code", "Code", Kind::text()),
                ("message", "Message", Kind::text()),
                ("pointer", "Place", Kind::text()),
            ])),
        ),
    ])
}

/// What a line has of its own, and then what is computed.
fn joined(line: &Kind, computed: Kind) -> Kind {
    let (Kind::Record { fields: own }, Kind::Record { fields: new }) = (line, computed) else {
        return Kind::Any;
    };
    let is_own = |field: &&Field| new.iter().all(|known| known.name != field.name);
    let mut fields: Vec<Field> = own.iter().filter(is_own).cloned().collect();
    fields.extend(new);
    Kind::Record { fields }
}

struct Writer<'a> {
    invoice: &'a Invoice,
}

impl Writer<'_> {
    fn money(&self, amount: Decimal) -> Value {
        Value::Money(Money {
            amount,
            currency: self.invoice.currency.clone(),
        })
    }

    fn line(
        &self,
        number: i64,
        line: &Line,
        settled: &SettledLine,
        given: Option<&Value>,
    ) -> Value {
        let mut record = match given {
            Some(Value::Record(given)) => given.clone(),
            _ => Record::new(),
        };
        let code = unit::code(&line.unit).unwrap_or_default();
        let unit = if code.is_empty() {
            line.unit.as_str()
        } else {
            unit::name(code, &self.invoice.locale)
        };
        for (name, value) in [
            ("number", Value::Integer(number)),
            ("name", text(&line.name)),
            ("description", text(&line.description)),
            ("quantity", Value::Decimal(line.quantity)),
            ("unit", text(unit)),
            ("unit_code", text(code)),
            ("unit_price", self.money(line.unit_price)),
            ("price_base", Value::Decimal(line.price_base)),
            ("net_price", self.money(settled.net_price)),
            ("net_price_base", Value::Decimal(settled.price_base)),
            ("allowances", self.adjustments(&settled.allowances)),
            ("charges", self.adjustments(&settled.charges)),
            ("amount", self.money(settled.amount)),
            ("net", self.money(settled.net)),
            ("vat_category", text(settled.vat.category.code())),
            ("vat_rate", Value::Decimal(settled.vat.rate)),
        ] {
            record.insert(name.to_owned(), value);
        }
        Value::Record(record)
    }

    fn adjustments(&self, list: &[SettledAdjustment]) -> Value {
        let one = |one: &SettledAdjustment| {
            record([
                ("reason", text(&one.reason)),
                ("reason_code", text(&one.reason_code)),
                (
                    "percent",
                    text(
                        &one.percent
                            .map_or(String::new(), |percent| percent.normalize().to_string()),
                    ),
                ),
                ("amount", self.money(one.amount)),
                ("net", self.money(one.net)),
                ("vat_category", text(one.vat.category.code())),
                ("vat_rate", Value::Decimal(one.vat.rate)),
            ])
        };
        Value::List(list.iter().map(one).collect())
    }

    fn tax(&self, tax: &Tax) -> Value {
        record([
            ("category", text(tax.vat.category.code())),
            ("rate", Value::Decimal(tax.vat.rate)),
            ("net", self.money(tax.net)),
            ("tax", self.money(tax.tax)),
            ("reason", text(&tax.reason)),
            ("reason_code", text(&tax.reason_code)),
        ])
    }

    fn totals(&self, totals: &Totals) -> Value {
        // Without a tax currency of its own the invoice's is the one.
        let tax = totals.tax_in_tax_currency.unwrap_or(totals.tax);
        let tax_currency = &self.invoice.tax_currency;
        let currency = tax_currency
            .as_ref()
            .map_or(&self.invoice.currency, |other| &other.currency);
        let tax_in_tax_currency = Value::Money(Money {
            amount: tax,
            currency: currency.clone(),
        });
        record([
            ("lines", self.money(totals.lines)),
            ("allowances", self.money(totals.allowances)),
            ("charges", self.money(totals.charges)),
            ("net", self.money(totals.net)),
            ("tax", self.money(totals.tax)),
            ("tax_in_tax_currency", tax_in_tax_currency),
            ("gross", self.money(totals.gross)),
            ("prepaid", self.money(totals.prepaid)),
            ("rounding", self.money(totals.rounding)),
            ("payable", self.money(totals.payable)),
        ])
    }
}

fn problem(problem: &Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    record([
        ("severity", text(severity)),
        ("code", text(&problem.code)),
        ("message", text(&problem.message)),
        ("pointer", text(&problem.pointer)),
    ])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn record<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Record(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}
