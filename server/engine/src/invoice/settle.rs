//! The amounts of an invoice, by the rule that stands in `invoice.rs`.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use rust_decimal::Decimal;
use serde_json::json;

use super::{
    Adjustment, Invoice, Line, Rounding, VatCategory, VatTerms, Worth,
    exact::{quotient, tax_on},
    language::Language,
    limits,
};
use crate::{check::Problem, firm::Prices, value::currency_decimals};

/// Decimals of a net price that is derived from one with tax.
const PRICE_DECIMALS: u32 = 4;
/// Most VAT categories and rates of the lines.
const MAX_RATES: usize = 100;
/// A derived net price is for at most 10^6 times the price base.
const MAX_PRICE_SHIFT: u32 = 6;

/// Every amount of an invoice, with the currency's decimals.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    pub lines: Vec<SettledLine>,
    pub allowances: Vec<SettledAdjustment>,
    pub charges: Vec<SettledAdjustment>,
    /// One for each category and rate: the highest rate first, then in the order of `VatCategory`.
    pub taxes: Vec<Tax>,
    pub totals: Totals,
}

/// A VAT category with its rate in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vat {
    pub category: VatCategory,
    pub rate: Decimal,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SettledLine {
    /// Without tax (BT-146).
    pub net_price: Decimal,
    /// How many units that is for (BT-149).
    pub price_base: Decimal,
    pub allowances: Vec<SettledAdjustment>,
    pub charges: Vec<SettledAdjustment>,
    /// What the line comes to in the terms of its price: with tax if prices hold it.
    pub amount: Decimal,
    /// BT-131.
    pub net: Decimal,
    pub vat: Vat,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SettledAdjustment {
    /// In the terms of the prices: with tax if they hold it.
    pub amount: Decimal,
    /// BT-92, BT-99, BT-136 or BT-141.
    pub net: Decimal,
    pub percent: Option<Decimal>,
    /// Net amount that the percentage is of.
    pub base: Option<Decimal>,
    pub reason: String,
    pub reason_code: String,
    pub vat: Vat,
}

/// The VAT of one category and rate (BG-23).
#[derive(Clone, Debug, PartialEq)]
pub struct Tax {
    pub vat: Vat,
    /// BT-116.
    pub net: Decimal,
    /// BT-117.
    pub tax: Decimal,
    /// BT-120, empty where there is VAT.
    pub reason: String,
    /// BT-121.
    pub reason_code: String,
}

/// BG-22.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// BT-106.
    pub lines: Decimal,
    /// BT-107.
    pub allowances: Decimal,
    /// BT-108.
    pub charges: Decimal,
    /// BT-109.
    pub net: Decimal,
    /// BT-110.
    pub tax: Decimal,
    /// BT-111, in the tax currency.
    pub tax_in_tax_currency: Option<Decimal>,
    /// BT-112.
    pub gross: Decimal,
    /// BT-113.
    pub prepaid: Decimal,
    /// BT-114.
    pub rounding: Decimal,
    /// BT-115.
    pub payable: Decimal,
}

impl VatTerms {
    pub fn vat(&self) -> Vat {
        let assumed = if self.rate.is_zero() {
            VatCategory::ZeroRated
        } else {
            VatCategory::Standard
        };
        Vat {
            category: self.category.unwrap_or(assumed),
            rate: self.rate.normalize(),
        }
    }
}

/// Settles every amount. Problems have pointers into the invoice: what lies beyond its limits, and amounts that would.
pub fn settle(invoice: &Invoice) -> Result<Settled, Vec<Problem>> {
    let problems = limits::check(invoice);
    if !problems.is_empty() {
        return Err(problems);
    }
    let settler = Settler {
        invoice,
        decimals: currency_decimals(&invoice.currency),
    };
    settler.settle().map_err(|problem| vec![problem])
}

/// An amount in the terms of the prices, and without tax.
#[derive(Clone, Copy, Default)]
struct Amount {
    given: Decimal,
    net: Decimal,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.given += other.given;
        self.net += other.net;
    }

    fn subtract(&mut self, other: Self) {
        self.given -= other.given;
        self.net -= other.net;
    }
}

/// What there is of one category and rate, by which they are sorted.
type Groups = BTreeMap<(Reverse<Decimal>, VatCategory), Group>;

struct Group {
    vat: Vat,
    lines: Amount,
    net: Decimal,
    /// Of each part by itself.
    tax_of_parts: Decimal,
    reasons: BTreeSet<String>,
    reason_codes: BTreeSet<String>,
}

struct Settler<'a> {
    invoice: &'a Invoice,
    decimals: u32,
}

impl Settler<'_> {
    fn settle(&self) -> Result<Settled, Problem> {
        let mut groups = Groups::new();
        let mut lines = Vec::with_capacity(self.invoice.lines.len());
        let mut sum = Amount::default();
        for (index, line) in self.invoice.lines.iter().enumerate() {
            let at = format!("/lines/{index}");
            let settled = self.line(line).ok_or_else(|| too_large(&at))?;
            let amount = Amount {
                given: settled.amount,
                net: settled.net,
            };
            sum.add(amount);
            let group = group(&mut groups, settled.vat);
            group.lines.add(amount);
            group.explain(&line.vat);
            self.count(group, settled.net, &at)?;
            lines.push(settled);
        }
        if groups.len() > MAX_RATES {
            let message = format!("The lines have more than {MAX_RATES} VAT rates.");
            let params = json!({"count": groups.len(), "most": MAX_RATES});
            return Err(Problem::error("invoice_too_many", params, message).at("/lines"));
        }
        // Each is a share of the lines alone, so that their order changes nothing.
        let allowances = self.spread(&self.invoice.allowances, "/allowances", &groups)?;
        let charges = self.spread(&self.invoice.charges, "/charges", &groups)?;
        let mut totals = Totals {
            lines: sum.net,
            ..Totals::default()
        };
        for (at, allowance) in &allowances {
            sum.given -= allowance.amount;
            totals.allowances += allowance.net;
            self.count(group(&mut groups, allowance.vat), -allowance.net, at)?;
        }
        for (at, charge) in &charges {
            sum.given += charge.amount;
            totals.charges += charge.net;
            self.count(group(&mut groups, charge.vat), charge.net, at)?;
        }
        for adjustment in self.invoice.allowances.iter().chain(&self.invoice.charges) {
            if let Some(terms) = &adjustment.vat {
                group(&mut groups, terms.vat()).explain(terms);
            }
        }
        let taxes = groups
            .into_values()
            .map(|group| self.tax(group))
            .collect::<Result<Vec<Tax>, Problem>>()?;
        self.total(&mut totals, sum.given, &taxes)?;
        let parts = |list: Vec<(String, SettledAdjustment)>| {
            list.into_iter().map(|(_, settled)| settled).collect()
        };
        Ok(Settled {
            lines,
            allowances: parts(allowances),
            charges: parts(charges),
            taxes,
            totals,
        })
    }

    fn line(&self, line: &Line) -> Option<SettledLine> {
        let vat = line.vat.vat();
        let given = quotient(
            &[line.quantity, line.unit_price],
            &[line.price_base],
            self.decimals,
        )?;
        let (net_price, price_base, net) = self.net_price(line, vat.rate)?;
        let base = Amount { given, net };
        let mut amount = base;
        let mut settle = |list: &[Adjustment], apply: fn(&mut Amount, Amount)| {
            list.iter()
                .map(|adjustment| {
                    let settled = self.adjust(adjustment, base, vat)?;
                    apply(
                        &mut amount,
                        Amount {
                            given: settled.amount,
                            net: settled.net,
                        },
                    );
                    Some(settled)
                })
                .collect::<Option<Vec<SettledAdjustment>>>()
        };
        let mut allowances = settle(&line.allowances, Amount::subtract)?;
        let mut charges = settle(&line.charges, Amount::add)?;
        self.name(&mut allowances, DISCOUNT);
        self.name(&mut charges, SURCHARGE);
        Some(SettledLine {
            net_price,
            price_base,
            allowances,
            charges,
            amount: within(amount.given)?,
            net: within(amount.net)?,
            vat,
        })
    }

    /// Net price, what it is for, and quantity times that.
    fn net_price(&self, line: &Line, rate: Decimal) -> Option<(Decimal, Decimal, Decimal)> {
        let (quantity, price, base) = (line.quantity, line.unit_price, line.price_base);
        let net =
            |price: Decimal, base: Decimal| quotient(&[quantity, price], &[base], self.decimals);
        if self.invoice.prices == Prices::Net {
            return Some((price, base, net(price, base)?));
        }
        let hundred = Decimal::ONE_HUNDRED;
        let wanted = quotient(
            &[quantity, price, hundred],
            &[base, hundred + rate],
            self.decimals,
        )?;
        let mut times = Decimal::ONE;
        let mut derived = None;
        for _ in 0..=MAX_PRICE_SHIFT {
            let net_price = quotient(&[price, hundred, times], &[hundred + rate], PRICE_DECIMALS)?;
            let found = net(net_price, base * times)?;
            derived = Some((net_price, base * times, found));
            if found == wanted {
                break;
            }
            times *= Decimal::TEN;
        }
        derived
    }

    fn without_tax(&self, given: Decimal, rate: Decimal) -> Option<Decimal> {
        match self.invoice.prices {
            Prices::Net => quotient(&[given], &[Decimal::ONE], self.decimals),
            Prices::Gross => {
                let hundred = Decimal::ONE_HUNDRED;
                quotient(&[given, hundred], &[hundred + rate], self.decimals)
            }
        }
    }

    /// What an allowance or a charge on `base` comes to.
    fn adjust(&self, adjustment: &Adjustment, base: Amount, vat: Vat) -> Option<SettledAdjustment> {
        match adjustment.worth {
            Worth::Amount(given) => self.part(adjustment, given, vat),
            Worth::Percent { percent, base: own } => {
                let base = match own {
                    Some(given) => Amount {
                        given,
                        net: self.without_tax(given, vat.rate)?,
                    },
                    None => base,
                };
                let of = |amount: Decimal| {
                    quotient(&[amount, percent], &[Decimal::ONE_HUNDRED], self.decimals)
                };
                Some(SettledAdjustment {
                    amount: within(of(base.given)?)?,
                    net: of(base.net)?,
                    percent: Some(percent),
                    base: Some(base.net),
                    reason: adjustment.reason.clone(),
                    reason_code: adjustment.reason_code.clone(),
                    vat,
                })
            }
        }
    }

    /// An amount of an allowance or a charge.
    fn part(&self, adjustment: &Adjustment, given: Decimal, vat: Vat) -> Option<SettledAdjustment> {
        Some(SettledAdjustment {
            amount: quotient(&[given], &[Decimal::ONE], self.decimals)?,
            net: self.without_tax(given, vat.rate)?,
            percent: None,
            base: None,
            reason: adjustment.reason.clone(),
            reason_code: adjustment.reason_code.clone(),
            vat,
        })
    }

    /// The allowances or charges of the invoice, each with its place: those without a VAT rate as one for each rate of the lines.
    fn spread(
        &self,
        list: &[Adjustment],
        at: &str,
        groups: &Groups,
    ) -> Result<Vec<(String, SettledAdjustment)>, Problem> {
        let mut spread = Vec::new();
        for (index, adjustment) in list.iter().enumerate() {
            let at = format!("{at}/{index}");
            let mut parts = self
                .parts(adjustment, groups)
                .ok_or_else(|| too_large(&at))?;
            let word = if at.starts_with("/allowances") {
                DISCOUNT
            } else {
                SURCHARGE
            };
            self.name(&mut parts, word);
            spread.extend(parts.into_iter().map(|part| (at.clone(), part)));
        }
        Ok(spread)
    }

    fn parts(&self, adjustment: &Adjustment, groups: &Groups) -> Option<Vec<SettledAdjustment>> {
        if let Some(terms) = &adjustment.vat {
            let vat = terms.vat();
            let base = groups
                .get(&key(vat))
                .map_or(Amount::default(), |group| group.lines);
            return Some(vec![self.adjust(adjustment, base, vat)?]);
        }
        let whole = match adjustment.worth {
            Worth::Amount(amount) => amount,
            Worth::Percent {
                percent,
                base: Some(base),
            } => quotient(&[base, percent], &[Decimal::ONE_HUNDRED], self.decimals)?,
            Worth::Percent { base: None, .. } => {
                return groups
                    .values()
                    .map(|group| self.adjust(adjustment, group.lines, group.vat))
                    .collect();
            }
        };
        let of_lines = |group: &Group| group.lines.given.abs();
        let all: Decimal = groups.values().map(of_lines).sum();
        let (mut weight, mut before) = (Decimal::ZERO, Decimal::ZERO);
        let mut parts = Vec::with_capacity(groups.len());
        // Rounded from the start on each time, so that the parts add up to the whole.
        for group in groups.values() {
            weight += of_lines(group);
            let until = if all.is_zero() {
                whole
            } else {
                quotient(&[whole, weight], &[all], self.decimals)?
            };
            if until != before {
                parts.push(self.part(adjustment, until - before, group.vat)?);
            }
            before = until;
        }
        Some(parts)
    }

    /// A general word where somebody wrote no reason (BR-33, BR-38, BR-42, BR-44).
    fn name(&self, list: &mut [SettledAdjustment], word: [&'static str; 4]) {
        let word = Language::of(&self.invoice.locale).choose(word);
        for adjustment in list {
            if adjustment.reason.is_empty() {
                word.clone_into(&mut adjustment.reason);
            }
        }
    }

    /// Counts a net amount among those of its rate.
    fn count(&self, group: &mut Group, net: Decimal, at: &str) -> Result<(), Problem> {
        group.net += net;
        group.tax_of_parts +=
            tax_on(net, group.vat.rate, self.decimals).ok_or_else(|| too_large(at))?;
        Ok(())
    }

    fn tax(&self, group: Group) -> Result<Tax, Problem> {
        let tax = match self.invoice.tax_rounding {
            Rounding::Rate => tax_on(group.net, group.vat.rate, self.decimals)
                .ok_or_else(|| too_large("/lines"))?,
            Rounding::Line => group.tax_of_parts,
        };
        let category = group.vat.category;
        let (reason, reason_code) = if category.needs_reason() {
            let own = group.reasons.into_iter().collect::<Vec<_>>().join("; ");
            let mut codes = group.reason_codes.into_iter();
            let code = match (codes.next(), codes.next()) {
                (Some(code), None) => code,
                (None, _) => category.reason_code().to_owned(),
                // One code for several grounds would be wrong for all but one.
                (Some(_), Some(_)) => String::new(),
            };
            let general = || category.reason(&self.invoice.locale).to_owned();
            let reason = if own.is_empty() { general() } else { own };
            (reason, code)
        } else {
            (String::new(), String::new())
        };
        Ok(Tax {
            vat: group.vat,
            net: group.net,
            tax,
            reason,
            reason_code,
        })
    }

    /// The totals; `promised` is what all typed amounts come to.
    fn total(&self, totals: &mut Totals, promised: Decimal, taxes: &[Tax]) -> Result<(), Problem> {
        let payable = |amount: Decimal, decimals: u32| {
            quotient(&[amount], &[Decimal::ONE], decimals).ok_or_else(|| too_large("/lines"))
        };
        let net = totals.lines - totals.allowances + totals.charges;
        let tax: Decimal = taxes.iter().map(|tax| tax.tax).sum();
        let gross = net + tax;
        let difference = match self.invoice.prices {
            Prices::Net => Decimal::ZERO,
            Prices::Gross => promised - gross,
        };
        let rounding = self.invoice.rounding + difference;
        let due = gross - self.invoice.prepaid + rounding;
        // With exactly the currency's decimals, also where nothing was added up.
        for (total, amount) in [
            (&mut totals.net, net),
            (&mut totals.tax, tax),
            (&mut totals.gross, gross),
            (&mut totals.prepaid, self.invoice.prepaid),
            (&mut totals.rounding, rounding),
            (&mut totals.payable, due),
        ] {
            *total = payable(amount, self.decimals)?;
        }
        totals.lines = payable(totals.lines, self.decimals)?;
        totals.allowances = payable(totals.allowances, self.decimals)?;
        totals.charges = payable(totals.charges, self.decimals)?;
        if let Some(other) = &self.invoice.tax_currency {
            let decimals = currency_decimals(&other.currency);
            let tax = quotient(&[tax, other.exchange_rate], &[Decimal::ONE], decimals);
            let tax = tax.ok_or_else(|| too_large("/tax_currency/exchange_rate"))?;
            totals.tax_in_tax_currency = Some(tax);
        }
        Ok(())
    }
}

impl Group {
    fn explain(&mut self, terms: &VatTerms) {
        if !terms.reason.is_empty() {
            self.reasons.insert(terms.reason.clone());
        }
        if !terms.reason_code.is_empty() {
            self.reason_codes.insert(terms.reason_code.clone());
        }
    }
}

const DISCOUNT: [&str; 4] = ["Discount", "Rabatt", "Remise", "折扣"];
const SURCHARGE: [&str; 4] = ["Surcharge", "Zuschlag", "Supplément", "附加费"];

fn key(vat: Vat) -> (Reverse<Decimal>, VatCategory) {
    (Reverse(vat.rate), vat.category)
}

fn group(groups: &mut Groups, vat: Vat) -> &mut Group {
    groups.entry(key(vat)).or_insert_with(|| Group {
        vat,
        lines: Amount::default(),
        net: Decimal::ZERO,
        tax_of_parts: Decimal::ZERO,
        reasons: BTreeSet::new(),
        reason_codes: BTreeSet::new(),
    })
}

fn within(amount: Decimal) -> Option<Decimal> {
    (amount.abs() <= limits::MOST_AMOUNT.into()).then_some(amount)
}

fn too_large(at: &str) -> Problem {
    let most = limits::MOST_AMOUNT;
    Problem::error(
        "invoice_amount_large",
        json!({"most": most}),
        format!("This comes to an amount that is too large: at most {most} fits."),
    )
    .at(at)
}
