//! The shipped documents: each is sound in every language, says all of it in that language, and draws its sample without a warning and with
//! the right amounts, whoever the firm is.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, LazyLock},
};

use document::{Assets, Context, FontBytes, Limits, Rendered, Renderer, Template};
use engine::{firm::Firm, value::Value};
use serde_json::Value as Json;

use super::{head, json_files, text};

/// What each page must say, worked out by hand: sums as they are paid, dates as they are written.
const EXPECTED: &[(&str, &str, &[&str])] = &[
    (
        "invoice",
        "en",
        &["€5,079.68", "€4,079.68", "22 March 2027"],
    ),
    (
        "invoice",
        "de",
        &["5.079,68 €", "4.079,68 €", "22. März 2027", "„Alles blüht“"],
    ),
    (
        "invoice",
        "fr",
        &["5 069,10 €", "4 069,10 €", "7 avril 2027", "40 €"],
    ),
    (
        "invoice",
        "zh-CN",
        &["¥36,128.40", "¥28,128.40", "2027年3月22日"],
    ),
    (
        "credit-note",
        "en",
        &["€274.71", "2027-0184", "8 March 2027"],
    ),
    (
        "credit-note",
        "de",
        &["274,71 €", "2027-0184", "8. März 2027"],
    ),
    (
        "credit-note",
        "fr",
        &["272,58 €", "2027-0184", "8 mars 2027"],
    ),
    (
        "credit-note",
        "zh-CN",
        &["¥2,048.70", "2027-0184", "2027年3月8日"],
    ),
    ("quote", "en", &["€6,234.20", "€240.00", "9 April 2027"]),
    ("quote", "de", &["6.234,20 €", "240,00 €", "9. April 2027"]),
    ("quote", "fr", &["6 216,20 €", "240,00 €", "9 avril 2027"]),
    (
        "quote",
        "zh-CN",
        &["¥33,282.40", "¥1,800.00", "2027年4月9日"],
    ),
    (
        "itinerary",
        "en",
        &["€2,486.00", "Saturday, 15 May 2027", "Rossio station"],
    ),
    (
        "itinerary",
        "de",
        &["2.486,00 €", "Samstag, 15. Mai 2027", "Bahnhof Rossio"],
    ),
    (
        "itinerary",
        "fr",
        &["2 486,00 €", "samedi 15 mai 2027", "Gare du Rossio"],
    ),
    (
        "itinerary",
        "zh-CN",
        &["¥19,800.00", "2027年5月15日星期六", "罗西乌火车站"],
    ),
    ("letter", "en", &["8 March 2027", "Kind regards,"]),
    ("letter", "de", &["8. März 2027", "Mit freundlichen Grüßen"]),
    ("letter", "fr", &["8 mars 2027", "salutations distinguées"]),
    ("letter", "zh-CN", &["2027年3月8日", "尊敬的周先生："]),
    ("report", "en", &["€157,020.00", "10.5%", "€474.38"]),
    ("report", "de", &["157.020,00 €", "10,5 %", "474,38 €"]),
    ("report", "fr", &["157 020,00 €", "10,5 %", "474,38 €"]),
    ("report", "zh-CN", &["¥157,020.00", "10.5%", "¥474.38"]),
    ("certificate", "en", &["Zoë Müller-Łukasz", "3 March 2027"]),
    ("certificate", "de", &["Zoë Müller-Łukasz", "3. März 2027"]),
    ("certificate", "fr", &["Zoé Lemaître", "3 mars 2027"]),
    ("certificate", "zh-CN", &["陈晓明", "2027年3月3日"]),
    ("packing-list", "en", &["34.35", "37.60", "PL-2027-0311"]),
    ("packing-list", "de", &["34,35", "37,60", "PL-2027-0311"]),
    ("packing-list", "fr", &["34,35", "37,60", "PL-2027-0311"]),
    ("packing-list", "zh-CN", &["34.35", "37.60", "PL-2027-0311"]),
];

/// By language: what it says of each document and in it.
type Messages = BTreeMap<String, Json>;

struct Shipped {
    name: String,
    language: String,
    template: Json,
}

fn messages() -> Messages {
    json_files("templates/messages").into_iter().collect()
}

fn words(entry: &Json) -> BTreeMap<String, String> {
    serde_json::from_value(entry["texts"].clone()).unwrap_or_default()
}

/// Every document in every language.
fn shipped() -> Vec<Shipped> {
    let (files, messages) = (json_files("templates"), messages());
    let mut shipped = Vec::new();
    for (language, said) in &messages {
        for (name, template) in &files {
            let entry = &said[name];
            assert!(entry["title"].is_string(), "{language} lacks {name}");
            let sample = entry.get("sample");
            shipped.push(Shipped {
                name: name.clone(),
                language: language.clone(),
                template: document::translate(template, language, &words(entry), sample),
            });
        }
    }
    assert_eq!(shipped.len(), 32);
    shipped
}

/// What is within `{{ }}`, in order of the alphabet: another language may name values in another order.
fn holes(text: &str) -> Vec<&str> {
    let mut holes: Vec<&str> = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split("}}").next())
        .collect();
    holes.sort_unstable();
    holes
}

#[test]
fn every_text_is_said_in_every_language_and_nothing_else_is() {
    let messages = messages();
    for (name, template) in json_files("templates") {
        assert_eq!(template["language"], "en", "{name}");
        let texts: BTreeSet<String> = document::texts(&template).into_iter().collect();
        for (language, said) in messages.iter().filter(|(language, _)| *language != "en") {
            let words = words(&said[&name]);
            let known: BTreeSet<String> = words.keys().cloned().collect();
            let (missing, unused): (Vec<_>, Vec<_>) = (
                texts.difference(&known).collect(),
                known.difference(&texts).collect(),
            );
            assert!(missing.is_empty(), "{name} in {language}: {missing:#?}");
            assert!(unused.is_empty(), "{name} in {language}: {unused:#?}");
            for (text, other) in &words {
                assert_eq!(holes(text), holes(other), "{name} in {language}: {other}");
            }
        }
    }
}

#[test]
fn every_document_is_sound_and_has_a_sample_of_its_own() {
    for shipped in shipped() {
        let which = format!("{} in {}", shipped.name, shipped.language);
        let template = Template::parse(&shipped.template)
            .unwrap_or_else(|problems| panic!("{which}: {problems:#?}"));
        assert_eq!(template.check(), [], "{which}");
        for field in template.fields() {
            assert!(
                field.optional || template.sample().contains_key(&field.name),
                "{which} shows no {}",
                field.name
            );
        }
    }
}

#[test]
fn every_sample_is_drawn_without_a_warning_and_with_the_right_amounts() {
    for shipped in shipped() {
        let which = format!("{} in {}", shipped.name, shipped.language);
        for firm in [head::firm(), Firm::default()] {
            let rendered = draw(&shipped.template, &firm);
            assert_eq!(rendered.warnings, [], "{which}");
            let page = text(&rendered);
            let mut expected = EXPECTED.iter();
            let expected = expected
                .find(|(name, language, _)| *name == shipped.name && *language == shipped.language);
            let (.., expected) = expected.unwrap_or_else(|| panic!("what {which} says"));
            for shown in *expected {
                assert!(page.contains(*shown), "{which}: {shown} in {page}");
            }
            assert!(page.contains(&firm.name), "{which}: {page}");
        }
    }
}

#[test]
fn a_price_of_four_decimals_is_printed_with_all_of_them() {
    let priced = ["invoice", "credit-note", "quote"];
    for mut shipped in shipped() {
        if shipped.language != "en" || !priced.contains(&shipped.name.as_str()) {
            continue;
        }
        let line = &mut shipped.template["sample"]["lines"][0];
        line["quantity"] = "1000".into();
        line["unit_price"]["amount"] = "0.0834".into();
        let rendered = draw(&shipped.template, &head::firm());
        assert_eq!(rendered.warnings, [], "{}", shipped.name);
        let page = text(&rendered);
        for shown in ["0.0834", "83.40"] {
            assert!(page.contains(shown), "{}: {shown} in {page}", shipped.name);
        }
    }
}

/// Not where the bank of the account wants a reference of its own.
#[test]
fn an_invoice_of_a_swiss_firm_ends_with_its_qr_bill() {
    let words = [
        ("en", "Payment part"),
        ("de", "Zahlteil"),
        ("fr", "Section paiement"),
    ];
    let firm = |iban: &str| Firm {
        post_code: "3003".into(),
        city: "Bern".into(),
        country: "CH".into(),
        iban: iban.into(),
        ..head::firm()
    };
    for (language, title) in words {
        let shipped = shipped()
            .into_iter()
            .find(|shipped| shipped.name == "invoice" && shipped.language == language)
            .expect("the invoice");
        for (iban, has_bill) in [
            ("CH9300762011623852957", true),
            ("CH4431999123000889012", false),
        ] {
            let rendered = draw(&shipped.template, &firm(iban));
            assert_eq!(rendered.warnings, [], "{language}: {iban}");
            let found = text(&rendered).contains(title);
            assert_eq!(found, has_bill, "{language}: {iban}");
        }
    }
}

/// With its own sample; whoever asks speaks another language.
fn draw(template: &Json, firm: &Firm) -> Rendered {
    static RENDERER: LazyLock<Renderer> = LazyLock::new(|| {
        let folder = Path::new("/usr/share/fonts/opentype/noto");
        let names = [
            "NotoSansCJK-Regular.ttc",
            "NotoSansCJK-Bold.ttc",
            "NotoSerifCJK-Regular.ttc",
        ];
        let files = names.iter().map(|name| {
            let file = std::fs::read(folder.join(name));
            Arc::new(file.expect("fonts-noto-cjk is installed")) as FontBytes
        });
        Renderer::new(Box::new(files.collect::<Vec<FontBytes>>()))
    });
    let template = Template::parse(template).expect("a template");
    let Value::Record(firm) = firm.to_value() else {
        panic!("a firm is a record")
    };
    let context = Context {
        locale: "pl".into(),
        currency: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        firm,
    };
    let sample = template.sample().clone();
    RENDERER
        .render(
            &template,
            &sample,
            &context,
            &Assets::default(),
            &Limits::default(),
        )
        .expect("a document")
}
