//! Payment codes on the page: the payment part of a Swiss QR-bill, and what is told of codes that cannot be read or are cut.

use document::{Rendered, Template};
use serde_json::{Value as Json, json};

use super::{assert_on_paper, context, places, render, renderer, template, text, tool, values};

/// A bill to nobody in particular, without a reference.
pub(crate) fn bill(iban: &str) -> Json {
    json!({"id": "bill", "type": "swiss_bill", "iban": iban, "currency": "CHF",
        "creditor": {"name": "Bergbahn AG", "street": "Seeweg", "building": "7", "post_code": "8000", "city": "Zürich", "country": "CH"}})
}

fn in_language(parts: Json, locale: &str) -> Rendered {
    let template = template(parts);
    let context = document::Context {
        locale: locale.into(),
        ..context()
    };
    let values = values(&template, &json!({}));
    renderer()
        .render(
            &template,
            &values,
            &context,
            &document::Assets::default(),
            &document::Limits::default(),
        )
        .expect("a document")
}

/// Where the words stand on a page, in millimetres from its top.
fn top_of(rendered: &Rendered, page: usize, words: &str) -> f32 {
    let number = (page + 1).to_string();
    let page = number.as_str();
    let boxes = tool(
        rendered,
        &["pdftotext", "-bbox", "-f", page, "-l", page, "FILE", "-"],
    );
    let line = boxes
        .lines()
        .find(|line| line.contains(&format!(">{words}<")))
        .unwrap_or_else(|| panic!("{words} in {boxes}"));
    let (_, rest) = line.split_once("yMin=\"").expect("a place");
    let points: f32 = rest
        .split('"')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a number");
    points / 72.0 * 25.4
}

fn problems(parts: Json) -> Vec<(String, String)> {
    let mut json = json!({"format": "formwork-document/1", "title": "T"});
    let (Some(object), Json::Object(parts)) = (json.as_object_mut(), parts) else {
        panic!("an object");
    };
    object.extend(parts);
    let problems = Template::parse(&json).expect_err("problems");
    problems
        .into_iter()
        .map(|problem| (problem.pointer, problem.code))
        .collect()
}

#[test]
fn a_bill_has_its_receipt_and_its_payment_part() {
    let mut block = bill("CH4431999123000889012");
    block["amount"] = json!("{{ 1949.75 }}");
    block["reference"] = json!("21000000000313947143000901");
    block["message"] = json!("Season ticket");
    block["billing"] = json!("//S1/10/4711");
    block["debtor"] = json!({"name": "Rosa Meier", "street": "Hafenstrasse 12", "post_code": "88131", "city": "Lindau", "country": "DE"});
    for (locale, words) in [
        (
            "en",
            [
                "Receipt",
                "Payment part",
                "Acceptance point",
                "Account / Payable to",
                "Payable by",
            ],
        ),
        (
            "de-CH",
            [
                "Empfangsschein",
                "Zahlteil",
                "Annahmestelle",
                "Konto / Zahlbar an",
                "Zahlbar durch",
            ],
        ),
        (
            "fr-CH",
            [
                "Récépissé",
                "Section paiement",
                "Point de dépôt",
                "Compte / Payable à",
                "Payable par",
            ],
        ),
        (
            "it-CH",
            [
                "Ricevuta",
                "Sezione pagamento",
                "Punto di accettazione",
                "Conto / Pagabile a",
                "Pagabile da",
            ],
        ),
        // What the guidelines have no words for reads English.
        (
            "pl",
            [
                "Receipt",
                "Payment part",
                "Acceptance point",
                "Account / Payable to",
                "Payable by",
            ],
        ),
    ] {
        let rendered = in_language(json!({"blocks": [block]}), locale);
        assert_eq!(rendered.warnings, [], "{locale}");
        assert_eq!(rendered.pages.len(), 1);
        let found = rendered.text(0).expect("a page");
        for word in words {
            assert!(found.contains(word), "{word} in {found}");
        }
        for (word, times) in [
            ("CH44 3199 9123 0008 8901 2", 2),
            ("21 00000 00003 13947 14300 09017", 2),
            ("1 949.75", 2),
            ("Seeweg 7", 2),
            ("8000 Zürich", 2),
            ("DE-88131 Lindau", 2),
            ("Season ticket", 1),
            ("//S1/10/4711", 1),
        ] {
            assert_eq!(found.matches(word).count(), times, "{word} in {found}");
        }
        assert_on_paper(&rendered);
        assert!((top_of(&rendered, 0, words[0]) - 197.0).abs() < 1.5);
        let fonts = tool(&rendered, &["pdffonts", "FILE"]);
        assert!(fonts.contains("+LiberationSans-Bold"), "{fonts}");
        let objects = tool(&rendered, &["qpdf", "--qdf", "FILE", "-"]);
        assert!(objects.contains("/Alt (Swiss QR Code)"));
    }
}

#[test]
fn what_is_filled_in_by_hand_has_corners() {
    let corners = |block: &Json| {
        let rendered = render(json!({"blocks": [block]}), &json!({}));
        assert_eq!(rendered.warnings, []);
        let svg = rendered.svg(0).expect("a page");
        let found = rendered.text(0).expect("a page");
        let by_hand = found.matches("Payable by (name/address)").count();
        (svg.matches(r#"stroke-width="0.75""#).count(), by_hand)
    };
    let mut block = bill("CH5800791123000889012");
    block["separation"] = json!("words");
    assert_eq!(corners(&block), (4, 2));
    block["amount"] = json!("{{ 5 }}");
    assert_eq!(corners(&block), (2, 2));
    block["separation"] = json!("scissors");
    // The handles of two pairs of scissors.
    assert_eq!(corners(&block), (4, 2));
}

#[test]
fn a_bill_stands_at_the_foot_of_its_page_below_the_footer() {
    let paragraph = |number: usize| json!({"id": format!("t{number}"), "type": "text", "text": format!("Paragraph {number}")});
    let parts = |count: usize| {
        let mut blocks: Vec<Json> = (0..count).map(paragraph).collect();
        blocks.push(bill("CH5800791123000889012"));
        blocks.push(json!({"id": "terms", "type": "text", "text": "Terms"}));
        json!({"blocks": blocks, "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]}})
    };
    for (count, pages) in [(3, 2), (25, 3)] {
        let rendered = render(parts(count), &json!({}));
        assert_eq!(rendered.warnings, []);
        assert_eq!(rendered.pages.len(), pages, "{count}");
        assert_on_paper(&rendered);
        let bill = pages - 2;
        assert!((top_of(&rendered, bill, "Receipt") - 197.0).abs() < 1.5);
        let footer = top_of(&rendered, bill, "Page");
        assert!((170.0..187.0).contains(&footer), "{footer}");
        // What follows begins a new page, whose footer is where it always is.
        assert!(rendered.text(pages - 1).expect("a page").contains("Terms"));
        assert!(top_of(&rendered, pages - 1, "Page") > 270.0);
    }
}

#[test]
fn a_bill_that_no_bank_could_read_is_none_and_says_why() {
    let codes = |change: &dyn Fn(&mut Json)| -> Vec<String> {
        let mut block = bill("CH5800791123000889012");
        change(&mut block);
        let rendered = render(json!({"blocks": [block]}), &json!({}));
        assert_eq!(text(&rendered), "");
        let warnings = rendered.warnings.into_iter();
        warnings
            .inspect(|warning| assert_eq!(warning.location, "bill"))
            .map(|warning| warning.code)
            .collect()
    };
    assert_eq!(
        codes(&|block| {
            block["iban"] = json!("DE02120300000000202051");
            block["creditor"]["city"] = json!("東京");
        }),
        ["payment_account", "payment_letter"]
    );
    assert_eq!(
        codes(&|block| block["amount"] = json!("{{ firm.name }}")),
        ["not_a_number"]
    );
    assert_eq!(
        codes(&|block| block["currency"] = json!("USD")),
        ["payment_currency"]
    );
}

#[test]
fn a_bill_has_its_own_place_and_paper() {
    let bill = bill("CH5800791123000889012");
    let place = |pointer: &str| (pointer.to_owned(), "bill_place".to_owned());
    let boxed = json!({"id": "box", "type": "box", "blocks": [bill]});
    let parts =
        json!({"blocks": [{"id": "r", "type": "repeat", "list": "{{ [1] }}", "blocks": [boxed]}]});
    assert_eq!(problems(parts), [place("/blocks/0/blocks/0/blocks/0")]);
    let parts = json!({"footer": {"first": [bill]}});
    assert_eq!(problems(parts), [place("/footer/first/0")]);
    let parts = json!({"page": {"size": "A5"}, "blocks": [bill]});
    assert_eq!(problems(parts), [place("/blocks/0")]);
    let parts = json!({"blocks": [{"id": "a", "type": "swiss_bill", "iban": "x"}]});
    let missing = ("/blocks/0/creditor".to_owned(), "missing".to_owned());
    assert_eq!(problems(parts), [missing]);
    let qr = json!({"id": "a", "type": "qr", "payment": {"name": "N", "iban": "x", "amount": "{{ 1 }}", "reference": "a", "creditor_reference": "b"}});
    let both = (
        "/blocks/0/payment".to_owned(),
        "payment_references".to_owned(),
    );
    assert_eq!(problems(json!({"blocks": [qr]})), [both]);
}

#[test]
fn a_text_that_a_payment_code_cuts_is_told() {
    let parts = json!({"blocks": [{"id": "a", "type": "qr", "payment": {
        "name": "{{ firm.name }}", "iban": "{{ firm.iban }}", "amount": "{{ 1 }}", "reference": "x".repeat(141)}}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(places(&rendered), [("payment_text_cut", "a", Some(1))]);
    assert_eq!(rendered.warnings[0].params["letters"], 141);
}
