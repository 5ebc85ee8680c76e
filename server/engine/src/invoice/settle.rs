//! The amounts of an invoice, by the rule that stands in `invoice.rs`.

use rust_decimal::Decimal;
use serde_json::json;

use super::{
    Adjustment, Invoice, Line, PRICE_DECIMALS, Settled, SettledAdjustment, SettledLine, Tax,
    Totals, Vat, VatCategory, VatTerms, Worth,
    exact::quotient,
    group::{Amount, Group, Groups, Rules, key},
    language::Language,
    limits,
};
use crate::{check::Problem, firm::Prices, value::currency_decimals};

/// Most VAT categories and rates of the lines.
const MAX_RATES: usize = 100;
/// A derived net price is for at most 10^6 times the price base.
const MAX_PRICE_SHIFT: u32 = 6;

/// What an allowance or a charge is called that has no reason (BR-33, BR-38, BR-42, BR-44).
const DISCOUNT: [&str; 4] = ["Discount", "Rabatt", "Remise", "折扣"];
const SURCHARGE: [&str; 4] = ["Surcharge", "Zuschlag", "Supplément", "附加费"];

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
        rules: Rules {
            prices: invoice.prices,
            tax_rounding: invoice.tax_rounding,
            decimals: currency_decimals(&invoice.currency),
        },
    };
    settler.settle().map_err(|problem| vec![problem])
}

struct Settler<'a> {
    invoice: &'a Invoice,
    rules: Rules,
}

impl Settler<'_> {
    fn settle(&self) -> Result<Settled, Problem> {
        let (lines, mut groups) = self.lines()?;
        // Each is a share of the lines alone, so that their order changes nothing.
        let mut allowances = self.spread(&self.invoice.allowances, "/allowances", &groups)?;
        let mut charges = self.spread(&self.invoice.charges, "/charges", &groups)?;
        for (at, allowance) in &mut allowances {
            let group = Group::of(&mut groups, allowance.vat);
            let net = group.take(-allowance.amount, self.rules);
            let net = net.and_then(|net| self.rules.rounded(-net));
            allowance.net = net.ok_or_else(|| too_large(at))?;
        }
        for (at, charge) in &mut charges {
            let group = Group::of(&mut groups, charge.vat);
            let net = group.take(charge.amount, self.rules);
            charge.net = net.ok_or_else(|| too_large(at))?;
        }
        for adjustment in self.invoice.allowances.iter().chain(&self.invoice.charges) {
            if let Some(terms) = &adjustment.vat {
                Group::of(&mut groups, terms.vat()).explain(terms);
            }
        }
        let promised: Decimal = groups.values().map(|group| group.sum.given).sum();
        let locale = &self.invoice.locale;
        let taxes: Option<Vec<Tax>> = groups
            .into_values()
            .map(|group| group.tax(self.rules, locale))
            .collect();
        let taxes = taxes.ok_or_else(|| too_large("/lines"))?;
        let parts = |list: Vec<(String, SettledAdjustment)>| -> Vec<SettledAdjustment> {
            list.into_iter().map(|(_, settled)| settled).collect()
        };
        let mut settled = Settled {
            lines,
            allowances: parts(allowances),
            charges: parts(charges),
            taxes,
            totals: Totals::default(),
        };
        settled.totals = self
            .totals(&settled, promised)
            .ok_or_else(|| too_large("/lines"))?;
        Ok(settled)
    }

    fn lines(&self) -> Result<(Vec<SettledLine>, Groups), Problem> {
        let mut groups = Groups::new();
        let mut lines = Vec::with_capacity(self.invoice.lines.len());
        for (index, line) in self.invoice.lines.iter().enumerate() {
            let group = Group::of(&mut groups, line.vat.vat());
            group.explain(&line.vat);
            let settled = self.line(line, group);
            lines.push(settled.ok_or_else(|| too_large(&format!("/lines/{index}")))?);
        }
        if groups.len() > MAX_RATES {
            let message = format!("The lines have more than {MAX_RATES} VAT rates.");
            let params = json!({"count": groups.len(), "most": MAX_RATES});
            return Err(Problem::error("invoice_too_many", params, message).at("/lines"));
        }
        Ok((lines, groups))
    }

    fn line(&self, line: &Line, group: &mut Group) -> Option<SettledLine> {
        let vat = group.vat;
        let given = quotient(
            &[line.quantity, line.unit_price],
            &[line.price_base],
            self.rules.decimals,
        )?;
        let (net_price, price_base, net) = self.net_price(line, vat.rate)?;
        let base = Amount { given, net };
        let settle = |list: &[Adjustment]| -> Option<Vec<SettledAdjustment>> {
            let settled = list.iter().map(|one| self.adjust(one, base, vat));
            settled.collect()
        };
        let mut allowances = settle(&line.allowances)?;
        let mut charges = settle(&line.charges)?;
        self.name(&mut allowances, DISCOUNT);
        self.name(&mut charges, SURCHARGE);
        let sum = |list: &[SettledAdjustment]| -> Decimal {
            list.iter().map(|settled| settled.amount).sum()
        };
        let amount = given - sum(&allowances) + sum(&charges);
        let amount = within(self.rules.rounded(amount)?)?;
        Some(SettledLine {
            net_price,
            price_base,
            allowances,
            charges,
            amount,
            net: group.take(amount, self.rules)?,
            vat,
        })
    }

    /// Net price, what it is for, and quantity times that.
    fn net_price(&self, line: &Line, rate: Decimal) -> Option<(Decimal, Decimal, Decimal)> {
        let (quantity, price, base) = (line.quantity, line.unit_price, line.price_base);
        let decimals = self.rules.decimals;
        let net = |price: Decimal, base: Decimal| quotient(&[quantity, price], &[base], decimals);
        if self.rules.prices == Prices::Net {
            return Some((price, base, net(price, base)?));
        }
        let hundred = Decimal::ONE_HUNDRED;
        let whole = hundred + rate;
        let wanted = quotient(&[quantity, price, hundred], &[base, whole], decimals)?;
        let mut times = Decimal::ONE;
        let mut derived = None;
        for _ in 0..=MAX_PRICE_SHIFT {
            let net_price = quotient(&[price, hundred, times], &[whole], PRICE_DECIMALS.into())?;
            let found = net(net_price, base * times)?;
            derived = Some((net_price, base * times, found));
            if found == wanted {
                break;
            }
            times *= Decimal::TEN;
        }
        derived
    }

    /// What an allowance or a charge on `base` comes to.
    fn adjust(&self, adjustment: &Adjustment, base: Amount, vat: Vat) -> Option<SettledAdjustment> {
        let (percent, own) = match adjustment.worth {
            Worth::Amount(given) => return self.part(adjustment, given, vat),
            Worth::Percent { percent, base } => (percent, base),
        };
        let base = match own {
            Some(given) => Amount {
                given,
                net: self.rules.without_tax(given, vat.rate)?,
            },
            None => base,
        };
        Some(SettledAdjustment {
            net: self.rules.percent(percent, base.net)?,
            percent: Some(percent),
            base: Some(base.net),
            ..self.part(adjustment, self.rules.percent(percent, base.given)?, vat)?
        })
    }

    /// An amount of an allowance or a charge.
    fn part(&self, adjustment: &Adjustment, given: Decimal, vat: Vat) -> Option<SettledAdjustment> {
        Some(SettledAdjustment {
            amount: within(self.rules.rounded(given)?)?,
            net: self.rules.without_tax(given, vat.rate)?,
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
        let word = if at == "/allowances" {
            DISCOUNT
        } else {
            SURCHARGE
        };
        let mut spread = Vec::new();
        for (index, adjustment) in list.iter().enumerate() {
            let at = format!("{at}/{index}");
            let parts = self.parts(adjustment, groups);
            let mut parts = parts.ok_or_else(|| too_large(&at))?;
            self.name(&mut parts, word);
            spread.extend(parts.into_iter().map(|part| (at.clone(), part)));
        }
        Ok(spread)
    }

    fn parts(&self, adjustment: &Adjustment, groups: &Groups) -> Option<Vec<SettledAdjustment>> {
        if let Some(terms) = &adjustment.vat {
            let vat = terms.vat();
            let lines = groups.get(&key(vat)).map(|group| group.sum);
            return Some(vec![self.adjust(
                adjustment,
                lines.unwrap_or_default(),
                vat,
            )?]);
        }
        let whole = match adjustment.worth {
            Worth::Amount(amount) => amount,
            Worth::Percent {
                percent,
                base: Some(base),
            } => self.rules.percent(percent, base)?,
            Worth::Percent { base: None, .. } => {
                return groups
                    .values()
                    .map(|group| self.adjust(adjustment, group.sum, group.vat))
                    .collect();
            }
        };
        let of_lines = |group: &Group| group.sum.given.abs();
        let all: Decimal = groups.values().map(of_lines).sum();
        let (mut weight, mut before) = (Decimal::ZERO, Decimal::ZERO);
        let mut parts = Vec::with_capacity(groups.len());
        // Rounded from the start on each time, so that the parts add up to the whole.
        for group in groups.values() {
            weight += of_lines(group);
            let until = if all.is_zero() {
                whole
            } else {
                quotient(&[whole, weight], &[all], self.rules.decimals)?
            };
            if until != before {
                parts.push(self.part(adjustment, until - before, group.vat)?);
            }
            before = until;
        }
        Some(parts)
    }

    fn name(&self, list: &mut [SettledAdjustment], word: [&'static str; 4]) {
        let word = Language::of(&self.invoice.locale).choose(word);
        for adjustment in list {
            if adjustment.reason.is_empty() {
                word.clone_into(&mut adjustment.reason);
            }
        }
    }

    /// The totals; `promised` is what all typed amounts come to.
    fn totals(&self, settled: &Settled, promised: Decimal) -> Option<Totals> {
        let sum = |list: &[SettledAdjustment]| -> Decimal {
            list.iter().map(|settled| settled.net).sum()
        };
        let lines: Decimal = settled.lines.iter().map(|line| line.net).sum();
        let (allowances, charges) = (sum(&settled.allowances), sum(&settled.charges));
        let tax: Decimal = settled.taxes.iter().map(|tax| tax.tax).sum();
        let net = lines - allowances + charges;
        let gross = net + tax;
        let difference = match self.rules.prices {
            Prices::Net => Decimal::ZERO,
            Prices::Gross => promised - gross,
        };
        let rounding = self.invoice.rounding + difference;
        let prepaid = self.invoice.prepaid;
        let tax_in_tax_currency = match &self.invoice.tax_currency {
            None => None,
            Some(other) => Some(quotient(
                &[tax, other.exchange_rate],
                &[Decimal::ONE],
                currency_decimals(&other.currency),
            )?),
        };
        // With exactly the currency's decimals, also where nothing was added up.
        let rounded = |amount: Decimal| self.rules.rounded(amount);
        Some(Totals {
            lines: rounded(lines)?,
            allowances: rounded(allowances)?,
            charges: rounded(charges)?,
            net: rounded(net)?,
            tax: rounded(tax)?,
            tax_in_tax_currency,
            gross: rounded(gross)?,
            prepaid: rounded(prepaid)?,
            rounding: rounded(rounding)?,
            payable: rounded(gross - prepaid + rounding)?,
        })
    }
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
