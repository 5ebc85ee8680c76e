//! What an invoice has of one VAT category and rate, and the VAT on it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use rust_decimal::Decimal;

use super::{
    Rounding, Tax, Vat, VatCategory, VatTerms,
    exact::{quotient, tax_on},
};
use crate::firm::Prices;

/// The highest rate first, then in the order of the categories.
pub(super) type Groups = BTreeMap<(Reverse<Decimal>, VatCategory), Group>;

/// How amounts are meant and rounded.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) prices: Prices,
    pub(super) tax_rounding: Rounding,
    /// Of the currency.
    pub(super) decimals: u32,
}

/// An amount in the terms of the prices, and without tax.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) given: Decimal,
    pub(super) net: Decimal,
}

pub(super) struct Group {
    pub(super) vat: Vat,
    /// What there is of it so far: the lines, then less the allowances, then with the charges.
    pub(super) sum: Amount,
    /// Of each line, allowance and charge by itself.
    tax_of_parts: Decimal,
    reasons: BTreeSet<String>,
    reason_codes: BTreeSet<String>,
}

impl Rules {
    pub(super) fn rounded(self, amount: Decimal) -> Option<Decimal> {
        quotient(&[amount], &[Decimal::ONE], self.decimals)
    }

    pub(super) fn percent(self, percent: Decimal, amount: Decimal) -> Option<Decimal> {
        quotient(&[amount, percent], &[Decimal::ONE_HUNDRED], self.decimals)
    }

    pub(super) fn without_tax(self, given: Decimal, rate: Decimal) -> Option<Decimal> {
        match self.prices {
            Prices::Net => self.rounded(given),
            Prices::Gross => {
                let hundred = Decimal::ONE_HUNDRED;
                quotient(&[given, hundred], &[hundred + rate], self.decimals)
            }
        }
    }
}

pub(super) fn key(vat: Vat) -> (Reverse<Decimal>, VatCategory) {
    (Reverse(vat.rate), vat.category)
}

impl Group {
    /// The one of `vat`, which is there afterwards.
    pub(super) fn of(groups: &mut Groups, vat: Vat) -> &mut Self {
        groups.entry(key(vat)).or_insert_with(|| Self {
            vat,
            sum: Amount::default(),
            tax_of_parts: Decimal::ZERO,
            reasons: BTreeSet::new(),
            reason_codes: BTreeSet::new(),
        })
    }

    /// Counts an amount, and gives what the net sum grows by: where prices hold the tax, the parts so add up to the net amount of their sum,
    /// each of them rounded up or down.
    pub(super) fn take(&mut self, given: Decimal, rules: Rules) -> Option<Decimal> {
        let before = self.sum.net;
        self.sum.given += given;
        self.sum.net = rules.without_tax(self.sum.given, self.vat.rate)?;
        // Rounding what is round already takes the sign from a zero.
        let net = rules.rounded(self.sum.net - before)?;
        self.tax_of_parts += match rules.prices {
            Prices::Net => tax_on(net, self.vat.rate, rules.decimals)?,
            Prices::Gross => given - net,
        };
        Some(net)
    }

    /// Why there is no VAT, as somebody wrote it.
    pub(super) fn explain(&mut self, terms: &VatTerms) {
        for (text, all) in [
            (&terms.reason, &mut self.reasons),
            (&terms.reason_code, &mut self.reason_codes),
        ] {
            if !text.is_empty() {
                all.insert(text.clone());
            }
        }
    }

    /// The VAT, with the words that the law wants in the language.
    pub(super) fn tax(self, rules: Rules, locale: &str) -> Option<Tax> {
        let Vat { category, rate } = self.vat;
        let tax = match rules.tax_rounding {
            Rounding::Rate => tax_on(self.sum.net, rate, rules.decimals)?,
            Rounding::Line => rules.rounded(self.tax_of_parts)?,
        };
        let (mut reason, mut reason_code) = (String::new(), String::new());
        if category.needs_reason() {
            reason = self.reasons.into_iter().collect::<Vec<_>>().join("; ");
            if reason.is_empty() {
                category.reason(locale).clone_into(&mut reason);
            }
            let mut codes = self.reason_codes.into_iter();
            reason_code = match (codes.next(), codes.next()) {
                (Some(code), None) => code,
                (None, _) => category.reason_code().to_owned(),
                // One code for several grounds would be wrong for all but one.
                (Some(_), Some(_)) => String::new(),
            };
        }
        Some(Tax {
            vat: self.vat,
            net: self.sum.net,
            tax,
            reason,
            reason_code,
        })
    }
}
