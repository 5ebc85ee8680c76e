//! An invoice from values, as expressions and programs give them. Amounts are money, numbers or texts that read as numbers; what is empty
//! counts as not given.
//!
//! Lines may have members of their own beyond those an invoice knows. Everywhere else an unknown name is a problem, and so is a line's name
//! that looks like a mistyped one: a discount that nobody reads would be a wrong amount.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    Address, Adjustment, Delivery, DocumentType, ElectronicAddress, Invoice, Line, MAX_PROBLEMS,
    Party, Payment, Period, Preceding, References, Rounding, TaxCurrency, VatCategory, VatTerms,
    Worth,
};
use crate::{
    check::{Problem, close_match},
    firm::{Firm, Prices},
    kind::Kind,
    value::{Record, Value, escape_pointer, parse_decimal},
};

/// Longest text of an invoice, in characters.
const MAX_TEXT: usize = 5_000;

const INVOICE: &[&str] = &[
    "number",
    "type",
    "date",
    "due",
    "currency",
    "tax_currency",
    "prices",
    "tax_rounding",
    "language",
    "notes",
    "buyer_reference",
    "order",
    "contract",
    "project",
    "preceding",
    "seller",
    "buyer",
    "delivery",
    "payment",
    "lines",
    "allowances",
    "charges",
    "prepaid",
    "rounding",
];
const LINE: &[&str] = &[
    "name",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "price_base",
    "allowances",
    "charges",
    "vat_rate",
    "vat_category",
    "vat_reason",
    "vat_reason_code",
    "period_from",
    "period_to",
];
const ADJUSTMENT: &[&str] = &[
    "amount",
    "percent",
    "base",
    "reason",
    "reason_code",
    "vat_rate",
    "vat_category",
    "vat_reason",
    "vat_reason_code",
];
const PARTY: &[&str] = &[
    "name",
    "street",
    "address",
    "post_code",
    "city",
    "subdivision",
    "country",
    "vat_id",
    "tax_number",
    "registration",
    "contact",
    "phone",
    "email",
    "electronic_address",
    "electronic_scheme",
];

/// What holds where an invoice does not say otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// ISO 4217; only where no price has a currency of its own.
    pub currency: &'a str,
    /// BCP 47.
    pub locale: &'a str,
}

/// Reads an invoice: `{number, date, seller, buyer, lines: [{name, quantity, unit_price, vat_rate}], …}`. Problems have pointers into the
/// record. A seller that is the firm's record gives its prices, tax rounding and bank account, too.
pub fn read(record: &Record, defaults: Defaults<'_>) -> Result<Invoice, Vec<Problem>> {
    let mut reader = Reader {
        pointer: String::new(),
        problems: Vec::new(),
        currency: currency_of(record, defaults.currency),
    };
    let invoice = reader.invoice(record, defaults);
    if reader.problems.is_empty() {
        Ok(invoice)
    } else {
        Err(reader.problems)
    }
}

/// The currency that is said, that of the first price that has one, or the usual one.
fn currency_of(record: &Record, usual: &str) -> String {
    if let Some(Value::Text(currency)) = filled(record, "currency") {
        return currency.clone();
    }
    let prices = match record.get("lines") {
        Some(Value::List(lines)) => lines.as_slice(),
        _ => &[],
    };
    let of_price = |line: &Value| match line {
        Value::Record(line) => {
            money_of(line.get("unit_price")?).map(|(_, currency)| currency.to_owned())
        }
        _ => None,
    };
    prices
        .iter()
        .find_map(of_price)
        .unwrap_or_else(|| usual.to_owned())
}

fn filled<'a>(record: &'a Record, name: &str) -> Option<&'a Value> {
    record.get(name).filter(|value| !value.is_blank())
}

struct Reader {
    pointer: String,
    problems: Vec<Problem>,
    currency: String,
}

impl Reader {
    fn invoice(&mut self, record: &Record, defaults: Defaults<'_>) -> Invoice {
        self.known(record, INVOICE, &[]);
        let empty = Record::new();
        let firm = match record.get("seller") {
            Some(Value::Record(seller)) => seller,
            _ => &empty,
        };
        // What the invoice says goes before what the firm does.
        let setting = |name: &str| {
            if filled(record, name).is_some() {
                record
            } else {
                firm
            }
        };
        let language = self.text(record, "language");
        Invoice {
            number: self.text(record, "number"),
            document_type: self.document_type(record),
            date: self.date(record, "date"),
            due: self.date(record, "due"),
            currency: self.currency.clone(),
            tax_currency: self.tax_currency(record),
            prices: self
                .choice(setting("prices"), "prices", &["net", "gross"])
                .map_or(Prices::Net, |at| [Prices::Net, Prices::Gross][at]),
            tax_rounding: self
                .choice(setting("tax_rounding"), "tax_rounding", &["rate", "line"])
                .map_or(Rounding::Rate, |at| [Rounding::Rate, Rounding::Line][at]),
            locale: if language.is_empty() {
                defaults.locale.to_owned()
            } else {
                language
            },
            notes: self.texts(record, "notes"),
            references: References {
                buyer: self.text(record, "buyer_reference"),
                order: self.text(record, "order"),
                contract: self.text(record, "contract"),
                project: self.text(record, "project"),
                preceding: self.list(record, "preceding", Self::preceding),
            },
            seller: self.part(record, "seller", Self::party).unwrap_or_default(),
            buyer: self.part(record, "buyer", Self::party).unwrap_or_default(),
            delivery: self
                .part(record, "delivery", Self::delivery)
                .unwrap_or_default(),
            payment: self.payment(record, firm),
            lines: self.list(record, "lines", Self::line),
            allowances: self.list(record, "allowances", Self::adjustment),
            charges: self.list(record, "charges", Self::adjustment),
            prepaid: self.amount(record, "prepaid").unwrap_or_default(),
            rounding: self.amount(record, "rounding").unwrap_or_default(),
        }
    }

    fn document_type(&mut self, record: &Record) -> DocumentType {
        let types = ["invoice", "credit_note", "380", "381"];
        match self.choice(record, "type", &types) {
            Some(1 | 3) => DocumentType::CreditNote,
            _ => DocumentType::Invoice,
        }
    }

    fn tax_currency(&mut self, record: &Record) -> Option<TaxCurrency> {
        self.part(record, "tax_currency", |reader, record| {
            reader.known(record, &["currency", "exchange_rate"], &[]);
            TaxCurrency {
                currency: reader.text(record, "currency"),
                exchange_rate: reader.needed(record, "exchange_rate"),
            }
        })
    }

    fn preceding(&mut self, record: &Record) -> Preceding {
        self.known(record, &["number", "date"], &[]);
        Preceding {
            number: self.text(record, "number"),
            date: self.date(record, "date"),
        }
    }

    fn party(&mut self, record: &Record) -> Party {
        let firm = Firm::kind();
        let firm: Vec<&str> = match &firm {
            Kind::Record { fields } => fields.iter().map(|field| field.name.as_str()).collect(),
            _ => Vec::new(),
        };
        self.known(record, PARTY, &firm);
        // The firm's record has both; whoever writes an address as lines has nothing else.
        let is_written = ["street", "city"]
            .iter()
            .any(|part| filled(record, part).is_some());
        let street = if is_written { "street" } else { "address" };
        let id = self.text(record, "electronic_address");
        let mut scheme = self.text(record, "electronic_scheme");
        if scheme.is_empty() && id.contains('@') {
            scheme = "EM".into();
        }
        Party {
            name: self.text(record, "name"),
            address: Address {
                street: self.texts(record, street),
                post_code: self.text(record, "post_code"),
                city: self.text(record, "city"),
                subdivision: self.text(record, "subdivision"),
                country: self.text(record, "country"),
            },
            vat_id: without_spaces(&self.text(record, "vat_id")),
            tax_number: self.text(record, "tax_number"),
            registration: self.text(record, "registration"),
            contact: self.text(record, "contact"),
            phone: self.text(record, "phone"),
            email: self.text(record, "email"),
            electronic_address: (!id.is_empty()).then_some(ElectronicAddress { scheme, id }),
        }
    }

    fn delivery(&mut self, record: &Record) -> Delivery {
        self.known(record, &["date", "from", "to", "country"], &[]);
        Delivery {
            date: self.date(record, "date"),
            period: Period {
                from: self.date(record, "from"),
                to: self.date(record, "to"),
            },
            country: self.text(record, "country"),
        }
    }

    fn payment(&mut self, record: &Record, firm: &Record) -> Payment {
        let own = self.part(record, "payment", |reader, record| {
            let names = ["terms", "iban", "bic", "account_name", "reference"];
            reader.known(record, &names, &[]);
            Payment {
                terms: reader.text(record, "terms"),
                iban: without_spaces(&reader.text(record, "iban")),
                bic: without_spaces(&reader.text(record, "bic")),
                account_name: reader.text(record, "account_name"),
                reference: reader.text(record, "reference"),
            }
        });
        let mut payment = own.unwrap_or_default();
        if payment.iban.is_empty() && filled(firm, "iban").is_some() {
            self.below("seller", |reader| {
                payment.iban = without_spaces(&reader.text(firm, "iban"));
                payment.bic = without_spaces(&reader.text(firm, "bic"));
                payment.account_name = reader.text(firm, "name");
            });
        }
        payment
    }

    fn line(&mut self, record: &Record) -> Line {
        for name in record.keys() {
            let missing = LINE
                .iter()
                .copied()
                .filter(|known| !record.contains_key(*known));
            if !LINE.contains(&name.as_str())
                && let Some(close) = close_match(name, missing)
            {
                self.unknown(name, Some(close));
            }
        }
        let (name, description) = (self.text(record, "name"), self.text(record, "description"));
        // A line of one text has it as its name, whatever its author calls it.
        let (name, description) = if name.is_empty() {
            (description, String::new())
        } else {
            (name, description)
        };
        Line {
            name,
            description,
            quantity: self.needed(record, "quantity"),
            unit: self.text(record, "unit"),
            unit_price: self.needed_amount(record, "unit_price"),
            price_base: self.number(record, "price_base").unwrap_or(Decimal::ONE),
            allowances: self.list(record, "allowances", Self::adjustment),
            charges: self.list(record, "charges", Self::adjustment),
            vat: self.vat(record),
            period: Period {
                from: self.date(record, "period_from"),
                to: self.date(record, "period_to"),
            },
        }
    }

    fn vat(&mut self, record: &Record) -> VatTerms {
        let codes = VatCategory::ALL.map(VatCategory::code);
        let category = self.choice(record, "vat_category", &codes);
        let category = category.map(|at| VatCategory::ALL[at]);
        let rate = match category {
            // Nothing but a rate of zero would be right.
            Some(category) if category != VatCategory::Standard => {
                self.number(record, "vat_rate").unwrap_or_default()
            }
            _ => self.needed(record, "vat_rate"),
        };
        VatTerms {
            category,
            rate,
            reason: self.text(record, "vat_reason"),
            reason_code: self.text(record, "vat_reason_code"),
        }
    }

    fn adjustment(&mut self, record: &Record) -> Adjustment {
        self.known(record, ADJUSTMENT, &[]);
        let percent = self.number(record, "percent");
        let base = self.amount(record, "base");
        let worth = match percent {
            Some(percent) => {
                if filled(record, "amount").is_some() {
                    self.add(
                        "amount",
                        Problem::error(
                            "invoice_amount_and_percent",
                            json!({}),
                            "Say an amount or a percentage, not both.",
                        ),
                    );
                }
                Worth::Percent { percent, base }
            }
            None => Worth::Amount(self.needed_amount(record, "amount")),
        };
        let has_vat = ["vat_rate", "vat_category"]
            .iter()
            .any(|name| filled(record, name).is_some());
        Adjustment {
            worth,
            reason: self.text(record, "reason"),
            reason_code: self.text(record, "reason_code"),
            vat: has_vat.then(|| self.vat(record)),
        }
    }
}

/// What values say, one by one.
impl Reader {
    fn add(&mut self, name: &str, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            let at = format!("{}/{}", self.pointer, escape_pointer(name));
            self.problems.push(problem.at(at));
        }
    }

    fn unfit(&mut self, name: &str, found: &Value, expected: &str) {
        let found = found.kind_name();
        let message = format!("This is {found}, not {expected}.");
        let params = json!({"kind": found, "other": expected});
        self.add(name, Problem::error("invoice_wrong_kind", params, message));
    }

    fn unknown(&mut self, name: &str, close: Option<&str>) {
        let hint = close.map_or(String::new(), |close| {
            format!(" Did you mean \u{201c}{close}\u{201d}?")
        });
        let message = format!("An invoice knows no \u{201c}{name}\u{201d} here.{hint}");
        let params = json!({"name": name, "close": close});
        self.add(name, Problem::error("invoice_unknown", params, message));
    }

    /// Every filled member is one of `names`, or of those that may stand there and are not read.
    fn known(&mut self, record: &Record, names: &[&str], others: &[&str]) {
        for (name, value) in record {
            let is_known = names.contains(&name.as_str()) || others.contains(&name.as_str());
            if !is_known && !value.is_blank() {
                self.unknown(name, close_match(name, names.iter().copied()));
            }
        }
    }

    fn text(&mut self, record: &Record, name: &str) -> String {
        match filled(record, name) {
            None => String::new(),
            Some(Value::Text(text)) => self.short(name, text),
            Some(Value::Integer(number)) => number.to_string(),
            Some(other) => {
                self.unfit(name, other, Kind::text().noun());
                String::new()
            }
        }
    }

    /// A list of texts, or a text as its lines.
    fn texts(&mut self, record: &Record, name: &str) -> Vec<String> {
        let texts: Vec<&str> = match filled(record, name) {
            None => Vec::new(),
            Some(Value::Text(text)) => text.lines().collect(),
            Some(Value::List(items)) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    match item {
                        Value::Text(text) => texts.push(text.as_str()),
                        Value::Empty => {}
                        other => self.unfit(name, other, Kind::text().noun()),
                    }
                }
                texts
            }
            Some(other) => {
                self.unfit(name, other, Kind::list(Kind::text()).noun());
                Vec::new()
            }
        };
        let texts = texts.into_iter().filter(|text| !text.trim().is_empty());
        texts.map(|text| self.short(name, text)).collect()
    }

    fn short(&mut self, name: &str, text: &str) -> String {
        if text.chars().count() > MAX_TEXT {
            let message = format!("At most {MAX_TEXT} characters fit here.");
            let params = json!({"most": MAX_TEXT});
            self.add(name, Problem::error("invoice_text_long", params, message));
        }
        text.trim().to_owned()
    }

    fn date(&mut self, record: &Record, name: &str) -> Option<Date> {
        match filled(record, name)? {
            Value::Date(date) => Some(*date),
            Value::Text(text) if text.trim().parse::<Date>().is_ok() => text.trim().parse().ok(),
            other => {
                self.unfit(name, other, Kind::Date.noun());
                None
            }
        }
    }

    /// A number; one that cannot be read has been told.
    fn number(&mut self, record: &Record, name: &str) -> Option<Decimal> {
        let value = filled(record, name)?;
        let number = plain_number(value);
        if number.is_none() {
            self.unfit(name, value, Kind::Decimal.noun());
        }
        number
    }

    /// An amount in the invoice's currency.
    fn amount(&mut self, record: &Record, name: &str) -> Option<Decimal> {
        let value = filled(record, name)?;
        if let Some((amount, found)) = money_of(value) {
            if found != self.currency {
                let expected = &self.currency;
                let message = format!("This is in {found}, the invoice in {expected}.");
                let params = json!({"currency": expected, "found": found});
                self.add(name, Problem::error("invoice_currency", params, message));
            }
            return Some(amount);
        }
        let number = plain_number(value);
        if number.is_none() {
            self.unfit(name, value, Kind::money().noun());
        }
        number
    }

    fn needed(&mut self, record: &Record, name: &str) -> Decimal {
        self.missing(record, name);
        self.number(record, name).unwrap_or_default()
    }

    fn needed_amount(&mut self, record: &Record, name: &str) -> Decimal {
        self.missing(record, name);
        self.amount(record, name).unwrap_or_default()
    }

    fn missing(&mut self, record: &Record, name: &str) {
        if filled(record, name).is_none() {
            let message = format!("\u{201c}{name}\u{201d} is not filled in.");
            let params = json!({"name": name});
            self.add(name, Problem::error("invoice_missing", params, message));
        }
    }

    /// Which of the options it is.
    fn choice(&mut self, record: &Record, name: &str, options: &[&str]) -> Option<usize> {
        let value = filled(record, name)?;
        let written = match value {
            Value::Text(text) => text.trim().to_owned(),
            Value::Integer(number) => number.to_string(),
            other => {
                self.unfit(name, other, Kind::text().noun());
                return None;
            }
        };
        let found = options.iter().position(|option| *option == written);
        if found.is_none() {
            let listed = options.join(", ");
            let message = format!("This must be one of: {listed}.");
            let params = json!({"options": listed});
            self.add(name, Problem::error("invoice_option", params, message));
        }
        found
    }

    /// A record within this one.
    fn part<T>(
        &mut self,
        record: &Record,
        name: &str,
        read: impl FnOnce(&mut Self, &Record) -> T,
    ) -> Option<T> {
        match filled(record, name)? {
            Value::Record(part) => Some(self.below(name, |reader| read(reader, part))),
            other => {
                self.unfit(name, other, "a record");
                None
            }
        }
    }

    /// A list of records.
    fn list<T>(
        &mut self,
        record: &Record,
        name: &str,
        read: fn(&mut Self, &Record) -> T,
    ) -> Vec<T> {
        let items = match filled(record, name) {
            None => return Vec::new(),
            Some(Value::List(items)) => items,
            Some(other) => {
                self.unfit(name, other, "a list");
                return Vec::new();
            }
        };
        self.below(name, |reader| {
            let mut list = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let index = index.to_string();
                match item {
                    Value::Record(part) => {
                        list.push(reader.below(&index, |reader| read(reader, part)));
                    }
                    other => reader.unfit(&index, other, "a record"),
                }
            }
            list
        })
    }

    fn below<T>(&mut self, segment: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_pointer(segment));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }
}

/// Money; what comes from other programs may still be a record of amount and currency.
fn money_of(value: &Value) -> Option<(Decimal, &str)> {
    match value {
        Value::Money(money) => Some((money.amount, money.currency.as_str())),
        Value::Record(record) if record.len() == 2 => {
            match (record.get("amount")?, record.get("currency")?) {
                (amount, Value::Text(currency)) => Some((plain_number(amount)?, currency.as_str())),
                _ => None,
            }
        }
        _ => None,
    }
}

fn plain_number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        Value::Text(text) => parse_decimal(text.trim()),
        _ => None,
    }
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}
