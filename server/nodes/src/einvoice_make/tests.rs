//! Invoices as the settings of the step say them.

use super::*;
use crate::testing::{FakeContext, done};

fn context() -> FakeContext {
    FakeContext::new(&json!({
        "firm": {
            "name": "Reisebüro Nord GmbH", "street": "Kapitelstraße 9", "post_code": "23552", "city": "Lübeck", "country": "DE",
            "vat_id": "DE123456788", "phone": "+49 451 123456", "email": "rechnung@nord.example", "iban": "DE02120300000000202051",
        },
        "form": {"lines": [
            {"description": "Beratung", "quantity": 8, "unit": "h", "unit_price": {"amount": "95.00", "currency": "EUR"}, "vat_rate": 19},
            {"description": "Handbuch", "quantity": 2, "unit_price": {"amount": "24.90", "currency": "EUR"}, "vat_rate": 7},
        ]},
    }))
}

fn config() -> Json {
    json!({
        "number": "R-7", "date": "2027-03-08", "due": "2027-03-22", "lines": "{{ form.lines }}", "delivery_date": "2027-03-05",
        "buyer_name": "Brandt & Söhne", "buyer_street": "Hafenstraße 12", "buyer_post_code": "24103", "buyer_city": "Kiel",
        "buyer_country": " de ", "buyer_email": "eingang@brandt.example", "buyer_reference": "04011000-12345-34",
    })
}

pub(super) fn with(changes: &Json) -> Result<(Json, String), NodeError> {
    let mut config = config();
    for (name, value) in changes.as_object().expect("changes") {
        config[name] = value.clone();
    }
    let context = context();
    let done = done::<EinvoiceMake>(config, &context)?;
    let files = context.files.lock().expect("lock");
    let xml = String::from_utf8(files[0].1.clone()).expect("UTF-8");
    Ok((done.output, xml))
}

#[test]
fn an_invoice_of_the_firm_is_written_in_every_format() {
    for (format, mark) in [
        ("factur_x", "urn:cen.eu:en16931:2017<"),
        ("factur_x_basic", "urn:factur-x.eu:1p0:basic<"),
        ("xrechnung_cii", "xrechnung_3.0<"),
        ("xrechnung_ubl", "<Invoice"),
    ] {
        let (output, xml) = with(&json!({"format": format})).expect("an e-invoice");
        assert!(xml.contains(mark), "{format}: {xml}");
        assert_eq!(output["totals"]["payable"]["amount"], "957.69");
        assert_eq!(output["file"]["name"], "e-invoice.xml");
        assert_eq!(output["file"]["content_type"], "text/xml");
        assert_eq!(output["number"], "R-7");
    }
}

#[test]
fn a_credit_note_is_for_an_invoice() {
    let credit = json!({"document_type": "credit_note", "preceding_number": "R-6", "preceding_date": "2027-02-01"});
    let (_, xml) = with(&credit).expect("a credit note");
    assert!(xml.contains("<ram:TypeCode>381</ram:TypeCode>"), "{xml}");
    assert!(
        xml.contains("<ram:IssuerAssignedID>R-6</ram:IssuerAssignedID>"),
        "{xml}"
    );
    // An invoice has none, whatever is left in the setting.
    let (_, xml) = with(&json!({"preceding_number": "R-6"})).expect("an invoice");
    assert!(!xml.contains("R-6"), "{xml}");
}

#[test]
fn an_electronic_address_may_say_its_kind() {
    let (_, xml) =
        with(&json!({"buyer_electronic_address": "0204:04011000-12345-34"})).expect("one");
    assert!(xml.contains("schemeID=\"0204\""), "{xml}");
}

#[test]
fn vat_in_another_currency_a_rounding_and_references_are_told() {
    let changes = json!({"tax_currency": "PLN", "exchange_rate": "4.25", "rounding": "0.01", "contract": "C-9", "project": "P-1"});
    let (output, xml) = with(&changes).expect("an e-invoice");
    let totals = &output["totals"];
    assert_eq!(totals["payable"]["amount"], "957.70");
    let tax = json!({"amount": "628.53", "currency": "PLN"});
    assert_eq!(totals["tax_in_tax_currency"], tax);
    for part in ["PLN", "628.53", "957.70", "C-9", "P-1"] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_setting_and_nothing_is_written() {
    let check = |changes: Json, parts: &[&str]| {
        let error = with(&changes).expect_err("no e-invoice");
        let NodeError::Failed(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.code, "einvoice_invalid");
        for part in parts {
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
    };
    check(
        json!({"buyer_country": "Germany"}),
        &["\u{201c}Buyer country\u{201d}: The country must be a code of two letters"],
    );
    check(
        json!({"format": "xrechnung_ubl", "buyer_reference": "", "buyer_email": ""}),
        &[
            "\u{201c}Buyer reference\u{201d}: An XRechnung has the buyer’s reference",
            "\u{201c}Buyer electronic address\u{201d}: An XRechnung has an electronic address",
        ],
    );
    check(
        json!({"lines": "{{ [form.lines | first, 7] }}"}),
        &["\u{201c}Line 2\u{201d}: This is a whole number, not a record."],
    );
    check(
        json!({"due": ""}),
        &["\u{201c}Payment due\u{201d}: Say by when"],
    );
}

#[test]
fn a_step_without_settings_says_what_it_lacks() {
    let node: EinvoiceMake = serde_json::from_value(json!({})).expect("a config");
    assert_eq!(node.place("/seller/vat_id"), "Firm");
    assert_eq!(node.place("/preceding/0/number"), "Number of the invoice");
    assert_eq!(node.place("/lines/11/unit"), "Line 12");
    assert_eq!(node.place(""), "");
}
