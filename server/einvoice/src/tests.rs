//! Invoices written by hand after the examples of the rules; official validators look at them in `.ci/checkers`.

use engine::{
    check::Problem,
    firm::Prices,
    invoice::{
        Address, Adjustment, Defaults, DocumentType, ElectronicAddress, Invoice, Line, Party,
        Payment, Period, Preceding, Settled, VatCategory, VatTerms, Worth, settle,
    },
    value::{Record, Value},
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn line(name: &str, quantity: &str, unit: &str, price: &str, rate: &str) -> Line {
    Line {
        name: name.into(),
        description: String::new(),
        quantity: number(quantity),
        unit: unit.into(),
        unit_price: number(price),
        price_base: Decimal::ONE,
        allowances: Vec::new(),
        charges: Vec::new(),
        vat: VatTerms {
            rate: number(rate),
            ..VatTerms::default()
        },
        period: Period::default(),
    }
}

/// An invoice that every format takes.
fn sample() -> Invoice {
    let address = |street: &str, post_code: &str, city: &str| Address {
        street: vec![street.into()],
        post_code: post_code.into(),
        city: city.into(),
        country: "DE".into(),
        ..Address::default()
    };
    let mut invoice = Invoice {
        number: "R-2027-17".into(),
        date: "2027-03-08".parse().ok(),
        due: "2027-03-22".parse().ok(),
        currency: "EUR".into(),
        locale: "de".into(),
        notes: vec!["Vielen Dank für Ihren Auftrag.".into()],
        seller: Party {
            name: "Reisebüro Nord GmbH".into(),
            address: address("Kapitelstraße 9", "23552", "Lübeck"),
            vat_id: "DE123456788".into(),
            phone: "+49 451 123456".into(),
            email: "rechnung@nord.example".into(),
            ..Party::default()
        },
        buyer: Party {
            name: "Brandt & Söhne".into(),
            address: address("Hafenstraße 12", "24103", "Kiel"),
            electronic_address: Some(ElectronicAddress {
                scheme: "EM".into(),
                id: "eingang@brandt.example".into(),
            }),
            ..Party::default()
        },
        payment: Payment {
            iban: "DE02120300000000202051".into(),
            bic: "BYLADEM1001".into(),
            ..Payment::default()
        },
        lines: vec![
            line("Beratung", "8", "Stunde", "95.00", "19"),
            line("Handbuch", "2", "Stück", "24.90", "7"),
        ],
        ..Invoice::default()
    };
    invoice.references.buyer = "04011000-12345-34".into();
    invoice.delivery.date = invoice.date;
    invoice
}

fn settled(invoice: &Invoice) -> Settled {
    settle(invoice).expect("amounts")
}

fn made(invoice: &Invoice, format: Format) -> String {
    let made = make(invoice, &settled(invoice), format);
    made.expect("an e-invoice").xml
}

/// What is told of a sample that was changed, as `rule pointer`.
fn told(format: Format, change: impl FnOnce(&mut Invoice)) -> Vec<String> {
    let mut invoice = sample();
    change(&mut invoice);
    let problems = match make(&invoice, &settled(&invoice), format) {
        Ok(made) => made.warnings,
        Err(problems) => problems,
    };
    let told = |problem: &Problem| {
        let rule = problem.params["rule"].as_str().unwrap_or_default();
        format!("{rule} {}", problem.pointer)
    };
    problems.iter().map(told).collect()
}

fn member<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, name| match value {
        Value::Record(record) => &record[name],
        Value::List(list) => &list[name.parse::<usize>().expect("an index")],
        other => panic!("{name} of {other:?}"),
    })
}

fn payable(received: &Received) -> String {
    match member(&received.invoice, "totals.payable") {
        Value::Money(money) => format!("{} {}", money.amount, money.currency),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_format_is_written_and_read_back_with_the_same_amounts() {
    for (format, profile, syntax) in [
        (Format::FacturX, "EN 16931", "UN/CEFACT CII D16B"),
        (
            Format::FacturXBasic,
            "ZUGFeRD BASIC (EN 16931 core rules)",
            "UN/CEFACT CII D16B",
        ),
        (Format::XRechnungCii, "XRechnung 3.0", "UN/CEFACT CII D16B"),
        (Format::XRechnungUbl, "XRechnung 3.0", "UBL 2.1"),
    ] {
        let received = read(made(&sample(), format).as_bytes(), "de").expect("readable");
        assert!(received.is_valid(), "{format:?}: {:#?}", received.problems);
        assert_eq!(received.profile, profile);
        assert_eq!(received.syntax, syntax);
        assert_eq!(payable(&received), "957.69 EUR");
        let invoice = &received.invoice;
        let text = |path| match member(invoice, path) {
            Value::Text(text) => text.clone(),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(text("number"), "R-2027-17");
        assert_eq!(text("type"), "invoice");
        assert_eq!(text("buyer.name"), "Brandt & Söhne");
        assert_eq!(text("buyer.street"), "Hafenstraße 12");
        assert_eq!(text("payment.iban"), "DE02120300000000202051");
        assert_eq!(text("lines.0.unit"), "Stunde");
        assert_eq!(text("lines.1.unit_code"), "H87");
        assert_eq!(
            Value::from_json(&invoice.to_json(), &kind()).expect("its kind"),
            *invoice,
            "{format:?}"
        );
    }
}

#[test]
fn what_is_read_can_be_settled_again() {
    let received = read(made(&sample(), Format::XRechnungUbl).as_bytes(), "de");
    let received = received.expect("readable");
    let Value::Record(mut record) = received.invoice.clone() else {
        panic!("no record");
    };
    for name in ["type_code", "means_code", "taxes", "totals"] {
        record.shift_remove(name);
    }
    let defaults = Defaults {
        currency: "USD",
        locale: "de",
    };
    let again: Record = record;
    let read = engine::invoice::read(&again, defaults).expect("an invoice");
    assert_eq!(settled(&read).totals, settled(&sample()).totals);
}

#[test]
fn only_what_has_a_place_in_a_pdf_is_put_there() {
    let of = |format| hybrid(made(&sample(), format).as_bytes()).expect("readable");
    let check = |format, expected: Option<(&str, &str)>| {
        let found = of(format).map(|hybrid| (hybrid.file_name, hybrid.conformance_level));
        assert_eq!(found, expected, "{format:?}");
    };
    check(Format::FacturX, Some(("factur-x.xml", "EN 16931")));
    check(Format::FacturXBasic, Some(("factur-x.xml", "BASIC")));
    check(Format::XRechnungCii, Some(("xrechnung.xml", "XRECHNUNG")));
    check(Format::XRechnungUbl, None);
    assert!(hybrid(b"%PDF-1.7").is_err());
}

#[test]
fn a_credit_note_names_its_invoice() {
    let credit = |invoice: &mut Invoice| {
        invoice.document_type = DocumentType::CreditNote;
        invoice.references.preceding = vec![Preceding {
            number: "R-2027-16".into(),
            date: "2027-02-01".parse().ok(),
        }];
    };
    let mut invoice = sample();
    credit(&mut invoice);
    let cii = made(&invoice, Format::FacturX);
    assert!(cii.contains("<ram:TypeCode>381</ram:TypeCode>"), "{cii}");
    assert!(cii.contains("R-2027-16"), "{cii}");
    let ubl = made(&invoice, Format::XRechnungUbl);
    assert!(ubl.contains("<CreditNote"), "{ubl}");
    assert!(ubl.contains("R-2027-16"), "{ubl}");
    let received = read(ubl.as_bytes(), "en").expect("readable");
    assert_eq!(
        *member(&received.invoice, "type"),
        Value::Text("credit_note".into())
    );
    assert_eq!(payable(&received), "957.69 EUR");

    let two = |invoice: &mut Invoice| {
        credit(invoice);
        let second = invoice.references.preceding[0].clone();
        invoice.references.preceding.push(second);
    };
    assert_eq!(told(Format::FacturX, two), ["BG-3 /preceding"]);
    assert!(told(Format::XRechnungUbl, two).is_empty());
}

#[test]
fn a_seller_with_a_tax_number_alone_is_known_by_it() {
    let mut invoice = sample();
    invoice.seller.vat_id.clear();
    invoice.seller.tax_number = "22/815/08154".into();
    for format in Format::ALL {
        let received = read(made(&invoice, format).as_bytes(), "de").expect("readable");
        assert!(received.is_valid(), "{format:?}: {:#?}", received.problems);
        let number = member(&received.invoice, "seller.tax_number");
        assert_eq!(*number, Value::Text("22/815/08154".into()));
    }
}

#[test]
fn broken_rules_are_told_with_their_place() {
    let check = |format, change: fn(&mut Invoice), expected: &str| {
        let told = told(format, change);
        assert!(
            told.iter().any(|told| told == expected),
            "{expected}: {told:?}"
        );
    };
    check(Format::FacturX, |it| it.number.clear(), "BR-02 /number");
    check(Format::FacturX, |it| it.date = None, "BR-03 /date");
    check(Format::FacturX, |it| it.lines.clear(), "BR-16 /lines");
    check(Format::FacturX, |it| it.due = None, "BR-CO-25 /due");
    check(
        Format::FacturX,
        |it| it.seller.vat_id.clear(),
        "BR-CO-26 /seller/vat_id",
    );
    check(
        Format::FacturX,
        |it| it.lines[1].unit = "Nächte".into(),
        "BR-CL-23 /lines/1/unit",
    );
    check(
        Format::FacturX,
        |it| it.buyer.address.country = "Germany".into(),
        "BR-11 /buyer/country",
    );
    check(
        Format::FacturX,
        |it| it.buyer.electronic_address.as_mut().expect("one").scheme = "mail".into(),
        "BR-CL-25 /buyer/electronic_address",
    );
    check(
        Format::FacturX,
        |it| it.lines[0].vat.category = Some(VatCategory::ReverseCharge),
        "BR-AE-05 /lines/0/vat_rate",
    );
    check(
        Format::XRechnungUbl,
        |it| it.references.buyer.clear(),
        "BR-DE-15 /buyer_reference",
    );
    check(
        Format::XRechnungUbl,
        |it| it.seller.phone.clear(),
        "BR-DE-6 /seller/phone",
    );
    check(
        Format::XRechnungCii,
        |it| it.buyer.address.post_code.clear(),
        "BR-DE-9 /buyer/post_code",
    );
    check(
        Format::XRechnungCii,
        |it| it.payment.iban.clear(),
        "BR-DE-1 /payment/iban",
    );
    check(
        Format::XRechnungCii,
        |it| it.buyer.electronic_address = None,
        "PEPPOL-EN16931-R010 /buyer/electronic_address",
    );
    // Factur-X asks for none of these.
    let plain = |it: &mut Invoice| {
        it.references.buyer.clear();
        it.seller.phone.clear();
        it.payment.iban.clear();
        it.buyer.electronic_address = None;
    };
    assert!(told(Format::FacturX, plain).is_empty());
}

#[test]
fn prices_with_tax_keep_what_was_promised() {
    let mut invoice = sample();
    invoice.prices = Prices::Gross;
    invoice.lines = vec![
        line("A", "3", "", "0.99", "19"),
        line("B", "1", "", "4.99", "7"),
        line("C", "7", "", "1.49", "19"),
    ];
    let promised = number("2.97") + number("4.99") + number("10.43");
    let amounts = settled(&invoice);
    assert_eq!(amounts.totals.payable, promised);
    for format in [Format::FacturX, Format::XRechnungCii, Format::XRechnungUbl] {
        let received = read(made(&invoice, format).as_bytes(), "en").expect("readable");
        assert!(received.is_valid(), "{:#?}", received.problems);
        assert_eq!(payable(&received), "18.39 EUR");
    }
    let basic = make(&invoice, &amounts, Format::FacturXBasic);
    assert_eq!(basic.is_err(), !amounts.totals.rounding.is_zero());
}

#[test]
fn discounts_and_categories_without_vat_keep_the_rules() {
    let exempt = |category| VatTerms {
        category: Some(category),
        ..VatTerms::default()
    };
    let mut invoice = sample();
    invoice.lines[0].allowances.push(Adjustment {
        worth: Worth::Percent {
            percent: number("10"),
            base: None,
        },
        reason: String::new(),
        reason_code: String::new(),
        vat: None,
    });
    invoice.allowances.push(Adjustment {
        worth: Worth::Amount(number("20.00")),
        reason: "Treue".into(),
        reason_code: "95".into(),
        vat: None,
    });
    invoice.prepaid = number("100.00");
    let percent = "CalculationPercent";
    let of_lines = |xml: &str| {
        xml.split("ApplicableHeaderTradeAgreement")
            .next()
            .is_some_and(|lines| lines.contains(percent))
    };
    assert!(of_lines(&made(&invoice, Format::FacturX)));
    assert!(!of_lines(&made(&invoice, Format::FacturXBasic)));
    let mut abroad = sample();
    abroad.buyer.vat_id = "FR12999999999".into();
    abroad.buyer.address.country = "FR".into();
    for line in &mut abroad.lines {
        line.vat = exempt(VatCategory::IntraCommunity);
    }
    let mut reverse = sample();
    reverse.buyer.vat_id = "ATU12345678".into();
    for line in &mut reverse.lines {
        line.vat = exempt(VatCategory::ReverseCharge);
    }
    for invoice in [invoice, abroad, reverse] {
        for format in Format::ALL {
            let received = read(made(&invoice, format).as_bytes(), "en").expect("readable");
            assert!(received.is_valid(), "{format:?}: {:#?}", received.problems);
        }
    }
}

#[test]
fn what_others_got_wrong_is_told_and_read_all_the_same() {
    let xml = made(&sample(), Format::FacturX);
    let wrong = xml.replace(
        "<ram:GrandTotalAmount>957.69</ram:GrandTotalAmount>",
        "<ram:GrandTotalAmount>958.69</ram:GrandTotalAmount><ram:GrandTotalAmount>1.00</ram:GrandTotalAmount>",
    );
    assert_ne!(wrong, xml);
    let received = read(wrong.as_bytes(), "en").expect("readable");
    assert!(!received.is_valid());
    let codes: Vec<&str> = received
        .problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    assert!(codes.contains(&"einvoice_sum"), "{codes:?}");
    assert!(codes.contains(&"einvoice_duplicate"), "{codes:?}");
    assert_eq!(payable(&received), "957.69 EUR");
}

#[test]
fn what_is_no_invoice_says_why() {
    let why = |xml: &[u8]| read(xml, "en").expect_err("no invoice");
    assert!(matches!(why(b"<html/>"), Unreadable::NotAnInvoice { .. }));
    assert!(matches!(why(b"<a><b></a>"), Unreadable::NotXml { .. }));
    assert!(matches!(why(b"\xff\xff"), Unreadable::Encoding { .. }));
    let mut large = b"<a>".to_vec();
    large.resize(MAX_BYTES + 1, b' ');
    assert_eq!(why(&large), Unreadable::TooLarge);
    // Neither entities that become very many nor files of this machine.
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
    assert!(matches!(why(bomb.as_bytes()), Unreadable::NotXml { .. }));
    let file = "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>";
    assert!(matches!(why(file.as_bytes()), Unreadable::NotXml { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_file_makes_reading_panic(
        format in prop::sample::select(Format::ALL.to_vec()),
        at in any::<prop::sample::Index>(),
        length in 0_usize..60,
        put in "[<>/&;\"a-z0-9:. -]{0,20}",
    ) {
        let xml: Vec<char> = made(&sample(), format).chars().collect();
        let at = at.index(xml.len());
        let behind = (at + length).min(xml.len());
        let changed: String = xml[..at].iter().copied().chain(put.chars()).chain(xml[behind..].iter().copied()).collect();
        let _ = read(changed.as_bytes(), "en");
    }
}
