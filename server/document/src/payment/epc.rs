//! The text of a SEPA credit transfer QR code, in some countries `GiroCode` (EPC069-12, version 002).

use engine::{firm::is_bic, format::round, node::Warning};
use rust_decimal::Decimal;

use super::{
    check_amount, compact, creditor_reference, iban, keep, missing, no_currency, one_line,
    too_large,
};

/// Letters that the fields hold, and bytes of the whole.
const NAME: usize = 70;
const TEXT: usize = 140;
const PAYLOAD: usize = 331;

/// What a banking app needs to fill in a transfer.
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) name: &'a str,
    pub(crate) iban: &'a str,
    pub(crate) bic: &'a str,
    pub(crate) amount: Decimal,
    pub(crate) currency: &'a str,
    /// Four letters of ISO 20022, such as `GDDS`; blank without one.
    pub(crate) purpose: &'a str,
    /// Structured; at most one of this and `text` is given.
    pub(crate) reference: &'a str,
    pub(crate) text: &'a str,
}

/// The payload, and what was cut of its texts; or all that keeps it from being one.
pub(crate) fn epc(transfer: &Transfer<'_>) -> Result<(String, Vec<Warning>), Vec<Warning>> {
    let (mut wrong, mut cut) = (Vec::new(), Vec::new());
    let iban = keep(iban(transfer.iban), &mut wrong);
    let bic = keep(bic(transfer.bic), &mut wrong);
    let purpose = keep(purpose(transfer.purpose), &mut wrong);
    if transfer.currency != "EUR" {
        wrong.push(no_currency(transfer.currency, "EUR"));
    }
    let amount = round(transfer.amount, 2);
    keep(check_amount(amount), &mut wrong);
    let name = limited(transfer.name, ("the name of the payee", NAME), &mut cut);
    if name.is_empty() {
        wrong.push(missing("the name of the payee"));
    }
    let reference = if transfer.reference.trim().is_empty() {
        String::new()
    } else {
        keep(creditor_reference(transfer.reference), &mut wrong)
    };
    let text = limited(transfer.text, ("the text for the payee", TEXT), &mut cut);
    // Service tag, version, UTF-8, SEPA credit transfer, BIC, name, IBAN, amount, purpose, structured reference, text.
    let payload = format!(
        "BCD\n002\n1\nSCT\n{bic}\n{name}\n{iban}\nEUR{amount:.2}\n{purpose}\n{reference}\n{text}"
    );
    if payload.len() > PAYLOAD {
        wrong.push(too_large());
    }
    if wrong.is_empty() {
        Ok((payload, cut))
    } else {
        Err(wrong)
    }
}

fn bic(text: &str) -> Result<String, Warning> {
    let bic = compact(text);
    if bic.is_empty() || is_bic(&bic) {
        return Ok(bic);
    }
    let message = format!("`{bic}` is not a BIC, so there is no payment code");
    Err(Warning::new("payment_bic", message).with("bic", bic))
}

fn purpose(text: &str) -> Result<String, Warning> {
    let purpose = compact(text).to_ascii_uppercase();
    if purpose.len() <= 4 && purpose.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(purpose);
    }
    let message = format!("`{purpose}` is not a purpose of at most four letters, such as GDDS");
    Err(Warning::new("payment_purpose", message).with("purpose", purpose))
}

/// As much of a text as the code holds.
fn limited(text: &str, (part, most): (&str, usize), cut: &mut Vec<Warning>) -> String {
    let line = one_line(text);
    let letters = line.chars().count();
    if letters <= most {
        return line;
    }
    let message =
        format!("{part} has {letters} letters, of which the payment code holds the first {most}");
    cut.push(
        Warning::new("payment_text_cut", message)
            .with("part", part)
            .with("most", most)
            .with("letters", letters),
    );
    let kept: String = line.chars().take(most).collect();
    kept.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORTH: Transfer<'_> = Transfer {
        name: "Nordlicht  Reisen",
        iban: "DE02 1203 0000 0000 2020 51",
        bic: "",
        amount: Decimal::ONE,
        currency: "EUR",
        purpose: "",
        reference: "",
        text: "NR-1",
    };

    #[track_caller]
    fn check(transfer: &Transfer<'_>, expected: &str) {
        let (payload, cut) = epc(transfer).expect("a payload");
        assert_eq!(payload, expected);
        assert_eq!(cut, []);
    }

    #[track_caller]
    fn check_wrong(transfer: &Transfer<'_>, expected: &[&str]) {
        let wrong = epc(transfer).expect_err("no payload");
        let codes: Vec<&str> = wrong.iter().map(|warning| warning.code.as_str()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn writes_the_payload_of_epc069_12() {
        check(
            &Transfer {
                amount: Decimal::new(14855, 1),
                ..NORTH
            },
            "BCD\n002\n1\nSCT\n\nNordlicht Reisen\nDE02120300000000202051\nEUR1485.50\n\n\nNR-1",
        );
        check(
            &Transfer {
                bic: "BYLADEM1001",
                // Rounded as amounts are that are printed.
                amount: Decimal::new(10_005, 3),
                purpose: "gdds",
                reference: "RF18 5390 0754 7034",
                text: "",
                ..NORTH
            },
            "BCD\n002\n1\nSCT\nBYLADEM1001\nNordlicht Reisen\nDE02120300000000202051\nEUR10.01\nGDDS\nRF18539007547034\n",
        );
    }

    #[test]
    fn long_texts_are_cut_and_told() {
        let (name, text) = ("n".repeat(71), "Invoice ".repeat(20));
        let (payload, cut) = epc(&Transfer {
            name: &name,
            text: &text,
            ..NORTH
        })
        .expect("a payload");
        assert!(payload.contains(&format!("\n{}\n", "n".repeat(70))));
        let line = payload.lines().last().expect("a text");
        assert_eq!(line.chars().count(), 140);
        let told: Vec<(&str, u64)> = cut
            .iter()
            .map(|warning| {
                let letters = warning.params["letters"].as_u64().expect("a number");
                (warning.code.as_str(), letters)
            })
            .collect();
        assert_eq!(told, [("payment_text_cut", 71), ("payment_text_cut", 159)]);
    }

    #[test]
    fn says_all_that_keeps_it_from_being_a_code() {
        check_wrong(
            &Transfer {
                name: " ",
                iban: "",
                currency: "USD",
                amount: Decimal::ZERO,
                bic: "X",
                purpose: "GIFTS",
                reference: "RF00 1",
                ..NORTH
            },
            &[
                "payment_missing",
                "payment_bic",
                "payment_purpose",
                "payment_currency",
                "payment_amount",
                "payment_missing",
                "payment_reference",
            ],
        );
        check_wrong(
            &Transfer {
                iban: "DE03120300000000202051",
                amount: Decimal::new(100_000_000_000, 2),
                ..NORTH
            },
            &["payment_iban", "payment_amount"],
        );
        let (name, text) = ("ä".repeat(70), "ä".repeat(140));
        check_wrong(
            &Transfer {
                name: &name,
                text: &text,
                ..NORTH
            },
            &["payment_too_large"],
        );
    }
}
