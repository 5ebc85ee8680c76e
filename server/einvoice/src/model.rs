//! An invoice of the engine as the model of EN 16931-1 that is written. Amounts are taken over as they are; nothing is computed here.

use en16931::{
    Date, DocumentKind, DocumentReference, Identifier, Invoice as Model, InvoiceAmount,
    InvoiceLine, InvoiceNote, Percentage, Quantity, UnitPriceAmount,
    invoice::{
        self as terms, Code, Contact, CreditTransfer, DocumentAllowanceCharge, DocumentTotals,
        Item, LineAllowanceCharge, LineVat, PaymentInstructions, PaymentMeans, PostalAddress,
        PrecedingInvoice, PriceDetails, VatBreakdown,
    },
};
use engine::{
    check::Problem,
    invoice::{
        Address, DocumentType, ElectronicAddress, Invoice, Line, Party, Period, Settled,
        SettledAdjustment, SettledLine, Vat, VatCategory, unit,
    },
};
use rust_decimal::Decimal;
use serde_json::json;

use crate::Format;

/// What XRechnung wants to be told where nothing else is agreed upon (BT-23).
const BILLING: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";
/// Means of payment (BT-81, UNTDID 4461).
const SEPA_TRANSFER: &str = "58";
const TRANSFER: &str = "30";
/// Addresses that are e-mail addresses (BT-34-1, EAS).
const MAIL: &str = "EM";

/// The model of a settled invoice; what cannot be told in it goes to `problems`.
pub(crate) fn model(
    invoice: &Invoice,
    settled: &Settled,
    format: Format,
    problems: &mut Vec<Problem>,
) -> Model {
    let mut writer = Writer {
        invoice,
        settled,
        format,
        problems,
    };
    let mut model = Model::default();
    writer.head(&mut model);
    writer.parties(&mut model);
    writer.payment(&mut model);
    writer.lines(&mut model);
    writer.amounts(&mut model);
    model
}

struct Writer<'a> {
    invoice: &'a Invoice,
    settled: &'a Settled,
    format: Format,
    problems: &'a mut Vec<Problem>,
}

impl Writer<'_> {
    fn head(&self, model: &mut Model) {
        let invoice = self.invoice;
        let references = &invoice.references;
        let is_credit = invoice.document_type == DocumentType::CreditNote;
        if is_credit {
            model.kind = DocumentKind::CreditNote;
        }
        model.specification_id = Some(self.format.profile().specification_id.to_owned());
        model.business_process = self.format.is_xrechnung().then(|| BILLING.to_owned());
        model.number = text(&invoice.number);
        model.issue_date = invoice.date.and_then(date);
        model.type_code = Some(Code::new(invoice.document_type.code()));
        model.currency = Some(Code::new(invoice.currency.as_str()));
        let other = invoice.tax_currency.as_ref();
        model.vat_accounting_currency = other.map(|other| Code::new(other.currency.as_str()));
        // A credit note in UBL has no place for the day until which the buyer would pay.
        if !(is_credit && self.format == Format::XRechnungUbl) {
            model.due_date = invoice.due.and_then(date);
        }
        model.buyer_reference = text(&references.buyer);
        model.project_reference = reference(&references.project);
        model.contract_reference = reference(&references.contract);
        model.purchase_order_reference = reference(&references.order);
        model.payment_terms = text(&invoice.payment.terms);
        let notes = invoice.notes.iter().filter_map(|note| text(note));
        model.notes = notes.map(InvoiceNote::new).collect();
        let preceding = references.preceding.iter();
        model.preceding_invoices = preceding
            .map(|earlier| PrecedingInvoice {
                reference: DocumentReference::new(clean(&earlier.number)),
                issue_date: earlier.date.and_then(date),
            })
            .collect();
        model.invoicing_period = period(&invoice.delivery.period);
    }

    fn parties(&self, model: &mut Model) {
        let invoice = self.invoice;
        model.seller = self.party(&invoice.seller);
        model.seller.tax_registration = text(&invoice.seller.tax_number);
        if model.seller.vat_identifier.is_none() && model.seller.legal_registration.is_none() {
            // Receivers want to know a seller by one number of its own (BR-CO-26): small businesses have only this one.
            let own = model.seller.tax_registration.clone();
            model.seller.identifiers = own.map(Identifier::new).into_iter().collect();
        }
        if self.format.is_xrechnung() && model.seller.contact.name.is_none() {
            // Whoever names nobody is to be asked as a whole (BT-41 may be a department).
            model.seller.contact.name = model.seller.name.clone();
        }
        model.buyer = self.party(&invoice.buyer);
        let delivery = terms::Delivery {
            date: invoice.delivery.date.and_then(date),
            address: self.delivered_to(),
            ..terms::Delivery::default()
        };
        if delivery != terms::Delivery::default() {
            model.delivery = Some(delivery);
        }
    }

    fn party(&self, party: &Party) -> terms::Party {
        let own = party.electronic_address.as_ref();
        let mut electronic_address = own
            .map(|ElectronicAddress { scheme, id }| Identifier::schemed(clean(id), clean(scheme)));
        if electronic_address.is_none() && self.format.is_xrechnung() {
            let mail = text(&party.email);
            electronic_address = mail.map(|mail| Identifier::schemed(mail, MAIL));
        }
        terms::Party {
            name: text(&party.name),
            legal_registration: text(&party.registration).map(Identifier::new),
            vat_identifier: text(&party.vat_id),
            electronic_address,
            address: address(&party.address),
            contact: Contact {
                name: text(&party.contact),
                phone: text(&party.phone),
                email: text(&party.email),
            },
            ..terms::Party::default()
        }
    }

    /// Where the goods went: the country that is said; the buyer's address where the law wants to know it (BR-IC-12).
    fn delivered_to(&self) -> Option<PostalAddress> {
        let country = text(&self.invoice.delivery.country);
        let mut taxes = self.settled.taxes.iter();
        if country.is_none() && taxes.any(|tax| tax.vat.category == VatCategory::IntraCommunity) {
            return Some(address(&self.invoice.buyer.address));
        }
        country.map(|country| PostalAddress {
            country: Some(Code::new(country)),
            ..PostalAddress::default()
        })
    }

    fn payment(&self, model: &mut Model) {
        let payment = &self.invoice.payment;
        let Some(iban) = text(&payment.iban) else {
            return;
        };
        let means = if self.invoice.currency == "EUR" {
            SEPA_TRANSFER
        } else {
            TRANSFER
        };
        let quoted = text(&payment.reference).or_else(|| model.number.clone());
        model.payment = Some(PaymentInstructions {
            means_code: Some(Code::new(means)),
            remittance_information: quoted,
            means: Some(PaymentMeans::CreditTransfer(vec![CreditTransfer {
                account_identifier: Some(iban),
                account_name: text(&payment.account_name),
                provider_identifier: text(&payment.bic),
            }])),
            ..PaymentInstructions::default()
        });
    }

    fn lines(&mut self, model: &mut Model) {
        let lines = self.invoice.lines.iter().zip(&self.settled.lines);
        model.lines = lines
            .enumerate()
            .map(|(index, (line, settled))| self.line(index, line, settled))
            .collect();
    }

    fn line(&mut self, index: usize, line: &Line, settled: &SettledLine) -> InvoiceLine {
        let at = format!("/lines/{index}");
        let unit_code = Code::new(unit::code(&line.unit).unwrap_or(&line.unit));
        let is_for_more = settled.price_base != Decimal::ONE;
        let mut parts = |list: &[SettledAdjustment]| -> Vec<LineAllowanceCharge> {
            let parts = list.iter().map(|part| LineAllowanceCharge {
                amount: self.amount(&at, part.net),
                base_amount: part.base.map(|base| self.amount(&at, base)),
                percentage: part.percent.map(Percentage::new),
                reason: text(&part.reason),
                reason_code: text(&part.reason_code).map(Code::new),
            });
            parts.collect()
        };
        let (allowances, charges) = (parts(&settled.allowances), parts(&settled.charges));
        InvoiceLine {
            id: (index + 1).to_string(),
            note: None,
            order_line_reference: None,
            accounting_reference: None,
            object_identifier: None,
            quantity: Quantity::new(line.quantity),
            net_amount: self.amount(&at, settled.net),
            period: period(&line.period),
            allowances,
            charges,
            price: PriceDetails {
                net_price: UnitPriceAmount::new(settled.net_price),
                base_quantity: is_for_more.then(|| Quantity::new(settled.price_base)),
                base_quantity_code: is_for_more.then(|| unit_code.clone()),
                ..PriceDetails::default()
            },
            unit_code,
            vat: line_vat(settled.vat),
            item: Item {
                name: text(&line.name),
                description: text(&line.description),
                ..Item::default()
            },
        }
    }

    fn amounts(&mut self, model: &mut Model) {
        let settled = self.settled;
        model.allowances = self.adjustments("/allowances", &settled.allowances);
        model.charges = self.adjustments("/charges", &settled.charges);
        let taxes = settled.taxes.iter().map(|tax| VatBreakdown {
            taxable_amount: self.amount("/lines", tax.net),
            tax_amount: self.amount("/lines", tax.tax),
            category: Code::new(tax.vat.category.code()),
            rate: Some(Percentage::new(tax.vat.rate)),
            exemption_reason: text(&tax.reason),
            exemption_reason_code: text(&tax.reason_code).map(Code::new),
        });
        model.vat_breakdown = taxes.collect();
        let totals = &settled.totals;
        let mut amount = |amount: Decimal| self.amount("/lines", amount);
        model.totals = DocumentTotals {
            line_total: amount(totals.lines),
            allowance_total: (!settled.allowances.is_empty()).then(|| amount(totals.allowances)),
            charge_total: (!settled.charges.is_empty()).then(|| amount(totals.charges)),
            taxable_total: amount(totals.net),
            vat_total: Some(amount(totals.tax)),
            vat_total_accounting: totals.tax_in_tax_currency.map(&mut amount),
            gross_total: amount(totals.gross),
            paid: (!totals.prepaid.is_zero()).then(|| amount(totals.prepaid)),
            rounding: (!totals.rounding.is_zero()).then(|| amount(totals.rounding)),
            due: amount(totals.payable),
        };
    }

    fn adjustments(
        &mut self,
        at: &str,
        list: &[SettledAdjustment],
    ) -> Vec<DocumentAllowanceCharge> {
        let parts = list.iter().map(|part| DocumentAllowanceCharge {
            amount: self.amount(at, part.net),
            base_amount: part.base.map(|base| self.amount(at, base)),
            percentage: part.percent.map(Percentage::new),
            vat: line_vat(part.vat),
            reason: text(&part.reason),
            reason_code: text(&part.reason_code).map(Code::new),
        });
        parts.collect()
    }

    /// An amount with its two decimals; one that has no place in an e-invoice is a problem.
    fn amount(&mut self, at: &str, amount: Decimal) -> InvoiceAmount {
        InvoiceAmount::from_decimal_exact(amount).unwrap_or_else(|_| {
            let params = json!({"rule": "BR-DEC", "amount": amount.to_string()});
            let message = format!(
                "E-invoices hold amounts of two decimals and less than 10\u{b9}\u{2076}; this one is {amount}."
            );
            let problem = Problem::error("einvoice_amount", params, message);
            self.problems.push(problem.at(at));
            InvoiceAmount::default()
        })
    }
}

fn line_vat(vat: Vat) -> LineVat {
    LineVat {
        category: Code::new(vat.category.code()),
        // BR-O-05: what is not subject to VAT has no rate, not one of zero.
        rate: (vat.category != VatCategory::OutOfScope).then(|| Percentage::new(vat.rate)),
    }
}

fn address(address: &Address) -> PostalAddress {
    let mut street = address.street.iter().filter_map(|line| text(line));
    let (line1, line2) = (street.next(), street.next());
    let rest: Vec<String> = street.collect();
    PostalAddress {
        line1,
        line2,
        line3: text(&rest.join(", ")),
        city: text(&address.city),
        post_code: text(&address.post_code),
        subdivision: text(&address.subdivision),
        country: text(&address.country).map(Code::new),
    }
}

fn period(period: &Period) -> Option<terms::Period> {
    let (start, end) = (period.from.and_then(date), period.to.and_then(date));
    (start.is_some() || end.is_some()).then_some(terms::Period { start, end })
}

/// `None` for years that e-invoices do not know, which are before our own.
fn date(date: jiff::civil::Date) -> Option<Date> {
    Date::parse(&date.to_string()).ok()
}

fn reference(written: &str) -> Option<DocumentReference> {
    text(written).map(DocumentReference::new)
}

fn text(written: &str) -> Option<String> {
    let clean = clean(written);
    (!clean.trim().is_empty()).then_some(clean)
}

/// Without what XML cannot hold.
fn clean(written: &str) -> String {
    let fits = |letter: &char| {
        matches!(letter, '\n' | '\t')
            || !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    written.chars().filter(fits).collect()
}
