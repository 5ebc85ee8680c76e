//! Invoices worked out by hand.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    check::Problem,
    firm::Firm,
    value::{Record, Value},
};

const DEFAULTS: Defaults<'static> = Defaults {
    currency: "EUR",
    locale: "en",
};

fn read_json(json: &Json) -> Result<Invoice, Vec<Problem>> {
    match Value::from_any_json(json) {
        Ok(Value::Record(record)) => read(&record, DEFAULTS),
        other => panic!("{other:?}"),
    }
}

/// What an invoice comes to.
#[expect(
    clippy::needless_pass_by_value,
    reason = "test values are written in place"
)]
fn settled(json: Json) -> Settled {
    let invoice = read_json(&json).unwrap_or_else(|problems| panic!("{problems:?}"));
    settle(&invoice).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Lines of `quantity, unit_price, vat_rate`.
fn lines(lines: &[(&str, &str, &str)]) -> Json {
    lines
        .iter()
        .map(|(quantity, price, rate)| {
            json!({"name": "A", "quantity": quantity, "unit_price": price, "vat_rate": rate})
        })
        .collect()
}

/// Net and tax by rate, `lines, allowances, charges, net, tax, gross, prepaid, rounding, payable`.
fn check_amounts(settled: &Settled, taxes: &[(&str, &str, &str)], totals: [&str; 9]) {
    let found: Vec<[String; 3]> = settled
        .taxes
        .iter()
        .map(|tax| [tax.vat.rate, tax.net, tax.tax].map(|number| number.to_string()))
        .collect();
    let expected: Vec<[String; 3]> = taxes
        .iter()
        .map(|(rate, net, tax)| [*rate, *net, *tax].map(str::to_owned))
        .collect();
    assert_eq!(found, expected);
    let found = &settled.totals;
    let found = [
        found.lines,
        found.allowances,
        found.charges,
        found.net,
        found.tax,
        found.gross,
        found.prepaid,
        found.rounding,
        found.payable,
    ];
    assert_eq!(found.map(|amount| amount.to_string()), totals);
}

#[test]
fn tax_is_that_of_each_rate() {
    let invoice = json!({"lines": lines(&[
        ("2", "412.00", "19"), ("2", "189.00", "7"), ("2", "74.50", "19"), ("2", "38.00", "19.0"), ("2", "29.00", "0"),
    ])});
    check_amounts(
        &settled(invoice),
        &[
            ("19", "1049.00", "199.31"),
            ("7", "378.00", "26.46"),
            ("0", "58.00", "0.00"),
        ],
        [
            "1485.00", "0.00", "0.00", "1485.00", "225.77", "1710.77", "0.00", "0.00", "1710.77",
        ],
    );
}

#[test]
fn allowances_and_charges_have_the_rates_of_their_lines() {
    let invoice = json!({
        "lines": [
            {"name": "A", "quantity": 10, "unit_price": "10.00", "vat_rate": "19", "allowances": [{"percent": "10"}]},
            {"name": "B", "quantity": 1, "unit_price": "50.00", "vat_rate": "7"},
        ],
        "allowances": [{"percent": "5", "reason": "Loyalty"}],
        "charges": [{"amount": "6.99"}],
        "prepaid": "100.00",
        "rounding": "0.01",
    });
    let settled = settled(invoice);
    check_amounts(
        &settled,
        &[("19", "89.99", "17.10"), ("7", "50.00", "3.50")],
        [
            "140.00", "7.00", "6.99", "139.99", "20.60", "160.59", "100.00", "0.01", "60.60",
        ],
    );
    let parts = |list: &[SettledAdjustment]| -> Vec<String> {
        list.iter()
            .map(|part| format!("{} {} {}", part.reason, part.net, part.vat.rate))
            .collect()
    };
    assert_eq!(
        parts(&settled.allowances),
        ["Loyalty 4.50 19", "Loyalty 2.50 7"]
    );
    assert_eq!(
        parts(&settled.charges),
        ["Surcharge 4.49 19", "Surcharge 2.50 7"]
    );
    assert_eq!(parts(&settled.lines[0].allowances), ["Discount 10.00 19"]);
}

#[test]
fn an_allowance_may_have_a_rate_of_its_own() {
    let invoice = json!({
        "lines": lines(&[("1", "100.00", "19"), ("1", "100.00", "7")]),
        "allowances": [{"amount": "10", "vat_rate": "7"}, {"percent": "50", "base": "20.00", "vat_rate": "19"}],
    });
    check_amounts(
        &settled(invoice),
        &[("19", "90.00", "17.10"), ("7", "90.00", "6.30")],
        [
            "200.00", "20.00", "0.00", "180.00", "23.40", "203.40", "0.00", "0.00", "203.40",
        ],
    );
}

#[test]
fn tax_is_rounded_for_each_rate_or_for_each_line() {
    let three = lines(&[
        ("1", "0.13", "19"),
        ("1", "0.13", "19"),
        ("1", "0.13", "19"),
    ]);
    check_amounts(
        &settled(json!({"lines": three.clone()})),
        &[("19", "0.39", "0.07")],
        [
            "0.39", "0.00", "0.00", "0.39", "0.07", "0.46", "0.00", "0.00", "0.46",
        ],
    );
    check_amounts(
        &settled(json!({"lines": three, "tax_rounding": "line"})),
        &[("19", "0.39", "0.06")],
        [
            "0.39", "0.00", "0.00", "0.39", "0.06", "0.45", "0.00", "0.00", "0.45",
        ],
    );
}

#[test]
fn prices_with_tax_are_paid_as_they_were_promised() {
    let invoice = json!({"prices": "gross", "lines": lines(&[("3", "9.99", "19")])});
    let found = settled(invoice);
    // 8.3950 each would come to 25.19, but 29.97 / 1.19 is 25.18.
    let line = &found.lines[0];
    let written = [line.net_price, line.price_base, line.net, line.amount];
    let written = written.map(|number| number.to_string());
    assert_eq!(written, ["83.9496", "10", "25.18", "29.97"]);
    check_amounts(
        &found,
        &[("19", "25.18", "4.78")],
        [
            "25.18", "0.00", "0.00", "25.18", "4.78", "29.96", "0.00", "0.01", "29.97",
        ],
    );
    let many = json!({"prices": "gross", "lines": lines(&[("12345", "0.3523", "19")])});
    let line = &settled(many).lines[0];
    let written = [line.net_price, line.price_base, line.net, line.amount];
    let written = written.map(|number| number.to_string());
    assert_eq!(written, ["2.9605", "10", "3654.74", "4349.14"]);
}

#[test]
fn many_lines_with_tax_are_as_exact_as_one() {
    let thousand: Vec<(&str, &str, &str)> = vec![("1", "9.99", "19"); 1000];
    let invoice = json!({"prices": "gross", "lines": lines(&thousand)});
    // 9,990.00 / 1.19 is 8,394.96; each line rounded by itself would come to 8,390.00.
    let found = settled(invoice.clone());
    check_amounts(
        &found,
        &[("19", "8394.96", "1595.04")],
        [
            "8394.96", "0.00", "0.00", "8394.96", "1595.04", "9990.00", "0.00", "0.00", "9990.00",
        ],
    );
    let nets = ["8.39", "8.40"].map(|net| net.parse::<Decimal>().expect("a number"));
    assert!(found.lines.iter().all(|line| nets.contains(&line.net)));
    let mut by_line = invoice;
    by_line["tax_rounding"] = json!("line");
    assert_eq!(settled(by_line).totals, found.totals);
}

#[test]
fn allowances_on_prices_with_tax_hold_it_too() {
    let invoice = json!({
        "prices": "gross",
        "lines": lines(&[("1", "119.00", "19"), ("1", "107.00", "7")]),
        "allowances": [{"percent": "10"}],
        "charges": [{"amount": "11.90", "vat_rate": "19"}],
    });
    check_amounts(
        &settled(invoice),
        &[("19", "100.00", "19.00"), ("7", "90.00", "6.30")],
        [
            "200.00", "20.00", "10.00", "190.00", "25.30", "215.30", "0.00", "0.00", "215.30",
        ],
    );
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    check_amounts(
        &settled(json!({"currency": "JPY", "lines": lines(&[("3", "333", "10")])})),
        &[("10", "999", "100")],
        ["999", "0", "0", "999", "100", "1099", "0", "0", "1099"],
    );
    check_amounts(
        &settled(json!({"currency": "KWD", "lines": lines(&[("1.5", "1.2345", "5")])})),
        &[("5", "1.852", "0.093")],
        [
            "1.852", "0.000", "0.000", "1.852", "0.093", "1.945", "0.000", "0.000", "1.945",
        ],
    );
}

#[test]
fn tax_is_told_in_another_currency() {
    let invoice = json!({
        "lines": lines(&[("1", "100.00", "19")]),
        "tax_currency": {"currency": "PLN", "exchange_rate": "4.3215"},
    });
    let tax = settled(invoice).totals.tax_in_tax_currency;
    assert_eq!(tax.map(|tax| tax.to_string()).as_deref(), Some("82.11"));
}

#[test]
fn what_is_free_of_tax_says_why() {
    let check = |line: Json, reason: &str, code: &str| {
        let mut line = line;
        line["name"] = json!("A");
        line["quantity"] = json!(1);
        line["unit_price"] = json!("1000.00");
        let found = settled(json!({"language": "de", "lines": [line]}));
        let tax = &found.taxes[0];
        assert_eq!(
            (tax.reason.as_str(), tax.reason_code.as_str()),
            (reason, code)
        );
        assert_eq!(found.totals.payable.to_string(), "1000.00");
    };
    check(
        json!({"vat_category": "AE"}),
        "Steuerschuldnerschaft des Leistungsempfängers",
        "VATEX-EU-AE",
    );
    check(json!({"vat_category": "E"}), "Umsatzsteuerfrei", "");
    let own = json!({"vat_category": "E", "vat_reason": "§ 4 Nr. 12 UStG", "vat_reason_code": "VATEX-EU-132"});
    check(own, "§ 4 Nr. 12 UStG", "VATEX-EU-132");
    check(json!({"vat_category": "Z"}), "", "");
}

/// Every problem of reading and settling, as place and code.
#[expect(
    clippy::needless_pass_by_value,
    reason = "test values are written in place"
)]
fn refused(json: Json, expected: &[(&str, &str)]) {
    let problems = read_json(&json)
        .and_then(|invoice| settle(&invoice))
        .expect_err("problems");
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    refused(
        json!({
            "due_date": "2027-01-01",
            "date": "tomorrow",
            "prices": "both",
            "lines": [
                {"quantity": "x", "unit_price": {"amount": "1", "currency": "USD"}, "vat_rate": true, "allowence": "3"},
                7,
            ],
            "charges": [{"percent": "3", "amount": "2"}],
            "currency": "EUR",
        }),
        &[
            ("/due_date", "invoice_unknown"),
            ("/date", "invoice_wrong_kind"),
            ("/prices", "invoice_option"),
            ("/lines/0/allowence", "invoice_unknown"),
            ("/lines/0/quantity", "invoice_wrong_kind"),
            ("/lines/0/unit_price", "invoice_currency"),
            ("/lines/0/vat_rate", "invoice_wrong_kind"),
            ("/lines/1", "invoice_wrong_kind"),
            ("/charges/0/amount", "invoice_amount_and_percent"),
        ],
    );
    refused(
        json!({"lines": [{"allowances_": 1, "unit_price": "1", "vat_rate": "0"}]}),
        &[
            ("/lines/0/allowances_", "invoice_unknown"),
            ("/lines/0/quantity", "invoice_missing"),
        ],
    );
}

#[test]
fn limits_are_told_with_their_place() {
    refused(
        json!({
            "currency": "eur",
            "lines": [{"name": "A", "quantity": "0.0000001", "unit_price": "1.00001", "price_base": 0, "vat_rate": "101"}],
            "prepaid": "0.001",
        }),
        &[
            ("/currency", "currency_unknown"),
            ("/lines/0/quantity", "invoice_decimals"),
            ("/lines/0/unit_price", "invoice_decimals"),
            ("/lines/0/price_base", "invoice_above_zero"),
            ("/lines/0/vat_rate", "invoice_number_large"),
            ("/prepaid", "invoice_decimals"),
        ],
    );
    refused(
        json!({"lines": lines(&[("1000000000", "1000000000", "19")])}),
        &[("/lines/0", "invoice_amount_large")],
    );
    refused(
        json!({"lines": [], "charges": [{"amount": "1"}], "allowances": [{"amount": "-1", "vat_rate": "19"}]}),
        &[
            ("/allowances/0/amount", "invoice_below_zero"),
            ("/charges/0", "invoice_adjustment_alone"),
        ],
    );
}

#[test]
fn a_firm_sells_as_its_record_says() {
    let firm = Firm {
        name: "Nordwind".into(),
        street: vec!["Hüxstraße 44".into()],
        city: "Lübeck".into(),
        country: "DE".into(),
        vat_id: "DE 123 456 788".into(),
        iban: "DE02 1203 0000 0000 2020 51".into(),
        prices: Prices::Gross,
        tax_rounding: Rounding::Line,
        ..Firm::default()
    };
    let mut record = Record::from_iter([("seller".to_owned(), firm.to_value())]);
    let invoice = read(&record, DEFAULTS).expect("an invoice");
    assert_eq!(invoice.prices, Prices::Gross);
    assert_eq!(invoice.tax_rounding, Rounding::Line);
    assert_eq!(invoice.payment.iban, "DE02120300000000202051");
    assert_eq!(invoice.payment.account_name, "Nordwind");
    assert_eq!(invoice.seller.vat_id, "DE123456788");
    assert_eq!(invoice.seller.address.lines(), ["Hüxstraße 44", "Lübeck"]);
    record.insert("prices".into(), Value::Text("net".into()));
    let invoice = read(&record, DEFAULTS).expect("an invoice");
    assert_eq!(invoice.prices, Prices::Net);
}

fn whole() -> Json {
    json!({
        "number": "R-1", "date": "2027-03-08", "due": "2027-03-22",
        "seller": {
            "name": "Nordwind", "street": "Hüxstraße 44", "post_code": "23552", "city": "Lübeck", "country": "DE",
            "vat_id": "DE 123 456 788",
        },
        "buyer": {"name": "Hoffmann", "street": "Kapitelstraße 9", "city": "Wien", "country": "AT", "vat_id": "ATU12345678"},
        "delivery": {"date": "2027-03-01"},
        "payment": {"iban": "DE02 1203 0000 0000 2020 51"},
        "lines": [{"name": "Work", "quantity": "8", "unit": "h", "unit_price": "90.00", "vat_rate": "19"}],
    })
}

/// What is found when a whole invoice is changed at some places.
fn found(changes: &[(&str, Json)], expected: &[(&str, &str)]) {
    let mut invoice = whole();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        invoice
            .pointer_mut(parent)
            .and_then(Json::as_object_mut)
            .expect("a record")
            .insert(name.to_owned(), value.clone());
    }
    let invoice = read_json(&invoice).unwrap_or_else(|problems| panic!("{problems:?}"));
    let settled = settle(&invoice).unwrap_or_else(|problems| panic!("{problems:?}"));
    let problems = check(&invoice, &settled);
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(found, expected, "{changes:?}");
}

#[test]
fn a_whole_invoice_has_no_problems() {
    found(&[], &[]);
    found(
        &[
            ("/lines/0/vat_rate", json!("0")),
            ("/lines/0/vat_category", json!("K")),
        ],
        &[],
    );
}

#[test]
fn what_is_missing_is_told() {
    found(
        &[("/number", json!("")), ("/date", json!(null))],
        &[
            ("/number", "invoice_number_missing"),
            ("/date", "invoice_date_missing"),
        ],
    );
    found(&[("/due", json!(null))], &[("/due", "invoice_due_missing")]);
    found(
        &[("/due", json!("2027-03-07"))],
        &[("/due", "invoice_due_early")],
    );
    found(
        &[("/lines", json!([]))],
        &[("/lines", "invoice_lines_missing")],
    );
    found(
        &[("/seller", json!({"name": "Nordwind", "country": "Germany"}))],
        &[
            ("/seller/street", "invoice_address_missing"),
            ("/seller/country", "invoice_country"),
            ("/seller/vat_id", "invoice_seller_unidentified"),
            ("/seller/vat_id", "invoice_seller_tax_number"),
        ],
    );
    found(
        &[("/type", json!("credit_note"))],
        &[("/preceding", "invoice_preceding_missing")],
    );
    found(
        &[("/payment/iban", json!("DE03120300000000202051"))],
        &[("/payment/iban", "iban_invalid")],
    );
    found(
        &[("/buyer/vat_id", json!("U12345678"))],
        &[("/buyer/vat_id", "invoice_vat_id")],
    );
    found(
        &[("/lines/0/unit", json!("nights"))],
        &[("/lines/0/unit", "invoice_unit")],
    );
    found(
        &[("/lines/0/quantity", json!("-1"))],
        &[("/type", "invoice_below_zero_total")],
    );
    found(
        &[("/lines/0/unit_price", json!("-1"))],
        &[
            ("/type", "invoice_below_zero_total"),
            ("/lines/0/unit_price", "invoice_price_negative"),
        ],
    );
}

#[test]
fn categories_demand_what_the_law_does() {
    let category = |code: &str| ("/lines/0/vat_category", json!(code));
    let none = || ("/lines/0/vat_rate", json!("0"));
    let no_buyer_id = || ("/buyer/vat_id", json!(null));
    found(
        &[none()],
        &[("/lines/0/vat_category", "invoice_category_assumed")],
    );
    found(
        &[none(), category("S")],
        &[("/lines/0/vat_rate", "invoice_rate_zero")],
    );
    found(
        &[category("AE")],
        &[("/lines/0/vat_rate", "invoice_rate_not_zero")],
    );
    found(
        &[none(), category("AE"), no_buyer_id()],
        &[("/buyer/vat_id", "invoice_buyer_registration")],
    );
    found(
        &[
            none(),
            category("K"),
            no_buyer_id(),
            ("/delivery", json!(null)),
        ],
        &[
            ("/buyer/vat_id", "invoice_buyer_vat_id"),
            ("/delivery/date", "invoice_delivery_missing"),
        ],
    );
    found(
        &[
            none(),
            category("G"),
            no_buyer_id(),
            ("/seller/vat_id", json!("")),
            ("/seller/registration", json!("HRB 1")),
        ],
        &[("/seller/vat_id", "invoice_seller_vat_id")],
    );
    found(
        &[none(), category("O")],
        &[
            ("/seller/vat_id", "invoice_vat_id_unwanted"),
            ("/buyer/vat_id", "invoice_vat_id_unwanted"),
        ],
    );
    let unsubjected = json!({"name": "B", "quantity": 1, "unit_price": "1", "vat_category": "O"});
    let registered = [
        ("/seller/vat_id", json!("")),
        ("/seller/tax_number", json!("22/815/08154")),
        ("/seller/registration", json!("HRB 1")),
        no_buyer_id(),
        (
            "/lines",
            json!([unsubjected, {"name": "A", "quantity": 1, "unit_price": "1", "vat_rate": "19"}]),
        ),
    ];
    found(&registered, &[("/lines", "invoice_out_of_scope_mixed")]);
    found(
        &[("/lines/0/vat_reason", json!("Because"))],
        &[("/lines/0/vat_reason", "invoice_reason_unwanted")],
    );
}

#[test]
fn rounding_by_line_is_told_where_receivers_refuse_it() {
    let many: Vec<(&str, &str, &str)> = vec![("1", "0.13", "19"); 300];
    found(
        &[("/lines", lines(&many)), ("/tax_rounding", json!("line"))],
        &[("/tax_rounding", "invoice_rounding_off")],
    );
    found(
        &[
            ("/lines", lines(&many[..3])),
            ("/tax_rounding", json!("line")),
        ],
        &[],
    );
}

#[test]
fn the_value_has_the_declared_kind_and_keeps_what_lines_have_of_their_own() {
    let lines = json!([{"name": "Work", "quantity": 2, "unit": "Stunde", "unit_price": "90", "vat_rate": "19", "sku": "W-1"}]);
    let invoice = read_json(&json!({"lines": lines.clone()})).expect("an invoice");
    let settled = settle(&invoice).expect("amounts");
    let given = match Value::from_any_json(&lines) {
        Ok(Value::List(given)) => given,
        other => panic!("{other:?}"),
    };
    let value = to_value(&invoice, &settled, &given, &check(&invoice, &settled));
    let own = crate::kind::Kind::record([("sku", "", crate::kind::Kind::text())]);
    let json = value.to_json();
    let read = Value::from_json(&json, &kind(&own)).expect("the declared kind");
    assert_eq!(read.to_json()["totals"], json["totals"]);
    assert_eq!(json["lines"][0]["sku"], json!("W-1"));
    assert_eq!(json["lines"][0]["unit_code"], json!("HUR"));
    assert_eq!(
        json["totals"]["payable"],
        json!({"amount": "214.20", "currency": "EUR"})
    );
    assert_eq!(json["problems"][0]["code"], json!("invoice_number_missing"));
}

#[test]
fn lines_that_came_out_can_go_in_again() {
    // The net price is for ten units, the price that was typed for one.
    let invoice = json!({"prices": "gross", "lines": lines(&[("3", "9.99", "19")])});
    let invoice = read_json(&invoice).expect("an invoice");
    let found = settle(&invoice).expect("amounts");
    let mut json = to_value(&invoice, &found, &[], &[]).to_json();
    let line = &json["lines"][0];
    assert_eq!(line["price_base"], json!("1"));
    assert_eq!(line["net_price"]["amount"], json!("83.9496"));
    assert_eq!(line["net_price_base"], json!("10"));
    // What is typed, without what is computed.
    let typed = [
        "name",
        "quantity",
        "unit",
        "unit_price",
        "price_base",
        "vat_rate",
    ];
    let line = json["lines"][0].as_object_mut().expect("a line");
    line.retain(|name, _| typed.contains(&name.as_str()));
    let again = settled(json!({"prices": "gross", "lines": [line]}));
    assert_eq!(again.totals, found.totals);
}
