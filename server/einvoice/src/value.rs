//! A received invoice as a value. What an invoice of our own has, too, is called as there (`engine::invoice::read`); prices are without tax.
//! Amounts are those that stand in the invoice, also where they are wrong.

use en16931::{
    Date, DocumentKind, DocumentReference, Identifier, Invoice, InvoiceAmount, InvoiceLine,
    Percentage,
    invoice::{Code, LineVat, Party, PaymentMeans, Period, VatBreakdown},
};
use engine::{
    invoice::unit,
    kind::{Field, Kind},
    value::{Money, Record, Value, is_currency},
};
use rust_decimal::Decimal;

/// ISO 4217 for no currency: what an invoice without one is told in.
const NO_CURRENCY: &str = "XXX";

/// The kind of what is read. Texts that an invoice does not have are empty; dates, rates and amounts that it need not have may be missing.
pub fn kind() -> Kind {
    record_kind(vec![
        field("number", "Number", Kind::text()),
        field("type", "Invoice or credit note", Kind::text()),
        field("type_code", "Type code", Kind::text()),
        maybe("date", "Date", Kind::Date),
        maybe("due", "Payment due", Kind::Date),
        field("currency", "Currency", Kind::text()),
        field("notes", "Notes", Kind::text()),
        field("buyer_reference", "Buyer's reference", Kind::text()),
        field("order", "Order", Kind::text()),
        field("contract", "Contract", Kind::text()),
        field("project", "Project", Kind::text()),
        field(
            "preceding",
            "Earlier invoices",
            Kind::list(record_kind(vec![
                field("number", "Number", Kind::text()),
                maybe("date", "Date", Kind::Date),
            ])),
        ),
        field("seller", "Seller", party_kind()),
        field("buyer", "Buyer", party_kind()),
        field(
            "delivery",
            "Delivery",
            record_kind(vec![
                maybe("date", "Date", Kind::Date),
                maybe("from", "From", Kind::Date),
                maybe("to", "To", Kind::Date),
                field("country", "Country", Kind::text()),
            ]),
        ),
        field(
            "payment",
            "Payment",
            Kind::record([
                ("terms", "Terms", Kind::text()),
                ("iban", "IBAN", Kind::text()),
                ("bic", "BIC", Kind::text()),
                ("account_name", "Account holder", Kind::text()),
                ("reference", "Reference", Kind::text()),
            ]),
        ),
        field("means_code", "Means of payment", Kind::text()),
        field("lines", "Lines", Kind::list(line_kind())),
        field("allowances", "Allowances", adjustments_kind()),
        field("charges", "Charges", adjustments_kind()),
        field("taxes", "VAT", taxes_kind()),
        field("totals", "Totals", totals_kind()),
    ])
}

fn party_kind() -> Kind {
    Kind::record([
        ("name", "Name", Kind::text()),
        ("street", "Street", Kind::text()),
        ("post_code", "Post code", Kind::text()),
        ("city", "City", Kind::text()),
        ("subdivision", "State", Kind::text()),
        ("country", "Country", Kind::text()),
        ("vat_id", "VAT id", Kind::text()),
        ("tax_number", "Tax number", Kind::text()),
        ("registration", "Registration", Kind::text()),
        ("contact", "Contact", Kind::text()),
        ("phone", "Phone", Kind::text()),
        ("email", "E-mail", Kind::text()),
        ("electronic_address", "Electronic address", Kind::text()),
        ("electronic_scheme", "Kind of address", Kind::text()),
    ])
}

fn line_kind() -> Kind {
    record_kind(vec![
        field("number", "Number", Kind::text()),
        field("name", "Name", Kind::text()),
        field("description", "Description", Kind::text()),
        field("item_number", "Item number", Kind::text()),
        field("note", "Note", Kind::text()),
        field("quantity", "Quantity", Kind::Decimal),
        field("unit", "Unit", Kind::text()),
        field("unit_code", "Unit code", Kind::text()),
        field("unit_price", "Price each", Kind::money()),
        field("price_base", "Price base", Kind::Decimal),
        field("allowances", "Allowances", adjustments_kind()),
        field("charges", "Charges", adjustments_kind()),
        field("net", "Net", Kind::money()),
        field("vat_category", "VAT category", Kind::text()),
        maybe("vat_rate", "VAT rate", Kind::Decimal),
        maybe("period_from", "From", Kind::Date),
        maybe("period_to", "To", Kind::Date),
    ])
}

fn adjustments_kind() -> Kind {
    Kind::list(record_kind(vec![
        field("reason", "Reason", Kind::text()),
        field("reason_code", "Reason code", Kind::text()),
        maybe("percent", "Percent", Kind::Decimal),
        field("amount", "Amount", Kind::money()),
        field("vat_category", "VAT category", Kind::text()),
        maybe("vat_rate", "VAT rate", Kind::Decimal),
    ]))
}

fn taxes_kind() -> Kind {
    Kind::list(record_kind(vec![
        field("category", "Category", Kind::text()),
        maybe("rate", "Rate", Kind::Decimal),
        field("net", "Net", Kind::money()),
        field("tax", "Tax", Kind::money()),
        field("reason", "Reason", Kind::text()),
        field("reason_code", "Reason code", Kind::text()),
    ]))
}

fn totals_kind() -> Kind {
    record_kind(vec![
        field("lines", "Lines", Kind::money()),
        field("allowances", "Allowances", Kind::money()),
        field("charges", "Charges", Kind::money()),
        field("net", "Net", Kind::money()),
        field("tax", "Tax", Kind::money()),
        maybe(
            "tax_in_tax_currency",
            "Tax in the tax currency",
            Kind::money(),
        ),
        field("gross", "Gross", Kind::money()),
        field("prepaid", "Prepaid", Kind::money()),
        field("rounding", "Rounding", Kind::money()),
        field("payable", "To pay", Kind::money()),
    ])
}

fn record_kind(fields: Vec<Field>) -> Kind {
    Kind::Record { fields }
}

fn field(name: &str, title: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        title: title.into(),
        kind,
        optional: false,
    }
}

fn maybe(name: &str, title: &str, kind: Kind) -> Field {
    Field {
        optional: true,
        ..field(name, title, kind)
    }
}

/// What the invoice says.
pub(crate) fn value(invoice: &Invoice, locale: &str) -> Value {
    let reader = Reader {
        currency: currency(invoice.currency.as_ref()),
        locale,
    };
    let delivery = invoice.delivery.as_ref();
    let address = delivery.and_then(|delivery| delivery.address.as_ref());
    let period = invoice.invoicing_period.as_ref();
    let payment_of = invoice.payment.as_ref();
    let means = payment_of.and_then(|payment| payment.means_code.as_ref());
    let preceding = invoice.preceding_invoices.iter().map(|earlier| {
        record([
            ("number", text(Some(earlier.reference.as_str()))),
            ("date", date(earlier.issue_date)),
        ])
    });
    let notes = invoice.notes.iter().filter_map(|note| note.note.as_deref());
    let notes = notes.collect::<Vec<_>>().join("\n");
    let is_credit = invoice.kind == DocumentKind::CreditNote;
    let kind = if is_credit { "credit_note" } else { "invoice" };
    let reference =
        |reference: Option<&DocumentReference>| text(reference.map(DocumentReference::as_str));
    record([
        ("number", text(invoice.number.as_deref())),
        ("type", text(Some(kind))),
        ("type_code", code(invoice.type_code.as_ref())),
        ("date", date(invoice.issue_date)),
        ("due", date(invoice.due_date)),
        ("currency", Value::Text(reader.currency.clone())),
        ("notes", text(Some(&notes))),
        ("buyer_reference", text(invoice.buyer_reference.as_deref())),
        (
            "order",
            reference(invoice.purchase_order_reference.as_ref()),
        ),
        ("contract", reference(invoice.contract_reference.as_ref())),
        ("project", reference(invoice.project_reference.as_ref())),
        ("preceding", Value::List(preceding.collect())),
        ("seller", party(&invoice.seller)),
        ("buyer", party(&invoice.buyer)),
        (
            "delivery",
            record([
                ("date", date(delivery.and_then(|delivery| delivery.date))),
                ("from", date(period.and_then(|period| period.start))),
                ("to", date(period.and_then(|period| period.end))),
                (
                    "country",
                    code(address.and_then(|address| address.country.as_ref())),
                ),
            ]),
        ),
        ("payment", payment(invoice)),
        ("means_code", code(means)),
        (
            "lines",
            Value::List(invoice.lines.iter().map(|line| reader.line(line)).collect()),
        ),
        (
            "allowances",
            reader.adjustments(invoice.allowances.iter().map(Adjustment::of_invoice)),
        ),
        (
            "charges",
            reader.adjustments(invoice.charges.iter().map(Adjustment::of_invoice)),
        ),
        (
            "taxes",
            Value::List(
                invoice
                    .vat_breakdown
                    .iter()
                    .map(|tax| reader.tax(tax))
                    .collect(),
            ),
        ),
        ("totals", reader.totals(invoice)),
    ])
}

/// An allowance or a charge, of a line or of the invoice.
struct Adjustment<'a> {
    amount: InvoiceAmount,
    percent: Option<Percentage>,
    reason: Option<&'a str>,
    reason_code: Option<&'a Code>,
    vat: &'a LineVat,
}

impl<'a> Adjustment<'a> {
    fn of_invoice(given: &'a en16931::invoice::DocumentAllowanceCharge) -> Self {
        Self {
            amount: given.amount,
            percent: given.percentage,
            reason: given.reason.as_deref(),
            reason_code: given.reason_code.as_ref(),
            vat: &given.vat,
        }
    }

    fn of_line(given: &'a en16931::invoice::LineAllowanceCharge, vat: &'a LineVat) -> Self {
        Self {
            amount: given.amount,
            percent: given.percentage,
            reason: given.reason.as_deref(),
            reason_code: given.reason_code.as_ref(),
            vat,
        }
    }
}

struct Reader<'a> {
    currency: String,
    locale: &'a str,
}

impl Reader<'_> {
    fn money(&self, amount: Decimal) -> Value {
        Value::Money(Money {
            amount,
            currency: self.currency.clone(),
        })
    }

    fn amount(&self, amount: InvoiceAmount) -> Value {
        self.money(amount.into_decimal())
    }

    fn line(&self, line: &InvoiceLine) -> Value {
        let unit_code = line.unit_code.as_str();
        let base = line.price.base_quantity;
        let of_line = |given| Adjustment::of_line(given, &line.vat);
        let period = line.period.as_ref();
        let start = |period: &Period| period.start;
        let end = |period: &Period| period.end;
        record([
            ("number", text(Some(&line.id))),
            ("name", text(line.item.name.as_deref())),
            ("description", text(line.item.description.as_deref())),
            ("item_number", text(line.item.seller_identifier.as_deref())),
            ("note", text(line.note.as_deref())),
            ("quantity", Value::Decimal(line.quantity.into_decimal())),
            ("unit", text(Some(unit::name(unit_code, self.locale)))),
            ("unit_code", text(Some(unit_code))),
            (
                "unit_price",
                self.money(line.price.net_price.into_decimal()),
            ),
            (
                "price_base",
                Value::Decimal(base.map_or(Decimal::ONE, en16931::Quantity::into_decimal)),
            ),
            (
                "allowances",
                self.adjustments(line.allowances.iter().map(of_line)),
            ),
            (
                "charges",
                self.adjustments(line.charges.iter().map(of_line)),
            ),
            ("net", self.amount(line.net_amount)),
            ("vat_category", code(Some(&line.vat.category))),
            ("vat_rate", percent(line.vat.rate)),
            ("period_from", date(period.and_then(start))),
            ("period_to", date(period.and_then(end))),
        ])
    }

    fn adjustments<'b>(&self, list: impl Iterator<Item = Adjustment<'b>>) -> Value {
        let one = |one: Adjustment<'_>| {
            record([
                ("reason", text(one.reason)),
                ("reason_code", code(one.reason_code)),
                ("percent", percent(one.percent)),
                ("amount", self.amount(one.amount)),
                ("vat_category", code(Some(&one.vat.category))),
                ("vat_rate", percent(one.vat.rate)),
            ])
        };
        Value::List(list.map(one).collect())
    }

    fn tax(&self, tax: &VatBreakdown) -> Value {
        record([
            ("category", code(Some(&tax.category))),
            ("rate", percent(tax.rate)),
            ("net", self.amount(tax.taxable_amount)),
            ("tax", self.amount(tax.tax_amount)),
            ("reason", text(tax.exemption_reason.as_deref())),
            ("reason_code", code(tax.exemption_reason_code.as_ref())),
        ])
    }

    fn totals(&self, invoice: &Invoice) -> Value {
        let totals = &invoice.totals;
        let or_zero = |amount: Option<InvoiceAmount>| self.amount(amount.unwrap_or_default());
        let in_tax_currency = totals.vat_total_accounting.map_or(Value::Empty, |amount| {
            Value::Money(Money {
                amount: amount.into_decimal(),
                currency: currency(invoice.vat_accounting_currency.as_ref()),
            })
        });
        record([
            ("lines", self.amount(totals.line_total)),
            ("allowances", or_zero(totals.allowance_total)),
            ("charges", or_zero(totals.charge_total)),
            ("net", self.amount(totals.taxable_total)),
            ("tax", or_zero(totals.vat_total)),
            ("tax_in_tax_currency", in_tax_currency),
            ("gross", self.amount(totals.gross_total)),
            ("prepaid", or_zero(totals.paid)),
            ("rounding", or_zero(totals.rounding)),
            ("payable", self.amount(totals.due)),
        ])
    }
}

fn party(party: &Party) -> Value {
    let address = &party.address;
    let lines = [&address.line1, &address.line2, &address.line3];
    let street: Vec<&str> = lines.into_iter().filter_map(Option::as_deref).collect();
    let id = party.legal_registration.as_ref().map(Identifier::content);
    let electronic = party.electronic_address.as_ref();
    record([
        ("name", text(party.name.as_deref())),
        ("street", text(Some(&street.join("\n")))),
        ("post_code", text(address.post_code.as_deref())),
        ("city", text(address.city.as_deref())),
        ("subdivision", text(address.subdivision.as_deref())),
        ("country", code(address.country.as_ref())),
        ("vat_id", text(party.vat_identifier.as_deref())),
        ("tax_number", text(party.tax_registration.as_deref())),
        ("registration", text(id)),
        ("contact", text(party.contact.name.as_deref())),
        ("phone", text(party.contact.phone.as_deref())),
        ("email", text(party.contact.email.as_deref())),
        (
            "electronic_address",
            text(electronic.map(Identifier::content)),
        ),
        (
            "electronic_scheme",
            text(electronic.and_then(Identifier::scheme)),
        ),
    ])
}

fn payment(invoice: &Invoice) -> Value {
    let payment = invoice.payment.as_ref();
    let transfer = match payment.and_then(|payment| payment.means.as_ref()) {
        Some(PaymentMeans::CreditTransfer(transfers)) => transfers.first(),
        Some(PaymentMeans::Card(_) | PaymentMeans::DirectDebit(_)) | None => None,
    };
    let reference = payment.and_then(|payment| payment.remittance_information.as_deref());
    record([
        ("terms", text(invoice.payment_terms.as_deref())),
        (
            "iban",
            text(transfer.and_then(|it| it.account_identifier.as_deref())),
        ),
        (
            "bic",
            text(transfer.and_then(|it| it.provider_identifier.as_deref())),
        ),
        (
            "account_name",
            text(transfer.and_then(|it| it.account_name.as_deref())),
        ),
        ("reference", text(reference)),
    ])
}

fn currency(code: Option<&Code>) -> String {
    code.map(Code::as_str)
        .filter(|code| is_currency(code))
        .unwrap_or(NO_CURRENCY)
        .to_owned()
}

fn text(text: Option<&str>) -> Value {
    Value::Text(text.unwrap_or_default().to_owned())
}

fn code(code: Option<&Code>) -> Value {
    text(code.map(Code::as_str))
}

fn percent(percent: Option<Percentage>) -> Value {
    percent.map_or(Value::Empty, |percent| {
        Value::Decimal(percent.into_decimal())
    })
}

fn date(date: Option<Date>) -> Value {
    let read = date.and_then(|date| date.to_string().parse().ok());
    read.map_or(Value::Empty, Value::Date)
}

fn record<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.into_iter();
    let record: Record = members
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Value::Record(record)
}
