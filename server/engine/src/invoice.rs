//! Invoices as EN 16931-1 knows them: who, what for, and every amount in exact decimals. It reads an invoice from values (`read`), settles
//! its amounts (`settle`) and tells what the law would miss in it (`check`); it writes no file format and prints nothing.
//!
//! # The rule by which amounts come about
//!
//! Every amount is rounded to the decimals of its currency, half away from zero, once, where it first stands on the invoice; sums are sums of
//! rounded amounts, so that whoever adds up what is printed comes to what is printed.
//!
//! - **Line** (BT-131): quantity × price / price base, rounded, less its allowances, plus its charges. A percentage is one of that amount.
//! - **Allowances and charges of the whole invoice**: one with a VAT rate belongs to that rate. One without is spread over the rates of the
//!   lines: a percentage is taken of each rate's lines, an amount is divided in their proportion and the parts add up to it.
//! - **VAT** for each category and rate (BT-116, BT-117): net is the lines less the allowances plus the charges; tax is the rate of that
//!   net, rounded (BR-CO-17). With `Rounding::Line` tax is rounded for each line, allowance and charge, and added up; that may differ by
//!   half of the smallest unit for each of them, which EN 16931 does not provide for beyond one whole unit.
//! - **Totals** (BT-106 to BT-115): as BR-CO-10 to BR-CO-16 have it; payable = gross − prepaid + rounding.
//!
//! **Prices that hold the tax** (`Prices::Gross`): every typed amount holds the VAT of its rate. Net amounts are amount / (1 + rate), each rounded
//! up or down so that those of a rate add up to the rounded net amount of their sum: 1,000 lines are as exact as one. The net price (BT-146) is
//! the price / (1 + rate) with four decimals. Where that is too coarse for the quantity, so that quantity × net price would not round to the
//! net amount, it is the price of ten, a hundred, … up to a million times the base (BT-149). Tax then comes about as above (with
//! `Rounding::Line` it is what the typed amounts have above the net ones), and what was promised may differ from net plus tax by the smallest unit
//! for each rate: that is added to the rounding amount (BT-114), so that what is to be paid is what was promised.
//!
//! Limits: 10,000 lines; 50 allowances and charges of a line, 100 of the invoice; quantities up to 10^9 with 6 decimals, prices up to
//! 10^12 with 4, amounts up to 10^15; rates up to 100 with 4 decimals. Beyond them an invoice is refused.

mod category;
mod check;
mod country;
mod exact;
mod group;
mod language;
mod limits;
mod party;
mod read;
mod settle;
mod settled;
pub mod unit;
mod write;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::firm::Prices;

pub use category::VatCategory;
pub use check::check;
pub use country::is_country;
pub(crate) use exact::tax_on;
pub use party::{Address, ElectronicAddress, Party, is_vat_id};
pub use read::{Defaults, read};
pub use settle::settle;
pub use settled::{Settled, SettledAdjustment, SettledLine, Tax, Totals, Vat};
pub use write::{kind, to_value};

/// Most lines of an invoice.
pub const MAX_LINES: usize = 10_000;

/// Most decimals of a price.
const PRICE_DECIMALS: u8 = 4;

/// Most problems that are told of one invoice.
const MAX_PROBLEMS: usize = 100;

/// Where tax is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Of the net sum of each rate, as EN 16931 has it.
    #[default]
    Rate,
    /// Of each line.
    Line,
}

/// What a document is (BT-3, UNTDID 1001).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocumentType {
    #[default]
    Invoice,
    CreditNote,
}

impl DocumentType {
    /// `380` or `381`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invoice => "380",
            Self::CreditNote => "381",
        }
    }
}

/// An invoice or credit note before anything is computed. Amounts are in `currency` and, as `prices` says, without or with tax.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Invoice {
    /// BT-1.
    pub number: String,
    pub document_type: DocumentType,
    /// BT-2.
    pub date: Option<Date>,
    /// BT-9.
    pub due: Option<Date>,
    /// ISO 4217 (BT-5).
    pub currency: String,
    pub tax_currency: Option<TaxCurrency>,
    pub prices: Prices,
    pub tax_rounding: Rounding,
    /// BCP 47; the language of the words that the law wants.
    pub locale: String,
    /// BT-22.
    pub notes: Vec<String>,
    pub references: References,
    pub seller: Party,
    pub buyer: Party,
    pub delivery: Delivery,
    pub payment: Payment,
    pub lines: Vec<Line>,
    pub allowances: Vec<Adjustment>,
    pub charges: Vec<Adjustment>,
    /// What was paid already (BT-113).
    pub prepaid: Decimal,
    /// What is added to round the amount to be paid (BT-114).
    pub rounding: Decimal,
}

/// The currency in which tax is accounted for (BT-6), if it is another one.
#[derive(Clone, Debug, PartialEq)]
pub struct TaxCurrency {
    pub currency: String,
    /// What one unit of the invoice's currency is worth in it.
    pub exchange_rate: Decimal,
}

/// What an invoice refers to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// What the buyer asked to be quoted; in Germany the Leitweg-ID (BT-10).
    pub buyer: String,
    /// The buyer's order (BT-13).
    pub order: String,
    /// BT-12.
    pub contract: String,
    /// BT-11.
    pub project: String,
    /// The invoices that a credit note takes back (BG-3).
    pub preceding: Vec<Preceding>,
}

/// An earlier invoice.
#[derive(Clone, Debug, PartialEq)]
pub struct Preceding {
    /// BT-25.
    pub number: String,
    /// BT-26.
    pub date: Option<Date>,
}

/// When and where to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// BT-72.
    pub date: Option<Date>,
    pub period: Period,
    /// ISO 3166-1 alpha-2; the buyer's when empty (BT-80).
    pub country: String,
}

/// From a day to a day, both of them part of it (BG-14, BG-26).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Period {
    pub from: Option<Date>,
    pub to: Option<Date>,
}

/// How it is paid (BG-16); a bank transfer if there is an IBAN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payment {
    /// BT-20.
    pub terms: String,
    /// BT-84.
    pub iban: String,
    /// BT-86.
    pub bic: String,
    /// BT-85.
    pub account_name: String,
    /// What the buyer quotes when paying (BT-83); the invoice's number when empty.
    pub reference: String,
}

/// One line (BG-25).
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// BT-153.
    pub name: String,
    /// BT-154.
    pub description: String,
    /// BT-129.
    pub quantity: Decimal,
    /// As people write it; see `unit::code` (BT-130).
    pub unit: String,
    pub unit_price: Decimal,
    /// How many units the price is for (BT-149).
    pub price_base: Decimal,
    pub allowances: Vec<Adjustment>,
    pub charges: Vec<Adjustment>,
    pub vat: VatTerms,
    pub period: Period,
}

/// How VAT is charged on a line, an allowance or a charge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VatTerms {
    /// Standard where there is a rate, zero rated where there is none, unless it says so.
    pub category: Option<VatCategory>,
    /// In percent.
    pub rate: Decimal,
    /// Why there is no VAT; the category's own words when empty (BT-120).
    pub reason: String,
    /// BT-121.
    pub reason_code: String,
}

/// An allowance or a charge, of a line (BG-27, BG-28) or of the invoice (BG-20, BG-21).
#[derive(Clone, Debug, PartialEq)]
pub struct Adjustment {
    pub worth: Worth,
    /// A general word for it when empty.
    pub reason: String,
    pub reason_code: String,
    /// Of the invoice's; `None` spreads it over the rates of the lines. A line's have the VAT of their line.
    pub vat: Option<VatTerms>,
}

/// What an allowance or a charge comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Worth {
    Amount(Decimal),
    /// Of `base`, or of what it belongs to.
    Percent {
        percent: Decimal,
        base: Option<Decimal>,
    },
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
