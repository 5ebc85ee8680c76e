//! What the law would miss in an invoice, or find wrong: the business rules of EN 16931-1, 6.4, as far as a person can break them here. Those
//! about sums hold by construction. National rules are not asked.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::{
    DocumentType, Invoice, Line, MAX_PROBLEMS, Party, Period, Rounding, Settled, Vat, VatCategory,
    VatTerms, is_country, tax_on, unit,
};
use crate::{check::Problem, firm::is_iban, value::currency_decimals};

/// Every problem, with pointers into what `read` reads; `params.rule` names the rule. An error makes it no invoice, a warning a doubtful one.
pub fn check(invoice: &Invoice, settled: &Settled) -> Vec<Problem> {
    let mut check = Check {
        invoice,
        problems: Vec::new(),
    };
    check.head();
    check.parties();
    check.payment(settled);
    check.delivery();
    for (index, line) in invoice.lines.iter().enumerate() {
        check.line(&format!("/lines/{index}"), line);
    }
    for (name, list) in [
        ("allowances", &invoice.allowances),
        ("charges", &invoice.charges),
    ] {
        for (index, adjustment) in list.iter().enumerate() {
            if let Some(terms) = &adjustment.vat {
                check.vat_terms(&format!("/{name}/{index}"), terms);
            }
        }
    }
    check.taxes(settled);
    check.problems
}

struct Check<'a> {
    invoice: &'a Invoice,
    problems: Vec<Problem>,
}

/// The params of a problem that needs no more than its rule.
fn rule(rule: &str) -> Json {
    json!({"rule": rule})
}

impl Check<'_> {
    fn add(&mut self, at: impl Into<String>, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem.at(at));
        }
    }

    fn head(&mut self) {
        let invoice = self.invoice;
        if invoice.number.is_empty() {
            let message = "The invoice has no number.";
            let problem = Problem::error("invoice_number_missing", rule("BR-02"), message);
            self.add("/number", problem);
        }
        match (invoice.date, invoice.due) {
            (None, _) => {
                let message = "The invoice has no date.";
                let problem = Problem::error("invoice_date_missing", rule("BR-03"), message);
                self.add("/date", problem);
            }
            (Some(date), Some(due)) if due < date => {
                let message = "Payment is due before the date of the invoice.";
                let problem = Problem::warning("invoice_due_early", rule("BT-9"), message);
                self.add("/due", problem);
            }
            (Some(_), _) => {}
        }
        if invoice.lines.is_empty() {
            let message = "The invoice has no lines.";
            let problem = Problem::error("invoice_lines_missing", rule("BR-16"), message);
            self.add("/lines", problem);
        }
        if currency_decimals(&invoice.currency) > 2 {
            let message = "E-invoices have two decimals at most; this currency has more.";
            let problem = Problem::warning("invoice_currency_decimals", rule("BR-DEC"), message);
            self.add("/currency", problem);
        }
        self.preceding();
    }

    fn preceding(&mut self) {
        let preceding = &self.invoice.references.preceding;
        if preceding.is_empty() && self.invoice.document_type == DocumentType::CreditNote {
            let message = "The credit note does not say which invoice it takes back.";
            let problem = Problem::warning("invoice_preceding_missing", rule("BG-3"), message);
            self.add("/preceding", problem);
        }
        for (index, earlier) in preceding.iter().enumerate() {
            if earlier.number.is_empty() {
                let message = "The earlier invoice has no number.";
                let problem = Problem::error("invoice_preceding_number", rule("BR-55"), message);
                self.add(format!("/preceding/{index}/number"), problem);
            }
        }
    }

    fn parties(&mut self) {
        let invoice = self.invoice;
        let seller = &invoice.seller;
        self.party("/seller", seller, ["BR-06", "BR-08", "BR-09", "BR-62"]);
        self.party(
            "/buyer",
            &invoice.buyer,
            ["BR-07", "BR-10", "BR-11", "BR-63"],
        );
        // What the tax office calls a seller who has neither is an identifier, too (BT-29).
        let ids = [&seller.vat_id, &seller.registration, &seller.tax_number];
        if ids.into_iter().all(String::is_empty) {
            let message =
                "The seller has no VAT id, no tax number and no number in a public register.";
            let problem = Problem::error("invoice_seller_unidentified", rule("BR-CO-26"), message);
            self.add("/seller/vat_id", problem);
        }
    }

    fn party(&mut self, at: &str, party: &Party, rules: [&str; 4]) {
        if party.name.is_empty() {
            let message = "The name is missing.";
            let problem = Problem::error("invoice_name_missing", rule(rules[0]), message);
            self.add(format!("{at}/name"), problem);
        }
        if party.address.lines().is_empty() {
            let message = "The address is missing.";
            let problem = Problem::error("invoice_address_missing", rule(rules[1]), message);
            self.add(format!("{at}/street"), problem);
        }
        let country = party.address.country.as_str();
        if !is_country(country) {
            let message = "The country must be a code of two letters, such as DE.";
            let params = json!({"rule": rules[2], "country": country});
            let problem = Problem::error("invoice_country", params, message);
            self.add(format!("{at}/country"), problem);
        }
        let prefix = party.vat_id.split_at_checked(2).map(|(prefix, _)| prefix);
        if !party.vat_id.is_empty()
            && prefix.is_none_or(|prefix| prefix != "EL" && !is_country(prefix))
        {
            let message = "A VAT id begins with its country, as DE123456788 does.";
            let params = json!({"rule": "BR-CO-09", "vat_id": party.vat_id});
            let problem = Problem::error("invoice_vat_id", params, message);
            self.add(format!("{at}/vat_id"), problem);
        }
        if let Some(address) = &party.electronic_address
            && address.scheme.is_empty()
        {
            let message = "Say what kind of electronic address this is, such as EM or 0204.";
            let problem = Problem::error("invoice_electronic_scheme", rule(rules[3]), message);
            self.add(format!("{at}/electronic_scheme"), problem);
        }
    }

    fn payment(&mut self, settled: &Settled) {
        let invoice = self.invoice;
        let payable = settled.totals.payable;
        if payable > Decimal::ZERO && invoice.due.is_none() && invoice.payment.terms.is_empty() {
            let message = "Say by when the invoice is to be paid, or its terms of payment.";
            let problem = Problem::error("invoice_due_missing", rule("BR-CO-25"), message);
            self.add("/due", problem);
        }
        if payable < Decimal::ZERO && invoice.document_type == DocumentType::Invoice {
            let message = "Less than nothing is to be paid. Make it a credit note.";
            let problem = Problem::warning("invoice_below_zero_total", rule("BT-115"), message);
            self.add("/type", problem);
        }
        let iban = &invoice.payment.iban;
        if !iban.is_empty() && !is_iban(iban) {
            let message = "This is not an IBAN: a digit is missing or wrong.";
            let problem = Problem::error("iban_invalid", rule("BR-50"), message);
            self.add("/payment/iban", problem);
        }
    }

    fn delivery(&mut self) {
        let delivery = &self.invoice.delivery;
        self.period("/delivery/to", &delivery.period, "BR-29");
        if !delivery.country.is_empty() && !is_country(&delivery.country) {
            let message = "The country must be a code of two letters, such as DE.";
            let params = json!({"rule": "BR-57", "country": delivery.country});
            let problem = Problem::error("invoice_country", params, message);
            self.add("/delivery/country", problem);
        }
    }

    fn period(&mut self, at: &str, period: &Period, name: &str) {
        if let (Some(from), Some(to)) = (period.from, period.to)
            && to < from
        {
            let message = "The period ends before it begins.";
            let problem = Problem::error("invoice_period", rule(name), message);
            self.add(at, problem);
        }
    }

    fn line(&mut self, at: &str, line: &Line) {
        if line.name.is_empty() {
            let message = "The line does not say what it is for.";
            let problem = Problem::error("invoice_line_name", rule("BR-25"), message);
            self.add(format!("{at}/name"), problem);
        }
        if line.unit_price < Decimal::ZERO {
            let message = "A price cannot be below zero. Make the quantity negative instead.";
            let problem = Problem::error("invoice_price_negative", rule("BR-27"), message);
            self.add(format!("{at}/unit_price"), problem);
        }
        if unit::code(&line.unit).is_none() {
            let message = "This unit has no code that e-invoices know. Use one such as hour, piece, day or kg, or its code of UN/ECE recommendation 20.";
            let params = json!({"rule": "BR-CL-23", "unit": line.unit});
            let problem = Problem::error("invoice_unit", params, message);
            self.add(format!("{at}/unit"), problem);
        }
        self.period(&format!("{at}/period_to"), &line.period, "BR-30");
        self.vat_terms(at, &line.vat);
    }

    fn vat_terms(&mut self, at: &str, terms: &VatTerms) {
        let Vat { category, rate } = terms.vat();
        let (code, family) = (category.code(), category.family());
        if category == VatCategory::Standard && rate.is_zero() {
            let message = "The standard rate cannot be 0 %. Say why there is no VAT.";
            let problem = Problem::error("invoice_rate_zero", rule("BR-S-05"), message);
            self.add(format!("{at}/vat_rate"), problem);
        }
        if category != VatCategory::Standard && !rate.is_zero() {
            let message = format!("With VAT category {code} the rate is 0 %.");
            let params = json!({"rule": format!("BR-{family}-05"), "category": code});
            let problem = Problem::error("invoice_rate_not_zero", params, message);
            self.add(format!("{at}/vat_rate"), problem);
        }
        if terms.category.is_none() && rate.is_zero() {
            let message = "There is no VAT here, and nothing says why. It counts as zero rated.";
            let problem = Problem::warning("invoice_category_assumed", rule("BT-151"), message);
            self.add(format!("{at}/vat_category"), problem);
        }
        let is_explained = !terms.reason.is_empty() || !terms.reason_code.is_empty();
        if is_explained && !category.needs_reason() {
            let message = format!("With VAT category {code} there is no reason for an exemption.");
            let params = json!({"rule": format!("BR-{family}-10"), "category": code});
            let problem = Problem::error("invoice_reason_unwanted", params, message);
            self.add(format!("{at}/vat_reason"), problem);
        }
    }

    /// What follows from the categories that occur.
    fn taxes(&mut self, settled: &Settled) {
        let occurs = |category: VatCategory| {
            let mut taxes = settled.taxes.iter();
            taxes.any(|tax| tax.vat.category == category)
        };
        let occurring = VatCategory::ALL.into_iter().filter(|it| occurs(*it));
        for category in occurring {
            match category {
                VatCategory::Standard
                | VatCategory::ZeroRated
                | VatCategory::Exempt
                | VatCategory::ReverseCharge => self.seller_is_taxable(category),
                VatCategory::IntraCommunity | VatCategory::Export => {
                    self.seller_has_vat_id(category);
                }
                VatCategory::OutOfScope => self.out_of_scope(settled.taxes.len() > 1),
            }
        }
        if occurs(VatCategory::ReverseCharge) {
            self.buyer_of_reverse_charge();
        }
        if occurs(VatCategory::IntraCommunity) {
            self.buyer_within_the_union();
        }
        self.line_rounding(settled);
    }

    fn seller_is_taxable(&mut self, category: VatCategory) {
        let seller = &self.invoice.seller;
        if seller.vat_id.is_empty() && seller.tax_number.is_empty() {
            let message = "The seller has neither a VAT id nor a tax number.";
            let params = rule(&format!("BR-{}-02", category.family()));
            let problem = Problem::error("invoice_seller_tax_number", params, message);
            self.add("/seller/vat_id", problem);
        }
    }

    fn seller_has_vat_id(&mut self, category: VatCategory) {
        if self.invoice.seller.vat_id.is_empty() {
            let code = category.code();
            let message = format!("With VAT category {code} the seller needs a VAT id.");
            let family = category.family();
            let params = json!({"rule": format!("BR-{family}-02"), "category": code});
            let problem = Problem::error("invoice_seller_vat_id", params, message);
            self.add("/seller/vat_id", problem);
        }
    }

    fn buyer_of_reverse_charge(&mut self) {
        let buyer = &self.invoice.buyer;
        if buyer.vat_id.is_empty() && buyer.registration.is_empty() {
            let message = "Where the buyer owes the VAT, the buyer's VAT id or number in a register is needed.";
            let problem = Problem::error("invoice_buyer_registration", rule("BR-AE-02"), message);
            self.add("/buyer/vat_id", problem);
        }
    }

    fn buyer_within_the_union(&mut self) {
        let invoice = self.invoice;
        if invoice.buyer.vat_id.is_empty() {
            let message = "A supply within the EU is free of VAT only with the buyer's VAT id.";
            let problem = Problem::error("invoice_buyer_vat_id", rule("BR-IC-02"), message);
            self.add("/buyer/vat_id", problem);
        }
        let delivery = &invoice.delivery;
        let has_period = delivery.period.from.is_some() || delivery.period.to.is_some();
        if delivery.date.is_none() && !has_period {
            let message = "A supply within the EU needs its day or period of delivery.";
            let problem = Problem::error("invoice_delivery_missing", rule("BR-IC-11"), message);
            self.add("/delivery/date", problem);
        }
    }

    fn out_of_scope(&mut self, is_mixed: bool) {
        if is_mixed {
            let message =
                "What is not subject to VAT cannot stand on an invoice with anything else.";
            let problem = Problem::error("invoice_out_of_scope_mixed", rule("BR-O-11"), message);
            self.add("/lines", problem);
        }
        let invoice = self.invoice;
        for (at, party) in [
            ("/seller/vat_id", &invoice.seller),
            ("/buyer/vat_id", &invoice.buyer),
        ] {
            if !party.vat_id.is_empty() {
                let message = "An invoice that is not subject to VAT carries no VAT ids.";
                let problem = Problem::error("invoice_vat_id_unwanted", rule("BR-O-02"), message);
                self.add(at, problem);
            }
        }
    }

    /// EN 16931 knows only tax on the sum of a rate, and its validators let one unit pass.
    fn line_rounding(&mut self, settled: &Settled) {
        if self.invoice.tax_rounding == Rounding::Rate {
            return;
        }
        let decimals = currency_decimals(&self.invoice.currency);
        let is_off = settled.taxes.iter().any(|tax| {
            tax_on(tax.net, tax.vat.rate, decimals)
                .is_none_or(|of_sum| (of_sum - tax.tax).abs() >= Decimal::ONE)
        });
        if is_off {
            let message = "Rounding the VAT of each line differs by one or more from the VAT of the sum. Receivers of an e-invoice refuse that; round for each rate.";
            let problem = Problem::warning("invoice_rounding_off", rule("BR-CO-17"), message);
            self.add("/tax_rounding", problem);
        }
    }
}
