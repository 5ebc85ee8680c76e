//! Whether the pages of an invoice say what the XML within says. Both are the invoice: where they differ, its seller owes the VAT of either.

use engine::{
    node::NodeError,
    value::{Money, Record, Value, currency_decimals},
};

/// The zeros of the figures in which languages write numbers: Latin, Arabic, Persian, Devanagari, Bengali and wide ones.
const ZEROS: [char; 6] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];

/// An error where the pages show another number than the invoice's, or neither what it comes to nor what is left to pay.
pub(super) fn check(pages: &str, invoice: &Value) -> Result<(), NodeError> {
    let Value::Record(invoice) = invoice else {
        return Ok(());
    };
    let number = match invoice.get("number") {
        Some(Value::Text(number)) => number.as_str(),
        _ => "",
    };
    if !compact(pages).contains(&compact(number)) {
        let message = format!(
            "The e-invoice was not put into the PDF, because its number, {number}, is not on the pages. Fill both with the same number."
        );
        return Err(NodeError::failed("einvoice_number_differs", message).with("number", number));
    }
    let (total, payable) = (amount(invoice, "gross"), amount(invoice, "payable"));
    let Some(total) = total else { return Ok(()) };
    let lines: Vec<String> = pages.lines().map(figures).collect();
    let is_shown = |money: &Money| {
        let wanted = figures(&written(money));
        lines.iter().any(|line| line.contains(&wanted))
    };
    if [Some(total), payable].into_iter().flatten().any(is_shown) {
        return Ok(());
    }
    let total = written(total);
    let message = format!(
        "The e-invoice was not put into the PDF, because its total, {total}, is not on the pages. Let both be made of the same lines, prices and payments."
    );
    Err(NodeError::failed("einvoice_total_differs", message).with("total", total))
}

fn amount<'a>(invoice: &'a Record, name: &str) -> Option<&'a Money> {
    match invoice.get("totals") {
        Some(Value::Record(totals)) => match totals.get(name) {
            Some(Value::Money(money)) => Some(money),
            _ => None,
        },
        _ => None,
    }
}

fn written(money: &Money) -> String {
    let decimals = currency_decimals(&money.currency) as usize;
    format!("{:.decimals$} {}", money.amount, money.currency)
}

/// The digits alone: languages group and divide them in their own ways.
fn figures(text: &str) -> String {
    let digit = |letter: char| {
        let value = ZEROS.iter().find_map(|zero| {
            let value = u32::from(letter).checked_sub(u32::from(*zero))?;
            (value < 10).then_some(value)
        });
        char::from_digit(value?, 10)
    };
    text.chars().filter_map(digit).collect()
}

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_the_number_and_the_total_in_any_language() {
        let money = |amount: &str| {
            Value::Money(Money {
                amount: amount.parse().expect("an amount"),
                currency: "EUR".into(),
            })
        };
        let record = |members: [(&str, Value); 2]| {
            let members = members.map(|(name, value)| (name.to_owned(), value));
            Value::Record(Record::from_iter(members))
        };
        let totals = record([("gross", money("4349.14")), ("payable", money("3349.14"))]);
        let invoice = record([
            ("number", Value::Text("R 2027-17".into())),
            ("totals", totals),
        ]);
        let check = |pages: &str, expected: Option<&str>| {
            let code = match check(pages, &invoice) {
                Err(NodeError::Failed(error)) => Some(error.code),
                Err(other) => panic!("{other:?}"),
                Ok(()) => None,
            };
            assert_eq!(code.as_deref(), expected, "{pages}");
        };
        check("Invoice R 2027-17\n€4,349.14", None);
        check("Rechnung R\u{a0}2027-17\nZu zahlen 3.349,14 €", None);
        check("R 2027-\n17 : 4\u{202f}349,14 €", None);
        check("R 2027-17\n٤٬٣٤٩٫١٤", None);
        check("R 2027-18\n4,349.14", Some("einvoice_number_differs"));
        check("R 2027-17\n4,320.75", Some("einvoice_total_differs"));
        check("R 2027-17\n4,349\n14", Some("einvoice_total_differs"));
    }
}
