//! How large the numbers of an invoice may be. Within these limits no sum of it leaves the 28 digits of a decimal.

use rust_decimal::Decimal;
use serde_json::json;

use super::{Adjustment, Invoice, MAX_LINES, MAX_PROBLEMS, PRICE_DECIMALS, VatTerms, Worth};
use crate::{
    check::Problem,
    value::{currency_decimals, is_currency},
};

/// Most allowances and charges of a line, and of the invoice.
const MAX_OF_LINE: usize = 50;
const MAX_OF_INVOICE: usize = 100;
/// Largest quantity.
const MOST_QUANTITY: i64 = 1_000_000_000;
const MOST_PRICE: i64 = 1_000_000_000_000;
const MOST_PRICE_BASE: i64 = 1_000_000;
/// Largest amount that is typed or computed for a line, an allowance or a charge.
pub(super) const MOST_AMOUNT: i64 = 1_000_000_000_000_000;

/// Every number that is too large, too fine or not allowed to be what it is.
pub(super) fn check(invoice: &Invoice) -> Vec<Problem> {
    let mut limits = Limits {
        decimals: currency_decimals(&invoice.currency),
        problems: Vec::new(),
    };
    limits.currency("/currency", &invoice.currency);
    if let Some(tax) = &invoice.tax_currency {
        limits.currency("/tax_currency/currency", &tax.currency);
        limits.number(
            "/tax_currency/exchange_rate",
            tax.exchange_rate,
            1_000_000,
            8,
        );
        limits.above_zero("/tax_currency/exchange_rate", tax.exchange_rate);
    }
    limits.count("/lines", invoice.lines.len(), MAX_LINES);
    for (index, line) in invoice.lines.iter().take(MAX_LINES).enumerate() {
        let at = format!("/lines/{index}");
        limits.number(&format!("{at}/quantity"), line.quantity, MOST_QUANTITY, 6);
        limits.number(
            &format!("{at}/unit_price"),
            line.unit_price,
            MOST_PRICE,
            PRICE_DECIMALS.into(),
        );
        let base = format!("{at}/price_base");
        limits.number(&base, line.price_base, MOST_PRICE_BASE, 3);
        limits.above_zero(&base, line.price_base);
        limits.vat(&at, &line.vat);
        for (name, list) in [("allowances", &line.allowances), ("charges", &line.charges)] {
            limits.adjustments(&format!("{at}/{name}"), list, MAX_OF_LINE);
        }
    }
    for (name, list) in [
        ("allowances", &invoice.allowances),
        ("charges", &invoice.charges),
    ] {
        limits.adjustments(&format!("/{name}"), list, MAX_OF_INVOICE);
        for (index, adjustment) in list.iter().enumerate().take(MAX_OF_INVOICE) {
            match &adjustment.vat {
                Some(vat) => limits.vat(&format!("/{name}/{index}"), vat),
                None if invoice.lines.is_empty() => limits.add(
                    &format!("/{name}/{index}"),
                    Problem::error(
                        "invoice_adjustment_alone",
                        json!({}),
                        "There are no lines whose VAT rate this could have. Say its VAT rate.",
                    ),
                ),
                None => {}
            }
        }
    }
    limits.amount("/prepaid", invoice.prepaid);
    limits.amount("/rounding", invoice.rounding);
    limits.problems
}

struct Limits {
    /// Of the invoice's currency.
    decimals: u32,
    problems: Vec<Problem>,
}

impl Limits {
    fn add(&mut self, at: &str, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem.at(at));
        }
    }

    fn count(&mut self, at: &str, count: usize, most: usize) {
        if count > most {
            let message = format!("There are {count} entries here; at most {most} fit.");
            let params = json!({"count": count, "most": most});
            self.add(at, Problem::error("invoice_too_many", params, message));
        }
    }

    fn currency(&mut self, at: &str, code: &str) {
        if !is_currency(code) {
            let message = "This is not a currency code such as EUR.";
            self.add(at, Problem::error("currency_unknown", json!({}), message));
        }
    }

    fn amount(&mut self, at: &str, amount: Decimal) {
        self.number(at, amount, MOST_AMOUNT, self.decimals);
    }

    fn number(&mut self, at: &str, number: Decimal, most: i64, decimals: u32) {
        if number.abs() > most.into() {
            let message = format!("This number is too large: at most {most} fits.");
            let problem = Problem::error("invoice_number_large", json!({"most": most}), message);
            self.add(at, problem);
        }
        if number.normalize().scale() > decimals {
            let message = format!("At most {decimals} decimals fit here. Round the number first.");
            let params = json!({"most": decimals});
            self.add(at, Problem::error("invoice_decimals", params, message));
        }
    }

    fn above_zero(&mut self, at: &str, number: Decimal) {
        if number <= Decimal::ZERO {
            let message = "This number must be above zero.";
            self.add(at, Problem::error("invoice_above_zero", json!({}), message));
        }
    }

    fn vat(&mut self, at: &str, vat: &VatTerms) {
        let at = format!("{at}/vat_rate");
        self.number(&at, vat.rate, 100, 4);
        self.not_below_zero(&at, vat.rate);
    }

    fn adjustments(&mut self, at: &str, list: &[Adjustment], most: usize) {
        self.count(at, list.len(), most);
        for (index, adjustment) in list.iter().take(most).enumerate() {
            match adjustment.worth {
                Worth::Amount(amount) => {
                    let at = format!("{at}/{index}/amount");
                    self.amount(&at, amount);
                    self.not_below_zero(&at, amount);
                }
                Worth::Percent { percent, base } => {
                    let of = format!("{at}/{index}/percent");
                    self.number(&of, percent, 1000, 4);
                    self.not_below_zero(&of, percent);
                    if let Some(base) = base {
                        self.amount(&format!("{at}/{index}/base"), base);
                    }
                }
            }
        }
    }

    fn not_below_zero(&mut self, at: &str, number: Decimal) {
        if number < Decimal::ZERO {
            let message = "This number cannot be below zero.";
            self.add(at, Problem::error("invoice_below_zero", json!({}), message));
        }
    }
}
