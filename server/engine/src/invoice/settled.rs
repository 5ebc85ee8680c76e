//! An invoice whose amounts are settled.

use rust_decimal::Decimal;

use super::VatCategory;

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
    /// How many units that is for (BT-149); the typed price may be for fewer.
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
