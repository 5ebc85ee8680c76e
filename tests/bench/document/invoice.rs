//! The invoice that every engine lays out: the same data as typed values for ours, and as texts for those that only place them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

/// Latin with diacritics, Greek, Cyrillic, Chinese, Japanese and Arabic; some need two lines.
const DESCRIPTIONS: [&str; 12] = [
    "Łódź – Wrocław, second class, seat reserved",
    "Küstenwanderung mit Picknick und Rückfahrt",
    "Guided walk through the old town, with breakfast, transfers, a guide for the day and all entrance fees",
    "古城徒步游览，含导游、午餐与门票",
    "Harbour cruise at sunset",
    "جولة في المدينة القديمة مع مرشد",
    "Ξενάγηση στην Ακρόπολη με μεταφορά",
    "Déjeuner sur l’île, café compris",
    "Guided walk through the old town, with breakfast, transfers, a guide for the day and all entrance fees",
    "京都寺院半日游与抹茶体験",
    "Обзорная экскурсия по городу",
    "عشاء على متن القارب عند الغروب",
];
/// Percent of VAT.
const RATES: [usize; 2] = [19, 7];

/// No two invoices are alike, nor are two rows of one: nobody is to be fast by what it remembers of the one before.
pub(super) struct Invoice {
    /// Values of the template's fields, as JSON.
    pub(super) values: String,
    /// The same with numbers, amounts and dates as people read them.
    pub(super) shown: Json,
    /// What must be read on its pages: the first row, the last one, the total.
    pub(super) proofs: [String; 3],
}

/// Our template, with its picture.
pub(super) fn template() -> anyhow::Result<Json> {
    let text = with_logo(include_str!("invoice.json"));
    Ok(serde_json::from_str(&text)?)
}

/// The source with the picture where it says `LOGO`, in base64.
pub(super) fn with_logo(source: &str) -> String {
    source.replace("LOGO", &STANDARD.encode(include_bytes!("logo.png")))
}

pub(super) fn several(rows: usize, count: usize) -> Vec<Invoice> {
    (1..=count).map(|number| make(rows, number)).collect()
}

pub(super) fn make(rows: usize, number: usize) -> Invoice {
    let (mut lines, mut shown, mut nets) = (Vec::new(), Vec::new(), [0, 0]);
    for row in 1..=rows {
        let (quantity, price) = (row % 7 + 1, 1_250 + (row * 37 + number * 11) % 9_000);
        let kind = usize::from(row.is_multiple_of(4));
        let (rate, amount) = (RATES[kind], quantity * price);
        nets[kind] += amount;
        let code = code(number, row);
        let description = format!(
            "{} ({number}.{row})",
            DESCRIPTIONS[row % DESCRIPTIONS.len()]
        );
        shown.push(
            json!({"code": code, "description": description, "quantity": quantity.to_string(),
            "unit_price": grouped(price), "rate": format!("{rate}%"), "amount": grouped(amount)}),
        );
        lines.push(
            json!({"code": code, "description": description, "quantity": quantity,
            "unit_price": money(price), "rate": rate.to_string(), "amount": money(amount)}),
        );
    }
    let taxes: Vec<(usize, usize, usize)> = RATES
        .into_iter()
        .zip(nets)
        .map(|(rate, net)| (rate, net, (net * rate + 50) / 100))
        .collect();
    let net: usize = nets.iter().sum();
    let total = net + taxes.iter().map(|(_, _, tax)| tax).sum::<usize>();
    let mut values = json!({
        "number": format!("NR-2027-{number:04}"), "customer": "Brandt & Söhne GmbH",
        "address": "Herr Jonas Brandt\nHafenstraße 12\n24103 Kiel",
        "note": "Thank you for travelling with us. It was a pleasure to plan the days on the coast for your team, and we look forward to \
                 the next ones.",
    });
    let mut texts = values.clone();
    values["date"] = "2027-03-08".into();
    values["due"] = "2027-03-22".into();
    values["lines"] = lines.into();
    values["net"] = money(net);
    values["taxes"] = taxes
        .iter()
        .map(|(rate, net, tax)| json!({"rate": rate.to_string(), "net": money(*net), "tax": money(*tax)}))
        .collect();
    values["total"] = money(total);
    texts["date"] = "8 March 2027".into();
    texts["due"] = "22 March 2027".into();
    texts["lines"] = shown.into();
    texts["net"] = euro(net).into();
    texts["taxes"] = taxes
        .iter()
        .map(|(rate, net, tax)| json!({"rate": format!("{rate}%"), "net": euro(*net), "tax": euro(*tax)}))
        .collect();
    texts["total"] = euro(total).into();
    Invoice {
        values: values.to_string(),
        shown: texts,
        proofs: [code(number, 1), code(number, rows), grouped(total)],
    }
}

fn code(number: usize, row: usize) -> String {
    format!("{number:04}{row:05}")
}

fn money(cents: usize) -> Json {
    json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR"})
}

fn euro(cents: usize) -> String {
    format!("€{}", grouped(cents))
}

/// `1,485.00`
fn grouped(cents: usize) -> String {
    let whole = (cents / 100).to_string();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}.{:02}", cents % 100)
}
