//! Writes sample e-invoices of every format into a folder, for other people's validators: `samples FOLDER`.

use std::{error::Error, fs, path::Path};

use einvoice::Format;
use engine::{
    invoice::{self, Defaults},
    value::Value,
};
use serde_json::{Value as Json, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: samples FOLDER")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for (name, change) in samples() {
        let mut invoice = plain();
        for (member, value) in change.as_object().ok_or("no record")? {
            invoice[member] = value.clone();
        }
        for (ending, format) in [
            ("facturx", Format::FacturX),
            ("basic", Format::FacturXBasic),
            ("xrechnung-cii", Format::XRechnungCii),
            ("xrechnung-ubl", Format::XRechnungUbl),
        ] {
            // A rounding amount, which BASIC has no place for.
            if name == "gross" && format == Format::FacturXBasic {
                continue;
            }
            let file = folder.join(format!("{name}-{ending}.xml"));
            fs::write(file, made(&invoice, format)?)?;
        }
    }
    Ok(())
}

fn made(invoice: &Json, format: Format) -> Result<String, Box<dyn Error>> {
    let told = |problems: &dyn std::fmt::Debug| format!("{invoice}: {problems:#?}");
    let value = Value::from_any_json(invoice).map_err(|problems| told(&problems))?;
    let Value::Record(record) = value else {
        return Err("no record".into());
    };
    let defaults = Defaults {
        currency: "EUR",
        locale: "de",
    };
    let invoice = invoice::read(&record, defaults).map_err(|problems| told(&problems))?;
    let settled = invoice::settle(&invoice).map_err(|problems| told(&problems))?;
    let made = einvoice::make(&invoice, &settled, format).map_err(|problems| told(&problems))?;
    Ok(made.xml)
}

/// Name, and what differs from the plain one.
fn samples() -> Vec<(&'static str, Json)> {
    let line = |category: &str| json!([{"name": "Beratung", "quantity": "3", "unit": "h", "unit_price": "120.00", "vat_category": category, "vat_reason": ""}]);
    let mut small = plain()["seller"].clone();
    for number in ["vat_id", "registration"] {
        small[number] = json!("");
    }
    vec![
        ("plain", json!({})),
        (
            "credit-note",
            json!({"type": "credit_note", "number": "G-2027-4", "preceding": [{"number": "R-2027-17", "date": "2027-03-08"}]}),
        ),
        (
            "discounts",
            json!({
                "lines": [
                    {"name": "Schrauben", "quantity": "1500", "unit": "C62", "unit_price": "3.4900", "price_base": "100", "vat_rate": "19",
                     "allowances": [{"percent": "5", "reason": "Mengenrabatt"}]},
                    {"name": "Buch", "description": "Gebunden", "quantity": "2", "unit": "H87", "unit_price": "24.90", "vat_rate": "7",
                     "period_from": "2027-03-01", "period_to": "2027-03-31"},
                ],
                "allowances": [{"amount": "10.00", "reason": "Treuerabatt", "reason_code": "95"}],
                "charges": [{"amount": "4.90", "vat_rate": "19", "reason": "Versand", "reason_code": "FC"}],
                "prepaid": "20.00",
            }),
        ),
        (
            "gross",
            json!({"prices": "gross", "lines": [
                {"name": "A", "quantity": "3", "unit_price": "0.99", "vat_rate": "19"},
                {"name": "B", "quantity": "1", "unit_price": "4.99", "vat_rate": "7"},
                {"name": "C", "quantity": "7", "unit_price": "1.49", "vat_rate": "19"},
            ]}),
        ),
        (
            "reverse-charge",
            json!({"lines": line("AE"), "buyer": buyer("AT", "ATU12345678")}),
        ),
        (
            "within-the-union",
            json!({"lines": line("K"), "buyer": buyer("FR", "FR12999999999")}),
        ),
        ("exempt", json!({"lines": line("E")})),
        (
            "small-business",
            json!({"lines": line("E"), "seller": small}),
        ),
        (
            "export",
            json!({"lines": line("G"), "buyer": buyer("CH", "")}),
        ),
    ]
}

fn plain() -> Json {
    json!({
        "number": "R-2027-17",
        "date": "2027-03-08",
        "due": "2027-03-22",
        "buyer_reference": "04011000-12345-34",
        "order": "B-77",
        "notes": ["Vielen Dank für Ihren Auftrag."],
        "seller": {
            "name": "Reisebüro Nord GmbH", "street": "Kapitelstraße 9", "post_code": "23552", "city": "Lübeck", "country": "DE",
            "vat_id": "DE123456788", "tax_number": "22/123/45678", "registration": "HRB 1234 HL", "contact": "Clara Hoffmann",
            "phone": "+49 451 123456", "email": "rechnung@nord.example",
        },
        "buyer": buyer("DE", ""),
        "delivery": {"date": "2027-03-05"},
        "payment": {"iban": "DE02120300000000202051", "bic": "BYLADEM1001", "account_name": "Reisebüro Nord GmbH", "terms": "14 Tage netto"},
        "lines": [
            {"name": "Beratung", "description": "Vor Ort", "quantity": "8", "unit": "Stunde", "unit_price": "95.00", "vat_rate": "19"},
            {"name": "Handbuch", "quantity": "2", "unit": "Stück", "unit_price": "24.90", "vat_rate": "7"},
        ],
    })
}

fn buyer(country: &str, vat_id: &str) -> Json {
    json!({
        "name": "Brandt & Söhne", "street": "Hafenstraße 12", "post_code": "24103", "city": "Kiel", "country": country, "vat_id": vat_id,
        "electronic_address": "eingang@brandt.example",
    })
}
